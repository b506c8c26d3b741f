// SPDX-License-Identifier: GPL-2.0
#include "model/tally.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/conflict.h"
#include "unit.h"

#define OFFSET_NS 1000000

static struct ior_op op(const char *comm, __u64 start, __u64 end)
{
	struct ior_op made = {.kind = IOR_OP_WRITE, .range = {start, end}};

	assert_true(strlen(comm) < sizeof(made.comm));
	memcpy(made.comm, comm, strlen(comm));
	return made;
}

static struct conflict_view pair(__u64 ino, __u64 start, __u64 end, __u64 time_ns)
{
	return (struct conflict_view){
		.time_mono_ns = time_ns,
		.file = {.id = {.ino = ino}, .path_state = PATH_UNKNOWN},
		.ops = {{.op = op("a", start, end)}, {.op = op("b", start, end)}},
	};
}

static struct ior_finding_key key_of(const struct conflict_view *view)
{
	return finding_key_of(&view->file.id, &view->ops[0].op, &view->ops[1].op);
}

static struct ior_finding_value value(__u64 count, __u64 start, __u64 end)
{
	return (struct ior_finding_value){
		.count = count,
		.bytes = count * (end - start),
		.first_ns = 10,
		.last_ns = 20,
		.span_start = start,
		.span_end = end,
	};
}

static int add_row(struct tally *tally, __u64 ino, __u64 count)
{
	struct conflict_view view = pair(ino, 0, 8, 1);
	struct ior_finding_key key = key_of(&view);
	struct ior_finding_value row = value(count, 0, 8);

	return tally_add_row(tally, &key, &row);
}

static void most_frequent_finding_comes_first(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};

	(void)state;
	assert_int_equal(add_row(tally, 1, 5), 0);
	assert_int_equal(add_row(tally, 2, 50), 0);
	assert_int_equal(add_row(tally, 3, 7), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 3);
	assert_int_equal(list.items[0].file.id.ino, 2);
	assert_int_equal(list.items[1].file.id.ino, 3);
	assert_int_equal(list.items[2].file.id.ino, 1);
	assert_int_equal(tally_conflicts(tally), 62);
}

static void second_reading_replaces_the_first(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);

	(void)state;
	assert_int_equal(add_row(tally, 1, 5), 0);
	tally_recount(tally);
	assert_int_equal(add_row(tally, 1, 8), 0);
	assert_int_equal(tally_conflicts(tally), 8);
}

/* One task had a longer name before: two keys in the kernel, one finding here. */
static void rows_that_differ_behind_the_name_are_one_finding(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, OFFSET_NS);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct conflict_view view = pair(1, 0, 8, 1);
	struct ior_finding_key key = key_of(&view);
	struct ior_finding_value late = value(2, 100, 200);

	(void)state;
	late.first_ns = 15;
	late.last_ns = 99;
	key.sides[0].comm[5] = 'x';
	assert_int_equal(add_row(tally, 1, 5), 0);
	assert_int_equal(tally_add_row(tally, &key, &late), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 1);
	assert_int_equal(list.items[0].count, 7);
	assert_int_equal(list.items[0].bytes, 5 * 8 + 2 * 100);
	assert_int_equal(list.items[0].first_real_ns, 10 + OFFSET_NS);
	assert_int_equal(list.items[0].last_real_ns, 99 + OFFSET_NS);
	assert_int_equal(list.items[0].ranges_len, 1);
	assert_int_equal(list.items[0].ranges[0].end, 200);
}

static void samples_give_place_and_evidence_but_do_not_count_twice(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct conflict_view one = pair(1, 0, 4, 12), two = pair(1, 6, 8, 13);

	(void)state;
	assert_int_equal(add_row(tally, 1, 5), 0);
	assert_int_equal(tally_add_sample(tally, &one), 0);
	assert_int_equal(tally_add_sample(tally, &two), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 1);
	assert_int_equal(list.items[0].count, 5);
	assert_int_equal(list.items[0].ranges_len, 2);
	assert_int_equal(list.items[0].ranges[1].start, 6);
	assert_int_equal(list.items[0].sample->time_mono_ns, 12);
}

static void samples_alone_are_counted(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, OFFSET_NS);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct conflict_view one = pair(1, 0, 4, 12), two = pair(1, 6, 8, 13);

	(void)state;
	assert_int_equal(tally_add_sample(tally, &two), 0);
	assert_int_equal(tally_add_sample(tally, &one), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.items[0].count, 2);
	assert_int_equal(list.items[0].bytes, 6);
	assert_int_equal(list.items[0].first_real_ns, 12 + OFFSET_NS);
	assert_int_equal(list.items[0].last_real_ns, 13 + OFFSET_NS);
}

