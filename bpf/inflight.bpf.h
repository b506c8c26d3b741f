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
 *	INFLIGHT_CMPXCHG(p, old, new) INFLIGHT_ADD(p, v)   fully ordered, return the old value
 *	inflight_loop(n, fn, ctx)                  calls fn(i, ctx) until it returns 1
 *	line_at(wide, i) slot_at(i) races_at(i)    NULL out of bounds
 *	line_mask(wide) slot_mask()
 *	any_wide()                                 where it is noted that there was a wide op
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
 * Why a full line loses nobody: an op that finds a line full raises the line's passed count before
 * it publishes further along its probe sequence, and a looker reads the count after its own
 * publish. While the count is not zero, look-ups go on. (The scheme is that of overflow counts in
 * open addressing: no chain to allocate, none to free.)
 *
 * Ordering relies on fully ordered atomics around plain loads and stores, as x86-64 gives them.
 */
#ifndef IORACE_INFLIGHT_BPF_H
#define IORACE_INFLIGHT_BPF_H

#include <iorace/slot.h>

/* Keeps the compiler from moving plain accesses across; x86-64 keeps them in order by itself. */
static __always_inline void inflight_barrier(void)
{
	asm volatile("" ::: "memory");
}

/* ---- one way of one line --------------------------------------------------------------------- */

/* The way the word now stands in, or -1 if the line is full. */
static __always_inline int line_put(struct ior_line *line, __u64 word)
{
	for (int i = 0; i < IOR_WAYS; i++) {
		if (INFLIGHT_LOAD(&line->ways[i]))
			continue;
		if (!INFLIGHT_CMPXCHG(&line->ways[i], 0ULL, word))
			return i;
	}
	return -1;
}

static __always_inline bool line_clear(struct ior_line *line, __u64 word)
{
	for (int i = 0; i < IOR_WAYS; i++) {
		if (INFLIGHT_LOAD(&line->ways[i]) == word) {
			INFLIGHT_STORE(&line->ways[i], 0ULL);
			return true;
		}
	}
	return false;
}

static __always_inline bool line_replace(struct ior_line *line, __u64 old, __u64 new)
{
	for (int i = 0; i < IOR_WAYS; i++) {
		if (INFLIGHT_LOAD(&line->ways[i]) == old)
			return INFLIGHT_CMPXCHG(&line->ways[i], old, new) == old;
	}
	return false;
}

/* Ways that may matter to `mine`, one bit each; branch-free, so that the usual none is cheap. */
static __always_inline __u32 line_candidates(struct ior_line *line, __u64 mine)
{
	__u32 mask = 0;

	for (int i = 0; i < IOR_WAYS; i++)
		mask |= (__u32)ior_words_may_meet(INFLIGHT_LOAD(&line->ways[i]), mine) << i;
	return mask;
}

/*
 * Is the looker in way 0 and the rest of the line empty, with nobody who passed? Mostly it is, and
 * then there is nothing to compare.
 */
static __always_inline bool line_is_ours(struct ior_line *line, int way)
{
	__u64 others = INFLIGHT_LOAD(&line->header) & IOR_LINE_PASSED_MASK;

	for (int i = 1; i < IOR_WAYS; i++)
		others |= INFLIGHT_LOAD(&line->ways[i]);
	return !way && !others;
}

static __always_inline bool line_was_passed(struct ior_line *line)
{
	return INFLIGHT_LOAD(&line->header) & IOR_LINE_PASSED_MASK;
}

/* ---- walking a probe sequence ---------------------------------------------------------------- */

enum inflight_step { STEP_PUT, STEP_CLEAR, STEP_MOVE, STEP_LOOK, STEP_UNPASS };

/*
 * One walk along the lines of one chunk (or of all wide ops of an inode). The steps go together:
 * whatever order STEP_PUT passed full lines in, the others follow.
 */
