/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an op does in the table when the common case will not do. Global functions, so that the
 * verifier judges each once, and not for every hook that leads here.
 */
#ifndef IORACE_SLOW_BPF_H
#define IORACE_SLOW_BPF_H

#include "pair.bpf.h"

/* The path of a file that had its first conflict comes last: it needs the stack. */
static __always_inline int op_has_looked(struct ior_slot *slot)
{
	INFLIGHT_STORE(&slot->settled, 1);
	if (slot->tell_path) {
		slot->tell_path = 0;
		slot_tell_path(slot);
	}
	return 0;
}

__noinline __u32 op_look_first(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	return slot ? inflight_look_first(self, slot) : 0;
}

__noinline int op_look_far(__u32 self, __u32 noted)
{
	struct ior_slot *slot = slot_at(self);

	if (!slot)
		return 0;
	inflight_look_far(self, slot, noted);
	return op_has_looked(slot);
}

static __always_inline int op_look_slow(__u32 self)
{
	return op_look_far(self, op_look_first(self));
}

/* The window of an op that waited in the table opens; op_look_slow() follows. */
__noinline int op_flip_slow(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	if (slot)
		inflight_flip(self, slot);
	return 0;
}

__noinline int op_retire_slow(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	if (!slot)
		return 0;
	inflight_retire_slow(self, slot);
	slot->state = IOR_SLOT_DONE;
	return 0;
}

#endif
