/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two ops that met in the table: what they are to each other, who counts them, what is told. The
 * table knows inflight_meet() and nothing else of this.
 */
#ifndef IORACE_PAIR_BPF_H
#define IORACE_PAIR_BPF_H

#include "emit.bpf.h"
#include "files.bpf.h"
#include "fill.bpf.h"
#include "finding.bpf.h"
#include "older.bpf.h"
#include "span.bpf.h"
#include "verbs.bpf.h"

#include <iorace/verdict.h>

/*
 * What is too large for the stack, of which the kernel allows 512 bytes over all frames. Programs
 * stay on their CPU but may preempt each other there, so there are several, each claimed by a flag.
 */
#define MEETINGS_PER_CPU 8

struct meeting {
	__u64 busy;
	struct inflight_peer at;
	struct ior_op mine;
	struct ior_op peer;
	struct ior_stacks peer_stacks;
	__u64 peer_file;
	__u64 is_first; /* of its CPU: nobody else on it counts for the CPU just now */
	__u64 doubtful; /* one may be over, or may yet give up before it moves anything */
	struct ior_finding_key key;
	struct ior_range_lock_held peer_lock; /* where a range lock is under test */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MEETINGS_PER_CPU);
	__type(key, __u32);
	__type(value, struct meeting);
} ior_meetings SEC(".maps");

static __always_inline struct meeting *meeting_claim_at(__u32 at)
{
	struct meeting *m = bpf_map_lookup_elem(&ior_meetings, &at);

	if (!m || __sync_val_compare_and_swap(&m->busy, 0, 1))
		return 0;
	m->is_first = !at;
	return m;
}

static __noinline struct meeting *meeting_claim_other(void)
{
	for (__u32 i = 1; i < MEETINGS_PER_CPU; i++) {
		struct meeting *m = meeting_claim_at(i);

		if (m)
			return m;
	}
	return 0;
}

/* Mostly the first is free; a call costs more than to see that. */
static __always_inline struct meeting *meeting_claim(void)
{
	struct meeting *m = meeting_claim_at(0);

	return m ? m : meeting_claim_other();
}

static __always_inline void meeting_release(struct meeting *m)
{
	INFLIGHT_STORE(&m->busy, 0ULL);
}

/* By words, as it is read again at once: what was stored by bytes is not at hand as a word. */
static __always_inline void finding_side(struct ior_finding_side *side, const struct ior_op *op)
{
	const __u64 *comm = (const __u64 *)op->comm;
	__u64 *words = (__u64 *)side;

	words[0] = comm[0];
	words[1] = comm[1];
	words[2] = op->kind | (__u64)op->mode << 8 | (__u64)op->lock.i_rwsem << 16;
}

_Static_assert(__builtin_offsetof(struct ior_finding_side, kind) == 16 &&
		       __builtin_offsetof(struct ior_finding_side, mode) == 17 &&
		       __builtin_offsetof(struct ior_finding_side, lock) == 18,
	       "a side is three words");

static __always_inline bool side_is_less(const struct ior_finding_side *a,
					 const struct ior_finding_side *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	for (int i = 0; i < (int)(sizeof(*a) / sizeof(*x)); i++) {
		if (x[i] != y[i])
			return x[i] < y[i];
	}
	return false;
}

static __always_inline void finding_key(struct ior_finding_key *key, const struct ior_op *a,
					const struct ior_op *b)
{
	finding_side(&key->sides[0], a);
	finding_side(&key->sides[1], b);
	if (side_is_less(&key->sides[1], &key->sides[0])) {
		finding_side(&key->sides[0], b);
		finding_side(&key->sides[1], a);
	}
}

/* Do the filters want this pair told? The pair is what it is either way. */
static __always_inline bool pair_is_wanted(const struct ior_op *a, const struct ior_op *b)
{
	struct ior_range common = ior_range_intersection(a->range, b->range);

	return ior_range_len(common) >= ior_options.min_overlap_bytes &&
	       (ior_op_writes(a) && ior_op_writes(b) ? ior_options.kind_ww : ior_options.kind_rw);
}

