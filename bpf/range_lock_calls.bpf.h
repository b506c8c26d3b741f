/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of the range lock are entered and return: what that does to locks and ops. The
 * kernel allows eight frames, of which six are the table's: windows are opened and closed by the
 * hook itself, told so by what the calls return.
 */
#ifndef IORACE_RANGE_LOCK_CALLS_BPF_H
#define IORACE_RANGE_LOCK_CALLS_BPF_H

#include "range_lock.bpf.h"

const volatile struct ior_range_lock_options ior_range_lock_options = {};

static __always_inline const volatile struct ior_range_lock_function *lock_function(__u32 n)
{
	return &ior_range_lock_options.functions[n & (IOR_RANGE_LOCK_FUNCTIONS_MAX - 1)];
}

/* ---- arguments ------------------------------------------------------------------------------- */

static __always_inline __u64 lock_arg(const struct range_lock_args *args, __u32 n)
{
	return n < IOR_RANGE_LOCK_ARGS_MAX ? args->values[n] : 0;
}

static __always_inline __u64 lock_value(const volatile struct ior_range_lock_value *value,
					const struct range_lock_args *args, __u64 lock)
{
	__u64 word = 0;

	/* Opaque: the compiler made one load of the two, and the verifier wants one for each. */
	if (value->from == IOR_FROM_ARG)
		word = ior_opaque(lock_arg(args, value->arg));
	else if (value->from == IOR_FROM_LOCK)
		word = KWORD(lock + value->offset);
	return value->bytes < 8 ? word & ((1ULL << (value->bytes & 7) * 8) - 1) : word;
}

/* What the call is about: flags say HELD, for it will be. */
static __always_inline struct ior_range_lock_held lock_of_call(__u32 n,
							       const struct range_lock_args *args)
{
	const volatile struct ior_range_lock_function *f = lock_function(n);
	__u64 lock = lock_arg(args, f->lock_arg);
	struct ior_range_lock_held held = {
		.tree = lock_arg(args, f->tree_arg),
		.flags = IOR_RLF_HELD,
	};

	if (f->start.from) {
		held.range = ior_range_lock_range(lock_value(&f->start, args, lock),
						  lock_value(&f->end, args, lock), f->inclusive,
						  f->shift);
		held.flags |= IOR_RLF_KNOWS_RANGE;
	}
	if (ior_range_lock_role_is_shared(f->role) ||
	    (f->shared.from && lock_value(&f->shared, args, lock) == f->shared_value))
		held.flags |= IOR_RLF_SHARED;
	return held;
}

/* Without a lock object a lock is its range; several may share one, each of another task. */
static __always_inline __u64 lock_key(__u32 n, const struct range_lock_args *args,
				      const struct ior_range_lock_held *held, bool shared)
{
	const volatile struct ior_range_lock_function *f = lock_function(n);
	__u64 tid = shared ? (__u32)bpf_get_current_pid_tgid() : 0;

	if (f->lock_arg != IOR_RANGE_LOCK_NO_ARG)
		return lock_arg(args, f->lock_arg);
	return ior_mix(held->tree + ior_mix(held->range.start + ior_mix(held->range.end + tid))) |
	       1;
}

/* ---- the op of the current task -------------------------------------------------------------- */

/* Slot + 1 of the op that the task is in, 0: none, or spans are not seen. */
static __always_inline __u32 lock_op(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u32 *current = ior_options.has_spans ? current_of(tid) : 0;
	struct ior_slot *slot;

	if (!current || !*current)
		return 0;
	slot = slot_at(*current - 1);
	if (!slot || !INFLIGHT_LOAD(&slot->key) || slot->op.tid != tid ||
	    slot->state == IOR_SLOT_IDLE || slot->state == IOR_SLOT_DONE)
		return 0;
	return *current;
}

static __always_inline __u64 lock_switches(void)
{
	return KREAD(struct task_struct, bpf_get_current_task(), nvcsw);
}

/* ---- acquire --------------------------------------------------------------------------------- */

static __always_inline void lock_call_begin(struct range_lock_call *call,
					    const struct range_lock_args *args, __u32 function,
					    __u32 op)
{
	struct ior_span *span = op ? span_at(op - 1) : 0;

	call->args = *args;
	call->waited_ns = span ? span->waited_ns : 0;
	call->entered_ns = bpf_ktime_get_ns();
	call->switches = lock_switches();
	call->function = function + 1;
}

