/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ops whose window is one function call: the copy of DAX and buffered IO, the page cache being
 * dropped under a truncate, a fault that makes a page writable. What the hooks of all flavours have
 * in common.
 */
#ifndef IORACE_SYNC_BPF_H
#define IORACE_SYNC_BPF_H

#include "compat.bpf.h"
#include "op.bpf.h"

/*
 * One call of one kind at a time in one task; a fault may come in the middle of a copy, a truncate
 * in the middle of a failing write. A return probe knows the task and nothing else, so task and
 * kind are the identity. Both tasks and kiocbs are aligned to 8, so these differ from every kiocb.
 */
enum sync_site {
	SYNC_DAX = 1,
	SYNC_WRITE,
	SYNC_READ,
	SYNC_SIZE,
	SYNC_FAULT,
};
#define SYNC_KEY_MASK 7ULL

static __always_inline __u64 sync_key(enum sync_site site)
{
	return bpf_get_current_task() | site;
}

/* With spans the op is in the table already, under its kiocb; every hook has that then. */
static __always_inline __u64 sync_kiocb_key(enum sync_site site, __u64 kiocb)
{
	return ior_options.has_spans ? kiocb : sync_key(site);
}

static __always_inline int sync_begin(void *ctx, enum sync_site site, __u64 kiocb, __u64 iter,
				      enum ior_mode mode, enum ior_op_kind kind)
{
	struct kiocb *object = KOBJECT(struct kiocb, kiocb);
	struct op_desc desc = {
		.key = sync_kiocb_key(site, kiocb),
		.file = as_number(KFIELD(object, ki_filp)),
		.inode = as_number(compat_kiocb_inode(object)),
		.pos = KFIELD(object, ki_pos),
		.len_bytes = compat_iter_len(KOBJECT(struct iov_iter, iter)),
		.kind = kind,
		.mode = mode,
		.flags = compat_kiocb_is_async(object) ? IOR_OPF_ASYNC : 0,
	};

	range_lock_iter(iter);
	return op_begin(ctx, &desc);
}

static __always_inline int dax_begin(void *ctx, __u64 kiocb, __u64 iter)
{
	return sync_begin(ctx, SYNC_DAX, kiocb, iter, IOR_MODE_DAX,
			  compat_iter_is_write(KOBJECT(struct iov_iter, iter)) ? IOR_OP_WRITE
									       : IOR_OP_READ);
}

static __always_inline int buffered_write_begin(void *ctx, __u64 kiocb, __u64 iter)
{
	return sync_begin(ctx, SYNC_WRITE, kiocb, iter, IOR_MODE_BUFFERED, IOR_OP_WRITE);
}

static __always_inline int buffered_read_begin(void *ctx, __u64 kiocb, __u64 iter)
{
	return sync_begin(ctx, SYNC_READ, kiocb, iter, IOR_MODE_BUFFERED, IOR_OP_READ);
}

/* filemap_splice_read(in, ppos, pipe, len): the pages go to the pipe as they are. */
static __always_inline int splice_read_begin(void *ctx, __u64 file, __u64 ppos, __u64 len_bytes)
{
	struct op_desc desc = {
		.key = sync_key(SYNC_READ),
		.file = file,
		.inode = KPTR(struct file, file, f_inode),
		.pos = KWORD(ppos),
		.len_bytes = len_bytes,
		.kind = IOR_OP_READ,
		.mode = IOR_MODE_BUFFERED,
	};

	return op_begin(ctx, &desc);
}

/*
 * Truncate, punch, zero, collapse, insert, reflink: all drop the page cache of what they change
 * right before or while they change it, under i_rwsem and invalidate_lock, both exclusive. A read
 * that comes later finds no page, and waits for invalidate_lock or sees the new i_size.
 */
