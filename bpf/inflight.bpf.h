/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The in-flight table: which ops are moving data right now. Lock-free, no allocation. It does not
 * know what an overlap means: whoever may matter is handed to inflight_meet(), which the includer
 * provides.
 *
 * Written against a few verbs, so that the same lines build for the kernel side and, under
 * ThreadSanitizer, for the host (tests/unit/test_inflight.c). The includer provides
 *
 *	INFLIGHT_LOAD(p) INFLIGHT_STORE(p, v)      single-copy atomic
 *	INFLIGHT_CMPXCHG(p, old, new) INFLIGHT_ADD(p, v) INFLIGHT_OR(p, v)
 *	                                           fully ordered, return the old value
 *	inflight_loop(n, fn, ctx)                  calls fn(i, ctx) until it returns 1
 *	INFLIGHT_ROLLED                            before a loop that is seldom gone through
 *	line_at(wide, i) slot_at(i) races_at(i)    NULL out of bounds
 *	line_mask(wide) slot_mask()
 *	places_noted()                             where it is noted in which places ops of an
 *	                                           inode are, IOR_PLACES_ENTRIES of __u32
 *	INFLIGHT_GLOBAL                            marks a function the verifier should judge once
 *	inflight_meet(self, way)                   the word in this way may be of an op that
 *	                                           matters: see inflight_peer_read() and
 *	                                           inflight_peer_is_still()
 *
 * Why no pair is missed: an op fills its slot, publishes its words with a fully ordered cmpxchg and
 * only then looks at the words of others. Of two ops the one that publishes later sees the earlier,
 * or the earlier had retired before the later looked. In that second case nothing happened: the
 * later op is still inside its begin hook, so none of its data has moved. That holds in each line
 * by itself: an op of many chunks may look at the home line of one before it publishes in the next
 * (units.bpf.h).
 *
 * In which places it has to look: places.bpf.h.
 *
 * Why a full line loses nobody: an op that finds a line full raises the line's passed count before
 * it publishes further along its probe sequence, and a looker reads the count after its own
 * publish. While the count is not zero, look-ups go on. (The scheme is that of overflow counts in
 * open addressing: no chain to allocate, none to free.)
 *
 * Ordering relies on fully ordered atomics around plain loads and stores, as x86-64 gives them.
 */
#ifndef IORACE_INFLIGHT_BPF_H
#define IORACE_INFLIGHT_BPF_H

#include "line.bpf.h"
#include "meet.bpf.h"
#include "places.bpf.h"
#include "slots.bpf.h"
#include "units.bpf.h"

enum inflight_published {
	PUBLISH_FAILED, /* no room, and the op has left no trace */
	PUBLISH_MUST_LOOK,
	PUBLISH_ALONE, /* need not look: nobody who may matter is anywhere */
};

/* ---- wide ops -------------------------------------------------------------------------------- */

/*
 * A wide op stands once, by inode. The home line counts its wide ops in the high half of its
 * header, raised before the publish, so that everybody else needs to read one word only to know
 * that there is none. That there was any is noted before that, as places are.
 */
static __always_inline void wide_aim(struct inflight_units *u, const struct ior_slot *slot)
{
	struct ior_home home = ior_wide_home_of(slot->inode);

	u->walk.wide = 1;
	walk_aim(&u->walk, home,
		 ior_word_pack(home.tag, u->walk.self, 0, IOR_CHUNK_SECTORS - 1,
			       ior_op_writes(&slot->op), slot->moving));
}

static __always_inline void wide_count(struct inflight_walk *w, __u64 change)
{
	struct ior_line *home = line_at(true, walk_line(w, 0));

	if (home)
		INFLIGHT_ADD(&home->header, change);
}

static __always_inline enum inflight_published wide_publish(__u32 self, struct ior_slot *slot)
{
	struct inflight_units u;

	units_of_slot(&u, self, slot);
	wide_aim(&u, slot);
	places_note(slot->inode, IOR_PLACES_WIDE);
	wide_count(&u.walk, IOR_LINE_HOME);
	if (walk_publish(&u.walk))
		return PUBLISH_MUST_LOOK;
	wide_count(&u.walk, -IOR_LINE_HOME);
	return PUBLISH_FAILED;
}

static __always_inline void wide_retire(__u32 self, struct ior_slot *slot)
{
	struct inflight_units u;

	units_of_slot(&u, self, slot);
	wide_aim(&u, slot);
	walk_retire(&u.walk);
	wide_count(&u.walk, -IOR_LINE_HOME);
}

