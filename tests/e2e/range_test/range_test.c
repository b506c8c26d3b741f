// SPDX-License-Identifier: GPL-2.0
/*
 * A range lock around the direct IO of ext4, XFS and whoever else comes through iomap_dio_rw(), for
 * the tests of --range-lock: right, or wrong in one way that is chosen at run time. It is put into
 * the running kernel by ftrace, as a live patch is, and taken out again when the module goes.
 *
 * Writes hold their range alone, reads share it; it is held until the data has moved, so for an
 * asynchronous op until its completion.
 */
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hash.h>
#include <linux/iomap.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <linux/xarray.h>

static char flaw[16] = "none";
module_param_string(flaw, flaw, sizeof(flaw), 0644);
MODULE_PARM_DESC(flaw,
		 "none, short (ends a block early), early (released when the op is on its way), "
		 "leak (never released), through (excludes nobody), reads (not taken by "
		 "reads), coarse (all of the file)");

static bool inside;
module_param(inside, bool, 0644);
MODULE_PARM_DESC(inside, "taken when the op looks up where its data lies, not before");

static bool has_flaw(const char *name)
{
	return sysfs_streq(flaw, name);
}

/* ---- the lock -------------------------------------------------------------------------------- */

struct range_test_tree {
	spinlock_t guard;
	struct list_head held;
	wait_queue_head_t released;
};

struct range_test_lock {
	u64 start;
	u64 end; /* exclusive */
	u32 shared;
	struct inode *inode;
	struct list_head in_tree;
};

#define TREE_BITS 6
static struct range_test_tree trees[1 << TREE_BITS];

static bool excludes(const struct range_test_lock *a, const struct range_test_lock *b)
{
	return a->inode == b->inode && !(a->shared && b->shared) && a->start < b->end &&
	       b->start < a->end;
}

static bool get(struct range_test_tree *tree, struct range_test_lock *lock)
{
	struct range_test_lock *other;
	unsigned long flags;
	bool free = true;

	spin_lock_irqsave(&tree->guard, flags);
	if (!has_flaw("through")) {
		list_for_each_entry(other, &tree->held, in_tree) free =
			free && !excludes(lock, other);
	}
	if (free)
		list_add_tail(&lock->in_tree, &tree->held);
	spin_unlock_irqrestore(&tree->guard, flags);
	return free;
}

static void put(struct range_test_tree *tree, struct range_test_lock *lock)
{
	unsigned long flags;

	spin_lock_irqsave(&tree->guard, flags);
	list_del(&lock->in_tree);
	spin_unlock_irqrestore(&tree->guard, flags);
	wake_up_all(&tree->released);
}

void range_test_acquire(struct range_test_tree *tree, struct range_test_lock *lock);
void range_test_release(struct range_test_tree *tree, struct range_test_lock *lock);
bool range_test_try(struct range_test_tree *tree, struct range_test_lock *lock);

noinline __noclone void range_test_acquire(struct range_test_tree *tree,
					   struct range_test_lock *lock)
{
	wait_event(tree->released, get(tree, lock));
}

noinline __noclone bool range_test_try(struct range_test_tree *tree, struct range_test_lock *lock)
{
	return get(tree, lock);
}

noinline __noclone void range_test_release(struct range_test_tree *tree,
					   struct range_test_lock *lock)
{
	put(tree, lock);
}

/* ---- an op that has it ----------------------------------------------------------------------- */

struct op {
	struct range_test_tree *tree;
	struct range_test_lock lock;
	bool held, to_acquire;
	void (*complete)(struct kiocb *iocb, long ret);
};

static DEFINE_XARRAY_FLAGS(async_ops, XA_FLAGS_LOCK_IRQ);  /* by their kiocb */
static DEFINE_XARRAY_FLAGS(inside_ops, XA_FLAGS_LOCK_IRQ); /* by their task */

static void *take_out(struct xarray *ops, const void *key)
{
	unsigned long flags;
	void *op;

	xa_lock_irqsave(ops, flags);
	op = __xa_erase(ops, (unsigned long)key >> 3);
	xa_unlock_irqrestore(ops, flags);
	return op;
}

static int put_in(struct xarray *ops, const void *key, void *op)
{
	return xa_err(xa_store_irq(ops, (unsigned long)key >> 3, op, GFP_KERNEL));
}

static void op_acquire(struct op *op)
{
	op->to_acquire = false;
	if (!range_test_try(op->tree, &op->lock))
		range_test_acquire(op->tree, &op->lock);
	op->held = true;
}

