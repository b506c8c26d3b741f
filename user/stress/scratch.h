/* SPDX-License-Identifier: GPL-2.0 */
/* The file that is worked on: made where it is asked for, filled, and removed again. */
#ifndef IORACE_STRESS_SCRATCH_H
#define IORACE_STRESS_SCRATCH_H

#include "stress/stress.h"

struct history;

struct scratch {
	char path[PATH_MAX];
	struct ior_file id;
	int fd; /* -1: there is none */
	bool keep;
};

#define SCRATCH_NONE                                                                               \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * -errno with the reason, which says what to do, when the directory will not do: not writable, no
 * direct IO, no DAX.
 */
int scratch_create(const struct stress_opts *opts, struct scratch *ret, struct reason *why);

struct scratch_filling {
	uint64_t size;
	uint64_t run;
	struct history *history;
	bool (*is_over)(void *arg); /* asked now and then; true: -EINTR */
	void *arg;
};

/*
 * Gives it blocks and fills it with data, as worker 0: overwriting takes other locks than writing
 * to a hole.
 */
int scratch_fill(const struct scratch *scratch, const struct scratch_filling *filling,
		 struct reason *why);

/* Another description of the same file. */
int scratch_open(const char *path, int flags);

/* Removes it, unless it is to be kept; fit for _cleanup_(). */
void scratch_done(struct scratch *scratch);

#endif
