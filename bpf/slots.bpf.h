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
	__u32 steps; /* that it took to what was found */
	__s32 found;
	__u32 pad;
};

static __always_inline __u32 slot_after(__u64 key, __u32 home, __u32 steps)
{
	return (steps ? ior_slot_away(key, home, steps) : home) & slot_mask();
}

static int slot_find_step(__u32 i, struct slot_search *s)
{
	__u32 at = slot_after(s->key, s->home, i);
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
	__u32 at = slot_after(s->key, s->home, i);
	struct ior_slot *slot = slot_at(at);

	if (!slot)
		return 1;
	if (INFLIGHT_LOAD(&slot->key) == 0 && !INFLIGHT_CMPXCHG(&slot->key, 0ULL, s->key)) {
		s->found = at;
		s->steps = i;
		return 1;
	}
	return 0;
}

static __always_inline struct slot_search slot_search_of(__u64 key, __u32 home)
{
	return (struct slot_search){
		.key = key,
		.home = home,
		.found = -1,
	};
}

static __always_inline __u32 slot_reach(void)
{
	__u32 mask = slot_mask();

	return mask < IOR_PROBE_SLOTS_MAX ? mask + 1 : IOR_PROBE_SLOTS_MAX;
}

static __noinline int slot_find_farther(__u64 key, __u32 home)
{
	struct slot_search s = slot_search_of(key, home);

	inflight_loop(slot_reach(), slot_find_step, &s);
	return s.found;
}

#define SLOT_IS_FARTHER (-2)

/*
 * Each slot is a line that is in no cache, so only those are looked at where one of this home may
 * be: one or two, mostly. Global, so that the verifier walks these steps once and not from each
 * hook; and in a frame of its own, since the common case does without. SLOT_IS_FARTHER: to be
 * looked for behind them, from where there is more stack.
 */
INFLIGHT_GLOBAL int slot_find_far(__u64 key, __u32 home, __u32 away)
{
	for (__u32 step = 1; step < IOR_AWAY_STEPS; step++) {
		__u32 at = slot_after(key, home, step);
		struct ior_slot *slot;

		if (!(away & ior_away_bit(step)))
			continue;
		slot = slot_at(at);
		if (slot && INFLIGHT_LOAD(&slot->key) == key)
			return at;
	}
	return away & ior_away_bit(IOR_AWAY_STEPS) ? SLOT_IS_FARTHER : -1;
}

/* The slot of the op with this key and its index, or NULL. Mostly it stands at its home. */
static __always_inline struct ior_slot *inflight_slot_of(__u64 key, __u32 *ret_self)
{
	__u32 home_at = ior_slot_home(key) & slot_mask();
	struct ior_slot *home = slot_at(home_at);
	__u32 away;
	int far;

	*ret_self = home_at;
	if (!home || INFLIGHT_LOAD(&home->key) == key)
		return home;
	away = INFLIGHT_LOAD(&home->away);
	if (!ior_away_count(away))
		return 0;
	far = slot_find_far(key, home_at, away);
	if (far == SLOT_IS_FARTHER)
		far = slot_find_farther(key, home_at);
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

	if (!home || INFLIGHT_LOAD(&home->key) || ior_away_count(INFLIGHT_LOAD(&home->away)))
		return 0;
	if (ior_opaque(INFLIGHT_CMPXCHG(&home->key, 0ULL, key)))
		return 0;
	*ret_self = home_at;
	return home;
}

/*
 * A slot for a key that has none, or -1 when all within reach are taken. Where it went is noted
 * before anybody looks for it: that is done by hooks of this very op.
 */
static __always_inline int inflight_claim(__u64 key)
{
	struct slot_search s = slot_search_of(key, ior_slot_home(key) & slot_mask());
	struct ior_slot *home = slot_at(s.home);

	if (!home)
		return -1;
	if (INFLIGHT_LOAD(&home->key) == 0 && !INFLIGHT_CMPXCHG(&home->key, 0ULL, key))
		return s.home;
	INFLIGHT_ADD(&home->away, 1U);
	inflight_loop(slot_reach(), slot_claim_step, &s);
	if (s.found < 0 || s.found == (int)s.home)
		INFLIGHT_ADD(&home->away, -1U);
	else if (!(INFLIGHT_LOAD(&home->away) & ior_away_bit(s.steps)))
		INFLIGHT_OR(&home->away, ior_away_bit(s.steps));
	return s.found;
}

/*
 * The last one takes the steps with it, or they would become more and more. Whoever is noting his
 * own counts himself away meanwhile.
 */
static __always_inline void slot_came_home(struct ior_slot *home)
{
	__u32 away;

	if (!home)
		return;
	away = INFLIGHT_LOAD(&home->away);
	if (ior_away_count(away) != 1 || INFLIGHT_CMPXCHG(&home->away, away, 0U) != away)
		INFLIGHT_ADD(&home->away, -1U);
}

/* The op of this key is over and has no words any more. */
static __always_inline void inflight_release_key(__u32 self, struct ior_slot *slot, __u64 key)
{
	__u32 home_at = ior_slot_home(key) & slot_mask();

	slot->state = IOR_SLOT_IDLE;
	INFLIGHT_STORE(&slot->key, 0ULL);
	if (home_at != self)
		slot_came_home(slot_at(home_at));
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
	slot->looking = IOR_UNIT_ANY;
	INFLIGHT_STORE(&slot->settled, 0);
	inflight_barrier();
	INFLIGHT_STORE(&slot->seq, INFLIGHT_LOAD(&slot->seq) + 1);
}

#endif
