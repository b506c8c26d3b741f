// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks as fentry and fexit. Arguments are fetched as numbers: most of them are to be hashed.
 * A function of more than six arguments refuses fentry on x86 before 6.6 (-ENOTSUPP).
 *
 * The kernel skips a program while a run of it is under way on the same CPU (prog->active,
 * kernel/bpf/trampoline.c). Where tasks can be preempted in one, begins are better seen by kprobe,
 * and each fexit program is attached twice: the double runs right behind the first and ends what
 * that was not there to end. A call that has ended is not found again.
 */
#include "dio.bpf.h"
#include "sync.bpf.h"

#include <bpf/bpf_tracing.h>

static __always_inline __u64 arg(void *ctx, __u32 n)
{
	__u64 value = 0;

	bpf_get_func_arg(ctx, n, &value);
	return value;
}

static __always_inline __s64 result(void *ctx)
{
	__u64 value = 0;

	bpf_get_func_ret(ctx, &value);
	return value;
}

static __noinline __u64 dio_home_fentry(void *ctx, struct task_struct *task, struct ior_cpu *cpu,
					struct inode *inode, __u32 fs)
{
	struct op_run run = {.task = task, .cpu = cpu};

	return dio_home(ctx, &run, KOBJECT(struct kiocb, arg(ctx, 0)),
			KOBJECT(struct iov_iter, arg(ctx, 1)), arg(ctx, 4), inode, fs);
}

static __noinline __u64 dio_search_fentry(void *ctx, __u32 fs)
{
	return dio_search(ctx, KOBJECT(struct kiocb, arg(ctx, 0)),
			  KOBJECT(struct iov_iter, arg(ctx, 1)), arg(ctx, 4), fs);
}

SEC("?fentry/__iomap_dio_rw")
int dio_begin_fentry(void *ctx)
{
	return dio_begin(ctx, KOBJECT(struct kiocb, arg(ctx, 0)),
			 KOBJECT(struct iov_iter, arg(ctx, 1)), arg(ctx, 4), dio_home_fentry,
			 dio_search_fentry);
}

SEC("?fexit/__iomap_dio_rw")
int dio_return_fexit(void *ctx)
{
	return dio_return(arg(ctx, 0), result(ctx));
}

SEC("?fentry/iomap_dio_submit_bio")
int dio_submit_fentry(void *ctx)
{
	return op_submit(dio_kiocb(arg(ctx, 1)));
}

SEC("?fentry/iomap_dio_bio_end_io")
int dio_bio_end_fentry(void *ctx)
{
	return dio_bio_end(KPTR(struct bio, arg(ctx, 0), bi_private));
}

SEC("?fentry/iomap_dio_complete")
int dio_complete_fentry(void *ctx)
{
	return op_complete(dio_kiocb(arg(ctx, 0)), dio_has_moved(arg(ctx, 0)));
}

SEC("?fexit/invalidate_inode_pages2_range")
int stale_pages_fexit(void *ctx)
{
	__u64 mapping = arg(ctx, 0);

	if ((int)result(ctx) >= 0)
		return 0;
	return op_left_stale_pages(KPTR(struct address_space, mapping, host), arg(ctx, 1),
				   arg(ctx, 2));
}

/* Where __iomap_dio_rw() cannot be hooked on return, the file operation above it can. */
static __always_inline int file_iter_return(void *ctx)
{
	__s64 ret = result(ctx);

	if (ior_options.has_range_lock)
		span_left();
	return ret == -IOR_EIOCBQUEUED ? 0 : op_drop(arg(ctx, 0));
}

SEC("?fexit/ext4_file_read_iter")
int ext4_read_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/ext4_file_write_iter")
int ext4_write_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/xfs_file_read_iter")
int xfs_read_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/xfs_file_write_iter")
int xfs_write_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/btrfs_file_write_iter")
int btrfs_write_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/f2fs_file_read_iter")
int f2fs_read_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fexit/f2fs_file_write_iter")
int f2fs_write_return_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

/* ---- ops whose window is one call ------------------------------------------------------------ */

