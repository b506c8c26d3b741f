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
 *	line_at(wide, i) slot_at(i) races_at(i)    NULL out of bounds
 *	line_mask(wide) slot_mask()
 *	any_wide() any_spread()                    where it is noted that there was a wide op, and
 *	                                           an inode whose ops stand spread
 *	spread_bits()                              where it is noted which, INODE_WORDS
 *	INFLIGHT_GLOBAL                            marks a function the verifier should judge once
 *	inflight_meet(self, way)                   the word in this way may be of an op that
 *	                                           matters: see inflight_peer_read() and
 *	                                           inflight_peer_is_still()
 *
 * Why no pair is missed: an op fills its slot, publishes its words with a fully ordered cmpxchg and
 * only then looks at the words of others. Of two ops the one that publishes later sees the earlier,
 * or the earlier had retired before the later looked. In that second case nothing happened: the
 * later op is still inside its begin hook, so none of its data has moved.
 *
 * Where ops of a file stand packed, and where spread: spread.bpf.h.
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
#include "slots.bpf.h"
#include "spread.bpf.h"

/* ---- all chunks of an op --------------------------------------------------------------------- */

/* What is to be done in each chunk of the op in slot `self`. */
struct inflight_chunks {
	struct inflight_walk walk;
	__u64 inode;
	struct ior_range range;
	__u64 first_chunk;
	__u32 failed_at; /* publish: the first chunk that found no room */
	__u8 step;	 /* enum inflight_step */
	__u8 write;
	__u8 moving;
	__u8 spread;
	__u8 failed;
};

static __always_inline void chunks_of_slot(struct inflight_chunks *c, __u32 self,
					   struct ior_slot *slot)
{
	c->inode = slot->inode;
	c->range = slot->op.range;
	c->first_chunk = ior_chunk_of(c->range.start);
	c->write = ior_op_writes(&slot->op);
	c->moving = slot->moving;
	c->spread = slot->spread;
	c->failed = 0;
	c->failed_at = 0;
	__builtin_memset(&c->walk, 0, sizeof(c->walk));
	c->walk.self = self;
}

/* In a frame that is gone when the meetings need the stack. */
static __noinline void chunks_aim(struct inflight_chunks *c, __u64 chunk)
{
	struct ior_home home = ior_home_of(c->inode, chunk, c->spread);

	walk_aim(&c->walk, home,
		 ior_word_in_chunk(c->range, chunk, home.tag, c->walk.self, c->write, c->moving));
}

static __always_inline void wide_aim(struct inflight_chunks *c)
{
	struct ior_home home = ior_wide_home_of(c->inode);

	c->walk.wide = 1;
	walk_aim(&c->walk, home,
		 ior_word_pack(home.tag, c->walk.self, 0, IOR_CHUNK_SECTORS - 1, c->write,
			       c->moving));
}

/* Which chunk the meetings to come are about, see inflight_pair_is_mine(). */
static __always_inline void looking_at(__u32 self, __u64 chunk)
{
	struct ior_slot *slot = slot_at(self);

	if (slot)
		slot->looking = chunk;
}

static int chunk_step(__u32 i, struct inflight_chunks *c)
{
	chunks_aim(c, c->first_chunk + i);
	switch (c->step) {
	case STEP_PUT:
		if (walk_publish(&c->walk))
			return 0;
		c->failed = 1;
		c->failed_at = i;
		return 1;
	case STEP_CLEAR:
		walk_retire(&c->walk);
		return 0;
	case STEP_LOOK:
		looking_at(c->walk.self, c->first_chunk + i);
		walk_run(&c->walk, STEP_LOOK);
		return 0;
	default:
		walk_run(&c->walk, c->step);
		return 0;
	}
}

static __always_inline void chunks_run(struct inflight_chunks *c, enum inflight_step step,
				       __u64 count)
{
	c->step = step;
	c->walk.wide = 0;
	inflight_loop(count, chunk_step, c);
}

/* Both places. `walk.from`: the page and the first lines of the other were looked at already. */
static __always_inline void chunks_look(struct inflight_chunks *c, __u64 count)
{
	c->spread = 0;
	if (!c->walk.from)
		chunks_run(c, STEP_LOOK, count);
	c->spread = 1;
	if (inode_is_spread(c->inode))
		chunks_run(c, STEP_LOOK, count);
}

/* ---- wide ops -------------------------------------------------------------------------------- */

/*
 * A wide op stands once, by inode. The home line counts its wide ops in the high half of its
 * header, raised before the publish, so that everybody else needs to read one word only to know
 * that there is none. That there was any is noted before that, and for good.
 */
static __always_inline void wide_count(struct inflight_walk *w, __u64 change)
{
	struct ior_line *home = line_at(true, walk_line(w, 0));

	if (home)
		INFLIGHT_ADD(&home->header, change);
}

