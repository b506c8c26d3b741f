// SPDX-License-Identifier: GPL-2.0
#include "live/hooks.h"

#include "base/macro.h"

#include <iorace/op.h>

#include <string.h>

/* Entry and return of one function, where a kretprobe would sleep with the call. */
#define SPAN(begin, end, need, name, target)                                                       \
	{begin, FLAVOUR_FENTRY, false, need, name "_begin_fentry", target},                        \
		{begin, FLAVOUR_KPROBE, false, need, name "_begin_kprobe", target},                \
	{                                                                                          \
		end, FLAVOUR_FENTRY, true, need, name "_end_fexit", target                         \
	}

/* The same with a kretprobe, where nothing else shows the return. */
#define CALL(begin, end, need, name, target)                                                       \
	SPAN(begin, end, need, name, target),                                                      \
	{                                                                                          \
		end, FLAVOUR_KPROBE, true, need, name "_end_kretprobe", target                     \
	}

const struct hook_row hook_rows[] = {
	{HOOK_DIO_BEGIN, FLAVOUR_FENTRY, false, ROW_REQUIRED, "dio_begin_fentry", "__iomap_dio_rw"},
	{HOOK_DIO_BEGIN, FLAVOUR_TP, false, ROW_REQUIRED, "dio_begin_tp", "iomap_dio_rw_begin"},
	{HOOK_DIO_BEGIN, FLAVOUR_KPROBE, false, ROW_REQUIRED, "dio_begin_kprobe", "__iomap_dio_rw"},

	{HOOK_DIO_SUBMIT, FLAVOUR_FENTRY, false, ROW_REQUIRED, "dio_submit_fentry",
	 "iomap_dio_submit_bio"},
	{HOOK_DIO_SUBMIT, FLAVOUR_TP, false, ROW_REQUIRED, "dio_submit_tp", "block_bio_queue"},
	{HOOK_DIO_SUBMIT, FLAVOUR_KPROBE, false, ROW_REQUIRED, "dio_submit_kprobe",
	 "iomap_dio_submit_bio"},

	{HOOK_DIO_DATA_END, FLAVOUR_FENTRY, false, ROW_REQUIRED, "dio_bio_end_fentry",
	 "iomap_dio_bio_end_io"},
	{HOOK_DIO_DATA_END, FLAVOUR_TP, false, ROW_REQUIRED, "rq_complete_tp", "block_rq_complete"},
	{HOOK_DIO_DATA_END, FLAVOUR_TP, false, ROW_REQUIRED, "bio_complete_tp",
	 "block_bio_complete"},
	{HOOK_DIO_DATA_END, FLAVOUR_KPROBE, false, ROW_REQUIRED, "dio_bio_end_kprobe",
	 "iomap_dio_bio_end_io"},

	{HOOK_DIO_COMPLETE, FLAVOUR_FENTRY, false, ROW_REQUIRED, "dio_complete_fentry",
	 "iomap_dio_complete"},
	{HOOK_DIO_COMPLETE, FLAVOUR_TP, false, ROW_REQUIRED, "dio_complete_tp",
	 "iomap_dio_complete"},
	{HOOK_DIO_COMPLETE, FLAVOUR_KPROBE, false, ROW_REQUIRED, "dio_complete_kprobe",
	 "iomap_dio_complete"},

	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_REQUIRED, "dio_return_fexit", "__iomap_dio_rw"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "ext4_read_return_fexit",
	 "ext4_file_read_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "ext4_write_return_fexit",
	 "ext4_file_write_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "xfs_read_return_fexit",
	 "xfs_file_read_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "xfs_write_return_fexit",
	 "xfs_file_write_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "btrfs_write_return_fexit",
	 "btrfs_file_write_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "f2fs_read_return_fexit",
	 "f2fs_file_read_iter"},
	{HOOK_DIO_RETURN, FLAVOUR_FENTRY, true, ROW_FALLBACK, "f2fs_write_return_fexit",
	 "f2fs_file_write_iter"},

	{HOOK_DIO_INVALIDATE_FAIL, FLAVOUR_TP, false, ROW_REQUIRED, "dio_invalidate_fail_tp",
	 "iomap_dio_invalidate_fail"},

	{HOOK_STALE_PAGES, FLAVOUR_FENTRY, true, ROW_REQUIRED, "stale_pages_fexit",
	 "invalidate_inode_pages2_range"},

	CALL(HOOK_DAX_BEGIN, HOOK_DAX_END, ROW_REQUIRED, "dax", "dax_iomap_rw"),
	CALL(HOOK_WRITE_BEGIN, HOOK_WRITE_END, ROW_REQUIRED, "perform_write",
	     "generic_perform_write"),
	CALL(HOOK_WRITE_BEGIN, HOOK_WRITE_END, ROW_REQUIRED, "iomap_write",
	     "iomap_file_buffered_write"),
	CALL(HOOK_READ_BEGIN, HOOK_READ_END, ROW_REQUIRED, "filemap_read", "filemap_read"),
	CALL(HOOK_SPLICE_BEGIN, HOOK_SPLICE_END, ROW_REQUIRED, "splice_read",
	     "filemap_splice_read"),
	CALL(HOOK_SIZE_BEGIN, HOOK_SIZE_END, ROW_REQUIRED, "truncate", "truncate_pagecache"),
	CALL(HOOK_SIZE_BEGIN, HOOK_SIZE_END, ROW_REQUIRED, "drop_range",
	     "truncate_pagecache_range"),
	CALL(HOOK_DAX_FAULT_BEGIN, HOOK_DAX_FAULT_END, ROW_REQUIRED, "dax_fault",
	     "dax_iomap_fault"),
	CALL(HOOK_PAGE_FAULT_BEGIN, HOOK_PAGE_FAULT_END, ROW_OPTIONAL, "iomap_mkwrite",
	     "iomap_page_mkwrite"),
	CALL(HOOK_PAGE_FAULT_BEGIN, HOOK_PAGE_FAULT_END, ROW_OPTIONAL, "ext4_mkwrite",
	     "ext4_page_mkwrite"),
	CALL(HOOK_PAGE_FAULT_BEGIN, HOOK_PAGE_FAULT_END, ROW_OPTIONAL, "btrfs_mkwrite",
	     "btrfs_page_mkwrite"),
	CALL(HOOK_PAGE_FAULT_BEGIN, HOOK_PAGE_FAULT_END, ROW_OPTIONAL, "filemap_mkwrite",
	     "filemap_page_mkwrite"),

	SPAN(HOOK_SPAN_BEGIN, HOOK_SPAN_END, ROW_OPTIONAL, "ext4_read_span", "ext4_file_read_iter"),
	SPAN(HOOK_SPAN_BEGIN, HOOK_SPAN_END, ROW_OPTIONAL, "ext4_write_span",
	     "ext4_file_write_iter"),
	SPAN(HOOK_SPAN_BEGIN, HOOK_SPAN_END, ROW_OPTIONAL, "xfs_read_span", "xfs_file_read_iter"),
	SPAN(HOOK_SPAN_BEGIN, HOOK_SPAN_END, ROW_OPTIONAL, "xfs_write_span", "xfs_file_write_iter"),
	SPAN(HOOK_SIZE_SPAN_BEGIN, HOOK_SIZE_SPAN_END, ROW_REQUIRED, "truncate_span",
	     "do_truncate"),
	SPAN(HOOK_SIZE_SPAN_BEGIN, HOOK_SIZE_SPAN_END, ROW_REQUIRED, "fallocate_span",
	     "vfs_fallocate"),
	SPAN(HOOK_SIZE_SPAN_BEGIN, HOOK_SIZE_SPAN_END, ROW_OPTIONAL, "remap_span",
	     "xfs_file_remap_range"),
	SPAN(HOOK_DIO_WAIT_BEGIN, HOOK_DIO_WAIT_END, ROW_REQUIRED, "dio_wait", "inode_dio_wait"),
	{HOOK_LOCK_WAIT_BEGIN, FLAVOUR_TP, false, ROW_REQUIRED, "lock_wait_begin_tp",
	 "contention_begin"},
	{HOOK_LOCK_WAIT_END, FLAVOUR_TP, false, ROW_REQUIRED, "lock_wait_end_tp", "contention_end"},
};
const size_t hook_rows_len = ARRAY_SIZE(hook_rows);
_Static_assert(ARRAY_SIZE(hook_rows) <= HOOK_ROWS_MAX, "raise HOOK_ROWS_MAX");

