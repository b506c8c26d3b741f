// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks as fentry and fexit. Arguments are fetched as numbers: a typed pointer could not be hashed.
 * A function of more than six arguments refuses fentry on x86 before 6.6 (-ENOTSUPP).
 */
#include "dio.bpf.h"

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

SEC("?fentry/__iomap_dio_rw")
int dio_begin_fentry(void *ctx)
{
	return dio_begin(ctx, arg(ctx, 0), arg(ctx, 1), arg(ctx, 4));
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
	return dio_bios_end(KPTR(struct bio, arg(ctx, 0), bi_private), 1);
}

SEC("?fentry/iomap_dio_complete")
int dio_complete_fentry(void *ctx)
{
	return op_complete(dio_kiocb(arg(ctx, 0)));
}

/* Where __iomap_dio_rw() cannot be hooked on return, the file operation above it can. */
static __always_inline int file_iter_return(void *ctx)
{
	__s64 ret = result(ctx);

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
