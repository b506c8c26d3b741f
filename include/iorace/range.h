/* SPDX-License-Identifier: GPL-2.0 */
/* Half-open byte ranges [start, end). Pure arithmetic: knows no file and no time. */
#ifndef IORACE_RANGE_H
#define IORACE_RANGE_H

#include "types.h"

#define IOR_RANGE_MAX (~0ULL)

struct ior_range {
	__u64 start; /* bytes */
	__u64 end;   /* bytes, exclusive */
};
IOR_SIZE_IS(struct ior_range, 16);

static inline bool ior_range_is_empty(struct ior_range r)
{
	return r.start >= r.end;
}

/* A range that would pass the end of the address space ends there: it never wraps to the start. */
static inline struct ior_range ior_range_from(__u64 pos, __u64 len_bytes)
{
	struct ior_range r = {pos, pos + len_bytes};

	if (r.end < pos)
		r.end = IOR_RANGE_MAX;
	return r;
}

/* An empty range overlaps nothing, not even a range around it. */
static inline bool ior_range_overlaps(struct ior_range a, struct ior_range b)
{
	return !ior_range_is_empty(a) && !ior_range_is_empty(b) && a.start < b.end &&
	       b.start < a.end;
}

/* Only meaningful for ranges that overlap; otherwise empty. */
static inline struct ior_range ior_range_intersection(struct ior_range a, struct ior_range b)
{
	struct ior_range r = {
		.start = a.start > b.start ? a.start : b.start,
		.end = a.end < b.end ? a.end : b.end,
	};

	if (ior_range_is_empty(r))
		r.end = r.start;
	return r;
}

static inline __u64 ior_range_len(struct ior_range r)
{
	return ior_range_is_empty(r) ? 0 : r.end - r.start;
}

static inline bool ior_range_contains(struct ior_range outer, struct ior_range inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

/* How two overlapping ranges lie: reported as `shape`. */
enum ior_shape {
	IOR_SHAPE_IDENTICAL,
	IOR_SHAPE_NESTED,
	IOR_SHAPE_PARTIAL,
	IOR_SHAPE_COUNT_
};

static inline enum ior_shape ior_range_shape(struct ior_range a, struct ior_range b)
{
	if (a.start == b.start && a.end == b.end)
		return IOR_SHAPE_IDENTICAL;
	if (ior_range_contains(a, b) || ior_range_contains(b, a))
		return IOR_SHAPE_NESTED;
	return IOR_SHAPE_PARTIAL;
}

#endif
