// SPDX-License-Identifier: GPL-2.0
/*
 * What the tool does with records of conflicts, for valgrind to count its instructions: each stage
 * is a function that callgrind names. 64 files, pairs of every shape.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "model/conflict.h"
#include "model/reporter.h"
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

__attribute__((noinline)) int stage_report(const char *reporter, struct buf *out)
{
	const struct reporter_ops *ops = reporter_by_name(reporter);
	struct report_style style = {};
	int r = 0;

	for (unsigned int i = 0; !r && i < RECORDS; i++)
		r = ops->conflict(&views[i], &style, out);
	return r;
}

int main(void)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(4096, 7);
	_cleanup_(buf_done) struct buf out = {};
	int r;

	make_records();
	stage_decode();
	r = tally ? stage_tally(tally) : -1;
	if (!r)
		r = stage_findings(tally);
	if (!r)
		r = stage_report("json", &out);
	if (!r && !out.len)
		r = -1;
	if (r)
		fputs("records: no memory, or nothing reported\n", stderr);
	return r ? 3 : 0;
}
