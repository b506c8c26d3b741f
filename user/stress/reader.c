// SPDX-License-Identifier: GPL-2.0
#include "stress/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/stress_block.h"
#include "stress/history.h"

#define LATEST_ALWAYS 8	  /* of each lane are looked at whatever was seen: who met the read? */
#define CANDIDATES_MAX 63 /* ops a broken unit is compared with */

int stress_reader_init(struct stress_reader *reader, struct history *history, uint64_t run,
		       uint64_t nothing_from, uint64_t longest)
{
	*reader = (struct stress_reader){
		.history = history, .run = run, .nothing_from = nothing_from};
	reader->runs_room = longest / STRESS_UNIT_BYTES + 2;
	reader->runs = malloc(reader->runs_room * sizeof(*reader->runs));
	return reader->runs ? 0 : -ENOMEM;
}

void stress_reader_done(struct stress_reader *reader)
{
	free(reader->ops);
	free(reader->runs);
	*reader = (struct stress_reader){};
}

/* ---- units ---------------------------------------------------------------------------------- */

static int keep_op(struct stress_reader *reader, const struct stress_op *op)
{
	if (reader->ops_len == reader->ops_room) {
		size_t room = reader->ops_room ? 2 * reader->ops_room : 256;
		struct stress_op *ops = realloc(reader->ops, room * sizeof(*ops));

		if (!ops)
			return -ENOMEM;
		reader->ops = ops;
		reader->ops_room = room;
	}
	reader->ops[reader->ops_len] = *op;
	return (int)reader->ops_len++;
}

static int kept_op(const struct stress_reader *reader, uint32_t worker, uint64_t seq)
{
	for (size_t i = reader->ops_len; i-- > 0;) {
		if (reader->ops[i].seq == seq && reader->ops[i].worker == worker)
			return (int)i;
	}
	return STRESS_RUN_NOTHING;
}

/* The op that the stamp tells of, forgotten or not. False: nobody here has written that. */
static bool op_of_stamp(struct stress_reader *reader, const struct stress_stamp *stamp, uint64_t at,
			struct stress_op *ret)
{
	struct stress_op op = {.kind = IOR_OP_WRITE};

	if (stamp->writer >= reader->history->lanes_len || stamp->seq == 0)
		return false;
	if (!history_find(reader->history, stamp->writer, stamp->seq, &op)) {
		op.worker = stamp->writer;
		op.seq = stamp->seq;
		op.begin_ns = stamp->begin_ns;
		op.append = stamp->start == STRESS_START_UNKNOWN;
		history_whose(reader->history, &op);
		op.end_ns = history_forgotten_ns(reader->history, stamp->writer);
		/* Not forgotten, and never put down: a stamp of the future. */
		if (op.end_ns < op.begin_ns)
			return false;
	}
	if (op.begin_ns != stamp->begin_ns || op.kind != IOR_OP_WRITE)
		return false;
	op.range = ior_range_from(at - stamp->offset, stamp->len);
	*ret = op;
	return true;
}

/* Index of the op of one unit, or STRESS_RUN_*. -ENOMEM is below all of them. */
static int unit_op(struct stress_reader *reader, const void *unit, uint64_t at)
{
	struct stress_stamp stamp;
	struct stress_op op;
	int kept;

	switch (stress_unit_read(unit, reader->run, at, &stamp)) {
	case STRESS_UNIT_NOTHING:
		return STRESS_RUN_NOTHING;
	case STRESS_UNIT_BROKEN:
	case STRESS_UNIT_STATE_COUNT_:
		return STRESS_RUN_BROKEN;
	case STRESS_UNIT_WHOLE:
		break;
	}
	kept = kept_op(reader, stamp.writer, stamp.seq);
	if (kept >= 0)
		return reader->ops[kept].range.start == at - stamp.offset ? kept
									  : STRESS_RUN_BROKEN;
	if (!op_of_stamp(reader, &stamp, at, &op))
		return STRESS_RUN_BROKEN;
	return keep_op(reader, &op);
}

static void add_run(struct stress_reader *reader, int op, struct ior_range range)
{
	if (ior_range_is_empty(range))
		return;
	if (reader->runs_len > 0 && reader->runs[reader->runs_len - 1].op == op) {
		reader->runs[reader->runs_len - 1].range.end = range.end;
		return;
	}
	reader->runs[reader->runs_len++] = (struct stress_view_run){range, op};
}

