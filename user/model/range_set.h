/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where in a file something happened: disjoint ranges in order, a bounded number of them. What
 * touches is merged; beyond the bound the two that lie closest become one, with the gap between
 * them. So the set may grow too wide, but it never misses a byte.
 */
#ifndef IORACE_MODEL_RANGE_SET_H
#define IORACE_MODEL_RANGE_SET_H

#include <stddef.h>

#include <iorace/range.h>

#define RANGE_SET_MAX 16

struct range_set {
	struct ior_range ranges[RANGE_SET_MAX + 1]; /* one more while it is added to */
	size_t len;
};

void range_set_add(struct range_set *set, struct ior_range range);

/* Widens the outermost ranges until they reach the ends of `span`. */
void range_set_reach(struct range_set *set, struct ior_range span);

#endif
