/* SPDX-License-Identifier: GPL-2.0 */
/* What watch and check have in common: options of the tracer and of the reports. */
#ifndef IORACE_CMD_TRACING_H
#define IORACE_CMD_TRACING_H

#include "cmd/filters.h"
#include "run/run.h"

struct tracing_opts {
	struct filter_opts filters;
	const char *format;
	struct cli_list reports;
	uint64_t duration_ns;
	uint64_t in_flight;
	const char *flavours;
	bool stack;
};

extern const struct opt tracing_opts[];

/* For OPT_PARSE() on a uint64_t; 0 stays for an option that is not given: the default. */
int parse_table_size(const char *value, const char *what, struct reason *why, void *field);

void tracing_opts_done(struct tracing_opts *opts);

/*
 * Runs a session: checks every word before anything starts, then probes, plans, traces and tells.
 * `run` holds what the command adds: command, require_overlap, limits in tracer.options. Text for
 * `stream` tells conflicts as they happen if `live`. Returns the exit status.
 */
int tracing_run(const struct tracing_opts *opts, struct run_opts *run, FILE *stream, bool live);

#endif