/*
 * A read that ends within a unit says nothing about the rest of that unit: it is left out. Behind
 * it there is nothing.
 */
static int find_runs(struct stress_reader *reader, const struct stress_op *read, const void *bytes,
		     uint64_t got)
{
	uint64_t start = read->range.start, whole = got / STRESS_UNIT_BYTES * STRESS_UNIT_BYTES;

	reader->ops_len = reader->runs_len = 0;
	reader->broken_at = IOR_RANGE_MAX;
	for (uint64_t at = 0; at < whole; at += STRESS_UNIT_BYTES) {
		int op = unit_op(reader, (const char *)bytes + at, start + at);

		if (op == -ENOMEM)
			return op;
		if (op == STRESS_RUN_BROKEN && reader->broken_at == IOR_RANGE_MAX)
			reader->broken_at = start + at;
		add_run(reader, op, ior_range_from(start + at, STRESS_UNIT_BYTES));
	}
	if (whole < got)
		whole += STRESS_UNIT_BYTES;
	add_run(reader, STRESS_RUN_NOTHING, (struct ior_range){start + whole, read->range.end});
	return 0;
}

/* ---- history -------------------------------------------------------------------------------- */

/*
 * Ops that the read did not see matter when they began after something that it saw had ended. What
 * nothing came from is not known, nor what a broken unit is mixed from: then all may matter.
 */
static uint64_t matters_since(const struct stress_reader *reader)
{
	uint64_t since = STRESS_IN_FLIGHT;

	for (size_t i = 0; i < reader->ops_len; i++) {
		if (reader->ops[i].end_ns < since)
			since = reader->ops[i].end_ns;
	}
	for (size_t i = 0; i < reader->runs_len; i++) {
		if (reader->runs[i].op < 0)
			since = 0;
	}
	return since;
}

