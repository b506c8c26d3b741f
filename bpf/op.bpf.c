// SPDX-License-Identifier: GPL-2.0
/*
 * Life of an op: armed? wanted? -> slot filled, locks read -> published -> who else is there? ->
 * counted and told -> retired. Knows no hook and no report.
 */
#include "op.bpf.h"

#include "count.bpf.h"
#include "emit.bpf.h"
#include "filter.bpf.h"
#include "span.bpf.h"
#include "verbs.bpf.h"

#include <iorace/verdict.h>

const volatile struct ior_options ior_options = {};

_Static_assert((IOR_MODE_COUNT_ & (IOR_MODE_COUNT_ - 1)) == 0, "modes are masked");
_Static_assert((IOR_OP_COUNT_ & (IOR_OP_COUNT_ - 1)) == 0, "kinds are masked");
_Static_assert((IOR_HOLD_COUNT_ & (IOR_HOLD_COUNT_ - 1)) == 0, "holds are masked");
_Static_assert(IOR_STAT_MMAPS == IOR_STAT_READS + IOR_OP_MMAP, "one counter per kind, in order");

/* Set last, when every program is attached. */
bool ior_armed;

/*
 * Direct IO that began before we were armed and that a selected op may meet unseen. Bit arrays by a
 * hash of the inode, needed only until what is older has drained:
 *
 *	seen       had any op since arming
 *	older      i_dio_count was not zero when its first op came, so something older was in flight
 *	selected   had an op that is reported
 *	confessed  the loss was counted
 */
#define INODE_BITS (1U << 16)

bool ior_draining;
__u64 ior_seen[INODE_BITS / 64];
__u64 ior_older[INODE_BITS / 64];
__u64 ior_selected[INODE_BITS / 64];
__u64 ior_confessed[INODE_BITS / 64];

/* Inodes that had a conflict: ops on them record their stacks, for the next report to show both. */
__u64 ior_escalated[INODE_BITS / 64];

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1); /* set before load when stacks are wanted */
	__uint(key_size, sizeof(__u32));
	__uint(value_size, IOR_STACK_DEPTH * sizeof(__u64));
} ior_stack_traces SEC(".maps");

static __always_inline bool bit_test(const __u64 *bits, __u64 inode)
{
	__u32 bit = ior_mix(inode) >> 48;

	return bits[(bit >> 6) & (INODE_BITS / 64 - 1)] & (1ULL << (bit & 63));
}

/* True if it was set before. Mostly it was: then nobody's cache line is written. */
static __always_inline bool bit_set(__u64 *bits, __u64 inode)
{
	__u32 bit = ior_mix(inode) >> 48;
	__u64 mask = 1ULL << (bit & 63);
	__u64 *word = &bits[(bit >> 6) & (INODE_BITS / 64 - 1)];

	return (*word & mask) || (__sync_fetch_and_or(word, mask) & mask);
}

__noinline int inflight_meet(__u32 self, const __u64 *way);

#include "inflight.bpf.h"

/* ---- a conflicting pair ---------------------------------------------------------------------- */

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
	struct ior_finding_key key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MEETINGS_PER_CPU);
	__type(key, __u32);
	__type(value, struct meeting);
} ior_meetings SEC(".maps");

static __noinline struct meeting *meeting_claim(void)
{
	for (__u32 i = 0; i < MEETINGS_PER_CPU; i++) {
		__u32 at = i;
		struct meeting *m = bpf_map_lookup_elem(&ior_meetings, &at);

		if (m && !__sync_val_compare_and_swap(&m->busy, 0, 1))
			return m;
	}
	return 0;
}

static __always_inline void meeting_release(struct meeting *m)
{
	INFLIGHT_STORE(&m->busy, 0ULL);
}

#define PF_IO_WORKER 0x00000010 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

/* Returns flags of the op. */
static __always_inline __u16 op_read_name(struct ior_op *op, __u64 task)
{
	__u32 flags = KREAD(struct task_struct, task, flags);
	__u64 named = task;

	if (flags & PF_IO_WORKER)
		named = KPTR(struct task_struct, task, group_leader);
	compat_task_comm(named, op);
	op->cgroup_id = compat_task_cgroup_id(task);
	return flags & PF_KTHREAD ? IOR_OPF_KTHREAD : 0;
}

