/* SPDX-License-Identifier: GPL-2.0 */
/* One thread or process that writes, reads or cuts, and judges what it reads. */
#ifndef IORACE_STRESS_WORKER_H
#define IORACE_STRESS_WORKER_H

#include <stdatomic.h>

#include "stress/stress.h"

struct history;

/* What all workers of a run share, threads and processes alike. */
struct stress_shared {
	atomic_bool stop;
	atomic_uint_fast64_t started; /* ops */
	atomic_uint_fast64_t tail;    /* about where the file ends, when it is appended to */
	atomic_uint_fast64_t ops[IOR_OP_COUNT_];
	atomic_uint_fast64_t bytes[IOR_OP_COUNT_];
	atomic_uint_fast64_t judged;
	atomic_uint_fast64_t contended;
	atomic_uint_fast64_t undecided;
	atomic_uint_fast64_t refused;
};

struct worker {
	const struct stress_opts *opts;
	struct stress_shared *shared;
	struct history *history;
	const char *path;
	uint64_t run;
	uint64_t nothing_from;
	uint32_t id; /* from 1: its lane in the history */
	enum stress_role role;
	unsigned int index; /* among those of its role */
	int messages;	    /* pipe: struct stress_message */
};

/* Until shared->stop, or there is nothing left to do. Its last message says that it ended. */
void worker_run(const struct worker *worker);

#endif
