// SPDX-License-Identifier: GPL-2.0
/*
 * Hooks as kprobes, the last resort. No kretprobes: they sleep with the op, and above
 * max(10, 2 * CPUs) sleepers the kernel drops returns (kernel/kprobes.c).
 */
#include "dio.bpf.h"

#include <bpf/bpf_tracing.h>

SEC("?kprobe/__iomap_dio_rw")
int dio_begin_kprobe(struct pt_regs *ctx)
{
	return dio_begin(ctx, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM5(ctx));
}

SEC("?kprobe/iomap_dio_submit_bio")
int dio_submit_kprobe(struct pt_regs *ctx)
{
	return op_submit(dio_kiocb(PT_REGS_PARM2(ctx)));
}

SEC("?kprobe/iomap_dio_bio_end_io")
int dio_bio_end_kprobe(struct pt_regs *ctx)
{
	return dio_bios_end(KPTR(struct bio, PT_REGS_PARM1(ctx), bi_private), 1);
}

SEC("?kprobe/iomap_dio_complete")
int dio_complete_kprobe(struct pt_regs *ctx)
{
	return op_complete(dio_kiocb(PT_REGS_PARM1(ctx)));
}
