/* SPDX-License-Identifier: GPL-2.0 */
/* What the direct IO hooks of all flavours have in common: arguments to op_desc, bio to kiocb. */
#ifndef IORACE_DIO_BPF_H
#define IORACE_DIO_BPF_H

#include "compat.bpf.h"
#include "op.bpf.h"

#define IOR_EIOCBQUEUED 529 /* include/linux/errno.h */

/* include/linux/iomap.h, since 5.13: fail rather than allocate or zero. */
#define IOR_IOMAP_DIO_OVERWRITE_ONLY 2

/* Since 5.11: asynchronous by its kiocb, but it does not return before it is over. */
#define IOR_IOMAP_DIO_FORCE_WAIT 1

/*
 * XFS tries an unaligned write under the shared lock first, and io_uring everything without
 * waiting: both may come back with -EAGAIN after the begin, having moved nothing, and begin again
 * under other locks. The window of such an op opens at its first bio.
 */
static __always_inline void dio_describe(struct op_desc *desc, struct kiocb *kiocb,
					 struct iov_iter *iter, __u32 dio_flags)
{
	desc->key = as_number(kiocb);
	desc->pos = KFIELD(kiocb, ki_pos);
	desc->len_bytes = compat_iter_len(iter);
	desc->kind = compat_iter_is_write(iter) ? IOR_OP_WRITE : IOR_OP_READ;
	desc->mode = IOR_MODE_DIRECT;
	desc->flags = (compat_kiocb_is_async(kiocb) ? IOR_OPF_ASYNC : 0) |
		      (dio_flags & IOR_IOMAP_DIO_FORCE_WAIT ? IOR_OPF_HOLDS : 0);
	desc->tentative = (dio_flags & IOR_IOMAP_DIO_OVERWRITE_ONLY) |
			  compat_kiocb_is_nowait(kiocb) | ior_options.locks_inside;
}

/* A begin that is not plain; see op_begin_direct(). */
static __always_inline __u64 dio_home(void *ctx, const struct op_run *run, struct kiocb *kiocb,
				      struct iov_iter *iter, __u32 dio_flags, struct inode *inode,
				      __u32 fs)
{
	struct op_desc desc = {};

	dio_describe(&desc, kiocb, iter, dio_flags);
	desc.file = as_number(KFIELD(kiocb, ki_filp));
	desc.inode = as_number(inode);
	desc.fs = fs;
	desc.admitted = 1;
	return op_enter_home(ctx, run, &desc, inode);
}

static __always_inline __u64 dio_search(void *ctx, struct kiocb *kiocb, struct iov_iter *iter,
					__u32 dio_flags, __u32 fs)
{
	struct op_desc desc = {};

	dio_describe(&desc, kiocb, iter, dio_flags);
	desc.file = as_number(KFIELD(kiocb, ki_filp));
	desc.inode = as_number(compat_kiocb_inode(kiocb));
	desc.fs = fs;
	desc.admitted = 1;
	return op_enter_search(ctx, &desc);
}

/*
 * What is not tracked goes before anything else is read. Where each read is a call, inlining gains
 * little, and their buffers leave too little of the stack to the slow paths. `is_wanted`: the file
 * filters have been asked.
 */
static __always_inline int dio_begin_here(void *ctx, struct kiocb *kiocb, struct iov_iter *iter,
					  __u32 dio_flags, bool is_wanted, op_home_fn home,
					  op_search_fn search)
{
	struct op_run run = IOR_HAS_RDONLY_CAST ? op_run() : (struct op_run){};
	struct file *file = KFIELD(kiocb, ki_filp);
	struct inode *inode = KFIELD(file, f_inode);
	struct op_desc desc = {};
	int fs = IOR_FS_OTHER;

	if (IOR_HAS_RDONLY_CAST && !run.cpu)
		return 0;
	if (IOR_HAS_RDONLY_CAST)
		fs = is_wanted ? op_admit_wanted(inode, IOR_MODE_DIRECT)
			       : op_admit(inode, as_number(file), IOR_MODE_DIRECT);
	if (fs < 0)
		return 0;
	dio_describe(&desc, kiocb, iter, dio_flags);
	desc.file = as_number(file);
	desc.inode = as_number(inode);
	desc.fs = fs;
	desc.admitted = IOR_HAS_RDONLY_CAST;
	return IOR_HAS_RDONLY_CAST ? op_begin_direct(ctx, &run, &desc, inode, home, search)
				   : op_begin(ctx, &desc);
}

#define ASSUME_UNSET(field) __builtin_assume(!ior_options.field); /* in a list */

/* The verifier knows the options, and takes out that of the two which is not for them. */
static __always_inline int dio_begin(void *ctx, struct kiocb *kiocb, struct iov_iter *iter,
				     __u32 dio_flags, op_home_fn home, op_search_fn search)
{
	if (ior_options.no_extras && !ior_options.filters_files) {
		IOR_EXTRAS(ASSUME_UNSET)
		return dio_begin_here(ctx, kiocb, iter, dio_flags, true, home, search);
	}
	return dio_begin_here(ctx, kiocb, iter, dio_flags, false, home, search);
}

static __always_inline __u64 dio_kiocb(__u64 dio)
{
	return KPTR(struct iomap_dio, dio, iocb);
}

/* The dio of a bio of direct IO, or 0: others have another end function. */
static __always_inline __u64 bio_dio(__u64 bio)
{
	if (KPTR(struct bio, bio, bi_end_io) != ior_options.dio_bio_end_io)
		return 0;
	return KPTR(struct bio, bio, bi_private);
}

/* At iomap_dio_complete(): has it moved anything? */
static __always_inline bool dio_has_moved(__u64 dio)
{
	return !KREAD(struct iomap_dio, dio, error) && KREAD(struct iomap_dio, dio, size) > 0;
}

/*
 * References on a dio: one of the submitter until it has sent the last bio, one of each bio in
 * flight. If `ending` bios of it end now and nobody else holds one, all data has moved. If the
 * submitter still holds his, iomap_dio_complete() follows in his task.
 */
static __always_inline bool dio_bios_are_over(__u64 dio, int ending)
{
	return KREAD(struct iomap_dio, dio, ref.counter) == ending;
}

static __always_inline int dio_bio_end(__u64 dio)
{
	return dio_bios_are_over(dio, 1) ? op_data_end(dio_kiocb(dio)) : 0;
}

/* Result of __iomap_dio_rw(): anything but a dio or "queued" means that nothing will complete. */
static __always_inline int dio_return(__u64 kiocb, __s64 ret)
{
	bool is_error = ret < 0 && ret >= -4095;

	if (ret == 0 || (is_error && ret != -IOR_EIOCBQUEUED))
		return op_retry(kiocb);
	return 0;
}

#endif
