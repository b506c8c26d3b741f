/* SPDX-License-Identifier: GPL-2.0 */
/* What a report of `iorace stress` is about; the same rules as in view.h. */
#ifndef IORACE_MODEL_STRESS_VIEW_H
#define IORACE_MODEL_STRESS_VIEW_H

#include "model/stress_judge.h"
#include "model/view.h"

/* In place of an index into ops. */
enum {
	STRESS_RUN_NOTHING = -1,
	STRESS_RUN_BROKEN = -2
};

/* Neighbouring units as they were found. */
struct stress_view_run {
	struct ior_range range;
	int op; /* index into ops, or one of the above */
};

/* One torn read, mixed write, lost write. */
struct torn_view {
	uint64_t id; /* counts up from 1 in one run */
	uint64_t time_real_ns;
	struct file_view file;
	enum stress_kind kind;
	enum stress_how how;
	const struct stress_op *ops; /* first the read that showed it */
	size_t ops_len;
	const struct stress_view_run *runs; /* what the read showed */
	size_t runs_len;
	bool runs_cut;
	const struct stress_pair *pairs; /* indices into ops: at least one of them raced */
	size_t pairs_len;
	bool pairs_cut;
};

enum stress_result {
	STRESS_RESULT_WHOLE,
	STRESS_RESULT_TORN,
	STRESS_RESULT_INCONCLUSIVE,
	STRESS_RESULT_COUNT_
};

/* The end of a run. */
struct stress_view {
	enum stress_result result;
	const char *reason; /* one sentence */
	struct file_view file;
	const char *mode;
	const char *engine;
	const char *shape;
	bool processes;
	unsigned int writers;
	unsigned int readers;
	unsigned int depth;
	uint64_t seed;
	uint64_t block;
	uint64_t size;
	uint64_t duration_ns;
	uint64_t ops[IOR_OP_COUNT_];
	uint64_t bytes[IOR_OP_COUNT_];
	uint64_t judged;    /* reads */
	uint64_t contended; /* ...that met a write on common bytes, as far as was looked */
	uint64_t undecided; /* ...of which zeros could be explained in too many ways */
	uint64_t refused;   /* direct reads that failed beside buffered writes; not judged */
	uint64_t found[STRESS_KIND_COUNT_];
	uint64_t torn_inside; /* torn reads that show a part of one write */
	uint64_t records_written;
	uint64_t records_suppressed;
	const char *error; /* what ended the run early */
};

const char *stress_result_name(enum stress_result result);

#endif
