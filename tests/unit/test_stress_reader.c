// SPDX-License-Identifier: GPL-2.0
/* From bytes to a verdict, with the history that workers share. No file is written. */
#include "stress/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model/stress_block.h"
#include "stress/history.h"

#include "unit.h"

#define RUN 77
#define UNITS 16
#define LEN (UNITS * STRESS_UNIT_BYTES)

struct stage {
	struct history *history;
	struct stress_reader reader;
	unsigned char *file; /* LEN bytes, what a read returns */
	uint64_t now_ns;
	struct stress_judgement judgement;
	struct stress_evidence evidence;
};

static int stage_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	if (!stage || posix_memalign((void **)&stage->file, 512, LEN))
		return -1;
	memset(stage->file, 0, LEN);
	stage->history = history_new(3);
	stage->now_ns = 1000;
	*state = stage;
	return stress_reader_init(&stage->reader, stage->history, RUN, LEN, LEN);
}

static int stage_down(void **state)
{
	struct stage *stage = *state;

	stress_reader_done(&stage->reader);
	history_free(stage->history);
	free(stage->file);
	free(stage);
	return 0;
}

/* In units. */
static struct stress_op op_of(uint32_t worker, uint64_t seq, uint64_t first, uint64_t len)
{
	return (struct stress_op){
		.range = ior_range_from(first * STRESS_UNIT_BYTES, len * STRESS_UNIT_BYTES),
		.worker = worker,
		.seq = seq,
		.kind = IOR_OP_WRITE,
		.end_ns = STRESS_IN_FLIGHT,
		.pid = 1,
		.tid = worker,
	};
}

static void begin(struct stage *stage, struct stress_op *op)
{
	op->begin_ns = stage->now_ns++;
	assert_true(history_begin(stage->history, op));
}

static void end(struct stage *stage, struct stress_op *op)
{
	op->end_ns = stage->now_ns++;
	history_end(stage->history, op->worker, op->seq, op->range.start, op->end_ns);
}

static struct stress_stamp stamp_of(const struct stress_op *op)
{
	return (struct stress_stamp){
		.run = RUN,
		.seq = op->seq,
		.start = op->append ? STRESS_START_UNKNOWN : op->range.start,
		.len = ior_range_len(op->range),
		.begin_ns = op->begin_ns,
		.writer = op->worker,
	};
}

/* Units [first, first + len) of the op reach the file. */
static void land(struct stage *stage, const struct stress_op *op, uint64_t first, uint64_t len)
{
	struct stress_stamp stamp = stamp_of(op);

	stress_block_fill(stage->file + op->range.start + first * STRESS_UNIT_BYTES, &stamp,
			  first * STRESS_UNIT_BYTES, len * STRESS_UNIT_BYTES);
}

static void write_all(struct stage *stage, struct stress_op *op)
{
	begin(stage, op);
	land(stage, op, 0, ior_range_len(op->range) / STRESS_UNIT_BYTES);
	end(stage, op);
}

static void fill(struct stage *stage)
{
	struct stress_op op = op_of(0, 1, 0, UNITS);

	write_all(stage, &op);
}

static enum stress_kind read_got_since(struct stage *stage, uint64_t got, uint64_t begin_ns)
{
	struct stress_op read = op_of(3, 1, 0, UNITS);

	read.kind = IOR_OP_READ;
	read.begin_ns = begin_ns;
	read.end_ns = stage->now_ns++;
	assert_int_equal(stress_reader_judge(&stage->reader, &read, stage->file, got,
					     &stage->judgement, &stage->evidence),
			 0);
	assert_false(stage->judgement.verdict.undecided);
	return stage->judgement.verdict.kind;
}

static enum stress_kind read_got(struct stage *stage, uint64_t got)
{
	return read_got_since(stage, got, stage->now_ns++);
}

static enum stress_kind read_all(struct stage *stage)
{
	return read_got(stage, LEN);
}

static void data_of_the_last_write_is_whole(void **state)
{
	struct stage *stage = *state;
	struct stress_op first = op_of(1, 1, 0, 8), second = op_of(2, 1, 4, 8);

	fill(stage);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
	write_all(stage, &first);
	write_all(stage, &second);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
	assert_false(stage->judgement.contended);
}