static __always_inline __u64 op_id(__u32 slot, __u32 seq)
{
	return (__u64)slot << 32 | seq;
}

/*
 * Both sides of a pair as a record, earlier window first. That is mostly the peer; when two start
 * together, the one that counts may be the earlier.
 */
static __always_inline void record_side(struct ior_rec_conflict *rec, int side,
					const struct ior_op *op, __u64 id, struct ior_stacks stacks)
{
	rec->ops[side] = *op;
	rec->op_ids[side] = id;
	rec->stacks[side] = stacks;
	__builtin_memset(&rec->range_locks[side], 0, sizeof(rec->range_locks[side]));
}

/* The slot of an op_id(). */
static __always_inline struct ior_range_lock_span *range_lock_of(__u64 id)
{
	return lock_span_at(id >> 32);
}

static __always_inline void record_range_locks(struct ior_rec_conflict *rec, __u64 my_id,
					       const struct meeting *m)
{
	struct ior_range_lock_span *mine = range_lock_of(my_id);

	if (!mine)
		return;
	if (rec->op_ids[0] == my_id) {
		rec->range_locks[0] = mine->held;
		rec->range_locks[1] = m->peer_lock;
	} else {
		rec->range_locks[1] = mine->held;
		rec->range_locks[0] = m->peer_lock;
	}
}

/* Stores through a shared writable mapping are seen by nobody. */
static __always_inline __u16 mapped_flag(__u64 inode)
{
	__u64 mapping = KPTR(struct inode, inode, i_mapping);

	return KREAD(struct address_space, mapping, i_mmap_writable.counter) > 0 ? IOR_OPF_MAPPED
										 : 0;
}

static __always_inline void record_send(const struct ior_finding_key *key,
					const struct ior_slot *mine, __u64 my_id,
					const struct meeting *m, __u64 peer_id)
{
	const struct ior_op *peer = &m->peer, *own = &m->mine;
	struct ior_rec_conflict *rec = bpf_ringbuf_reserve(&ior_ring, sizeof(*rec), 0);

	if (!rec) {
		loss_count(IOR_LOSS_RING_FULL);
		return;
	}
	rec->header.type = IOR_REC_CONFLICT;
	rec->header.size = sizeof(*rec);
	rec->file = key->file;
	if (peer->begin_ns <= own->begin_ns) {
		rec->time_ns = own->begin_ns;
		record_side(rec, 0, peer, peer_id, m->peer_stacks);
		record_side(rec, 1, own, my_id, mine->stacks);
	} else {
		rec->time_ns = peer->begin_ns;
		record_side(rec, 0, own, my_id, mine->stacks);
		record_side(rec, 1, peer, peer_id, m->peer_stacks);
	}
	rec->ops[1].flags |= mapped_flag(mine->inode);
	if (ior_options.has_range_lock)
		record_range_locks(rec, my_id, m);
	bpf_ringbuf_submit(rec, 0);
	stat_count_exact(IOR_STAT_RECORDS);
}

/* What did the two hold that met all the same? Where the lock let one through it is in doubt. */
static __always_inline int range_lock_slipped(__u64 my_id, const struct meeting *m)
{
	struct ior_range_lock_span *mine = range_lock_of(my_id);
	enum ior_slip slip;

	if (!mine || !m)
		return 0;
	slip = ior_range_locks_slip(&mine->held, &m->peer_lock);
	if (slip == IOR_SLIP_BOTH)
		lock_doubt();
	return lock_count(IOR_RL_SLIPS + slip);
}

/* It has just begun: what it was given for a time can be made good. */
static __always_inline void own_time_is_now(struct meeting *m)
{
	if (!(m->mine.flags & IOR_OPF_EARLY))
		return;
	m->mine.begin_ns = bpf_ktime_get_ns();
	m->mine.flags &= ~IOR_OPF_EARLY;
}

