/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hook table: every place where an op begins or ends, and every way to be told of it. One row
 * per program. Order within a hook is the order of preference.
 */
#ifndef IORACE_LIVE_HOOKS_H
#define IORACE_LIVE_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

enum hook {
	HOOK_DIO_BEGIN,	   /* a direct op is in __iomap_dio_rw(), its locks taken */
	HOOK_DIO_SUBMIT,   /* it sends its first bio: where tentative and btrfs windows open */
	HOOK_DIO_DATA_END, /* its last bio ended */
	HOOK_DIO_COMPLETE, /* it is over */
	HOOK_DIO_RETURN,   /* it failed before there was anything to complete */
	HOOK_DIO_INVALIDATE_FAIL, /* it gave up direct IO */
	HOOK_COUNT_
};

enum flavour { FLAVOUR_FENTRY, FLAVOUR_TP, FLAVOUR_KPROBE, FLAVOUR_COUNT_ };

struct hook_row {
	enum hook hook;
	enum flavour flavour;
	bool at_return;	     /* fexit */
	bool fallback;	     /* only where no row of this hook without this mark works */
	const char *program; /* in bpf/ */
	const char *target;  /* function, or tracepoint without its category */
};

#define HOOK_ROWS_MAX 32

extern const struct hook_row hook_rows[];
extern const size_t hook_rows_len;

const char *hook_name(enum hook hook);
const char *hook_meaning(enum hook hook);
const char *flavour_name(enum flavour flavour);

#endif
