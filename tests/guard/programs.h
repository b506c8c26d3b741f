/* SPDX-License-Identifier: GPL-2.0 */
/* The shipped programs, opened from their object file and loaded as the guard wants them. */
#ifndef IORACE_GUARD_PROGRAMS_H
#define IORACE_GUARD_PROGRAMS_H

#include "base/err.h"

#include <stdbool.h>

struct bpf_object;

enum programs_as {
	AS_WATCH,    /* no filter, no spans, windows close at completion */
	AS_CHECK,    /* the same, closing at the last bio */
	AS_FILTERED, /* a device filter that matches nothing */
	AS_WANTED,   /* one that matches GUARD_DEV */
	AS_INODE,    /* the same of one inode */
	AS_BTRFS,    /* as `watch` where the plan sees btrfs */
	AS_COMMAND,  /* as `check` is for a command, with a range lock outside the data path */
	AS_ALL,	     /* whatever costs the verifier work: spans, stacks, filters of every sort */
};

#define GUARD_DEV (8U << 20) /* s_dev: 8:0 */
#define GUARD_LINES 1024U
#define GUARD_SLOTS 256U

typedef bool (*wants_program)(const char *name, const void *arg);

/* Loads those that are wanted and arms them. NULL: *error says why (-errno), `why` in words. */
struct bpf_object *programs_load(const char *path, enum programs_as as, wants_program wanted,
				 const void *arg, int *error, struct reason *why);

/* 0 if there is none of that name. */
unsigned long long symbol_address(const char *symbol);

#endif
