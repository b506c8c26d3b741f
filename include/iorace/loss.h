/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way to miss something. Counted at the point of loss, shown in every output; any of them
 * makes the verdict `clean` impossible. The texts live in user/model.
 */
#ifndef IORACE_LOSS_H
#define IORACE_LOSS_H

#include "types.h"

enum ior_loss {
	IOR_LOSS_UNTRACKED,	/* no slot or no line free: the op was never in the table */
	IOR_LOSS_UNATTRIBUTED,	/* a match that could not be attributed to an op or counted once */
	IOR_LOSS_STALE,		/* a match with an op so old that its end was probably missed */
	IOR_LOSS_MISSED_RUNS,	/* the kernel skipped a program run (bpf recursion, kretprobe) */
	IOR_LOSS_BEFORE_ATTACH, /* an op begun before attach ended on a file that is tracked */
	IOR_LOSS_UNCOVERED,	/* an op of a kind that the plan cannot see whole */
	IOR_LOSS_GROWN,		/* a read went beyond where the file ended when it began */
	IOR_LOSS_RING_FULL,	/* a record did not fit into the ring buffer */
	IOR_LOSS_FINDINGS_FULL, /* a conflict that found no room in the table of findings */
	IOR_LOSS_UNDECODED,	/* a record that the tool could not read */
	IOR_LOSS_LEFT_RUNNING,	/* a process that outlived the command of `check` */
	IOR_LOSS_CONTRADICTED,	/* a torn result that iorace stress proved, without a conflict */
	IOR_LOSS_COUNT_
};

#endif
