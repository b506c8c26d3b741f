/* SPDX-License-Identifier: GPL-2.0 */
/* Where a run is told: one stream or file per reporter. */
#ifndef IORACE_RUN_OUTPUTS_H
#define IORACE_RUN_OUTPUTS_H

#include "base/err.h"
#include "model/reporter.h"

#include <stdbool.h>
#include <stdio.h>

#define OUTPUTS_MAX 16

struct output {
	const struct reporter_ops *reporter;
	struct report_style style;
	struct report_doc doc;
	FILE *file;
	bool owned;	/* ours to close */
	bool conflicts; /* tell each conflict, not only findings */
	bool coverage;	/* tell what the plan sees, before anything else */
	const char *name;
};

struct outputs {
	struct output items[OUTPUTS_MAX];
	size_t len;
	int error; /* first -errno of a write; telling goes on elsewhere */
	const char *error_name;
};

/* The stream stays the caller's. */
int outputs_add_stream(struct outputs *outputs, const struct reporter_ops *reporter, FILE *file,
		       bool conflicts, bool coverage);

/* The ending of the name chooses the reporter; -EINVAL names the endings that exist. */
int outputs_add_file(struct outputs *outputs, const char *path, struct reason *why);

void outputs_conflict(struct outputs *outputs, const struct conflict_view *conflict);
void outputs_admission(struct outputs *outputs, const struct admission_view *admission);
void outputs_finding(struct outputs *outputs, const struct finding_view *finding);
void outputs_coverage(struct outputs *outputs, const struct coverage_view *row);
void outputs_file(struct outputs *outputs, const struct file_sums_view *sums);
void outputs_comparison(struct outputs *outputs, const struct comparison_view *comparison);
void outputs_summary(struct outputs *outputs, const struct summary_view *summary);
void outputs_torn(struct outputs *outputs, const struct torn_view *torn);
void outputs_stress(struct outputs *outputs, const struct stress_view *stress);

/* What was written reaches its file; errors go to outputs->error. */
void outputs_flush(struct outputs *outputs);
void outputs_done(struct outputs *outputs);

#endif
