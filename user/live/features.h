/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What this kernel lets us do, found by asking it: each row of the hook table is tried with an
 * empty program of its type, loaded, attached and closed again. Never by version.
 */
#ifndef IORACE_LIVE_FEATURES_H
#define IORACE_LIVE_FEATURES_H

#include "live/hooks.h"

#include "base/err.h"

#include <stdint.h>

struct kernel {
	char release[65];
	bool has_btf;
	bool can_bpf;	      /* bpf(2) lets us load an empty program at all */
	int bpf_error;	      /* -errno of that load */
	bool has_rdonly_cast; /* kfunc bpf_rdonly_cast() */
	bool has_bpf_loop;
	bool has_ringbuf;
	bool preempts; /* tasks that run BPF programs may be preempted: PREEMPT_RT, preempt=full */
	bool mounts_btrfs;	 /* there is one, in whatever mount namespace */
	uint64_t dio_bio_end_io; /* address of iomap_dio_bio_end_io(); 0: kallsyms hides it */
	int rows[HOOK_ROWS_MAX]; /* per row of the hook table: 0 usable, else -errno;
				      * -ECANCELED: not tried, for nothing needs it */
	unsigned int cpus;
};

/* What is worth asking: hooks of these modes, in these flavours. */
struct probe_opts {
	unsigned int modes;    /* bit mask of enum ior_mode */
	unsigned int flavours; /* bit mask of enum flavour; 0: all */
	bool spans;
	bool late_submit; /* the first bio of direct IO where it is queued, not where it is made */
	bool fewer_hooks; /* direct IO by tracepoints, too, where anything else works */
};

/*
 * Can an empty program be put there? A function of so many arguments, by its id in the BTF of
 * `btf_fd` (-1: vmlinux); or by its name. 0 or -errno.
 */
int features_try_fentry(int btf_id, int btf_fd, unsigned int args, bool at_return);
int features_try_kprobe(const char *function, bool at_return);

/* Fills `ret`; fails only when nothing can be asked (no BTF, no privilege), with the reason. */
int kernel_probe(const struct probe_opts *opts, struct kernel *ret, struct reason *why);

#endif
