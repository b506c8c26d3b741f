/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port: how a run is told. A reporter turns views into text in a buffer and knows neither where
 * the views came from nor where the text goes. Calls come in the order
 * coverage*, conflict*, finding*, torn*, summary, or, from `iorace stress`, torn*, stress. 0 or
 * -ENOMEM.
 */
#ifndef IORACE_MODEL_REPORTER_H
#define IORACE_MODEL_REPORTER_H

#include "model/stress_view.h"
#include "model/view.h"

struct buf;

struct report_style {
	bool color; /* escape sequences allowed: a terminal */
	unsigned width; /* columns to draw ranges in; 0: default */
};

struct reporter_ops {
	const char *name;   /* as --format knows it */
	const char *ending; /* as --report FILE knows it, with its dot */
	int (*coverage)(const struct coverage_view *row, const struct report_style *style,
			struct buf *out);
	int (*conflict)(const struct conflict_view *conflict, const struct report_style *style,
			struct buf *out);
	int (*finding)(const struct finding_view *finding, const struct report_style *style,
		       struct buf *out);
	int (*summary)(const struct summary_view *summary, const struct report_style *style,
		       struct buf *out);
	int (*torn)(const struct torn_view *torn, const struct report_style *style,
		    struct buf *out);
	int (*stress)(const struct stress_view *stress, const struct report_style *style,
		      struct buf *out);
};

/* Tables end with NULL. */
extern const struct reporter_ops *const reporters[];
const struct reporter_ops *reporter_by_name(const char *name);	 /* NULL: none of that name */
const struct reporter_ops *reporter_by_ending(const char *file); /* NULL: unknown ending */

#endif
