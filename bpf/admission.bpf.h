/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel says that direct IO and the page cache are on the same bytes: it could not drop the
 * pages before a direct write (iomap_dio_invalidate_fail), or not after it ("Page cache
 * invalidation failure on direct I/O"). It names neither the one nor the other party.
 *
 * Both are looked for in the slots, those of ops that are over included: a slot keeps what it had
 * until it is taken again.
 */
#ifndef IORACE_ADMISSION_BPF_H
#define IORACE_ADMISSION_BPF_H

#include "pair.bpf.h"

struct parties {
	__u64 inode;
	struct ior_range range;
	__u64 direct_ns, other_ns;
	__u32 tid;
	__s32 direct, other; /* slots, or -1 */
	__u8 begins;	     /* a direct write of this task is under way there */
	__u8 is_over;	     /* look for a direct write whose data has moved */
	__u8 pad[2];
};

#define PAGE_OF(byte) ((byte) >> 12)

static __always_inline bool same_pages(struct ior_range a, struct ior_range b)
{
	return PAGE_OF(a.start) == PAGE_OF(b.start) && PAGE_OF(a.end - 1) == PAGE_OF(b.end - 1);
}

static __always_inline void party_direct(struct parties *p, __u32 at, const struct ior_slot *slot)
{
	bool is_over = slot->state == IOR_SLOT_IDLE || slot->state == IOR_SLOT_DONE;
	bool ours = slot->op.tid == p->tid;

	if (!same_pages(slot->op.range, p->range))
		return;
	if (ours && !is_over)
		p->begins = 1;
	if (is_over != p->is_over || (!is_over && !ours) || slot->op.begin_ns < p->direct_ns)
		return;
	p->direct = at;
	p->direct_ns = slot->op.begin_ns;
}

static int party_step(__u32 at, struct parties *p)
{
	struct ior_slot *slot = slot_at(at);

	if (!slot)
		return 1;
	if (slot->inode != p->inode || !ior_op_writes(&slot->op) ||
	    !ior_range_overlaps(slot->op.range, p->range))
		return 0;
	if (slot->op.mode == IOR_MODE_DIRECT) {
		party_direct(p, at, slot);
	} else if (slot->op.mode == IOR_MODE_BUFFERED && slot->op.begin_ns >= p->other_ns) {
		p->other = at;
		p->other_ns = slot->op.begin_ns;
	}
	return 0;
}

/* Rare enough to search every slot: the kernel logs a warning about it. */
static __always_inline void parties_find(struct parties *p)
{
	p->tid = (__u32)bpf_get_current_pid_tgid();
	p->direct = -1;
	p->other = -1;
	bpf_loop((__u64)slot_mask() + 1, party_step, p, 0);
}

/* A copy of the op in a slot that may change hands; tid 0 when it did. */
static __always_inline void party_copy(struct ior_op *to, struct ior_slot *slot)
{
	__u32 seq = INFLIGHT_LOAD(&slot->seq);

	*to = slot->op;
	if (!op_name(to)) {
		__builtin_memset(to->comm, 0, sizeof(to->comm));
		to->cgroup_id = 0;
		to->flags &= ~IOR_OPF_BY_TASK;
	}
	op_place(to);
	if ((seq & 1) || INFLIGHT_LOAD(&slot->seq) != seq)
		to->tid = 0;
}

static __always_inline void admission_path(const struct ior_file *id, const struct ior_slot *direct)
{
	if (direct->file && !bit_set(ior_told, direct->inode))
		emit_path(id, direct->file);
}

static __always_inline int admission_fill(struct ior_rec_admission *rec, const struct ior_file *id,
					  struct ior_slot *direct, struct ior_slot *other,
					  enum ior_admission what)
{
	rec->header.type = IOR_REC_ADMISSION;
	rec->header.size = sizeof(*rec);
	rec->time_ns = bpf_ktime_get_ns();
	rec->file = *id;
	rec->what = what;
	rec->mapped = mapped_flag(direct->inode) != 0;
	party_copy(&rec->direct, direct);
	__builtin_memset(&rec->other, 0, sizeof(rec->other));
	if (other)
		party_copy(&rec->other, other);
	return (rec->direct.flags | rec->other.flags) & IOR_OPF_SELECTED;
}

/* One of a kind now and then: a storm of them must not cost a search and a record each. */
#define ADMISSION_PAUSE_NS 50000000ULL

__u64 ior_admitted_ns[IOR_ADMISSION_COUNT_];

static __always_inline bool admission_is_due(enum ior_admission what)
{
	__u64 now_ns = bpf_ktime_get_ns();

	if (now_ns - ior_admitted_ns[what] < ADMISSION_PAUSE_NS)
		return false;
	ior_admitted_ns[what] = now_ns;
	return true;
}

static __noinline int admission_tell(__s32 direct_at, __s32 other_at, enum ior_admission what)
{
	struct ior_slot *direct = direct_at < 0 ? 0 : slot_at(direct_at);
	struct ior_slot *other = other_at < 0 ? 0 : slot_at(other_at);
	struct ior_rec_admission *rec;
	struct ior_file id;

	if (!direct)
		return 0;
	file_identity(direct->inode, &id);
	admission_path(&id, direct);
	rec = bpf_ringbuf_reserve(&ior_ring, sizeof(*rec), 0);
	if (!rec)
		return loss_count(IOR_LOSS_RING_FULL);
	if (admission_fill(rec, &id, direct, other, what)) {
		stat_count_exact(IOR_STAT_ADMISSIONS + what);
		bpf_ringbuf_submit(rec, 0);
	} else {
		bpf_ringbuf_discard(rec, 0);
	}
	return 0;
}

#endif
