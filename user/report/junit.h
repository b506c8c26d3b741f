/* SPDX-License-Identifier: GPL-2.0 */
/* JUnit XML: what continuous integration shows. */
#ifndef IORACE_REPORT_JUNIT_H
#define IORACE_REPORT_JUNIT_H

#include "model/reporter.h"

extern const struct reporter_ops junit_reporter;

#endif
