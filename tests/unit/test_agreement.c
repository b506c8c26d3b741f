// SPDX-License-Identifier: GPL-2.0
/* Torn results proved by content, held against traced conflicts. */
#include "model/agreement.h"

#include <string.h>

#include "unit.h"

#define INO 131
#define DEV 0xfd00001

enum {
	READ,
	WRITE,
	OLD,
	OPS
};

struct stage {
	struct stress_op ops[OPS];
	struct stress_pair pairs[2];
	struct agreement_conflict conflicts[3];
	struct agreement_traced traced;
	struct agreement_torn torn;
};

static struct stress_op op_of(uint8_t kind, uint32_t tid, uint64_t begin_ns, uint64_t end_ns)
{
	return (struct stress_op){
		.range = {0, 65536},
		.begin_ns = begin_ns,
		.end_ns = end_ns,
		.tid = tid,
		.kind = kind,
	};
}

static struct agreement_op traced_of(const struct stress_op *op, uint64_t after_ns)
{
	return (struct agreement_op){
		.range = op->range,
		.begin_ns = op->begin_ns + after_ns,
		.tid = op->tid,
		.kind = op->kind,
	};
}

static struct agreement_conflict conflict_of(const struct stress_op *first,
					     const struct stress_op *second)
{
	return (struct agreement_conflict){
		.ino = INO, .dev = DEV, .ops = {traced_of(first, 5), traced_of(second, 5)}};
}

/* A read that met a write, which had met an older one that was over by then. */
static struct stage *set_up(struct stage *stage)
{
	*stage = (struct stage){
		.ops = {[READ] = op_of(IOR_OP_READ, 3, 1000, 1100),
			[WRITE] = op_of(IOR_OP_WRITE, 1, 950, STRESS_IN_FLIGHT),
			[OLD] = op_of(IOR_OP_WRITE, 2, 800, 980)},
		.pairs = {{READ, WRITE}, {WRITE, OLD}},
	};
	memset(stage->traced.covers, true, sizeof(stage->traced.covers));
	stage->traced.conflicts = stage->conflicts;
	stage->traced.complete_until_ns = UINT64_MAX;
	stage->torn = (struct agreement_torn){.ino = INO,
					      .dev = DEV,
					      .tids_compare = true,
					      .ops = stage->ops,
					      .pairs = stage->pairs,
					      .pairs_len = 2};
	return stage;
}

static void trace(struct stage *stage, struct agreement_conflict conflict)
{
	stage->conflicts[stage->traced.len++] = conflict;
	agreement_sort(stage->conflicts, stage->traced.len);
}

static enum agreement judge(const struct stage *stage)
{
	return agreement_judge(&stage->traced, &stage->torn);
}

static void conflict_of_any_of_its_pairs_is_found(void **state)
{
	struct stage stage;

	(void)state;
	set_up(&stage);
	trace(&stage, conflict_of(&stage.ops[WRITE], &stage.ops[READ]));
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
	set_up(&stage);
	trace(&stage, conflict_of(&stage.ops[OLD], &stage.ops[WRITE]));
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
}

static void result_without_a_conflict_is_a_contradiction(void **state)
{
	struct stage stage;

	(void)state;
	assert_int_equal(judge(set_up(&stage)), AGREEMENT_CONTRADICTION);
	/* Ops of it, but no pair of it. */
	trace(&stage, conflict_of(&stage.ops[OLD], &stage.ops[READ]));
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
}

static void conflict_of_other_ops_is_not_it(void **state)
{
	static const struct {
		const char *what;
		uint64_t ino, dev, start, end, begin_ns;
		uint32_t tid;
		uint8_t kind;
	} rows[] = {
		{"another file", INO + 1, DEV, 0, 65536, 1005, 3, IOR_OP_READ},
		{"another device", INO, DEV + 1, 0, 65536, 1005, 3, IOR_OP_READ},
		{"begins before it", INO, DEV, 0, 65536, 999, 3, IOR_OP_READ},
		{"begins after it", INO, DEV, 0, 65536, 1101, 3, IOR_OP_READ},
		{"another thread", INO, DEV, 0, 65536, 1005, 4, IOR_OP_READ},
		{"another kind", INO, DEV, 0, 65536, 1005, 3, IOR_OP_WRITE},
		{"more bytes", INO, DEV, 0, 65537, 1005, 3, IOR_OP_READ},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct agreement_conflict conflict;
		struct stage stage;

		set_up(&stage);
		conflict = conflict_of(&stage.ops[WRITE], &stage.ops[READ]);
		conflict.ino = rows[i].ino;
		conflict.dev = (uint32_t)rows[i].dev;
		conflict.ops[1] = (struct agreement_op){
			{rows[i].start, rows[i].end}, rows[i].begin_ns, rows[i].tid, rows[i].kind};
		trace(&stage, conflict);
		if (judge(&stage) != AGREEMENT_CONTRADICTION)
			fail_msg("%s is taken for it", rows[i].what);
	}
}

