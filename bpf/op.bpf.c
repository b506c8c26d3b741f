// SPDX-License-Identifier: GPL-2.0
/*
 * Life of an op: armed? wanted? -> slot filled, locks read -> published -> who else is there? ->
 * counted and told -> retired. Knows no hook and no report.
 */
#include "op.bpf.h"

#include "admission.bpf.h"
#include "admit.bpf.h"
#include "count.bpf.h"
#include "fill.bpf.h"
#include "older.bpf.h"
#include "range_lock.bpf.h"
#include "slow.bpf.h"
#include "span.bpf.h"

/*
 * Weak, so that the compiler does not take these zeros for what the tool puts in their place before
 * the load. Volatile would do that as well, but each mention would be a load of its own and nothing
 * could be assumed (IOR_EXTRAS).
 */
const struct ior_options ior_options __weak = {};
struct ior_state ior_state SEC(".data.state") = {};

_Static_assert((IOR_MODE_COUNT_ & (IOR_MODE_COUNT_ - 1)) == 0, "modes are masked");
_Static_assert((IOR_OP_COUNT_ & (IOR_OP_COUNT_ - 1)) == 0, "kinds are masked");
_Static_assert((IOR_HOLD_COUNT_ & (IOR_HOLD_COUNT_ - 1)) == 0, "holds are masked");
_Static_assert(IOR_STAT_MMAPS == IOR_STAT_READS + IOR_OP_MMAP, "one counter per kind, in order");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1); /* set before load when stacks are wanted */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, IOR_STACK_DEPTH * sizeof(__u64));
} ior_stack_traces SEC(".maps");

/* ---- an op's life ---------------------------------------------------------------------------- */

static __always_inline bool op_any_is_pending(void)
{
	return ior_state.any_pending;
}

/* What an op that has just opened still has to do. */
enum open_result {
	OPEN_ALONE,	     /* nothing */
	OPEN_MUST_LOOK,	     /* somebody is near */
	OPEN_MEETS_ONE,	     /* the same, and nobody else: spot.candidate */
	OPEN_MUST_ASK,	     /* nobody is near; elsewhere may be, or its place is forgotten */
	OPEN_NO_ROOM,	     /* publish further along the probe sequence */
	OPEN_IN_MANY_CHUNKS, /* publish in each, or as a wide op */
	OPEN_MOVES,	     /* it waits in the table: its words flip */
	OPEN_TAKES_SEARCH,   /* it has no slot yet, and finds none at its home */
};

/* Where an op in one chunk has its word. */
struct spot {
	struct ior_line *line; /* NULL: it is in many chunks */
	struct inflight_spot in;
	__u64 word; /* made before the op is filled, for which what it is made of need not live */
	__u32 candidate; /* which word of the line may matter, if but one may */
};

/*
 * The line is mostly in no cache of this CPU: it is asked for as soon as it is known, and comes
 * while the rest of the op is read.
 */
static __always_inline struct spot op_spot_in_one_chunk(struct ior_slot *slot, __u32 self,
							__u64 inode, struct ior_range range,
							bool writes)
{
	struct spot spot = {.in = slot_aim(slot, inode, range)};

	spot.word = ior_word_in_one_chunk(range, spot.in.tag, self, writes, true);
	spot.line = line_at(false, spot.in.line);
	if (spot.line)
		INFLIGHT_FETCH(spot.line);
	return spot;
}

static __always_inline struct spot op_spot(struct ior_slot *slot, __u32 self, __u64 inode,
					   struct ior_range range, bool writes)
{
	if (ior_chunk_of(range.end - 1) != ior_chunk_of(range.start))
		return (struct spot){};
	return op_spot_in_one_chunk(slot, self, inode, range, writes);
}

/* It is in the table: is anybody there who may matter to it? */
static __always_inline enum open_result look_common(struct ior_slot *slot, __u32 self, __u64 inode,
						    __u64 word, int way, struct spot *spot)
{
	__u32 candidates = 0;

	if (!line_is_ours(spot->line, way)) {
		candidates = line_candidates(spot->line, word);
		if (line_was_passed(spot->line))
			return OPEN_MUST_LOOK;
	}
	if (!place_is_the_only_one(inode, spot->in.place))
		return candidates ? OPEN_MUST_LOOK : OPEN_MUST_ASK;
	if (candidates) {
		spot->candidate = line_only_candidate(candidates);
		return spot->candidate ? OPEN_MEETS_ONE : OPEN_MUST_LOOK;
	}
	INFLIGHT_STORE(&slot->settled, 1);
	return OPEN_ALONE;
}

