/* SPDX-License-Identifier: GPL-2.0 */
/* One page that needs nothing else: for people, to keep and to send. */
#ifndef IORACE_REPORT_HTML_H
#define IORACE_REPORT_HTML_H

#include "model/reporter.h"

extern const struct reporter_ops html_reporter;

/* A comparison alone. 0 or -ENOMEM. */
int html_comparison_page(const struct comparison_view *view, struct buf *out);

#endif
