// SPDX-License-Identifier: GPL-2.0
/*
 * The shipped programs for a kernel that gives them 512 bytes of stack and no more. One that gives
 * large frames a stack of their own (since 6.13, on x86-64) takes programs that no older one does,
 * and where those that read fields by cast are refused the tool takes the others: nobody sees it
 * but by a clock. A program with a tail call has no such stack (check_max_stack_depth(),
 * kernel/bpf/verifier.c), and it counts where the verifier sees that it is never come to. Here it
 * stands at the begin of direct IO, which goes deepest, and next to a call, where nothing is kept.
 */
#include "op.bpf.c"

static __always_inline void one_stack(void)
{
	if (ior_options.is_double)
		asm volatile("call 12" /* BPF_FUNC_tail_call, include/uapi/linux/bpf.h */
			     ::
				     : "r0", "r1", "r2", "r3", "r4", "r5");
}

#define op_run() (one_stack(), op_run())
#include "dio.bpf.h"
#undef op_run

#include "hooks_fentry.bpf.c"
#include "hooks_kprobe.bpf.c"
#include "hooks_range_lock.bpf.c"
#include "hooks_tp.bpf.c"

char LICENSE[] SEC("license") = "GPL";
