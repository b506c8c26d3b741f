/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The in-flight table on the host: the verbs of bpf/inflight.bpf.h on C11 atomics, arrays as maps,
 * and a plain inflight_meet() that tells the test which pairs it would count. One per program.
 *
 * A program may define, before it includes this:
 *
 *	INFLIGHT_HOOK(p, writes)  runs before every access to shared memory
 *	INFLIGHT_SAW(value)       what that access returned
 *
 * and must define host_count_pair() and host_count_unattributed(), or HOST_MEETS.
 */
#ifndef IORACE_TESTS_INFLIGHT_HOST_H
#define IORACE_TESTS_INFLIGHT_HOST_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <iorace/slot.h>
#include <iorace/verdict.h>

#ifndef INFLIGHT_HOOK
#define INFLIGHT_HOOK(p, writes) ((void)0)
#endif
#ifndef INFLIGHT_SAW
#define INFLIGHT_SAW(value) ((void)(value))
#endif

#define INFLIGHT_LOAD(p)                                                                           \
	({                                                                                         \
		INFLIGHT_HOOK(p, false);                                                           \
		__auto_type seen_ = __atomic_load_n(p, __ATOMIC_SEQ_CST);                          \
		INFLIGHT_SAW(seen_);                                                               \
		seen_;                                                                             \
	})
#define INFLIGHT_STORE(p, v)                                                                       \
	({                                                                                         \
		INFLIGHT_HOOK(p, true);                                                            \
		__atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                          \
	})
#define INFLIGHT_CMPXCHG(p, old, new)                                                              \
	({                                                                                         \
		INFLIGHT_HOOK(p, true);                                                            \
		__typeof__(*(p)) seen_ = (old);                                                    \
		__atomic_compare_exchange_n(p, &seen_, new, false, __ATOMIC_SEQ_CST,               \
					    __ATOMIC_SEQ_CST);                                     \
		INFLIGHT_SAW(seen_);                                                               \
		seen_;                                                                             \
	})
#define INFLIGHT_ADD(p, v)                                                                         \
	({                                                                                         \
		INFLIGHT_HOOK(p, (v) != 0);                                                        \
		__auto_type seen_ = __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                    \
		INFLIGHT_SAW(seen_);                                                               \
		seen_;                                                                             \
	})
#define INFLIGHT_OR(p, v)                                                                          \
	({                                                                                         \
		INFLIGHT_HOOK(p, true);                                                            \
		__auto_type seen_ = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                     \
		INFLIGHT_SAW(seen_);                                                               \
		seen_;                                                                             \
	})
/* It changes nothing, and is no step of anybody. */
#define INFLIGHT_FETCH(line)                                                                       \
	__atomic_store_n((__u8 *)&(line)->header + IOR_LINE_STILL_BYTE, 0, __ATOMIC_RELAXED)
#define INFLIGHT_GLOBAL static
#define INFLIGHT_ROLLED

#define inflight_loop(n, fn, ctx)                                                                  \
	do {                                                                                       \
		__u64 loop_end_ = (n);                                                             \
		for (__u64 loop_i_ = 0; loop_i_ < loop_end_; loop_i_++)                            \
			if (fn((__u32)loop_i_, ctx))                                               \
				break;                                                             \
	} while (0)

/* ---- arrays as maps -------------------------------------------------------------------------- */

struct host_table {
	struct ior_line *lines[2]; /* narrow, wide */
	struct ior_slot *slots;
	struct ior_races *races;
	__u32 line_masks[2];
	__u32 slot_mask;
	__u32 *places;
};

static struct host_table host;

#ifdef HOST_COUNTS_LINES
/* The narrow lines that this thread has read. */
static _Thread_local struct {
	__u64 all, of_pages;
	__u32 last; /* again right away it is in the cache */
} host_lines_read;
#endif

static inline void *host_zalloc(__u64 count, __u64 size)
{
	void *p = aligned_alloc(64, count * size);

	assert(p);
	memset(p, 0, count * size);
	return p;
}

/* All three are powers of two. */
static inline void host_table_init(__u32 lines, __u32 wide_lines, __u32 slots)
{
	host = (struct host_table){
		.lines = {host_zalloc(lines, sizeof(struct ior_line)),
			  host_zalloc(wide_lines, sizeof(struct ior_line))},
		.slots = host_zalloc(slots, sizeof(struct ior_slot)),
		.races = host_zalloc(slots, sizeof(struct ior_races)),
		.line_masks = {lines - 1, wide_lines - 1},
		.slot_mask = slots - 1,
		.places = host_zalloc(IOR_PLACES_ENTRIES, sizeof(__u32)),
	};
}

