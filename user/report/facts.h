/* SPDX-License-Identifier: GPL-2.0 */
/* What a report that was written as JSON says of its run. */
#ifndef IORACE_REPORT_FACTS_H
#define IORACE_REPORT_FACTS_H

#include "model/comparison.h"

#include <stdio.h>

struct json_t;
struct reason;

struct facts_file {
	struct run_facts facts; /* texts point into `summary` */
	struct json_t *summary;
};

/*
 * -EINVAL with the name and the line for what is no report of this version, -ENODATA for one
 * without its end, else -errno. Free with facts_done() either way.
 */
int facts_read(FILE *file, const char *name, struct facts_file *ret, struct reason *why);
void facts_done(struct facts_file *file);

#endif
