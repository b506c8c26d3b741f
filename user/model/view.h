/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a report is about: resolved, immutable values. Whoever builds a view owns what it points
 * to and keeps it until the reporter call returns; NULL means unknown, everywhere.
 */
#ifndef IORACE_MODEL_VIEW_H
#define IORACE_MODEL_VIEW_H

#include <iorace/loss.h>
#include <iorace/records.h>
#include <iorace/verdict.h>

#include <stddef.h>
#include <stdint.h>

enum path_state {
	PATH_OK,
	PATH_DELETED,	/* last known name, since unlinked */
	PATH_TRUNCATED, /* only the lower end of it is known */
	PATH_FOREIGN,	/* as the op's mount namespace names it */
	PATH_DETACHED,	/* relative to a mount that was lazily unmounted */
	PATH_UNKNOWN,
	PATH_STATE_COUNT_
};

struct file_view {
	struct ior_file id;
	const char *path; /* bytes from strangers: escape before showing */
	enum path_state path_state;
	const char *fs; /* "xfs", "ext4", ... or "0x%x" of an unnamed magic */
};

struct frame_view {
	uint64_t address;
	const char *symbol; /* NULL: unknown */
	uint64_t offset;
};

struct op_view {
	struct ior_op op;
	const char *cgroup;	/* path below the cgroup root */
	const char *range_lock; /* name of the one held when the window opened, or NULL */
	struct ior_range_lock_held range_lock_held;
	uint64_t end_ns; /* 0: still in flight when reported */
	const struct frame_view *stack;
	size_t stack_len;
};

struct conflict_view {
	uint64_t id;	       /* counts up from 1 in one run */
	uint64_t time_real_ns; /* CLOCK_REALTIME */
	uint64_t time_mono_ns; /* CLOCK_MONOTONIC */
	struct file_view file;
	struct op_view ops[2]; /* earlier window first */
};

struct finding_view {
	uint64_t fingerprint; /* the same in every run on the same file and programs */
	struct file_view file;
	struct ior_finding_side sides[2]; /* sorted */
	uint64_t count;			  /* distinct pairs */
	uint64_t bytes;
	uint64_t first_real_ns;
	uint64_t last_real_ns;
	const struct ior_range *ranges; /* where conflicts were, merged */
	size_t ranges_len;
	const struct conflict_view *sample; /* one pair to show, or NULL */
};

/* The kernel itself says that direct IO and the page cache were on the same bytes. */
struct admission_view {
	uint64_t time_real_ns;
	struct file_view file;
	uint8_t what; /* enum ior_admission */
	bool mapped;
	bool knows_other;
	struct op_view direct;
	struct op_view other; /* the last one known to have written those pages */
};

enum coverage_level {
	COVERAGE_NONE,
	COVERAGE_PARTIAL,
	COVERAGE_FULL,
	COVERAGE_LEVEL_COUNT_
};

struct coverage_view {
	const char *fs;
	uint8_t mode; /* enum ior_mode */
	uint8_t kind; /* enum ior_op_kind */
	bool async;
	enum coverage_level level;
	const char *flavour; /* "fentry", "tp", "kprobe", "fentry+kprobe" ...; NULL when none */
	const char *reason;
};

enum verdict {
	VERDICT_CLEAN,
	VERDICT_CONFLICTS,
	VERDICT_INCONCLUSIVE,
	VERDICT_COUNT_
};

/* Of one file what struct summary_view has of the run; the files add up to it. */
struct file_sums_view {
	struct file_view file;
	bool others; /* not one file: all of which no sums of their own were kept */
	uint64_t ops[IOR_OP_COUNT_];
	uint64_t conflicts;
	uint64_t serialized;
	uint64_t unproven;
	uint64_t overlapping;
	uint64_t serialized_by[IOR_KEEPER_COUNT_];
	int64_t needless_wait_ns; /* negative: not measured */
	int64_t needed_wait_ns;
};

struct command_view {
	char *const *argv; /* NULL-terminated; NULL: there was no command */
	int exit;	   /* exit status, -1: none */
	int signal;	   /* 0: none */
};

/* Torn results that `iorace stress` proved under this run, and whether they are conflicts of it. */
struct agreement_view {
	uint64_t runs; /* of iorace stress; 0: nothing to compare */
	uint64_t unfinished;
	uint64_t torn;
	uint64_t found;	       /* among the conflicts */
	uint64_t contradicted; /* not among them, though it would have been seen */
	uint64_t not_compared; /* not among them, but not all was seen */
};

/* A range lock under test. */
struct range_lock_function_view {
	const char *function;
	const char *role;    /* "acquire", "release", ... */
	const char *flavour; /* "fentry" or "kprobe" */
	bool knows_range;    /* it tells the range that is held */
};

struct range_lock_view {
	const char *name; /* NULL: none is under test */
	bool inside;	  /* taken where the data moves */
	bool has_waits;	  /* needed and needless waits are told apart */
	const struct range_lock_function_view *functions;
	size_t functions_len;
	uint64_t stats[IOR_RL_STAT_COUNT_];
};

/* Times that it was seen not to do what it is for; that bytes slipped through is a conflict. */
static inline uint64_t range_lock_flaws(const struct range_lock_view *lock)
{
	return lock->stats[IOR_RL_EARLY] + lock->stats[IOR_RL_OVERRUN] +
	       lock->stats[IOR_RL_NEVER_RELEASED];
}

/* Counts that a run without spans cannot know are negative and are reported as null. */
struct summary_view {
	enum verdict verdict;
	const char *reason; /* one sentence */
	uint64_t duration_ns;
	uint64_t ops[IOR_OP_COUNT_];
	uint64_t ops_filtered;
	bool hides_conflicts; /* of a kind or size that is not reported */
	uint64_t conflicts;
	uint64_t findings;
	int64_t overlapping;
	int64_t serialized;
	int64_t unproven;
	uint64_t serialized_by[IOR_KEEPER_COUNT_]; /* without IOR_KEEPER_LUCK, which is unproven */
	int64_t needless_wait_ns;
	int64_t needed_wait_ns;
	bool has_wait_histogram;
	uint64_t waits[IOR_WAIT_KIND_COUNT_][IOR_WAIT_BUCKETS]; /* ops by the log2 of their wait */
	struct range_lock_view range_lock;
	uint64_t losses[IOR_LOSS_COUNT_];
	uint64_t records_written;
	uint64_t records_suppressed;
	uint64_t admissions[IOR_ADMISSION_COUNT_];
	struct command_view command;
	struct agreement_view stress;
};

#endif
