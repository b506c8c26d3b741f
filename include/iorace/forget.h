/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Forgetting in which places ops of a file stood (bpf/places.bpf.h), for one who goes through all
 * slots while the programs run: the tool, once in a while. Where ops have moved to another place
 * whoever begins would look in the old one for good.
 *
 *	ior_forget_begin()    marks the entries from which something may go
 *	ior_forget_look_at()  for every slot, in any order: where its op stands, or is to
 *	ior_forget_end()      takes out of each entry that is marked where nobody does, or
 *	ior_forget_call_off() nothing, if not all slots could be looked at
 *
 * Why nobody is missed: an op asks what is noted after it has published. If that was before its
 * entry was marked its slot is found, and its place is kept: both were written before it published,
 * by a fully ordered cmpxchg, unlike its state. If it finds the mark it says which
 * place is to be kept. If it comes after the end it finds its place gone, and notes it anew. There
 * must be one at a time who forgets: a mark is to be his.
 *
 * The includer provides INFLIGHT_LOAD(), INFLIGHT_OR() and INFLIGHT_CMPXCHG() (inflight.bpf.h).
 */
#ifndef IORACE_FORGET_H
#define IORACE_FORGET_H

#include "slot.h"

#define IOR_FORGET_PLACES (IOR_PLACES_ALL & ~IOR_PLACES_WIDE)
#define IOR_FORGET_FIRST_PLACE 1U

struct ior_forget {
	__u32 *noted; /* IOR_PLACES_ENTRIES of them, shared with the programs, and not owned */
	/*
	 * If nobody is in flight on a file, too; else the last of its places stays. A file that is
	 * written in bursts would begin each in the first one, and come from that to the last.
	 */
	bool idle_too;
	__u8 used[IOR_PLACES_ENTRIES]; /* bits of the entry; IOR_PLACES_CLOSING: marked */
};

static inline __u32 ior_forget_last_place(__u32 noted)
{
	__u32 last = 1U << (IOR_PLACES - 1);

	while (last && !(noted & last))
		last >>= 1;
	return last;
}

static inline bool ior_forget_is_worth_it(const struct ior_forget *f, __u32 noted)
{
	__u32 bits = noted & IOR_PLACES_ALL;

	return (bits & (bits - 1)) || (f->idle_too && bits && bits != IOR_FORGET_FIRST_PLACE);
}

/* False: there is nothing to be forgotten, and nothing is marked. */
static inline bool ior_forget_begin(struct ior_forget *f)
{
	bool any = false;

	for (__u32 i = 0; i < IOR_PLACES_ENTRIES; i++) {
		f->used[i] = 0;
		if (!ior_forget_is_worth_it(f, INFLIGHT_LOAD(&f->noted[i])))
			continue;
		INFLIGHT_OR(&f->noted[i], IOR_PLACES_CLOSING);
		f->used[i] = IOR_PLACES_CLOSING;
		any = true;
	}
	return any;
}

/* Whoever has not published yet, or is over, only keeps what might have gone. */
static inline void ior_forget_look_at(struct ior_forget *f, const struct ior_slot *slot)
{
	if (!INFLIGHT_LOAD(&slot->key))
		return;
	f->used[ior_places_entry(INFLIGHT_LOAD(&slot->inode))] |=
		INFLIGHT_LOAD(&slot->wide) ? IOR_PLACES_WIDE
					   : 1U << (INFLIGHT_LOAD(&slot->place) & (IOR_PLACES - 1));
}

static inline __u32 ior_forget_keeps(const struct ior_forget *f, __u32 noted, __u32 used)
{
	used |= noted >> IOR_PLACES_KEEP_SHIFT;
	if (!(used & IOR_FORGET_PLACES) && !f->idle_too)
		used |= ior_forget_last_place(noted);
	return noted & used & IOR_PLACES_ALL;
}

/*
 * What was noted since the mark was set, and is not used: that the next ones should stand there. It
 * goes, too, and will be noted again.
 */
static inline void ior_forget_end(struct ior_forget *f)
{
	for (__u32 i = 0; i < IOR_PLACES_ENTRIES; i++) {
		__u32 noted = f->used[i] & IOR_PLACES_CLOSING ? INFLIGHT_LOAD(&f->noted[i]) : 0;

		while (noted & IOR_PLACES_CLOSING) {
			__u32 seen = INFLIGHT_CMPXCHG(&f->noted[i], noted,
						      ior_forget_keeps(f, noted, f->used[i]));

			if (seen == noted)
				break;
			noted = seen;
		}
	}
}

/* Instead of the end, where not all slots were looked at: everything is kept. */
static inline void ior_forget_call_off(struct ior_forget *f)
{
	for (__u32 i = 0; i < IOR_PLACES_ENTRIES; i++)
		f->used[i] |= IOR_PLACES_ALL;
	ior_forget_end(f);
}

#endif