static __noinline int lock_is_wanted(const struct range_lock_args *args, __u32 function)
{
	struct range_lock_task *task = lock_task();
	struct ior_range_lock_held wanted;
	struct ior_range_lock_span *span;
	__u32 op = lock_op();

	if (!task || !args)
		return 0;
	if (task->calls[0].function && task->calls[0].function != function + 1)
		lock_call_begin(&task->calls[1], args, function, op);
	else
		lock_call_begin(&task->calls[0], args, function, op);
	span = op ? lock_span_at(op - 1) : 0;
	if (!span)
		return 0;
	wanted = lock_of_call(function, args);
	lock_span_wants(span, &wanted);
	return 0;
}

/* An entry for the lock; what had its key before was not released, or is the same call twice. */
static __always_inline struct ior_range_lock_entry *lock_enter(__u64 key, __u64 entered_ns,
							       __u32 *ret_at)
{
	int at = lock_find(key);
	struct ior_range_lock_entry *entry;

	if (at >= 0) {
		entry = lock_entry_at(at);
		if (entry && entry->since_ns < entered_ns && entry->selected)
			lock_count(IOR_RL_NEVER_RELEASED);
	} else {
		at = lock_claim(key);
	}
	*ret_at = at;
	return at < 0 ? 0 : lock_entry_at(at);
}

static __always_inline void lock_own(struct ior_range_lock_entry *entry, __u32 op)
{
	struct ior_slot *slot = op ? slot_at(op - 1) : 0;

	entry->owner = slot ? op : 0;
	entry->owner_seq = slot ? slot->seq : 0;
	entry->selected = slot && (slot->op.flags & IOR_OPF_SELECTED);
}

/* The op had to wait. What it waited for i_rwsem within the call is counted already. */
static __always_inline void lock_op_waited(__u32 op, __u64 waited_ns, __u64 waited_before_ns)
{
	struct ior_range_lock_span *lock_span = lock_span_at(op - 1);
	struct ior_span *span = span_at(op - 1);
	struct ior_slot *slot = slot_at(op - 1);

	if (!waited_ns || !lock_span || !span || !slot || slot->state != IOR_SLOT_WAITING)
		return;
	lock_span->waited_ns += waited_ns;
	if (span->waited_ns < waited_before_ns + waited_ns)
		span->waited_ns = waited_before_ns + waited_ns;
}

/* The window of an op that waited for this lock opens. */
static __noinline int lock_opens_window(__u32 self)
{
	struct ior_range_lock_span *span = lock_span_at(self);
	struct ior_slot *slot = slot_at(self);
	struct op_desc desc = {};

	if (!span || !slot || !span->opens_at_lock || slot->state != IOR_SLOT_WAITING)
		return 0;
	span->opens_at_lock = 0;
	desc.key = slot->key;
	desc.inode = slot->inode;
	desc.file = slot->file;
	desc.pos = span->pos;
	desc.len_bytes = span->len_bytes;
	desc.kind = slot->op.kind;
	desc.mode = span->mode;
	desc.flags = span->flags;
	desc.fs = slot->fs;
	desc.stacks.kernel = -1;
	desc.stacks.user = -1;
	op_begin_spanned(&desc);
	return 0;
}

static __always_inline void lock_check_op(__u32 op, const struct ior_range_lock_held *held)
{
	struct ior_range_lock_span *span = lock_span_at(op - 1);
	struct ior_slot *slot = slot_at(op - 1);

	if (!span || !slot)
		return;
	if (slot->state == IOR_SLOT_PUBLISHED && (slot->op.flags & IOR_OPF_SELECTED) &&
	    !ior_options.locks_inside)
		lock_count(IOR_RL_LATE);
	if (lock_is_overrun(span, held)) {
		lock_count(IOR_RL_OVERRUN);
		lock_doubt();
	}
}

/* Slot + 1 of the op that has it, 0: none. */
static __noinline int lock_is_held(struct range_lock_call *call, __u32 function)
{
	struct range_lock_task *task = lock_task();
	struct ior_range_lock_held held;
	struct ior_range_lock_entry *entry;
	__u32 at, op = lock_op();
	__u64 now_ns;

	if (!task || !call)
		return 0;
	now_ns = bpf_ktime_get_ns();
	held = lock_of_call(function, &call->args);
	if (lock_switches() != call->switches)
		held.waited_ns = now_ns - call->entered_ns;
	entry = lock_enter(lock_key(function, &call->args, &held, held.flags & IOR_RLF_SHARED),
			   call->entered_ns, &at);
	if (!entry)
		return lock_count(IOR_RL_UNTRACKED);
	entry->held = held;
	entry->since_ns = now_ns;
	entry->tid = task->tid;
	lock_own(entry, op);
	task->entry = at + 1;
	lock_count(IOR_RL_ACQUIRES);
	if (held.waited_ns)
		lock_count(IOR_RL_WAITS);
	if (!op)
		return 0;
	lock_op_waited(op, held.waited_ns, call->waited_ns);
	lock_check_op(op, &held);
	return op;
}

