/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Of which inodes ops stand spread over the table, and no longer packed in a page (ior_home_of()).
 * Once spread, for good. Verbs: inflight.bpf.h.
 *
 * Why nobody is missed: it is noted before the first word that stands spread is published. A looker
 * asks after his own publish, and looks at both places where it is noted, else at the page alone.
 * Who finds nothing noted published before it was; so whoever stands spread, and has noted it or
 * seen it noted before he published and looked, finds him in the page.
 *
 * any_spread is a plain store, behind the bit. It is the publish of whoever noted it that puts it
 * in order, a fully ordered cmpxchg: nobody sees his word who does not see the note. Whoever saw it
 * noted by another publishes later than that store, too, as x86-64 has one order of stores for all.
 */
#ifndef IORACE_SPREAD_BPF_H
#define IORACE_SPREAD_BPF_H

#include "bits.bpf.h"

static __always_inline bool inode_is_spread(__u64 inode)
{
	return INFLIGHT_LOAD(any_spread()) && bit_test(spread_bits(), inode);
}

/*
 * The same of an op that is to be published: 1, it stands spread, or 0. Through memory, as the
 * verifier would follow both answers through all that comes behind.
 */
static __always_inline __u64 slot_ask_spread(struct ior_slot *slot, __u64 inode)
{
	INFLIGHT_STORE(&slot->spread, 0);
	if (INFLIGHT_LOAD(any_spread()))
		INFLIGHT_STORE(&slot->spread, bit_test(spread_bits(), inode));
	return INFLIGHT_LOAD(&slot->spread);
}

static __always_inline void inode_spread(__u64 inode)
{
	bit_set(spread_bits(), inode);
	if (!INFLIGHT_LOAD(any_spread()))
		INFLIGHT_STORE(any_spread(), 1);
}

#endif
