/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Spans: what an op did from the moment it entered the file system until its window opened, and
 * which overlapping ops opened before it without conflicting. Only under `check`, and only where
 * the file operations can be hooked.
 */
#ifndef IORACE_SPAN_BPF_H
#define IORACE_SPAN_BPF_H

#include "account.bpf.h"
#include "count.bpf.h"
#include "files.bpf.h"
#include "lock_claims.bpf.h"
#include "waits.bpf.h"

/*
 * Slot + 1 of the op that a task is in, by a hash of its thread id. Two that share an entry lose
 * sight of a wait: the pair is then unproven.
 */
#define CURRENT_SIZE 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CURRENT_SIZE);
	__type(key, __u32);
	__type(value, __u32);
} ior_current SEC(".maps");

static __always_inline __u32 *current_of(__u32 tid)
{
	__u32 at = tid & (CURRENT_SIZE - 1);

	return bpf_map_lookup_elem(&ior_current, &at);
}

static __always_inline void range_lock_reset(__u32 self)
{
	struct ior_range_lock_span *span = lock_span_at(self);

	if (span)
		lock_span_reset(span, ior_range_lock_doubts);
}

static __always_inline void span_reset(__u32 self, __u32 tid)
{
	struct ior_span *span = span_at(self);
	__u32 *current = current_of(tid);

	if (!span || !current)
		return;
	__builtin_memset(span, 0, sizeof(*span));
	*current = self + 1;
	if (ior_options.has_range_lock)
		range_lock_reset(self);
}

/* The current task leaves its op, which may go on without it. */
static __always_inline void span_left(void)
{
	__u32 *current = current_of((__u32)bpf_get_current_pid_tgid());

	if (current)
		*current = 0;
}

static __always_inline void span_settle_kept(struct ior_file_sums *sums, enum ior_keeper keeper,
					     __s32 pairs)
{
	if (!pairs)
		return;
	stat_add_exact(IOR_STAT_KEPT_APART + keeper, pairs);
	file_count_kept_apart(sums, keeper, pairs);
}

static __always_inline void span_settle_wait(const struct ior_span *span,
					     struct ior_file_sums *sums)
{
	__u64 *of_file = span->met ? &sums->wait_needed_ns : &sums->wait_needless_ns;

	if (!span->waited_ns)
		return;
	wait_count(span->met ? IOR_WAIT_NEEDED : IOR_WAIT_NEEDLESS, span->waited_ns);
	stat_add_exact(span->met ? IOR_STAT_WAIT_NEEDED_NS : IOR_STAT_WAIT_NEEDLESS_NS,
		       span->waited_ns);
	__sync_fetch_and_add(of_file, span->waited_ns);
}

/* Of the pairs that nothing else kept apart, those that the range lock did. */
static __noinline int range_lock_settle(__u32 self, __u32 hold, int pairs)
{
	struct ior_range_lock_span *lock_span = lock_span_at(self);
	struct ior_span *span = span_at(self);

	if (!lock_span || !span || span->elsewhere)
		return 0;
	return lock_claims(lock_span, hold, pairs, ior_range_lock_doubts);
}

static __noinline int range_lock_settle_wait(__u32 self)
{
	struct ior_range_lock_span *lock_span = lock_span_at(self);
	struct ior_span *span = span_at(self);

	if (!lock_span || !span || !lock_span->waited_ns)
		return 0;
	return lock_add(span->met ? IOR_RL_WAIT_NEEDED_NS : IOR_RL_WAIT_NEEDLESS_NS,
			lock_span->waited_ns);
}

/* The op is over: what kept it apart from those that it never conflicted with? */
static __noinline int span_settle(__u32 self)
{
	struct ior_slot *slot = slot_at(self);
	struct ior_span *span = span_at(self);
	struct ior_file_sums *sums;

	if (!slot || !span || !(span->met || span->waited_ns))
		return 0;
	sums = file_sums_of_inode(slot->inode);
	for (int hold = 0; hold < IOR_HOLD_COUNT_; hold++) {
		struct account a = account_of(slot, span, hold);

		if (ior_options.has_range_lock && a.keeper == IOR_KEEPER_LUCK && a.pairs > 0) {
			__s32 claims = range_lock_settle(self, hold, a.pairs);

			span_settle_kept(sums, IOR_KEEPER_RANGE_LOCK, claims);
			a.pairs -= claims;
		}
		span_settle_kept(sums, a.keeper, a.pairs);
		span_settle_kept(sums, a.waited_keeper, a.waited_out);
	}
	span_settle_wait(span, sums);
	return ior_options.has_range_lock ? range_lock_settle_wait(self) : 0;
}

static __always_inline bool span_has_waited(__u32 at)
{
	struct ior_span *span = span_at(at);

	return span && span->waited_ns;
}

/* ---- waits ----------------------------------------------------------------------------------- */

/* The span of the current task's op if it is on this inode and still waits to move, else NULL. */
static __always_inline struct ior_span *span_waiting(__u64 inode)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u32 *current = current_of(tid);
	struct ior_slot *slot;
	__u32 at;

	if (!current || !*current)
		return 0;
	at = *current - 1;
	slot = slot_at(at);
	if (!slot || slot->state != IOR_SLOT_WAITING || slot->op.tid != tid || slot->inode != inode)
		return 0;
	return span_at(at);
}

static __always_inline struct ior_span *span_wait_begin(__u64 inode)
{
	struct ior_span *span = span_waiting(inode);

	if (span)
		span->wait_began_ns = bpf_ktime_get_ns();
	return span;
}

static __always_inline struct ior_span *span_wait_end(__u64 inode)
{
	struct ior_span *span = span_waiting(inode);

	if (!span)
		return 0;
	if (span->wait_began_ns)
		span->waited_ns += bpf_ktime_get_ns() - span->wait_began_ns;
	span->wait_began_ns = 0;
	return span;
}

/* Slow path of any lock of the kernel: only the inode lock of the current op matters. */
static __always_inline __u64 inode_of_lock(__u64 lock)
{
	return lock - bpf_core_field_offset(struct inode, i_rwsem);
}

#define IOR_LCB_F_WRITE 4 /* include/trace/events/lock.h */

static __always_inline int span_lock_wait_begin(__u64 lock, __u32 flags)
{
	struct ior_span *span = span_wait_begin(inode_of_lock(lock));

	if (span)
		span->wants_all = flags & IOR_LCB_F_WRITE ? 1 : 0;
	return 0;
}

static __always_inline int span_lock_wait_end(__u64 lock, int error)
{
	struct ior_span *span = span_wait_end(inode_of_lock(lock));

	if (span && span->wants_all && !error)
		ior_span_has_all(span);
	return 0;
}

static __always_inline int span_dio_wait_begin(__u64 inode)
{
	span_wait_begin(inode);
	return 0;
}

/* From here on no direct IO is in flight that was when the lock was taken. */
static __always_inline int span_dio_wait_end(__u64 inode)
{
	struct ior_span *span = span_wait_end(inode);

	if (span)
		span->waited_for_dio = 1;
	return 0;
}

#endif
