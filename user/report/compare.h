/* SPDX-License-Identifier: GPL-2.0 */
/* How a comparison is told: for a cover letter, and for programs. */
#ifndef IORACE_REPORT_COMPARE_H
#define IORACE_REPORT_COMPARE_H

#include "model/comparison.h"

struct buf;

/* Both return 0 or -ENOMEM. `names` are where the two come from. */
int compare_text(const char *const names[2], const struct run_facts *const runs[2],
		 struct buf *out);
int compare_json(const char *const names[2], const struct run_facts *const runs[2],
		 struct buf *out);

#endif
