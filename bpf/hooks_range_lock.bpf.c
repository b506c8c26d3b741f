// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks on the functions of a range lock that the user names: one pair of programs for each, since
 * fentry and fexit are loaded for one function, and one pair of probes for any.
 */
#include "range_lock_calls.bpf.h"

static __always_inline int range_lock_fentry(void *ctx, __u32 function)
{
	struct range_lock_args args;

	for (__u32 n = 0; n < IOR_RANGE_LOCK_ARGS_MAX; n++)
		args.values[n] = arg(ctx, n); /* 0 where there are fewer */
	return range_lock_enters(&args, function);
}

static __always_inline int range_lock_fexit(void *ctx, __u32 function)
{
	return range_lock_returns(function, result(ctx));
}

SEC("?fentry")
int range_lock_0_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 0);
}

SEC("?fexit")
int range_lock_0_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 0);
}

SEC("?fentry")
int range_lock_1_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 1);
}

SEC("?fexit")
int range_lock_1_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 1);
}

SEC("?fentry")
int range_lock_2_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 2);
}

SEC("?fexit")
int range_lock_2_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 2);
}

SEC("?fentry")
int range_lock_3_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 3);
}

SEC("?fexit")
int range_lock_3_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 3);
}

SEC("?fentry")
int range_lock_4_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 4);
}

SEC("?fexit")
int range_lock_4_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 4);
}

SEC("?fentry")
int range_lock_5_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 5);
}

SEC("?fexit")
int range_lock_5_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 5);
}

SEC("?fentry")
int range_lock_6_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 6);
}

SEC("?fexit")
int range_lock_6_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 6);
}

SEC("?fentry")
int range_lock_7_fentry(void *ctx)
{
	return range_lock_fentry(ctx, 7);
}

SEC("?fexit")
int range_lock_7_fexit(void *ctx)
{
	return range_lock_fexit(ctx, 7);
}

/* Five arguments are what a probe can be asked for. */
SEC("?kprobe")
int range_lock_kprobe(struct pt_regs *ctx)
{
	struct range_lock_args args = {.values = {
					       PT_REGS_PARM1(ctx),
					       PT_REGS_PARM2(ctx),
					       PT_REGS_PARM3(ctx),
					       PT_REGS_PARM4(ctx),
					       PT_REGS_PARM5(ctx),
				       }};

	return range_lock_enters(&args, bpf_get_attach_cookie(ctx));
}

SEC("?kretprobe")
int range_lock_kretprobe(struct pt_regs *ctx)
{
	return range_lock_returns(bpf_get_attach_cookie(ctx), PT_REGS_RC(ctx));
}
