/* SPDX-License-Identifier: GPL-2.0 */
/* Reports for machines: one JSON object per line, docs/schema.json. */
#ifndef IORACE_REPORT_JSONL_H
#define IORACE_REPORT_JSONL_H

#include "model/reporter.h"

extern const struct reporter_ops jsonl_reporter;

#endif