static int add_lane(struct stress_reader *reader, uint32_t worker, const struct stress_op *read,
		    uint64_t since)
{
	uint64_t seq = atomic_load_explicit(&reader->history->lanes[worker].last_seq,
					    memory_order_acquire);
	struct stress_op op;

	for (unsigned int looked = 0; history_find(reader->history, worker, seq, &op);
	     seq--, looked++) {
		if (op.begin_ns <= since && looked >= LATEST_ALWAYS)
			break;
		/* Where it goes is not known yet: where the file ends, and there everybody is. */
		reader->is_contended |=
			op.append && op.end_ns == STRESS_IN_FLIGHT && op.begin_ns < read->end_ns;
		if (op.begin_ns > read->end_ns || !ior_range_overlaps(op.range, read->range))
			continue;
		if (op.worker != read->worker || op.seq != read->seq || read->kind == IOR_OP_READ)
			reader->is_contended |= stress_ops_met(&op, read);
		if (kept_op(reader, worker, seq) < 0 && keep_op(reader, &op) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int add_history(struct stress_reader *reader, const struct stress_op *read)
{
	uint64_t since = matters_since(reader);
	int r = 0;

	reader->is_contended = false;
	for (uint32_t worker = 0; r == 0 && worker < reader->history->lanes_len; worker++)
		r = add_lane(reader, worker, read, since);
	return r;
}

/* ---- units that are broken ------------------------------------------------------------------ */

static void expect(const struct stress_reader *reader, const struct stress_op *op, uint64_t at,
		   struct stress_words *ret)
{
	struct stress_stamp stamp = {.run = reader->run,
				     .seq = op->seq,
				     .start = op->append ? STRESS_START_UNKNOWN : op->range.start,
				     .len = ior_range_len(op->range),
				     .begin_ns = op->begin_ns,
				     .writer = op->worker};

	if (op->kind == IOR_OP_SIZE)
		*ret = (struct stress_words){};
	else
		stress_unit_expect(&stamp, at - op->range.start, ret);
}

/*
 * What a broken unit is mixed from: every op on it that may have written some of it, one alone of
 * those that leave nothing. All that is remembered is asked, for a read that was kept waiting can
 * show any of it.
 */
static size_t unit_candidates(const struct stress_reader *reader, const void *unit, int *ret,
			      struct stress_words *ret_words, bool *ret_more)
{
	struct ior_range range = ior_range_from(reader->broken_at, STRESS_UNIT_BYTES);
	bool has_nothing = false;
	size_t len = 0;

	for (size_t i = reader->ops_len; i-- > 0;) {
		const struct stress_op *op = &reader->ops[i];
		struct stress_words words;

		if (!ior_range_overlaps(op->range, range))
			continue;
		expect(reader, op, reader->broken_at, &words);
		if (!stress_unit_shows(unit, &words))
			continue;
		if (len == CANDIDATES_MAX || (has_nothing && op->kind == IOR_OP_SIZE)) {
			*ret_more = true;
			continue;
		}
		has_nothing |= op->kind == IOR_OP_SIZE;
		ret_words[len] = words;
		ret[len++] = (int)i;
	}
	return len;
}

/* Ops that may have been in flight with the read are remembered no more. */
static bool has_forgotten_since(const struct stress_reader *reader, const struct stress_op *read)
{
	for (uint32_t worker = 0; worker < reader->history->lanes_len; worker++) {
		if (history_forgotten_ns(reader->history, worker) >= read->begin_ns)
			return true;
	}
	return false;
}

static void judge_broken(const struct stress_reader *reader, const struct stress_reading *reading,
			 const void *bytes, struct stress_verdict *ret)
{
	const char *unit = (const char *)bytes + (reader->broken_at - reading->read.range.start);
	struct stress_words words[CANDIDATES_MAX] = {};
	int candidates[CANDIDATES_MAX], mixed[CANDIDATES_MAX];
	bool is_explained, has_more = false;
	size_t len = unit_candidates(reader, unit, candidates, words, &has_more), mixed_len = 0;
	uint64_t took_part = 0;

	is_explained = stress_unit_explain(unit, words, len, &took_part);
	for (size_t i = 0; is_explained && i < len; i++) {
		if (took_part >> i & 1)
			mixed[mixed_len++] = candidates[i];
	}
	stress_judge_unit(reading, mixed, mixed_len, ret);
	if (!is_explained && has_forgotten_since(reader, &reading->read)) {
		ret->kind = STRESS_TORN_READ;
		has_more = true;
	}
	ret->pairs_cut |= has_more;
}

/* ---- evidence ------------------------------------------------------------------------------- */

/* Its place in the evidence, -1 when there is no room for it. */
static int show_op(struct stress_evidence *evidence, const struct stress_op *op)
{
	for (size_t i = 0; i < evidence->ops_len; i++) {
		const struct stress_op *have = &evidence->ops[i];

		if (have->worker == op->worker && have->seq == op->seq && have->kind == op->kind)
			return (int)i;
	}
	if (evidence->ops_len == EVIDENCE_OPS_MAX)
		return -1;
	evidence->ops[evidence->ops_len] = *op;
	return (int)evidence->ops_len++;
}

static int show_named(const struct stress_reader *reader, struct stress_evidence *evidence, int op)
{
	return op == STRESS_OP_READ ? 0 : show_op(evidence, &reader->ops[op]);
}

static void show_pairs(const struct stress_reader *reader, const struct stress_verdict *verdict,
		       struct stress_evidence *evidence)
{
	evidence->pairs_cut = verdict->pairs_cut;
	for (size_t i = 0; i < verdict->pairs_len; i++) {
		int a = show_named(reader, evidence, verdict->pairs[i].a);
		int b = show_named(reader, evidence, verdict->pairs[i].b);

		if (a < 0 || b < 0)
			evidence->pairs_cut = true;
		else
			evidence->pairs[evidence->pairs_len++] = (struct stress_pair){a, b};
	}
}

static void show_runs(const struct stress_reader *reader, struct stress_evidence *evidence)
{
	for (size_t i = 0; i < reader->runs_len; i++) {
		struct stress_view_run run = reader->runs[i];

		if (run.op >= 0)
			run.op = show_op(evidence, &reader->ops[run.op]);
		if ((run.op < 0 && reader->runs[i].op >= 0) ||
		    evidence->runs_len == EVIDENCE_RUNS_MAX) {
			evidence->runs_cut = true;
			return;
		}
		evidence->runs[evidence->runs_len++] = run;
	}
}

static void show(const struct stress_reader *reader, const struct stress_op *read,
		 const struct stress_verdict *verdict, struct stress_evidence *evidence)
{
	*evidence = (struct stress_evidence){
		.kind = verdict->kind, .how = verdict->how, .ops_len = 1, .ops = {*read}};
	for (size_t i = 0; i < verdict->ops_len; i++)
		show_named(reader, evidence, verdict->ops[i]);
	show_pairs(reader, verdict, evidence);
	show_runs(reader, evidence);
}

/* ---------------------------------------------------------------------------------------------- */

static void judge_whole_units(const struct stress_reader *reader, struct stress_reading *reading,
			      struct stress_run *runs, struct stress_verdict *ret)
{
	for (size_t i = 0; i < reader->runs_len; i++) {
		const struct stress_view_run *run = &reader->runs[i];

		if (run->op == STRESS_RUN_BROKEN)
			continue;
		runs[reading->runs_len++] = (struct stress_run){
			run->range, run->op == STRESS_RUN_NOTHING ? STRESS_OP_NOTHING : run->op};
	}
	reading->runs = runs;
	stress_judge(reading, ret);
}

int stress_reader_judge(struct stress_reader *reader, const struct stress_op *read,
			const void *bytes, uint64_t got, struct stress_judgement *ret,
			struct stress_evidence *evidence)
{
	struct stress_reading reading = {.read = *read, .nothing_from = reader->nothing_from};
	struct stress_run *runs;
	int r;

	r = find_runs(reader, read, bytes, got);
	if (r == 0)
		r = add_history(reader, read);
	if (r < 0)
		return r;
	runs = malloc((reader->runs_len + 1) * sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	reading.history = reader->ops;
	reading.history_len = reader->ops_len;
	/* Asked after the history: what was missing there is counted here. */
	reading.nothing_until_ns = history_forgotten_nothing_ns(reader->history);
	judge_whole_units(reader, &reading, runs, &ret->verdict);
	free(runs);
	if (ret->verdict.kind == STRESS_WHOLE && reader->broken_at != IOR_RANGE_MAX)
		judge_broken(reader, &reading, bytes, &ret->verdict);
	ret->contended = reader->is_contended;
	if (ret->verdict.kind != STRESS_WHOLE)
		show(reader, read, &ret->verdict, evidence);
	return 0;
}

bool stress_reader_met(struct stress_reader *reader, const struct stress_op *write)
{
	reader->ops_len = reader->runs_len = 0;
	return add_history(reader, write) == 0 && reader->is_contended;
}

/* Was there, or may there have been, a truncate between the two? */
static bool was_cut(const struct stress_reader *reader, const struct stress_op *a,
		    const struct stress_op *b)
{
	uint64_t since = a->begin_ns < b->begin_ns ? a->begin_ns : b->begin_ns;

	for (size_t i = 0; i < reader->ops_len; i++) {
		if (reader->ops[i].kind == IOR_OP_SIZE && reader->ops[i].end_ns >= since)
			return true;
	}
	return history_forgotten_nothing_ns(reader->history) >= since;
}

int stress_reader_judge_append(struct stress_reader *reader, const struct stress_op *append,
			       bool *ret, struct stress_evidence *evidence)
{
	int r;

	*ret = false;
	reader->ops_len = reader->runs_len = 0;
	reader->runs[reader->runs_len++] =
		(struct stress_view_run){append->range, STRESS_RUN_NOTHING};
	r = add_history(reader, append);
	for (size_t i = 0; r == 0 && i < reader->ops_len; i++) {
		const struct stress_op *other = &reader->ops[i];
		struct stress_verdict verdict = {.kind = STRESS_LOST_WRITE,
						 .how = STRESS_HOW_PLACE,
						 .ops = {(int)i},
						 .ops_len = 1,
						 .pairs = {{STRESS_OP_READ, (int)i}},
						 .pairs_len = 1};

		/* Of two the later one judges: what came between them is known by then. */
		if (!other->append || other->end_ns > append->end_ns ||
		    (other->worker == append->worker && other->seq == append->seq) ||
		    was_cut(reader, append, other))
			continue;
		*ret = true;
		show(reader, append, &verdict, evidence);
		evidence->runs_len = 0;
		return 0;
	}
	return r;
}
