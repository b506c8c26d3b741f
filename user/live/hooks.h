/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hook table: every place where an op begins or ends, and every way to be told of it. One row
 * per program; which way is preferred says hook_flavour().
 */
#ifndef IORACE_LIVE_HOOKS_H
#define IORACE_LIVE_HOOKS_H

#include <iorace/records.h>

#include <stdbool.h>
#include <stddef.h>

enum hook {
	HOOK_DIO_BEGIN,	   /* a direct op is in __iomap_dio_rw(), its locks taken */
	HOOK_DIO_SUBMIT,   /* it sends its first bio: where tentative and btrfs windows open */
	HOOK_DIO_DATA_END, /* its last bio ended */
	HOOK_DIO_COMPLETE, /* it is over */
	HOOK_DIO_RETURN,   /* it failed before there was anything to complete */
	HOOK_DIO_INVALIDATE_FAIL, /* it gave up direct IO */
	HOOK_STALE_PAGES,	  /* its pages could not be dropped */

	/* Windows that are one call: begin and end are its entry and its return. */
	HOOK_DAX_BEGIN, /* copies between user memory and persistent memory */
	HOOK_DAX_END,
	HOOK_WRITE_BEGIN, /* copies into the page cache */
	HOOK_WRITE_END,
	HOOK_READ_BEGIN, /* copies out of the page cache */
	HOOK_READ_END,
	HOOK_SPLICE_BEGIN, /* pages of the page cache go into a pipe */
	HOOK_SPLICE_END,
	HOOK_SIZE_BEGIN, /* a truncate or a fallocate drops the page cache of its range */
	HOOK_SIZE_END,
	HOOK_DAX_FAULT_BEGIN, /* persistent memory is mapped for writing */
	HOOK_DAX_FAULT_END,
	HOOK_PAGE_FAULT_BEGIN, /* a mapped page of the page cache becomes writable */
	HOOK_PAGE_FAULT_END,

	/* Spans: what came before the window. */
	HOOK_SPAN_BEGIN, /* the file operation is entered, no lock taken yet */
	HOOK_SPAN_END,
	HOOK_SIZE_SPAN_BEGIN, /* a truncate or a fallocate, no lock taken yet */
	HOOK_SIZE_SPAN_END,
	HOOK_DIO_WAIT_BEGIN, /* somebody waits for direct IO to drain */
	HOOK_DIO_WAIT_END,
	HOOK_LOCK_WAIT_BEGIN, /* somebody waits for a lock */
	HOOK_LOCK_WAIT_END,
	HOOK_COUNT_
};

enum flavour {
	FLAVOUR_FENTRY,
	FLAVOUR_TP,
	FLAVOUR_KPROBE,
	FLAVOUR_COUNT_
};

/* What a row is to its hook. */
enum row_need {
	ROW_REQUIRED, /* its flavour works only if this row does */
	ROW_OPTIONAL, /* taken where it exists: a file system that may not be there */
	ROW_FALLBACK, /* only where no flavour of the hook works */
};

struct hook_row {
	enum hook hook;
	enum flavour flavour;
	bool at_return; /* fexit, kretprobe */
	enum row_need need;
	const char *program; /* in bpf/ */
	const char *target;  /* function, or tracepoint without its category */
};

#define HOOK_ROWS_MAX 112

extern const struct hook_row hook_rows[];
extern const size_t hook_rows_len;

/* The program of a row: some have one for filtered files, and one for no option at all. */
const char *hook_program(const struct hook_row *row, const struct ior_options *options);

/* Does the program of a tracepoint, or what takes its place, trust its arguments (tp_btf)? */
bool hook_is_typed(const struct hook_row *row);

/*
 * Can this hook be used in this flavour? `errors`: per row, 0 or why it cannot be attached. Every
 * required row must work; where none is required, one of the optional ones.
 */
bool hook_flavour_works(enum hook hook, enum flavour flavour, const int *errors);

/*
 * From the best way to be told of a hook (`rank` 0) to the last (FLAVOUR_COUNT_ - 1). `preempts`: a
 * task that runs an fentry program may be preempted by another, for which the kernel then skips
 * that program (prog->active, kernel/bpf/trampoline.c). Handlers of kprobes are never preempted.
 */
enum flavour hook_flavour(enum hook hook, bool preempts, unsigned int rank);

/* Bit mask of enum ior_mode: for which ways of moving data the hook is there. */
unsigned int hook_modes(enum hook hook);

/* A tracepoint that has no other form and costs nothing until it fires: always allowed. */
bool hook_is_notice(enum hook hook);

/*
 * Where a file system has a submit_io of its own, it may take a lock in there: behind the function
 * that makes a bio of direct IO, ahead of the tracepoint that queues it. False for the former.
 */
bool hook_submits_late(enum hook hook, enum flavour flavour);

/* Does it matter only for spans? */
bool hook_is_for_spans(enum hook hook);

/* The hook that ends what this one begins, or HOOK_COUNT_. */
enum hook hook_end(enum hook hook);

/*
 * Does a run that the kernel skipped hide an op? Not where direct IO ends: interrupts end it on top
 * of tasks that end theirs, so such runs are skipped all the time, and a kiocb tells by itself that
 * it is over (peer_is_alive(), bpf/op.bpf.c).
 */
bool hook_miss_hides_op(enum hook hook);

const char *hook_name(enum hook hook);
const char *hook_meaning(enum hook hook);
const char *flavour_name(enum flavour flavour);

#endif
