/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The range lock under test: who holds it, and what the ops have of it. Locks are entries by their
 * address, since they may be released by any task; a task finds the last one that it acquired by
 * its thread id.
 */
#ifndef IORACE_RANGE_LOCK_BPF_H
#define IORACE_RANGE_LOCK_BPF_H

#include "lock_claims.bpf.h"
#include "span.bpf.h"

/* ---- locks that are held --------------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* a power of two, set before load where there is a range lock */
	__type(key, __u32);
	__type(value, struct ior_range_lock_entry);
} ior_range_lock_entries SEC(".maps");

static __always_inline struct ior_range_lock_entry *lock_entry_at(__u32 i)
{
	return bpf_map_lookup_elem(&ior_range_lock_entries, &i);
}

#define LOCK_PROBES 32

struct lock_search {
	__u64 key; /* wanted: this one */
	__u32 home;
	__s32 found;
};

static __always_inline __u32 lock_at(const struct lock_search *s, __u32 i)
{
	return (s->home + i) & ior_options.line_mask;
}

static int lock_find_step(__u32 i, struct lock_search *s)
{
	struct ior_range_lock_entry *entry = lock_entry_at(lock_at(s, i));

	if (!entry)
		return 1;
	if (INFLIGHT_LOAD(&entry->key) == s->key)
		s->found = lock_at(s, i);
	return s->found >= 0;
}

static int lock_claim_step(__u32 i, struct lock_search *s)
{
	struct ior_range_lock_entry *entry = lock_entry_at(lock_at(s, i));

	if (!entry)
		return 1;
	if (!INFLIGHT_LOAD(&entry->key) && !INFLIGHT_CMPXCHG(&entry->key, 0ULL, s->key))
		s->found = lock_at(s, i);
	return s->found >= 0;
}

static __always_inline __u32 lock_home(__u64 key)
{
	return (ior_mix(key) >> 32) & ior_options.line_mask;
}

static __noinline int lock_find(__u64 key)
{
	struct lock_search s = {key, lock_home(key), -1};

	bpf_loop(LOCK_PROBES, lock_find_step, &s, 0);
	return s.found;
}

static __noinline int lock_claim(__u64 key)
{
	struct lock_search s = {key, lock_home(key), -1};

	bpf_loop(LOCK_PROBES, lock_claim_step, &s, 0);
	return s.found;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

struct range_lock_args {
	__u64 values[IOR_RANGE_LOCK_ARGS_MAX];
};

/* A call that has not returned. A return probe sees no arguments. */
struct range_lock_call {
	struct range_lock_args args;
	__u64 entered_ns;
	__u64 switches;	 /* how often its task had gone to sleep */
	__u64 waited_ns; /* what its op had waited for all locks */
	__u32 function;	 /* index + 1; 0: none */
	__u32 pad;
};

/* One that acquires may try first, and both may be named. */
#define LOCK_CALLS 2

struct range_lock_task {
	struct range_lock_call calls[LOCK_CALLS];
	__u64 iter;	 /* what its copy is taken from, if its window is one call */
	__u64 len_bytes; /* of it, when it began */
	__u32 tid;
	__u32 entry; /* + 1: the lock that it acquired last */
};

/* Two threads that share an entry lose sight of a lock: then nothing is claimed of it. */
#define LOCK_TASKS 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* LOCK_TASKS where there is a range lock */
	__type(key, __u32);
	__type(value, struct range_lock_task);
} ior_range_lock_tasks SEC(".maps");

/* That of the current thread; it forgets who had the entry before. */
static __always_inline struct range_lock_task *lock_task(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid(), at = tid & (LOCK_TASKS - 1);
	struct range_lock_task *task = bpf_map_lookup_elem(&ior_range_lock_tasks, &at);

	if (task && task->tid != tid) {
		for (int i = 0; i < LOCK_CALLS; i++)
			task->calls[i].function = 0;
		task->iter = 0;
		task->entry = 0;
		task->tid = tid;
	}
	return task;
}

/* ---- what an op has of it -------------------------------------------------------------------- */

/* The lock that the current task may have acquired for the op in `self`, or NULL. */
static __always_inline struct ior_range_lock_entry *lock_for(__u32 self,
							     const struct ior_slot *slot)
{
	struct range_lock_task *task = lock_task();
	struct ior_range_lock_entry *entry;

	entry = task && task->entry ? lock_entry_at(task->entry - 1) : 0;
	if (!entry || !INFLIGHT_LOAD(&entry->key) || entry->tid != task->tid)
		return 0;
	if (entry->owner && (entry->owner != self + 1 || entry->owner_seq != slot->seq))
		return 0; /* an async op has it, and may outlive many more of this task */
	return entry;
}

/* Its window opens, and it is to be known to those that look from now on. Global: once for all. */
__noinline int range_lock_attach(__u32 self)
{
	struct ior_slot *slot = slot_at(self);
	struct ior_range_lock_span *span = lock_span_at(self);
	struct ior_range_lock_entry *entry;

	if (!slot || !span)
		return 0;
	entry = lock_for(self, slot);
	if (!slot->spanned)
		lock_span_reset(span, 0);
	INFLIGHT_STORE(&span->held.flags, 0U);
	if (!entry)
		return 0;
	entry->owner = self + 1;
	entry->owner_seq = slot->seq;
	entry->selected = slot->op.flags & IOR_OPF_SELECTED;
	span->held.range = entry->held.range;
	span->held.tree = entry->held.tree;
	span->held.waited_ns = entry->held.waited_ns;
	inflight_barrier();
	INFLIGHT_STORE(&span->held.flags, entry->held.flags);
	return 0;
}

/* Where the lock is taken within the copy: what the copy is taken from, and how much. */
static __always_inline void range_lock_iter(__u64 iter)
{
	struct range_lock_task *task = ior_options.locks_inside ? lock_task() : 0;

	if (!task)
		return;
	task->iter = iter;
	task->len_bytes = compat_iter_len(KOBJECT(struct iov_iter, iter));
}

/* ---- windows that open when the lock is held ------------------------------------------------- */

/*
 * True: a copy has begun whose lock is yet to be taken, and its window waits for that. One whose
 * lock is held, or that does not wait in the table, opens as ever.
 */
__noinline int range_lock_postpones(const struct op_desc *desc)
{
	struct ior_range_lock_span *span;
	struct ior_slot *slot;
	int self;

	if (!desc || desc->mode == IOR_MODE_DIRECT || desc->mode == IOR_MODE_SIZE ||
	    desc->kind == IOR_OP_MMAP)
		return false;
	self = inflight_find(desc->key);
	slot = self < 0 ? 0 : slot_at(self);
	span = self < 0 ? 0 : lock_span_at(self);
	if (!slot || !span || slot->state != IOR_SLOT_WAITING || lock_for(self, slot))
		return false;
	span->pos = desc->pos;
	span->len_bytes = desc->len_bytes;
	span->flags = desc->flags;
	span->mode = desc->mode;
	span->opens_at_lock = 1;
	return true;
}

/*
 * It is over, and its lock never came: it moved its data without. Those that opened meanwhile found
 * it waiting, which it was not.
 */
static __noinline int range_lock_never_came(__u32 self)
{
	struct ior_range_lock_span *span = lock_span_at(self);
	struct ior_span *met = span_at(self);

	if (!span || !met || !span->opens_at_lock)
		return 0;
	span->opens_at_lock = 0;
	return met->met ? loss_count(IOR_LOSS_UNCOVERED) : 0;
}

#endif