/* Counts the pair with its finding. True: a record of it is due. */
static __always_inline bool pair_is_due(struct ior_slot *mine, struct meeting *m,
					struct ior_range common)
{
	__u64 now_ns = mine->op.begin_ns;
	struct ior_finding_value *finding;
	bool is_new, is_due;

	finding = finding_of(&m->key, &is_new);
	if (finding)
		finding_count(finding, common, now_ns);
	else
		loss_count(IOR_LOSS_FINDINGS_FULL);
	if (is_new || (!finding && !bit_set(ior_told, mine->inode)))
		mine->tell_path = 1;
	if (!mine->file)
		mine->file = m->peer_file;
	is_due = record_is_due(finding, now_ns);
	if (!finding)
		return is_due;
	if (is_due) {
		finding->sampled_ns = now_ns;
		finding->samples++;
	}
	if (m->is_first && !record_is_always_due())
		pending_begin(&m->key, finding, now_ns);
	return is_due;
}

/* True: pair_record() is to follow. Two calls, one after the other, since both need the stack. */
static __noinline bool pair_tell(struct ior_slot *mine, __u64 my_id, struct meeting *m)
{
	struct ior_range common = ior_range_intersection(mine->op.range, m->peer.range);

	if (ior_options.has_range_lock)
		range_lock_slipped(my_id, m);
	file_identity(mine->inode, &m->key.file);
	file_count_conflict(&m->key.file);
	m->mine = mine->op;
	op_name(&m->mine);
	finding_key(&m->key, &m->mine, &m->peer);
	if (ior_options.want_stacks)
		bit_set(ior_escalated, mine->inode);
	if (m->is_first && pending_count(&m->key, common, mine->op.begin_ns))
		return false;
	stat_count_exact(IOR_STAT_CONFLICTS);
	if (pair_is_due(mine, m, common))
		return true;
	stat_count_exact(IOR_STAT_SUPPRESSED);
	return false;
}

static __noinline int pair_record(struct ior_slot *mine, __u64 my_id, struct meeting *m,
				  __u64 peer_id)
{
	own_time_is_now(m);
	op_place(&m->mine);
	op_place(&m->peer);
	record_send(&m->key, mine, my_id, m, peer_id);
	return 0;
}

static __noinline int slot_tell_path(struct ior_slot *slot)
{
	struct ior_file file;

	if (!slot->file)
		return 0;
	file_identity(slot->inode, &file);
	return emit_path(&file, slot->file);
}

/*
 * Is an op that still has words in the table truly in flight? The kiocb of a direct op says so
 * while it lives: the position moves only when it completes (iomap_dio_complete()), and the memory
 * of a kiocb that is gone describes something else. This matters for ops whose end no hook shows,
 * and for the moment between the end of the data and the tracepoint that reports it. The others are
 * calls whose return is hooked, and so is an op that waits; the position of an append comes later.
 */
static __always_inline bool peer_is_alive(const struct ior_slot *slot, bool moving)
{
	__u64 kiocb = slot->key, file;

	if (slot->op.mode != IOR_MODE_DIRECT || !moving)
		return true;
	file = KPTR(struct kiocb, kiocb, ki_filp);
	return KREAD(struct kiocb, kiocb, ki_pos) == slot->op.range.start &&
	       KPTR(struct file, file, f_inode) == slot->inode;
}

/*
 * XFS lets an op beyond the end of the file drain all direct IO under the exclusive lock and begin
 * under the shared one (xfs_file_write_checks()): nothing tells that it waited. It can only be on
 * bytes of asynchronous ops that extended the file, and such an op is alive until its position
 * moves, which is right behind inode_dio_end(). Between these two, and only where windows close at
 * completion, nobody can tell. i_size has moved before (xfs_dio_write_end_io()).
 */
static __always_inline bool peer_may_be_over(const struct ior_slot *slot)
{
	return slot->extends &&
	       slot->op.range.end <= (__u64)KREAD(struct inode, slot->inode, i_size);
}

