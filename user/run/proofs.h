/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `iorace stress`, started by the command under check, proved by content, held against the
 * conflicts of this run.
 */
#ifndef IORACE_RUN_PROOFS_H
#define IORACE_RUN_PROOFS_H

#include <iorace/records.h>

#include "base/err.h"
#include "model/agreement.h"
#include "model/stress_view.h"

struct plan;

struct proofs {
	int fd; /* what the command inherits; -1: there is no command */
	bool has_runs;
	struct agreement_conflict *conflicts;
	size_t len;
	size_t room;
	uint64_t told_ns; /* when the last of them was seen */
	bool is_cut;	  /* no memory for more */
};

#define PROOFS_NONE                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

int proofs_open(struct proofs *proofs);
void proofs_done(struct proofs *proofs);

/* Costs a look at the file as long as nobody has begun to stress. */
void proofs_add_conflict(struct proofs *proofs, const struct ior_rec_conflict *record);

/* What the run knows about how much it saw. */
struct proofs_basis {
	const struct plan *plan;
	bool is_lossy;	    /* anything was lost, or a pair left out by a filter */
	bool is_suppressed; /* records were held back */
	bool is_filtered;   /* ops were turned away: of this file, too? */
	int64_t real_minus_mono_ns;
};

struct proofs_listener {
	void (*contradicted)(const struct torn_view *torn, void *arg);
	void *arg;
};

/* *ret_broken: records that do not hold together. */
int proofs_judge(struct proofs *proofs, const struct proofs_basis *basis,
		 const struct proofs_listener *listener, struct agreement_view *ret,
		 uint64_t *ret_broken);

#endif
