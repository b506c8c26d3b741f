// SPDX-License-Identifier: GPL-2.0
#include "base/units.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "unit.h"

typedef int (*parse_fn)(const char *text, const char *what, struct reason *why, uint64_t *ret);

struct good {
	parse_fn parse;
	const char *text;
	uint64_t want;
};

static const struct good good[] = {
	{parse_duration, "0", 0},
	{parse_duration, "5", 5000000000},
	{parse_duration, "5s", 5000000000},
	{parse_duration, "250ms", 250000000},
	{parse_duration, "7us", 7000},
	{parse_duration, "7µs", 7000},
	{parse_duration, "9ns", 9},
	{parse_duration, "1m", 60000000000},
	{parse_duration, "2h", 7200000000000},
	{parse_duration, "1d", 86400000000000},
	{parse_size, "512", 512},
	{parse_size, "0x200", 512},
	{parse_size, "64K", 65536},
	{parse_size, "64KiB", 65536},
	{parse_size, "4M", 4194304},
	{parse_size, "1G", 1073741824},
	{parse_size, "0x10K", 16384},
	{parse_size, "18446744073709551615", UINT64_MAX},
	{parse_unsigned, "017", 17},
	{parse_unsigned, "0xff", 255},
};

static void good_values_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct reason why = {};
		uint64_t got = 1;

		if (good[i].parse(good[i].text, "--x", &why, &got) != 0 || got != good[i].want)
			fail_msg("\"%s\": %llu, \"%s\"", good[i].text, (unsigned long long)got,
				 why.text);
	}
}

struct bad {
	parse_fn parse;
	const char *text;
	int error;
};

static const struct bad bad[] = {
	{parse_duration, "", -EINVAL},	      {parse_duration, "s", -EINVAL},
	{parse_duration, "-1s", -EINVAL},     {parse_duration, "+1s", -EINVAL},
	{parse_duration, " 1s", -EINVAL},     {parse_duration, "1s ", -EINVAL},
	{parse_duration, "5x", -EINVAL},      {parse_duration, "1.5s", -EINVAL},
	{parse_duration, "213504d", -ERANGE}, {parse_size, "0x", -EINVAL},
	{parse_size, "64KB", -EINVAL},	      {parse_size, "18446744073709551616", -ERANGE},
	{parse_size, "16777216T", -ERANGE},   {parse_unsigned, "1K", -EINVAL},
	{parse_unsigned, "-1", -EINVAL},
};

static void bad_values_are_named_and_change_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reason why = {};
		uint64_t got = 42;
		int r = bad[i].parse(bad[i].text, "--limit", &why, &got);

		if (r != bad[i].error || got != 42)
			fail_msg("\"%s\": %d, %llu", bad[i].text, r, (unsigned long long)got);
		assert_non_null(strstr(why.text, "--limit"));
		assert_non_null(strstr(why.text, bad[i].text));
	}
}

struct shown {
	int (*append)(struct buf *out, uint64_t number);
	uint64_t number;
	const char *want;
};

static const struct shown shown[] = {
	{units_append_grouped, 0, "0"},
	{units_append_grouped, 999, "999"},
	{units_append_grouped, 1000, "1 000"},
	{units_append_grouped, 1245184, "1 245 184"},
	{units_append_grouped, UINT64_MAX, "18 446 744 073 709 551 615"},
	{units_append_size, 0, "0 bytes"},
	{units_append_size, 1, "1 byte"},
	{units_append_size, 8192, "8 KiB"},
	{units_append_size, 8193, "8 193 bytes"},
	{units_append_size, 1ULL << 63, "8 EiB"},
	{units_append_duration, 0, "0 ns"},
	{units_append_duration, 999, "999 ns"},
	{units_append_duration, 412000, "412 µs"},
	{units_append_duration, 1500, "1.5 µs"},
	{units_append_duration, 4990000, "4.99 ms"},
	{units_append_duration, 4050000, "4.05 ms"},
	{units_append_duration, 12340000, "12.3 ms"},
	{units_append_duration, 59999999999, "59.9 s"},
	{units_append_duration, 60000000000, "1 min"},
	{units_append_duration, 61000000000, "1 min 1 s"},
	{units_append_duration, 7500000000000, "2 h 5 min"},
	{units_append_duration, 90061000000000, "1 d 1 h"},
	{units_append_time, 0, "1970-01-01T00:00:00.000000000Z"},
	{units_append_time, 1772366400000000042, "2026-03-01T12:00:00.000000042Z"},
	{units_append_time, UINT64_MAX, "2554-07-21T23:34:33.709551615Z"},
};

static void numbers_are_shown_for_people(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		_cleanup_(buf_done) struct buf out = {};

		assert_int_equal(shown[i].append(&out, shown[i].number), 0);
		assert_string_equal(buf_text(&out), shown[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values_are_read),
		cmocka_unit_test(bad_values_are_named_and_change_nothing),
		cmocka_unit_test(numbers_are_shown_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
