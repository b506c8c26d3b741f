/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What crosses from the kernel side to the tool: ring buffer records (a tag and one struct each),
 * keys and values of the aggregated counters, and the options the programs read.
 */
#ifndef IORACE_RECORDS_H
#define IORACE_RECORDS_H

#include "loss.h"
#include "op.h"
#include "range_lock.h"
#include "verdict.h"

enum ior_rec_type {
	IOR_REC_CONFLICT = 1,
	IOR_REC_PATH = 2,
	IOR_REC_ADMISSION = 3,
	IOR_REC_SUBMIT_WANTED = 4, /* a header alone: tracer_see_submits() */
};

struct ior_rec_header {
	__u32 type; /* enum ior_rec_type */
	__u32 size; /* bytes, with this header */
};
IOR_SIZE_IS(struct ior_rec_header, 8);

/* One conflicting pair; ops[0] opened its window first. */
struct ior_rec_conflict {
	struct ior_rec_header header;
	__u64 time_ns;	 /* CLOCK_MONOTONIC, when it was seen */
	__u64 op_ids[2]; /* unique in one run: two records never name the same two */
	struct ior_file file;
	struct ior_op ops[2];
	struct ior_stacks stacks[2];
	struct ior_range_lock_held range_locks[2]; /* flags 0: no lock, or none is under test */
};
IOR_SIZE_IS(struct ior_rec_conflict, 288);

/* What the kernel itself says of direct IO beside the page cache. */
enum ior_admission {
	IOR_ADMITS_FALLBACK, /* it could not drop the pages before a write: that uses them */
	IOR_ADMITS_STALE,    /* nor after it: what they hold is not what the file has */
	IOR_ADMISSION_COUNT_
};

/* Both parties, which the message in the kernel's log does not name. */
struct ior_rec_admission {
	struct ior_rec_header header;
	__u64 time_ns; /* CLOCK_MONOTONIC */
	struct ior_file file;
	struct ior_op direct;
	struct ior_op other; /* the last one known to have written those pages; tid 0: nobody */
	__u32 what;	     /* enum ior_admission */
	__u32 mapped;	     /* the file is mapped shared and writable */
};
IOR_SIZE_IS(struct ior_rec_admission, 184);

#define IOR_STACK_DEPTH 127 /* PERF_MAX_STACK_DEPTH, include/uapi/linux/perf_event.h */

/* State bits of a path, filled by the walk that wrote it. */
#define IOR_PATH_DELETED (1U << 0)   /* the name was unlinked */
#define IOR_PATH_TRUNCATED (1U << 1) /* deeper or longer than the record holds */
#define IOR_PATH_FOREIGN (1U << 2)   /* seen through a mount of another mount namespace */
#define IOR_PATH_DETACHED (1U << 3)  /* the mount was lazily unmounted */

#define IOR_PATH_NAMES_MAX 40
#define IOR_PATH_BYTES_MAX 2048
#define IOR_NAME_MAX 256

/* Names from the leaf up to the root, each with its NUL, `used` bytes in all. */
struct ior_rec_path {
	struct ior_rec_header header;
	struct ior_file file;
	__u32 state;				       /* IOR_PATH_* */
	__u32 used;				       /* bytes of names[] */
	char names[IOR_PATH_BYTES_MAX + IOR_NAME_MAX]; /* the tail is slack for the last name */
};

/* Which pairs are the same finding. Sides are sorted, so the key is symmetric. */
struct ior_finding_side {
	char comm[IOR_COMM_LEN];
	__u8 kind; /* enum ior_op_kind */
	__u8 mode; /* enum ior_mode */
	__u8 lock; /* enum ior_lock */
	__u8 pad[5];
};
IOR_SIZE_IS(struct ior_finding_side, 24);

struct ior_finding_key {
	struct ior_file file;
	struct ior_finding_side sides[2];
};
IOR_SIZE_IS(struct ior_finding_key, 80);

struct ior_finding_value {
	__u64 count;	/* distinct pairs */
	__u64 bytes;	/* sum of the intersections */
	__u64 first_ns; /* CLOCK_MONOTONIC */
	__u64 last_ns;
	__u64 span_start; /* smallest and largest offset that ever conflicted */
	__u64 span_end;
	__u64 sampled_ns; /* when the last record was sent */
	__u64 samples;	  /* records sent */
};
IOR_SIZE_IS(struct ior_finding_value, 64);

/* Pairs of one finding that a CPU has counted for itself and not yet added to its row. */
struct ior_pending {
	__u64 untold; /* pairs of all findings that were ever counted here; none has a record */
	__u64 due_ns; /* CLOCK_MONOTONIC: no record of it before that */
	struct ior_finding_key key;
	struct ior_finding_value value;
};
IOR_SIZE_IS(struct ior_pending, 160);

#define IOR_PENDING_FINDINGS 16 /* places of each CPU */

