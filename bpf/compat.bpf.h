/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every difference between kernels, one accessor each, newest kernel first; the only file that
 * asks for the existence of a field. Who keeps an object keeps its address, a number that can be
 * hashed and stored; who reads fields has it typed, by KOBJECT() or since a hook was given it so.
 */
#ifndef IORACE_COMPAT_BPF_H
#define IORACE_COMPAT_BPF_H

#define IOR_PACKED_MASK (ior_options.packed_mask) /* slot.h */

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include <iorace/op.h>
#include <iorace/records.h>

extern const struct ior_options ior_options;
extern struct ior_state ior_state;

/*
 * 6.2 (a35b9af4ec2c, "bpf: Add a kfunc for generic type cast") reads fields with plain loads; the
 * helper costs ten times as much. The same source is compiled to two objects, of which the tool
 * loads the one that fits the kernel: asking at run time costs more than the load.
 */
#ifdef IOR_FIELDS_BY_HELPER
#define IOR_HAS_RDONLY_CAST 0
#else
#define IOR_HAS_RDONLY_CAST 1
#endif

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

/* An object by its address. A cast is a call to the compiler: one for all that is read of it. */
#define KOBJECT(type, address)                                                                     \
	((type *)(IOR_HAS_RDONLY_CAST ? bpf_rdonly_cast((const void *)(address),                   \
							bpf_core_type_id_kernel(type))             \
				      : (void *)(address)))

/*
 * A field of an object. The object is taken first: bpf_core_read() relocates every member access in
 * its argument, so a `desc->inode` in there would be looked for in the kernel, and the program
 * would not load.
 */
#define KFIELD(object, field)                                                                      \
	({                                                                                         \
		typeof(object) _object = (object);                                                 \
		typeof(_object->field) _value;                                                     \
		if (IOR_HAS_RDONLY_CAST)                                                           \
			_value = _object->field;                                                   \
		else                                                                               \
			bpf_core_read(&_value, sizeof(_value), &_object->field);                   \
		_value;                                                                            \
	})

#define KREAD(type, address, field) KFIELD(KOBJECT(type, address), field)

/*
 * The address of an object. The verifier lets nobody hash what it knows as a pointer; of twice its
 * minus it knows no more than that it is a number.
 */
static __always_inline __u64 as_number(const void *object)
{
	__u64 number = (__u64)object;

	asm("%0 = -%0; %0 = -%0" : "+r"(number));
	return number;
}

/*
 * A pointer member as a number: loaded as its type it would be a typed pointer again, which the
 * verifier lets nobody hash or compare. The first word of a timespec64 is a number, whatever lies
 * there; the cast takes structs only.
 */
#define KPTR(type, address, field) KWORD(KADDR(type, address, field))

#define KWORD(address)                                                                             \
	({                                                                                         \
		__u64 _value = 0;                                                                  \
		__u64 _at = (address);                                                             \
		if (IOR_HAS_RDONLY_CAST) {                                                         \
			const struct timespec64 *_p = bpf_rdonly_cast(                             \
				(const void *)_at, bpf_core_type_id_kernel(struct timespec64));    \
			_value = _p->tv_sec;                                                       \
		} else {                                                                           \
			bpf_probe_read_kernel(&_value, sizeof(_value), (const void *)_at);         \
		}                                                                                  \
		_value;                                                                            \
	})

/* Address of an embedded member: no load. */
#define KADDR(type, address, field) ((__u64)(address) + bpf_core_field_offset(type, field))

/* ki_complete is NULL exactly for synchronous kiocbs: is_sync_kiocb(), include/linux/fs.h. */
static __always_inline bool compat_kiocb_is_async(struct kiocb *kiocb)
{
	return KFIELD(kiocb, ki_complete) != 0;
}

/* IOCB_NOWAIT is RWF_NOWAIT since 5.10, include/linux/fs.h. */
#define IOR_IOCB_NOWAIT 8

static __always_inline bool compat_kiocb_is_nowait(struct kiocb *kiocb)
{
	return KFIELD(kiocb, ki_flags) & IOR_IOCB_NOWAIT;
}

static __always_inline struct inode *compat_kiocb_inode(struct kiocb *kiocb)
{
	return KFIELD(KFIELD(kiocb, ki_filp), f_inode);
}

/* s_magic and s_dev of the super block of an inode. */
static __always_inline __u64 compat_magic(struct inode *inode)
{
	return KFIELD(KFIELD(inode, i_sb), s_magic);
}

static __always_inline __u32 compat_dev(struct inode *inode)
{
	return KFIELD(KFIELD(inode, i_sb), s_dev);
}

/*
 * Direction from the iterator, as iov_iter_rw() has it (include/linux/uio.h): IOCB_WRITE is not set
 * for a plain pwrite(), seen on 6.1, 6.12 and 6.18.
 */
static __always_inline bool compat_iter_is_write(struct iov_iter *iter)
{
	return KFIELD(iter, data_source);
}

/* In an anonymous union on 6.6 and newer, a plain member on 6.1: CO-RE finds it by name. */
static __always_inline __u64 compat_iter_len(struct iov_iter *iter)
{
	return KFIELD(iter, count);
}