/*
 * Completes a copy of an op. False if the address is another task's by now: then this op, which
 * kept its task, is over.
 */
static __always_inline bool op_name(struct ior_op *op)
{
	__u64 task = op->cgroup_id;

	if (!(op->flags & IOR_OPF_UNNAMED))
		return true;
	op->flags = (op->flags & ~IOR_OPF_UNNAMED) | op_read_name(op, task);
	return KREAD(struct task_struct, task, pid) == (int)op->tid;
}

static __always_inline void file_identity(__u64 inode, struct ior_file *file)
{
	__u64 sb = KPTR(struct inode, inode, i_sb);

	file->ino = KREAD(struct inode, inode, i_ino);
	file->generation = KREAD(struct inode, inode, i_generation);
	file->dev = KREAD(struct super_block, sb, s_dev);
	file->magic = KREAD(struct super_block, sb, s_magic);
	file->subvol = 0;
	if (file->magic == IOR_MAGIC_BTRFS)
		compat_btrfs_identity(inode, file);
}

static __always_inline void finding_side(struct ior_finding_side *side, const struct ior_op *op)
{
	__builtin_memcpy(side->comm, op->comm, sizeof(side->comm));
	side->kind = op->kind;
	side->mode = op->mode;
	side->lock = op->lock.i_rwsem;
	__builtin_memset(side->pad, 0, sizeof(side->pad));
}

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
}

/* Stores through a shared writable mapping are seen by nobody. */
static __always_inline __u16 mapped_flag(__u64 inode)
{
	__u64 mapping = KPTR(struct inode, inode, i_mapping);

	return KREAD(struct address_space, mapping, i_mmap_writable.counter) > 0 ? IOR_OPF_MAPPED :
										   0;
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
	bpf_ringbuf_submit(rec, 0);
	stat_count_exact(IOR_STAT_RECORDS);
}

