// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks as kprobes: the last resort, but for begins on kernels where tasks can be preempted in a
 * program, which a handler of a kprobe never is (hooks_fentry.bpf.c). Direct IO and spans do
 * without kretprobes: they sleep with the op, and above max(10, 2 * CPUs) sleepers the kernel drops
 * returns (kernel/kprobes.c). An op whose window is one call has no other end; one that begins once
 * more without having ended counts as the loss missed_runs.
 */
#include "dio.bpf.h"
#include "sync.bpf.h"

#include <bpf/bpf_tracing.h>

static __noinline __u64 dio_home_kprobe(void *at, struct task_struct *task, struct ior_cpu *cpu,
					struct inode *inode, __u32 fs)
{
	struct op_run run = {.task = task, .cpu = cpu};
	struct pt_regs *ctx = at;

	return dio_home(ctx, &run, KOBJECT(struct kiocb, PT_REGS_PARM1(ctx)),
			KOBJECT(struct iov_iter, PT_REGS_PARM2(ctx)), PT_REGS_PARM5(ctx), inode,
			fs);
}

static __noinline __u64 dio_search_kprobe(void *at, __u32 fs)
{
	struct pt_regs *ctx = at;

	return dio_search(ctx, KOBJECT(struct kiocb, PT_REGS_PARM1(ctx)),
			  KOBJECT(struct iov_iter, PT_REGS_PARM2(ctx)), PT_REGS_PARM5(ctx), fs);
}

SEC("?kprobe/__iomap_dio_rw")
int dio_begin_kprobe(struct pt_regs *ctx)
{
	return dio_begin(ctx, KOBJECT(struct kiocb, PT_REGS_PARM1(ctx)),
			 KOBJECT(struct iov_iter, PT_REGS_PARM2(ctx)), PT_REGS_PARM5(ctx),
			 dio_home_kprobe, dio_search_kprobe);
}

SEC("?kprobe/iomap_dio_submit_bio")
int dio_submit_kprobe(struct pt_regs *ctx)
{
	return op_submit(dio_kiocb(PT_REGS_PARM2(ctx)));
}

SEC("?kprobe/iomap_dio_bio_end_io")
int dio_bio_end_kprobe(struct pt_regs *ctx)
{
	return dio_bio_end(KPTR(struct bio, PT_REGS_PARM1(ctx), bi_private));
}

SEC("?kprobe/iomap_dio_complete")
int dio_complete_kprobe(struct pt_regs *ctx)
{
	__u64 dio = PT_REGS_PARM1(ctx);

	return op_complete(dio_kiocb(dio), dio_has_moved(dio));
}

/* ---- ops whose window is one call ------------------------------------------------------------ */

SEC("?kprobe/dax_iomap_rw")
int dax_begin_kprobe(struct pt_regs *ctx)
{
	return dax_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/dax_iomap_rw")
int dax_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_DAX, 0);
}

SEC("?kprobe/generic_perform_write")
int perform_write_begin_kprobe(struct pt_regs *ctx)
{
	return buffered_write_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/generic_perform_write")
int perform_write_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_WRITE, 0);
}

SEC("?kprobe/iomap_file_buffered_write")
int iomap_write_begin_kprobe(struct pt_regs *ctx)
{
	return buffered_write_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/iomap_file_buffered_write")
int iomap_write_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_WRITE, 0);
}

SEC("?kprobe/filemap_read")
int filemap_read_begin_kprobe(struct pt_regs *ctx)
{
	return buffered_read_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/filemap_read")
int filemap_read_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_READ, 0);
}

SEC("?kprobe/filemap_splice_read")
int splice_read_begin_kprobe(struct pt_regs *ctx)
{
	return splice_read_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx));
}

SEC("?kretprobe/filemap_splice_read")
int splice_read_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_READ, 0);
}

