// SPDX-License-Identifier: GPL-2.0
#include "model/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

static const char unknown[] = "unknown";

static const char *const kind_names[] = {
	[IOR_OP_READ] = "read",
	[IOR_OP_WRITE] = "write",
	[IOR_OP_SIZE] = "size",
	[IOR_OP_MMAP] = "mmap",
};
_Static_assert(ARRAY_SIZE(kind_names) == IOR_OP_COUNT_, "every op kind has a name");

static const struct {
	const char *name; /* in JSON */
	const char *text;
} keepers[] = {
	[IOR_KEEPER_LUCK] = {"luck", "luck"},
	[IOR_KEEPER_EXCLUSIVE] = {"i_rwsem_exclusive", "i_rwsem exclusive"},
	[IOR_KEEPER_SHARED_EXCLUSIVE] = {"i_rwsem_shared_exclusive", "i_rwsem shared/exclusive"},
	[IOR_KEEPER_DIO_WAIT] = {"inode_dio_wait", "inode_dio_wait"},
	[IOR_KEEPER_RANGE_LOCK] = {"range_lock", "the range lock"},
};
_Static_assert(ARRAY_SIZE(keepers) == IOR_KEEPER_COUNT_, "every keeper has a name");

const char *keeper_name(enum ior_keeper keeper)
{
	return keepers[keeper].name;
}

const char *keeper_text(enum ior_keeper keeper)
{
	return keepers[keeper].text;
}

static const struct admission_text admissions[] = {
	[IOR_ADMITS_FALLBACK] = {"fell_back", "a direct write went through the page cache, whose "
					      "pages could not be dropped"},
	[IOR_ADMITS_STALE] = {"stale_pages", "a direct write left stale pages in the page cache"},
};
_Static_assert(ARRAY_SIZE(admissions) == IOR_ADMISSION_COUNT_, "every admission has a text");

const struct admission_text *admission_text(enum ior_admission what)
{
	return &admissions[what];
}

const char *const mode_names[] = {
	[IOR_MODE_DIRECT] = "direct", [IOR_MODE_DAX] = "dax",	[IOR_MODE_BUFFERED] = "buffered",
	[IOR_MODE_SIZE] = "size",     [IOR_MODE_COUNT_] = NULL,
};
_Static_assert(ARRAY_SIZE(mode_names) == IOR_MODE_COUNT_ + 1, "every mode has a name");

static const char *const lock_names[] = {
	[IOR_LOCK_UNKNOWN] = "unknown",
	[IOR_LOCK_NONE] = "none",
	[IOR_LOCK_SHARED] = "shared",
	[IOR_LOCK_EXCLUSIVE] = "exclusive",
};
_Static_assert(ARRAY_SIZE(lock_names) == IOR_LOCK_COUNT_, "every lock state has a name");

static const char *const shape_names[] = {
	[IOR_SHAPE_IDENTICAL] = "identical",
	[IOR_SHAPE_NESTED] = "nested",
	[IOR_SHAPE_PARTIAL] = "partial",
};
_Static_assert(ARRAY_SIZE(shape_names) == IOR_SHAPE_COUNT_, "every shape has a name");

static const char *const tear_names[] = {
	[IOR_TEAR_UNLIKELY] = "unlikely",
	[IOR_TEAR_POSSIBLE] = "possible",
	[IOR_TEAR_LIKELY] = "likely",
};
_Static_assert(ARRAY_SIZE(tear_names) == IOR_TEAR_COUNT_, "every grade of tear has a name");

