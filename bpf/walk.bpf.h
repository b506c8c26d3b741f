/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Walks from a file up to the root of its mount namespace: for the path of a report and for deep
 * --path filters. bpf_d_path() is not allowed at our hooks (bpf_d_path_allowed(),
 * kernel/trace/bpf_trace.c). The dentry is held by the open file; above it d_parent may change
 * under a rename, and then the walk reads one of the two names, never wild memory.
 */
#ifndef IORACE_WALK_BPF_H
#define IORACE_WALK_BPF_H

#include "compat.bpf.h"

#include <iorace/records.h>

struct path_walk {
	__u64 dentry;
	__u64 mount; /* struct mount */
	__u64 mnt_root;
};

static __always_inline void walk_enter_mount(struct path_walk *w, __u64 mount)
{
	struct vfsmount *mnt = (void *)KADDR(struct mount, mount, mnt);

	w->mount = mount;
	w->mnt_root = KPTR(struct vfsmount, mnt, mnt_root);
}

static __always_inline void walk_from_file(struct path_walk *w, __u64 file)
{
	__u64 vfsmount = KPTR(struct file, file, f_path.mnt);

	w->dentry = KPTR(struct file, file, f_path.dentry);
	walk_enter_mount(w, vfsmount - bpf_core_field_offset(struct mount, mnt));
}

enum walk_result {
	WALK_NAME,     /* w->dentry has a name to take, then walk_up() */
	WALK_CROSSED,  /* stepped from the root of a mount to where it is mounted */
	WALK_ROOT,     /* the top of the mount namespace */
	WALK_DETACHED, /* the top of a tree that is mounted nowhere */
};

static __always_inline enum walk_result walk_look(struct path_walk *w)
{
	__u64 parent_mount;

	if (w->dentry != w->mnt_root) {
		if (KPTR(struct dentry, w->dentry, d_parent) == w->dentry)
			return WALK_DETACHED;
		return WALK_NAME;
	}
	parent_mount = KPTR(struct mount, w->mount, mnt_parent);
	if (parent_mount == w->mount || !parent_mount)
		return KPTR(struct mount, w->mount, mnt_ns) ? WALK_ROOT : WALK_DETACHED;
	w->dentry = KPTR(struct mount, w->mount, mnt_mountpoint);
	walk_enter_mount(w, parent_mount);
	return WALK_CROSSED;
}

static __always_inline void walk_up(struct path_walk *w)
{
	w->dentry = KPTR(struct dentry, w->dentry, d_parent);
}

struct below_walk {
	struct path_walk walk;
	__u64 found;
};

static __always_inline bool dentry_is_listed(__u64 dentry)
{
	__u64 inode = KPTR(struct dentry, dentry, d_inode);
	__u64 ino = KREAD(struct inode, inode, i_ino);
	__u64 sb = KPTR(struct inode, inode, i_sb);
	__u32 dev = KREAD(struct super_block, sb, s_dev);

	for (int i = 0; i < IOR_FILTER_PATHS_MAX; i++) {
		if (i < ior_options.paths_count && ior_options.paths[i].ino == ino &&
		    ior_options.paths[i].dev == dev)
			return true;
	}
	return false;
}

static int below_step(__u32 i, struct below_walk *b)
{
	if (dentry_is_listed(b->walk.dentry)) {
		b->found = 1;
		return 1;
	}
	switch (walk_look(&b->walk)) {
	case WALK_NAME:
		walk_up(&b->walk);
		return 0;
	case WALK_CROSSED:
		return 0;
	default:
		return 1;
	}
}

#define WALK_DEPTH_MAX 128

/* Is the file one of the --path directories, or anywhere below one of them? */
static __noinline bool path_is_below(__u64 file)
{
	struct below_walk b = {.found = 0};

	walk_from_file(&b.walk, file);
	bpf_loop(WALK_DEPTH_MAX, below_step, &b, 0);
	return b.found;
}

#endif
