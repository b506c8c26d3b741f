/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an op carries while it is in flight: who, where, how and under which lock. Most of it is
 * read when its window opens, the name of its task when somebody asks.
 */
#ifndef IORACE_FILL_BPF_H
#define IORACE_FILL_BPF_H

#include "count.bpf.h"
#include "filter.bpf.h"
#include "moment.bpf.h"
#include "op.bpf.h"
#include "verbs.bpf.h"

#include "inflight.bpf.h"

#define PF_IO_WORKER 0x00000010 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

static __always_inline struct op_run op_run(void)
{
	return (struct op_run){.task = compat_current(), .cpu = cpu_of_run()};
}

/* Returns flags of the op. */
static __always_inline __u16 op_read_name(struct ior_op *op, struct task_struct *task)
{
	__u32 flags = KFIELD(task, flags);
	__u64 named = as_number(task);

	if (flags & PF_IO_WORKER)
		named = as_number(KFIELD(task, group_leader));
	compat_task_comm(named, op);
	return flags & PF_KTHREAD ? IOR_OPF_KTHREAD : 0;
}

/*
 * Names a copy of an op. False if the address is another task's by now: then this op, which kept
 * its task, is over.
 */
static __always_inline bool op_name(struct ior_op *op)
{
	struct task_struct *task;

	if (!(op->flags & IOR_OPF_BY_TASK))
		return true;
	task = KOBJECT(struct task_struct, op->cgroup_id);
	op->flags |= op_read_name(op, task);
	return KFIELD(task, pid) == (int)op->tid;
}

/*
 * Completes a copy that was named in this run of the program: whoever lived then is not freed
 * before it ends (delayed_put_task_struct(), kernel/exit.c).
 */
static __always_inline void op_place(struct ior_op *op)
{
	if (!(op->flags & IOR_OPF_BY_TASK))
		return;
	op->flags &= ~IOR_OPF_BY_TASK;
	op->cgroup_id = compat_task_cgroup_id(KOBJECT(struct task_struct, op->cgroup_id));
}

/*
 * A task stays in the call of its synchronous op until the op is over. So its name and cgroup, five
 * cache lines away, are read only when somebody asks for them.
 */
static __always_inline bool op_keeps_its_task(const struct op_desc *desc)
{
	return desc->mode != IOR_MODE_DIRECT || !(desc->flags & IOR_OPF_ASYNC);
}

/* Aside from the path of those that do without. Returns flags of the op. */
static __noinline __u16 fill_name(struct ior_op *op, struct task_struct *task)
{
	op->cgroup_id = compat_task_cgroup_id(task);
	return op_read_name(op, task);
}

/* Returns flags of the op. */
static __always_inline __u16 fill_task(struct ior_op *op, struct task_struct *task, bool name_later)
{
	__u16 flags = IOR_OPF_BY_TASK;

	compat_task_ids(task, op);
	if (name_later && !ior_options.comm[0]) {
		op->cgroup_id = (__u64)task;
	} else {
		flags = fill_name(op, task);
	}
	return flags | (task_is_selected((__u64)task, op) ? IOR_OPF_SELECTED : 0);
}

/*
 * On ext4 and XFS an op that holds i_rwsem exclusively itself while i_dio_count is zero has
 * drained: every direct IO counts itself before it lets go of the lock, so none is in flight,
 * whatever the table still says (hooks late by a few microseconds). Nowhere else does a zero prove
 * anything: it is still zero between the begin hook and inode_dio_begin().
 */
