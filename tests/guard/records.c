// SPDX-License-Identifier: GPL-2.0
/*
 * What the tool does with records of conflicts and with what a stress run read, for valgrind to
 * count its instructions: each stage is a function that callgrind names. 64 files, pairs of every
 * shape; readings of which every other one is torn.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "model/agreement.h"
#include "model/conflict.h"
#include "model/reporter.h"
#include "model/stress_judge.h"
#include "model/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS 200
#define FILES 64

static struct ior_rec_conflict records[RECORDS];
static struct conflict_view views[RECORDS];

static struct ior_op make_op(unsigned int i, uint64_t start, const char *comm)
{
	struct ior_op op = {
		.range = {start, start + 4096 * (1 + i % 5)},
		.begin_ns = 1000ULL * i,
		.kind = i % 3 ? IOR_OP_WRITE : IOR_OP_READ,
		.mode = IOR_MODE_DIRECT,
		.pid = 100 + i % 7,
		.tid = 100 + i % 7,
	};

	memcpy(op.comm, comm, strlen(comm));
	return op;
}

static void make_records(void)
{
	for (unsigned int i = 0; i < RECORDS; i++) {
		struct ior_rec_conflict *rec = &records[i];

		rec->header.type = IOR_REC_CONFLICT;
		rec->header.size = sizeof(*rec);
		rec->time_ns = 1000ULL * i;
		rec->file.ino = 1 + i % FILES;
		rec->file.magic = IOR_MAGIC_XFS;
		rec->ops[0] = make_op(3 * i + 1, 4096 * (i % 100), "fio");
		rec->ops[1] = make_op(i, 4096 * (i % 100) + 2048, i % 2 ? "postgres" : "fio");
	}
}

__attribute__((noinline)) void stage_decode(void)
{
	for (unsigned int i = 0; i < RECORDS; i++)
		views[i] = conflict_view_of(&records[i], i + 1, 7);
}

__attribute__((noinline)) int stage_tally(struct tally *tally)
{
	int r = 0;

	for (unsigned int i = 0; !r && i < RECORDS; i++)
		r = tally_add_sample(tally, &views[i]);
	return r;
}

__attribute__((noinline)) int stage_findings(struct tally *tally)
{
	_cleanup_(finding_list_done) struct finding_list list = {};

	return tally_findings(tally, NULL, NULL, &list);
}

static int report(const char *reporter, struct buf *out)
{
	const struct reporter_ops *ops = reporter_by_name(reporter);
	struct report_style style = {};
	int r = 0;

	for (unsigned int i = 0; !r && i < RECORDS; i++)
		r = ops->conflict(&views[i], &style, out);
	return r;
}

__attribute__((noinline)) int stage_report_json(struct buf *out)
{
	return report("json", out);
}

__attribute__((noinline)) int stage_report_text(struct buf *out)
{
	return report("text", out);
}

/* ---- the detector of iorace stress ----------------------------------------------------------- */

#define HISTORY 64
#define UNIT 512
#define READING_UNITS 8

static struct stress_op history[HISTORY];
static struct agreement_conflict conflicts[RECORDS];

/* Writes of all the bytes, each begun while the one before it is still in flight. */
static void make_history(void)
{
	for (unsigned int i = 0; i < HISTORY; i++)
		history[i] = (struct stress_op){
			.range = {0, READING_UNITS * UNIT},
			.seq = i + 1,
			.begin_ns = 1000ULL * i,
			.end_ns = 1000ULL * i + 1500,
			.worker = 1 + i % 4,
			.tid = 100 + i % 4,
			.kind = IOR_OP_WRITE,
			.mode = IOR_MODE_DIRECT,
		};
}

/* Read late: the last write whole, or its first half with what the one before it left. */
static bool is_torn(bool torn)
{
	const struct stress_run runs[] = {
		{{0, READING_UNITS / 2 * UNIT}, HISTORY - 1},
		{{READING_UNITS / 2 * UNIT, READING_UNITS * UNIT}, HISTORY - (torn ? 2 : 1)},
	};
	const struct stress_reading reading = {
		.read = {.range = {0, READING_UNITS * UNIT},
			 .begin_ns = 1000ULL * HISTORY,
			 .end_ns = 1000ULL * HISTORY + 500,
			 .kind = IOR_OP_READ,
			 .mode = IOR_MODE_DIRECT},
		.runs = runs,
		.runs_len = 2,
		.history = history,
		.history_len = HISTORY,
		.nothing_from = UINT64_MAX,
	};
	struct stress_verdict verdict;

	stress_judge(&reading, &verdict);
	return verdict.kind != STRESS_WHOLE;
}

__attribute__((noinline)) bool stage_judge(void)
{
	bool right = true;

	for (unsigned int i = 0; i < RECORDS; i++)
		right &= is_torn(i % 2) == (i % 2 == 1);
	return right;
}

/* The pair that tore a reading, looked for among the conflicts; it is none of them. */
__attribute__((noinline)) bool stage_agreement(void)
{
	struct agreement_traced traced = {
		.conflicts = conflicts,
		.len = RECORDS,
		.complete_until_ns = UINT64_MAX,
	};
	const struct stress_pair pair = {0, 1};
	const struct agreement_torn torn = {
		.ino = 1,
		.tids_compare = true,
		.ops = history,
		.pairs = &pair,
		.pairs_len = 1,
	};
	bool right = true;

	memset(traced.covers, true, sizeof(traced.covers));
	for (unsigned int i = 0; i < RECORDS; i++)
		conflicts[i] = agreement_conflict_of(&records[i]);
	agreement_sort(conflicts, RECORDS);
	for (unsigned int i = 0; i < RECORDS; i++)
		right &= agreement_judge(&traced, &torn) == AGREEMENT_CONTRADICTION;
	return right;
}

static int report_stages(struct buf *out)
{
	int r = stage_report_json(out);
	size_t json = out->len;

	if (!r)
		r = stage_report_text(out);
	return r ? r : json && out->len > json ? 0 : -1;
}

int main(void)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(4096, 7);
	_cleanup_(buf_done) struct buf out = {};
	int r;

	make_records();
	make_history();
	stage_decode();
	r = tally ? stage_tally(tally) : -1;
	if (!r)
		r = stage_findings(tally);
	if (!r)
		r = report_stages(&out);
	if (!r && (!stage_judge() || !stage_agreement()))
		r = -1;
	if (r)
		fputs("records: no memory, nothing reported, or judged wrongly\n", stderr);
	return r ? 3 : 0;
}
