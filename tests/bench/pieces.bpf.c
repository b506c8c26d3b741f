// SPDX-License-Identifier: GPL-2.0
/*
 * The shipped programs with parts of them taken out, for the lower rungs of the ladder. Nothing is
 * copied: this includes bpf/iorace.bpf.c, and BENCH_PIECES says which of the functions it calls are
 * left in. Those that are left out become constants, and the compiler drops what only they needed.
 *
 * These objects do not detect anything; they exist to be timed.
 */
#define PIECE_TASK 1	 /* pid, cgroup and comm of the current task */
#define PIECE_LOCK 2	 /* state of i_rwsem */
#define PIECE_CLOCK 4	 /* bpf_ktime_get_ns() */
#define PIECE_COUNTERS 8 /* ops counted, per CPU */
#define PIECE_TABLE 16	 /* publish, look, retire */

#include "op.bpf.h"

#include "count.bpf.h"
#include "emit.bpf.h"
#include "filter.bpf.h"
#include "verbs.bpf.h"

#include "inflight.bpf.h"

#if !(BENCH_PIECES & PIECE_TASK)
#define compat_task_ids(task, op) ((void)(op))
#define compat_task_comm(task, op) ((void)(task))
#define compat_task_cgroup_id(task) 0ULL
#endif

#if !(BENCH_PIECES & PIECE_LOCK)
#define compat_i_rwsem_state(inode, task) ((void)(inode), (void)(task), (struct ior_lock_state){})
#endif

#if !(BENCH_PIECES & PIECE_CLOCK)
#define bpf_ktime_get_ns() 0ULL
#endif

#if !(BENCH_PIECES & PIECE_COUNTERS)
#define stat_count(stat) ((void)(stat))
#define cpu_count_op(cpu, fs, kind) ((void)(cpu), (void)(fs), (void)(kind))
#endif

#if !(BENCH_PIECES & PIECE_TABLE)
static __always_inline int publish_nothing(struct ior_slot *slot)
{
	slot->state = IOR_SLOT_DONE;
	return 0;
}
#define inflight_publish_fast(slot, line, at, word) publish_nothing(slot)
#define line_is_ours(line, way) true
#define place_is_the_only_one(inode, place) true
#endif

#include "iorace.bpf.c"
