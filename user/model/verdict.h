/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a run as a whole means. Whether one pair conflicts is <iorace/verdict.h>, and only there.
 */
#ifndef IORACE_MODEL_VERDICT_H
#define IORACE_MODEL_VERDICT_H

#include "model/view.h"

struct reason;

/* A file system, or one mode of it, that the run was about. */
struct coverage_use {
	const char *fs;
	uint64_t ops; /* that it saw; 0: does not matter */
	enum coverage_level level;
};

struct verdict_input {
	uint64_t conflicts;
	uint64_t stale_pages; /* direct writes that the kernel says left stale pages behind */
	uint64_t ops;	      /* tracked: what the verdict rests on */
	int64_t overlapping;  /* pairs; negative: not measured */
	uint64_t require_overlap;
	uint64_t lock_flaws;	/* times that the range lock under test was seen to fail */
	bool lock_is_unused;	/* one was under test, and nobody ever took it */
	const uint64_t *losses; /* IOR_LOSS_COUNT_ of them */
	const struct coverage_use *uses;
	size_t uses_len;
};

/* `why` becomes one sentence without full stop. */
enum verdict run_verdict(const struct verdict_input *in, struct reason *why);

#endif
