/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hooks and flavours chosen on this kernel, each with its reason, and what they can see.
 * Pure: a function of what kernel_probe() found and the options; knows no program and no file.
 */
#ifndef IORACE_LIVE_PLAN_H
#define IORACE_LIVE_PLAN_H

#include "live/features.h"

#include "model/view.h"

#define PLAN_MODES_ALL ((1U << IOR_MODE_COUNT_) - 1)
/* Hits in the page cache are frequent: buffered IO is watched only when asked for. */
#define PLAN_MODES_DEFAULT (PLAN_MODES_ALL & ~(1U << IOR_MODE_BUFFERED))

struct plan_opts {
	unsigned int flavours; /* bit mask of enum flavour that may be used; 0: all */
	unsigned int modes;    /* bit mask of enum ior_mode that is wanted; 0: the default ones */
	bool spans;	       /* also what ops did before their windows, where that can be seen */
	bool fewer_hooks;      /* leave out what only makes windows tighter or serves rare ops */
	bool late_submit;      /* a lock may be taken between making and queueing a bio */
	bool every_mode;       /* a wanted mode that cannot be seen is an error */
};

struct plan_hook {
	bool usable;
	enum flavour flavour;
	char reason[160];
};

#define PLAN_COVERAGE_MAX 96

struct plan {
	bool rows[HOOK_ROWS_MAX]; /* rows of the hook table to attach */
	struct plan_hook hooks[HOOK_COUNT_];
	unsigned int modes; /* bit mask of enum ior_mode that this plan is about */
	uint32_t covered_fs[IOR_MODE_COUNT_]; /* bit mask of enum ior_fs */
	uint32_t opens_at_submit;	      /* bit mask of enum ior_fs */
	bool sees_submit;		      /* the first bio of an op */
	bool has_spans;		    /* overlapping, serialized and unproven pairs are known */
	bool has_waits;		    /* ... and how long ops waited */
	bool data_end_is_precise;   /* windows close at the last bio, else at completion */
	bool closes_late;	    /* at completion, though the last bio could be seen */
	bool repeats_ends;	    /* a program of fexit may be skipped: its double comes next */
	bool submit_comes_and_goes; /* attached only while ops begin that may yet give up */
	struct coverage_view coverage[PLAN_COVERAGE_MAX];
	size_t coverage_len;
};

/* What kernel_probe() has to ask for such a plan. */
struct probe_opts plan_probe_opts(const struct plan_opts *opts);

/* -EOPNOTSUPP with the reason when nothing useful, or not all that is wanted, can be seen. */
int plan_build(const struct kernel *kernel, const struct plan_opts *opts, struct plan *ret,
	       struct reason *why);

/* Is there any op on this type of file system that such a plan sees? */
bool plan_sees_fs(const struct plan *plan, const char *fs);

/* "fentry,tp" -> mask; -EINVAL with the reason. */
int plan_parse_flavours(const char *text, unsigned int *ret, struct reason *why);

#endif