/* PREEMPT_RT builds rw_semaphore from an rt_mutex: there is no `count`. */
static __always_inline struct ior_lock_state compat_rwsem_state(struct rw_semaphore *rwsem,
								__u64 task)
{
	if (bpf_core_field_exists(struct rw_semaphore, count))
		return ior_rwsem_decode(KFIELD(rwsem, count.counter), KFIELD(rwsem, owner.counter),
					task);
	if (bpf_core_field_exists(struct rw_semaphore___rt, rwbase)) {
		struct rw_semaphore___rt *rt = (void *)rwsem;
		struct task_struct *owner = 0;
		int readers = 0;

		bpf_core_read(&readers, sizeof(readers), &rt->rwbase.readers.counter);
		bpf_core_read(&owner, sizeof(owner), &rt->rwbase.rtmutex.owner);
		return ior_rwbase_decode(readers, (__u64)owner, task);
	}
	return (struct ior_lock_state){IOR_LOCK_UNKNOWN, IOR_SELF_UNKNOWN};
}

/* The same of an inode, by loads that need no address of the lock. */
static __always_inline struct ior_lock_state compat_i_rwsem_state(struct inode *inode, __u64 task)
{
	if (bpf_core_field_exists(struct rw_semaphore, count))
		return ior_rwsem_decode(KFIELD(inode, i_rwsem.count.counter),
					KFIELD(inode, i_rwsem.owner.counter), task);
	return compat_rwsem_state(&inode->i_rwsem, task);
}

/*
 * The lock of the map from bytes to blocks: i_data_sem of ext4, ILOCK of XFS; 0: not known. The
 * inode lies within their own. ILOCK is a mrlock_t on 6.1, which begins with the rw_semaphore.
 */
static __always_inline __u64 compat_map_lock(__u64 inode, __u8 fs)
{
	if (fs == IOR_FS_EXT4 && bpf_core_field_exists(struct ext4_inode_info, i_data_sem))
		return inode - bpf_core_field_offset(struct ext4_inode_info, vfs_inode) +
		       bpf_core_field_offset(struct ext4_inode_info, i_data_sem);
	if (fs == IOR_FS_XFS && bpf_core_field_exists(struct xfs_inode, i_lock))
		return inode - bpf_core_field_offset(struct xfs_inode, i_vnode) +
		       bpf_core_field_offset(struct xfs_inode, i_lock);
	return 0;
}

/*
 * The current task, of which fields are read by plain loads. Not for elegance: where every return
 * goes through a thunk (SRSO, retbleed) a call costs 20 ns, bpf_get_current_comm() 120. From 6.2
 * (3f00c5239344, "bpf: Allow trusted pointers to be passed to KF_TRUSTED_ARGS kfuncs") the verifier
 * trusts this pointer, and what is read through it is not checked for a fault, as all else is.
 */
static __always_inline struct task_struct *compat_current(void)
{
	return bpf_get_current_task_btf();
}

static __always_inline void compat_task_ids(struct task_struct *task, struct ior_op *op)
{
	op->pid = task->tgid;
	op->tid = task->pid;
}

/* Of any task; 0 where the kernel has no cgroups. */
static __always_inline __u64 compat_task_cgroup_id(struct task_struct *task)
{
	if (!bpf_core_field_exists(struct task_struct, cgroups) ||
	    !bpf_core_field_exists(struct css_set, dfl_cgrp))
		return 0;
	return KFIELD(KFIELD(KFIELD(KFIELD(task, cgroups), dfl_cgrp), kn), id);
}

/*
 * Name of any task. Two words: 5.17 (3087c61ed2c4, "fs/exec: replace strlcpy with strscpy_pad in
 * __set_task_comm") pads names with zeros, and the cast is younger.
 */
static __always_inline void compat_task_comm(__u64 task, struct ior_op *op)
{
	__u64 *words = (__u64 *)op->comm; /* a copy of bytes would go byte by byte */
	__u64 at = KADDR(struct task_struct, task, comm);

	if (IOR_HAS_RDONLY_CAST) {
		words[0] = KWORD(at);
		words[1] = KWORD(at + sizeof(words[0]));
	} else {
		words[0] = words[1] = 0;
		bpf_probe_read_kernel_str(words, IOR_COMM_LEN, (void *)at);
	}
}

/*
 * Inode numbers of btrfs repeat in every subvolume, and stat(2) shows an anonymous device for each.
 * The types are in the module's BTF, which a cast cannot name, hence the helper.
 */
static __always_inline void compat_btrfs_identity(__u64 inode, struct ior_file *file)
{
	struct btrfs_inode *bi;
	struct btrfs_root *root = 0;

	if (!bpf_core_field_exists(struct btrfs_inode, root) ||
	    !bpf_core_field_exists(struct btrfs_root, anon_dev))
		return;
	bi = (void *)(inode - bpf_core_field_offset(struct btrfs_inode, vfs_inode));
	if (bpf_core_read(&root, sizeof(root), &bi->root) || !root)
		return;
	bpf_core_read(&file->subvol, sizeof(file->subvol), &root->root_key.objectid);
	bpf_core_read(&file->dev, sizeof(file->dev), &root->anon_dev);
}

#endif
