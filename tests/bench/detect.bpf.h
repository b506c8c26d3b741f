/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rival that detects: the pairs that `watch` finds, by the maps that BPF brings along. Ops in
 * flight stand in one hash by kiocb; a second one says who is in each 64 KiB of a file, so that who
 * begins looks at those few only. What is read of an op, when the clock is asked and how ops are
 * counted is as in the shipped programs, by the same accessors: what differs is the table.
 *
 * Where they do more it is let off:
 *
 *   - a pair is one more in a counter, and nobody is told whose;
 *   - an op that may yet give up is in flight from its begin, and nobody asks of one whether it has
 *     waited for all others: such a pair may be none;
 *   - two that begin at the very same time may both count their pair;
 *   - more ops in a chunk than it has ways, or an op over more than 17 chunks, go untracked. So may
 *     one beside an op whose end the kernel did not tell: an interrupt in the middle of the very
 *     program. That op keeps its way until its kiocb begins again;
 *   - chunks stay in the map for good, and one day it is full.
 */
#ifndef IORACE_BENCH_DETECT_BPF_H
#define IORACE_BENCH_DETECT_BPF_H

#include "compat.bpf.h"
#include "count.bpf.h"
#include "moment.bpf.h"

#include <iorace/slot.h>
#include <iorace/verdict.h>

struct detect_op {
	struct ior_op op;
	__u64 inode;
	__u64 file;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64); /* kiocb */
	__type(value, struct detect_op);
} detect_ops SEC(".maps");

struct detect_place {
	__u64 inode;
	__u64 chunk;
};

/*
 * As many as a chunk has blocks of 4 KiB, and sequential IO fills them all: with 8, every other op
 * of `depth512` found no room.
 */
#define DETECT_WAYS 16

/*
 * A way is taken with its kiocb. The span beside it comes a moment later and goes a moment before:
 * it saves the look-up of an op that is on other bytes, and 0 means that nobody knows yet.
 */
struct detect_chunk {
	__u64 kiocbs[DETECT_WAYS];
	__u64 spans[DETECT_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct detect_place);
	__type(value, struct detect_chunk);
} detect_chunks SEC(".maps");

static const struct detect_chunk detect_empty;

/* No room: what it meets is not seen. */
__u64 rival_untracked;

static __always_inline int detect_lost(void)
{
	__sync_fetch_and_add(&rival_untracked, 1);
	return 0;
}

#define DETECT_LOAD(p) (*(const volatile typeof(*(p)) *)(p))
#define DETECT_STORE(p, v) (*(volatile typeof(*(p)) *)(p) = (v))

/* ---- spans: what of a chunk an op is on ------------------------------------------------------ */

#define SPAN_LAST_SHIFT 16
#define SPAN_BYTES_MASK 0xffffULL
#define SPAN_WRITES (1ULL << 32)
#define SPAN_KNOWN (1ULL << 33)

static __always_inline __u64 span_of(const struct ior_op *op, __u64 chunk)
{
	__u64 base = chunk << IOR_CHUNK_SHIFT;
	__u64 first = op->range.start > base ? op->range.start - base : 0;
	__u64 last = op->range.end - base - 1;

	if (last > SPAN_BYTES_MASK)
		last = SPAN_BYTES_MASK;
	return first | last << SPAN_LAST_SHIFT | (ior_op_writes(op) ? SPAN_WRITES : 0) | SPAN_KNOWN;
}

static __always_inline bool spans_may_meet(__u64 mine, __u64 theirs)
{
	if (!theirs)
		return true;
	return ((mine | theirs) & SPAN_WRITES) &&
	       (mine & SPAN_BYTES_MASK) <= (theirs >> SPAN_LAST_SHIFT & SPAN_BYTES_MASK) &&
	       (theirs & SPAN_BYTES_MASK) <= (mine >> SPAN_LAST_SHIFT & SPAN_BYTES_MASK);
}

/* The way of its first block. No two blocks of a chunk ask for the same one. */
static __always_inline __u32 way_of(__u64 span)
{
	return (span & SPAN_BYTES_MASK) >> 12;
}

/* ---- what is known of an op: bpf/dio.bpf.h and bpf/fill.bpf.h -------------------------------- */

static __always_inline void detect_fill_task(struct ior_op *op, struct task_struct *task)
{
	compat_task_ids(task, op);
	if (op->flags & IOR_OPF_ASYNC) {
		op->cgroup_id = compat_task_cgroup_id(task);
		compat_task_comm((__u64)task, op);
		return;
	}
	op->flags |= IOR_OPF_BY_TASK;
	op->cgroup_id = (__u64)task;
}