/* One unit, room in its line and nobody near: everything in one cache line. */
static __always_inline enum open_result publish_common(struct ior_slot *slot, __u32 self,
						       __u64 inode, struct spot *spot)
{
	int way;

	if (!spot->line)
		return OPEN_IN_MANY_CHUNKS;
	way = inflight_publish_fast(slot, spot->line, spot->in.line, spot->word);
	return way < 0 ? OPEN_NO_ROOM : look_common(slot, self, inode, spot->word, way, spot);
}

/* The home line is full: one of the next, in a frame and a call of its own. */
__noinline enum open_result op_enter_near(__u32 self)
{
	struct ior_slot *slot = slot_at(self);
	struct near_spot spot;

	if (!slot)
		return OPEN_ALONE;
	if (!inflight_publish_near(self, slot, &spot))
		return OPEN_NO_ROOM;
	if (!near_is_alone(spot.home, spot.word))
		return OPEN_MUST_LOOK;
	if (!place_is_the_only_one(slot->inode, slot->place))
		return OPEN_MUST_ASK;
	INFLIGHT_STORE(&slot->settled, 1);
	return OPEN_ALONE;
}

/* In a call of its own, since those that it makes need the stack. */
__noinline enum open_result op_ask_elsewhere(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	if (!inflight_is_alone_elsewhere(self))
		return OPEN_MUST_LOOK;
	if (slot)
		INFLIGHT_STORE(&slot->settled, 1);
	return OPEN_ALONE;
}

/* The window opens. An op that finds no room anywhere is a loss and leaves no trace. */
static __always_inline int op_open(__u32 self, enum open_result result)
{
	enum inflight_published published = PUBLISH_MUST_LOOK;
	struct ior_slot *slot;

	if (result == OPEN_NO_ROOM)
		result = op_enter_near(self);
	if (result == OPEN_MUST_ASK)
		result = op_ask_elsewhere(self);
	if (result == OPEN_ALONE)
		return 0;
	if (result == OPEN_MOVES) {
		op_flip_slow(self);
		return op_look_slow(self);
	}
	if (result != OPEN_MUST_LOOK && result != OPEN_MEETS_ONE)
		published = inflight_publish_slow(self);
	if (published == PUBLISH_MUST_LOOK)
		return op_look_slow(self);
	slot = slot_at(self);
	if (!slot)
		return 0;
	if (published == PUBLISH_ALONE) {
		INFLIGHT_STORE(&slot->settled, 1);
		return 0;
	}
	slot->state = IOR_SLOT_DONE;
	return loss_count(IOR_LOSS_UNTRACKED);
}

/* What op_look_slow() comes to where there is one to be looked at, who is known. */
static __always_inline int op_meet_one(__u32 self, struct ior_slot *slot, const struct spot *spot)
{
	const __u64 *words = (const __u64 *)spot->line;

	inflight_meet(self, &words[spot->candidate & IOR_WAYS]);
	return op_has_looked(slot);
}

static __always_inline void op_close(struct ior_slot *slot, __u32 self)
{
	if (slot->state != IOR_SLOT_PUBLISHED && slot->state != IOR_SLOT_WAITING)
		return;
	if (!inflight_retire_fast(slot)) {
		if (slot->where)
			inflight_retire_near(slot);
		else
			op_retire_slow(self);
	}
	slot->state = IOR_SLOT_DONE;
}

/*
 * A slot for a key that has one, or that finds none at its home; -1: no room. An op that begins
 * again without having ended ended unseen: direct IO may, the return of a call only where the
 * kernel skipped its probe. SLOT_IS_STALE on top when its words must be searched for first, which
 * needs more stack than there is here.
 */
#define SLOT_IS_STALE IOR_SLOTS_MAX

