/* SPDX-License-Identifier: GPL-2.0 */
/*
 * When ops of the in-flight table meet: is what was read of the other of one op, and which of the
 * two counts the pair? Knows nothing of how they came into the table. Verbs and proof:
 * inflight.bpf.h.
 */
#ifndef IORACE_MEET_BPF_H
#define IORACE_MEET_BPF_H

#include "slots.bpf.h"

/* ---- who counts a pair ----------------------------------------------------------------------- */

/* Looks for a pair among those that were counted already, or puts it there. */
struct race_insert {
	__u64 entry;
	__u32 at; /* whose set: the lower slot's */
	__u32 owner_seq;
	__u32 generation; /* of the owner's slot */
	__s32 outcome;	  /* 1 inserted, 0 was there, -1 no room */
};

/* An op met in a way: which slot, which filling of it, and the word that led there. */
struct inflight_peer {
	__u64 word;
	__u32 at;
	__u32 seq;
	struct race_insert race; /* here, since it need not stand on a stack of 512 bytes */
};

enum inflight_sight {
	SIGHT_GONE,	/* retired meanwhile: none of our data has moved, so nothing happened */
	SIGHT_CHANGING, /* the slot is being filled: look again */
	SIGHT_THERE,
};

/* First half of reading a slot that may change hands. */
static __always_inline enum inflight_sight inflight_peer_read(const __u64 *way,
							      struct inflight_peer *peer)
{
	struct ior_slot *slot;

	peer->word = INFLIGHT_LOAD(way);
	if (!(peer->word & IOR_WORD_IN_USE))
		return SIGHT_GONE;
	peer->at = ior_word_slot(peer->word);
	slot = slot_at(peer->at);
	if (!slot)
		return SIGHT_GONE;
	peer->seq = INFLIGHT_LOAD(&slot->seq);
	inflight_barrier();
	return peer->seq & 1 ? SIGHT_CHANGING : SIGHT_THERE;
}

/*
 * Second half: was all that was read from the slot since inflight_peer_read() of one op, and is
 * that op still in flight? The word alone cannot tell: a thread that rewrites one block publishes
 * the identical word again.
 */
static __always_inline enum inflight_sight
inflight_peer_is_still(const __u64 *way, const struct inflight_peer *peer, struct ior_slot *slot)
{
	inflight_barrier();
	if (INFLIGHT_LOAD(&slot->seq) != peer->seq)
		return SIGHT_CHANGING;
	return INFLIGHT_LOAD(way) == peer->word ? SIGHT_THERE : SIGHT_CHANGING;
}

/*
 * A pair is looked at in the unit of its first common byte and nowhere else, though both ops may
 * meet in many; in a unit of the peer's place, since that is where it was met. A wide op stands
 * once anyway, and so does one in a granule.
 */
static __always_inline bool inflight_is_first_common(const struct inflight_peer *peer,
						     const struct ior_slot *slot,
						     struct ior_range common)
{
	__u64 place = ior_word_place(peer->word);
	__u64 chunk = ior_chunk_of(common.start);
	struct ior_home home;

	if (slot->wide || (place & IOR_PLACE_FINE))
		return true;
	home = ior_home_of(slot->inode, chunk, place);
	return peer->word == ior_word_in_unit(slot->op.range, chunk, home.tag, peer->at,
					      ior_op_writes(&slot->op),
					      peer->word & IOR_WORD_MOVING);
}

/*
 * A pair is counted once at each stage: when the two are first in flight together, and when both
 * are moving. (Ops that never wait are at both stages at once.)
 */
enum inflight_stage {
	STAGE_OVERLAP,
	STAGE_CONFLICT
};

#define RACE_GENERATION_SHIFT 48
#define RACE_OTHER_SHIFT 28
#define RACE_OTHER_SEQ_MASK 0x7ffffffU
#define RACE_TRIES 4

/* Never 0: a cell that nobody used must look old. */
static __always_inline __u32 race_generation(__u32 seq)
{
	return (seq >> 1) % 65535 + 1;
}

static __always_inline bool race_owner_is_still(const struct race_insert *r)
{
	struct ior_slot *owner = slot_at(r->at);

	return owner && INFLIGHT_LOAD(&owner->seq) == r->owner_seq;
}

/*
 * Cells of this generation never change, so two who insert the same entry meet in the first cell
 * that is not of it. Older cells are overwritten: load the cell, then make sure that the owner is
 * still the same. If it was and the cell changes hands with the slot, the cmpxchg fails; without
 * the check one who was held up here would overwrite a live entry of the next owner.
 */
static int race_step(__u32 i, struct race_insert **race)
{
	struct race_insert *r = *race;
	struct ior_races *races = races_at(r->at);

	if (!races || i >= IOR_RACES)
		return 1;
	for (int try = 0; try < RACE_TRIES; try++) {
		__u64 old = INFLIGHT_LOAD(&races->cells[i]);

		if (old == r->entry) {
			r->outcome = 0;
			return 1;
		}
		if ((old >> RACE_GENERATION_SHIFT) == r->generation)
			return 0;
		if (!race_owner_is_still(r))
			return 1;
		if (INFLIGHT_CMPXCHG(&races->cells[i], old, r->entry) == old) {
			r->outcome = 1;
			return 1;
		}
	}
	return 1;
}

/* Is the pair in the set without touching it? Outcome: 0 it is, 1 it is not. */
static int race_find_step(__u32 i, struct race_insert **race)
{
	struct race_insert *r = *race;
	struct ior_races *races = races_at(r->at);
	__u64 cell;

	if (!races || i >= IOR_RACES)
		return 1;
	cell = INFLIGHT_LOAD(&races->cells[i]);
	if (cell == r->entry)
		r->outcome = 0;
	return cell == r->entry || (cell >> RACE_GENERATION_SHIFT) != r->generation;
}

