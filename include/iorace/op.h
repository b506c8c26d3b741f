/* SPDX-License-Identifier: GPL-2.0 */
/* What an op is, as the kernel side records it and the tool reads it. How it is stored: slot.h. */
#ifndef IORACE_OP_H
#define IORACE_OP_H

#include "lock_state.h"
#include "range.h"

enum ior_op_kind {
	IOR_OP_READ,
	IOR_OP_WRITE,
	IOR_OP_SIZE, /* truncate, punch, collapse, insert, reflink: moves or drops ranges */
	IOR_OP_MMAP, /* a store made possible by a fault */
	IOR_OP_COUNT_
};

/* How the data moves. */
enum ior_mode {
	IOR_MODE_DIRECT,
	IOR_MODE_DAX,
	IOR_MODE_BUFFERED,
	IOR_MODE_SIZE,
	IOR_MODE_COUNT_
};

/* Bits of ior_op.flags */
#define IOR_OPF_ASYNC (1U << 0)	   /* the window may outlive the syscall */
#define IOR_OPF_SELECTED (1U << 1) /* passes the task filters: a pair with it is reported */
#define IOR_OPF_KTHREAD (1U << 2)  /* issued by a kernel thread (nfsd, loop, ...) */
#define IOR_OPF_MAPPED (1U << 3)   /* in records: the file is mapped shared and writable */
#define IOR_OPF_HOLDS (1U << 4)	   /* keeps its lock until its data has moved */
#define IOR_OPF_LOCKLESS (1U << 5) /* takes no i_rwsem, whatever state that is in */
#define IOR_OPF_BY_TASK (1U << 6)  /* in flight: cgroup_id is its task's address, comm not read */
#define IOR_OPF_EARLY (1U << 7)	   /* begin_ns is of a moment before: bpf/moment.bpf.h */

/* An op while it is in flight: filled when its window opens, read by whoever meets it. */
struct ior_op {
	struct ior_range range;	    /* bytes; reads are clamped to i_size */
	__u64 begin_ns;		    /* CLOCK_MONOTONIC, when the window opened */
	__u64 cgroup_id;	    /* cgroup v2 id of the task, 0 when unknown */
	__u32 pid;		    /* process (tgid), as the initial pid namespace numbers it */
	__u32 tid;		    /* thread */
	char comm[IOR_COMM_LEN];    /* of the process for io_uring workers, else of the thread */
	__u8 kind;		    /* enum ior_op_kind */
	__u8 mode;		    /* enum ior_mode */
	struct ior_lock_state lock; /* when the window opened */
	__u16 flags;		    /* IOR_OPF_* */
	__u8 map_lock;		    /* packed: ext4 i_data_sem, XFS ILOCK: where the data lies */
	__u8 invalidate_lock;	    /* packed: of the page cache; XFS MMAPLOCK */
};
IOR_SIZE_IS(struct ior_op, 64);

_Static_assert(__builtin_offsetof(struct ior_op, comm) % sizeof(__u64) == 0,
	       "comm is copied by words");

/* Ids in the stack map, negative: not taken. */
struct ior_stacks {
	__s32 kernel;
	__s32 user;
};
IOR_SIZE_IS(struct ior_stacks, 8);

static inline bool ior_op_writes(const struct ior_op *op)
{
	return op->kind != IOR_OP_READ;
}

/* The file an op is on. One inode is one file: hard links and bind mounts are the same. */
struct ior_file {
	__u64 ino;
	__u64 subvol;	  /* btrfs: id of the subvolume root, else 0 */
	__u32 dev;	  /* as stat(2) shows it, kernel encoding: major << 20 | minor */
	__u32 generation; /* tells a reused inode number from the old file */
	__u64 magic;	  /* s_magic of the super block */
};
IOR_SIZE_IS(struct ior_file, 32);

#endif
