/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every worker has written lately, for all of them to look up, threads and processes alike:
 * a lane for each worker, that only it writes to. An op is put down before it is submitted, and
 * its end after it completed, so that whoever has seen its data finds it (stress_judge.h).
 *
 * A lane remembers the last HISTORY_OPS. Of those that it has forgotten it keeps the latest end:
 * their stamps tell the rest.
 */
#ifndef IORACE_STRESS_HISTORY_H
#define IORACE_STRESS_HISTORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stress_judge.h"

#define HISTORY_OPS 1024 /* more than any worker does during one read */

struct history_record {
	atomic_uint_fast64_t version; /* twice seq when it can be read */
	atomic_uint_fast64_t start;
	atomic_uint_fast64_t end;
	atomic_uint_fast64_t begin_ns;
	atomic_uint_fast64_t end_ns;
	atomic_uint_fast64_t traits; /* kind, mode, async, append */
};

struct history_lane {
	_Alignas(64) atomic_uint_fast64_t last_seq; /* put down most recently; 0: none */
	atomic_uint_fast64_t forgotten_ns;	    /* the latest end of what was forgotten */
	atomic_uint_fast64_t forgotten_nothing_ns;  /* ...of ops that left nothing; 0: none */
	atomic_uint pid;
	atomic_uint tid;
	struct history_record records[HISTORY_OPS];
};

struct history {
	size_t lanes_len;
	struct history_lane lanes[];
};

/* Shared with children. NULL: no memory. Lane 0 is of what fills the file at the start. */
struct history *history_new(size_t workers);
void history_free(struct history *history);

/*
 * Only by the worker that the lane is of; op->seq is one more than the last. False when the op
 * whose place it needs is still in flight: reap first. An append has an empty range.
 */
bool history_begin(struct history *history, const struct stress_op *op);

/*
 * `start`: where an append went, or STRESS_START_UNKNOWN: then it has no range. Other ops stay
 * where they are.
 */
void history_end(struct history *history, uint32_t worker, uint64_t seq, uint64_t start,
		 uint64_t end_ns);

/* False when it was forgotten, or there was never one. */
bool history_find(struct history *history, uint32_t worker, uint64_t seq, struct stress_op *ret);

/* Fills pid and tid of op->worker. */
void history_whose(struct history *history, struct stress_op *op);

uint64_t history_forgotten_ns(struct history *history, uint32_t worker);

/* The latest end of all ops that left nothing and were forgotten; 0: none were. */
uint64_t history_forgotten_nothing_ns(struct history *history);

#endif