static __always_inline bool op_has_drained(struct inode *inode, const struct ior_op *op, __u8 fs)
{
	if (op->lock.i_rwsem != IOR_LOCK_EXCLUSIVE || op->lock.self != IOR_SELF_YES)
		return false;
	if (fs != IOR_FS_EXT4 && fs != IOR_FS_XFS)
		return false;
	return KFIELD(inode, i_dio_count.counter) == 0;
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

/* Four cache lines that no op of direct IO needs itself: only where somebody wants to know. */
__noinline int fill_other_locks(struct ior_op *op, __u64 inode, __u32 fs)
{
	__u64 task = bpf_get_current_task();
	__u64 mapping = KPTR(struct inode, inode, i_mapping);
	__u64 lock = KADDR(struct address_space, mapping, invalidate_lock);

	if (!op)
		return 0;
	op->invalidate_lock =
		ior_lock_pack(compat_rwsem_state(KOBJECT(struct rw_semaphore, lock), task));
	lock = compat_map_lock(inode, fs);
	if (lock)
		op->map_lock =
			ior_lock_pack(compat_rwsem_state(KOBJECT(struct rw_semaphore, lock), task));
	return 0;
}

/*
 * Will the op move i_size? Asked only where that can matter: XFS, asynchronous, and the window
 * closes late; see peer_may_be_over().
 */
static __always_inline bool op_extends(const struct op_desc *desc, struct inode *inode,
				       struct ior_range range)
{
	return (desc->flags & IOR_OPF_ASYNC) && ior_options.closes_late && desc->fs == IOR_FS_XFS &&
	       desc->kind == IOR_OP_WRITE && range.end > (__u64)KFIELD(inode, i_size);
}

/* What is only known when the window opens; `flags` are those of the op so far. */
static __always_inline void fill_window(struct ior_slot *slot, const struct op_run *run,
					struct inode *inode, __u8 fs, __u16 flags)
{
	slot->op.begin_ns = moment_ns(&run->cpu->moment, run->task, &flags);
	slot->op.flags = flags;
	slot->op.lock = compat_i_rwsem_state(inode, (__u64)run->task);
	slot->drained = op_has_drained(inode, &slot->op, fs);
	if (ior_options.reads_locks)
		fill_other_locks(&slot->op, as_number(inode), fs);
}

/* The same for an op that was filled before. */
static __always_inline void fill_opening(struct ior_slot *slot, const struct op_run *run)
{
	struct ior_op *op = &slot->op;

	fill_window(slot, run, KOBJECT(struct inode, slot->inode), slot->fs,
		    opening_flags(op->kind, op->mode, op->flags, slot->fs));
}

/* Reads see nothing beyond i_size: XFS and ext4 trim them (iomap_dio_complete()). */
static __always_inline struct ior_range op_range(__u8 kind, struct inode *inode, __u64 pos,
						 __u64 len_bytes)
{
	struct ior_range range = ior_range_from(pos, len_bytes);

	if (kind == IOR_OP_READ) {
		__u64 size = KFIELD(inode, i_size);

		if (range.end > size)
			range.end = size;
	}
	return range;
}

static __always_inline struct ior_range desc_range(const struct op_desc *desc, struct inode *inode)
{
	return op_range(desc->kind, inode, desc->pos, desc->len_bytes);
}

/* Returns the flags of the op. All but slot->wide. */
static __always_inline __u16 fill_slot(struct ior_slot *slot, const struct op_desc *desc,
				       struct inode *inode, struct ior_range range,
				       struct task_struct *task, bool name_later)
{
	slot->inode = desc->inode;
	slot->file = desc->file;
	slot->where = 0;
	slot->fs = desc->fs;
	slot->extends = op_extends(desc, inode, range);
	slot->undecided = 0;
	slot->moving = 1;
	slot->stacks = desc->stacks;
	slot->tell_path = 0;
	slot->spanned = 0;
	slot->op.range = range;
	slot->op.kind = desc->kind;
	slot->op.mode = desc->mode;
	slot->op.map_lock = 0;
	slot->op.invalidate_lock = 0;
	return desc->flags | fill_task(&slot->op, task, name_later);
}

/* `wide`: ior_range_is_wide(), for which the hot path need not ask. */
static __always_inline __u16 op_fill(struct ior_slot *slot, const struct op_run *run,
				     const struct op_desc *desc, struct inode *inode,
				     struct ior_range range, bool wide, bool opens)
{
	__u16 flags, opening;

	inflight_fill_begin(slot);
	slot->wide = wide;
	flags = fill_slot(slot, desc, inode, range, run->task, op_keeps_its_task(desc));
	opening = opening_flags(desc->kind, desc->mode, flags, desc->fs);
	if (opens)
		fill_window(slot, run, inode, desc->fs, opening);
	else
		slot->op.flags = opening;
	inflight_fill_end(slot);
	return flags;
}

#endif
