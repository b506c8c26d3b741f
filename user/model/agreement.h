/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is a torn result, which `iorace stress` has proved by content, among the conflicts that were
 * traced? Of the pairs that it names at least one had both windows open (stress_judge.h), so one of
 * them must be a conflict, unless there was something that could not be seen. The other way need
 * not hold: most conflicts tear nothing.
 */
#ifndef IORACE_MODEL_AGREEMENT_H
#define IORACE_MODEL_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iorace/records.h>

#include "model/stress_judge.h"

/* As much of a traced op as is compared. */
struct agreement_op {
	struct ior_range range;
	uint64_t begin_ns; /* of its window */
	uint32_t tid;
	uint8_t kind;
};

struct agreement_conflict {
	uint64_t ino;
	uint32_t dev;
	struct agreement_op ops[2]; /* the later window second */
};

struct agreement_conflict agreement_conflict_of(const struct ior_rec_conflict *record);

/* What was traced. */
struct agreement_traced {
	const struct agreement_conflict *conflicts; /* in the order of agreement_sort() */
	size_t len;
	uint64_t complete_until_ns; /* every conflict up to here is among them */
	/* Are the windows of such ops seen whole, on the file system at hand? */
	bool covers[IOR_MODE_COUNT_][IOR_OP_COUNT_][2];
};

void agreement_sort(struct agreement_conflict *conflicts, size_t len);

/* A torn result; names in `pairs` are indices into `ops`. */
struct agreement_torn {
	uint64_t ino;
	uint32_t dev;
	bool is_mixed;	   /* of a run of direct and buffered IO */
	bool tids_compare; /* threads are numbered there as in what was traced */
	bool pairs_cut;
	enum stress_how how;
	const struct stress_op *ops; /* first the read that showed it */
	const struct stress_pair *pairs;
	size_t pairs_len;
};

enum agreement {
	AGREEMENT_FOUND,
	AGREEMENT_UNKNOWN,	/* not among them, but what tore it may not have been seen */
	AGREEMENT_CONTRADICTION /* not among them, and it should be */
};

enum agreement agreement_judge(const struct agreement_traced *traced,
			       const struct agreement_torn *torn);

#endif