static __noinline int slot_take_far(__u64 key, bool direct)
{
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(key, &self);

	if (!slot)
		return inflight_claim(key);
	if (slot->state == IOR_SLOT_PUBLISHED || slot->state == IOR_SLOT_WAITING) {
		if (!direct)
			loss_count(IOR_LOSS_MISSED_RUNS);
		if (!inflight_retire_fast(slot))
			return self | SLOT_IS_STALE;
		slot->state = IOR_SLOT_DONE;
	}
	return self;
}

/* The index of a slot for an op that begins; the rest as slot_take_far(). */
static __always_inline int slot_take(const struct op_desc *desc, struct ior_slot **ret_slot)
{
	__u32 home;
	int self;

	*ret_slot = inflight_claim_home(desc->key, &home);
	if (*ret_slot)
		return home;
	self = slot_take_far(desc->key, desc->mode == IOR_MODE_DIRECT);
	if (self >= 0)
		*ret_slot = slot_at(self & (SLOT_IS_STALE - 1));
	return self;
}

/*
 * Nothing to move. While older ops drain, the begin must be remembered all the same, or its end
 * would look like that of an op begun before attach.
 */
static __noinline int op_begin_empty(__u64 key, enum ior_mode mode)
{
	if (ior_state.draining && mode != IOR_MODE_DIRECT && inflight_find(key) < 0)
		inflight_claim(key);
	return 0;
}

