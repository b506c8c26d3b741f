// SPDX-License-Identifier: GPL-2.0
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static void reason_may_be_unwanted(void **state)
{
	(void)state;
	reason_set(NULL, "nobody reads %d", 1);
	assert_int_equal(reason_fail(NULL, -EINVAL, "nor this"), -EINVAL);
}

static void failing_explains_and_returns_the_error(void **state)
{
	struct reason why = {};

	(void)state;
	assert_int_equal(reason_fail(&why, -ERANGE, "%s is %d", "x", 7), -ERANGE);
	assert_string_equal(why.text, "x is 7");
}

static void long_reason_ends_in_dots(void **state)
{
	char longer[2 * REASON_TEXT_BYTES];
	struct reason why = {};

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	reason_set(&why, "%s", longer);
	assert_int_equal(strlen(why.text), REASON_TEXT_BYTES - 1);
	assert_string_equal(why.text + REASON_TEXT_BYTES - 4, "...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reason_may_be_unwanted),
		cmocka_unit_test(failing_explains_and_returns_the_error),
		cmocka_unit_test(long_reason_ends_in_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