static inline void host_table_done(void)
{
	free(host.lines[0]);
	free(host.lines[1]);
	free(host.slots);
	free(host.races);
	free(host.places);
	memset(&host, 0, sizeof(host));
}

static inline __u32 line_mask(bool wide)
{
	return host.line_masks[wide];
}

static inline __u32 slot_mask(void)
{
	return host.slot_mask;
}

static inline __u32 *places_noted(void)
{
	return host.places;
}

static inline struct ior_line *line_at(bool wide, __u32 i)
{
#ifdef HOST_COUNTS_LINES
	if (!wide && i != host_lines_read.last) {
		host_lines_read.last = i;
		host_lines_read.all++;
		host_lines_read.of_pages += HOST_IS_IN_PAGE(i);
	}
#endif
	return i <= host.line_masks[wide] ? &host.lines[wide][i] : NULL;
}

static inline struct ior_slot *slot_at(__u32 i)
{
	return i <= host.slot_mask ? &host.slots[i] : NULL;
}

static inline struct ior_races *races_at(__u32 i)
{
	return i <= host.slot_mask ? &host.races[i] : NULL;
}

static void inflight_meet(__u32 self, const __u64 *way);

#ifndef INFLIGHT_UNDER_TEST
#define INFLIGHT_UNDER_TEST "inflight.bpf.h"
#endif
#define PLACES_ALL_SPREAD (1U << IOR_PLACE_SPREAD | 1U << (IOR_PLACE_SPREAD | IOR_PLACE_FINE))
#include INFLIGHT_UNDER_TEST

static inline bool inode_is_spread(__u64 inode)
{
	return places_load(inode) & PLACES_ALL_SPREAD;
}

/* As if an op of this place had found no room in the page of the inode. */
static inline void host_note_spread(__u64 inode, __u64 place)
{
	places_note(inode, 1U << (place | IOR_PLACE_SPREAD));
}

/* ---- what a slot tells about its op ---------------------------------------------------------- */

/*
 * The peers of a slot read it while it may change hands. On the kernel side these are plain reads
 * whose result is dropped when the sequence has moved on; here they are relaxed atomics, so that
 * ThreadSanitizer speaks up about everything else.
 */
static inline void host_copy(void *to, const void *from, __u32 bytes)
{
	__u64 *t = to;
	const __u64 *f = from;

	for (__u32 i = 0; i < bytes / sizeof(*t); i++)
		__atomic_store_n(&t[i], __atomic_load_n(&f[i], __ATOMIC_RELAXED), __ATOMIC_RELAXED);
}

/* Test ops carry their id where a real one has its time. */
static inline __u64 host_id(const struct ior_slot *slot)
{
	return __atomic_load_n(&slot->op.begin_ns, __ATOMIC_RELAXED);
}

static inline void host_fill(struct ior_slot *slot, __u64 inode, const struct ior_op *op)
{
	inflight_fill_begin(slot);
	INFLIGHT_HOOK(&slot->inode, true);
	__atomic_store_n(&slot->inode, inode, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->wide, ior_range_is_wide(op->range), __ATOMIC_RELAXED);
	INFLIGHT_HOOK(&slot->op, true);
	host_copy(&slot->op, op, sizeof(*op));
	inflight_fill_end(slot);
	slot->stacks.kernel = STAGE_OVERLAP;
}

/* ---- meeting, unless the program does so itself (HOST_MEETS) --------------------------------- */

#ifndef HOST_MEETS

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage);
static void host_count_unattributed(__u64 self_id, __u64 peer_id);

#define HOST_SIGHTS_MAX 64

static inline void host_judge(__u32 self, struct inflight_peer *peer, __u64 peer_id,
			      enum inflight_stage stage)
{
	struct ior_slot *slot = slot_at(self);
	int mine = inflight_pair_is_mine_at(self, __atomic_load_n(&slot->seq, __ATOMIC_RELAXED),
					    peer, slot_at(peer->at), stage);

	if (mine > 0)
		host_count_pair(host_id(slot), peer_id, stage);
	else if (mine < 0)
		host_count_unattributed(host_id(slot), peer_id);
}

