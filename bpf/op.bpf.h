/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between hooks and the life of an op: one struct and a few calls. Hooks know kernel
 * signatures, nothing behind this line does. Kernel objects that are kept are addresses, those that
 * are read are what they are (compat.bpf.h).
 *
 * Static, because all of bpf/ is one translation unit (iorace.bpf.c): the common path inlines.
 */
#ifndef IORACE_OP_BPF_H
#define IORACE_OP_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include <iorace/op.h>

struct op_desc {
	__u64 key; /* identity of the op until it is over: its kiocb, or see sync_key() */
	__u64 inode;
	__u64 file; /* 0: not at hand */
	__u64 pos;
	__u64 len_bytes;
	__u8 kind;	/* enum ior_op_kind */
	__u8 mode;	/* enum ior_mode */
	__u16 flags;	/* IOR_OPF_ASYNC, IOR_OPF_HOLDS */
	__u8 tentative; /* may give up before any data has moved, and be tried again */
	__u8 fs;	/* enum ior_fs, as op_admit() says */
	__u8 admitted;	/* op_admit() has been asked */
	__u8 pad[1];
	struct ior_stacks stacks; /* filled by op_begin() */
};

/*
 * What a run of a program asks for before anything else: it looks like a call to the compiler, and
 * costs whoever is alive by then its way to the stack and back.
 */
struct op_run {
	struct task_struct *task; /* the current one */
	struct ior_cpu *cpu;	  /* what this CPU keeps for itself */
};

/* The file system of an op that is to be tracked; -1: not armed, not wanted or not covered. */
static int op_admit(struct inode *inode, __u64 file, enum ior_mode mode);

/* The same in two steps, of which the first reads next to nothing. */
static bool op_is_wanted(struct kiocb *kiocb);
static int op_admit_wanted(struct inode *inode, enum ior_mode mode);

/*
 * The op entered the file system and has no lock yet; the next op_begin() of this key opens its
 * window, for this range or for the one that turns out. Only where spans are wanted.
 */
static int op_span_begin(struct op_desc *desc);

/* The op is in the file system's read or write function, its locks taken: the window opens. */
static int op_begin(void *ctx, struct op_desc *desc);

/*
 * The same for direct IO that op_admit() has let pass: the hot path, inlined into its hook. `inode`
 * is that of the op, to be read. What is not plain goes on in frames that the hot path does
 * without, functions of the hook that take their arguments from the context again: the first calls
 * op_enter_home() and, where that takes a search, the second op_enter_search().
 */
typedef __u64 (*op_home_fn)(void *ctx, struct task_struct *task, struct ior_cpu *cpu,
			    struct inode *inode, __u32 fs);
typedef __u64 (*op_search_fn)(void *ctx, __u32 fs);
static int op_begin_direct(void *ctx, const struct op_run *run, struct op_desc *desc,
			   struct inode *inode, op_home_fn home, op_search_fn search);
static __u64 op_enter_home(void *ctx, const struct op_run *run, struct op_desc *desc,
			   struct inode *inode);
static __u64 op_enter_search(void *ctx, struct op_desc *desc);

/* The current task leaves the file system; an asynchronous op goes on without it. */
static void span_left(void);

/* A copy is about to begin, to or from this. Where a range lock may be taken within it. */
static void range_lock_iter(__u64 iter);

/* False: no op waits for its first bio, and none ever did. */
static bool op_any_is_pending(void);

/* The first bio is about to go: opens the window where it did not open at op_begin(). */
static int op_submit(__u64 kiocb);

/* All data has moved. The op itself may still have metadata to do. */
static int op_data_end(__u64 kiocb);
int op_data_end_of_many(__u64 kiocb); /* for a hook that ends several in a row */

/* The op completed: nothing more will be heard of this kiocb. `moved`: without error. */
static int op_complete(__u64 kiocb, bool moved);

/* The op gave up before it could complete; within its span it may begin again. */
static int op_retry(__u64 kiocb);

/* The same when it is certain that it does not begin again. */
static int op_drop(__u64 kiocb);

/*
 * The same for an op of which it is certain that its begin was to be seen. `kiocb`: 0, or where its
 * position has moved to.
 */
static int op_end(__u64 key, __u64 inode, __u64 kiocb);

/* The current task's op at `pos` gives up direct IO: it will not complete as such. */
static int op_abandon(__u64 inode, __u64 pos, __u64 len_bytes);

/* Pages could not be dropped; if that was after a direct write, the kernel warns of it. */
static int op_left_stale_pages(__u64 inode, __u64 first_page, __u64 last_page);

#endif
