/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The lines of the in-flight table: words put into ways, found again, and the walk from a full line
 * to the next. Knows words and nothing of the ops they stand for. Verbs and proof: inflight.bpf.h.
 */
#ifndef IORACE_LINE_BPF_H
#define IORACE_LINE_BPF_H

#include <iorace/slot.h>

/* ---- one way of one line --------------------------------------------------------------------- */

/* The way the word now stands in, or -1 if the line is full. */
static __always_inline int line_put(struct ior_line *line, __u64 word)
{
	for (int i = 0; i < IOR_WAYS; i++) {
		if (INFLIGHT_LOAD(&line->ways[i]))
			continue;
		if (!ior_opaque(INFLIGHT_CMPXCHG(&line->ways[i], 0ULL, word)))
			return i;
	}
	return -1;
}

/* The word that is this one as far as the mask goes. */
static __always_inline bool line_clear(struct ior_line *line, __u64 word, __u64 mask)
{
	for (int i = 0; i < IOR_WAYS; i++) {
		if ((INFLIGHT_LOAD(&line->ways[i]) & mask) == word) {
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

/* Of one candidate alone which word of the line it is, the header being word 0; else 0. */
static __always_inline __u32 line_only_candidate(__u32 mask)
{
	__u32 word = 0;

	if (mask & (mask - 1))
		return 0;
	for (int i = 0; i < IOR_WAYS; i++)
		word += ((mask >> i) & 1) * (i + 1);
	return word;
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

/* Nobody is there, and nobody passed. */
static __always_inline bool line_is_empty(struct ior_line *line)
{
	__u64 any = INFLIGHT_LOAD(&line->header) & IOR_LINE_PASSED_MASK;

	for (int i = 0; i < IOR_WAYS; i++)
		any |= INFLIGHT_LOAD(&line->ways[i]);
	return !any;
}

static __always_inline bool line_was_passed(struct ior_line *line)
{
	return INFLIGHT_LOAD(&line->header) & IOR_LINE_PASSED_MASK;
}

/* ---- walking a probe sequence ---------------------------------------------------------------- */

enum inflight_step {
	STEP_PUT,
	STEP_CLEAR,
	STEP_MOVE,
	STEP_UNPASS
};

/* A walk in a page is no longer than this. */
#ifndef NEAR_LINES /* fewer where a test tries every schedule */
#define NEAR_LINES 4U
#endif
_Static_assert(NEAR_LINES <= 1U << (32 - IOR_WHERE_DEPTH_SHIFT), "ior_slot.where has any depth");

/*
 * One walk along the lines of one unit (or of all wide ops of an inode). The steps go together:
 * whatever order STEP_PUT passed full lines in, the others follow.
 */
struct inflight_walk {
	__u64 word;
	__u32 line; /* as in struct ior_home */
	__u32 stride;
	__u32 within;
	__u32 self;
	__u32 depth; /* STEP_UNPASS: how many lines to undo; STEP_PUT: where the word stands */
	__u8 step;   /* enum inflight_step */
	__u8 wide;
	__u8 done;
	__u8 from; /* inflight_walk_look(): lines before this one were looked at already */
};
IOR_SIZE_IS(struct inflight_walk, 32); /* stands on a stack of 512 bytes */

static __always_inline void walk_aim(struct inflight_walk *w, struct ior_home home, __u64 word)
{
	w->line = home.line;
	w->stride = home.stride;
	w->within = home.within;
	w->word = word;
}

static __always_inline __u32 walk_line(const struct inflight_walk *w, __u32 depth)
{
	struct ior_home home = {.line = w->line, .stride = w->stride, .within = w->within};

	return ior_home_line(home, depth) & line_mask(w->wide);
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
	if (line_clear(line, w->word, ~0ULL)) {
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

static int look_step(__u32 i, struct inflight_walk *w)
{
	struct ior_line *line = walk_line_at(w, w->from + i);

	if (!line)
		return 1;
	if (line_is_empty(line))
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
	__u32 most = w->within == IOR_WITHIN_TABLE ? IOR_PROBE_LINES_MAX : NEAR_LINES;

	return mask < most ? mask + 1 : most;
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

/* By itself, since what it leads to needs most of the stack, and of the depth of calls. */
INFLIGHT_GLOBAL int inflight_walk_look(const struct inflight_walk *walk)
{
	struct inflight_walk w;

	if (!walk)
		return 0;
	w = *walk;
	inflight_loop(walk_reach(&w) - w.from, look_step, &w);
	return 0;
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

/* ---- the first lines of a walk --------------------------------------------------------------- */

/*
 * Ops side by side may fill their line. The first lines behind it are walked without the loop
 * above, which costs more than they do. The lines are the same, in the same order, and so are the
 * counts: who comes one way finds who came the other.
 */
static __always_inline __u32 near_line(struct ior_home home, __u32 depth)
{
	return ior_home_line(home, depth) & line_mask(false);
}

static __always_inline __u32 near_reach(void)
{
	__u32 mask = line_mask(false);

	return mask < NEAR_LINES ? mask + 1 : NEAR_LINES;
}

/*
 * The word has gone: nobody need follow it any more. A compiler that knew how large a depth may be
 * would leave NEAR_LINES out, and the verifier of 6.1, which knows less, would see no end of it.
 */
static __always_inline void near_unpass(struct ior_home home, __u32 depth)
{
	__u64 most = ior_opaque(depth);

	for (__u32 i = 0; i < NEAR_LINES && i < most; i++) {
		struct ior_line *line = line_at(false, near_line(home, i));

		if (line)
			INFLIGHT_ADD(&line->header, -1ULL);
	}
}

/* Where the word now stands, see ior_where(); 0: all are full, and nothing is left behind. */
static __always_inline __u32 near_put(struct ior_home home, __u64 word)
{
	__u32 reach = near_reach();

	for (__u32 depth = 0; depth < NEAR_LINES && depth < reach; depth++) {
		__u32 at = near_line(home, depth);
		struct ior_line *line = line_at(false, at);
		int way;

		if (!line)
			return 0;
		INFLIGHT_FETCH(line);
		way = line_put(line, word);
		if (way >= 0)
			return ior_where(at, way, depth);
		INFLIGHT_ADD(&line->header, 1ULL);
	}
	near_unpass(home, reach);
	return 0;
}

/* False as well where the look-up has to go on behind these lines. */
static __always_inline bool near_is_alone(struct ior_home home, __u64 word)
{
	__u32 reach = near_reach();
	__u32 others = 0;

	for (__u32 depth = 0; depth < NEAR_LINES && depth < reach; depth++) {
		struct ior_line *line = line_at(false, near_line(home, depth));

		if (!line)
			return false;
		if (line_is_empty(line))
			return !others;
		others |= line_candidates(line, word);
		if (!line_was_passed(line))
			return !others;
	}
	return false;
}

/* How many lines were looked at; 0: all that there are, since nobody passed the last. */
static __always_inline __u32 near_look(struct ior_home home, __u64 word, __u32 self)
{
	__u32 reach = near_reach();

	for (__u32 depth = 0; depth < NEAR_LINES && depth < reach; depth++) {
		struct ior_line *line = line_at(false, near_line(home, depth));

		if (!line || line_is_empty(line))
			return 0;
		line_meet(line, line_candidates_slow(line, word), self);
		if (!line_was_passed(line))
			return 0;
	}
	return reach;
}

#endif
