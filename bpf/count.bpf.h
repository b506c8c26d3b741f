/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: what was seen and what was lost. Nothing here decides anything. */
#ifndef IORACE_COUNT_BPF_H
#define IORACE_COUNT_BPF_H

#include "compat.bpf.h"

#include <iorace/records.h>
#include <iorace/slot.h>

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ior_cpu);
} ior_cpus SEC(".maps");

static __always_inline struct ior_cpu *cpu_of_run(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&ior_cpus, &zero);
}

/*
 * A plain increment: an interrupt on this CPU between load and store can swallow one of its own
 * kind. Fine for ops; what must be exact is added atomically.
 */
static __always_inline void stat_count(enum ior_stat stat)
{
	struct ior_cpu *c = cpu_of_run();

	if (c)
		c->stats[stat]++;
}

/*
 * An op on a file system, and what it was. The compiler may know that both are within bounds, and
 * the verifier does not.
 */
static __always_inline void cpu_count_op(struct ior_cpu *c, __u64 fs, __u64 kind)
{
	fs = ior_opaque(fs) & (IOR_FS_ROOM - 1);
	kind = ior_opaque(kind) & (IOR_OP_COUNT_ - 1);
	c->ops[fs][kind]++;
}

static __always_inline void fs_count(__u8 fs)
{
	struct ior_cpu *c = cpu_of_run();

	if (c && fs < IOR_FS_COUNT_)
		c->fs_ops[fs]++;
}

static __always_inline void stat_add_exact(__u64 stat, __u64 count)
{
	struct ior_cpu *c = cpu_of_run();

	stat = ior_opaque(stat); /* as above */
	if (c && stat < IOR_STAT_COUNT_)
		__sync_fetch_and_add(&c->stats[stat], count);
}

static __always_inline void stat_count_exact(enum ior_stat stat)
{
	stat_add_exact(stat, 1);
}

/* Every way to miss something ends here. */
static __always_inline int loss_add(enum ior_loss loss, __u64 count)
{
	struct ior_cpu *c = cpu_of_run();

	if (c)
		__sync_fetch_and_add(&c->losses[loss], count);
	return 0;
}

static __always_inline int loss_count(enum ior_loss loss)
{
	return loss_add(loss, 1);
}

#endif
