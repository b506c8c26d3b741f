/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of the pairs that account.bpf.h notes were kept apart by the range lock under test? Those
 * of which both held it, with ranges that exclude each other, when their windows opened. The op
 * that opens later remembers who opened before it: the first few whole, the others, once it is
 * known what it asks for, as a number.
 *
 * Nothing is claimed of a lock in doubt: while the op waited, some range lock was released before
 * its data had moved, or let two through that exclude each other.
 *
 * Written against the verbs of inflight.bpf.h and lock_span_at(), for the host too.
 */
#ifndef IORACE_LOCK_CLAIMS_BPF_H
#define IORACE_LOCK_CLAIMS_BPF_H

#include "inflight.bpf.h"

#include <iorace/range_lock.h>

static __always_inline void lock_span_reset(struct ior_range_lock_span *span, __u64 doubts)
{
	INFLIGHT_STORE(&span->wanted.flags, 0U);
	INFLIGHT_STORE(&span->held.flags, 0U);
	span->doubts = doubts;
	span->waited_ns = 0;
	span->opens_at_lock = 0;
	for (int hold = 0; hold < IOR_HOLD_COUNT_; hold++)
		span->excluded[hold] = 0;
	INFLIGHT_STORE(&span->listed, 0U);
}

static __always_inline bool lock_is_the_same(const struct ior_range_lock_held *a,
					     const struct ior_range_lock_held *b)
{
	return a->tree == b->tree && a->range.start == b->range.start &&
	       a->range.end == b->range.end &&
	       !((a->flags ^ b->flags) & (IOR_RLF_SHARED | IOR_RLF_KNOWS_RANGE));
}

/* It enters the function that acquires. What was counted for another range is not for this one. */
static __always_inline void lock_span_wants(struct ior_range_lock_span *span,
					    const struct ior_range_lock_held *wanted)
{
	if ((span->wanted.flags & IOR_RLF_HELD) && lock_is_the_same(&span->wanted, wanted))
		return;
	INFLIGHT_STORE(&span->wanted.flags, 0U);
	for (int hold = 0; hold < IOR_HOLD_COUNT_; hold++)
		INFLIGHT_STORE(&span->excluded[hold], 0);
	span->wanted.range = wanted->range;
	span->wanted.tree = wanted->tree;
	inflight_barrier();
	INFLIGHT_STORE(&span->wanted.flags, wanted->flags | IOR_RLF_HELD);
}

/* `peer` opened before the op in slot `at`, which waits. */
static __always_inline void lock_note(__u32 at, const struct ior_range_lock_peer *peer)
{
	struct ior_range_lock_span *span = lock_span_at(at);
	__u32 i;

	if (!span || !(peer->held.flags & IOR_RLF_HELD))
		return;
	i = INFLIGHT_ADD(&span->listed, 1U);
	if (i < IOR_RANGE_LOCK_LIST) {
		span->peers[i] = *peer;
		return;
	}
	if ((INFLIGHT_LOAD(&span->wanted.flags) & IOR_RLF_HELD) &&
	    ior_range_locks_exclude(&span->wanted, &peer->held))
		INFLIGHT_ADD(&span->excluded[peer->hold & (IOR_HOLD_COUNT_ - 1)], 1);
}

/* Of the peers on the list: does one hold what excludes `mine`, which has just been acquired? */
static __always_inline bool lock_is_overrun(struct ior_range_lock_span *span,
					    const struct ior_range_lock_held *mine)
{
	for (__u32 i = 0; i < IOR_RANGE_LOCK_LIST; i++) {
		struct ior_range_lock_peer *peer = &span->peers[i];
		struct ior_range_lock_span *theirs = lock_span_at(peer->slot);
		struct ior_slot *slot = slot_at(peer->slot);

		if (i >= INFLIGHT_LOAD(&span->listed) || !theirs || !slot)
			break;
		if (INFLIGHT_LOAD(&slot->seq) == peer->seq &&
		    (INFLIGHT_LOAD(&theirs->held.flags) & IOR_RLF_HELD) &&
		    ior_range_locks_exclude(mine, &peer->held))
			return true;
	}
	return false;
}

/* How many of the `pairs` that are noted under `hold` and that nothing else kept apart. */
static __always_inline __s32 lock_claims(const struct ior_range_lock_span *span, __u32 hold,
					 __s32 pairs, __u64 doubts)
{
	__s32 claims = 0;

	if (!(span->held.flags & IOR_RLF_HELD) || span->doubts != doubts)
		return 0;
	if (lock_is_the_same(&span->wanted, &span->held))
		claims = span->excluded[hold & (IOR_HOLD_COUNT_ - 1)];
	for (__u32 i = 0; i < IOR_RANGE_LOCK_LIST; i++) {
		const struct ior_range_lock_peer *peer = &span->peers[i];

		if (i < span->listed && peer->hold == hold &&
		    ior_range_locks_exclude(&peer->held, &span->held))
			claims++;
	}
	return claims < pairs ? claims : pairs;
}

#endif