static const char *const path_state_names[] = {
	[PATH_OK] = "ok",	    [PATH_DELETED] = "deleted",	  [PATH_TRUNCATED] = "truncated",
	[PATH_FOREIGN] = "foreign", [PATH_DETACHED] = "detached", [PATH_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_SIZE(path_state_names) == PATH_STATE_COUNT_, "every path state has a name");

static const char *const coverage_level_names[] = {
	[COVERAGE_NONE] = "none",
	[COVERAGE_PARTIAL] = "partial",
	[COVERAGE_FULL] = "full",
};
_Static_assert(ARRAY_SIZE(coverage_level_names) == COVERAGE_LEVEL_COUNT_,
	       "every level of coverage has a name");

static const char *const verdict_names[] = {
	[VERDICT_CLEAN] = "clean",
	[VERDICT_CONFLICTS] = "conflicts",
	[VERDICT_INCONCLUSIVE] = "inconclusive",
};
_Static_assert(ARRAY_SIZE(verdict_names) == VERDICT_COUNT_, "every verdict has a name");

/* Sorted as the enum is, so each pair stands twice. */
static const char *const pair_names[][IOR_OP_COUNT_] = {
	[IOR_OP_READ] = {"read/read", "read/write", "read/size", "read/mmap"},
	[IOR_OP_WRITE] = {"read/write", "write/write", "write/size", "write/mmap"},
	[IOR_OP_SIZE] = {"read/size", "write/size", "size/size", "size/mmap"},
	[IOR_OP_MMAP] = {"read/mmap", "write/mmap", "size/mmap", "mmap/mmap"},
};
_Static_assert(ARRAY_SIZE(pair_names) == IOR_OP_COUNT_, "every pair of kinds has a name");

static const struct loss_text loss_texts[] = {
	[IOR_LOSS_UNTRACKED] =
		{
			"untracked",
			"ops found no room in the table of ops in flight and were never compared",
			"narrow the file filters (--path, --inode, --dev)",
		},
	[IOR_LOSS_UNATTRIBUTED] =
		{
			"unattributed",
			"matches vanished before they could be attributed to an op or counted once",
			"run again; if it stays, narrow the file filters",
		},
	[IOR_LOSS_STALE] =
		{
			"stale",
			"matches were with an op so old that its end was probably missed",
			"see iorace doctor for hooks that are not attached",
		},
	[IOR_LOSS_MISSED_RUNS] =
		{
			"missed_runs",
			"runs of a hook were skipped by the kernel, each the begin or end of an op",
			"see iorace doctor; fentry and tracepoints miss less than kretprobes",
		},
	[IOR_LOSS_BEFORE_ATTACH] =
		{
			"before_attach",
			"ops had begun before the hooks were attached and could not be compared",
			"start iorace before the workload",
		},
	[IOR_LOSS_UNCOVERED] =
		{
			"uncovered",
			"ops were of a kind of which this kernel does not let the whole window be "
			"seen",
			"see iorace doctor for what is missing, or leave them out with --mode or "
			"--fs",
		},
	[IOR_LOSS_GROWN] =
		{
			"grown",
			"reads went beyond where their file had ended when they began, and what "
			"they met there was not compared",
			"the file grows under its readers; let them wait for the writer",
		},
	[IOR_LOSS_RING_FULL] =
		{
			"ring_full",
			"records did not fit into the ring buffer; their conflicts are counted, "
			"not shown",
			"narrow the task filters, or give iorace more CPU time",
		},
	[IOR_LOSS_FINDINGS_FULL] =
		{
			"findings_full",
			"conflicts found no room in the table of findings",
			"narrow the filters",
		},
	[IOR_LOSS_UNDECODED] =
		{
			"undecoded",
			"records could not be read",
			"this is a bug in iorace, or a damaged recording: please report it",
		},
	[IOR_LOSS_LEFT_RUNNING] =
		{
			"left_running",
			"processes of the command outlived it, and nobody saw what they did then",
			"let the command wait for what it starts, or use watch for a service",
		},
	[IOR_LOSS_CONTRADICTED] =
		{
			"contradicted",
			"torn results that iorace stress proved are not among the conflicts",
			"this is a BUG IN IORACE, or the kernel tears what never met: please "
			"report it",
		},
};
_Static_assert(ARRAY_SIZE(loss_texts) == IOR_LOSS_COUNT_, "every loss has its texts");

static const char *name_in(const char *const *names, size_t len, uint8_t i)
{
	return i < len ? names[i] : unknown;
}

const char *kind_name(uint8_t kind)
{
	return name_in(kind_names, IOR_OP_COUNT_, kind);
}

const char *mode_name(uint8_t mode)
{
	return name_in(mode_names, IOR_MODE_COUNT_, mode);
}

const char *lock_name(uint8_t lock)
{
	return name_in(lock_names, IOR_LOCK_COUNT_, lock);
}

const char *shape_name(uint8_t shape)
{
	return name_in(shape_names, IOR_SHAPE_COUNT_, shape);
}

const char *tear_name(uint8_t tear)
{
	return name_in(tear_names, IOR_TEAR_COUNT_, tear);
}

const char *path_state_name(uint8_t state)
{
	return name_in(path_state_names, PATH_STATE_COUNT_, state);
}

const char *coverage_level_name(uint8_t level)
{
	return name_in(coverage_level_names, COVERAGE_LEVEL_COUNT_, level);
}

const char *verdict_name(uint8_t verdict)
{
	return name_in(verdict_names, VERDICT_COUNT_, verdict);
}

const char *pair_name(uint8_t kind_a, uint8_t kind_b)
{
	if (kind_a >= IOR_OP_COUNT_ || kind_b >= IOR_OP_COUNT_)
		return unknown;
	return pair_names[kind_a][kind_b];
}

const struct loss_text *loss_text(enum ior_loss loss)
{
	return &loss_texts[loss];
}

/* include/uapi/linux/magic.h, or the file system's own header where it says so. */
static const struct {
	uint64_t magic;
	const char *name;
} fs_names[] = {
	{IOR_MAGIC_EXT4, "ext4"},     {IOR_MAGIC_XFS, "xfs"},
	{IOR_MAGIC_BTRFS, "btrfs"},   {IOR_MAGIC_F2FS, "f2fs"},
	{0x01021994, "tmpfs"},	      {0x858458f6, "ramfs"},
	{0x794c7630, "overlay"},      {0x6969, "nfs"},
	{0xff534d42, "cifs"},	      {0xfe534d42, "smb2"},
	{0x65735546, "fuse"},	      {0x01161970, "gfs2"}, /* include/uapi/linux/gfs2_ondisk.h */
	{0x7461636f, "ocfs2"},	      {0x4d44, "vfat"},
	{0x2011bab0, "exfat"},	      {0x7366746e, "ntfs3"},	/* fs/ntfs3/super.c writes "ntfs" */
	{0x00c36400, "ceph"},	      {0xca451a4e, "bcachefs"}, /* fs/bcachefs/bcachefs_format.h */
	{0x2fc12fc1, "zfs"},					/* OpenZFS, zfs_super.c */
	{0x01021997, "9p"},	      {0x5a4f4653, "zonefs"},
	{0x62646576, "block device"},
};

const char *fs_name(uint64_t magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs_names); i++) {
		if (fs_names[i].magic == magic)
			return fs_names[i].name;
	}
	return NULL;
}

const char *fs_text(uint64_t magic, char text[FS_TEXT_BYTES])
{
	const char *name = fs_name(magic);

	if (name)
		snprintf(text, FS_TEXT_BYTES, "%s", name);
	else
		snprintf(text, FS_TEXT_BYTES, "0x%" PRIx64, magic);
	return text;
}