static __noinline int pair_tell(struct ior_slot *mine, __u64 my_id, struct meeting *m,
				__u64 peer_id)
{
	struct ior_range common = ior_range_intersection(mine->op.range, m->peer.range);
	__u64 now_ns = mine->op.begin_ns;
	struct ior_finding_value *finding;
	bool is_new;

	stat_count_exact(IOR_STAT_CONFLICTS);
	file_identity(mine->inode, &m->key.file);
	m->mine = mine->op;
	op_name(&m->mine);
	finding_key(&m->key, &m->mine, &m->peer);
	finding = finding_of(&m->key, &is_new);
	if (!finding)
		return loss_count(IOR_LOSS_FINDINGS_FULL);
	finding_count(finding, common, now_ns);
	if (is_new)
		mine->tell_path = 1;
	if (!mine->file)
		mine->file = m->peer_file;
	if (ior_options.want_stacks)
		bit_set(ior_escalated, mine->inode);
	if (!record_is_due(finding, now_ns)) {
		stat_count_exact(IOR_STAT_SUPPRESSED);
		return 0;
	}
	finding->sampled_ns = now_ns;
	finding->samples++;
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
 * calls whose return is hooked.
 */
static __always_inline bool peer_is_alive(const struct ior_slot *slot)
{
	__u64 kiocb = slot->key, file;

	if (slot->op.mode != IOR_MODE_DIRECT)
		return true;
	file = KPTR(struct kiocb, kiocb, ki_filp);
	return KREAD(struct kiocb, kiocb, ki_pos) == slot->op.range.start &&
	       KPTR(struct file, file, f_inode) == slot->inode;
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
	view = view_of(ior_ops_relation(&mine->op, mine->moving, peer,
					at->word & IOR_WORD_MOVING));
	if (view == VIEW_NOTHING)
		return view;
	if (!inflight_is_first_common(at, slot,
				      ior_range_intersection(mine->op.range, peer->range)))
		return VIEW_NOTHING;
	if (peer_is_our_past(&mine->op, peer) || !peer_is_alive(slot) || !op_name(peer))
		return VIEW_NOTHING;
	return inflight_peer_is_still(way, at, slot) == SIGHT_THERE ? view : VIEW_CHANGING;
}

static __always_inline bool pair_is_stale(const struct ior_op *mine, const struct ior_op *peer)
{
	return mine->begin_ns > peer->begin_ns &&
	       mine->begin_ns - peer->begin_ns > ior_options.stale_ns;
}

/* The one that counts the conflict takes back the note of who opened first; see span.bpf.h. */
static __always_inline void pair_take_back(__u32 self, const struct ior_slot *mine,
					   const struct meeting *m)
{
	if (mine->spanned)
		span_note(self, ior_op_hold(&m->peer), -1);
}

static __always_inline int pair_conflicts(__u32 self, struct ior_slot *mine, struct meeting *m,
					  const struct inflight_peer *at, struct ior_slot *slot)
{
	if (mine->drained && m->peer.mode == IOR_MODE_DIRECT)
		return 0;
	if (pair_is_stale(&mine->op, &m->peer))
		return loss_count(IOR_LOSS_STALE);
	switch (inflight_pair_owner(self, mine->seq, at, slot, STAGE_CONFLICT)) {
	case PAIR_NOT_HERE:
		return 0;
	case PAIR_THEIRS:
		if (slot->spanned)
			span_note(at->at, ior_op_hold(&mine->op), 1);
		return 0;
	case PAIR_MINE:
		pair_take_back(self, mine, m);
		return pair_tell(mine, op_id(self, mine->seq), m, op_id(at->at, at->seq));
	case PAIR_UNKNOWN:
		break;
	}
	return loss_count(IOR_LOSS_UNATTRIBUTED);
}

/* One of the two waits: it will open second. */
static __always_inline int pair_waits(__u32 self, const struct ior_slot *mine,
				      const struct meeting *m, const struct inflight_peer *at,
				      struct ior_slot *slot)
{
	bool peer_moves = at->word & IOR_WORD_MOVING;

	if (!ior_options.has_spans)
		return 0;
	if (!mine->moving)
		span_met(self);
	if (mine->moving == peer_moves)
		return 0;
	switch (inflight_pair_owner(self, mine->seq, at, slot, STAGE_OVERLAP)) {
	case PAIR_THEIRS:
	case PAIR_NOT_HERE:
		return 0;
	case PAIR_MINE:
		span_note(peer_moves ? self : at->at,
			  ior_op_hold(peer_moves ? &m->peer : &mine->op), 1);
		return 0;
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
				      const struct inflight_peer *at, enum pair_view view)
{
	struct ior_slot *slot = slot_at(at->at);

	if (!slot || !pair_is_counted(mine, m, view))
		return 0;
	return view == VIEW_CONFLICT ? pair_conflicts(self, mine, m, at, slot) :
				       pair_waits(self, mine, m, at, slot);
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

/* ---- the slow paths, each verified once because it is global --------------------------------- */

__noinline int op_publish_slow(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	return slot && inflight_publish_slow(self, slot);
}

/* Looks, and when done tells the path of a file that had its first conflict. */
__noinline int op_look_slow(__u32 self)
{
	struct ior_slot *slot = slot_at(self);

	if (!slot)
		return 0;
	inflight_look_slow(self, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	if (slot->tell_path) {
		slot->tell_path = 0;
		slot_tell_path(slot);
	}
	return 0;
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

/* ---- an op's life ---------------------------------------------------------------------------- */

/*
 * A task stays in the call of its synchronous op until the op is over. So its name and cgroup, five
 * cache lines away, are read only when somebody asks for them.
 */
static __always_inline bool op_keeps_its_task(const struct op_desc *desc)
{
	return desc->mode != IOR_MODE_DIRECT || !(desc->flags & IOR_OPF_ASYNC);
}

/* Returns flags of the op. */
static __always_inline __u16 fill_task(struct ior_op *op, __u64 task, bool name_later)
{
	__u16 flags = IOR_OPF_UNNAMED;

	compat_task_ids(task, op);
	if (name_later && !ior_options.comm[0])
		op->cgroup_id = task;
	else
		flags = op_read_name(op, task);
	return flags | (task_is_selected(task, op) ? IOR_OPF_SELECTED : 0);
}

/*
 * On ext4 and XFS an op that holds i_rwsem exclusively itself while i_dio_count is zero has
 * drained: every direct IO counts itself before it lets go of the lock, so none is in flight,
 * whatever the table still says (hooks late by a few microseconds). Nowhere else does a zero prove
 * anything: it is still zero between the begin hook and inode_dio_begin().
 */
static __always_inline bool op_has_drained(__u64 inode, const struct ior_op *op, __u8 fs)
{
	if (op->lock.i_rwsem != IOR_LOCK_EXCLUSIVE || op->lock.self != IOR_SELF_YES)
		return false;
	if (fs != IOR_FS_EXT4 && fs != IOR_FS_XFS)
		return false;
	return KREAD(struct inode, inode, i_dio_count.counter) == 0;
}

/* Buffered reads are under i_rwsem on XFS only; faults are never. */
static __always_inline bool op_takes_no_lock(__u8 kind, __u8 mode, __u8 fs)
{
	return kind == IOR_OP_MMAP ||
	       (mode == IOR_MODE_BUFFERED && kind == IOR_OP_READ && fs != IOR_FS_XFS);
}

static __always_inline __u16 opening_flags(__u8 kind, __u8 mode, __u16 flags, __u8 fs)
{
	if (mode != IOR_MODE_DIRECT || !(flags & IOR_OPF_ASYNC))
		flags |= IOR_OPF_HOLDS;
	if (op_takes_no_lock(kind, mode, fs))
		flags |= IOR_OPF_LOCKLESS;
	return flags;
}

/* What is only known when the window opens. */
static __always_inline void fill_window(struct ior_slot *slot, __u64 inode, __u8 fs, __u64 task)
{
	slot->op.begin_ns = bpf_ktime_get_ns();
	slot->op.lock = compat_rwsem_state(KADDR(struct inode, inode, i_rwsem), task);
	slot->drained = op_has_drained(inode, &slot->op, fs);
}

/* The same for an op that was filled before. */
static __always_inline void fill_opening(struct ior_slot *slot)
{
	struct ior_op *op = &slot->op;

	op->flags = opening_flags(op->kind, op->mode, op->flags, slot->fs);
	fill_window(slot, slot->inode, slot->fs, bpf_get_current_task());
}

/* Returns the flags of the op. */
static __always_inline __u16 fill_slot(struct ior_slot *slot, const struct op_desc *desc,
				       struct ior_range range, __u64 task, bool name_later)
{
	slot->inode = desc->inode;
	slot->file = desc->file;
	slot->where = 0;
	slot->fs = desc->fs;
	slot->wide = ior_range_is_wide(range);
	slot->moving = 1;
	slot->stacks = desc->stacks;
	slot->tell_path = 0;
	slot->spanned = 0;
	slot->op.range = range;
	slot->op.kind = desc->kind;
	slot->op.mode = desc->mode;
	slot->op.pad = 0;
	return desc->flags | fill_task(&slot->op, task, name_later);
}

/*
 * Has any op ever had to wait for its first bio? Never taken back: while there was none, the hook
 * on every bio need not search for one.
 */
bool ior_any_pending;

static __always_inline bool op_any_is_pending(void)
{
	return ior_any_pending;
}

/* What an op that has just opened still has to do. */
enum open_result {
	OPEN_ALONE,	     /* nothing */
	OPEN_MUST_LOOK,	     /* somebody is near */
	OPEN_NO_ROOM,	     /* publish further along the probe sequence */
	OPEN_IN_MANY_CHUNKS, /* publish in each, or as a wide op */
	OPEN_MOVES,	     /* it waits in the table: its words flip */
	OPEN_STALE,	     /* an earlier op of this key has words that must be searched for */
};

/* One chunk, room in its line and nobody near: everything in one cache line. */
static __always_inline enum open_result publish_common(struct ior_slot *slot, __u32 self,
						       __u64 inode, struct ior_range range,
						       bool writes)
{
	__u64 chunk = ior_chunk_of(range.start);
	struct ior_line *line;
	struct ior_home home;
	__u64 word;
	__u32 at;
	int way;

	if (ior_chunk_of(range.end - 1) != chunk)
		return OPEN_IN_MANY_CHUNKS;
	home = ior_home_of(inode, chunk);
	at = home.line & line_mask(false);
	line = line_at(false, at);
	word = ior_word_in_one_chunk(range, home.tag, self, writes, true);
	way = line ? inflight_publish_fast(slot, line, at, word) : -1;
	if (way < 0)
		return OPEN_NO_ROOM;
	if ((!line_is_ours(line, way) && (line_candidates(line, word) || line_was_passed(line))) ||
	    !wide_is_empty(inode))
		return OPEN_MUST_LOOK;
	INFLIGHT_STORE(&slot->settled, 1);
	return OPEN_ALONE;
}

/* The window opens. An op that finds no room anywhere is a loss and leaves no trace. */
static __always_inline int op_open(__u32 self, enum open_result result)
{
	struct ior_slot *slot;

	if (result == OPEN_ALONE)
		return 0;
	if (result == OPEN_MOVES) {
		op_flip_slow(self);
		return op_look_slow(self);
	}
	if (result != OPEN_MUST_LOOK && !op_publish_slow(self)) {
		slot = slot_at(self);
		if (slot)
			slot->state = IOR_SLOT_DONE;
		return loss_count(IOR_LOSS_UNTRACKED);
	}
	return op_look_slow(self);
}

static __always_inline void op_close(struct ior_slot *slot, __u32 self)
{
	if (slot->state != IOR_SLOT_PUBLISHED && slot->state != IOR_SLOT_WAITING)
		return;
	if (!inflight_retire_fast(slot))
		op_retire_slow(self);
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

/* Its end will look like that of an op begun before attach: not to be counted as that, too. */
static __noinline int op_without_room(__u64 inode)
{
	if (ior_draining)
		bit_set(ior_confessed, inode);
	return loss_count(IOR_LOSS_UNTRACKED);
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

/* Reads see nothing beyond i_size: XFS and ext4 trim them (iomap_dio_complete()). */
static __always_inline struct ior_range op_range(__u8 kind, __u64 inode, __u64 pos,
						 __u64 len_bytes)
{
	struct ior_range range = ior_range_from(pos, len_bytes);

	if (kind == IOR_OP_READ) {
		__u64 size = KREAD(struct inode, inode, i_size);

		if (range.end > size)
			range.end = size;
	}
	return range;
}

static __always_inline struct ior_range desc_range(const struct op_desc *desc)
{
	return op_range(desc->kind, desc->inode, desc->pos, desc->len_bytes);
}

/* At each begin while draining. What outlives us never ends here, so it is confessed now. */
static __noinline int inode_touch(__u64 inode, bool selected, bool direct)
{
	bool busy;

	if (!direct)
		return selected && bit_set(ior_selected, inode);
	busy = KREAD(struct inode, inode, i_dio_count.counter) > 0;
	if (!bit_set(ior_seen, inode) && busy)
		bit_set(ior_older, inode);
	if (!selected)
		return 0;
	bit_set(ior_selected, inode);
	if (busy && bit_test(ior_older, inode) && !bit_set(ior_confessed, inode))
		return loss_count(IOR_LOSS_BEFORE_ATTACH);
	return 0;
}

/* Its file system if the file filters want the file, else -1. */
static __always_inline int file_fs(__u64 inode, __u64 file)
{
	__u64 sb = KPTR(struct inode, inode, i_sb);
	__u64 magic = KREAD(struct super_block, sb, s_magic);

	if (!file_is_wanted(inode, file, KREAD(struct super_block, sb, s_dev), magic) ||
	    (KREAD(struct inode, inode, i_mode) & S_IFMT) != S_IFREG)
		return -1;
	return ior_fs_of_magic(magic);
}

static __always_inline bool mode_is_covered(enum ior_mode mode, int fs)
{
	return ior_options.covered_fs[mode & (IOR_MODE_COUNT_ - 1)] & (1U << fs);
}

/* An op the plan cannot see whole: a loss if it is one of those that are reported. */
static __noinline int op_uncovered(__u8 fs)
{
	struct ior_op op = {};

	if (!(fill_task(&op, bpf_get_current_task(), true) & IOR_OPF_SELECTED))
		return 0;
	fs_count(fs);
	return loss_count(IOR_LOSS_UNCOVERED);
}

static __always_inline int op_admit(__u64 inode, __u64 file, enum ior_mode mode)
{
	int fs;

	if (!ior_armed)
		return -1;
	fs = file_fs(inode, file);
	if (fs < 0) {
		stat_count(IOR_STAT_FILTERED);
		return -1;
	}
	if (!mode_is_covered(mode, fs)) {
		op_uncovered(fs);
		return -1;
	}
	return fs;
}

static __always_inline void op_count(__u8 kind, __u16 flags, __u8 fs)
{
	if (flags & IOR_OPF_SELECTED)
		stat_count_on(IOR_STAT_READS + kind, fs);
	else
		stat_count(IOR_STAT_OTHERS);
}

/*
 * Nothing to move. While older ops drain, the begin must be remembered all the same, or its end
 * would look like that of an op begun before attach.
 */
static __noinline int op_begin_empty(__u64 key, enum ior_mode mode)
{
	if (ior_draining && mode != IOR_MODE_DIRECT && inflight_find(key) < 0)
		inflight_claim(key);
	return 0;
}

static __always_inline bool op_opens_at_submit(const struct op_desc *desc)
{
	return ((ior_options.opens_at_submit & (1U << desc->fs)) &&
		desc->mode == IOR_MODE_DIRECT) ||
	       (desc->tentative && ior_options.sees_submit);
}

static __always_inline __u16 op_fill(struct ior_slot *slot, const struct op_desc *desc,
				     struct ior_range range)
{
	__u64 task = bpf_get_current_task();
	__u16 flags;

	inflight_fill_begin(slot);
	flags = fill_slot(slot, desc, range, task, op_keeps_its_task(desc));
	slot->op.flags = opening_flags(desc->kind, desc->mode, flags, desc->fs);
	fill_window(slot, desc->inode, desc->fs, task);
	inflight_fill_end(slot);
	return flags;
}

/* An op that has its slot: everything up to the publish of the common case. */
static __always_inline enum open_result op_enter_slot(struct ior_slot *slot, __u32 self,
						      const struct op_desc *desc,
						      struct ior_range range)
{
	__u16 flags = op_fill(slot, desc, range);

	op_count(desc->kind, flags, desc->fs);
	if (ior_draining)
		inode_touch(desc->inode, flags & IOR_OPF_SELECTED, desc->mode == IOR_MODE_DIRECT);
	if (op_opens_at_submit(desc)) {
		slot->state = IOR_SLOT_PENDING;
		if (!ior_any_pending)
			ior_any_pending = true;
		return OPEN_ALONE;
	}
	return publish_common(slot, self, desc->inode, range, desc->kind != IOR_OP_READ);
}

/*
 * The whole begin of the common case, once for all hooks that are not worth an inlined copy, in a
 * frame that is gone when the slow paths need the stack. *ret_self is the slot when the result is
 * not OPEN_ALONE.
 */
__noinline enum open_result op_enter(struct op_desc *desc, __u32 *ret_self)
{
	struct ior_range range;
	struct ior_slot *slot;
	int fs, self;

	if (!desc || !ret_self)
		return OPEN_ALONE;
	fs = op_admit(desc->inode, desc->file, desc->mode);
	if (fs < 0)
		return OPEN_ALONE;
	desc->fs = fs;
	range = desc_range(desc);
	if (ior_range_is_empty(range)) {
		op_begin_empty(desc->key, desc->mode);
		return OPEN_ALONE;
	}
	self = slot_take(desc, &slot);
	*ret_self = self & (SLOT_IS_STALE - 1);
	if (!slot) {
		op_without_room(desc->inode);
		return OPEN_ALONE;
	}
	return self & SLOT_IS_STALE ? OPEN_STALE : op_enter_slot(slot, self, desc, range);
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

/* True when the op in *ret_self is filled and is to be published as waiting. */
__noinline int span_fill(struct op_desc *desc, __u32 *ret_self)
{
	__u64 task = bpf_get_current_task();
	struct ior_range range;
	struct ior_slot *slot;
	int fs, self;

	if (!desc || !ret_self)
		return false;
	fs = file_fs(desc->inode, desc->file);
	if (fs < 0 || !(ior_options.modes & (1U << (desc->mode & 31))) ||
	    !mode_is_covered(desc->mode, fs))
		return false;
	desc->fs = fs;
	range = desc_range(desc);
	if (ior_range_is_empty(range))
		return false;
	self = slot_take(desc, &slot);
	if (!slot || (self & SLOT_IS_STALE))
		return false;
	*ret_self = self;
	inflight_fill_begin(slot);
	slot->op.flags = fill_slot(slot, desc, range, task, false);
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
	struct ior_slot *slot;
	__u32 self = 0;

	if (!ior_armed || !span_fill(desc, &self))
		return 0;
	if (op_publish_slow(self))
		return op_look_slow(self);
	slot = slot_at(self);
	if (slot)
		inflight_release(self, slot);
	return 0;
}

enum span_open {
	SPAN_NONE,     /* no op of this key waits in the table */
	SPAN_OTHER,    /* one does, but for another range than now turns out */
	SPAN_PENDING,  /* its first bio will open the window */
	SPAN_MOVES,
};

/* What of an op goes by value, so that the op_desc of the hot path need not stand in memory. */
#define TRAIT_MODE_SHIFT 8
#define TRAIT_TENTATIVE (1ULL << 16)
#define TRAIT_FLAGS_SHIFT 32

static __always_inline __u64 op_traits(const struct op_desc *desc)
{
	return desc->kind | (__u64)desc->mode << TRAIT_MODE_SHIFT |
	       (desc->tentative ? TRAIT_TENTATIVE : 0) | (__u64)desc->flags << TRAIT_FLAGS_SHIFT;
}

static __always_inline bool span_is_as_announced(const struct ior_slot *slot, __u64 pos,
						 __u64 len_bytes, __u64 traits)
{
	struct ior_range range = op_range(traits & 0xff, slot->inode, pos, len_bytes);

	return range.start == slot->op.range.start && range.end == slot->op.range.end &&
	       slot->op.kind == (traits & 0xff) &&
	       mode_is_covered((traits >> TRAIT_MODE_SHIFT) & 0xff, slot->fs);
}

/* Only `mine` changes here; its sequence stays, so that its notes stay its own. */
__noinline enum span_open span_open(__u64 key, __u64 pos, __u64 len_bytes, __u64 traits,
				    __u32 *ret_self)
{
	struct ior_slot *slot;
	int self;

	self = inflight_find(key);
	slot = self < 0 ? 0 : slot_at(self);
	if (!slot || !ret_self || slot->state != IOR_SLOT_WAITING)
		return SPAN_NONE;
	*ret_self = self;
	if (!span_is_as_announced(slot, pos, len_bytes, traits))
		return SPAN_OTHER;
	slot->op.mode = traits >> TRAIT_MODE_SHIFT;
	slot->op.flags |= traits >> TRAIT_FLAGS_SHIFT;
	fill_opening(slot);
	op_count(slot->op.kind, slot->op.flags, slot->fs);
	if (ior_draining)
		inode_touch(slot->inode, slot->op.flags & IOR_OPF_SELECTED,
			    slot->op.mode == IOR_MODE_DIRECT);
	slot->tentative = (traits & TRAIT_TENTATIVE) && ior_options.sees_submit;
	if (!slot->tentative)
		return SPAN_MOVES;
	ior_any_pending = true;
	return SPAN_PENDING;
}

/* True: the op waited in the table and is taken care of. */
static __always_inline bool op_begin_spanned(const struct op_desc *desc)
{
	struct ior_slot *slot;
	__u32 self = 0;
	enum span_open open =
		span_open(desc->key, desc->pos, desc->len_bytes, op_traits(desc), &self);

	if (open == SPAN_NONE)
		return false;
	if (open == SPAN_OTHER)
		op_retire_slow(self);
	slot = slot_at(self);
	if (!slot)
		return false;
	if (open == SPAN_OTHER) {
		slot->spanned = 0;
		return false;
	}
	slot->stacks = desc->stacks;
	if (open == SPAN_MOVES) {
		op_flip_slow(self);
		op_look_slow(self);
	}
	return true;
}

static __always_inline int op_begin(void *ctx, struct op_desc *desc)
{
	enum open_result result;
	__u32 self = 0;

	if (!ior_armed)
		return 0;
	take_stacks(ctx, desc);
	if (ior_options.has_spans && op_begin_spanned(desc))
		return 0;
	result = op_enter(desc, &self);
	if (result == OPEN_STALE) {
		op_retire_slow(self);
		result = op_enter(desc, &self);
	}
	return op_open(self, result);
}

static __always_inline int op_begin_direct(void *ctx, struct op_desc *desc)
{
	struct ior_range range;
	struct ior_slot *slot;
	int self;

	if (ior_options.has_spans) {
		take_stacks(ctx, desc);
		if (op_begin_spanned(desc))
			return 0;
	}
	range = desc_range(desc);
	if (ior_range_is_empty(range))
		return 0;
	take_stacks(ctx, desc);
	self = slot_take(desc, &slot);
	if (!slot)
		return op_without_room(desc->inode);
	if (self & SLOT_IS_STALE) {
		self &= SLOT_IS_STALE - 1;
		op_retire_slow(self);
	}
	return op_open(self, op_enter_slot(slot, self, desc, range));
}

/* The same for an op whose window opens at its first bio. */
__noinline enum open_result op_enter_pending(__u64 kiocb, __u32 *ret_self)
{
	int self = inflight_find(kiocb);
	struct ior_slot *slot = self < 0 ? 0 : slot_at(self);

	if (!slot || !ret_self)
		return OPEN_ALONE;
	*ret_self = self;
	if (slot->state == IOR_SLOT_WAITING && slot->tentative) {
		fill_opening(slot);
		return OPEN_MOVES;
	}
	if (slot->state != IOR_SLOT_PENDING)
		return OPEN_ALONE;
	inflight_fill_begin(slot);
	fill_opening(slot);
	inflight_fill_end(slot);
	return publish_common(slot, self, slot->inode, slot->op.range, ior_op_writes(&slot->op));
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
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(kiocb, &self);

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
	if (slot->spanned && slot->moving)
		span_settle(self);
	inflight_release_key(self, slot, key);
	return 0;
}

/*
 * One that failed before its first bio has a span that goes on: it may begin again, under another
 * lock and after other waits. (-EAGAIN of ->iomap_begin() comes with a completion.)
 */
static __always_inline int op_over_unless_waiting(struct ior_slot *slot, __u32 self, __u64 key)
{
	return slot->state == IOR_SLOT_WAITING ? 0 : op_over(slot, self, key);
}

static __always_inline int op_ended_unbegun(__u64 inode)
{
	if (!bit_test(ior_selected, inode) || bit_test(ior_confessed, inode))
		return 0;
	return loss_count(IOR_LOSS_BEFORE_ATTACH);
}

/*
 * A read that may not wait opens with its first bio, and holes have none: its window is now. Not on
 * btrfs, whose extent lock is gone by now.
 */
__noinline int op_reads_holes(__u64 kiocb)
{
	int self = inflight_find(kiocb);
	struct ior_slot *slot = self < 0 ? 0 : slot_at(self);

	if (!slot || slot->op.kind != IOR_OP_READ ||
	    (ior_options.opens_at_submit & (1U << (slot->fs & 31))))
		return false;
	return slot->state == IOR_SLOT_PENDING ||
	       (slot->state == IOR_SLOT_WAITING && slot->tentative);
}

static __always_inline int op_complete(__u64 kiocb, bool moved)
{
	struct ior_slot *slot;
	__u32 self;
	__u64 file;

	if (moved && op_any_is_pending() && op_reads_holes(kiocb))
		op_submit(kiocb);
	slot = inflight_slot_of(kiocb, &self);
	if (slot)
		return op_over_unless_waiting(slot, self, kiocb);
	if (!ior_draining || !ior_armed)
		return 0;
	file = KPTR(struct kiocb, kiocb, ki_filp);
	return op_ended_unbegun(KPTR(struct file, file, f_inode));
}

static __always_inline int op_end(__u64 key, __u64 inode)
{
	__u32 self;
	struct ior_slot *slot = inflight_slot_of(key, &self);

	if (slot)
		return op_over(slot, self, key);
	if (!ior_draining || !ior_armed || !inode)
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

/* ---- an op that gives up without naming its kiocb -------------------------------------------- */

struct abandon_search {
	__u64 inode;
	__u64 pos;
	__u32 tid;
	__s32 found;
};

static int abandon_step(__u32 i, struct abandon_search *s)
{
	struct ior_slot *slot = slot_at(i);

	if (!slot)
		return 1;
	if (slot->key && slot->inode == s->inode && slot->op.range.start == s->pos &&
	    slot->op.tid == s->tid && slot->state == IOR_SLOT_PUBLISHED) {
		s->found = i;
		return 1;
	}
	return 0;
}

/* Rare enough to search every slot: the kernel logs a warning about it. */
static __always_inline int op_abandon(__u64 inode, __u64 pos)
{
	struct abandon_search s = {
		.inode = inode,
		.pos = pos,
		.tid = (__u32)bpf_get_current_pid_tgid(),
		.found = -1,
	};
	struct ior_slot *slot;
	__u64 key;

	bpf_loop((__u64)slot_mask() + 1, abandon_step, &s, 0);
	slot = s.found < 0 ? 0 : slot_at(s.found);
	key = slot ? slot->key : 0;
	return key ? op_over(slot, s.found, key) : 0;
}