/*
 * Anything in the wide line of this inode, of which this is noted? Mostly there never was a wide op
 * at all; else one load of a line that is seldom written.
 */
static __always_inline bool wide_is_empty(__u64 inode, __u32 noted)
{
	struct ior_line *home;

	if (!(noted & IOR_PLACES_WIDE))
		return true;
	home = line_at(true, ior_wide_home_of(inode).line & line_mask(true));
	return !home || !INFLIGHT_LOAD(&home->header);
}

/* Every unit of the table: any tag will do, and the word of a wide op spans all sectors. */
static int sweep_line(__u32 i, struct inflight_units *u)
{
	struct ior_line *line = line_at(false, i);
	__u32 mask = 0;

	if (!line)
		return 1;
	if (line_is_empty(line))
		return 0;
	for (int way = 0; way < IOR_WAYS; way++) {
		__u64 w = INFLIGHT_LOAD(&line->ways[way]);

		mask |= (__u32)ior_words_may_meet(w, (u->walk.word & ~IOR_WORD_TAG_MASK) |
							     (w & IOR_WORD_TAG_MASK))
			<< way;
	}
	line_meet(line, mask, u->walk.self);
	return 0;
}

/* ---- an op's life ---------------------------------------------------------------------------- */

/*
 * The common path: one unit, its home line has room. Returns the way, or -1 when the slow path has
 * to publish.
 */
static __always_inline int inflight_publish_fast(struct ior_slot *slot, struct ior_line *line,
						 __u32 line_index, __u64 word)
{
	int way = line_put(line, word);

	if (way < 0)
		return way;
	slot->where = ior_where(line_index, way, 0);
	slot->state = IOR_SLOT_PUBLISHED;
	return way;
}

static __always_inline bool slot_is_in_one_chunk(const struct ior_slot *slot)
{
	return ior_chunk_of(slot->op.range.end - 1) == ior_chunk_of(slot->op.range.start);
}

/* Where an op looks, or has its word, in one unit of a place. */
struct near_spot {
	struct ior_home home;
	__u64 word;
};

static __always_inline struct near_spot near_aim(__u32 self, const struct ior_slot *slot,
						 __u64 unit, __u64 place)
{
	struct ior_home home = ior_home_of(slot->inode, unit, place);

	return (struct near_spot){
		.home = home,
		.word = ior_word_in_unit(slot->op.range, unit, home.tag, self,
					 ior_op_writes(&slot->op), slot->moving),
	};
}

static __always_inline struct ior_home slot_home(const struct ior_slot *slot)
{
	return ior_home_of(slot->inode, ior_unit_of(slot->op.range.start, slot->place),
			   slot->place);
}

/*
 * An op of one unit whose home line is full, put into one of the next. False: not published, since
 * they are full as well or there is more than that to it.
 */
static __always_inline bool inflight_publish_near(__u32 self, struct ior_slot *slot,
						  struct near_spot *spot)
{
	__u64 place;

	if (!slot->moving || !slot_is_in_one_chunk(slot))
		return false;
	place = slot_ask_place(slot, slot->inode, slot->op.range, 0);
	*spot = near_aim(self, slot, ior_unit_of(slot->op.range.start, place), place);
	slot->where = near_put(spot->home, spot->word);
	if (!slot->where)
		return false;
	if (ior_where_depth(slot->where))
		slot_line_was_full(slot);
	slot->state = IOR_SLOT_PUBLISHED;
	return true;
}

/* Where an op in one chunk is to have its word, once it has asked for its place. */
struct inflight_spot {
	__u64 tag;
	__u32 line;
	__u32 place;
};

static __always_inline struct inflight_spot slot_aim(struct ior_slot *slot, __u64 inode,
						     struct ior_range range)
{
	__u64 place = slot_ask_place(slot, inode, range, 0);
	struct ior_home home = ior_home_of(inode, ior_unit_of(range.start, place), place);

	return (struct inflight_spot){
		.tag = home.tag,
		.line = home.line & line_mask(false),
		.place = place,
	};
}

/* An op in one chunk touches that, and of granules up to four. */
#define NEAR_UNITS (1U << (IOR_CHUNK_SHIFT - IOR_GRANULE_SHIFT))
_Static_assert(NEAR_UNITS <= 1U << IOR_LINE_GROUP_SHIFT, "those of one chunk are of one group");