static void sample_with_more_stacks_takes_the_place(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct frame_view frame = {.address = 1};
	struct conflict_view bare = pair(1, 0, 4, 1), one = pair(1, 0, 4, 2),
			     both = pair(1, 0, 4, 3), later = pair(1, 0, 4, 4);

	(void)state;
	one.ops[1].stack = both.ops[0].stack = both.ops[1].stack = later.ops[0].stack = &frame;
	one.ops[1].stack_len = both.ops[0].stack_len = both.ops[1].stack_len = 1;
	later.ops[0].stack_len = 1;
	assert_int_equal(tally_add_sample(tally, &bare), 0);
	assert_int_equal(tally_add_sample(tally, &one), 0);
	assert_int_equal(tally_add_sample(tally, &both), 0);
	assert_int_equal(tally_add_sample(tally, &later), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.items[0].sample->time_mono_ns, 3);
}

static void conflicts_without_a_place_are_counted(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(2, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct conflict_view third = pair(3, 0, 8, 1);

	(void)state;
	assert_int_equal(add_row(tally, 1, 5), 0);
	assert_int_equal(add_row(tally, 2, 6), 0);
	assert_int_equal(add_row(tally, 3, 7), 0);
	assert_int_equal(tally_add_sample(tally, &third), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 2);
	assert_int_equal(tally_overflow(tally, 0), 7);
	tally_recount(tally);
	assert_int_equal(tally_overflow(tally, 0), 1);
}

static void conflict_without_a_row_is_not_counted_again_as_a_sample(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(1, 0);
	struct conflict_view second = pair(2, 0, 8, 1);

	(void)state;
	assert_int_equal(add_row(tally, 1, 5), 0);
	assert_int_equal(tally_add_sample(tally, &second), 0);
	assert_int_equal(tally_overflow(tally, 3), 3);
}

static bool path_of_even(const struct ior_file *file, const char **path, enum path_state *state,
			 void *arg)
{
	if (file->ino % 2)
		return false;
	*path = arg;
	*state = PATH_DELETED;
	return true;
}

static void latest_path_wins_and_the_sample_helps_out(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};
	struct conflict_view odd = pair(1, 0, 8, 1);
	char path[] = "/even";

	(void)state;
	odd.file.path = "/odd";
	odd.file.path_state = PATH_OK;
	assert_int_equal(add_row(tally, 2, 9), 0);
	assert_int_equal(tally_add_sample(tally, &odd), 0);
	assert_int_equal(tally_findings(tally, path_of_even, path, &list), 0);
	assert_string_equal(list.items[0].file.path, "/even");
	assert_int_equal(list.items[0].file.path_state, PATH_DELETED);
	assert_string_equal(list.items[1].file.path, "/odd");
}

static void many_findings_all_come_out(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(1000, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};

	(void)state;
	for (__u64 ino = 1; ino <= 1000; ino++)
		assert_int_equal(add_row(tally, ino, ino), 0);
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 1000);
	for (size_t i = 0; i < list.len; i++)
		assert_int_equal(list.items[i].count, 1000 - i);
}

static void empty_tally_has_no_findings(void **state)
{
	_cleanup_(tally_freep) struct tally *tally = tally_new(8, 0);
	_cleanup_(finding_list_done) struct finding_list list = {};

	(void)state;
	assert_int_equal(tally_findings(tally, NULL, NULL, &list), 0);
	assert_int_equal(list.len, 0);
	tally_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(most_frequent_finding_comes_first),
		cmocka_unit_test(second_reading_replaces_the_first),
		cmocka_unit_test(rows_that_differ_behind_the_name_are_one_finding),
		cmocka_unit_test(samples_give_place_and_evidence_but_do_not_count_twice),
		cmocka_unit_test(samples_alone_are_counted),
		cmocka_unit_test(sample_with_more_stacks_takes_the_place),
		cmocka_unit_test(conflicts_without_a_place_are_counted),
		cmocka_unit_test(conflict_without_a_row_is_not_counted_again_as_a_sample),
		cmocka_unit_test(latest_path_wins_and_the_sample_helps_out),
		cmocka_unit_test(many_findings_all_come_out),
		cmocka_unit_test(empty_tally_has_no_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