static void half_of_a_write_in_flight_is_torn_and_names_both(void **state)
{
	struct stage *stage = *state;
	struct stress_op write = op_of(1, 1, 0, UNITS);

	fill(stage);
	begin(stage, &write);
	land(stage, &write, 0, 5);
	assert_int_equal(read_all(stage), STRESS_TORN_READ);
	assert_true(stage->judgement.contended);
	assert_int_equal(stage->evidence.ops_len, 3);
	assert_int_equal(stage->evidence.ops[0].kind, IOR_OP_READ);
	assert_int_equal(stage->evidence.pairs_len, 1);
	assert_int_equal(stage->evidence.pairs[0].a, 0);
	assert_int_equal(stage->evidence.ops[stage->evidence.pairs[0].b].worker, 1);
	assert_int_equal(stage->evidence.runs_len, 2);
	assert_int_equal(stage->evidence.runs[0].range.end, 5 * STRESS_UNIT_BYTES);
}

static void all_or_nothing_of_a_write_in_flight_is_whole(void **state)
{
	struct stage *stage = *state;
	struct stress_op write = op_of(1, 1, 0, UNITS);

	fill(stage);
	begin(stage, &write);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
	assert_true(stage->judgement.contended);
	land(stage, &write, 0, UNITS);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
}

static void write_that_left_nothing_behind_is_lost(void **state)
{
	struct stage *stage = *state;
	struct stress_op write = op_of(1, 1, 2, 4);

	fill(stage);
	begin(stage, &write);
	end(stage, &write);
	assert_int_equal(read_all(stage), STRESS_LOST_WRITE);
	assert_int_equal(stage->evidence.ops[1].worker, 1);
}

static void writes_of_one_range_half_of_each_are_mixed(void **state)
{
	struct stage *stage = *state;
	struct stress_op a = op_of(1, 1, 0, 8), b = op_of(2, 1, 0, 8);

	fill(stage);
	begin(stage, &a);
	begin(stage, &b);
	land(stage, &a, 0, 8);
	land(stage, &b, 0, 3);
	end(stage, &a);
	end(stage, &b);
	assert_int_equal(read_all(stage), STRESS_MIXED_WRITE);
	assert_int_equal(stage->evidence.pairs_len, 1);
}

static void mix_inside_a_unit_is_torn_and_explained(void **state)
{
	struct stage *stage = *state;
	struct stress_op write = op_of(1, 1, 0, UNITS);
	unsigned char before[STRESS_UNIT_BYTES];

	fill(stage);
	memcpy(before, stage->file, sizeof(before));
	begin(stage, &write);
	land(stage, &write, 0, UNITS);
	memcpy(stage->file + 256, before + 256, 256);
	assert_int_equal(read_all(stage), STRESS_TORN_READ);
	assert_int_equal(stage->evidence.how, STRESS_HOW_UNIT);
	assert_int_equal(stage->evidence.ops_len, 3);
	assert_int_equal(stage->evidence.runs[0].op, STRESS_RUN_BROKEN);
}

/* Half a unit of the first of many writes, and the other half of the last. */
static uint64_t mix_first_and_last(struct stage *stage, uint64_t writes)
{
	struct stress_op first = op_of(1, 1, 0, UNITS);
	unsigned char half[STRESS_UNIT_BYTES / 2];
	uint64_t begin_ns;

	fill(stage);
	begin_ns = stage->now_ns++;
	write_all(stage, &first);
	memcpy(half, stage->file, sizeof(half));
	for (uint64_t seq = 2; seq <= writes; seq++) {
		struct stress_op op = op_of(1, seq, 0, UNITS);

		write_all(stage, &op);
	}
	memcpy(stage->file, half, sizeof(half));
	return begin_ns;
}

static void unit_that_spans_many_writes_is_explained(void **state)
{
	struct stage *stage = *state;
	uint64_t begin_ns = mix_first_and_last(stage, HISTORY_OPS / 2);

	assert_int_equal(read_got_since(stage, LEN, begin_ns), STRESS_TORN_READ);
	assert_int_equal(stage->evidence.how, STRESS_HOW_UNIT);
	assert_int_equal(stage->evidence.ops_len, 3);
	assert_int_equal(stage->evidence.ops[1].seq + stage->evidence.ops[2].seq,
			 1 + HISTORY_OPS / 2);
	assert_false(stage->evidence.pairs_cut);
}

