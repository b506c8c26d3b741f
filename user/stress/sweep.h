/* SPDX-License-Identifier: GPL-2.0 */
/*
 * After all is over: what is left in the file, read in pieces that overlap so that each op lies
 * wholly in one of them. Where direct and buffered IO met, it is read both ways.
 */
#ifndef IORACE_STRESS_SWEEP_H
#define IORACE_STRESS_SWEEP_H

#include "stress/reader.h"
#include "stress/stress.h"

struct stress_shared;

#define SWEEP_OVER 1

struct sweep_job {
	const char *path;
	uint64_t run;
	uint64_t size; /* at least what was filled */
	uint64_t longest;
	bool starts_empty;
	enum stress_mode mode;
	struct history *history;
	struct stress_shared *shared;
};

struct sweep {
	const struct sweep_job *job;
	struct stress_reader reader;
	void *buffer;
	int fds[2];
	uint64_t sizes[2];
	unsigned int way; /* index into fds */
	uint64_t at;
	uint64_t seq;
};

int sweep_init(struct sweep *sweep, const struct sweep_job *job);

/* 0: one more read was judged, *found with evidence; SWEEP_OVER; or -errno. */
int sweep_next(struct sweep *sweep, bool *found, struct stress_evidence *evidence);
void sweep_done(struct sweep *sweep);

#endif
