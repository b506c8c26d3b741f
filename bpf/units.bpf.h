/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An op in many chunks, unit by unit: put, cleared and looked for in each. What of it is wide, and
 * in which places it stands: inflight.bpf.h. Verbs and proof: there.
 */
#ifndef IORACE_UNITS_BPF_H
#define IORACE_UNITS_BPF_H

#include "line.bpf.h"
#include "slots.bpf.h"

/* ---- by walks -------------------------------------------------------------------------------- */

/* What is to be done in each unit of the op in slot `self`, in one place. */
struct inflight_units {
	struct inflight_walk walk;
	__u8 place;
};

static __always_inline void units_of_slot(struct inflight_units *u, __u32 self,
					  struct ior_slot *slot)
{
	u->place = slot->place;
	__builtin_memset(&u->walk, 0, sizeof(u->walk));
	u->walk.self = self;
}

/*
 * At the nth unit of the op, which is returned. In a frame that is gone when the meetings need the
 * stack, as is what can be had from the slot again.
 */
static __noinline __u64 units_aim(struct inflight_units *u, __u32 nth)
{
	struct ior_slot *slot = slot_at(u->walk.self);
	struct ior_home home;
	__u64 unit;

	if (!slot)
		return IOR_UNIT_ANY;
	unit = ior_unit_of(slot->op.range.start, u->place) + nth;
	home = ior_home_of(slot->inode, unit, u->place);
	walk_aim(&u->walk, home,
		 ior_word_in_unit(slot->op.range, unit, home.tag, u->walk.self,
				  ior_op_writes(&slot->op), slot->moving));
	return unit;
}

static __always_inline struct ior_line *home_line(struct ior_home home)
{
	return line_at(false, home.line & line_mask(false));
}

/* Most units of a large op are, of any place. */
static __always_inline bool units_are_empty_at(const struct inflight_units *u, __u32 nth)
{
	struct ior_slot *slot = slot_at(u->walk.self);
	struct ior_line *line;
	__u64 unit;

	if (!slot)
		return true;
	unit = ior_unit_of(slot->op.range.start, u->place) + nth;
	line = home_line(ior_home_of(slot->inode, unit, u->place));
	return !line || line_is_empty(line);
}

/* Which unit the meetings to come are about, see inflight_pair_is_mine(). */
static __always_inline void looking_at(__u32 self, __u64 unit)
{
	struct ior_slot *slot = slot_at(self);

	if (slot)
		slot->looking = unit;
}

static int unit_move_step(__u32 nth, struct inflight_units *u)
{
	units_aim(u, nth);
	walk_run(&u->walk, STEP_MOVE);
	return 0;
}

/* ---- at home --------------------------------------------------------------------------------- */

/*
 * Mostly the home line of each unit has room, and nobody else: no walk then, and whether the op is
 * alone is seen on the way. Who comes into a unit later looks later, and finds the word there, so
 * each may be looked at before the next is published.
 */
struct inflight_homes {
	struct ior_range range;
	__u64 inode;
	__u64 word; /* what is the same in all of them */
	__u32 self;
	__u32 failed_at; /* if failed: how many units had found room */
	__u8 place;
	__u8 failed;
	__u8 others; /* somebody near may matter, or was not asked about */
	__u8 passed; /* a home line was full */
};

static __always_inline void homes_of_slot(struct inflight_homes *h, __u32 self,
					  const struct ior_slot *slot)
{
	*h = (struct inflight_homes){
		.range = slot->op.range,
		.inode = slot->inode,
		.word = ior_word_pack(0, self, 0, 0, ior_op_writes(&slot->op), slot->moving),
		.self = self,
		.place = slot->place,
	};
}

static __always_inline __u64 homes_unit(const struct inflight_homes *h, __u32 nth)
{
	return ior_unit_of(h->range.start, h->place) + nth;
}

/* False: the slot index is wrong, which it never is. */
static __always_inline bool units_at(struct inflight_units *u, const struct inflight_homes *h,
				     __u32 nth)
{
	*u = (struct inflight_units){.walk.self = h->self, .place = h->place};
	return units_aim(u, nth) != IOR_UNIT_ANY;
}

/* Its home line is full. Returns 1 if so are all that are within reach. */
static __noinline int home_put_farther(struct inflight_homes *h, __u32 nth)
{
	struct inflight_units u;
	bool found = units_at(&u, h, nth) && walk_publish(&u.walk);

	h->others = 1;
	h->passed |= u.walk.depth != 0;
	h->failed = !found;
	h->failed_at = nth;
	return h->failed;
}

static int home_put_step(__u32 nth, struct inflight_homes *h)
{
	__u64 unit = homes_unit(h, nth);
	struct ior_home home = ior_home_of(h->inode, unit, h->place);
	__u64 word = h->word | ior_word_in_unit(h->range, unit, home.tag, 0, false, false);
	struct ior_line *line = home_line(home);
	int way = -1;

	if (line) {
		INFLIGHT_FETCH(line);
		way = line_put(line, word);
	}
	if (way < 0)
		return home_put_farther(h, nth);
	if (!line_is_ours(line, way) && (line_was_passed(line) || line_candidates_slow(line, word)))
		h->others = 1;
	return 0;
}

static __always_inline void home_clear_farther(struct inflight_homes *h, __u32 nth)
{
	struct inflight_units u;

	if (units_at(&u, h, nth))
		walk_retire(&u.walk);
}

/*
 * A word at home has passed no line. The words of one op differ in their units, of which tags have
 * the low bits: the rest need not be had again.
 */
static int home_clear_step(__u32 nth, struct inflight_homes *h)
{
	__u64 unit = homes_unit(h, nth);
	struct ior_line *line = home_line(ior_home_of(h->inode, unit, h->place));
	__u64 mine = (h->word & IOR_WORD_OF_OP) | (unit & IOR_TAG_UNIT_MASK);

	if (!line || !line_clear(line, mine, IOR_WORD_OF_OP | IOR_TAG_UNIT_MASK))
		home_clear_farther(h, nth);
	return 0;
}

static __always_inline void homes_put(struct inflight_homes *h)
{
	inflight_loop(ior_range_units(h->range, h->place), home_put_step, h);
	if (h->failed)
		inflight_loop(h->failed_at, home_clear_step, h);
}

static __always_inline void homes_clear(struct inflight_homes *h)
{
	inflight_loop(ior_range_units(h->range, h->place), home_clear_step, h);
}

#endif
