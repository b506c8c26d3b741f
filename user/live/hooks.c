// SPDX-License-Identifier: GPL-2.0
#include "live/hooks.h"

#include "base/macro.h"

const struct hook_row hook_rows[] = {
	{ HOOK_DIO_BEGIN, FLAVOUR_FENTRY, false, false, "dio_begin_fentry", "__iomap_dio_rw" },
	{ HOOK_DIO_BEGIN, FLAVOUR_TP, false, false, "dio_begin_tp", "iomap_dio_rw_begin" },
	{ HOOK_DIO_BEGIN, FLAVOUR_KPROBE, false, false, "dio_begin_kprobe", "__iomap_dio_rw" },

	{ HOOK_DIO_SUBMIT, FLAVOUR_FENTRY, false, false, "dio_submit_fentry",
	  "iomap_dio_submit_bio" },
	{ HOOK_DIO_SUBMIT, FLAVOUR_TP, false, false, "dio_submit_tp", "block_bio_queue" },
	{ HOOK_DIO_SUBMIT, FLAVOUR_KPROBE, false, false, "dio_submit_kprobe",
	  "iomap_dio_submit_bio" },

	{ HOOK_DIO_DATA_END, FLAVOUR_FENTRY, false, false, "dio_bio_end_fentry",
	  "iomap_dio_bio_end_io" },
	{ HOOK_DIO_DATA_END, FLAVOUR_TP, false, false, "rq_complete_tp", "block_rq_complete" },
	{ HOOK_DIO_DATA_END, FLAVOUR_TP, false, false, "bio_complete_tp", "block_bio_complete" },
	{ HOOK_DIO_DATA_END, FLAVOUR_KPROBE, false, false, "dio_bio_end_kprobe",
	  "iomap_dio_bio_end_io" },

	{ HOOK_DIO_COMPLETE, FLAVOUR_FENTRY, false, false, "dio_complete_fentry",
	  "iomap_dio_complete" },
	{ HOOK_DIO_COMPLETE, FLAVOUR_TP, false, false, "dio_complete_tp", "iomap_dio_complete" },
	{ HOOK_DIO_COMPLETE, FLAVOUR_KPROBE, false, false, "dio_complete_kprobe",
	  "iomap_dio_complete" },

	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, false, "dio_return_fexit", "__iomap_dio_rw" },
	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, true, "ext4_read_return_fexit",
	  "ext4_file_read_iter" },
	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, true, "ext4_write_return_fexit",
	  "ext4_file_write_iter" },
	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, true, "xfs_read_return_fexit",
	  "xfs_file_read_iter" },
	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, true, "xfs_write_return_fexit",
	  "xfs_file_write_iter" },
	{ HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, true, "btrfs_write_return_fexit",
	  "btrfs_file_write_iter" },

	{ HOOK_DIO_INVALIDATE_FAIL, FLAVOUR_TP, false, false, "dio_invalidate_fail_tp",
	  "iomap_dio_invalidate_fail" },
};
const size_t hook_rows_len = ARRAY_SIZE(hook_rows);
_Static_assert(ARRAY_SIZE(hook_rows) <= HOOK_ROWS_MAX, "raise HOOK_ROWS_MAX");

static const struct {
	const char *name;
	const char *meaning;
} hooks[] = {
	[HOOK_DIO_BEGIN] = { "dio-begin", "a direct op begins, its locks taken" },
	[HOOK_DIO_SUBMIT] = { "dio-submit", "a direct op sends its first bio" },
	[HOOK_DIO_DATA_END] = { "dio-data-end", "the last bio of a direct op ends" },
	[HOOK_DIO_COMPLETE] = { "dio-complete", "a direct op is over" },
	[HOOK_DIO_RETURN] = { "dio-return", "a direct op fails before it can complete" },
	[HOOK_DIO_INVALIDATE_FAIL] = { "dio-invalidate-fail", "a direct op falls back" },
};
_Static_assert(ARRAY_SIZE(hooks) == HOOK_COUNT_, "a hook has no name");

static const char *const flavours[] = {
	[FLAVOUR_FENTRY] = "fentry",
	[FLAVOUR_TP] = "tp",
	[FLAVOUR_KPROBE] = "kprobe",
};
_Static_assert(ARRAY_SIZE(flavours) == FLAVOUR_COUNT_, "a flavour has no name");

const char *hook_name(enum hook hook)
{
	return hooks[hook].name;
}

const char *hook_meaning(enum hook hook)
{
	return hooks[hook].meaning;
}

const char *flavour_name(enum flavour flavour)
{
	return flavours[flavour];
}
