/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of waits, and of what the range lock under test does. Nothing here decides anything. */
#ifndef IORACE_WAITS_BPF_H
#define IORACE_WAITS_BPF_H

#include "verbs.bpf.h"

#include <iorace/range_lock.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_wait_counters);
} ior_wait_counters SEC(".maps");

/* Raised when the range lock was seen not to do what it is for; see lock_claims.bpf.h. */
__u64 ior_range_lock_doubts;

static __always_inline void lock_doubt(void)
{
	__sync_fetch_and_add(&ior_range_lock_doubts, 1);
}

static __always_inline struct ior_wait_counters *wait_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ior_wait_counters, &zero);
}

static __always_inline int lock_add(__u32 stat, __u64 count)
{
	struct ior_wait_counters *c = wait_counters();

	if (c && stat < IOR_RL_STAT_COUNT_)
		__sync_fetch_and_add(&c->range_lock[stat], count);
	return 0;
}

static __always_inline int lock_count(__u32 stat)
{
	return lock_add(stat, 1);
}

/* One op that waited so long before its window. Global: judged once, not at each end of an op. */
__noinline int wait_count(__u32 kind, __u64 ns)
{
	struct ior_wait_counters *c = wait_counters();
	__u32 bucket = ior_opaque(ior_wait_bucket(ns));

	if (c && bucket < IOR_WAIT_BUCKETS && kind < IOR_WAIT_KIND_COUNT_)
		__sync_fetch_and_add(&c->buckets[kind][bucket], 1);
	return 0;
}

#endif
