/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The few kernel types and fields the programs read. Not a dump: every field here is relocated by
 * libbpf (CO-RE) against the BTF of the running kernel, so offsets and neighbours do not matter.
 * README in this directory says where each comes from; tests/vm checks each against every kernel.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef unsigned long size_t;
typedef long ssize_t;
typedef long long loff_t;
typedef _Bool bool;
enum {
	false = 0,
	true = 1
};

/* include/uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};
enum {
	BPF_F_MMAPABLE = 1U << 10,
	BPF_F_FAST_STACK_CMP = 1ULL << 9,
};

struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

/* arch/x86/include/asm/ptrace.h: the registers that carry arguments and the result */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip;
	unsigned long cs, flags, sp, ss;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic_long_t;

/* Stands for "a number of 64 bits": see KPTR() in bpf/compat.bpf.h */
struct timespec64 {
	s64 tv_sec;
};

struct rw_semaphore {
	atomic_long_t count;
	atomic_long_t owner;
};

/* PREEMPT_RT: include/linux/rwsem.h, include/linux/rwbase_rt.h */
struct task_struct;
struct rt_mutex_base___rt {
	struct task_struct *owner;
};
struct rwbase_rt___rt {
	atomic_t readers;
	struct rt_mutex_base___rt rtmutex;
};
struct rw_semaphore___rt {
	struct rwbase_rt___rt rwbase;
};

struct super_block {
	u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	u16 i_mode;
	unsigned int i_flags;
	struct super_block *i_sb;
	struct address_space *i_mapping;
	unsigned long i_ino;
	loff_t i_size;
	struct rw_semaphore i_rwsem;
	atomic_t i_dio_count;
	u32 i_generation;
};

struct qstr {
	const unsigned char *name;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
};

struct vfsmount {
	struct dentry *mnt_root;
};

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct address_space {
	struct inode *host;
	struct rw_semaphore invalidate_lock;
	atomic_t i_mmap_writable;
};

struct ext4_inode_info {
	struct rw_semaphore i_data_sem;
	struct inode vfs_inode;
};

struct xfs_inode {
	struct rw_semaphore i_lock;
	struct inode i_vnode;
};

struct vm_area_struct {
	unsigned long vm_flags;
	struct file *vm_file;
};

enum fault_flag {
	FAULT_FLAG_WRITE = 1,
};

struct vm_fault {
	struct vm_area_struct *vma;
	unsigned long pgoff;
	enum fault_flag flags;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct kiocb {
	struct file *ki_filp;
	loff_t ki_pos;
	void *ki_complete;
	int ki_flags;
};

struct iov_iter {
	bool data_source;
	size_t count;
};

struct iomap_dio {
	struct kiocb *iocb;
	loff_t size;
	atomic_t ref;
	int error;
};

struct bio {
	struct bio *bi_next;
	atomic_t __bi_remaining;
	void *bi_end_io;
	void *bi_private;
};

struct request {
	unsigned int __data_len;
	struct bio *bio;
};

struct kernfs_node {
	u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct sched_entity {
	__u64 exec_start;
};

struct task_struct {
	unsigned int flags;
	struct sched_entity se;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	char comm[16];
	struct css_set *cgroups;
	unsigned long nvcsw;
};

/* fs/btrfs: in the BTF of the module, or of vmlinux when built in */
struct btrfs_key {
	u64 objectid;
};

struct btrfs_root {
	struct btrfs_key root_key;
	u32 anon_dev;
};

struct btrfs_inode {
	struct btrfs_root *root;
	struct inode vfs_inode;
};

#pragma clang attribute pop

#endif
