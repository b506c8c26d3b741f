/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Was a read torn? The answer by content alone, for `iorace stress`.
 *
 * What is claimed. A read is whole when there is SOME order, one op after the other, of the read
 * and all ops that change the file, in which an op that ended before another began stands before
 * it, and in which the read, at its place, sees what it saw. It is torn when there is none. So
 * "torn" is a proof: no atomic execution explains it. Which op may be seen where is not guessed:
 *
 *	U(u)	the op that a unit u of the read came from (its stamp says so)
 *	PAST	ops that stand before the read: every U(u), and whatever ended before the read began
 *		or before some U(u) began. The smallest set there can be; a larger one only asks for
 *		more, so if this one has no order none has.
 *	A -> B	A stands before B, for A, B in PAST:
 *		(time)	A ended before B began
 *		(cover)	B is U(u) and A changed u too: what A left there had to be overwritten by B,
 *			or the read would have seen it
 *
 * The read is whole exactly when the arrows do not go round in a circle. Some circles:
 *
 *	two writes of the same range, half of each		A -cover-> B -cover-> A
 *	some units of a write and some that it had overwritten	A -time-> B -cover-> A
 *	a third write, later than both, over those units	no circle: C covers, nothing else
 *	a write that had ended before the read, unseen		A -time-> B -cover-> A, B not seen
 *	a later write seen, an earlier one elsewhere not	A -time-> B -cover-> A, B unseen but
 *								before C, which was seen
 *
 * Ops that the read did not see and that began before everything it saw had ended need not be
 * known: a circle reaches an unseen op by a (time) arrow only.
 *
 * Zeros carry no stamp. They come from an op that leaves nothing (truncate, punch) or were there
 * at the start, and all combinations are tried; the read is torn when none works. Truncating to x
 * is leaving nothing in [x, ∞), and a read that ends at the end of the file sees nothing beyond.
 * What the size of a file was is not judged by itself.
 *
 * What is not claimed: that several reads are consistent with each other. Each is judged alone.
 *
 * Times are taken before an op is submitted and after it has completed, and an end that is not yet
 * known counts as never: both only take arrows away. An op must be known before it is submitted.
 */
#ifndef IORACE_MODEL_STRESS_JUDGE_H
#define IORACE_MODEL_STRESS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iorace/op.h>

#define STRESS_IN_FLIGHT UINT64_MAX

struct stress_op {
	struct ior_range range;
	uint64_t seq;	   /* of the worker, from 1 */
	uint64_t begin_ns; /* CLOCK_MONOTONIC, before it was submitted */
	uint64_t end_ns;   /* after it completed, or STRESS_IN_FLIGHT */
	uint32_t worker;   /* 0: what filled the file at the start */
	uint32_t pid;
	uint32_t tid;
	uint8_t kind; /* enum ior_op_kind: read, write, size (leaves nothing) */
	uint8_t mode; /* enum ior_mode */
	bool async;
	bool append;
};

static inline bool stress_op_ended_before(const struct stress_op *a, const struct stress_op *b)
{
	return a->end_ns < b->begin_ns;
}

/* In flight at the same time, as far as times tell, and on common bytes. */
static inline bool stress_ops_met(const struct stress_op *a, const struct stress_op *b)
{
	return !stress_op_ended_before(a, b) && !stress_op_ended_before(b, a) &&
	       ior_range_overlaps(a->range, b->range);
}

/* Names of ops: an index into the history, or one of these. */
enum {
	STRESS_OP_NOTHING = -1,
	STRESS_OP_READ = -2
};

/* Neighbouring units of a read that came from the same op, or that held nothing. */
struct stress_run {
	struct ior_range range;
	int op; /* index into the history, or STRESS_OP_NOTHING */
};

struct stress_reading {
	struct stress_op read;
	const struct stress_run *runs; /* units that are not whole are left out */
	size_t runs_len;
	const struct stress_op *history; /* ops that change the file, in any order */
	size_t history_len;
	/* Where zeros may be from, beside the history: */
	uint64_t nothing_from;	   /* there was nothing from this byte on at the start */
	uint64_t nothing_until_ns; /* forgotten ops that left nothing ended by then; 0: none */
};

enum stress_kind {
	STRESS_WHOLE,
	STRESS_TORN_READ,   /* no order, and one of the ops in the way was in flight meanwhile */
	STRESS_MIXED_WRITE, /* writes that were over when the read began have mixed */
	STRESS_LOST_WRITE,  /* what a write left is gone although nothing came later */
	STRESS_GARBLED,	    /* bytes that no op that is remembered wrote there */
	STRESS_KIND_COUNT_
};

enum stress_how {
	STRESS_HOW_MIX,	    /* of one op, some units are seen and some are not */
	STRESS_HOW_MISSING, /* of an op that had to be seen nothing is */
	STRESS_HOW_ORDER,   /* each op by itself is whole, but no order of them explains it */
	STRESS_HOW_UNIT,    /* a mix inside a unit */
	STRESS_HOW_PLACE,   /* two appends landed at the same place: one of them is lost */
	STRESS_HOW_COUNT_
};

#define STRESS_OPS_MAX 8
#define STRESS_PAIRS_MAX 16

struct stress_pair {
	int a, b; /* names of ops */
};

struct stress_verdict {
	enum stress_kind kind;
	enum stress_how how;
	bool undecided;		 /* too many ways to explain zeros: taken for whole, and counted */
	int ops[STRESS_OPS_MAX]; /* the circle, the first of it when it is longer; names of ops */
	size_t ops_len;
	/* At least one of these pairs was not kept apart, or this could not be. */
	struct stress_pair pairs[STRESS_PAIRS_MAX];
	size_t pairs_len;
	bool pairs_cut; /* there were more */
};

void stress_judge(const struct stress_reading *reading, struct stress_verdict *ret);

/* The same for a unit that is broken: `ops` are the ones that it is mixed from, if known. */
void stress_judge_unit(const struct stress_reading *reading, const int *ops, size_t ops_len,
		       struct stress_verdict *ret);

const char *stress_kind_name(enum stress_kind kind);
const char *stress_how_name(enum stress_how how);

#endif