/* A task has one synchronous op at a time: one of our own that still stands here ended unseen. */
static __always_inline bool peer_is_our_past(const struct ior_op *mine, const struct ior_op *peer)
{
	return !(peer->flags & IOR_OPF_ASYNC) && !(mine->flags & IOR_OPF_ASYNC) &&
	       peer->tid == mine->tid;
}

enum pair_view {
	VIEW_NOTHING,
	VIEW_OVERLAP, /* at least one of the two still waits to move */
	VIEW_CONFLICT,
	VIEW_CHANGING,
};

static __always_inline enum pair_view view_of(enum ior_relation relation)
{
	switch (relation) {
	case IOR_CONFLICTING:
		return VIEW_CONFLICT;
	case IOR_OVERLAPPING:
		return VIEW_OVERLAP;
	case IOR_UNRELATED:
		break;
	}
	return VIEW_NOTHING;
}

static __always_inline void meeting_take_lock(struct meeting *m, __u32 at)
{
	struct ior_range_lock_span *span = lock_span_at(at);

	if (span)
		m->peer_lock = span->held;
}

/* What is this pair? `m` receives a copy of the peer that is whole when there is one. */
static __noinline enum pair_view pair_view(const struct ior_slot *mine, const __u64 *way,
					   struct inflight_peer *at, struct meeting *m)
{
	struct ior_op *peer = &m->peer;
	enum pair_view view;
	struct ior_slot *slot;

	switch (inflight_peer_read(way, at)) {
	case SIGHT_GONE:
		return VIEW_NOTHING;
	case SIGHT_CHANGING:
		return VIEW_CHANGING;
	case SIGHT_THERE:
		break;
	}
	slot = slot_at(at->at);
	if (!slot || slot->inode != mine->inode)
		return VIEW_NOTHING;
	*peer = slot->op;
	m->peer_stacks = slot->stacks;
	m->peer_file = slot->file;
	m->doubtful = mine->undecided || slot->undecided || peer_may_be_over(slot);
	if (ior_options.has_range_lock)
		meeting_take_lock(m, at->at);
	view = view_of(ior_ops_relation(&mine->op, mine->moving, peer, at->word & IOR_WORD_MOVING));
	if (view == VIEW_NOTHING)
		return view;
	if (!inflight_is_first_common(at, slot,
				      ior_range_intersection(mine->op.range, peer->range)))
		return VIEW_NOTHING;
	if (peer_is_our_past(&mine->op, peer) || !op_name(peer) ||
	    !peer_is_alive(slot, at->word & IOR_WORD_MOVING))
		return VIEW_NOTHING;
	return inflight_peer_is_still(way, at, slot) == SIGHT_THERE ? view : VIEW_CHANGING;
}

static __always_inline bool pair_is_stale(const struct ior_op *mine, const struct ior_op *peer)
{
	return mine->begin_ns > peer->begin_ns &&
	       mine->begin_ns - peer->begin_ns > ior_options.stale_ns;
}

static __always_inline int pair_conflicts(__u32 self, struct ior_slot *mine, struct meeting *m,
					  struct inflight_peer *at, struct ior_slot *slot)
{
	if (mine->drained && m->peer.mode == IOR_MODE_DIRECT)
		return 0;
	if (pair_is_stale(&mine->op, &m->peer))
		return loss_count(IOR_LOSS_STALE);
	if (m->doubtful)
		return loss_count(IOR_LOSS_UNATTRIBUTED);
	switch (account_conflict(self, mine, &m->peer, at, slot)) {
	case PAIR_NOT_HERE:
	case PAIR_THEIRS:
		return 0;
	case PAIR_MINE:
		if (pair_tell(mine, op_id(self, mine->seq), m))
			pair_record(mine, op_id(self, mine->seq), m, op_id(at->at, at->seq));
		return 0;
	case PAIR_UNKNOWN:
		break;
	}
	return loss_count(IOR_LOSS_UNATTRIBUTED);
}