static __always_inline bool wide_publish(struct inflight_chunks *c)
{
	wide_aim(c);
	if (!INFLIGHT_LOAD(any_wide()))
		INFLIGHT_STORE(any_wide(), 1);
	wide_count(&c->walk, IOR_LINE_HOME);
	if (walk_publish(&c->walk))
		return true;
	wide_count(&c->walk, -IOR_LINE_HOME);
	return false;
}

static __always_inline void wide_retire(struct inflight_chunks *c)
{
	wide_aim(c);
	walk_retire(&c->walk);
	wide_count(&c->walk, -IOR_LINE_HOME);
}

/*
 * Anything in the wide line of this inode? Mostly there never was a wide op at all; else one load
 * of a line that is seldom written.
 */
static __always_inline bool wide_is_empty(__u64 inode)
{
	struct ior_line *home;

	if (!INFLIGHT_LOAD(any_wide()))
		return true;
	home = line_at(true, ior_wide_home_of(inode).line & line_mask(true));
	return !home || !INFLIGHT_LOAD(&home->header);
}

/* Every chunk of the table: any tag will do, and the word of a wide op spans all sectors. */
static int sweep_line(__u32 i, struct inflight_chunks *c)
{
	struct ior_line *line = line_at(false, i);
	__u32 mask = 0;

	if (!line)
		return 1;
	for (int way = 0; way < IOR_WAYS; way++) {
		__u64 w = INFLIGHT_LOAD(&line->ways[way]);

		mask |= (__u32)ior_words_may_meet(w, (c->walk.word & ~IOR_WORD_TAG_MASK) |
							     (w & IOR_WORD_TAG_MASK))
			<< way;
	}
	line_meet(line, mask, c->walk.self);
	return 0;
}

/* ---- an op's life ---------------------------------------------------------------------------- */

/*
 * The common path: one chunk, its home line has room. Returns the way, or -1 when the slow path has
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

static __always_inline struct ior_home slot_home_in_one_chunk(const struct ior_slot *slot,
							      __u64 spread)
{
	return ior_home_of(slot->inode, ior_chunk_of(slot->op.range.start), spread);
}

static __always_inline __u64 slot_word_in_one_chunk(__u32 self, const struct ior_slot *slot,
						    struct ior_home home)
{
	return ior_word_in_one_chunk(slot->op.range, home.tag, self, ior_op_writes(&slot->op),
				     slot->moving);
}

/* One of the two places of an op in one chunk, and its word there. */
struct near_place {
	struct ior_home home;
	__u64 word;
};

static __always_inline struct near_place slot_near_place(__u32 self, const struct ior_slot *slot,
							 __u64 spread)
{
	struct ior_home home = slot_home_in_one_chunk(slot, spread);

	return (struct near_place){home, slot_word_in_one_chunk(self, slot, home)};
}

/*
 * An op of one chunk whose home line is full, put into one of the next. False: not published, since
 * they are full as well or there is more than that to it.
 */
static __always_inline bool inflight_publish_near(__u32 self, struct ior_slot *slot,
						  struct near_place *place)
{
	if (!slot->moving || !slot_is_in_one_chunk(slot))
		return false;
	*place = slot_near_place(self, slot, slot_ask_spread(slot, slot->inode));
	slot->where = near_put(place->home, place->word);
	if (!slot->where)
		return false;
	slot->state = IOR_SLOT_PUBLISHED;
	return true;
}

/*
 * Does nobody matter in the other of the two places, if there is one? One that stands packed has to
 * look: its inode was spread just now. For one that stands spread it is the page, where mostly
 * nobody is left. Global, as what follows, so that the verifier judges it once.
 */
INFLIGHT_GLOBAL int inflight_is_alone_elsewhere(__u32 self, __u64 word)
{
	struct ior_slot *slot = slot_at(self);
	struct ior_home page;
	struct ior_line *line;

	if (!slot || !inode_is_spread(slot->inode))
		return true;
	if (!ior_word_spread(word))
		return false;
	page = slot_home_in_one_chunk(slot, false);
	line = line_at(false, near_line(page, 0));
	if (line && line_is_empty(line))
		return true;
	return near_is_alone(page, slot_word_in_one_chunk(self, slot, page));
}

/*
 * And then: does nobody there matter to it? Mostly so, and that is seen by arithmetic alone,
 * without a call for each line. False: it has to look.
 */
static __always_inline bool inflight_is_alone_near(__u32 self, const struct ior_slot *slot,
						   const struct near_place *place)
{
	return near_is_alone(place->home, place->word) &&
	       (!INFLIGHT_LOAD(any_spread()) || inflight_is_alone_elsewhere(self, place->word)) &&
	       wide_is_empty(slot->inode);
}