/*
 * Mostly nobody is in the set: that is seen without the loop, which costs more than it finds. Cells
 * fill from the first, and those of this generation never change: if the first is older, all are.
 */
static __always_inline bool race_set_is_empty(const struct race_insert *r)
{
	struct ior_races *races = races_at(r->at);

	return races && INFLIGHT_LOAD(&races->cells[0]) >> RACE_GENERATION_SHIFT != r->generation;
}

static __always_inline void race_aim(struct race_insert *r, __u32 self, __u32 self_seq,
				     const struct inflight_peer *peer, enum inflight_stage stage)
{
	bool low = self < peer->at;
	__u32 other = low ? peer->at : self;
	__u32 other_seq = low ? peer->seq : self_seq;

	r->at = low ? self : peer->at;
	r->owner_seq = low ? self_seq : peer->seq;
	r->generation = race_generation(r->owner_seq);
	r->entry = (__u64)r->generation << RACE_GENERATION_SHIFT |
		   (__u64)(other & IOR_WORD_SLOT_MASK) << RACE_OTHER_SHIFT |
		   (__u64)((other_seq >> 1) & RACE_OTHER_SEQ_MASK) << 1 | stage;
}

/*
 * Two far units of one inode may share line and tag. An op that looks unit by unit would meet a
 * peer of the one again in the other.
 */
static __always_inline bool peer_is_where_we_look(__u32 self, struct ior_slot *peer_slot)
{
	struct ior_slot *slot = slot_at(self);
	__u64 start, place;

	if (!slot)
		return false;
	if (slot->looking == IOR_UNIT_ANY)
		return true;
	start = INFLIGHT_LOAD(&peer_slot->op.range.start);
	if (start < slot->op.range.start)
		start = slot->op.range.start;
	place = slot->looking & (IOR_PLACES - 1);
	return ior_unit_pack(ior_unit_of(start, place), place) == slot->looking;
}

/*
 * Does `self`, which is looking and has found `peer`, count this pair? Each op looks once at each
 * stage, so at most both sides find it:
 *
 *   - the peer has settled: it will not look again. If it found us it was while we were looking
 *     (we still are), so it has left an entry: count unless the entry is there;
 *   - the peer has not: both may find each other, and whoever enters the pair first counts it.
 *
 * The entry goes into the set of the lower slot. Entries of an earlier user of that slot carry an
 * older generation and make room by themselves.
 *
 * If the peer's slot has changed hands meanwhile, its set may be its successor's, and an entry that
 * is not there says nothing. But then the peer retired while we were still looking, before any of
 * our data moved: no pair. An entry that went in was the first, whatever the peer did afterwards.
 *
 * (An exchange of the peer's id in one mark per way is not enough: a third op that passes between
 * two looks overwrites the mark and the pair counts twice.)
 */
enum pair_owner {
	PAIR_THEIRS, /* the peer counts it, having found us at the same stage */
	PAIR_MINE,
	PAIR_NOT_HERE, /* it is looked at in another unit, or is over */
	PAIR_UNKNOWN,  /* the set is full */
};

static __always_inline enum pair_owner inflight_pair_owner(__u32 self, __u32 self_seq,
							   struct inflight_peer *peer,
							   struct ior_slot *peer_slot,
							   enum inflight_stage stage)
{
	struct race_insert *r = &peer->race;
	bool peer_settled;

	if (!peer_is_where_we_look(self, peer_slot))
		return PAIR_NOT_HERE;
	race_aim(r, self, self_seq, peer, stage);
	peer_settled = INFLIGHT_LOAD(&peer_slot->settled);
	r->outcome = peer_settled ? 1 : -1;
	if (!peer_settled)
		inflight_loop(IOR_RACES, race_step, &r);
	else if (!race_set_is_empty(r))
		inflight_loop(IOR_RACES, race_find_step, &r);
	if ((peer_settled || r->outcome < 0) && !race_owner_is_still(r))
		return PAIR_NOT_HERE;
	return r->outcome < 0 ? PAIR_UNKNOWN : r->outcome ? PAIR_MINE : PAIR_THEIRS;
}

/* 1 yes, 0 no, -1 unknown. */
static __always_inline int inflight_pair_is_mine_at(__u32 self, __u32 self_seq,
						    struct inflight_peer *peer,
						    struct ior_slot *peer_slot,
						    enum inflight_stage stage)
{
	enum pair_owner owner = inflight_pair_owner(self, self_seq, peer, peer_slot, stage);

	return owner == PAIR_UNKNOWN ? -1 : owner == PAIR_MINE;
}

/* For a pair that conflicts: both are moving, `self` by its slot and the peer by its word. */
static __always_inline int inflight_pair_is_mine(__u32 self, __u32 self_seq,
						 struct inflight_peer *peer,
						 struct ior_slot *peer_slot)
{
	return inflight_pair_is_mine_at(self, self_seq, peer, peer_slot, STAGE_CONFLICT);
}

/*
 * For a pair that overlaps while one of the two waits: asked by the one that enters and finds the
 * other moving, and by the one that moves and finds the other waiting.
 */
static __always_inline int inflight_overlap_is_mine(__u32 self, __u32 self_seq,
						    struct inflight_peer *peer,
						    struct ior_slot *peer_slot)
{
	return inflight_pair_is_mine_at(self, self_seq, peer, peer_slot, STAGE_OVERLAP);
}

#endif