/* ---- release --------------------------------------------------------------------------------- */

/*
 * Does the op still move data? What was copied in one call has been when all of it is taken. A
 * direct op that failed before its first bio may still look open: then nothing is counted in
 * i_dio_count.
 */
static __always_inline bool lock_data_has_moved(const struct ior_slot *slot)
{
	struct range_lock_task *task;

	if (slot->state != IOR_SLOT_PUBLISHED)
		return true;
	if (slot->op.mode == IOR_MODE_DIRECT)
		return KREAD(struct inode, slot->inode, i_dio_count.counter) == 0;
	task = ior_options.locks_inside ? lock_task() : 0;
	if (!task || !task->iter || slot->op.tid != task->tid)
		return false;
	return task->len_bytes - compat_iter_len(KOBJECT(struct iov_iter, task->iter)) >=
	       ior_range_len(slot->op.range);
}

/*
 * The op in `self` loses its lock. A window that is open stays open, unless all has moved: then it
 * returns slot + 1.
 */
static __noinline int lock_leaves_op(__u32 self, __u32 seq)
{
	struct ior_range_lock_span *span = lock_span_at(self);
	struct ior_slot *slot = slot_at(self);

	if (!span || !slot || INFLIGHT_LOAD(&slot->seq) != seq)
		return 0;
	if (lock_data_has_moved(slot)) {
		INFLIGHT_STORE(&span->held.flags, span->held.flags & ~IOR_RLF_HELD);
		return slot->op.mode != IOR_MODE_DIRECT && slot->state == IOR_SLOT_PUBLISHED
			       ? self + 1
			       : 0;
	}
	INFLIGHT_STORE(&span->held.flags, (span->held.flags & ~IOR_RLF_HELD) | IOR_RLF_EARLY);
	lock_doubt();
	if (slot->op.flags & IOR_OPF_SELECTED)
		lock_count(IOR_RL_EARLY);
	return 0;
}

static __noinline int lock_is_released(const struct range_lock_args *args, __u32 function)
{
	struct ior_range_lock_entry *entry;
	struct ior_range_lock_held held;
	int at, closed = 0;
	__u64 key;

	if (!args)
		return 0;
	held = lock_of_call(function, args);
	key = lock_key(function, args, &held, false);
	at = lock_find(key);
	if (at < 0) {
		key = lock_key(function, args, &held, true);
		at = lock_find(key);
	}
	entry = at < 0 ? 0 : lock_entry_at(at);
	if (!entry)
		return ior_state.armed ? lock_count(IOR_RL_UNMATCHED) : 0;
	lock_count(IOR_RL_RELEASES);
	if (entry->owner)
		closed = lock_leaves_op(entry->owner - 1, entry->owner_seq);
	INFLIGHT_STORE(&entry->key, 0ULL);
	return closed;
}

/* ---- from the hooks -------------------------------------------------------------------------- */

/* Slot + 1 of an op whose window closes, else 0. */
__noinline int range_lock_entered(const struct range_lock_args *args, __u32 function)
{
	if (!args)
		return 0;
	if (lock_function(function)->role == IOR_RANGE_LOCK_RELEASE)
		return lock_is_released(args, function);
	return ior_state.armed ? lock_is_wanted(args, function) : 0;
}

/* Slot + 1 of an op that has the lock now, else 0. */
__noinline int range_lock_returned(__u32 function, __u64 ret)
{
	struct range_lock_task *task = lock_task();
	struct range_lock_call *call;

	if (!ior_state.armed || !task)
		return 0;
	call = &task->calls[task->calls[0].function == function + 1 ? 0 : 1];
	if (call->function != function + 1)
		return lock_count(IOR_RL_UNTRACKED);
	call->function = 0;
	if (ior_range_lock_has_failed(lock_function(function)->fails, ret))
		return lock_count(IOR_RL_FAILED);
	return lock_is_held(call, function);
}

static __always_inline int range_lock_enters(const struct range_lock_args *args, __u32 function)
{
	__u32 closed = range_lock_entered(args, function);
	struct ior_slot *slot = ior_options.locks_inside && closed ? slot_at(closed - 1) : 0;

	if (slot)
		op_close(slot, closed - 1);
	return 0;
}

static __always_inline int range_lock_returns(__u32 function, __u64 ret)
{
	__u32 op = range_lock_returned(function, ret);

	return ior_options.locks_inside && op ? lock_opens_window(op - 1) : 0;
}

#endif
