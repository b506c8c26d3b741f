/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One ladder under one load. Rungs take turns with untraced runs, many short ones; each traced run
 * is held against the two untraced ones around it, and the median over the rounds counts. What
 * disturbs the machine for longer than a run then disturbs both sides.
 */
#ifndef IORACE_BENCH_MEASURE_H
#define IORACE_BENCH_MEASURE_H

#include "load.h"
#include "rungs.h"
#include "spread.h"

#define HOOKS_MAX 8

struct hook_cost {
	char hook[64];
	struct spread net_ns; /* per IO, without what an empty program at this hook takes */
	struct spread runs;   /* per IO */
};

struct rung_result {
	const struct rung_spec *spec;
	struct spread kept;	/* IOPS, traced / untraced */
	struct spread kept_cpu; /* the same per second of CPU time, whoever else wants the CPUs */
	struct spread added_ns; /* CPU time of the process per IO, traced - untraced */
	struct spread net_ns;	/* all programs per IO, by the kernel's statistics */
	struct hook_cost hooks[HOOKS_MAX];
	size_t hooks_len;
	uint64_t losses;
};

struct load_report {
	const struct load *load;
	unsigned int run_ms;
	struct spread iops;	 /* untraced */
	struct spread cpu_ns;	 /* untraced, per IO */
	struct spread busy;	 /* untraced: CPU time of the jobs / time */
	struct spread in_flight; /* requests of the device, half-way; 0: not known */
	struct rung_result rungs[RUNGS_MAX];
	size_t rungs_len;
};

struct measure_opts {
	const struct load_files *files; /* of this load's file system */
	struct rung *const *rungs;	/* in the order of rung_specs; NULL: not measured */
	unsigned int rounds;
	unsigned int run_ms;
};

int measure_load(const struct load *load, const struct measure_opts *opts, struct load_report *ret,
		 struct reason *why);

/* Runs that measure_load() makes in one round. */
unsigned int measure_runs(const struct load *load, struct rung *const *rungs);

#endif
