/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slots of the in-flight table: one for each op, found by its key, filled so that a reader
 * notices. Knows nothing of lines. Verbs and proof: inflight.bpf.h.
 */
#ifndef IORACE_SLOTS_BPF_H
#define IORACE_SLOTS_BPF_H

#include <iorace/slot.h>

/* Keeps the compiler from moving plain accesses across; x86-64 keeps them in order by itself. */
static __always_inline void inflight_barrier(void)
{
	asm volatile("" ::: "memory");
}

/* ---- slots ----------------------------------------------------------------------------------- */

struct slot_search {
	__u64 key;
	__u32 home;
	__s32 found;
	__u64 stride;
};

static int slot_find_step(__u32 i, struct slot_search *s)
{
	__u32 at = (s->home + i * s->stride) & slot_mask();
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
	__u32 at = (s->home + i * s->stride) & slot_mask();
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
	struct slot_search s = {
		.key = key,
		.home = home,
		.found = -1,
		.stride = ior_slot_stride(key),
	};

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
		.stride = ior_slot_stride(key),
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

#endif