/* Counters kept per CPU. */
enum ior_stat {
	IOR_STAT_READS, /* of selected tasks */
	IOR_STAT_WRITES,
	IOR_STAT_SIZES,
	IOR_STAT_MMAPS,
	IOR_STAT_OTHERS,     /* ops of tasks that are not selected, tracked all the same */
	IOR_STAT_FILTERED,   /* ops the file filters turned away */
	IOR_STAT_CONFLICTS,  /* pairs that count: at least one side selected; not those untold */
	IOR_STAT_UNSELECTED, /* times a conflicting pair was met, neither side selected */
	IOR_STAT_RECORDS,    /* conflict records written */
	IOR_STAT_SUPPRESSED, /* conflict records held back by rate or limit; as above */
	IOR_STAT_TOLERATED,  /* conflicting pairs of the wrong kind or size for the filters */

	/* with spans: overlapping pairs that did not conflict, by enum ior_keeper */
	IOR_STAT_KEPT_APART,
	IOR_STAT_KEPT_APART_LAST = IOR_STAT_KEPT_APART + IOR_KEEPER_COUNT_ - 1,
	IOR_STAT_WAIT_NEEDED_NS,   /* waits of ops that an overlapping one was in flight for */
	IOR_STAT_WAIT_NEEDLESS_NS, /* waits of ops that met no overlapping one */
	IOR_STAT_ADMISSIONS,	   /* those that were told, by enum ior_admission */
	IOR_STAT_ADMISSIONS_LAST = IOR_STAT_ADMISSIONS + IOR_ADMISSION_COUNT_ - 1,
	IOR_STAT_COUNT_
};

#define IOR_KEEPER_ROOM 8 /* a power of two: keepers are masked */
_Static_assert(IOR_KEEPER_COUNT_ <= IOR_KEEPER_ROOM, "every keeper has room");

/* The same of one file, with spans. The sums over all files are those of the run. */
struct ior_file_sums {
	__u64 ops[IOR_OP_COUNT_];
	__u64 conflicts;
	__u64 kept_apart[IOR_KEEPER_ROOM]; /* by enum ior_keeper */
	__u64 wait_needed_ns;
	__u64 wait_needless_ns;
};

/* File systems of which ops are counted apart, for the coverage of a run. */
enum ior_fs {
	IOR_FS_OTHER,
	IOR_FS_EXT4,
	IOR_FS_XFS,
	IOR_FS_BTRFS,
	IOR_FS_F2FS,
	IOR_FS_COUNT_
};

/* A reading of the clock that stands for a few ops, see bpf/moment.bpf.h. */
struct ior_moment {
	__u64 ns; /* CLOCK_MONOTONIC */
	__u64 tick;
	__u64 run;
	__u64 left; /* ops that may have it yet */
};

#define IOR_FS_ROOM 8 /* a power of two: file systems are masked */
_Static_assert(IOR_FS_COUNT_ <= IOR_FS_ROOM, "every file system has room");

/*
 * What each CPU keeps for itself. An op of a selected task counts in `ops` alone, which the tool
 * adds to both of the next: one count, and near what else it needs.
 */
struct ior_cpu {
	struct ior_moment moment;
	__u64 ops[IOR_FS_ROOM][IOR_OP_COUNT_];
	__u64 fs_ops[IOR_FS_COUNT_]; /* those that are not covered */
	__u64 stats[IOR_STAT_COUNT_];
	__u64 losses[IOR_LOSS_COUNT_];
};

#define IOR_MAGIC_EXT4 0xEF53ULL      /* include/uapi/linux/magic.h */
#define IOR_MAGIC_XFS 0x58465342ULL   /* fs/xfs/libxfs/xfs_format.h, XFS_SUPER_MAGIC */
#define IOR_MAGIC_BTRFS 0x9123683EULL /* include/uapi/linux/magic.h */
#define IOR_MAGIC_F2FS 0xF2F52010ULL

static inline enum ior_fs ior_fs_of_magic(__u64 magic)
{
	switch (magic) {
	case IOR_MAGIC_EXT4:
		return IOR_FS_EXT4;
	case IOR_MAGIC_XFS:
		return IOR_FS_XFS;
	case IOR_MAGIC_BTRFS:
		return IOR_FS_BTRFS;
	case IOR_MAGIC_F2FS:
		return IOR_FS_F2FS;
	default:
		return IOR_FS_OTHER;
	}
}

/* Limits of the filters; more is wrong usage. */
#define IOR_FILTER_DEVS_MAX 8
#define IOR_FILTER_INODES_MAX 8
#define IOR_FILTER_PATHS_MAX 4
#define IOR_FILTER_PIDS_MAX 16

struct ior_inode_id {
	__u64 ino;
	__u32 dev; /* s_dev, kernel encoding */
	__u32 pad;
};

/*
 * Everything the programs are told, read-only from load on. Each group is a conjunction with the
 * others; members of one group are alternatives; an empty group lets everything pass.
 */