static __always_inline struct ior_range detect_range(struct kiocb *kiocb, struct iov_iter *iter,
						     struct inode *inode, __u8 kind)
{
	struct ior_range range = ior_range_from(KFIELD(kiocb, ki_pos), compat_iter_len(iter));

	if (kind == IOR_OP_READ) {
		__u64 size = KFIELD(inode, i_size);

		if (range.end > size)
			range.end = size;
	}
	return range;
}

static __always_inline void detect_fill(struct detect_op *d, struct ior_cpu *cpu,
					struct kiocb *kiocb, struct iov_iter *iter)
{
	struct task_struct *task = compat_current();
	struct inode *inode = compat_kiocb_inode(kiocb);

	d->file = as_number(KFIELD(kiocb, ki_filp));
	d->inode = as_number(inode);
	d->op.kind = compat_iter_is_write(iter) ? IOR_OP_WRITE : IOR_OP_READ;
	d->op.mode = IOR_MODE_DIRECT;
	d->op.flags = compat_kiocb_is_async(kiocb) ? IOR_OPF_ASYNC : IOR_OPF_HOLDS;
	d->op.range = detect_range(kiocb, iter, inode, d->op.kind);
	detect_fill_task(&d->op, task);
	d->op.begin_ns = moment_ns(&cpu->moment, task, &d->op.flags);
	d->op.lock = compat_rwsem_state(&inode->i_rwsem, (__u64)task);
}

/* ---- one chunk ------------------------------------------------------------------------------- */

static __noinline struct detect_chunk *detect_chunk_new(const struct detect_place *place)
{
	bpf_map_update_elem(&detect_chunks, place, &detect_empty, BPF_NOEXIST);
	return bpf_map_lookup_elem(&detect_chunks, place);
}

/* Any way that is free, -1: none. */
static __noinline int detect_claim_any(struct detect_chunk *c, __u64 kiocb)
{
	for (int way = 0; way < DETECT_WAYS; way++) {
		if (!DETECT_LOAD(&c->kiocbs[way]) &&
		    !__sync_val_compare_and_swap(&c->kiocbs[way], 0, kiocb))
			return way;
	}
	return -1;
}

/* Fully ordered: of two that begin together at least one sees the other. False: no room. */
static __always_inline bool detect_publish(struct detect_chunk *c, __u64 kiocb, __u64 span)
{
	int way = way_of(span);

	if (__sync_val_compare_and_swap(&c->kiocbs[way], 0, kiocb))
		way = detect_claim_any(c, kiocb);
	if (way < 0)
		return false;
	DETECT_STORE(&c->spans[way & (DETECT_WAYS - 1)], span);
	return true;
}

/* As peer_is_alive() of bpf/pair.bpf.h: the position moves when the op completes, not before. */
static __always_inline bool detect_is_alive(const struct detect_op *d, __u64 kiocb)
{
	__u64 file = KPTR(struct kiocb, kiocb, ki_filp);

	return KREAD(struct kiocb, kiocb, ki_pos) == d->op.range.start &&
	       KPTR(struct file, file, f_inode) == d->inode;
}

/*
 * Who stood in this way may be over by now, and its entry another's. Its way is cleared before the
 * entry goes, so if the way is still the same, what was read was its own.
 */
static __noinline int detect_meet(const struct detect_op *d, __u64 chunk, __u64 other,
				  const __u64 *way)
{
	const struct detect_op *peer = bpf_map_lookup_elem(&detect_ops, &other);
	struct ior_range common;

	if (!peer || peer->inode != d->inode || !ior_ops_overlap(&d->op, &peer->op))
		return 0;
	common = ior_range_intersection(d->op.range, peer->op.range);
	if (ior_chunk_of(common.start) != chunk) /* the pair is counted in its first */
		return 0;
	if (detect_is_alive(peer, other) && DETECT_LOAD(way) == other)
		stat_count_exact(IOR_STAT_CONFLICTS);
	return 0;
}

static __always_inline void detect_look(const struct detect_op *d, struct detect_chunk *c,
					__u64 kiocb, __u64 chunk, __u64 span)
{
	for (int way = 0; way < DETECT_WAYS; way++) {
		__u64 other = DETECT_LOAD(&c->kiocbs[way]);

		if (other && other != kiocb && spans_may_meet(span, DETECT_LOAD(&c->spans[way])))
			detect_meet(d, chunk, other, &c->kiocbs[way]);
	}
}

/* Publish before looking: bpf/inflight.bpf.h says why no pair is missed then. */
static __always_inline int detect_enter_chunk(const struct detect_op *d, __u64 kiocb, __u64 chunk)
{
	struct detect_place place = {d->inode, chunk};
	struct detect_chunk *c = bpf_map_lookup_elem(&detect_chunks, &place);
	__u64 span = span_of(&d->op, chunk);

	if (!c)
		c = detect_chunk_new(&place);
	if (!c || !detect_publish(c, kiocb, span))
		return detect_lost();
	detect_look(d, c, kiocb, chunk, span);
	return 0;
}

