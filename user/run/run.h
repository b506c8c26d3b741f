/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One run: tracer -> records -> views -> outputs, until a signal, the end of a duration or of the
 * command; then findings, coverage and the summary with its verdict.
 */
#ifndef IORACE_RUN_RUN_H
#define IORACE_RUN_RUN_H

#include "live/tracer.h"
#include "run/workload.h"
#include "run/outputs.h"

#include <stdint.h>

struct run_opts {
	const struct plan *plan;
	const struct kernel *kernel;
	struct tracer_opts tracer;
	uint64_t duration_ns; /* 0: until a signal or the end of the command */
	uint64_t require_overlap;
	struct workload *workload;		  /* NULL: none */
	const struct range_lock_spec *range_lock; /* under test; NULL: none */
	const struct run_facts *baseline;	  /* an earlier run to compare with; NULL: none */
	const char *baseline_name;
};

/* What came of it: the exit status is the commands' business. */
struct run_result {
	enum verdict verdict;
	int output_error; /* a report could not be written: -errno */
	const char *output_name;
	bool workload_failed; /* run_session() failed because the command could not be run */
};

/* -errno with the reason when tracing could not start or the command could not be run. */
int run_session(const struct run_opts *opts, struct outputs *outputs, struct run_result *ret,
		struct reason *why);

#endif
