// SPDX-License-Identifier: GPL-2.0
/*
 * The shipped programs made worse on purpose, for tests/guard/selftest: what the guard is for must
 * not get past it. Nothing is copied: this includes bpf/iorace.bpf.c, and what every op is asked
 * for, its length, carries a burden.
 */
#define MUTANT_CALL 1	 /* one more helper call */
#define MUTANT_INSNS 2	 /* some fifty more instructions */
#define MUTANT_LINES 3	 /* two more cache lines */
#define MUTANT_REFUSED 4 /* what no verifier takes */

#include "compat.bpf.h"

#if GUARD_MUTANT == MUTANT_CALL
static __always_inline void burden(void)
{
	bpf_get_current_pid_tgid();
}
#elif GUARD_MUTANT == MUTANT_INSNS
static __always_inline void burden(void)
{
	volatile __u64 sink __attribute__((unused));

#pragma unroll
	for (int i = 0; i < 50; i++)
		sink = i;
}
#elif GUARD_MUTANT == MUTANT_LINES
volatile __u64 mutant_cold[64] = {1};

static __always_inline void burden(void)
{
	mutant_cold[16]++;
	mutant_cold[32]++;
}
#elif GUARD_MUTANT == MUTANT_REFUSED
static __always_inline void burden(void)
{
	*(volatile __u64 *)bpf_get_current_pid_tgid();
}
#endif

#define compat_iter_len(iter) (burden(), compat_iter_len(iter))

#include "iorace.bpf.c"
