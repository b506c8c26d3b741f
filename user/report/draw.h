/* SPDX-License-Identifier: GPL-2.0 */
/* Two overlapping byte ranges on one scale. */
#ifndef IORACE_REPORT_DRAW_H
#define IORACE_REPORT_DRAW_H

#include <iorace/range.h>

struct buf;
struct report_style;

/*
 *	A      |####----|
 *	B  |---|####|
 *
 * Common bytes are '#', at least one column wide however small they are, and so is whatever else
 * one of the two has for itself. Ranges that do not overlap are not drawn. 0 or -ENOMEM.
 */
int draw_overlap(struct ior_range a, struct ior_range b, const struct report_style *style,
		 struct buf *out);

/* "[4096, 8192)"; a range without an end is "[4096, ∞)". */
int draw_interval(struct ior_range range, struct buf *out);

#endif