static const struct {
	const char *program, *plain, *filtered;
} tp_programs[] = {
	{"dio_begin_tp", "dio_begin_tp_plain", "dio_begin_tp_filtered"},
	{"dio_complete_tp", "dio_complete_tp_plain", "dio_complete_tp_filtered"},
};

bool hook_is_typed(const struct hook_row *row)
{
	return row->flavour == FLAVOUR_TP &&
	       (row->hook == HOOK_DIO_BEGIN || row->hook == HOOK_DIO_COMPLETE);
}

const char *hook_program(const struct hook_row *row, const struct ior_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(tp_programs); i++) {
		if (strcmp(row->program, tp_programs[i].program) != 0)
			continue;
		if (options->filters_files)
			return tp_programs[i].filtered;
		if (options->no_extras)
			return tp_programs[i].plain;
	}
	return row->program;
}

#define DIRECT (1U << IOR_MODE_DIRECT)
#define DAX (1U << IOR_MODE_DAX)
#define BUFFERED (1U << IOR_MODE_BUFFERED)
#define SIZE (1U << IOR_MODE_SIZE)
#define MOVES (DIRECT | DAX | BUFFERED)

static const struct {
	const char *name;
	const char *meaning;
	unsigned int modes;
	enum hook end;
} hooks[] = {
	[HOOK_DIO_BEGIN] = {"dio-begin", "a direct op begins, its locks taken", DIRECT,
			    HOOK_COUNT_},
	[HOOK_DIO_SUBMIT] = {"dio-submit", "a direct op sends its first bio", DIRECT, HOOK_COUNT_},
	[HOOK_DIO_DATA_END] = {"dio-data-end", "the last bio of a direct op ends", DIRECT,
			       HOOK_COUNT_},
	[HOOK_DIO_COMPLETE] = {"dio-complete", "a direct op is over", DIRECT, HOOK_COUNT_},
	[HOOK_DIO_RETURN] = {"dio-return", "a direct op fails before it can complete", DIRECT,
			     HOOK_COUNT_},
	[HOOK_DIO_INVALIDATE_FAIL] = {"dio-invalidate-fail", "a direct op falls back", DIRECT,
				      HOOK_COUNT_},
	[HOOK_STALE_PAGES] = {"stale-pages", "pages beside a direct op cannot be dropped", DIRECT,
			      HOOK_COUNT_},
	[HOOK_DAX_BEGIN] = {"dax-begin", "a DAX copy begins, its locks taken", DAX, HOOK_DAX_END},
	[HOOK_DAX_END] = {"dax-end", "a DAX copy is over", DAX, HOOK_COUNT_},
	[HOOK_WRITE_BEGIN] = {"write-begin", "a copy into the page cache begins", BUFFERED,
			      HOOK_WRITE_END},
	[HOOK_WRITE_END] = {"write-end", "a copy into the page cache is over", BUFFERED,
			    HOOK_COUNT_},
	[HOOK_READ_BEGIN] = {"read-begin", "a copy out of the page cache begins", BUFFERED,
			     HOOK_READ_END},
	[HOOK_READ_END] = {"read-end", "a copy out of the page cache is over", BUFFERED,
			   HOOK_COUNT_},
	[HOOK_SPLICE_BEGIN] = {"splice-begin", "pages of the page cache go into a pipe", BUFFERED,
			       HOOK_SPLICE_END},
	[HOOK_SPLICE_END] = {"splice-end", "the pages are in the pipe", BUFFERED, HOOK_COUNT_},
	[HOOK_SIZE_BEGIN] = {"size-begin", "a truncate or fallocate drops the page cache", SIZE,
			     HOOK_SIZE_END},
	[HOOK_SIZE_END] = {"size-end", "the page cache is dropped", SIZE, HOOK_COUNT_},
	[HOOK_DAX_FAULT_BEGIN] = {"dax-fault-begin", "DAX memory is mapped for writing", DAX,
				  HOOK_DAX_FAULT_END},
	[HOOK_DAX_FAULT_END] = {"dax-fault-end", "DAX memory is mapped", DAX, HOOK_COUNT_},
	[HOOK_PAGE_FAULT_BEGIN] = {"page-fault-begin", "a mapped page becomes writable", BUFFERED,
				   HOOK_PAGE_FAULT_END},
	[HOOK_PAGE_FAULT_END] = {"page-fault-end", "a mapped page is writable", BUFFERED,
				 HOOK_COUNT_},
	[HOOK_SPAN_BEGIN] = {"span-begin", "a read or write enters the file system", MOVES,
			     HOOK_SPAN_END},
	[HOOK_SPAN_END] = {"span-end", "a read or write leaves the file system", MOVES,
			   HOOK_COUNT_},
	[HOOK_SIZE_SPAN_BEGIN] = {"size-span-begin", "a truncate or fallocate begins", SIZE,
				  HOOK_SIZE_SPAN_END},
	[HOOK_SIZE_SPAN_END] = {"size-span-end", "a truncate or fallocate ends", SIZE, HOOK_COUNT_},
	[HOOK_DIO_WAIT_BEGIN] = {"dio-wait-begin", "an op waits for direct IO to drain", MOVES,
				 HOOK_DIO_WAIT_END},
	[HOOK_DIO_WAIT_END] = {"dio-wait-end", "direct IO has drained", MOVES, HOOK_COUNT_},
	[HOOK_LOCK_WAIT_BEGIN] = {"lock-wait-begin", "an op waits for i_rwsem", MOVES,
				  HOOK_LOCK_WAIT_END},
	[HOOK_LOCK_WAIT_END] = {"lock-wait-end", "an op has i_rwsem", MOVES, HOOK_COUNT_},
};
_Static_assert(ARRAY_SIZE(hooks) == HOOK_COUNT_, "a hook has no name");