SEC("?fentry/dax_iomap_rw")
int dax_begin_fentry(void *ctx)
{
	return dax_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/dax_iomap_rw")
int dax_end_fexit(void *ctx)
{
	return sync_kiocb_end(SYNC_DAX, arg(ctx, 0));
}

SEC("?fentry/generic_perform_write")
int perform_write_begin_fentry(void *ctx)
{
	return buffered_write_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/generic_perform_write")
int perform_write_end_fexit(void *ctx)
{
	return sync_kiocb_end(SYNC_WRITE, arg(ctx, 0));
}

SEC("?fentry/iomap_file_buffered_write")
int iomap_write_begin_fentry(void *ctx)
{
	return buffered_write_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/iomap_file_buffered_write")
int iomap_write_end_fexit(void *ctx)
{
	return sync_kiocb_end(SYNC_WRITE, arg(ctx, 0));
}

SEC("?fentry/filemap_read")
int filemap_read_begin_fentry(void *ctx)
{
	return buffered_read_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/filemap_read")
int filemap_read_end_fexit(void *ctx)
{
	return sync_kiocb_end(SYNC_READ, arg(ctx, 0));
}

SEC("?fentry/filemap_splice_read")
int splice_read_begin_fentry(void *ctx)
{
	return splice_read_begin(ctx, arg(ctx, 0), arg(ctx, 1), arg(ctx, 3));
}

SEC("?fexit/filemap_splice_read")
int splice_read_end_fexit(void *ctx)
{
	return sync_end(SYNC_READ, arg(ctx, 0));
}

SEC("?fentry/truncate_pagecache")
int truncate_begin_fentry(void *ctx)
{
	return truncate_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/truncate_pagecache")
int truncate_end_fexit(void *ctx)
{
	return sync_end(SYNC_SIZE, 0);
}

SEC("?fentry/truncate_pagecache_range")
int drop_range_begin_fentry(void *ctx)
{
	return drop_range_begin(ctx, arg(ctx, 0), arg(ctx, 1), arg(ctx, 2));
}

SEC("?fexit/truncate_pagecache_range")
int drop_range_end_fexit(void *ctx)
{
	return sync_end(SYNC_SIZE, 0);
}

SEC("?fentry/dax_iomap_fault")
int dax_fault_begin_fentry(void *ctx)
{
	return dax_fault_begin(ctx, arg(ctx, 0), arg(ctx, 1));
}

SEC("?fexit/dax_iomap_fault")
int dax_fault_end_fexit(void *ctx)
{
	return sync_end(SYNC_FAULT, 0);
}

SEC("?fentry/iomap_page_mkwrite")
int iomap_mkwrite_begin_fentry(void *ctx)
{
	return page_fault_begin(ctx, arg(ctx, 0));
}

SEC("?fexit/iomap_page_mkwrite")
int iomap_mkwrite_end_fexit(void *ctx)
{
	return sync_end(SYNC_FAULT, 0);
}

SEC("?fentry/ext4_page_mkwrite")
int ext4_mkwrite_begin_fentry(void *ctx)
{
	return page_fault_begin(ctx, arg(ctx, 0));
}

SEC("?fexit/ext4_page_mkwrite")
int ext4_mkwrite_end_fexit(void *ctx)
{
	return sync_end(SYNC_FAULT, 0);
}

SEC("?fentry/btrfs_page_mkwrite")
int btrfs_mkwrite_begin_fentry(void *ctx)
{
	return page_fault_begin(ctx, arg(ctx, 0));
}

SEC("?fexit/btrfs_page_mkwrite")
int btrfs_mkwrite_end_fexit(void *ctx)
{
	return sync_end(SYNC_FAULT, 0);
}

SEC("?fentry/filemap_page_mkwrite")
int filemap_mkwrite_begin_fentry(void *ctx)
{
	return page_fault_begin(ctx, arg(ctx, 0));
}

SEC("?fexit/filemap_page_mkwrite")
int filemap_mkwrite_end_fexit(void *ctx)
{
	return sync_end(SYNC_FAULT, 0);
}

/* ---- spans ----------------------------------------------------------------------------------- */

SEC("?fentry/ext4_file_read_iter")
int ext4_read_span_begin_fentry(void *ctx)
{
	return span_begin(arg(ctx, 0), arg(ctx, 1), IOR_OP_READ);
}

SEC("?fexit/ext4_file_read_iter")
int ext4_read_span_end_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fentry/ext4_file_write_iter")
int ext4_write_span_begin_fentry(void *ctx)
{
	return span_begin(arg(ctx, 0), arg(ctx, 1), IOR_OP_WRITE);
}

SEC("?fexit/ext4_file_write_iter")
int ext4_write_span_end_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fentry/xfs_file_read_iter")
int xfs_read_span_begin_fentry(void *ctx)
{
	return span_begin(arg(ctx, 0), arg(ctx, 1), IOR_OP_READ);
}

SEC("?fexit/xfs_file_read_iter")
int xfs_read_span_end_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

SEC("?fentry/xfs_file_write_iter")
int xfs_write_span_begin_fentry(void *ctx)
{
	return span_begin(arg(ctx, 0), arg(ctx, 1), IOR_OP_WRITE);
}

SEC("?fexit/xfs_file_write_iter")
int xfs_write_span_end_fexit(void *ctx)
{
	return file_iter_return(ctx);
}

/* Both before i_rwsem is taken. */
SEC("?fentry/do_truncate")
int truncate_span_begin_fentry(void *ctx)
{
	return truncate_span_begin(arg(ctx, 1), arg(ctx, 2), arg(ctx, 4));
}

SEC("?fexit/do_truncate")
int truncate_span_end_fexit(void *ctx)
{
	return size_span_end();
}

SEC("?fentry/vfs_fallocate")
int fallocate_span_begin_fentry(void *ctx)
{
	return fallocate_span_begin(arg(ctx, 0), arg(ctx, 1), arg(ctx, 2), arg(ctx, 3));
}

SEC("?fexit/vfs_fallocate")
int fallocate_span_end_fexit(void *ctx)
{
	return size_span_end();
}

SEC("?fentry/xfs_file_remap_range")
int remap_span_begin_fentry(void *ctx)
{
	return remap_span_begin(arg(ctx, 2), arg(ctx, 3), arg(ctx, 4));
}

SEC("?fexit/xfs_file_remap_range")
int remap_span_end_fexit(void *ctx)
{
	return size_span_end();
}

SEC("?fentry/inode_dio_wait")
int dio_wait_begin_fentry(void *ctx)
{
	return span_dio_wait_begin(arg(ctx, 0));
}

SEC("?fexit/inode_dio_wait")
int dio_wait_end_fexit(void *ctx)
{
	return span_dio_wait_end(arg(ctx, 0));
}
