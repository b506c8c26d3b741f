// SPDX-License-Identifier: GPL-2.0
#include "base/buf.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "unit.h"

static void untouched_buf_reads_empty(void **state)
{
	struct buf out = {};

	(void)state;
	assert_string_equal(buf_text(&out), "");
	buf_done(&out);
}

static void appended_parts_stand_in_order(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	assert_int_equal(buf_puts(&out, "a"), 0);
	assert_int_equal(buf_printf(&out, "%d%s", 12, "b"), 0);
	assert_int_equal(buf_putc(&out, 'c'), 0);
	assert_int_equal(buf_fill(&out, '-', 3), 0);
	assert_int_equal(buf_append(&out, "xyz", 2), 0);
	assert_string_equal(buf_text(&out), "a12bc---xy");
	assert_int_equal(out.len, 10);
}

static void text_grows_past_any_first_guess(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_printf(&out, "%04d", i);
	assert_int_equal(out.error, 0);
	assert_int_equal(out.len, 20000);
	assert_memory_equal(out.text + 4 * 4321, "4321", 4);
	assert_int_equal(strlen(buf_text(&out)), out.len);
}

static void failed_append_sticks_until_reset(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	buf_puts(&out, "kept");
	assert_int_equal(buf_fill(&out, 'x', SIZE_MAX), -ENOMEM);
	assert_int_equal(buf_puts(&out, "more"), -ENOMEM);
	assert_int_equal(buf_printf(&out, "more"), -ENOMEM);
	assert_string_equal(buf_text(&out), "kept");
	buf_reset(&out);
	assert_int_equal(buf_puts(&out, "new"), 0);
	assert_string_equal(buf_text(&out), "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(untouched_buf_reads_empty),
		cmocka_unit_test(appended_parts_stand_in_order),
		cmocka_unit_test(text_grows_past_any_first_guess),
		cmocka_unit_test(failed_append_sticks_until_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
