// SPDX-License-Identifier: GPL-2.0
#include "model/range_set.h"

#include <stdlib.h>

#include "unit.h"

static void assert_ranges(const struct range_set *set, const struct ior_range *want, size_t len)
{
	assert_int_equal(set->len, len);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(set->ranges[i].start, want[i].start);
		assert_int_equal(set->ranges[i].end, want[i].end);
	}
}

static void disjoint_ranges_stand_in_order(void **state)
{
	static const struct ior_range want[] = {{0, 1}, {5, 6}, {9, 10}};
	struct range_set set = {};

	(void)state;
	range_set_add(&set, want[1]);
	range_set_add(&set, want[2]);
	range_set_add(&set, want[0]);
	assert_ranges(&set, want, 3);
}

static void touching_ranges_become_one(void **state)
{
	static const struct ior_range want[] = {{0, 20}};
	struct range_set set = {};

	(void)state;
	range_set_add(&set, (struct ior_range){0, 5});
	range_set_add(&set, (struct ior_range){10, 20});
	range_set_add(&set, (struct ior_range){5, 10});
	range_set_add(&set, (struct ior_range){3, 4});
	assert_ranges(&set, want, 1);
}

static void one_range_swallows_several(void **state)
{
	static const struct ior_range want[] = {{0, 100}, {200, 201}};
	struct range_set set = {};

	(void)state;
	for (__u64 at = 10; at < 60; at += 10)
		range_set_add(&set, (struct ior_range){at, at + 1});
	range_set_add(&set, want[1]);
	range_set_add(&set, want[0]);
	assert_ranges(&set, want, 2);
}

static void empty_range_adds_nothing(void **state)
{
	struct range_set set = {};

	(void)state;
	range_set_add(&set, (struct ior_range){7, 7});
	assert_int_equal(set.len, 0);
}

static void full_set_joins_what_lies_closest(void **state)
{
	struct range_set set = {};

	(void)state;
	for (__u64 i = 0; i < RANGE_SET_MAX; i++)
		range_set_add(&set, (struct ior_range){i * 1000, i * 1000 + 10});
	range_set_add(&set, (struct ior_range){3020, 3030});
	assert_int_equal(set.len, RANGE_SET_MAX);
	assert_int_equal(set.ranges[3].start, 3000);
	assert_int_equal(set.ranges[3].end, 3030);
}

static void set_reaches_to_both_ends_of_a_span(void **state)
{
	static const struct ior_range want[] = {{0, 20}, {30, 50}};
	struct range_set set = {}, empty = {};

	(void)state;
	range_set_add(&set, (struct ior_range){10, 20});
	range_set_add(&set, (struct ior_range){30, 40});
	range_set_reach(&set, (struct ior_range){0, 50});
	range_set_reach(&set, (struct ior_range){15, 35});
	assert_ranges(&set, want, 2);
	range_set_reach(&empty, want[0]);
	assert_ranges(&empty, want, 1);
}

/* Whatever comes: ordered, apart, bounded, and no added byte is missing. */
static void random_ranges_never_lose_a_byte(void **state)
{
	unsigned int seed = 20260301;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct range_set set = {};
		bool added[512] = {};

		for (int i = 0; i < 60; i++) {
			__u64 start = rand_r(&seed) % 500, len = rand_r(&seed) % 4;

			range_set_add(&set, (struct ior_range){start, start + len});
			for (__u64 byte = start; byte < start + len; byte++)
				added[byte] = true;
			assert_true(set.len <= RANGE_SET_MAX);
		}
		for (size_t i = 1; i < set.len; i++)
			assert_true(set.ranges[i - 1].end < set.ranges[i].start);
		for (__u64 byte = 0; byte < 512; byte++) {
			bool found = false;

			for (size_t i = 0; i < set.len; i++)
				found |= byte >= set.ranges[i].start && byte < set.ranges[i].end;
			assert_true(found || !added[byte]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disjoint_ranges_stand_in_order),
		cmocka_unit_test(touching_ranges_become_one),
		cmocka_unit_test(one_range_swallows_several),
		cmocka_unit_test(empty_range_adds_nothing),
		cmocka_unit_test(full_set_joins_what_lies_closest),
		cmocka_unit_test(set_reaches_to_both_ends_of_a_span),
		cmocka_unit_test(random_ranges_never_lose_a_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
