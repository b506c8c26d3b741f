/* SPDX-License-Identifier: GPL-2.0 */
/* The maps of the in-flight table and the verbs it and its accounts are written against. */
#ifndef IORACE_VERBS_BPF_H
#define IORACE_VERBS_BPF_H

#include "compat.bpf.h"

#include <iorace/range_lock.h>
#include <iorace/slot.h>
#include <iorace/span.h>

/*
 * Sizes are set before load. MMAPABLE aligns the values to a page, so that a line of 64 bytes is
 * one cache line, and lets the tool see who is in flight (user/live/forgetter.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_line);
} ior_lines SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_line);
} ior_wide SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_slot);
} ior_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_races);
} ior_races SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* as many as slots when spans are wanted */
	__type(key, __u32);
	__type(value, struct ior_span);
} ior_spans SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* as many as slots where there is a range lock */
	__type(key, __u32);
	__type(value, struct ior_range_lock_span);
} ior_range_lock_spans SEC(".maps");

#define INFLIGHT_LOAD(p) (*(const volatile typeof(*(p)) *)(p))
#define INFLIGHT_STORE(p, v) (*(volatile typeof(*(p)) *)(p) = (v))
#define INFLIGHT_CMPXCHG(p, old, new) __sync_val_compare_and_swap(p, old, new)
#define INFLIGHT_ADD(p, v) __sync_fetch_and_add(p, v)
#define INFLIGHT_OR(p, v) __sync_fetch_and_or(p, v)

/*
 * Asks for a line that is going to be written, and waits for nothing. What is stored is there
 * already. Were it read first, and another CPU wrote it last, it would come twice: shared, and once
 * more to be written.
 */
#define INFLIGHT_FETCH(line) (((volatile __u8 *)&(line)->header)[IOR_LINE_STILL_BYTE] = 0)

#define INFLIGHT_GLOBAL __noinline
#define INFLIGHT_ROLLED _Pragma("clang loop unroll(disable)")

#define inflight_loop(n, fn, ctx) bpf_loop(n, fn, ctx, 0)

#include "bits.bpf.h"

__u32 ior_places[IOR_PLACES_ENTRIES];

static __always_inline struct ior_line *line_at(bool wide, __u32 i)
{
	if (wide)
		return bpf_map_lookup_elem(&ior_wide, &i);
	return bpf_map_lookup_elem(&ior_lines, &i);
}

static __always_inline struct ior_slot *slot_at(__u32 i)
{
	return bpf_map_lookup_elem(&ior_slots, &i);
}

static __always_inline struct ior_races *races_at(__u32 i)
{
	return bpf_map_lookup_elem(&ior_races, &i);
}

static __always_inline struct ior_span *span_at(__u32 i)
{
	return bpf_map_lookup_elem(&ior_spans, &i);
}

static __always_inline struct ior_range_lock_span *lock_span_at(__u32 i)
{
	return bpf_map_lookup_elem(&ior_range_lock_spans, &i);
}

static __always_inline __u32 line_mask(bool wide)
{
	return wide ? ior_options.wide_mask : ior_options.line_mask;
}

static __always_inline __u32 slot_mask(void)
{
	return ior_options.slot_mask;
}

static __always_inline __u32 *places_noted(void)
{
	return ior_places;
}

__noinline int inflight_meet(__u32 self, const __u64 *way); /* pair.bpf.h */

#endif