struct ior_options {
	/* file filters: decide what is tracked */
	__u32 devs[IOR_FILTER_DEVS_MAX];
	struct ior_inode_id inodes[IOR_FILTER_INODES_MAX];
	struct ior_inode_id paths[IOR_FILTER_PATHS_MAX]; /* directories */
	__u64 magics[IOR_FS_COUNT_];
	__u32 devs_count;
	__u32 inodes_count;
	__u32 paths_count;
	__u32 magics_count;

	/* task filters: decide what is reported */
	__u32 pids[IOR_FILTER_PIDS_MAX];
	char comm[IOR_COMM_LEN];
	__u32 want_cgroup; /* the cgroup in the map, or below it */
	__u32 pids_count;
	__u32 tree_pid; /* tasks below this process (a child subreaper), 0: any */
	__u32 self_pid; /* never part of a report: the tool itself */

	__u32 modes; /* bit mask of enum ior_mode: which ways of moving data are watched */
	__u32 pad;

	/* what is reported of the pairs */
	__u64 min_overlap_bytes;
	__u32 kind_ww;	   /* report write against write */
	__u32 kind_rw;	   /* report read against write */
	__u64 max_records; /* records of conflicts in all */
	__u64 sample_ns;   /* least time between two records of one finding; 0: every pair */
	__u64 stale_ns;	   /* an op older than this is suspect */

	/* shape of the table, powers of two minus one */
	__u32 line_mask;
	__u32 slot_mask;
	__u32 wide_mask;
	__u32 packed_mask; /* of the lines that ops of a file stand packed in */

	/* what this kernel and plan allow */
	__u64 dio_bio_end_io; /* address: how tracepoints know a bio of direct IO; 0: unknown */
	__u32 mnt_ns_inum;    /* mount namespace of the tool */
	__u32 covered_fs[IOR_MODE_COUNT_]; /* bit mask of enum ior_fs whose windows the plan sees */
	__u32 opens_at_submit; /* bit mask of enum ior_fs: window opens at the first bio */
	__u8 sees_submit;      /* the first bio of an op is seen */
	__u8 want_stacks;
	__u8 has_spans;	     /* ops enter the table before they have their locks */
	__u8 filters_files;  /* any file filter */
	__u8 filters_tasks;  /* any task filter */
	__u8 reads_locks;    /* all locks, not i_rwsem alone */
	__u8 closes_late;    /* windows close at completion, not at the last bio */
	__u8 has_range_lock; /* one is under test: range_lock.h */
	__u8 locks_inside;   /* ... and it is taken where the data moves */
	__u8 is_double;	     /* of programs: another runs right before each (hooks_fentry.bpf.c) */
	__u8 exact_times;    /* each op asks the clock when it begins: bpf/moment.bpf.h */
	__u8 no_extras;	     /* ior_options_have_no_extras() */
	__u8 only;	     /* enum ior_only: all that the file filters ask for */
	__u8 pad2[3];
};

/* A file filter that is one question, and so has code that is nothing else. */
enum ior_only {
	IOR_ONLY_NEITHER, /* none, or more than one question */
	IOR_ONLY_DEV,	  /* devs[0] */
	IOR_ONLY_INODE,	  /* inodes[0] */
};

static inline enum ior_only ior_options_only(const struct ior_options *o)
{
	if (o->magics_count || o->paths_count || o->devs_count + o->inodes_count != 1)
		return IOR_ONLY_NEITHER;
	return o->devs_count ? IOR_ONLY_DEV : IOR_ONLY_INODE;
}

/*
 * What costs a look at each op and mostly is not asked for. Where none of it is, programs have a
 * path that does without the looks. Which files are wanted is asked before, and is not among it.
 */
#define IOR_EXTRAS(X)                                                                              \
	X(filters_tasks)                                                                           \
	X(comm[0])                                                                                 \
	X(want_stacks)                                                                             \
	X(has_spans)                                                                               \
	X(reads_locks)                                                                             \
	X(exact_times)                                                                             \
	X(has_range_lock)                                                                          \
	X(locks_inside)

static inline bool ior_options_have_no_extras(const struct ior_options *o)
{
#define IOR_IS_UNSET(field) &&!o->field
	return true IOR_EXTRAS(IOR_IS_UNSET);
#undef IOR_IS_UNSET
}

/*
 * Read by every op and seldom written, so in cache lines that nothing else is in. `armed` is set
 * last, when every program is attached. While the `any_` are not set nobody need search for such an
 * op; any_pending is taken back when the program at the first bio is detached.
 */
struct ior_state {
	__u8 armed;
	__u8 draining;	     /* what began before we were armed may still be in flight */
	__u8 any_pending;    /* an op had to wait for its first bio */
	__u8 submit_is_seen; /* an op may wait for its first bio */
	__u8 any_tentative;  /* one wanted to; taken back every second */
	__u8 pad[3];
	__u32 submit_wanted; /* one wanted to and could not */
	__u32 pad2;
	__u64 path_epoch; /* raised every second, so that renames are noticed */
};
IOR_SIZE_IS(struct ior_state, 24);

#endif
