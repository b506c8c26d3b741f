/* SPDX-License-Identifier: GPL-2.0 */
/* Reports for people. */
#ifndef IORACE_REPORT_TEXT_H
#define IORACE_REPORT_TEXT_H

#include "model/reporter.h"

extern const struct reporter_ops text_reporter;

#endif