/* Nobody knows any more what it is mixed from, but not that nobody wrote it. */
static void unit_mixed_with_a_forgotten_write_is_torn(void **state)
{
	struct stage *stage = *state;
	uint64_t begin_ns = mix_first_and_last(stage, 2 * HISTORY_OPS);

	assert_int_equal(read_got_since(stage, LEN, begin_ns), STRESS_TORN_READ);
	assert_int_equal(stage->evidence.how, STRESS_HOW_UNIT);
	assert_true(stage->evidence.pairs_cut);
}

static void bytes_that_nobody_wrote_are_garbled(void **state)
{
	struct stage *stage = *state;

	fill(stage);
	stage->file[3 * STRESS_UNIT_BYTES + 200] ^= 1;
	assert_int_equal(read_all(stage), STRESS_GARBLED);
}

static void unit_moved_to_another_place_is_garbled(void **state)
{
	struct stage *stage = *state;

	fill(stage);
	memcpy(stage->file, stage->file + STRESS_UNIT_BYTES, STRESS_UNIT_BYTES);
	assert_int_equal(read_all(stage), STRESS_GARBLED);
}

static void read_that_ends_early_needs_a_truncate(void **state)
{
	struct stage *stage = *state;
	struct stress_op cut = op_of(2, 1, 8, 0);

	fill(stage);
	assert_int_equal(read_got(stage, LEN / 2), STRESS_LOST_WRITE);
	cut.kind = IOR_OP_SIZE;
	cut.range.end = IOR_RANGE_MAX;
	begin(stage, &cut);
	assert_int_equal(read_got(stage, LEN / 2), STRESS_WHOLE);
	end(stage, &cut);
	assert_int_equal(read_got(stage, LEN / 2), STRESS_WHOLE);
	assert_int_equal(read_all(stage), STRESS_LOST_WRITE);
}

static void data_of_a_forgotten_write_is_whole(void **state)
{
	struct stage *stage = *state;
	struct stress_op old = op_of(1, 1, 0, UNITS);

	fill(stage);
	write_all(stage, &old);
	for (uint64_t seq = 2; seq < 2 + 2 * HISTORY_OPS; seq++) {
		struct stress_op op = op_of(1, seq, 8, 1);

		write_all(stage, &op);
	}
	assert_false(history_find(stage->history, 1, 1, &old));
	assert_int_equal(read_all(stage), STRESS_WHOLE);
}

static void zeros_of_a_forgotten_punch_are_whole(void **state)
{
	struct stage *stage = *state;

	fill(stage);
	for (uint64_t seq = 1; seq < 2 + 2 * HISTORY_OPS; seq++) {
		struct stress_op op = op_of(1, seq, seq == 1 ? 4 : 8, 1);

		op.kind = IOR_OP_SIZE;
		begin(stage, &op);
		memset(stage->file + op.range.start, 0, STRESS_UNIT_BYTES);
		end(stage, &op);
	}
	assert_int_equal(read_all(stage), STRESS_WHOLE);
}

static void op_in_flight_is_never_forgotten(void **state)
{
	struct stage *stage = *state;
	struct stress_op op = op_of(1, 1, 0, 1), found;

	begin(stage, &op);
	for (uint64_t seq = 2; seq <= HISTORY_OPS; seq++) {
		struct stress_op next = op_of(1, seq, 0, 1);

		begin(stage, &next);
		end(stage, &next);
	}
	op.seq = HISTORY_OPS + 1;
	assert_false(history_begin(stage->history, &op));
	assert_true(history_find(stage->history, 1, 1, &found));
	assert_int_equal(found.end_ns, STRESS_IN_FLIGHT);
}

static struct stress_op append_of(struct stage *stage, uint32_t worker, uint64_t first,
				  uint64_t begin_ns)
{
	struct stress_op op = op_of(worker, 1, 0, 4);

	op.append = true;
	op.begin_ns = begin_ns;
	assert_true(history_begin(stage->history, &op));
	op.range = ior_range_from(first * STRESS_UNIT_BYTES, 4 * STRESS_UNIT_BYTES);
	return op;
}

static void appends_at_one_place_lose_one(void **state)
{
	struct stage *stage = *state;
	struct stress_op a = append_of(stage, 1, 4, 1001), b = append_of(stage, 2, 4, 1002);
	bool is_lost = true;

	stage->now_ns = 1010;
	end(stage, &a);
	assert_int_equal(stress_reader_judge_append(&stage->reader, &a, &is_lost, &stage->evidence),
			 0);
	assert_false(is_lost);
	end(stage, &b);
	assert_int_equal(stress_reader_judge_append(&stage->reader, &b, &is_lost, &stage->evidence),
			 0);
	assert_true(is_lost);
	assert_int_equal(stage->evidence.kind, STRESS_LOST_WRITE);
	assert_int_equal(stage->evidence.how, STRESS_HOW_PLACE);
	assert_int_equal(stage->evidence.ops_len, 2);
}