/* True: look again. */
static inline bool host_meet_once(__u32 self, const __u64 *way)
{
	struct ior_slot *slot = slot_at(self), *peer_slot;
	struct inflight_peer peer;
	struct ior_slot seen = {0};
	enum inflight_sight sight = inflight_peer_read(way, &peer);

	if (sight != SIGHT_THERE)
		return sight == SIGHT_CHANGING;
	peer_slot = slot_at(peer.at);
	INFLIGHT_HOOK(&peer_slot->inode, false);
	seen.inode = __atomic_load_n(&peer_slot->inode, __ATOMIC_RELAXED);
	seen.wide = __atomic_load_n(&peer_slot->wide, __ATOMIC_RELAXED);
	INFLIGHT_HOOK(&peer_slot->op, false);
	host_copy(&seen.op, &peer_slot->op, sizeof(seen.op));
	INFLIGHT_SAW(seen.op.begin_ns ^ seen.op.range.start << 20 ^ seen.inode << 40);
	if (inflight_peer_is_still(way, &peer, peer_slot) != SIGHT_THERE)
		return true;
	if (seen.inode != slot->inode || !ior_ops_overlap(&seen.op, &slot->op) ||
	    !inflight_is_first_common(&peer, &seen,
				      ior_range_intersection(seen.op.range, slot->op.range)))
		return false;
	if (slot->stacks.kernel == STAGE_OVERLAP)
		host_judge(self, &peer, host_id(&seen), STAGE_OVERLAP);
	if (slot->moving && (peer.word & IOR_WORD_MOVING))
		host_judge(self, &peer, host_id(&seen), STAGE_CONFLICT);
	return false;
}

static void inflight_meet(__u32 self, const __u64 *way)
{
	for (int i = 0; i < HOST_SIGHTS_MAX; i++)
		if (!host_meet_once(self, way))
			return;
	host_count_unattributed(host_id(slot_at(self)), ~0ULL);
}

#endif

/* ---- an op from its begin to its end --------------------------------------------------------- */

/* Moments of one op; the test says what a clock is. */
struct host_times {
	__u64 published, look_began;
};

#ifndef HOST_NOW
#define HOST_NOW() 0ULL
#endif

/* The same where its line is full. */
static inline bool host_enter_near(__u32 at, struct ior_slot *slot, struct host_times *times)
{
	struct near_spot spot;
	bool near = inflight_publish_near(at, slot, &spot);
	enum inflight_published result = near ? PUBLISH_MUST_LOOK : inflight_publish_slow(at);

	if (!result)
		return false;
	times->published = times->look_began = HOST_NOW();
	if (result == PUBLISH_MUST_LOOK && (!near || !inflight_is_alone_near(at, slot, &spot)))
		inflight_look_slow(at, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	return true;
}

/* look_common() of bpf/op.bpf.c. The one word of the line that may matter, 0: none, -1: look. */
static inline int host_look_common(__u32 at, struct ior_slot *slot, struct ior_line *line, int way,
				   __u64 word)
{
	__u32 candidates = 0, only;

	if (!line_is_ours(line, way)) {
		candidates = line_candidates(line, word);
		if (line_was_passed(line))
			return -1;
	}
	if (!place_is_the_only_one(slot->inode, slot->place))
		return candidates || !inflight_is_alone_elsewhere(at) ? -1 : 0;
	only = candidates ? line_only_candidate(candidates) : 0;
	return only ? (int)only : candidates ? -1 : 0;
}

/*
 * As the hooks do it: the common op of one chunk that meets nobody touches one shared line, and one
 * that may meet but one goes to that without a look around.
 */
static inline bool host_enter_fast(__u32 at, struct ior_slot *slot, bool moving,
				   struct host_times *times)
{
	struct inflight_spot spot = slot_aim(slot, slot->inode, slot->op.range);
	struct ior_line *line = line_at(false, spot.line);
	__u64 word = ior_word_in_one_chunk(slot->op.range, spot.tag, at, ior_op_writes(&slot->op),
					   moving);
	int way, only;

	slot->moving = moving;
	way = inflight_publish_fast(slot, line, spot.line, word);
	if (way < 0)
		return host_enter_near(at, slot, times);
	times->published = times->look_began = HOST_NOW();
	only = host_look_common(at, slot, line, way, word);
	if (only > 0)
		inflight_meet(at, &((const __u64 *)line)[only & IOR_WAYS]);
	else if (only < 0)
		inflight_look_slow(at, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	return true;
}

/* The slot it got, or -1: untracked, and nothing is left of it. */
static inline int host_begin(__u64 key, __u64 inode, const struct ior_op *op, bool moving)
{
	int at = inflight_claim(key);
	struct ior_slot *slot;

	if (at < 0)
		return -1;
	slot = slot_at(at);
	host_fill(slot, inode, op);
	if (inflight_enter(at, slot, moving))
		return at;
	inflight_release(at, slot);
	return -1;
}

static inline void host_move(__u32 at)
{
	slot_at(at)->stacks.kernel = STAGE_CONFLICT;
	inflight_move(at, slot_at(at));
}

static inline void host_end(__u32 at)
{
	inflight_retire(at, slot_at(at));
	inflight_release(at, slot_at(at));
}

#endif
