/* SPDX-License-Identifier: GPL-2.0 */
/* Another tool as a rung: a process, started, left alone until it traces, and told to end. */
#ifndef IORACE_BENCH_PROCESS_H
#define IORACE_BENCH_PROCESS_H

#include "rungs.h"

#include <sys/types.h>

struct rung_process {
	const char *command; /* for the shell */
	pid_t pid;	     /* 0: not running */
	/* what it loaded, by name, summed up over all its lives */
	struct rung_usage usage[RUNG_PROGRAMS_MAX];
	size_t usage_len;
};

/* Can it be run here? The reason is what it said itself. */
int process_try(struct rung_process *p, const char *command, struct reason *why);

int process_start(struct rung_process *p, struct reason *why);
void process_stop(struct rung_process *p);

double process_cpu_ns(const struct rung_process *p);
size_t process_usage(const struct rung_process *p, struct rung_usage usage[RUNG_PROGRAMS_MAX]);

#endif
