/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When an op begins. Asking the clock is the dearest part of a begin: 25 to 80 ns, of some 100 in
 * all. So where exact times are not wanted it is asked once for a few ops in a row. What was read
 * stands until
 *
 *   - the task is scheduled in anew, or the scheduler accounts for it (se.exec_start);
 *   - the tick counts on;
 *   - IOR_MOMENT_OPS ops of this CPU have had it.
 *
 * So who sleeps in his IO has the exact time, and who does not is early by some ops, by a tick at
 * worst; never late.
 */
#ifndef IORACE_MOMENT_BPF_H
#define IORACE_MOMENT_BPF_H

#include "compat.bpf.h"

#include <iorace/records.h>

#define IOR_MOMENT_OPS 8 /* of a CPU, with one reading of the clock */

/* In a frame of its own: what it calls must not cost the others their registers. */
static __noinline __u64 moment_read(struct ior_moment *m, __u64 tick, __u64 run)
{
	m->ns = bpf_ktime_get_ns();
	m->tick = tick;
	m->run = run;
	m->left = IOR_MOMENT_OPS - 1;
	return m->ns;
}

/*
 * The moment of this CPU for the current task. *flags gains IOR_OPF_EARLY when the time is not
 * exact. Programs that preempt each other here may mix what they store: then the next op finds
 * another `run`, and all that ever stands in `ns` is past.
 */
static __always_inline __u64 moment_ns(struct ior_moment *m, struct task_struct *task, __u16 *flags)
{
	__u64 tick, run;

	if (ior_options.exact_times)
		return bpf_ktime_get_ns();
	tick = bpf_jiffies64();
	run = task->se.exec_start;
	if (m->run != run || m->tick != tick || !m->left)
		return moment_read(m, tick, run);
	m->left--;
	*flags |= IOR_OPF_EARLY;
	return m->ns;
}

#endif
