/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The definition of a conflict. It stands here once and is compiled into the BPF programs, the
 * tool and the tests.
 *
 * Two ops conflict when they are on the same inode, their byte ranges intersect, at least one of
 * them writes, and their windows intersect: nothing kept them apart. The first and last of these
 * are the caller's to know; ior_ops_relation() says the rest.
 */
#ifndef IORACE_VERDICT_H
#define IORACE_VERDICT_H

#include "op.h"

enum ior_relation {
	IOR_UNRELATED,	 /* no common byte, or two reads */
	IOR_OVERLAPPING, /* common bytes, at least one writes, but not both windows open */
	IOR_CONFLICTING, /* ... and both windows open at once */
};

static inline bool ior_ops_overlap(const struct ior_op *a, const struct ior_op *b)
{
	return (ior_op_writes(a) || ior_op_writes(b)) && ior_range_overlaps(a->range, b->range);
}

/*
 * `a_moving` and `b_moving`: is the window of that op open now, so that its data may be moving.
 * An op that still waits for a lock overlaps but does not conflict.
 */
static inline enum ior_relation ior_ops_relation(const struct ior_op *a, bool a_moving,
						 const struct ior_op *b, bool b_moving)
{
	if (!ior_ops_overlap(a, b))
		return IOR_UNRELATED;
	return a_moving && b_moving ? IOR_CONFLICTING : IOR_OVERLAPPING;
}

/*
 * What kept two overlapping ops apart whose windows did not meet? Told from what the one that
 * opened first held while its data moved, and from what the later one had when it opened. A lock
 * that excludes, or a wait that was seen, and nothing else: two ops under the shared lock missed
 * each other by luck, and so did an op that came after an asynchronous one without waiting for it.
 */
enum ior_hold {
	IOR_HOLD_NOTHING,
	IOR_HOLD_SHARED,
	IOR_HOLD_EXCLUSIVE,
	IOR_HOLD_IN_FLIGHT, /* no lock any more; counted in i_dio_count until it is over */
	IOR_HOLD_COUNT_
};

enum ior_keeper {
	IOR_KEEPER_LUCK, /* nothing: the pair is unproven */
	IOR_KEEPER_EXCLUSIVE,
	IOR_KEEPER_SHARED_EXCLUSIVE,
	IOR_KEEPER_DIO_WAIT,
	IOR_KEEPER_RANGE_LOCK, /* where nothing else did: range_lock.h */
	IOR_KEEPER_COUNT_
};

static inline enum ior_hold ior_op_lock_hold(const struct ior_op *op)
{
	if (op->flags & IOR_OPF_LOCKLESS)
		return IOR_HOLD_NOTHING;
	if (op->lock.i_rwsem == IOR_LOCK_EXCLUSIVE && op->lock.self == IOR_SELF_YES)
		return IOR_HOLD_EXCLUSIVE;
	return op->lock.i_rwsem == IOR_LOCK_SHARED ? IOR_HOLD_SHARED : IOR_HOLD_NOTHING;
}

/* What an op leaves others to wait for until its data has moved. */
static inline enum ior_hold ior_op_hold(const struct ior_op *op)
{
	if (op->flags & IOR_OPF_HOLDS)
		return ior_op_lock_hold(op);
	return op->mode == IOR_MODE_DIRECT ? IOR_HOLD_IN_FLIGHT : IOR_HOLD_NOTHING;
}

static inline enum ior_keeper ior_locks_keep_apart(enum ior_hold earlier, enum ior_hold later)
{
	if (earlier == IOR_HOLD_EXCLUSIVE && later == IOR_HOLD_EXCLUSIVE)
		return IOR_KEEPER_EXCLUSIVE;
	if ((earlier == IOR_HOLD_EXCLUSIVE && later == IOR_HOLD_SHARED) ||
	    (earlier == IOR_HOLD_SHARED && later == IOR_HOLD_EXCLUSIVE))
		return IOR_KEEPER_SHARED_EXCLUSIVE;
	return IOR_KEEPER_LUCK;
}

static inline enum ior_keeper ior_kept_apart(enum ior_hold earlier, const struct ior_op *later,
					     bool later_waited_for_dio)
{
	if (earlier == IOR_HOLD_IN_FLIGHT)
		return later_waited_for_dio ? IOR_KEEPER_DIO_WAIT : IOR_KEEPER_LUCK;
	return ior_locks_keep_apart(earlier, ior_op_lock_hold(later));
}

/* A conflict says that nothing prevented a torn result. This grades how probable one is. */
enum ior_tear {
	IOR_TEAR_UNLIKELY,
	IOR_TEAR_POSSIBLE,
	IOR_TEAR_LIKELY,
	IOR_TEAR_COUNT_
};

/*
 * How a mode moves bytes. `atom`: a unit that is hardly ever seen half done; `unit`: one that a
 * device or a copy loop usually moves in one go. DAX copies words, then cache lines; a direct IO
 * moves logical blocks (512 at the least), then pages; a buffered copy holds the folio lock.
 */
struct ior_grain {
	__u64 atom_bytes;
	__u64 unit_bytes;
};

static inline struct ior_grain ior_mode_grain(__u8 mode)
{
	switch ((enum ior_mode)mode) {
	case IOR_MODE_DAX:
		return (struct ior_grain){8, 64};
	case IOR_MODE_DIRECT:
		return (struct ior_grain){512, 4096};
	case IOR_MODE_BUFFERED:
	case IOR_MODE_SIZE:
	case IOR_MODE_COUNT_:
		break;
	}
	return (struct ior_grain){4096, 4096};
}

static inline bool ior_range_within_one(struct ior_range r, __u64 unit_bytes)
{
	return r.start / unit_bytes == (r.end - 1) / unit_bytes;
}

/* The finer of the two copies decides: it is the one that can be caught half way. */
static inline enum ior_tear ior_ops_tear(const struct ior_op *a, const struct ior_op *b)
{
	struct ior_range both = ior_range_intersection(a->range, b->range);
	struct ior_grain ga = ior_mode_grain(a->mode), gb = ior_mode_grain(b->mode);
	struct ior_grain fine = ga.atom_bytes < gb.atom_bytes ? ga : gb;

	if (ior_range_is_empty(both) || ior_range_within_one(both, fine.atom_bytes))
		return IOR_TEAR_UNLIKELY;
	return ior_range_within_one(both, fine.unit_bytes) ? IOR_TEAR_POSSIBLE : IOR_TEAR_LIKELY;
}

#endif
