// SPDX-License-Identifier: GPL-2.0
#include "model/names.h"

#include <stdio.h>
#include <string.h>

#include "base/macro.h"
#include "unit.h"

static const struct {
	const char *(*name)(uint8_t);
	uint8_t count;
} tables[] = {
	{kind_name, IOR_OP_COUNT_},
	{mode_name, IOR_MODE_COUNT_},
	{lock_name, IOR_LOCK_COUNT_},
	{shape_name, IOR_SHAPE_COUNT_},
	{tear_name, IOR_TEAR_COUNT_},
	{path_state_name, PATH_STATE_COUNT_},
	{coverage_level_name, COVERAGE_LEVEL_COUNT_},
	{verdict_name, VERDICT_COUNT_},
};

static void every_value_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (uint8_t i = 0; i < tables[t].count; i++) {
			assert_non_null(tables[t].name(i));
			for (uint8_t j = 0; j < i; j++)
				assert_string_not_equal(tables[t].name(i), tables[t].name(j));
		}
	}
}

static void value_out_of_range_is_unknown(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		assert_string_equal(tables[t].name(tables[t].count), "unknown");
		assert_string_equal(tables[t].name(255), "unknown");
	}
	assert_string_equal(pair_name(IOR_OP_COUNT_, IOR_OP_READ), "unknown");
	assert_string_equal(pair_name(IOR_OP_READ, 255), "unknown");
}

static void pair_is_called_the_same_either_way_round(void **state)
{
	(void)state;
	assert_string_equal(pair_name(IOR_OP_WRITE, IOR_OP_READ), "read/write");
	assert_string_equal(pair_name(IOR_OP_SIZE, IOR_OP_WRITE), "write/size");
	for (uint8_t a = 0; a < IOR_OP_COUNT_; a++) {
		for (uint8_t b = a; b < IOR_OP_COUNT_; b++) {
			char want[32];

			snprintf(want, sizeof(want), "%s/%s", kind_name(a), kind_name(b));
			assert_string_equal(pair_name(a, b), want);
			assert_string_equal(pair_name(b, a), want);
		}
	}
}

static void every_loss_says_what_it_means_and_what_to_do(void **state)
{
	(void)state;
	for (enum ior_loss a = 0; a < IOR_LOSS_COUNT_; a++) {
		assert_true(strlen(loss_text(a)->meaning) > 10);
		assert_true(strlen(loss_text(a)->advice) > 10);
		assert_null(strpbrk(loss_text(a)->name, " -ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
		for (enum ior_loss b = 0; b < a; b++)
			assert_string_not_equal(loss_text(a)->name, loss_text(b)->name);
	}
}

static void file_system_without_a_name_shows_its_magic(void **state)
{
	char text[FS_TEXT_BYTES];

	(void)state;
	assert_string_equal(fs_text(IOR_MAGIC_XFS, text), "xfs");
	assert_string_equal(fs_text(0xabcdef, text), "0xabcdef");
	assert_string_equal(fs_text(UINT64_MAX, text), "0xffffffffffffffff");
	assert_null(fs_name(0xabcdef));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_has_a_name_of_its_own),
		cmocka_unit_test(value_out_of_range_is_unknown),
		cmocka_unit_test(pair_is_called_the_same_either_way_round),
		cmocka_unit_test(every_loss_says_what_it_means_and_what_to_do),
		cmocka_unit_test(file_system_without_a_name_shows_its_magic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
