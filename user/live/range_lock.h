/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The functions of a range lock in the running kernel: found in the BTF of vmlinux and the loaded
 * modules, read by their types, tried as fentry and else as kprobe.
 */
#ifndef IORACE_LIVE_RANGE_LOCK_H
#define IORACE_LIVE_RANGE_LOCK_H

#include "live/plan.h"

#include "model/range_lock.h"

struct range_lock_hook {
	char function[RANGE_LOCK_NAME_BYTES];
	uint8_t role;	      /* enum ior_range_lock_role */
	enum flavour flavour; /* fentry or kprobe */
	bool knows_range;
};

struct range_lock_plan {
	char name[RANGE_LOCK_NAME_BYTES];
	bool inside;
	struct range_lock_hook hooks[IOR_RANGE_LOCK_FUNCTIONS_MAX];
	size_t hooks_len;
	struct ior_range_lock_options options; /* one for each hook */
};

/* -errno with the reason: a function that is not there, was inlined or cannot be attached to. */
int range_lock_plan_build(const struct range_lock_spec *spec, const struct plan *plan,
			  unsigned int flavours, struct range_lock_plan *ret, struct reason *why);

#endif
