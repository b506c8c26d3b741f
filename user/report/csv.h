/* SPDX-License-Identifier: GPL-2.0 */
/* One row for each conflict and one for the end of the run, for spreadsheets and data frames. */
#ifndef IORACE_REPORT_CSV_H
#define IORACE_REPORT_CSV_H

#include "model/reporter.h"

extern const struct reporter_ops csv_reporter;

#endif
