/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From bytes that were read to a verdict: units into runs of ops, the ops that matter out of the
 * history, the judge, and the evidence in the form that is sent and shown.
 */
#ifndef IORACE_STRESS_READER_H
#define IORACE_STRESS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/stress_judge.h"
#include "stress/evidence.h"

struct history;

struct stress_reader {
	struct history *history;
	uint64_t run;
	uint64_t nothing_from; /* the file was filled up to here at the start */
	struct stress_op *ops; /* of the read at hand, out of the history */
	size_t ops_len;
	size_t ops_room;
	struct stress_view_run *runs;
	size_t runs_len;
	size_t runs_room;
	uint64_t broken_at; /* the first unit that is broken */
	bool is_contended;
};

struct stress_judgement {
	struct stress_verdict verdict;
	bool contended;
};

/* `longest`: bytes of the longest read. */
int stress_reader_init(struct stress_reader *reader, struct history *history, uint64_t run,
		       uint64_t nothing_from, uint64_t longest);
void stress_reader_done(struct stress_reader *reader);

/*
 * What `got` bytes say about the read; beyond them was the end of the file. Fills `evidence` when
 * the verdict is not whole. 0 or -ENOMEM.
 */
int stress_reader_judge(struct stress_reader *reader, const struct stress_op *read,
			const void *bytes, uint64_t got, struct stress_judgement *ret,
			struct stress_evidence *evidence);

/* Did a write meet another one on common bytes? */
bool stress_reader_met(struct stress_reader *reader, const struct stress_op *write);

/*
 * Did an append land where another one did, with no truncate that allows it? Fills `evidence`, with
 * the append in the place of the read.
 */
int stress_reader_judge_append(struct stress_reader *reader, const struct stress_op *append,
			       bool *ret, struct stress_evidence *evidence);

#endif
