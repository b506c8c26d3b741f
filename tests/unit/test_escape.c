// SPDX-License-Identifier: GPL-2.0
#include "base/escape.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "unit.h"

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
	const char *bytes;
	size_t len;
	const char *want;
} cases[] = {
	{BYTES(""), ""},
	{BYTES("plain \"quoted\" 'name'"), "plain \"quoted\" 'name'"},
	{BYTES("gr\u00fc\u00df \u65e5\u672c \U0001f600"), "gr\u00fc\u00df \u65e5\u672c \U0001f600"},
	{BYTES("a\\x1b"), "a\\\\x1b"},
	{BYTES("\033[31m"), "\\x1b[31m"},
	{BYTES("a\nb\tc\r"), "a\\x0ab\\x09c\\x0d"},
	{BYTES("a\0b"), "a\\x00b"},
	{BYTES("\177"), "\\x7f"},
	/* C1, as UTF-8 and as a bare byte: CSI either way */
	{BYTES("\xc2\x9b"), "\\xc2\\x9b"},
	{BYTES("\x9b"), "\\x9b"},
	{BYTES("\u202etxt.exe"), "\\xe2\\x80\\xaetxt.exe"},
	{BYTES("\u2066\u2069"), "\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
	{BYTES("\u2028"), "\\xe2\\x80\\xa8"},
	{BYTES("\ufeff"), "\\xef\\xbb\\xbf"},
	/* overlong '/', surrogate, beyond U+10FFFF, cut short, lone continuation, bad lead */
	{BYTES("\xc0\xaf"), "\\xc0\\xaf"},
	{BYTES("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"},
	{BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80"},
	{BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"},
	{BYTES("a\xe2\x82"), "a\\xe2\\x82"},
	{BYTES("\xe2\x82z"), "\\xe2\\x82z"},
	{BYTES("\x80"), "\\x80"},
	{BYTES("\xff\xfe"), "\\xff\\xfe"},
};

static void dangerous_bytes_become_harmless(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(buf_done) struct buf out = {};

		assert_int_equal(escape_append(&out, cases[i].bytes, cases[i].len), 0);
		assert_string_equal(buf_text(&out), cases[i].want);
	}
}

static void every_pair_of_bytes_stays_on_its_line(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	for (unsigned int pair = 0; pair < 0x10000; pair++) {
		const char bytes[] = {pair >> 8, pair & 0xff};

		buf_reset(&out);
		escape_append(&out, bytes, sizeof(bytes));
		assert_int_equal(strlen(buf_text(&out)), out.len);
		for (const char *at = buf_text(&out); *at; at++) {
			if ((unsigned char)*at < 0x20 || *at == 0x7f)
				fail_msg("bytes %04x let a control byte through", pair);
		}
	}
}

static void width_counts_code_points(void **state)
{
	(void)state;
	assert_int_equal(escape_width(""), 0);
	assert_int_equal(escape_width("abc"), 3);
	assert_int_equal(escape_width("gr\u00fc\u00df"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dangerous_bytes_become_harmless),
		cmocka_unit_test(every_pair_of_bytes_stays_on_its_line),
		cmocka_unit_test(width_counts_code_points),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