SEC("?kprobe/truncate_pagecache")
int truncate_begin_kprobe(struct pt_regs *ctx)
{
	return truncate_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/truncate_pagecache")
int truncate_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_SIZE, 0);
}

SEC("?kprobe/truncate_pagecache_range")
int drop_range_begin_kprobe(struct pt_regs *ctx)
{
	return drop_range_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
}

SEC("?kretprobe/truncate_pagecache_range")
int drop_range_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_SIZE, 0);
}

SEC("?kprobe/dax_iomap_fault")
int dax_fault_begin_kprobe(struct pt_regs *ctx)
{
	return dax_fault_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
}

SEC("?kretprobe/dax_iomap_fault")
int dax_fault_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_FAULT, 0);
}

SEC("?kprobe/iomap_page_mkwrite")
int iomap_mkwrite_begin_kprobe(struct pt_regs *ctx)
{
	return page_fault_begin(ctx, PT_REGS_PARM1(ctx));
}

SEC("?kretprobe/iomap_page_mkwrite")
int iomap_mkwrite_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_FAULT, 0);
}

SEC("?kprobe/ext4_page_mkwrite")
int ext4_mkwrite_begin_kprobe(struct pt_regs *ctx)
{
	return page_fault_begin(ctx, PT_REGS_PARM1(ctx));
}

SEC("?kretprobe/ext4_page_mkwrite")
int ext4_mkwrite_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_FAULT, 0);
}

SEC("?kprobe/btrfs_page_mkwrite")
int btrfs_mkwrite_begin_kprobe(struct pt_regs *ctx)
{
	return page_fault_begin(ctx, PT_REGS_PARM1(ctx));
}

SEC("?kretprobe/btrfs_page_mkwrite")
int btrfs_mkwrite_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_FAULT, 0);
}

SEC("?kprobe/filemap_page_mkwrite")
int filemap_mkwrite_begin_kprobe(struct pt_regs *ctx)
{
	return page_fault_begin(ctx, PT_REGS_PARM1(ctx));
}

SEC("?kretprobe/filemap_page_mkwrite")
int filemap_mkwrite_end_kretprobe(void *ctx)
{
	(void)ctx;
	return sync_end(SYNC_FAULT, 0);
}

/* ---- spans ----------------------------------------------------------------------------------- */

SEC("?kprobe/ext4_file_read_iter")
int ext4_read_span_begin_kprobe(struct pt_regs *ctx)
{
	return span_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), IOR_OP_READ);
}

SEC("?kprobe/ext4_file_write_iter")
int ext4_write_span_begin_kprobe(struct pt_regs *ctx)
{
	return span_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), IOR_OP_WRITE);
}

SEC("?kprobe/xfs_file_read_iter")
int xfs_read_span_begin_kprobe(struct pt_regs *ctx)
{
	return span_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), IOR_OP_READ);
}

SEC("?kprobe/xfs_file_write_iter")
int xfs_write_span_begin_kprobe(struct pt_regs *ctx)
{
	return span_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), IOR_OP_WRITE);
}

SEC("?kprobe/do_truncate")
int truncate_span_begin_kprobe(struct pt_regs *ctx)
{
	return truncate_span_begin(PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx), PT_REGS_PARM5(ctx));
}

SEC("?kprobe/vfs_fallocate")
int fallocate_span_begin_kprobe(struct pt_regs *ctx)
{
	return fallocate_span_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx),
				    PT_REGS_PARM4(ctx));
}

SEC("?kprobe/xfs_file_remap_range")
int remap_span_begin_kprobe(struct pt_regs *ctx)
{
	return remap_span_begin(PT_REGS_PARM3(ctx), PT_REGS_PARM4(ctx), PT_REGS_PARM5(ctx));
}

SEC("?kprobe/inode_dio_wait")
int dio_wait_begin_kprobe(struct pt_regs *ctx)
{
	return span_dio_wait_begin(PT_REGS_PARM1(ctx));
}
