/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of two overlapping ops opened first, when their windows do not meet; what kept the two
 * apart is told when the later one is over. A pair is accounted once:
 *
 *   - an op that enters and finds an overlapping one moving notes it;
 *   - an op that moves and finds an overlapping one waiting notes itself with the other.
 *
 * If the windows meet after all, whoever counts the conflict takes the note back. Two that move at
 * the same time find each other moving and have no note: the one that does not count the conflict
 * writes the one that the other takes back.
 *
 * One that is slow to look may find an op moving that it met while that waited, at another place,
 * or that noted it meanwhile. Its name is on the list of that op: it writes no second note, and
 * takes that one back if it counts the conflict.
 *
 * Written against the verbs of inflight.bpf.h and span_at(), so that the same lines build on the
 * host, where tests/unit/test_span.c holds them against an oracle.
 */
#ifndef IORACE_ACCOUNT_BPF_H
#define IORACE_ACCOUNT_BPF_H

#include "inflight.bpf.h"

#include <iorace/span.h>

/* `earlier` opened before the op in slot `at`, which waits. Whoever is listed was noted. */
static __always_inline void span_note(__u32 at, const struct ior_op *earlier, __u64 name)
{
	enum ior_hold hold = ior_op_hold(earlier) & (IOR_HOLD_COUNT_ - 1);
	struct ior_span *span = span_at(at);
	__u32 i;

	if (!span || ior_span_lists(span, name))
		return;
	INFLIGHT_ADD(&span->noted[hold], 1);
	INFLIGHT_STORE(&span->met, 1);
	i = INFLIGHT_ADD(&span->listed, 1);
	if (i >= IOR_SPAN_LIST)
		return;
	span->holds[i] = hold;
	span->ranges[i] = earlier->range;
	span->names[i] = name;
}

/* The two move at once: one more, or one less, of those that opened before the op in `at`. */
static __always_inline void span_settle_pair(__u32 at, const struct ior_op *earlier, __s32 change)
{
	struct ior_span *span = span_at(at);

	if (!span)
		return;
	INFLIGHT_ADD(&span->settled[ior_op_hold(earlier) & (IOR_HOLD_COUNT_ - 1)], change);
	INFLIGHT_STORE(&span->met, 1);
}

static __always_inline bool span_lists(__u32 at, __u64 name)
{
	struct ior_span *span = span_at(at);

	return span && ior_span_lists(span, name);
}

static __always_inline void span_met(__u32 at)
{
	struct ior_span *span = span_at(at);

	if (span)
		INFLIGHT_STORE(&span->met, 1);
}

/* Both move: PAIR_MINE is a conflict to be told. `peer` is a copy of the one that was met. */
static __always_inline enum pair_owner account_conflict(__u32 self, const struct ior_slot *mine,
							const struct ior_op *peer,
							struct inflight_peer *at,
							struct ior_slot *slot)
{
	enum pair_owner owner = inflight_pair_owner(self, mine->seq, at, slot, STAGE_CONFLICT);
	bool counts = owner == PAIR_MINE;

	if (owner != PAIR_MINE && owner != PAIR_THEIRS)
		return owner;
	if (counts && mine->spanned)
		span_settle_pair(self, peer, -1);
	if (slot->spanned && counts == span_lists(at->at, ior_span_name(self, mine->seq)))
		span_settle_pair(at->at, &mine->op, counts ? -1 : 1);
	return owner;
}

/* One of the two waits: it will open second. PAIR_UNKNOWN: it could not be noted. */
static __always_inline enum pair_owner account_wait(__u32 self, const struct ior_slot *mine,
						    const struct ior_op *peer,
						    struct inflight_peer *at, struct ior_slot *slot)
{
	bool peer_moves = at->word & IOR_WORD_MOVING;
	enum pair_owner owner;

	if (!mine->moving)
		span_met(self);
	if (mine->moving == peer_moves)
		return PAIR_NOT_HERE;
	owner = inflight_pair_owner(self, mine->seq, at, slot, STAGE_OVERLAP);
	if (owner == PAIR_MINE && peer_moves)
		span_note(self, peer, ior_span_name(at->at, at->seq));
	else if (owner == PAIR_MINE)
		span_note(at->at, &mine->op, ior_span_name(self, mine->seq));
	return owner;
}

static __always_inline void span_lands_elsewhere(__u32 at)
{
	struct ior_span *span = span_at(at);

	if (span)
		span->elsewhere = 1;
}

/* What one op adds: pairs that were kept apart, and by what. */
struct account {
	__s32 pairs, waited_out;
	enum ior_keeper keeper, waited_keeper;
};

/* The op is over: what kept it apart from those that it never conflicted with? */
static __always_inline struct account account_of(const struct ior_slot *slot,
						 const struct ior_span *span, enum ior_hold hold)
{
	__s32 pairs = ior_span_pairs(span, hold, slot->op.range), out;

	if (pairs <= 0)
		return (struct account){};
	out = ior_span_waited_out(span, hold, pairs);
	return (struct account){
		.pairs = pairs - out,
		.waited_out = out,
		.keeper = ior_kept_apart(hold, &slot->op, span->waited_for_dio),
		.waited_keeper = ior_locks_keep_apart(hold, IOR_HOLD_EXCLUSIVE),
	};
}

#endif
