/* SPDX-License-Identifier: GPL-2.0 */
/* One run of `iorace stress`: a scratch file, workers that hurry on it, and what they saw. */
#ifndef IORACE_STRESS_STRESS_H
#define IORACE_STRESS_STRESS_H

#include <limits.h>

#include "base/err.h"
#include "model/names.h"
#include "model/stress_view.h"
#include "stress/engine.h"
#include "stress/handover.h"
#include "stress/shape.h"

enum stress_mode {
	STRESS_MODE_DIRECT,
	STRESS_MODE_DAX,
	STRESS_MODE_BUFFERED,
	STRESS_MODE_MIXED, /* direct and buffered by turns of the die */
	STRESS_MODE_COUNT_
};

/* In the order of the enum, NULL-terminated: a table for options. */
extern const char *const stress_mode_names[];

struct stress_opts {
	const char *dir;
	enum stress_mode mode;
	enum stress_engine engine;
	struct stress_geometry geometry; /* 0 in it: as the shape likes it */
	bool processes;
	bool keep; /* the file */
	unsigned int depth;
	uint64_t seed;
	uint64_t duration_ns;
	uint64_t ops_max; /* 0: no limit */
	uint64_t rate;	  /* ops per second, all workers together; 0: no limit */
	uint64_t max_records;
	struct handover handover; /* to iorace check, if it is above us */
};

/* Who is told, from the thread that called stress_run(). */
struct stress_listener {
	void (*torn)(const struct torn_view *torn, void *arg);
	void (*progress)(const struct stress_view *so_far, void *arg); /* twice a second */
	void *arg;
};

struct stress_outcome {
	struct stress_view view; /* borrows from `text` and `path` */
	char path[PATH_MAX];
	char fs[FS_TEXT_BYTES];
	char reason[256];
	struct reason error;
};

/*
 * Runs until the time or the ops are over, or a signal ends it. -errno with the reason when it
 * could not begin; an error while it ran is in outcome->error, beside what was seen.
 */
int stress_run(const struct stress_opts *opts, const struct stress_listener *listener,
	       struct stress_outcome *outcome, struct reason *why);

#endif
