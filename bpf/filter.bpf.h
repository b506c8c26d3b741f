/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which files are tracked, decided before anything is published, and which tasks are reported.
 * A task filter never decides what is tracked: pairs with strangers would be missed.
 */
#ifndef IORACE_FILTER_BPF_H
#define IORACE_FILTER_BPF_H

#include "compat.bpf.h"
#include "walk.bpf.h"

#include <iorace/slot.h>

#define S_IFMT 0170000 /* include/uapi/linux/stat.h */
#define S_IFREG 0100000

/*
 * Deep --path filters: the decision of the dentry walk, kept per inode. One word holds a hash of
 * everything the decision rests on and the answer in bit 0, so a torn or stale entry only costs a
 * walk.
 */
#define PATH_CACHE_SIZE 4096

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PATH_CACHE_SIZE);
	__type(key, __u32);
	__type(value, __u64);
} ior_path_cache SEC(".maps");

static __always_inline bool path_is_wanted(struct inode *inode, __u64 file)
{
	__u64 ino = KFIELD(inode, i_ino);
	__u64 hash = ior_mix(as_number(inode) + ior_mix(ino + ior_state.path_epoch)) | 1;
	__u32 at = (hash >> 32) & (PATH_CACHE_SIZE - 1);
	__u64 *cached = bpf_map_lookup_elem(&ior_path_cache, &at);
	bool wanted;

	if (!cached)
		return true;
	if ((*cached | 1) == hash)
		return *cached & 1;
	wanted = path_is_below(file);
	*cached = wanted ? hash : hash & ~1ULL;
	return wanted;
}

static __always_inline bool inode_is_listed(struct inode *inode, __u32 dev)
{
	__u64 ino = KFIELD(inode, i_ino);

	for (int i = 0; i < IOR_FILTER_INODES_MAX; i++) {
		if (i < ior_options.inodes_count && ior_options.inodes[i].ino == ino &&
		    ior_options.inodes[i].dev == dev)
			return true;
	}
	return false;
}

static __always_inline bool dev_is_listed(__u32 dev)
{
	for (int i = 0; i < IOR_FILTER_DEVS_MAX; i++) {
		if (i < ior_options.devs_count && ior_options.devs[i] == dev)
			return true;
	}
	return false;
}

static __always_inline bool magic_is_listed(__u64 magic)
{
	for (int i = 0; i < IOR_FS_COUNT_; i++) {
		if (i < ior_options.magics_count && ior_options.magics[i] == magic)
			return true;
	}
	return false;
}

static __always_inline bool inode_is_the_one(struct inode *inode)
{
	return KFIELD(inode, i_ino) == ior_options.inodes[0].ino &&
	       compat_dev(inode) == ior_options.inodes[0].dev;
}

static __always_inline bool inode_is_on_the_one(struct inode *inode)
{
	return compat_dev(inode) == ior_options.devs[0];
}

/* The groups whose answer never changes, whatever is in them. */
static __always_inline bool inode_is_in_all(struct inode *inode)
{
	__u32 dev = compat_dev(inode);

	if (ior_options.devs_count && !dev_is_listed(dev))
		return false;
	if (ior_options.magics_count && !magic_is_listed(compat_magic(inode)))
		return false;
	return !ior_options.inodes_count || inode_is_listed(inode, dev);
}

/* The same; the verifier knows the options, and takes out what is not for them. */
static __always_inline bool inode_is_wanted(struct inode *inode)
{
	switch (ior_options.only) {
	case IOR_ONLY_DEV:
		return inode_is_on_the_one(inode);
	case IOR_ONLY_INODE:
		return inode_is_the_one(inode);
	default:
		return inode_is_in_all(inode);
	}
}

