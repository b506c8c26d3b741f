/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TAP: one test point for each finding, and one for the verdict. Nothing in it needs version 14,
 * which `prove` turns down.
 */
#ifndef IORACE_REPORT_TAP_H
#define IORACE_REPORT_TAP_H

#include "model/reporter.h"

extern const struct reporter_ops tap_reporter;

#endif