struct inflight_walk {
	__u64 word;
	__u32 line; /* its home line and stride, see struct ior_home */
	__u32 stride;
	__u32 self;
	__u32 depth; /* STEP_UNPASS: how many lines to undo; STEP_PUT: where the word stands */
	__u8 step;   /* enum inflight_step */
	__u8 wide;
	__u8 done;
	__u8 pad[5];
};
IOR_SIZE_IS(struct inflight_walk, 32); /* stands on a stack of 512 bytes */

static __always_inline void walk_aim(struct inflight_walk *w, struct ior_home home, __u64 word)
{
	w->line = home.line;
	w->stride = home.stride;
	w->word = word;
}

static __always_inline __u32 walk_line(const struct inflight_walk *w, __u32 depth)
{
	return (w->line + depth * w->stride) & line_mask(w->wide);
}

/* For the slow path: a frame that is gone when the meetings need the stack. */
static __noinline __u32 line_candidates_slow(struct ior_line *line, __u64 mine)
{
	return line_candidates(line, mine);
}

/* One bit of `mask` for each way that is to be met. */
static __always_inline void line_meet(struct ior_line *line, __u32 mask, __u32 self)
{
	if (!mask)
		return;
	for (int i = 0; i < IOR_WAYS; i++) {
		if (mask & (1U << i))
			inflight_meet(self, &line->ways[i]);
	}
}

/* Returns 1 when the word has its place. */
static __always_inline int walk_put(struct inflight_walk *w, struct ior_line *line, __u32 depth)
{
	if (line_put(line, w->word) >= 0) {
		w->done = 1;
		w->depth = depth;
		return 1;
	}
	INFLIGHT_ADD(&line->header, 1ULL);
	return 0;
}

/* Returns 1 when the word was here; otherwise it passed here, and that is undone on the way. */
static __always_inline int walk_clear(struct inflight_walk *w, struct ior_line *line)
{
	if (line_clear(line, w->word)) {
		w->done = 1;
		return 1;
	}
	return 0;
}

/* One callback for each step: small frames, since the kernel allows 512 bytes of stack in all. */
static __always_inline struct ior_line *walk_line_at(const struct inflight_walk *w, __u32 depth)
{
	return line_at(w->wide, walk_line(w, depth));
}

static int put_step(__u32 depth, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, depth);

	return line ? walk_put(w, line, depth) : 1;
}

static int clear_step(__u32 depth, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, depth);

	w->depth = depth;
	return line ? walk_clear(w, line) : 1;
}

static int move_step(__u32 depth, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, depth);

	if (!line)
		return 1;
	w->done = line_replace(line, w->word, w->word | IOR_WORD_MOVING);
	return w->done;
}

static int look_step(__u32 depth, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, depth);

	if (!line)
		return 1;
	line_meet(line, line_candidates_slow(line, w->word), w->self);
	return !line_was_passed(line);
}

static int unpass_step(__u32 depth, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, depth);

	if (!line || depth >= w->depth)
		return 1;
	INFLIGHT_ADD(&line->header, -1ULL);
	return 0;
}

/*
 * No line twice, however small the table: a looker would meet the same word again, and an op that
 * passed a line twice would be found before the depth it was put at and leave a passed count.
 */
static __always_inline __u32 walk_reach(const struct inflight_walk *w)
{
	__u32 mask = line_mask(w->wide);

	return mask < IOR_PROBE_LINES_MAX ? mask + 1 : IOR_PROBE_LINES_MAX;
}

/*
 * Global for the verifier's sake: it judges this once, for any walk, and not again for each of the
 * nested loops that lead here. The copy is because the context of a loop must be on the stack.
 */
INFLIGHT_GLOBAL int inflight_walk_run(struct inflight_walk *walk)
{
	struct inflight_walk w;

	if (!walk)
		return 0;
	w = *walk;
	w.done = 0;
	switch (w.step) {
	case STEP_PUT:
		inflight_loop(walk_reach(&w), put_step, &w);
		break;
	case STEP_CLEAR:
		inflight_loop(walk_reach(&w), clear_step, &w);
		break;
	case STEP_MOVE:
		inflight_loop(walk_reach(&w), move_step, &w);
		break;
	case STEP_LOOK:
		inflight_loop(walk_reach(&w), look_step, &w);
		break;
	case STEP_UNPASS:
		inflight_loop(walk_reach(&w), unpass_step, &w);
		break;
	}
	*walk = w;
	return 0;
}