/* Cheapest first; every group that is not empty must agree. Reads only what is asked about. */
static __always_inline bool file_is_wanted(struct inode *inode, __u64 file)
{
	if (!ior_options.filters_files)
		return true;
	if (!inode_is_wanted(inode))
		return false;
	/* Without a file nobody knows where the inode is: tracked, to be met by those that do. */
	if (ior_options.paths_count && file && !path_is_wanted(inode, file))
		return false;
	return true;
}

/*
 * A directory is asked for at the begin alone. Where a filter turns the file away, four words that
 * the end of an op has just had in its hands say no sooner than the table does, a line of which
 * would have to come from memory.
 */
static __always_inline bool kiocb_is_in_all(struct kiocb *kiocb, bool begins)
{
	struct file *file;

	if (!begins && !ior_options.devs_count && !ior_options.magics_count &&
	    !ior_options.inodes_count)
		return true;
	file = KFIELD(kiocb, ki_filp);
	return begins ? file_is_wanted(KFIELD(file, f_inode), as_number(file))
		      : inode_is_in_all(KFIELD(file, f_inode));
}

/*
 * As inode_is_wanted(); what is to be read for the one thing that is asked comes first, since this
 * is all that those pay who are turned away.
 */
static __always_inline bool kiocb_is_asked_for(struct kiocb *kiocb, bool begins)
{
	switch (ior_options.only) {
	case IOR_ONLY_DEV:
		return inode_is_on_the_one(compat_kiocb_inode(kiocb));
	case IOR_ONLY_INODE:
		return inode_is_the_one(compat_kiocb_inode(kiocb));
	default:
		return kiocb_is_in_all(kiocb, begins);
	}
}

static __always_inline bool kiocb_is_wanted(struct kiocb *kiocb)
{
	return kiocb_is_asked_for(kiocb, true);
}

/* Can an op that ends be one that was wanted? */
static __always_inline bool kiocb_was_wanted(struct kiocb *kiocb)
{
	return !IOR_HAS_RDONLY_CAST || !ior_options.filters_files ||
	       kiocb_is_asked_for(kiocb, false);
}

/* The same by its address, for hooks that have no more. */
static __always_inline bool key_was_wanted(__u64 kiocb)
{
	return !ior_options.filters_files || kiocb_was_wanted(KOBJECT(struct kiocb, kiocb));
}

/* Is the current task below `tree_pid`, which adopts orphans and so stays everybody's ancestor? */
#define TREE_DEPTH_MAX 32

static __always_inline bool task_is_below(__u64 task, __u32 tree_pid)
{
	for (int i = 0; i < TREE_DEPTH_MAX && task; i++) {
		if (KREAD(struct task_struct, task, tgid) == tree_pid)
			return i > 0;
		task = KPTR(struct task_struct, task, real_parent);
	}
	return false;
}

static __always_inline bool pid_is_listed(__u32 pid)
{
	for (int i = 0; i < IOR_FILTER_PIDS_MAX; i++) {
		if (i < ior_options.pids_count && ior_options.pids[i] == pid)
			return true;
	}
	return false;
}

static __always_inline bool comm_is_wanted(const char *comm)
{
	const __u64 *have = (const __u64 *)comm;
	const __u64 *want = (const __u64 *)ior_options.comm;

	return !want[0] || (have[0] == want[0] && have[1] == want[1]);
}

/* The cgroup of --cgroup, or the one made for the command under `check`. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} ior_cgroup SEC(".maps");

/* Does the current task make an op one that is reported? */
static __always_inline bool task_is_selected(__u64 task, const struct ior_op *op)
{
	if (!ior_options.filters_tasks)
		return true;
	if (ior_options.pids_count && !pid_is_listed(op->pid))
		return false;
	if (!comm_is_wanted(op->comm))
		return false;
	if (ior_options.want_cgroup && bpf_current_task_under_cgroup(&ior_cgroup, 0) != 1)
		return false;
	if (ior_options.tree_pid && !task_is_below(task, ior_options.tree_pid))
		return false;
	return true;
}

#endif