/* Its first pair of all: the path of the file is due. */
static __always_inline int pair_noted(struct ior_slot *mine, const struct meeting *m)
{
	if (bit_set(ior_told, mine->inode))
		return 0;
	mine->tell_path = 1;
	if (!mine->file)
		mine->file = m->peer_file;
	return 0;
}

/*
 * Which of the two waits: the other opened before it. Not inlined: what it keeps on the stack is
 * gone when the pair is told, and all that is called from a hook has 512 bytes together.
 */
static __noinline void range_lock_noted(__u32 self, const struct ior_slot *mine,
					const struct meeting *m, const struct inflight_peer *at)
{
	struct ior_range_lock_span *span = lock_span_at(self);
	struct ior_range_lock_peer peer = {.pad = 0};

	if (!span)
		return;
	if (at->word & IOR_WORD_MOVING) {
		peer.held = m->peer_lock;
		peer.slot = at->at;
		peer.seq = at->seq;
		peer.hold = ior_op_hold(&m->peer);
		lock_note(self, &peer);
	} else {
		peer.held = span->held;
		peer.slot = self;
		peer.seq = mine->seq;
		peer.hold = ior_op_hold(&mine->op);
		lock_note(at->at, &peer);
	}
}

static __always_inline int pair_waits(__u32 self, struct ior_slot *mine, struct meeting *m,
				      struct inflight_peer *at, struct ior_slot *slot)
{
	if (!ior_options.has_spans)
		return 0;
	switch (account_wait(self, mine, &m->peer, at, slot)) {
	case PAIR_NOT_HERE:
	case PAIR_THEIRS:
		return 0;
	case PAIR_MINE:
		if (ior_options.has_range_lock)
			range_lock_noted(self, mine, m, at);
		return pair_noted(mine, m);
	case PAIR_UNKNOWN:
		break;
	}
	return loss_count(IOR_LOSS_UNATTRIBUTED);
}

/* A pair of which no side is selected, or that no filter wants, is not counted at all. */
static __always_inline bool pair_is_counted(const struct ior_slot *mine, const struct meeting *m,
					    enum pair_view view)
{
	if (!((mine->op.flags | m->peer.flags) & IOR_OPF_SELECTED)) {
		if (view == VIEW_CONFLICT)
			stat_count(IOR_STAT_UNSELECTED);
		return false;
	}
	if (pair_is_wanted(&mine->op, &m->peer))
		return true;
	if (view == VIEW_CONFLICT)
		stat_count_exact(IOR_STAT_TOLERATED);
	return false;
}

static __always_inline int pair_count(__u32 self, struct ior_slot *mine, struct meeting *m,
				      struct inflight_peer *at, enum pair_view view)
{
	struct ior_slot *slot = slot_at(at->at);

	if (!slot || !pair_is_counted(mine, m, view))
		return 0;
	return view == VIEW_CONFLICT ? pair_conflicts(self, mine, m, at, slot)
				     : pair_waits(self, mine, m, at, slot);
}

#define MEET_TRIES 3

/*
 * Called by the table for each word that may be of an op that matters. Global, so that it is
 * verified once and not for each way of each line that leads here.
 */
__noinline int inflight_meet(__u32 self, const __u64 *way)
{
	struct ior_slot *mine = slot_at(self);
	enum pair_view view = VIEW_CHANGING;
	struct meeting *m;

	if (!mine || !way)
		return 0;
	m = meeting_claim();
	if (!m)
		return loss_count(IOR_LOSS_UNATTRIBUTED);
	for (int i = 0; i < MEET_TRIES && view == VIEW_CHANGING; i++)
		view = pair_view(mine, way, &m->at, m);
	if (view == VIEW_CHANGING)
		loss_count(IOR_LOSS_UNATTRIBUTED);
	else if (view != VIEW_NOTHING)
		pair_count(self, mine, m, &m->at, view);
	meeting_release(m);
	return 0;
}

#endif
