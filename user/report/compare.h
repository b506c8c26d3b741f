/* SPDX-License-Identifier: GPL-2.0 */
/* How a comparison is told: for a cover letter, and for programs. */
#ifndef IORACE_REPORT_COMPARE_H
#define IORACE_REPORT_COMPARE_H

#include "model/comparison.h"

struct buf;

/* All return 0 or -ENOMEM. */
int compare_text(const struct comparison_view *view, struct buf *out);
int compare_json(const struct comparison_view *view, struct buf *out);
int compare_html(const struct comparison_view *view, struct buf *out); /* a part of a page */

#endif
