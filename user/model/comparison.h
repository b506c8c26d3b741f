/* SPDX-License-Identifier: GPL-2.0 */
/* Two runs side by side: without a patch and with it. */
#ifndef IORACE_MODEL_COMPARISON_H
#define IORACE_MODEL_COMPARISON_H

#include "model/view.h"

#include <stdbool.h>

struct reason;

/* What a comparison needs of a run; -1: not measured. Texts are the owner's. */
struct run_facts {
	const char *verdict; /* as reports have it: "clean", "conflicts", "inconclusive" */
	const char *reason;  /* may be NULL */
	uint64_t duration_ns;
	uint64_t ops; /* reads, writes and the rest */
	uint64_t conflicts;
	uint64_t findings;
	int64_t overlapping;
	int64_t serialized;
	int64_t serialized_by[IOR_KEEPER_COUNT_];
	int64_t unproven;
	int64_t needless_wait_ns;
	int64_t needed_wait_ns;
	bool has_waits;						/* the two below */
	uint64_t waits[IOR_WAIT_KIND_COUNT_][IOR_WAIT_BUCKETS]; /* ops by the log2 of their wait */
	bool has_range_lock;					/* one was under test */
	int64_t lock_needless_ns;				/* waits for it alone */
	int64_t lock_needed_ns;
	uint64_t lock_flaws; /* times it was seen not to do what it is for */
	int64_t torn; /* results that iorace stress proved under the run; -1: it did not run */
	uint64_t losses;
	bool command_failed; /* the workload itself: who knows what it did not do */
};

enum comparison_outcome {
	COMPARISON_NOTHING, /* one of the two proves nothing */
	COMPARISON_NONE,    /* no conflict before, none after */
	COMPARISON_CLOSED,  /* conflicts before, none after, and pairs were seen to be kept apart */
	COMPARISON_UNTESTED, /* conflicts before, none after: what is left may be luck */
	COMPARISON_OPEN,     /* conflicts before and after */
	COMPARISON_OPENED,   /* none before, conflicts after */
	COMPARISON_COUNT_
};

/* `why` becomes one sentence without full stop. */
enum comparison_outcome comparison_outcome(const struct run_facts *before,
					   const struct run_facts *after, struct reason *why);

/* As it is told. */
struct comparison_view {
	const char *names[2];		 /* where the two come from */
	const struct run_facts *runs[2]; /* before, after */
};

/* What the summary of a run says. */
struct run_facts run_facts_of(const struct summary_view *summary);

/* As JSON has it. */
const char *comparison_outcome_name(enum comparison_outcome outcome);

/* Ops per second, 0 where the run had no duration. */
uint64_t run_facts_rate(const struct run_facts *facts);

#endif