/* Reads are cut at the end of the file, io_uring lets other threads do it. */
static void part_of_an_op_by_another_thread_is_found_where_that_may_be(void **state)
{
	struct agreement_conflict conflict;
	struct stage stage;

	(void)state;
	set_up(&stage);
	conflict = conflict_of(&stage.ops[WRITE], &stage.ops[READ]);
	conflict.ops[1].range = (struct ior_range){4096, 8192};
	trace(&stage, conflict);
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
	set_up(&stage);
	conflict.ops[1].tid = 99;
	trace(&stage, conflict);
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
	stage.ops[READ].async = true;
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
	stage.ops[READ].async = false;
	stage.torn.tids_compare = false;
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
}

static void what_was_not_all_seen_is_unknown(void **state)
{
	struct stage stage;

	(void)state;
	set_up(&stage)->torn.pairs_cut = true;
	assert_int_equal(judge(&stage), AGREEMENT_UNKNOWN);
	set_up(&stage)->torn.pairs_len = 0;
	assert_int_equal(judge(&stage), AGREEMENT_UNKNOWN);
	set_up(&stage)->traced.complete_until_ns = 1099;
	assert_int_equal(judge(&stage), AGREEMENT_UNKNOWN);
	set_up(&stage)->traced.covers[IOR_MODE_DIRECT][IOR_OP_READ][0] = false;
	assert_int_equal(judge(&stage), AGREEMENT_UNKNOWN);
	/* The place of an append is raced for before any window opens. */
	set_up(&stage)->torn.how = STRESS_HOW_PLACE;
	assert_int_equal(judge(&stage), AGREEMENT_UNKNOWN);
	/* What is found is found all the same. */
	trace(&stage, conflict_of(&stage.ops[WRITE], &stage.ops[READ]));
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
}

/* The page cache may show later what a race left there. */
static void any_earlier_conflict_on_its_bytes_is_found_when_direct_and_buffered_mix(void **state)
{
	struct agreement_conflict conflict;
	struct stage stage;

	(void)state;
	set_up(&stage)->torn.is_mixed = true;
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
	conflict = conflict_of(&stage.ops[OLD], &stage.ops[OLD]);
	conflict.ops[0].tid = conflict.ops[1].tid = 99;
	trace(&stage, conflict);
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
	stage.torn.is_mixed = false;
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
	set_up(&stage)->torn.is_mixed = true;
	conflict.ops[1].begin_ns = 1101;
	trace(&stage, conflict);
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
}

static void one_is_found_among_many(void **state)
{
	enum {
		MANY = 1000
	};
	static struct agreement_conflict many[MANY];
	struct stage stage;

	(void)state;
	set_up(&stage);
	for (size_t i = 0; i < MANY; i++) {
		many[i] = conflict_of(&stage.ops[WRITE], &stage.ops[READ]);
		/* Backwards, and all but one of other times. */
		many[i].ops[1].begin_ns = (MANY - i) * 250;
		many[i].ops[0].begin_ns = many[i].ops[1].begin_ns < 960 ? 0 : 960;
	}
	agreement_sort(many, MANY);
	stage.traced.conflicts = many;
	stage.traced.len = MANY;
	assert_int_equal(judge(&stage), AGREEMENT_FOUND);
	stage.ops[READ].begin_ns = 1010;
	stage.ops[READ].end_ns = 1240;
	stage.ops[WRITE].begin_ns = 1001;
	assert_int_equal(judge(&stage), AGREEMENT_CONTRADICTION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conflict_of_any_of_its_pairs_is_found),
		cmocka_unit_test(result_without_a_conflict_is_a_contradiction),
		cmocka_unit_test(conflict_of_other_ops_is_not_it),
		cmocka_unit_test(part_of_an_op_by_another_thread_is_found_where_that_may_be),
		cmocka_unit_test(what_was_not_all_seen_is_unknown),
		cmocka_unit_test(
			any_earlier_conflict_on_its_bytes_is_found_when_direct_and_buffered_mix),
		cmocka_unit_test(one_is_found_among_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