/* Their lines are neighbours, as units of one group are. */
INFLIGHT_GLOBAL int near_units_are_empty(__u32 self, __u64 place)
{
	struct ior_slot *slot = slot_at(self);
	struct ior_range range;
	struct ior_home home;
	__u64 count;

	if (!slot)
		return true;
	range = slot->op.range;
	home = ior_home_of(slot->inode, ior_unit_of(range.start, place), place);
	count = ior_opaque(ior_range_units(range, place));
	home.stride = 1;
	INFLIGHT_ROLLED
	for (__u32 i = 0; i < NEAR_UNITS && i < count; i++) {
		struct ior_line *line = line_at(false, near_line(home, i));

		if (!line || !line_is_empty(line))
			return false;
	}
	return true;
}

static __always_inline bool near_unit_is_in(struct ior_range range, __u64 place, __u32 nth)
{
	return nth < ior_range_units(range, place);
}

/*
 * Does nobody in this unit, of those of the op the nth, matter to it? Mostly so, and that is seen
 * by arithmetic alone, without a call for each line. Global, as what follows, so that the verifier
 * judges it once, and of one unit, for the stack that a loop would need.
 */
INFLIGHT_GLOBAL int slot_is_alone_at(__u32 self, __u64 place, __u32 nth)
{
	struct ior_slot *slot = slot_at(self);
	struct near_spot spot;

	if (!slot || !near_unit_is_in(slot->op.range, place, nth))
		return true;
	spot = near_aim(self, slot, ior_unit_of(slot->op.range.start, place) + nth, place);
	return near_is_alone(spot.home, spot.word);
}

/* And in the places other than its own, of which mostly all are empty? False: it has to look. */
INFLIGHT_GLOBAL int inflight_is_alone_elsewhere(__u32 self)
{
	struct ior_slot *slot = slot_at(self);
	__u32 noted;

	if (!slot)
		return true;
	noted = places_settle(slot) & ~slot_noted_as(slot);
	if (!wide_is_empty(slot->inode, noted))
		return false;
	INFLIGHT_ROLLED
	for (__u32 place = 0; place < IOR_PLACES; place++) {
		if (!(noted & (1U << place)) || near_units_are_empty(self, place))
			continue;
		for (__u32 nth = 0; nth < NEAR_UNITS; nth++) {
			if (!slot_is_alone_at(self, place, nth))
				return false;
		}
	}
	return true;
}

/*
 * Mostly its own is the only place, and noted, and nobody is about to forget: see places_settle().
 * Then nothing has to be asked but for wide ops, which many a file had once: it was truncated.
 */
static __always_inline bool place_is_the_only_one(__u64 inode, __u64 place)
{
	__u32 noted = places_load(inode) & (IOR_PLACES_ALL | IOR_PLACES_CLOSING);
	__u32 others = noted ^ 1U << (place & (IOR_PLACES - 1));

	return !others || (others == IOR_PLACES_WIDE && wide_is_empty(inode, others));
}

/* The same of what places_settle() has returned. */
static __always_inline bool slot_place_is_the_only_one(const struct ior_slot *slot, __u32 noted)
{
	__u32 others = noted & IOR_PLACES_ALL & ~slot_noted_as(slot);

	return !others || (others == IOR_PLACES_WIDE && wide_is_empty(slot->inode, others));
}

static __always_inline bool inflight_is_alone_near(__u32 self, const struct ior_slot *slot,
						   const struct near_spot *spot)
{
	return near_is_alone(spot->home, spot->word) &&
	       (place_is_the_only_one(slot->inode, slot->place) ||
		inflight_is_alone_elsewhere(self));
}

/* How many lines were looked at, as near_look(). */
INFLIGHT_GLOBAL __u32 slot_look_near(__u32 self, __u64 place, __u32 nth)
{
	struct ior_slot *slot = slot_at(self);
	struct near_spot spot;

	if (!slot || !near_unit_is_in(slot->op.range, place, nth))
		return 0;
	spot = near_aim(self, slot, ior_unit_of(slot->op.range.start, place) + nth, place);
	return near_look(spot.home, spot.word, self);
}

/* The word goes first and the passed counts after it: a looker must find what is still there. */
static __noinline void inflight_retire_near(struct ior_slot *slot)
{
	__u32 where = slot->where;
	__u64 *words = (__u64 *)line_at(false, ior_where_line(where));

	if (words)
		INFLIGHT_STORE(&words[ior_where_word(where)], 0ULL);
	near_unpass(slot_home(slot), ior_where_depth(where));
}

