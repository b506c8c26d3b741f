/* SPDX-License-Identifier: GPL-2.0 */
/* SARIF 2.1.0: for code scanning services. */
#ifndef IORACE_REPORT_SARIF_H
#define IORACE_REPORT_SARIF_H

#include "model/reporter.h"

extern const struct reporter_ops sarif_reporter;

#endif