static void op_release(struct op *op)
{
	if (!op->held)
		return;
	op->held = false;
	if (has_flaw("leak"))
		put(op->tree, &op->lock); /* nobody need wait for ever */
	else
		range_test_release(op->tree, &op->lock);
}

static void op_completes(struct kiocb *iocb, long ret)
{
	struct op *op = take_out(&async_ops, iocb);

	op_release(op);
	iocb->ki_complete = op->complete;
	op->complete(iocb, ret);
	kfree(op);
}

static struct op *op_of(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	bool writes = iov_iter_rw(iter) == WRITE;
	struct op *op;

	if (!writes && has_flaw("reads"))
		return NULL;
	op = kzalloc(sizeof(*op), GFP_KERNEL);
	if (!op)
		return NULL;
	op->tree = &trees[hash_ptr(inode, TREE_BITS)];
	op->lock.inode = inode;
	op->lock.shared = !writes;
	op->lock.start = has_flaw("coarse") ? 0 : iocb->ki_pos;
	op->lock.end = has_flaw("coarse") ? U64_MAX : iocb->ki_pos + iov_iter_count(iter);
	if (has_flaw("short"))
		op->lock.end -= 512;
	return op;
}

/* ---- in the kernel --------------------------------------------------------------------------- */

static ssize_t locked_dio_rw(struct kiocb *iocb, struct iov_iter *iter, const struct iomap_ops *ops,
			     const struct iomap_dio_ops *dops, unsigned int dio_flags,
			     void *private, size_t done_before)
{
	struct op *op = op_of(iocb, iter);
	/* Released too early is released by who submits it. */
	bool async = op && !is_sync_kiocb(iocb) && !has_flaw("early");
	ssize_t ret;

	if (op && inside) {
		op->to_acquire = true;
		put_in(&inside_ops, current, op);
	} else if (op) {
		op_acquire(op);
		if (has_flaw("early") && is_sync_kiocb(iocb))
			op_release(op);
	}
	if (async) {
		op->complete = iocb->ki_complete;
		iocb->ki_complete = op_completes;
		put_in(&async_ops, iocb, op);
	}
	ret = iomap_dio_rw(iocb, iter, ops, dops, dio_flags, private, done_before);
	if (op && inside)
		take_out(&inside_ops, current);
	if (async && ret == -EIOCBQUEUED)
		return ret; /* it may be gone */
	if (async) {
		take_out(&async_ops, iocb);
		iocb->ki_complete = op->complete;
	}
	if (op)
		op_release(op);
	kfree(op);
	return ret;
}

static int (*real_iomap_iter)(struct iomap_iter *iter, const struct iomap_ops *ops);

static int locked_iomap_iter(struct iomap_iter *iter, const struct iomap_ops *ops)
{
	struct op *op = xa_load(&inside_ops, (unsigned long)current >> 3);

	int ret;

	if (op && op->to_acquire)
		op_acquire(op);
	ret = real_iomap_iter(iter, ops);
	barrier(); /* no tail call: it must come from here, see redirect() */
	return ret;
}

static void notrace redirect(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *fregs)
{
	struct pt_regs *regs = ftrace_get_regs(fregs);

	if (within_module(parent_ip, THIS_MODULE))
		return;
	if (!ops->private)
		instruction_pointer_set(regs, (unsigned long)locked_dio_rw);
	else if (READ_ONCE(real_iomap_iter))
		instruction_pointer_set(regs, (unsigned long)locked_iomap_iter);
	else
		WRITE_ONCE(real_iomap_iter, (void *)ip);
}

static struct ftrace_ops dio_hook = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_RECURSION,
};

static struct ftrace_ops iter_hook = {
	.func = redirect,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_RECURSION,
	.private = &iter_hook,
};

static int hook(struct ftrace_ops *ops, char *name)
{
	int r = ftrace_set_filter(ops, name, strlen(name), 0);

	return r ? r : register_ftrace_function(ops);
}

static int __init range_test_init(void)
{
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		spin_lock_init(&trees[i].guard);
		INIT_LIST_HEAD(&trees[i].held);
		init_waitqueue_head(&trees[i].released);
	}
	r = hook(&iter_hook, "iomap_iter");
	if (r)
		return r;
	r = hook(&dio_hook, "iomap_dio_rw");
	if (r)
		unregister_ftrace_function(&iter_hook);
	return r;
}

/* Nothing is in flight any more when the tests take it out. */
static void __exit range_test_exit(void)
{
	unregister_ftrace_function(&dio_hook);
	unregister_ftrace_function(&iter_hook);
}

module_init(range_test_init);
module_exit(range_test_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A range lock around direct IO, for tests");