static __always_inline void walk_run(struct inflight_walk *w, enum inflight_step step)
{
	w->step = step;
	inflight_walk_run(w);
}

/* False: every line within reach is full. Nothing is left behind then. */
static __always_inline bool walk_publish(struct inflight_walk *w)
{
	walk_run(w, STEP_PUT);
	if (w->done)
		return true;
	w->depth = walk_reach(w);
	walk_run(w, STEP_UNPASS);
	return false;
}

/* The word goes first and the passed counts after it: a looker must find what is still there. */
static __always_inline void walk_retire(struct inflight_walk *w)
{
	walk_run(w, STEP_CLEAR);
	if (w->done && w->depth)
		walk_run(w, STEP_UNPASS);
}

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
	c->failed = 0;
	c->failed_at = 0;
	__builtin_memset(&c->walk, 0, sizeof(c->walk));
	c->walk.self = self;
}

static __always_inline void chunks_aim(struct inflight_chunks *c, __u64 chunk)
{
	struct ior_home home = ior_home_of(c->inode, chunk);

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

/*
 * Look at every narrow op that may stand in the chunks of a wide one: chunk by chunk, or, when the
 * range is larger than the table (a truncate to the end of all bytes), every line once.
 */
static __always_inline void wide_look_at_narrow(struct inflight_chunks *c)
{
	__u64 chunks = ior_range_chunks(c->range);

	if (chunks <= line_mask(false))
		chunks_run(c, STEP_LOOK, chunks);
	else
		inflight_loop((__u64)line_mask(false) + 1, sweep_line, c);
}

/* ---- slots ----------------------------------------------------------------------------------- */

struct slot_search {
	__u64 key;
	__u32 home;
	__s32 found;
};

static int slot_find_step(__u32 i, struct slot_search *s)
{
	__u32 at = (s->home + i) & slot_mask();
	struct ior_slot *slot = slot_at(at);

	if (!slot)
		return 1;
	if (INFLIGHT_LOAD(&slot->key) == s->key) {
		s->found = at;
		return 1;
	}
	return 0;
}

static int slot_claim_step(__u32 i, struct slot_search *s)
{
	__u32 at = (s->home + i) & slot_mask();
	struct ior_slot *slot = slot_at(at);

	if (!slot)
		return 1;
	if (INFLIGHT_LOAD(&slot->key) == 0 && !INFLIGHT_CMPXCHG(&slot->key, 0ULL, s->key)) {
		s->found = at;
		return 1;
	}
	return 0;
}

static __always_inline __u32 slot_reach(void)
{
	__u32 mask = slot_mask();

	return mask < IOR_PROBE_SLOTS_MAX ? mask + 1 : IOR_PROBE_SLOTS_MAX;
}

/* In a frame of its own, since the common case does without. */
static __noinline int slot_find_far(__u64 key, __u32 home)
{
	struct slot_search s = { .key = key, .home = home, .found = -1 };

	inflight_loop(slot_reach(), slot_find_step, &s);
	return s.found;
}

/* The slot of the op with this key and its index, or NULL. Mostly it stands at its home. */
static __always_inline struct ior_slot *inflight_slot_of(__u64 key, __u32 *ret_self)
{
	__u32 home_at = ior_slot_home(key) & slot_mask();
	struct ior_slot *home = slot_at(home_at);
	int far;

	*ret_self = home_at;
	if (!home || INFLIGHT_LOAD(&home->key) == key)
		return home;
	if (!INFLIGHT_LOAD(&home->overflow))
		return 0;
	far = slot_find_far(key, home_at);
	if (far < 0)
		return 0;
	*ret_self = far;
	return slot_at(far);
}

/* The index of that slot, or -1. */
static __always_inline int inflight_find(__u64 key)
{
	__u32 self;

	return inflight_slot_of(key, &self) ? (int)self : -1;
}

/*
 * The slot at the home of a key that has none, or NULL when that takes a search: somebody stands
 * there, perhaps this key, or was pushed away from there.
 */
static __always_inline struct ior_slot *inflight_claim_home(__u64 key, __u32 *ret_self)
{
	__u32 home_at = ior_slot_home(key) & slot_mask();
	struct ior_slot *home = slot_at(home_at);

	if (!home || INFLIGHT_LOAD(&home->key) || INFLIGHT_LOAD(&home->overflow) ||
	    INFLIGHT_CMPXCHG(&home->key, 0ULL, key))
		return 0;
	*ret_self = home_at;
	return home;
}

/* A slot for a key that has none, or -1 when all within reach are taken. */
static __always_inline int inflight_claim(__u64 key)
{
	struct slot_search s = {
		.key = key,
		.home = ior_slot_home(key) & slot_mask(),
		.found = -1,
	};
	struct ior_slot *home = slot_at(s.home);

	if (!home)
		return -1;
	if (INFLIGHT_LOAD(&home->key) == 0 && !INFLIGHT_CMPXCHG(&home->key, 0ULL, key))
		return s.home;
	INFLIGHT_ADD(&home->overflow, 1U);
	inflight_loop(slot_reach(), slot_claim_step, &s);
	if (s.found < 0 || s.found == (int)s.home)
		INFLIGHT_ADD(&home->overflow, -1U);
	return s.found;
}

/* The op of this key is over and has no words any more. */
static __always_inline void inflight_release_key(__u32 self, struct ior_slot *slot, __u64 key)
{
	__u32 home_at = ior_slot_home(key) & slot_mask();

	slot->state = IOR_SLOT_IDLE;
	INFLIGHT_STORE(&slot->key, 0ULL);
	if (home_at != self) {
		struct ior_slot *home = slot_at(home_at);

		if (home)
			INFLIGHT_ADD(&home->overflow, -1U);
	}
}

static __always_inline void inflight_release(__u32 self, struct ior_slot *slot)
{
	__u64 key = INFLIGHT_LOAD(&slot->key);

	if (key)
		inflight_release_key(self, slot, key);
}

/*
 * Between these two the slot is being filled: whoever reads it meanwhile must read again. Never
 * while the op has words in the lines: a filling is an op, and one that changes its sequence under
 * way would be counted twice.
 */
static __always_inline void inflight_fill_begin(struct ior_slot *slot)
{
	INFLIGHT_STORE(&slot->seq, INFLIGHT_LOAD(&slot->seq) + 1);
	inflight_barrier();
}

static __always_inline void inflight_fill_end(struct ior_slot *slot)
{
	slot->looking = IOR_CHUNK_ANY;
	INFLIGHT_STORE(&slot->settled, 0);
	inflight_barrier();
	INFLIGHT_STORE(&slot->seq, INFLIGHT_LOAD(&slot->seq) + 1);
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
	slot->where = line_index * 8 + way + 1;
	slot->state = IOR_SLOT_PUBLISHED;
	return way;
}

/* False: no room, the op is untracked and has left no trace. */
static __always_inline bool inflight_publish_slow(__u32 self, struct ior_slot *slot)
{
	struct inflight_chunks c;

	chunks_of_slot(&c, self, slot);
	slot->where = 0;
	if (slot->wide) {
		c.failed = !wide_publish(&c);
	} else {
		chunks_run(&c, STEP_PUT, ior_range_chunks(c.range));
		if (c.failed)
			chunks_run(&c, STEP_CLEAR, c.failed_at);
	}
	if (!c.failed)
		slot->state = slot->moving ? IOR_SLOT_PUBLISHED : IOR_SLOT_WAITING;
	return !c.failed;
}

/* Everybody who was there first and may matter is handed to inflight_meet(). */
static __always_inline void inflight_look_slow(__u32 self, struct ior_slot *slot)
{
	struct inflight_chunks c;

	chunks_of_slot(&c, self, slot);
	if (!slot->wide)
		chunks_run(&c, STEP_LOOK, ior_range_chunks(c.range));
	looking_at(self, IOR_CHUNK_ANY);
	if (slot->wide || !wide_is_empty(c.inode)) {
		wide_aim(&c);
		walk_run(&c.walk, STEP_LOOK);
	}
	if (slot->wide)
		wide_look_at_narrow(&c);
}

static __always_inline void inflight_retire_slow(__u32 self, struct ior_slot *slot)
{
	struct inflight_chunks c;

	chunks_of_slot(&c, self, slot);
	if (slot->wide)
		wide_retire(&c);
	else
		chunks_run(&c, STEP_CLEAR, ior_range_chunks(c.range));
}

/* Close the window: the words go, the slot stays until inflight_release(). */
static __always_inline bool inflight_retire_fast(struct ior_slot *slot)
{
	__u32 where = slot->where;
	__u64 *words;

	if (!where)
		return false;
	/* As words of the line: no bound for the verifier of 6.1 to lose. The header is word 0. */
	words = (__u64 *)line_at(false, where >> 3);
	if (words)
		INFLIGHT_STORE(&words[where & 7], 0ULL);
	return true;
}

/* Publish and look; the one entry for whoever does not unroll the common path himself. */
static __always_inline bool inflight_enter(__u32 self, struct ior_slot *slot, bool moving)
{
	slot->moving = moving;
	INFLIGHT_STORE(&slot->wide, ior_range_is_wide(slot->op.range));
	if (!inflight_publish_slow(self, slot))
		return false;
	inflight_look_slow(self, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	return true;
}

/*
 * A waiting op turns out to be about another range: its words go and come again, its sequence
 * stays. False: no room there; then it is nowhere. Nobody need look: the window opens right behind.
 */
static __always_inline bool inflight_land(__u32 self, struct ior_slot *slot,
					  struct ior_range range)
{
	inflight_retire_slow(self, slot);
	slot->state = IOR_SLOT_DONE;
	slot->op.range = range;
	INFLIGHT_STORE(&slot->wide, ior_range_is_wide(range));
	return inflight_publish_slow(self, slot);
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

/* ---- who counts a pair ----------------------------------------------------------------------- */

/* An op met in a way: which slot, which filling of it, and the word that led there. */
struct inflight_peer {
	__u64 word;
	__u32 at;
	__u32 seq;
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
	peer->seq = INFLIGHT_ADD(&slot->seq, 0U);
	return peer->seq & 1 ? SIGHT_CHANGING : SIGHT_THERE;
}

/*
 * Second half: was all that was read from the slot since inflight_peer_read() of one op, and is
 * that op still in flight? The word alone cannot tell: a thread that rewrites one block publishes
 * the identical word again.
 */
static __always_inline enum inflight_sight inflight_peer_is_still(const __u64 *way,
								  const struct inflight_peer *peer,
								  struct ior_slot *slot)
{
	if (INFLIGHT_ADD(&slot->seq, 0U) != peer->seq)
		return SIGHT_CHANGING;
	return INFLIGHT_LOAD(way) == peer->word ? SIGHT_THERE : SIGHT_CHANGING;
}

/*
 * A pair is looked at in the chunk of its first common byte and nowhere else, though both ops may
 * meet in many. A wide op stands in one place anyway.
 */
static __always_inline bool inflight_is_first_common(const struct inflight_peer *peer,
						     const struct ior_slot *slot,
						     struct ior_range common)
{
	__u64 chunk = ior_chunk_of(common.start);
	struct ior_home home = ior_home_of(slot->inode, chunk);

	if (slot->wide)
		return true;
	return peer->word == ior_word_in_chunk(slot->op.range, chunk, home.tag, peer->at,
					       ior_op_writes(&slot->op),
					       peer->word & IOR_WORD_MOVING);
}

/*
 * A pair is counted once at each stage: when the two are first in flight together, and when both
 * are moving. (Ops that never wait are at both stages at once.)
 */
enum inflight_stage { STAGE_OVERLAP, STAGE_CONFLICT };

struct race_insert {
	__u64 entry;
	__u32 at; /* whose set: the lower slot's */
	__u32 owner_seq;
	__u32 generation; /* of the owner's slot */
	__s32 outcome;	  /* 1 inserted, 0 was there, -1 no room */
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
static int race_step(__u32 i, struct race_insert *r)
{
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
static int race_find_step(__u32 i, struct race_insert *r)
{
	struct ior_races *races = races_at(r->at);
	__u64 cell;

	if (!races || i >= IOR_RACES)
		return 1;
	cell = INFLIGHT_LOAD(&races->cells[i]);
	if (cell == r->entry)
		r->outcome = 0;
	return cell == r->entry || (cell >> RACE_GENERATION_SHIFT) != r->generation;
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
 * Two far chunks of one inode may share line and tag. A wide op that looks chunk by chunk would
 * meet a peer of the one again in the other.
 */
static __always_inline bool peer_is_where_we_look(__u32 self, struct ior_slot *peer_slot)
{
	struct ior_slot *slot = slot_at(self);
	__u64 start;

	if (!slot)
		return false;
	if (slot->looking == IOR_CHUNK_ANY)
		return true;
	start = INFLIGHT_LOAD(&peer_slot->op.range.start);
	if (start < slot->op.range.start)
		start = slot->op.range.start;
	return ior_chunk_of(start) == slot->looking;
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
	PAIR_THEIRS,   /* the peer counts it, having found us at the same stage */
	PAIR_MINE,
	PAIR_NOT_HERE, /* it is looked at in another chunk, or is over */
	PAIR_UNKNOWN,  /* the set is full */
};

static __always_inline enum pair_owner inflight_pair_owner(__u32 self, __u32 self_seq,
							   const struct inflight_peer *peer,
							   struct ior_slot *peer_slot,
							   enum inflight_stage stage)
{
	bool peer_settled;
	struct race_insert r;

	if (!peer_is_where_we_look(self, peer_slot))
		return PAIR_NOT_HERE;
	race_aim(&r, self, self_seq, peer, stage);
	peer_settled = INFLIGHT_LOAD(&peer_slot->settled);
	r.outcome = peer_settled ? 1 : -1;
	if (peer_settled)
		inflight_loop(IOR_RACES, race_find_step, &r);
	else
		inflight_loop(IOR_RACES, race_step, &r);
	if ((peer_settled || r.outcome < 0) && !race_owner_is_still(&r))
		return PAIR_NOT_HERE;
	return r.outcome < 0 ? PAIR_UNKNOWN : r.outcome ? PAIR_MINE : PAIR_THEIRS;
}

/* 1 yes, 0 no, -1 unknown. */
static __always_inline int inflight_pair_is_mine_at(__u32 self, __u32 self_seq,
						    const struct inflight_peer *peer,
						    struct ior_slot *peer_slot,
						    enum inflight_stage stage)
{
	enum pair_owner owner = inflight_pair_owner(self, self_seq, peer, peer_slot, stage);

	return owner == PAIR_UNKNOWN ? -1 : owner == PAIR_MINE;
}

/* For a pair that conflicts: both are moving, `self` by its slot and the peer by its word. */
static __always_inline int inflight_pair_is_mine(__u32 self, __u32 self_seq,
						 const struct inflight_peer *peer,
						 struct ior_slot *peer_slot)
{
	return inflight_pair_is_mine_at(self, self_seq, peer, peer_slot, STAGE_CONFLICT);
}

/*
 * For a pair that overlaps while one of the two waits: asked by the one that enters and finds the
 * other moving, and by the one that moves and finds the other waiting.
 */
static __always_inline int inflight_overlap_is_mine(__u32 self, __u32 self_seq,
						    const struct inflight_peer *peer,
						    struct ior_slot *peer_slot)
{
	return inflight_pair_is_mine_at(self, self_seq, peer, peer_slot, STAGE_OVERLAP);
}

#endif