INFLIGHT_GLOBAL __u32 slot_look_near(__u32 self, __u32 spread)
{
	struct ior_slot *slot = slot_at(self);
	struct near_place place;

	if (!slot)
		return 0;
	place = slot_near_place(self, slot, spread);
	return near_look(place.home, place.word, self);
}

/*
 * The page, and the first lines where ops stand spread: how many, as near_look(). Nobody stands
 * behind a page that was full, though for a moment whoever found it so is counted as having passed.
 */
static __always_inline __u32 inflight_look_near(__u32 self, struct ior_slot *slot)
{
	slot_look_near(self, false);
	return inode_is_spread(slot->inode) ? slot_look_near(self, true) : 0;
}

/* The word goes first and the passed counts after it: a looker must find what is still there. */
static __noinline void inflight_retire_near(struct ior_slot *slot)
{
	__u32 where = slot->where;
	__u64 *words = (__u64 *)line_at(false, ior_where_line(where));

	if (words)
		INFLIGHT_STORE(&words[ior_where_word(where)], 0ULL);
	near_unpass(slot_home_in_one_chunk(slot, slot->spread), ior_where_depth(where));
}

/*
 * False: no room, and the op has left no trace. If that was in the page there may be elsewhere, and
 * a second call tries that.
 */
INFLIGHT_GLOBAL int inflight_try_publish(__u32 self)
{
	struct ior_slot *slot = slot_at(self);
	struct inflight_chunks c;

	if (!slot)
		return false;
	slot->where = 0;
	slot_ask_spread(slot, slot->inode);
	chunks_of_slot(&c, self, slot);
	if (slot->wide) {
		c.failed = !wide_publish(&c);
	} else {
		chunks_run(&c, STEP_PUT, ior_range_chunks(c.range));
		if (c.failed)
			chunks_run(&c, STEP_CLEAR, c.failed_at);
	}
	if (!c.failed)
		slot->state = slot->moving ? IOR_SLOT_PUBLISHED : IOR_SLOT_WAITING;
	else if (!slot->wide)
		inode_spread(slot->inode);
	return !c.failed;
}

/* False: no room, the op is untracked and has left no trace. */
static __always_inline bool inflight_publish_slow(__u32 self)
{
	return inflight_try_publish(self) || inflight_try_publish(self);
}

/* It has more chunks than there are lines: a truncate to the end of all bytes. */
static __always_inline bool slot_sweeps(const struct ior_slot *slot)
{
	return slot->wide && ior_range_chunks(slot->op.range) > line_mask(false);
}

/*
 * Everybody who was there first and may matter is handed to inflight_meet(): chunk by chunk, or
 * line by line. What can be had from the slot again does not stay on the stack meanwhile.
 */
static __always_inline void inflight_look_slow(__u32 self, struct ior_slot *slot)
{
	bool near = slot_is_in_one_chunk(slot);
	__u32 from = near ? inflight_look_near(self, slot) : 0;
	struct inflight_chunks c;

	chunks_of_slot(&c, self, slot);
	c.walk.from = from;
	if (!slot_sweeps(slot) && (!near || from))
		chunks_look(&c, ior_range_chunks(slot->op.range));
	c.walk.from = 0;
	looking_at(self, IOR_CHUNK_ANY);
	if (!slot->wide && wide_is_empty(c.inode))
		return;
	wide_aim(&c);
	walk_run(&c.walk, STEP_LOOK);
	if (slot_sweeps(slot))
		inflight_loop((__u64)line_mask(false) + 1, sweep_line, &c);
}

static __always_inline void inflight_retire_slow(__u32 self, struct ior_slot *slot)
{
	struct inflight_chunks c;

	if (slot->where) {
		inflight_retire_near(slot);
		return;
	}
	chunks_of_slot(&c, self, slot);
	if (slot->wide)
		wide_retire(&c);
	else
		chunks_run(&c, STEP_CLEAR, ior_range_chunks(c.range));
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
	struct near_place place;
	bool near;

	slot->moving = moving;
	INFLIGHT_STORE(&slot->wide, ior_range_is_wide(slot->op.range));
	near = inflight_publish_near(self, slot, &place);
	if (!near && !inflight_publish_slow(self))
		return false;
	if (!near || !inflight_is_alone_near(self, slot, &place))
		inflight_look_slow(self, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	return true;
}

/*
 * A waiting op turns out to be about another range: its words go, its sequence stays, and
 * inflight_publish_slow() follows. False there: no room, it is nowhere then. Nobody need look: the
 * window opens right behind.
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
	struct inflight_chunks c;

	INFLIGHT_STORE(&slot->settled, 0);
	chunks_of_slot(&c, self, slot);
	if (slot->wide) {
		wide_aim(&c);
		walk_run(&c.walk, STEP_MOVE);
	} else {
		chunks_run(&c, STEP_MOVE, ior_range_chunks(c.range));
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