/* The tool looks every second, too. */
static __noinline int submit_want(void)
{
	struct ior_rec_header *rec;

	if (ior_state.submit_wanted || __sync_val_compare_and_swap(&ior_state.submit_wanted, 0, 1))
		return 0;
	rec = bpf_ringbuf_reserve(&ior_ring, sizeof(*rec), 0);
	if (!rec)
		return 0;
	rec->type = IOR_REC_SUBMIT_WANTED;
	rec->size = sizeof(*rec);
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

enum opens {
	OPENS_NOW,
	OPENS_UNDECIDED,
	OPENS_AT_SUBMIT
};

/*
 * An op that may yet give up opens at its first bio. While that cannot be seen it opens now, and
 * what it meets cannot be judged.
 */
static __noinline enum opens tentative_opens(void)
{
	if (!ior_options.sees_submit)
		return OPENS_NOW;
	if (!ior_state.any_tentative)
		ior_state.any_tentative = 1;
	if (ior_state.submit_is_seen)
		return OPENS_AT_SUBMIT;
	submit_want();
	return OPENS_UNDECIDED;
}

static __always_inline enum opens op_opens(const struct op_desc *desc)
{
	if ((ior_options.opens_at_submit & (1U << desc->fs)) && desc->mode == IOR_MODE_DIRECT)
		return OPENS_AT_SUBMIT;
	return desc->tentative ? tentative_opens() : OPENS_NOW;
}

static __always_inline void op_enter_filled(__u32 self, const struct op_run *run,
					    const struct op_desc *desc, __u16 flags)
{
	if (ior_options.has_range_lock)
		range_lock_attach(self);
	op_count(run, desc->inode, desc->kind, flags, desc->fs);
	if (ior_state.draining)
		inode_touch(desc->inode, flags & IOR_OPF_SELECTED, desc->mode == IOR_MODE_DIRECT);
}

/* Its window opens at its first bio. */
static __always_inline void op_pends(struct ior_slot *slot)
{
	slot->state = IOR_SLOT_PENDING;
	if (!ior_state.any_pending)
		ior_state.any_pending = 1;
}

/* An op that has its slot: everything up to the publish of the common case. */
static __always_inline enum open_result op_enter_slot(struct ior_slot *slot, __u32 self,
						      const struct op_run *run,
						      const struct op_desc *desc,
						      struct ior_range range, struct spot spot)
{
	struct inode *inode = KOBJECT(struct inode, desc->inode);
	enum opens opens = op_opens(desc);
	bool wide = ior_range_is_wide(range);

	op_enter_filled(self, run, desc,
			op_fill(slot, run, desc, inode, range, wide, opens != OPENS_AT_SUBMIT));
	if (opens == OPENS_AT_SUBMIT) {
		op_pends(slot);
		return OPEN_ALONE;
	}
	if (opens == OPENS_UNDECIDED)
		slot->undecided = 1;
	return publish_common(slot, self, desc->inode, &spot);
}

/*
 * The begin of all hooks that are not worth an inlined copy of it, in frames that are gone when the
 * slow paths need the stack. First, what to track it in: as slot_take(), and -1 too if it is not to
 * be tracked.
 */
__noinline int op_take(struct op_desc *desc)
{
	struct ior_slot *slot;
	struct inode *inode;
	int fs, self;

	if (!desc)
		return -1;
	inode = KOBJECT(struct inode, desc->inode);
	fs = desc->admitted ? desc->fs : op_admit(inode, desc->file, desc->mode);
	if (fs < 0)
		return -1;
	desc->fs = fs;
	if (ior_range_is_empty(desc_range(desc, inode))) {
		op_begin_empty(desc->key, desc->mode);
		return -1;
	}
	self = slot_take(desc, &slot);
	if (!slot) {
		op_without_room(desc->inode);
		return -1;
	}
	return self;
}

/* And then up to the publish of the common case. */
__noinline enum open_result op_enter(const struct op_desc *desc, __u32 self)
{
	struct ior_slot *slot = slot_at(self);
	struct op_run run = op_run();
	struct ior_range range;

	if (!desc || !slot || !run.cpu)
		return OPEN_ALONE;
	range = desc_range(desc, KOBJECT(struct inode, desc->inode));
	if (ior_range_is_empty(range)) /* it was not: the file is being truncated */
		return OPEN_ALONE;
	return op_enter_slot(slot, self, &run, desc, range,
			     op_spot(slot, self, desc->inode, range, desc->kind != IOR_OP_READ));
}

#define BPF_F_USER_STACK (1ULL << 8) /* include/uapi/linux/bpf.h */

static __always_inline void take_stacks(void *ctx, struct op_desc *desc)
{
	desc->stacks.kernel = -1;
	desc->stacks.user = -1;
	if (!ior_options.want_stacks || !bit_test(ior_escalated, desc->inode))
		return;
	desc->stacks.kernel = bpf_get_stackid(ctx, &ior_stack_traces, 0);
	desc->stacks.user = bpf_get_stackid(ctx, &ior_stack_traces, BPF_F_USER_STACK);
}

/* ---- spans ----------------------------------------------------------------------------------- */

/* Changes of size are hooked above all file systems; what they wait for is known of two. */
static __always_inline bool span_is_wanted(enum ior_mode mode, int fs)
{
	return (fs == IOR_FS_EXT4 || fs == IOR_FS_XFS) &&
	       (ior_options.modes & (1U << (mode & 31))) && mode_is_covered(mode, fs);
}

/* True when the op in *ret_self is filled and is to be published as waiting. */
__noinline int span_fill(struct op_desc *desc, __u32 *ret_self)
{
	struct task_struct *task = compat_current();
	struct ior_range range;
	struct ior_slot *slot;
	struct inode *inode;
	int fs, self;

	if (!desc || !ret_self)
		return false;
	inode = KOBJECT(struct inode, desc->inode);
	fs = file_fs(inode, desc->file, desc->mode);
	if (fs < 0 || !span_is_wanted(desc->mode, fs))
		return false;
	desc->fs = fs;
	range = desc_range(desc, inode);
	if (ior_range_is_empty(range))
		return false;
	self = slot_take(desc, &slot);
	if (!slot || (self & SLOT_IS_STALE))
		return false;
	*ret_self = self;
	inflight_fill_begin(slot);
	slot->wide = ior_range_is_wide(range);
	slot->op.flags = fill_slot(slot, desc, inode, range, task, false);
	slot->op.begin_ns = bpf_ktime_get_ns();
	slot->moving = 0;
	slot->spanned = 1;
	slot->tentative = 0;
	slot->drained = 0;
	inflight_fill_end(slot);
	span_reset(self, slot->op.tid);
	return true;
}

/* An op that finds no room now tries again when it moves: nothing is lost yet. */
static __always_inline int op_span_begin(struct op_desc *desc)
{
	enum inflight_published published;
	struct ior_slot *slot;
	__u32 self = 0;

	if (!ior_state.armed || !span_fill(desc, &self))
		return 0;
	published = inflight_publish_slow(self);
	if (published == PUBLISH_MUST_LOOK)
		return op_look_slow(self);
	slot = slot_at(self);
	if (!slot)
		return 0;
	if (published == PUBLISH_ALONE)
		INFLIGHT_STORE(&slot->settled, 1);
	else
		inflight_release(self, slot);
	return 0;
}

enum span_open {
	SPAN_NONE,	/* no op of this key waits in the table */
	SPAN_OTHER,	/* one does, but it is not what was announced */
	SPAN_ELSEWHERE, /* it is, but for another range: to be moved there */
	SPAN_PENDING,	/* its first bio will open the window */
	SPAN_MOVES,
};

/* What of an op goes by value, so that the op_desc of the hot path need not stand in memory. */
#define TRAIT_MODE_SHIFT 8
#define TRAIT_TENTATIVE (1ULL << 16)
#define TRAIT_FLAGS_SHIFT 32
#define TRAIT_INODE_SHIFT 48 /* some bits of its hash: a task's key does not tell the file */

static __always_inline __u64 inode_trait(__u64 inode)
{
	return ior_mix(inode) >> TRAIT_INODE_SHIFT << TRAIT_INODE_SHIFT;
}

static __always_inline __u64 op_traits(const struct op_desc *desc)
{
	return desc->kind | (__u64)desc->mode << TRAIT_MODE_SHIFT |
	       (desc->tentative ? TRAIT_TENTATIVE : 0) | (__u64)desc->flags << TRAIT_FLAGS_SHIFT |
	       inode_trait(desc->inode);
}

static __always_inline bool span_is_as_announced(const struct ior_slot *slot, __u64 traits)
{
	return slot->op.kind == (traits & 0xff) &&
	       inode_trait(slot->inode) == traits >> TRAIT_INODE_SHIFT << TRAIT_INODE_SHIFT &&
	       mode_is_covered((traits >> TRAIT_MODE_SHIFT) & 0xff, slot->fs);
}

static __always_inline bool span_is_where_announced(const struct ior_slot *slot, __u64 pos,
						    __u64 len_bytes)
{
	struct ior_range range =
		op_range(slot->op.kind, KOBJECT(struct inode, slot->inode), pos, len_bytes);

	return range.start == slot->op.range.start && range.end == slot->op.range.end;
}

/* Takes a waiting op from where its window will not open. False: there is nothing to move there. */
__noinline int span_lift(__u32 self, __u64 pos, __u64 len_bytes)
{
	struct ior_slot *slot = slot_at(self);
	struct ior_range range;

	if (!slot)
		return false;
	range = op_range(slot->op.kind, KOBJECT(struct inode, slot->inode), pos, len_bytes);
	if (ior_range_is_empty(range))
		return false;
	span_lands_elsewhere(self);
	inflight_lift(self, slot, range);
	return true;
}

/* Only `mine` changes here; its sequence stays, so that its notes stay its own. */
__noinline enum span_open span_open(__u64 key, __u64 pos, __u64 len_bytes, __u64 traits,
				    __u32 *ret_self)
{
	struct op_run run = op_run();
	struct ior_slot *slot;
	int self;

	self = inflight_find(key);
	slot = self < 0 ? 0 : slot_at(self);
	if (!run.cpu || !slot || !ret_self || slot->state != IOR_SLOT_WAITING)
		return SPAN_NONE;
	*ret_self = self;
	if (!span_is_as_announced(slot, traits))
		return SPAN_OTHER;
	if (!span_is_where_announced(slot, pos, len_bytes))
		return SPAN_ELSEWHERE;
	slot->op.mode = traits >> TRAIT_MODE_SHIFT;
	slot->op.flags |= traits >> TRAIT_FLAGS_SHIFT;
	fill_opening(slot, &run);
	op_count(&run, slot->inode, slot->op.kind, slot->op.flags, slot->fs);
	if (span_has_waited(self) && !bit_set(ior_told, slot->inode))
		slot->tell_path = 1;
	if (ior_state.draining)
		inode_touch(slot->inode, slot->op.flags & IOR_OPF_SELECTED,
			    slot->op.mode == IOR_MODE_DIRECT);
	slot->tentative = (traits & TRAIT_TENTATIVE) && ior_options.sees_submit;
	if (!slot->tentative)
		return SPAN_MOVES;
	ior_state.any_pending = 1;
	return SPAN_PENDING;
}

/* The same where it turns out to open elsewhere. */
static __always_inline enum span_open span_open_anywhere(const struct op_desc *desc,
							 __u32 *ret_self)
{
	__u64 traits = op_traits(desc);
	enum span_open open = span_open(desc->key, desc->pos, desc->len_bytes, traits, ret_self);

	if (open != SPAN_ELSEWHERE || !span_lift(*ret_self, desc->pos, desc->len_bytes) ||
	    !inflight_publish_slow(*ret_self))
		return open;
	return span_open(desc->key, desc->pos, desc->len_bytes, traits, ret_self);
}

/* True: the op waited in the table and is taken care of. */
static __always_inline bool op_begin_spanned(const struct op_desc *desc)
{
	struct ior_slot *slot;
	__u32 self = 0;
	enum span_open open = span_open_anywhere(desc, &self);

	slot = open == SPAN_NONE ? 0 : slot_at(self);
	if (!slot)
		return false;
	if (open != SPAN_MOVES && open != SPAN_PENDING) {
		op_close(slot, self);
		slot->spanned = 0;
		return false;
	}
	slot->stacks = desc->stacks;
	if (ior_options.has_range_lock)
		range_lock_attach(self);
	if (open == SPAN_MOVES) {
		op_flip_slow(self);
		op_look_slow(self);
	}
	return true;
}

/* Whatever the op is. Returns what op_open_entered() is to follow with. */
static __always_inline __u64 op_enter_described(struct op_desc *desc)
{
	int self = op_take(desc);

	if (self < 0)
		return OPEN_ALONE;
	if (self & SLOT_IS_STALE) {
		self &= SLOT_IS_STALE - 1;
		op_retire_slow(self);
	}
	return (__u64)self << 32 | op_enter(desc, self);
}

/* In a frame that the hot path does without, and gone when the slow paths need the stack. */
static __noinline __u64 op_enter_any(struct op_desc *desc)
{
	return op_enter_described(desc);
}

static __always_inline __u64 op_enter_search(void *ctx, struct op_desc *desc)
{
	take_stacks(ctx, desc);
	return op_enter_described(desc);
}

static __always_inline int op_open_entered(__u64 entered)
{
	return op_open(entered >> 32, (__u32)entered);
}

static __always_inline int op_begin(void *ctx, struct op_desc *desc)
{
	if (!ior_state.armed)
		return 0;
	take_stacks(ctx, desc);
	if (ior_options.locks_inside && range_lock_postpones(desc))
		return 0;
	if (ior_options.has_spans && op_begin_spanned(desc))
		return 0;
	return op_open_entered(op_enter_any(desc));
}

static __always_inline bool op_opens_now(const struct op_desc *desc)
{
	return !desc->tentative && !(ior_options.opens_at_submit & (1U << desc->fs));
}

static __always_inline bool op_is_in_one_chunk(struct ior_range range)
{
	return ior_chunk_of(range.end - 1) == ior_chunk_of(range.start);
}

/* All that io_uring begins is tried without waiting first. */
static __always_inline bool op_is_plainly_tentative(const struct op_desc *desc)
{
	return desc->tentative && ior_options.sees_submit && ior_state.submit_is_seen &&
	       ior_state.any_tentative;
}

/* Returns what op_open_entered() is to follow with, or OPEN_TAKES_SEARCH. */
static __always_inline __u64 op_enter_home(void *ctx, const struct op_run *run,
					   struct op_desc *desc, struct inode *inode)
{
	struct ior_range range = desc_range(desc, inode);
	bool wide = ior_range_is_wide(range);
	struct ior_slot *slot;
	__u32 self = 0;

	if (ior_range_is_empty(range))
		return OPEN_TAKES_SEARCH;
	if (op_opens_now(desc) ? op_is_in_one_chunk(range) /* its home is taken */
			       : !op_is_plainly_tentative(desc))
		return OPEN_TAKES_SEARCH;
	slot = inflight_claim_home(desc->key, &self);
	if (!slot)
		return OPEN_TAKES_SEARCH;
	take_stacks(ctx, desc);
	op_enter_filled(self, run, desc,
			op_fill(slot, run, desc, inode, range, wide, !desc->tentative));
	if (!desc->tentative)
		return (__u64)self << 32 | OPEN_IN_MANY_CHUNKS;
	op_pends(slot);
	return OPEN_ALONE;
}

/*
 * What most ops need and nothing else: whatever lives on here for the sake of others costs each op
 * its way to the stack and back.
 */
static __always_inline int op_begin_direct(void *ctx, const struct op_run *run,
					   struct op_desc *desc, struct inode *inode,
					   op_home_fn home, op_search_fn search)
{
	enum open_result result;
	struct ior_range range;
	struct ior_slot *slot;
	struct spot spot;
	__u64 entered;
	__u32 self = 0;

	if (ior_options.has_spans) {
		take_stacks(ctx, desc);
		if (op_begin_spanned(desc))
			return 0;
	}
	if (op_opens_now(desc)) {
		range = desc_range(desc, inode);
		if (ior_range_is_empty(range))
			return 0;
		slot = op_is_in_one_chunk(range) ? inflight_claim_home(desc->key, &self) : 0;
		if (slot) {
			spot = op_spot_in_one_chunk(slot, self, desc->inode, range,
						    desc->kind != IOR_OP_READ);
			if (!ior_options.has_spans)
				take_stacks(ctx, desc);
			op_enter_filled(self, run, desc,
					op_fill(slot, run, desc, inode, range, false, true));
			result = publish_common(slot, self, desc->inode, &spot);
			return result == OPEN_MEETS_ONE ? op_meet_one(self, slot, &spot)
							: op_open(self, result);
		}
	}
	entered = home(ctx, run->task, run->cpu, inode, desc->fs);
	return op_open_entered(entered == OPEN_TAKES_SEARCH ? search(ctx, desc->fs) : entered);
}

/* The same for an op whose window opens at its first bio. */
__noinline enum open_result op_enter_pending(__u64 kiocb, __u32 *ret_self)
{
	struct op_run run = op_run();
	struct spot spot;
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(kiocb, &self);

	if (!slot || !ret_self || !run.cpu)
		return OPEN_ALONE;
	*ret_self = self;
	if (ior_options.has_spans && slot->state == IOR_SLOT_WAITING && slot->tentative) {
		fill_opening(slot, &run);
		if (ior_options.has_range_lock)
			range_lock_attach(self);
		return OPEN_MOVES;
	}
	if (slot->state != IOR_SLOT_PENDING)
		return OPEN_ALONE;
	inflight_fill_begin(slot);
	fill_opening(slot, &run);
	inflight_fill_end(slot);
	spot = op_spot(slot, self, slot->inode, slot->op.range, ior_op_writes(&slot->op));
	return publish_common(slot, self, slot->inode, &spot);
}

static __always_inline int op_submit(__u64 kiocb)
{
	enum open_result result;
	__u32 self = 0;

	if (!op_any_is_pending())
		return 0;
	result = op_enter_pending(kiocb, &self);
	return op_open(self, result);
}

static __always_inline int op_data_end(__u64 kiocb)
{
	__u32 self = 0;
	struct ior_slot *slot = key_was_wanted(kiocb) ? inflight_slot_of(kiocb, &self) : 0;

	if (slot)
		op_close(slot, self);
	return 0;
}

/* Global: a request that ends may carry the bios of many, one after the other. */
__noinline int op_data_end_of_many(__u64 kiocb)
{
	return op_data_end(kiocb);
}

static __always_inline int op_over(struct ior_slot *slot, __u32 self, __u64 key)
{
	op_close(slot, self);
	if (ior_options.has_spans && slot->spanned) {
		if (slot->moving)
			span_settle(self);
		else if (ior_options.locks_inside)
			range_lock_never_came(self);
	}
	inflight_release_key(self, slot, key);
	return 0;
}

/*
 * One that failed before its first bio has a span that goes on: it may begin again, under another
 * lock and after other waits. (-EAGAIN of ->iomap_begin() comes with a completion.)
 */
static __always_inline int op_over_unless_waiting(struct ior_slot *slot, __u32 self, __u64 key)
{
	if (ior_options.has_spans && slot->state == IOR_SLOT_WAITING)
		return 0;
	return op_over(slot, self, key);
}

/*
 * A read that may not wait opens with its first bio, and holes have none: its window is now. Not on
 * btrfs, whose extent lock is gone by now. Where the first bio is no longer seen, the op was not.
 */
__noinline int op_reads_holes(__u64 kiocb)
{
	int self = inflight_find(kiocb);
	struct ior_slot *slot = self < 0 ? 0 : slot_at(self);

	if (slot && slot->state == IOR_SLOT_PENDING && !ior_state.submit_is_seen)
		return loss_count(IOR_LOSS_UNTRACKED);
	if (!slot || slot->op.kind != IOR_OP_READ ||
	    (ior_options.opens_at_submit & (1U << (slot->fs & 31))))
		return false;
	return slot->state == IOR_SLOT_PENDING ||
	       (slot->state == IOR_SLOT_WAITING && slot->tentative);
}

/*
 * A read is compared as far as the file went when it began. Where nothing keeps the file from
 * growing meanwhile (ext4 reads the page cache without a lock, and asks for i_size at each page) it
 * may have seen more, of an append under way perhaps. Its position, once moved, says so. Direct IO
 * asks for i_size once, and that moves when the bytes before it are on disk. An op of no bytes has
 * a slot that was never filled.
 */
static __always_inline int op_see_growth(const struct ior_slot *slot, __u64 kiocb)
{
	if (slot->state == IOR_SLOT_IDLE ||
	    (__u64)KREAD(struct kiocb, kiocb, ki_pos) <= slot->op.range.end)
		return 0;
	return loss_count(IOR_LOSS_GROWN);
}

static __always_inline int op_complete_wanted(__u64 kiocb, bool moved)
{
	struct ior_slot *slot;
	__u32 self = 0;
	__u64 file;

	if (moved && op_any_is_pending() && op_reads_holes(kiocb))
		op_submit(kiocb);
	slot = inflight_slot_of(kiocb, &self);
	if (slot)
		return op_over_unless_waiting(slot, self, kiocb);
	if (!ior_state.draining || !ior_state.armed)
		return 0;
	file = KPTR(struct kiocb, kiocb, ki_filp);
	return op_ended_unbegun(KPTR(struct file, file, f_inode));
}

static __always_inline int op_complete(__u64 kiocb, bool moved)
{
	return key_was_wanted(kiocb) ? op_complete_wanted(kiocb, moved) : 0;
}

static __always_inline int op_end(__u64 key, __u64 inode, __u64 kiocb)
{
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(key, &self);

	if (slot) {
		if (kiocb)
			op_see_growth(slot, kiocb);
		return op_over(slot, self, key);
	}
	if (!ior_state.draining || !ior_state.armed || !inode || ior_options.is_double)
		return 0;
	return op_ended_unbegun(inode);
}

static __always_inline int op_retry(__u64 kiocb)
{
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(kiocb, &self);

	return slot ? op_over_unless_waiting(slot, self, kiocb) : 0;
}

static __always_inline int op_drop(__u64 kiocb)
{
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(kiocb, &self);

	return slot ? op_over(slot, self, kiocb) : 0;
}

/* ---- direct IO beside the page cache --------------------------------------------------------- */

static __always_inline int op_abandon(__u64 inode, __u64 pos, __u64 len_bytes)
{
	struct parties p = {.inode = inode, .range = ior_range_from(pos, len_bytes)};
	struct ior_slot *slot;
	__u64 key;

	parties_find(&p);
	if (admission_is_due(IOR_ADMITS_FALLBACK))
		admission_tell(p.direct, p.other, IOR_ADMITS_FALLBACK);
	slot = p.direct < 0 ? 0 : slot_at(p.direct);
	key = slot && slot->state == IOR_SLOT_PUBLISHED ? slot->key : 0;
	return key ? op_over(slot, p.direct, key) : 0;
}

static __always_inline int op_left_stale_pages(__u64 inode, __u64 first_page, __u64 last_page)
{
	struct parties p = {
		.inode = inode,
		.range = {first_page << 12, (last_page + 1) << 12},
		.is_over = 1,
	};

	if (!ior_state.armed || file_fs(KOBJECT(struct inode, inode), 0, IOR_MODE_DIRECT) < 0 ||
	    !admission_is_due(IOR_ADMITS_STALE))
		return 0;
	parties_find(&p);
	return p.begins ? 0 : admission_tell(p.direct, p.other, IOR_ADMITS_STALE);
}