static __always_inline int size_begin(void *ctx, __u64 inode, __u64 start, __u64 end)
{
	struct op_desc desc = {
		.key = sync_key(SYNC_SIZE),
		.inode = inode,
		.pos = start,
		.len_bytes = end > start ? end - start : 0,
		.kind = IOR_OP_SIZE,
		.mode = IOR_MODE_SIZE,
	};

	return op_begin(ctx, &desc);
}

#define SIZE_TO_THE_END (1ULL << 63) /* one more than the last offset a file can have */

static __always_inline int truncate_begin(void *ctx, __u64 inode, __u64 new_size)
{
	return size_begin(ctx, inode, new_size, SIZE_TO_THE_END);
}

/* `last`: -1 means to the end, truncate_pagecache_range(), mm/truncate.c. */
static __always_inline int drop_range_begin(void *ctx, __u64 inode, __u64 start, __u64 last)
{
	return size_begin(ctx, inode, start, last == ~0ULL ? SIZE_TO_THE_END : last + 1);
}

#define IOR_VM_SHARED 0x8 /* include/linux/mm.h */
#define IOR_PAGE_SHIFT 12
#define IOR_PMD_SHIFT 21

/* From here on the task may store into the page, and nobody sees when. */
static __always_inline int fault_begin(void *ctx, __u64 vmf, enum ior_mode mode, int shift)
{
	__u64 vma = KPTR(struct vm_fault, vmf, vma);
	__u64 file = KPTR(struct vm_area_struct, vma, vm_file);
	__u64 start = KREAD(struct vm_fault, vmf, pgoff) << IOR_PAGE_SHIFT;
	struct op_desc desc = {
		.key = sync_key(SYNC_FAULT),
		.file = file,
		.pos = start >> shift << shift,
		.len_bytes = 1ULL << shift,
		.kind = IOR_OP_MMAP,
		.mode = mode,
	};

	if (!file || !(KREAD(struct vm_area_struct, vma, vm_flags) & IOR_VM_SHARED))
		return 0;
	desc.inode = KPTR(struct file, file, f_inode);
	return op_begin(ctx, &desc);
}

static __always_inline int page_fault_begin(void *ctx, __u64 vmf)
{
	return fault_begin(ctx, vmf, IOR_MODE_BUFFERED, IOR_PAGE_SHIFT);
}

/* `order`: of pages, or enum page_entry_size before 6.6; zero is one page in both. */
static __always_inline int dax_fault_begin(void *ctx, __u64 vmf, __u32 order)
{
	if (!(KREAD(struct vm_fault, vmf, flags) & FAULT_FLAG_WRITE))
		return 0;
	return fault_begin(ctx, vmf, IOR_MODE_DAX, order ? IOR_PMD_SHIFT : IOR_PAGE_SHIFT);
}

/* The call on this kiocb returned. */
static __always_inline int sync_kiocb_end(enum sync_site site, __u64 kiocb)
{
	__u64 file = KPTR(struct kiocb, kiocb, ki_filp);

	return op_end(sync_kiocb_key(site, kiocb), KPTR(struct file, file, f_inode), kiocb);
}

/* The call returned. `file`: what it was on, 0 where the hook cannot tell. */
static __always_inline int sync_end(enum sync_site site, __u64 file)
{
	return op_end(sync_key(site), file ? KPTR(struct file, file, f_inode) : 0, 0);
}

/* ---- spans ----------------------------------------------------------------------------------- */

#define IOR_IOCB_APPEND 16	  /* RWF_APPEND, include/uapi/linux/fs.h */
#define IOR_IOCB_DIRECT (1 << 17) /* since 5.10, include/linux/fs.h */
#define IOR_S_DAX (1 << 13)	  /* include/linux/fs.h */

static __always_inline enum ior_mode expected_mode(__u64 inode, int ki_flags)
{
	if (KREAD(struct inode, inode, i_flags) & IOR_S_DAX)
		return IOR_MODE_DAX;
	return ki_flags & IOR_IOCB_DIRECT ? IOR_MODE_DIRECT : IOR_MODE_BUFFERED;
}

