// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks as raw tracepoints. iomap_dio_rw_begin and iomap_dio_complete exist from 6.6.
 *
 * Where most is read (tp_btf) arguments are pointers that the verifier knows and trusts: their
 * fields need neither a cast nor the check for a fault that it adds to any other load, eight
 * instructions. Elsewhere (raw_tp) they are plain numbers.
 */
#include "dio.bpf.h"

#define RQ_BIOS_MAX 16 /* bound of the walk; beyond it iomap_dio_complete closes the window */

static __noinline __u64 dio_home_tp(void *ctx, struct task_struct *task, struct ior_cpu *cpu,
				    struct inode *inode, __u32 fs)
{
	struct op_run run = {.task = task, .cpu = cpu};
	__u64 *args = ctx;

	return dio_home(ctx, &run, (struct kiocb *)args[0], (struct iov_iter *)args[1], args[2],
			inode, fs);
}

static __noinline __u64 dio_search_tp(void *ctx, __u32 fs)
{
	__u64 *args = ctx;

	return dio_search(ctx, (struct kiocb *)args[0], (struct iov_iter *)args[1], args[2], fs);
}

/* (iocb, iter, dio_flags, done_before) */
SEC("?tp_btf/iomap_dio_rw_begin")
int dio_begin_tp(__u64 *args)
{
	return dio_begin_here(args, (struct kiocb *)args[0], (struct iov_iter *)args[1], args[2],
			      false, dio_home_tp, dio_search_tp);
}

/*
 * These two take the place of the others where no option asks for more. Those are settled when the
 * verifier sees them, but what had been loaded to ask for them would still be loaded.
 */
SEC("?tp_btf/iomap_dio_rw_begin")
int dio_begin_tp_plain(__u64 *args)
{
	IOR_EXTRAS(ASSUME_UNSET)
	return dio_begin_here(args, (struct kiocb *)args[0], (struct iov_iter *)args[1], args[2],
			      true, dio_home_tp, dio_search_tp);
}

SEC("?raw_tp/iomap_dio_complete")
int dio_complete_tp_plain(struct bpf_raw_tracepoint_args *ctx)
{
	IOR_EXTRAS(ASSUME_UNSET)
	return op_complete_wanted(ctx->args[0], (__s64)ctx->args[2] > 0);
}

/* Takes its arguments from the context again: the frames of the two have 512 bytes together. */
static __noinline int dio_begin_called(__u64 *args)
{
	if (ior_options.no_extras) {
		IOR_EXTRAS(ASSUME_UNSET)
		return dio_begin_here(args, (struct kiocb *)args[0], (struct iov_iter *)args[1],
				      args[2], true, dio_home_tp, dio_search_tp);
	}
	return dio_begin_here(args, (struct kiocb *)args[0], (struct iov_iter *)args[1], args[2],
			      true, dio_home_tp, dio_search_tp);
}

static __noinline int dio_complete_called(__u64 *args)
{
	return op_complete_wanted(as_number((struct kiocb *)args[0]), (__s64)args[2] > 0);
}

/*
 * These two take the place of the others where there is a file filter: whoever is turned away does
 * not pay for a large frame. From 64 bytes on, and since 6.13, it is not even on the kernel's own
 * stack (BPF_PRIV_STACK_MIN_SIZE, kernel/bpf/verifier.c).
 */
SEC("?tp_btf/iomap_dio_rw_begin")
int dio_begin_tp_filtered(__u64 *args)
{
	if (!IOR_HAS_RDONLY_CAST)
		return dio_begin_here(args, (struct kiocb *)args[0], (struct iov_iter *)args[1],
				      args[2], false, dio_home_tp, dio_search_tp);
	return op_is_wanted((struct kiocb *)args[0]) ? dio_begin_called(args) : 0;
}

/* (iocb, error, ret) */
SEC("?tp_btf/iomap_dio_complete")
int dio_complete_tp_filtered(__u64 *args)
{
	if (!kiocb_was_wanted((struct kiocb *)args[0]))
		return 0;
	if (ior_options.no_extras) {
		IOR_EXTRAS(ASSUME_UNSET)
		return op_complete_wanted(as_number((struct kiocb *)args[0]), (__s64)args[2] > 0);
	}
	return dio_complete_called(args);
}

/*
 * Every bio of the system comes by, so the cheapest question goes first. btrfs hands its bios over
 * under another end function: this does not see them.
 */
SEC("?raw_tp/block_bio_queue")
int dio_submit_tp(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 dio = op_any_is_pending() ? bio_dio(ctx->args[0]) : 0;

	return dio ? op_submit(dio_kiocb(dio)) : 0;
}

/* Late: after the end_io work, inode_dio_end() and the O_DSYNC flush. The fallback. */
SEC("?raw_tp/iomap_dio_complete")
int dio_complete_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return op_complete(ctx->args[0], (__s64)ctx->args[2] > 0);
}

SEC("?raw_tp/iomap_dio_invalidate_fail")
int dio_invalidate_fail_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return op_abandon(ctx->args[0], ctx->args[1], ctx->args[2]);
}

/*
 * The dio of a bio, or 0. A bio that was split counts its chained children in __bi_remaining, and
 * any of them may be the last to end: while one is out, leave the end to iomap_dio_complete.
 */
static __always_inline __u64 bio_whole_dio(__u64 bio)
{
	__u64 dio = bio_dio(bio);

	return dio && KREAD(struct bio, bio, __bi_remaining.counter) == 1 ? dio : 0;
}

/* Devices that take bios (dm, md, zram, pmem); the others complete requests. */
SEC("?raw_tp/block_bio_complete")
int bio_complete_tp(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 dio = bio_whole_dio(ctx->args[1]);

	return dio ? dio_bio_end(dio) : 0;
}

/*
 * A request may carry several bios, merged from one dio or from many; those of one dio are
 * neighbours. Called before the bios end. A partial completion ends some of them only: leave it to
 * iomap_dio_complete.
 */
SEC("?raw_tp/block_rq_complete")
int rq_complete_tp(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 rq = ctx->args[0];
	__u32 nr_bytes = ctx->args[2];
	__u64 bio = KPTR(struct request, rq, bio);
	__u64 dio = 0;
	int run = 0;

	if (!bio || nr_bytes < KREAD(struct request, rq, __data_len))
		return 0;
	for (int i = 0; i < RQ_BIOS_MAX; i++) {
		__u64 next_dio = bio ? bio_whole_dio(bio) : 0;

		if (next_dio != dio) {
			if (dio && dio_bios_are_over(dio, run))
				op_data_end_of_many(dio_kiocb(dio));
			dio = next_dio;
			run = 0;
		}
		run++;
		if (!bio)
			return 0;
		bio = KPTR(struct bio, bio, bi_next);
	}
	return 0;
}

/* Slow paths of every lock of the kernel; spans only. */
SEC("?raw_tp/contention_begin")
int lock_wait_begin_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return span_lock_wait_begin(ctx->args[0], ctx->args[1]);
}

SEC("?raw_tp/contention_end")
int lock_wait_end_tp(struct bpf_raw_tracepoint_args *ctx)
{
	return span_lock_wait_end(ctx->args[0], ctx->args[1]);
}