static void appends_at_one_place_with_a_truncate_between_are_right(void **state)
{
	struct stage *stage = *state;
	struct stress_op a = append_of(stage, 1, 4, 1001), b;
	struct stress_op cut = op_of(3, 1, 0, 0);
	bool is_lost = true;

	stage->now_ns = 1010;
	end(stage, &a);
	cut.kind = IOR_OP_SIZE;
	cut.range.end = IOR_RANGE_MAX;
	begin(stage, &cut);
	end(stage, &cut);
	b = append_of(stage, 2, 4, stage->now_ns++);
	end(stage, &b);
	assert_int_equal(stress_reader_judge_append(&stage->reader, &b, &is_lost, &stage->evidence),
			 0);
	assert_false(is_lost);
}

static void appended_data_is_found_where_it_landed(void **state)
{
	struct stage *stage = *state;
	struct stress_op append;

	fill(stage);
	append = append_of(stage, 1, 4, stage->now_ns++);
	land(stage, &append, 0, 4);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
	end(stage, &append);
	assert_int_equal(read_all(stage), STRESS_WHOLE);
}

/* ---- a lane that is written while others read it --------------------------------------------- */

#define HURRIED_OPS 200000

static void *hurry(void *arg)
{
	struct history *history = arg;

	for (uint64_t seq = 1; seq <= HURRIED_OPS; seq++) {
		struct stress_op op = {.range = {seq, 3 * seq},
				       .seq = seq,
				       .begin_ns = 10 * seq,
				       .worker = 1,
				       .kind = IOR_OP_WRITE};

		history_begin(history, &op);
		history_end(history, 1, seq, seq, 10 * seq + 5);
	}
	return NULL;
}

/* What is found is one op, and what is not is behind the latest end of what was forgotten. */
static void lookups_beside_the_writer_are_never_torn(void **state)
{
	struct history *history = history_new(1);
	uint64_t last = 0, found = 0;
	pthread_t writer;

	(void)state;
	assert_int_equal(pthread_create(&writer, NULL, hurry, history), 0);
	while (last < HURRIED_OPS) {
		last = atomic_load(&history->lanes[1].last_seq);
		for (uint64_t back = 0; back < last && back < 2 * HISTORY_OPS; back += 61) {
			uint64_t seq = last - back;
			struct stress_op op;

			if (!history_find(history, 1, seq, &op)) {
				assert_true(history_forgotten_ns(history, 1) >= 10 * seq + 5);
				continue;
			}
			found++;
			assert_int_equal(op.begin_ns, 10 * seq);
			assert_int_equal(op.range.start, seq);
			assert_int_equal(op.range.end, 3 * seq);
			assert_true(op.end_ns == STRESS_IN_FLIGHT || op.end_ns == 10 * seq + 5);
		}
	}
	pthread_join(writer, NULL);
	assert_true(found > 0);
	history_free(history);
}

#define on_stage(test) cmocka_unit_test_setup_teardown(test, stage_up, stage_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_stage(data_of_the_last_write_is_whole),
		on_stage(half_of_a_write_in_flight_is_torn_and_names_both),
		on_stage(all_or_nothing_of_a_write_in_flight_is_whole),
		on_stage(write_that_left_nothing_behind_is_lost),
		on_stage(writes_of_one_range_half_of_each_are_mixed),
		on_stage(mix_inside_a_unit_is_torn_and_explained),
		on_stage(unit_that_spans_many_writes_is_explained),
		on_stage(unit_mixed_with_a_forgotten_write_is_torn),
		on_stage(bytes_that_nobody_wrote_are_garbled),
		on_stage(unit_moved_to_another_place_is_garbled),
		on_stage(read_that_ends_early_needs_a_truncate),
		on_stage(data_of_a_forgotten_write_is_whole),
		on_stage(zeros_of_a_forgotten_punch_are_whole),
		on_stage(op_in_flight_is_never_forgotten),
		on_stage(appends_at_one_place_lose_one),
		on_stage(appends_at_one_place_with_a_truncate_between_are_right),
		on_stage(appended_data_is_found_where_it_landed),
		cmocka_unit_test(lookups_beside_the_writer_are_never_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
