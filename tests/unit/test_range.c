// SPDX-License-Identifier: GPL-2.0
#include <iorace/range.h>

#include "base/macro.h"
#include "unit.h"

#define FAR (1ULL << 63)
#define MAX IOR_RANGE_MAX

struct geometry {
	struct ior_range a, b;
	bool overlaps;
	struct ior_range common;
};

static const struct geometry geometries[] = {
	/* identical, nested, partial: left, right */
	{{0, 10}, {0, 10}, true, {0, 10}},
	{{0, 10}, {3, 4}, true, {3, 4}},
	{{0, 10}, {0, 4}, true, {0, 4}},
	{{0, 10}, {6, 10}, true, {6, 10}},
	{{0, 10}, {9, 20}, true, {9, 10}},
	/* adjacent, apart */
	{{0, 10}, {10, 20}, false, {10, 10}},
	{{0, 10}, {11, 20}, false, {11, 11}},
	/* empty: nowhere, also not inside */
	{{0, 10}, {5, 5}, false, {5, 5}},
	{{0, 0}, {0, 10}, false, {0, 0}},
	{{5, 5}, {5, 5}, false, {5, 5}},
	/* far away */
	{{FAR - 1, FAR + 1}, {FAR, FAR + 2}, true, {FAR, FAR + 1}},
	{{4096, MAX}, {0, 4097}, true, {4096, 4097}},
	{{4096, MAX}, {MAX - 1, MAX}, true, {MAX - 1, MAX}},
	{{4096, MAX}, {0, 4096}, false, {4096, 4096}},
};

static void overlap_is_common_bytes_either_way_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(geometries); i++) {
		const struct geometry *g = &geometries[i];
		struct ior_range common = ior_range_intersection(g->a, g->b);
		struct ior_range swapped = ior_range_intersection(g->b, g->a);

		assert_int_equal(ior_range_overlaps(g->a, g->b), g->overlaps);
		assert_int_equal(ior_range_overlaps(g->b, g->a), g->overlaps);
		assert_int_equal(ior_range_is_empty(common), !g->overlaps);
		assert_int_equal(ior_range_is_empty(swapped), !g->overlaps);
		if (g->overlaps) {
			assert_true(common.start == g->common.start && common.end == g->common.end);
			assert_true(swapped.start == common.start && swapped.end == common.end);
		}
	}
}

/* The definition, byte by byte, for every pair of ranges within six bytes. */
static void overlap_agrees_with_counting_bytes(void **state)
{
	(void)state;
	for (unsigned int code = 0; code < 7 * 7 * 7 * 7; code++) {
		struct ior_range a = {code % 7, code / 7 % 7};
		struct ior_range b = {code / 49 % 7, code / 343};
		unsigned int common = 0;

		for (__u64 byte = 0; byte < 7; byte++)
			common +=
				byte >= a.start && byte < a.end && byte >= b.start && byte < b.end;
		assert_int_equal(ior_range_overlaps(a, b), common > 0);
		assert_int_equal(ior_range_len(ior_range_intersection(a, b)), common);
	}
}

static void range_past_the_end_of_all_stops_there(void **state)
{
	struct ior_range wrapped = ior_range_from(MAX - 10, 100);
	struct ior_range exact = ior_range_from(4096, 512);

	(void)state;
	assert_true(wrapped.start == MAX - 10 && wrapped.end == MAX);
	assert_true(exact.start == 4096 && exact.end == 4608);
	assert_true(ior_range_is_empty(ior_range_from(7, 0)));
}

static void shape_is_named_either_way_round(void **state)
{
	static const struct {
		struct ior_range a, b;
		enum ior_shape shape;
	} cases[] = {
		{{0, 10}, {0, 10}, IOR_SHAPE_IDENTICAL}, {{0, 10}, {2, 8}, IOR_SHAPE_NESTED},
		{{0, 10}, {0, 8}, IOR_SHAPE_NESTED},	 {{0, 10}, {2, 10}, IOR_SHAPE_NESTED},
		{{0, 10}, {9, 11}, IOR_SHAPE_PARTIAL},	 {{0, MAX}, {FAR, MAX}, IOR_SHAPE_NESTED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ior_range_shape(cases[i].a, cases[i].b), cases[i].shape);
		assert_int_equal(ior_range_shape(cases[i].b, cases[i].a), cases[i].shape);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlap_is_common_bytes_either_way_round),
		cmocka_unit_test(overlap_agrees_with_counting_bytes),
		cmocka_unit_test(range_past_the_end_of_all_stops_there),
		cmocka_unit_test(shape_is_named_either_way_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
