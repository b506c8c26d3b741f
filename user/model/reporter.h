/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Port: how a run is told. A reporter turns views into text in a buffer and knows neither where
 * the views came from nor where the text goes. Calls come in the order
 * coverage*, (conflict or admission)*, finding*, file*, torn*, comparison?, summary, or, from
 * `iorace stress`, torn*, stress. 0 or -ENOMEM.
 */
#ifndef IORACE_MODEL_REPORTER_H
#define IORACE_MODEL_REPORTER_H

#include "model/comparison.h"
#include "model/stress_view.h"
#include "model/view.h"

#include "base/buf.h"

/* What a format that is one document keeps from call to call. Starts as {}. */
struct report_doc {
	struct buf held;     /* what can be written only when the end is known */
	struct buf more;     /* the same, for another part of the document */
	struct buf aside;    /* and another */
	struct buf compared; /* with an earlier run */
	uint64_t told;	     /* results so far */
	uint64_t shown;	     /* of what a format shows no more than so much of */
	uint64_t failed;
};

void report_doc_done(struct report_doc *doc);

struct report_style {
	bool color;		/* escape sequences allowed: a terminal */
	unsigned width;		/* columns to draw ranges in; 0: default */
	struct report_doc *doc; /* of this output; formats that write line by line need none */
};

struct reporter_ops {
	const char *name;   /* as --format knows it */
	const char *ending; /* as --report FILE knows it, with its dot */
	bool is_document;   /* whole only after `summary` or `stress`: needs style->doc */
	int (*coverage)(const struct coverage_view *row, const struct report_style *style,
			struct buf *out);
	int (*conflict)(const struct conflict_view *conflict, const struct report_style *style,
			struct buf *out);
	int (*admission)(const struct admission_view *admission, const struct report_style *style,
			 struct buf *out);
	int (*finding)(const struct finding_view *finding, const struct report_style *style,
		       struct buf *out);
	int (*file)(const struct file_sums_view *sums, const struct report_style *style,
		    struct buf *out);
	int (*comparison)(const struct comparison_view *view, const struct report_style *style,
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
/* Of those that write line by line, fit for a stream; NULL: none of that name. */
const struct reporter_ops *reporter_by_name(const char *name);
const struct reporter_ops *reporter_by_ending(const char *file); /* NULL: unknown ending */

#endif