static const char *const flavours[] = {
	[FLAVOUR_FENTRY] = "fentry",
	[FLAVOUR_TP] = "tp",
	[FLAVOUR_KPROBE] = "kprobe",
};
_Static_assert(ARRAY_SIZE(flavours) == FLAVOUR_COUNT_, "a flavour has no name");

bool hook_flavour_works(enum hook hook, enum flavour flavour, const int *errors)
{
	bool any = false;

	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook != hook || row->flavour != flavour || row->need == ROW_FALLBACK)
			continue;
		if (errors[i] && row->need == ROW_REQUIRED)
			return false;
		if (!errors[i])
			any = true;
	}
	return any;
}

static bool hook_is_at_return(enum hook hook)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].hook == hook)
			return hook_rows[i].at_return;
	}
	return false;
}

enum flavour hook_flavour(enum hook hook, bool preempts, unsigned int rank)
{
	static const enum flavour usual[] = {FLAVOUR_FENTRY, FLAVOUR_TP, FLAVOUR_KPROBE};
	static const enum flavour unskipped[] = {FLAVOUR_KPROBE, FLAVOUR_FENTRY, FLAVOUR_TP};
	_Static_assert(ARRAY_SIZE(usual) == FLAVOUR_COUNT_, "each flavour has its rank");
	_Static_assert(ARRAY_SIZE(unskipped) == FLAVOUR_COUNT_, "each flavour has its rank");

	if (preempts && hook_miss_hides_op(hook) && !hook_is_at_return(hook))
		return unskipped[rank];
	return usual[rank];
}

unsigned int hook_modes(enum hook hook)
{
	return hooks[hook].modes;
}

bool hook_is_notice(enum hook hook)
{
	return hook == HOOK_DIO_INVALIDATE_FAIL || hook == HOOK_LOCK_WAIT_BEGIN ||
	       hook == HOOK_LOCK_WAIT_END;
}

bool hook_submits_late(enum hook hook, enum flavour flavour)
{
	return hook != HOOK_DIO_SUBMIT || flavour == FLAVOUR_TP;
}

bool hook_is_for_spans(enum hook hook)
{
	return hook >= HOOK_SPAN_BEGIN && hook <= HOOK_LOCK_WAIT_END;
}

enum hook hook_end(enum hook hook)
{
	return hooks[hook].end;
}

bool hook_miss_hides_op(enum hook hook)
{
	return hook != HOOK_DIO_DATA_END && hook != HOOK_DIO_COMPLETE;
}

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
