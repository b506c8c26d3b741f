/* SPDX-License-Identifier: GPL-2.0 */
/*
 * In which places ops of an inode stand or are to stand (IOR_PLACES in slot.h), and whether it has
 * wide ones. By a hash of its address: two that share an entry are looked for where only one of
 * them stands. Verbs: inflight.bpf.h.
 *
 * Why nobody is missed: an op notes its place before it publishes there, and asks what is noted
 * after it, and looks wherever somebody may stand. Of two ops the one that publishes later finds
 * the place of the other noted, and the other in it.
 *
 * What is noted is forgotten when nobody stands there (iorace/forget.h), and that may be just
 * before an op publishes there. So it asks whether its own place is noted still, and then that
 * stays until it retires. Else it notes it anew and looks then, in the other places; in its own the
 * lines alone decide. Of two ops the one of which that was done, or seen to be so, later finds the
 * other. An op that came and went meanwhile is not met, but while the first is in its hook none of
 * its data has moved.
 */
#ifndef IORACE_PLACES_BPF_H
#define IORACE_PLACES_BPF_H

#include <iorace/slot.h>

static __always_inline __u32 *places_of(__u64 inode)
{
	return &places_noted()[ior_places_entry(inode)];
}

static __always_inline __u32 places_load(__u64 inode)
{
	return INFLIGHT_LOAD(places_of(inode));
}

/* Mostly it was noted before: then nobody's cache line is written. */
static __always_inline void places_add(__u32 *noted_at, __u32 noted, __u32 bit)
{
	if (!(noted & bit))
		INFLIGHT_OR(noted_at, bit);
}

static __always_inline void places_note(__u64 inode, __u32 bit)
{
	__u32 *noted = places_of(inode);

	places_add(noted, INFLIGHT_LOAD(noted), bit);
}

/*
 * The place of an op that is to be published: spread where ops of its inode do, or if it says so,
 * and fine as well, if it is in one granule.
 */
static __always_inline __u64 slot_ask_place(struct ior_slot *slot, __u64 inode,
					    struct ior_range range, __u64 spread)
{
	__u32 *noted_at = places_of(inode);
	__u32 noted = INFLIGHT_LOAD(noted_at);
	__u64 fine = (noted >> 1 | noted >> 2) & ior_range_fine(range);
	__u64 place = fine | ((noted >> 1 | noted >> 3) & IOR_PLACE_SPREAD) | spread;

	INFLIGHT_STORE(&slot->place, place);
	places_add(noted_at, noted, 1U << place);
	return place;
}

_Static_assert(IOR_PLACE_SPREAD == 1 && IOR_PLACE_FINE == 2, "asked for by shifting");

/* What is to be noted while the op is in flight. */
static __always_inline __u32 slot_noted_as(const struct ior_slot *slot)
{
	return slot->wide ? IOR_PLACES_WIDE : 1U << (slot->place & (IOR_PLACES - 1));
}

/*
 * What is noted of the inode of an op that has been published, with what is noted for that op: from
 * here on until it retires that stays. Who goes through the table just now may not have seen it.
 */
static __always_inline __u32 places_settle(const struct ior_slot *slot)
{
	__u32 *noted_at = places_of(slot->inode), own = slot_noted_as(slot);
	__u32 noted = INFLIGHT_LOAD(noted_at), keep = own << IOR_PLACES_KEEP_SHIFT;

	if ((noted & own) && (!(noted & IOR_PLACES_CLOSING) || (noted & keep)))
		return noted;
	INFLIGHT_OR(noted_at, own | keep);
	return INFLIGHT_LOAD(noted_at);
}

/*
 * A line was too small for ops of one chunk: those that come and are in one granule stand fine.
 * Were they always to, a file that is read in large pieces and small ones would have two places.
 */
static __always_inline void slot_line_was_full(const struct ior_slot *slot)
{
	if (ior_range_fine(slot->op.range))
		places_note(slot->inode, 1U << ((slot->place | IOR_PLACE_FINE) & (IOR_PLACES - 1)));
}

#endif
