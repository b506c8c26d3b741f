/* SPDX-License-Identifier: GPL-2.0 */
/* The results as a table for a terminal, as Markdown and as JSON. */
#ifndef IORACE_BENCH_SHOW_H
#define IORACE_BENCH_SHOW_H

#include "loads.h"
#include "measure.h"

#include <stdio.h>

/* A rung that this kernel or machine refuses, and its words. */
struct refusal {
	const struct rung_spec *spec;
	struct reason why;
};

struct bench_report {
	char date[32];
	char kernel[128];
	char cpu[128];
	char device[64];
	unsigned int cpus;
	unsigned int rounds;
	struct load_report loads[LOADS_MAX];
	size_t loads_len;
	struct refusal refusals[RUNGS_MAX];
	size_t refusals_len;
};

/* Was the machine left alone enough for the numbers to mean something? */
#define QUIET_SPREAD 0.06 /* distance of the quartiles of the untraced IOPS / median */
#define QUIET_BUSY 0.95	  /* what the jobs got of their CPUs */
bool load_was_quiet(const struct load_report *load);

void show_head(FILE *out, const struct bench_report *report);
void show_load(FILE *out, const struct load_report *load);
void show_refusals(FILE *out, const struct bench_report *report);
void show_markdown(FILE *out, const struct bench_report *report);
int show_json(FILE *out, const struct bench_report *report);

#endif
