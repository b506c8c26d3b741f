/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of an op from the begin of its span on: the waits before its window, and the
 * overlapping ops that opened before it. Pure arithmetic: bpf/span.bpf.h writes it down.
 */
#ifndef IORACE_SPAN_H
#define IORACE_SPAN_H

#include "verdict.h"

#define IOR_SPAN_LIST 4

/*
 * Where an op lands may be known under its lock only: an append, a punch that the file system
 * rounds to its blocks. It enters with the range that it announces. If the window opens for another
 * one, those that were noted are looked at again, as far as they are on the list.
 *
 * An op that looks around may meet one that waits where that was announced, and once more where it
 * lands by then. So who is on the list has a name there: many are on the same bytes, and hold the
 * same, that are not the same op.
 */
struct ior_span {
	__s32 noted[4];	     /* overlapping ops that opened before it, by enum ior_hold ... */
	__s32 settled[4];    /* ... and what became of them when both windows were open */
	__u64 waited_ns;     /* for i_rwsem and for direct IO */
	__u64 wait_began_ns; /* of the wait it is in, 0: none */
	__u32 listed;	     /* how many went to the list, or found no room there */
	__u8 met;	     /* an overlapping op was in flight */
	__u8 waited_for_dio; /* it was in inode_dio_wait() before it opened */
	__u8 elsewhere;	     /* its window opened for another range than announced */
	__u8 wants_all;	     /* it waits for i_rwsem exclusively */
	__u8 holds[IOR_SPAN_LIST];
	__u16 waited_out[2]; /* those with the lock, shared or exclusive, until it had it all */
	struct ior_range ranges[IOR_SPAN_LIST];
	__u64 names[IOR_SPAN_LIST]; /* ior_span_name() */
};
IOR_SIZE_IS(struct ior_span, 160);
_Static_assert(IOR_HOLD_COUNT_ == 4, "one counter for each hold");

/* Of one op, as long as it is in flight: where it stands, and which filling of that. Never 0. */
static inline __u64 ior_span_name(__u32 slot, __u32 seq)
{
	return ((__u64)slot << 32) + seq;
}

static inline bool ior_span_lists(const struct ior_span *span, __u64 name)
{
	__u64 same = 0;

	for (int i = 0; i < IOR_SPAN_LIST; i++)
		same |= span->names[i] == name;
	return same;
}

/* Those on the list that are on bytes of `range`. */
static inline __s32 ior_span_listed(const struct ior_span *span, enum ior_hold hold,
				    struct ior_range range)
{
	__s32 pairs = 0;

	for (int i = 0; i < IOR_SPAN_LIST; i++) {
		if (span->holds[i] == hold && ior_range_overlaps(span->ranges[i], range))
			pairs++;
	}
	return pairs;
}

/*
 * How many ops that held `hold` opened before this one, which moved `range`, and never met it with
 * both windows open. Of an op that landed elsewhere than announced not every such pair is known:
 * then fewer are claimed, or none.
 */
static inline __s32 ior_span_pairs(const struct ior_span *span, enum ior_hold hold,
				   struct ior_range range)
{
	if (!span->elsewhere)
		return span->noted[hold] + span->settled[hold];
	if (span->listed > IOR_SPAN_LIST)
		return 0;
	return ior_span_listed(span, hold, range) + span->settled[hold];
}

/*
 * It waited for i_rwsem exclusively, and has it: who had it before has not any more. It may come
 * down to the shared lock before its window opens, as XFS does beyond the end of a file.
 */
static inline void ior_span_has_all(struct ior_span *span)
{
	span->waited_out[0] = span->noted[IOR_HOLD_SHARED];
	span->waited_out[1] = span->noted[IOR_HOLD_EXCLUSIVE];
}

/* How many of those pairs are such. */
static inline __s32 ior_span_waited_out(const struct ior_span *span, enum ior_hold hold,
					__s32 pairs)
{
	__s32 out = 0;

	if (hold == IOR_HOLD_SHARED || hold == IOR_HOLD_EXCLUSIVE)
		out = span->waited_out[hold - IOR_HOLD_SHARED];
	return out < pairs ? out : pairs;
}

#endif