/* In each of its units. */
static __always_inline enum inflight_published narrow_publish(__u32 self, struct ior_slot *slot,
							      __u64 spread)
{
	struct inflight_homes h;

	slot_ask_place(slot, slot->inode, slot->op.range, spread);
	homes_of_slot(&h, self, slot);
	homes_put(&h);
	if (h.passed)
		slot_line_was_full(slot);
	if (h.failed)
		return PUBLISH_FAILED;
	return h.others ? PUBLISH_MUST_LOOK : PUBLISH_ALONE;
}

/* Where it should stand, or spread at any rate. */
INFLIGHT_GLOBAL enum inflight_published inflight_try_publish(__u32 self, __u64 spread)
{
	enum inflight_published result;
	struct ior_slot *slot = slot_at(self);
	__u32 noted;

	if (!slot)
		return PUBLISH_FAILED;
	slot->where = 0;
	result = slot->wide ? wide_publish(self, slot) : narrow_publish(self, slot, spread);
	if (!result)
		return result;
	slot->state = slot->moving ? IOR_SLOT_PUBLISHED : IOR_SLOT_WAITING;
	noted = places_settle(slot); /* one that is lifted does not look before it moves */
	return slot_place_is_the_only_one(slot, noted) ? result : PUBLISH_MUST_LOOK;
}

static __always_inline enum inflight_published inflight_publish_slow(__u32 self)
{
	enum inflight_published result = inflight_try_publish(self, 0);

	return result ? result : inflight_try_publish(self, IOR_PLACE_SPREAD);
}

#ifndef SWEEP_UNITS_MAX /* more where a test has few lines */
#define SWEEP_UNITS_MAX line_mask(false)
#endif

/* It has more granules than there are lines: a truncate to the end of all bytes. */
static __always_inline bool slot_sweeps(const struct ior_slot *slot)
{
	return slot->wide && ior_range_units(slot->op.range, IOR_PLACE_FINE) > SWEEP_UNITS_MAX;
}

/*
 * Everybody who was there first and may matter is handed to inflight_meet(): unit by unit, or line
 * by line, and of an op in one chunk the first lines first. That is two calls, one after the other,
 * since both need the stack.
 *
 * Returns what inflight_look_far() is to be given: what is noted, without the places that were seen
 * to the end, or are to be swept. Whoever is behind the first lines is looked for from there on.
 * Nobody is behind a page that was full, though for a moment whoever found it so is counted as
 * having passed.
 */
static __always_inline __u32 inflight_look_first(__u32 self, const struct ior_slot *slot)
{
	__u32 noted = places_settle(slot);

	if (slot_sweeps(slot))
		return noted & IOR_PLACES_WIDE;
	if (!slot_is_in_one_chunk(slot))
		return noted;
	for (__u32 place = 0; place < IOR_PLACES; place++) {
		__u32 from = 0;

		if (!(noted & (1U << place)))
			continue;
		for (__u32 nth = 0; nth < NEAR_UNITS; nth++)
			from |= slot_look_near(self, place, nth);
		if (!from || !(place & IOR_PLACE_SPREAD))
			noted &= ~(1U << place);
	}
	return noted;
}

static __always_inline bool units_are_alone_at(const struct inflight_units *u, __u32 nth)
{
	return units_are_empty_at(u, nth) || slot_is_alone_at(u->walk.self, u->place, nth);
}

/*
 * Only those who may be met are gone to by the loops that meet them: mostly there are none, if the
 * first lines have not been looked at before.
 */
static int unit_look_step(__u32 nth, struct inflight_units *u)
{
	if (!u->walk.from && units_are_alone_at(u, nth))
		return 0;
	looking_at(u->walk.self, ior_unit_pack(units_aim(u, nth), u->place));
	inflight_walk_look(&u->walk);
	return 0;
}

static __always_inline void units_look_at(struct inflight_units *u, __u32 self,
					  struct ior_slot *slot, __u64 place)
{
	units_of_slot(u, self, slot); /* anew, so that all paths are one to the verifier */
	if (slot_is_in_one_chunk(slot))
		u->walk.from = near_reach();
	u->place = place;
	inflight_loop(ior_range_units(slot->op.range, place), unit_look_step, u);
	looking_at(u->walk.self, IOR_UNIT_ANY);
}

