// SPDX-License-Identifier: GPL-2.0
#include "report/draw.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "model/reporter.h"
#include "unit.h"

#define MAX IOR_RANGE_MAX

static const struct {
	struct ior_range a, b;
	const char *want; /* at width 12 */
} cases[] = {
	/* identical, partial, nested */
	{{0, 8},
	 {0, 8},
	 "     A  |############|\n"
	 "     B  |############|\n"},
	{{0, 8},
	 {4, 12},
	 "     A  |-----####|\n"
	 "     B       |####-----|\n"},
	{{4, 8},
	 {0, 12},
	 "     A       |####|\n"
	 "     B  |-----####-----|\n"},
	/* one byte of a terabyte: in the middle, at the start, at the end */
	{{0, 1ULL << 40},
	 {1ULL << 39, (1ULL << 39) + 1},
	 "     A  |------#-------|\n"
	 "     B        |#|\n"},
	{{0, 1ULL << 40},
	 {0, 1},
	 "     A  |#------------|\n"
	 "     B  |#|\n"},
	{{0, 1ULL << 40},
	 {(1ULL << 40) - 1, 1ULL << 41},
	 "     A  |------#|\n"
	 "     B        |#-------|\n"},
	/* without an end */
	{{8192, MAX},
	 {4096, 12288},
	 "     A    |#----------->\n"
	 "     B  |--#|\n"},
	{{0, MAX},
	 {0, MAX},
	 "     A  |############>\n"
	 "     B  |############>\n"},
	/* nothing in common, or a damaged range: nothing to draw */
	{{0, 8}, {8, 16}, ""},
	{{0, 8}, {4, 4}, ""},
	{{8, 0}, {4, 6}, ""},
};

static void overlap_is_drawn_to_scale_and_never_vanishes(void **state)
{
	const struct report_style style = {.width = 12};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = {};

		assert_int_equal(draw_overlap(cases[i].a, cases[i].b, &style, &out), 0);
		assert_string_equal(buf_text(&out), cases[i].want);
	}
}

static uint64_t random_offset(unsigned int *seed)
{
	uint64_t bits = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 16 ^ rand_r(seed);

	return bits >> rand_r(seed) % 64;
}

/* Whatever the ranges: both lines show the same '#' columns, within the width, no blank tail. */
static void random_overlaps_line_up(void **state)
{
	const struct report_style style = {.width = 20};
	unsigned int seed = 20260301;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct ior_range a = {random_offset(&seed), random_offset(&seed)};
		struct ior_range b = {random_offset(&seed), random_offset(&seed)};
		_cleanup_(buf_done) struct buf out = {};
		const char *second;

		if (!ior_range_overlaps(a, b))
			continue;
		assert_int_equal(draw_overlap(a, b, &style, &out), 0);
		second = strchr(buf_text(&out), '\n') + 1;
		assert_true(strcspn(buf_text(&out), "#") == strcspn(second, "#"));
		assert_true(strspn(strchr(buf_text(&out), '#'), "#") ==
			    strspn(strchr(second, '#'), "#"));
		assert_true(strlen(second) <= strlen("     B  ") + 20 + 4 + 1);
		assert_null(strstr(buf_text(&out), " \n"));
	}
}

static void absurd_widths_are_bounded(void **state)
{
	static const unsigned int widths[] = {1, 8, 200, 100000};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		const struct report_style style = {.width = widths[i]};
		_cleanup_(buf_done) struct buf out = {};

		assert_int_equal(draw_overlap((struct ior_range){0, 3}, (struct ior_range){1, 2},
					      &style, &out),
				 0);
		assert_in_range(out.len, 20, 500);
	}
}

static void interval_without_end_says_so(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	draw_interval((struct ior_range){4096, MAX}, &out);
	draw_interval((struct ior_range){0, MAX - 1}, &out);
	assert_string_equal(buf_text(&out), "[4096, ∞)[0, 18446744073709551614)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlap_is_drawn_to_scale_and_never_vanishes),
		cmocka_unit_test(random_overlaps_line_up),
		cmocka_unit_test(absurd_widths_are_bounded),
		cmocka_unit_test(interval_without_end_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