static __always_inline void detect_clear(struct detect_chunk *c, __u32 way)
{
	DETECT_STORE(&c->spans[way], 0);
	DETECT_STORE(&c->kiocbs[way], 0);
}

static __noinline int detect_clear_any(struct detect_chunk *c, __u64 kiocb)
{
	for (int way = 0; way < DETECT_WAYS; way++) {
		if (DETECT_LOAD(&c->kiocbs[way]) == kiocb)
			detect_clear(c, way);
	}
	return 0;
}

static __always_inline int detect_leave_chunk(const struct detect_op *d, __u64 kiocb, __u64 chunk)
{
	struct detect_place place = {d->inode, chunk};
	struct detect_chunk *c = bpf_map_lookup_elem(&detect_chunks, &place);
	__u32 way = way_of(span_of(&d->op, chunk));

	if (!c)
		return 0;
	if (DETECT_LOAD(&c->kiocbs[way]) != kiocb)
		return detect_clear_any(c, kiocb);
	detect_clear(c, way);
	return 0;
}

/* ---- several chunks -------------------------------------------------------------------------- */

struct detect_walk {
	const struct detect_op *d;
	__u64 kiocb;
};

static int detect_enter_step(__u32 i, struct detect_walk *walk)
{
	return detect_enter_chunk(walk->d, walk->kiocb, ior_chunk_of(walk->d->op.range.start) + i);
}

static int detect_leave_step(__u32 i, struct detect_walk *walk)
{
	return detect_leave_chunk(walk->d, walk->kiocb, ior_chunk_of(walk->d->op.range.start) + i);
}

static __noinline int detect_enter_many(const struct detect_op *d, __u64 kiocb)
{
	struct detect_walk walk = {d, kiocb};

	if (ior_range_is_wide(d->op.range))
		return detect_lost();
	return bpf_loop(ior_range_chunks(d->op.range), detect_enter_step, &walk, 0);
}

static __noinline int detect_leave_many(const struct detect_op *d, __u64 kiocb)
{
	struct detect_walk walk = {d, kiocb};

	if (ior_range_is_wide(d->op.range))
		return 0;
	return bpf_loop(ior_range_chunks(d->op.range), detect_leave_step, &walk, 0);
}

/* ---- an op's life ---------------------------------------------------------------------------- */

static __always_inline bool detect_is_in_one_chunk(const struct detect_op *d)
{
	return ior_chunk_of(d->op.range.end - 1) == ior_chunk_of(d->op.range.start);
}

static __always_inline int detect_enter(const struct detect_op *d, __u64 kiocb)
{
	if (detect_is_in_one_chunk(d))
		return detect_enter_chunk(d, kiocb, ior_chunk_of(d->op.range.start));
	return detect_enter_many(d, kiocb);
}

static __always_inline int detect_leave(const struct detect_op *d, __u64 kiocb)
{
	if (detect_is_in_one_chunk(d))
		return detect_leave_chunk(d, kiocb, ior_chunk_of(d->op.range.start));
	return detect_leave_many(d, kiocb);
}

/* An op that begins again without having ended: it ended unseen. False: no room. */
static __noinline bool detect_replace(__u64 kiocb, const struct detect_op *d)
{
	const struct detect_op *old = bpf_map_lookup_elem(&detect_ops, &kiocb);

	if (!old)
		return false;
	detect_leave(old, kiocb);
	return !bpf_map_update_elem(&detect_ops, &kiocb, d, BPF_ANY);
}

static __always_inline int detect_op_begins(struct kiocb *kiocb, struct iov_iter *iter)
{
	__u64 magic = compat_magic(compat_kiocb_inode(kiocb));
	struct ior_cpu *cpu = cpu_of_run();
	__u64 key = as_number(kiocb);
	struct detect_op d = {};

	if (!cpu)
		return 0;
	detect_fill(&d, cpu, kiocb, iter);
	if (ior_range_is_empty(d.op.range)) /* its end is not seen */
		return 0;
	cpu_count_op(cpu, ior_fs_of_magic(magic), d.op.kind);
	if (bpf_map_update_elem(&detect_ops, &key, &d, BPF_NOEXIST) && !detect_replace(key, &d))
		return detect_lost();
	return detect_enter(&d, key);
}

/* False: nobody knows of it. */
static __always_inline bool detect_op_ends(__u64 kiocb)
{
	const struct detect_op *d = bpf_map_lookup_elem(&detect_ops, &kiocb);

	if (!d)
		return false;
	detect_leave(d, kiocb);
	bpf_map_delete_elem(&detect_ops, &kiocb);
	return true;
}

#endif