/* What can be had from the slot again does not stay on the stack meanwhile. */
static __always_inline void inflight_look_far(__u32 self, struct ior_slot *slot, __u32 noted)
{
	struct inflight_units u;

	for (__u32 place = 0; place < IOR_PLACES; place++) {
		if (noted & (1U << place))
			units_look_at(&u, self, slot, place);
	}
	if (!slot->wide && wide_is_empty(slot->inode, noted))
		return;
	units_of_slot(&u, self, slot);
	wide_aim(&u, slot);
	inflight_walk_look(&u.walk);
	if (slot_sweeps(slot))
		inflight_loop((__u64)line_mask(false) + 1, sweep_line, &u);
}

/* Both, where there is stack enough. */
static __always_inline void inflight_look_slow(__u32 self, struct ior_slot *slot)
{
	inflight_look_far(self, slot, inflight_look_first(self, slot));
}

static __always_inline void narrow_retire(__u32 self, const struct ior_slot *slot)
{
	struct inflight_homes h;

	homes_of_slot(&h, self, slot);
	homes_clear(&h);
}

static __always_inline void inflight_retire_slow(__u32 self, struct ior_slot *slot)
{
	if (slot->where)
		inflight_retire_near(slot);
	else if (slot->wide)
		wide_retire(self, slot);
	else
		narrow_retire(self, slot);
}

/*
 * Close the window: the words go, the slot stays until inflight_release(). Here if there is one and
 * it stands in its home line.
 */
static __always_inline bool inflight_retire_fast(struct ior_slot *slot)
{
	__u32 where = slot->where;
	__u64 *words;

	if (!where || ior_where_depth(where))
		return false;
	/* As words of the line: no bound for the verifier of 6.1 to lose. */
	words = (__u64 *)line_at(false, ior_where_line(where));
	if (words)
		INFLIGHT_STORE(&words[ior_where_word(where)], 0ULL);
	return true;
}

/* Publish and look; the one entry for whoever does not unroll the common path himself. */
static __always_inline bool inflight_enter(__u32 self, struct ior_slot *slot, bool moving)
{
	enum inflight_published result = PUBLISH_MUST_LOOK;
	struct near_spot spot;

	slot->moving = moving;
	INFLIGHT_STORE(&slot->wide, ior_range_is_wide(slot->op.range));
	if (!inflight_publish_near(self, slot, &spot))
		result = inflight_publish_slow(self);
	else if (inflight_is_alone_near(self, slot, &spot))
		result = PUBLISH_ALONE;
	if (result == PUBLISH_MUST_LOOK)
		inflight_look_slow(self, slot);
	if (result)
		INFLIGHT_STORE(&slot->settled, 1);
	return result;
}

/*
 * A waiting op turns out to be about another range: its words go, its sequence stays, and
 * inflight_publish_slow() follows. If that fails it is nowhere. Nobody need look: the window opens
 * right behind.
 */
static __always_inline void inflight_lift(__u32 self, struct ior_slot *slot, struct ior_range range)
{
	inflight_retire_slow(self, slot);
	slot->state = IOR_SLOT_DONE;
	slot->op.range = range;
	INFLIGHT_STORE(&slot->wide, ior_range_is_wide(range));
}

/* A waiting op got its locks: its words flip to moving, and it has to look again. */
static __always_inline void inflight_flip(__u32 self, struct ior_slot *slot)
{
	struct inflight_units u;

	INFLIGHT_STORE(&slot->settled, 0);
	units_of_slot(&u, self, slot);
	if (slot->wide) {
		wide_aim(&u, slot);
		walk_run(&u.walk, STEP_MOVE);
	} else {
		inflight_loop(ior_range_units(slot->op.range, u.place), unit_move_step, &u);
	}
	slot->moving = 1;
	slot->state = IOR_SLOT_PUBLISHED;
}

/* Both at once: of two ops the one that flips later sees the other moving. */
static __always_inline void inflight_move(__u32 self, struct ior_slot *slot)
{
	inflight_flip(self, slot);
	inflight_look_slow(self, slot);
	INFLIGHT_STORE(&slot->settled, 1);
}

/* Once only, however often an op seems to end: its ways may be another op's by then. */
static __always_inline void inflight_retire(__u32 self, struct ior_slot *slot)
{
	if (slot->state != IOR_SLOT_PUBLISHED && slot->state != IOR_SLOT_WAITING)
		return;
	if (!inflight_retire_fast(slot))
		inflight_retire_slow(self, slot);
	slot->state = IOR_SLOT_DONE;
}

#endif
