// SPDX-License-Identifier: GPL-2.0
#include "model/range_set.h"

#include <string.h>

/* Replaces ranges [from, to) of the set by one. */
static void range_set_replace(struct range_set *set, size_t from, size_t to, struct ior_range by)
{
	memmove(&set->ranges[from + 1], &set->ranges[to], (set->len - to) * sizeof(set->ranges[0]));
	set->ranges[from] = by;
	set->len = set->len - (to - from) + 1;
}

static void range_set_join_closest(struct range_set *set)
{
	__u64 gap_min = IOR_RANGE_MAX;
	size_t at = 0;

	for (size_t i = 0; i + 1 < set->len; i++) {
		__u64 gap = set->ranges[i + 1].start - set->ranges[i].end;

		if (gap < gap_min) {
			gap_min = gap;
			at = i;
		}
	}
	range_set_replace(set, at, at + 2,
			  (struct ior_range){set->ranges[at].start, set->ranges[at + 1].end});
}

void range_set_add(struct range_set *set, struct ior_range range)
{
	size_t from = 0, to;

	if (ior_range_is_empty(range))
		return;
	/* range: neighbours that only touch become one too */
	while (from < set->len && set->ranges[from].end < range.start)
		from++;
	/* range: see above */
	for (to = from; to < set->len && set->ranges[to].start <= range.end; to++) {
		if (set->ranges[to].start < range.start)
			range.start = set->ranges[to].start;
		if (set->ranges[to].end > range.end)
			range.end = set->ranges[to].end;
	}
	range_set_replace(set, from, to, range);
	if (set->len > RANGE_SET_MAX)
		range_set_join_closest(set);
}

void range_set_reach(struct range_set *set, struct ior_range span)
{
	if (ior_range_is_empty(span))
		return;
	if (set->len == 0) {
		range_set_add(set, span);
		return;
	}
	if (span.start < set->ranges[0].start)
		set->ranges[0].start = span.start;
	if (span.end > set->ranges[set->len - 1].end)
		set->ranges[set->len - 1].end = span.end;
}