/* Where an append lands is known under the lock only; mostly it is where the file ends now. */
static __always_inline __u64 announced_pos(__u64 kiocb, __u64 inode, enum ior_op_kind kind,
					   int ki_flags)
{
	if (kind == IOR_OP_WRITE && (ki_flags & IOR_IOCB_APPEND))
		return KREAD(struct inode, inode, i_size);
	return KREAD(struct kiocb, kiocb, ki_pos);
}

static __always_inline int span_begin(__u64 kiocb, __u64 iter, enum ior_op_kind kind)
{
	struct kiocb *object = KOBJECT(struct kiocb, kiocb);
	int ki_flags = KFIELD(object, ki_flags);
	struct op_desc desc = {
		.key = kiocb,
		.file = as_number(KFIELD(object, ki_filp)),
		.inode = as_number(compat_kiocb_inode(object)),
		.len_bytes = compat_iter_len(KOBJECT(struct iov_iter, iter)),
		.kind = kind,
		.flags = compat_kiocb_is_async(object) ? IOR_OPF_ASYNC : 0,
		.stacks = {-1, -1},
	};

	desc.pos = announced_pos(kiocb, desc.inode, kind, ki_flags);
	desc.mode = expected_mode(desc.inode, ki_flags);
	return op_span_begin(&desc);
}

/* One for each task, as their windows are; see sync_key(). */
static __always_inline int size_span_begin(__u64 inode, __u64 file, __u64 start, __u64 end)
{
	struct op_desc desc = {
		.key = sync_key(SYNC_SIZE),
		.inode = inode,
		.file = file,
		.pos = start,
		.len_bytes = end > start ? end - start : 0,
		.kind = IOR_OP_SIZE,
		.mode = IOR_MODE_SIZE,
		.stacks = {-1, -1},
	};

	return op_span_begin(&desc);
}

static __always_inline int truncate_span_begin(__u64 dentry, __u64 new_size, __u64 file)
{
	return size_span_begin(KPTR(struct dentry, dentry, d_inode), file, new_size,
			       SIZE_TO_THE_END);
}

/* include/uapi/linux/falloc.h; the last one is of 6.17. */
#define IOR_FALLOC_PUNCH_HOLE 0x02
#define IOR_FALLOC_COLLAPSE_RANGE 0x08
#define IOR_FALLOC_ZERO_RANGE 0x10
#define IOR_FALLOC_INSERT_RANGE 0x20
#define IOR_FALLOC_WRITE_ZEROES 0x80
#define IOR_FALLOC_CHANGES (IOR_FALLOC_PUNCH_HOLE | IOR_FALLOC_ZERO_RANGE | IOR_FALLOC_WRITE_ZEROES)
#define IOR_FALLOC_SHIFTS (IOR_FALLOC_COLLAPSE_RANGE | IOR_FALLOC_INSERT_RANGE)

/* What merely allocates changes no byte. */
static __always_inline int fallocate_span_begin(__u64 file, int mode, __u64 start, __u64 len_bytes)
{
	__u64 inode = KPTR(struct file, file, f_inode);

	if (mode & IOR_FALLOC_SHIFTS)
		return size_span_begin(inode, file, start, SIZE_TO_THE_END);
	if (mode & IOR_FALLOC_CHANGES)
		return size_span_begin(inode, file, start, start + len_bytes);
	return 0;
}

/* Reflink, dedupe, the copy that is one: what is written is where the blocks come to. */
static __always_inline int remap_span_begin(__u64 file, __u64 start, __u64 len_bytes)
{
	return size_span_begin(KPTR(struct file, file, f_inode), file, start, start + len_bytes);
}

/* What changed no page of the page cache had no window. */
static __always_inline int size_span_end(void)
{
	return op_drop(sync_key(SYNC_SIZE));
}

#endif
