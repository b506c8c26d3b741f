// SPDX-License-Identifier: GPL-2.0
/* What holds for every reporter, or cannot be seen in the golden files. */
#include "model/reporter.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/macro.h"
#include "model/names.h"
#include "unit.h"

static const struct report_style plain = {};

static void reporter_is_found_by_name_and_by_ending(void **state)
{
	static const struct {
		const char *file;
		const char *name;
	} cases[] = {
		{"out.json", "json"}, {"/a.b/out.json", "json"},
		{"out.txt", "text"},  {"a.txt.json", "json"},
		{"out", NULL},	      {"out.xyz", NULL},
		{"json", NULL},	      {".json", NULL},
		{"/tmp/.txt", NULL},  {"out.json/", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct reporter_ops *found = reporter_by_ending(cases[i].file);

		if (cases[i].name)
			assert_ptr_equal(found, reporter_by_name(cases[i].name));
		else
			assert_null(found);
	}
	assert_non_null(reporter_by_name("text"));
	assert_null(reporter_by_name("yaml"));
}

static struct conflict_view hostile(const char *path)
{
	struct conflict_view conflict = {
		.id = 1,
		.file = {.id = {.ino = 1}, .path = path, .path_state = PATH_OK, .fs = path},
		.ops = {{.op = {.kind = IOR_OP_WRITE, .range = {0, 4096}}},
			{.op = {.kind = IOR_OP_READ, .range = {0, 4096}}}},
	};

	for (size_t i = 0; i < 2; i++) {
		conflict.ops[i].cgroup = path;
		conflict.ops[i].range_lock = path;
		memcpy(conflict.ops[i].op.comm, path, strnlen(path, IOR_COMM_LEN));
	}
	return conflict;
}

static void assert_harmless(const struct buf *out)
{
	for (size_t i = 0; i < out->len; i++) {
		unsigned char byte = out->text[i];

		if ((byte < 0x20 && byte != '\n') || byte == 0x7f)
			fail_msg("byte 0x%02x got through", byte);
	}
}

static void no_byte_of_a_name_gets_through_raw(void **state)
{
	(void)state;
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		for (unsigned int byte = 1; byte < 256; byte++) {
			const char path[] = {byte, 'x', byte, '\0'};
			struct conflict_view conflict = hostile(path);
			_cleanup_(buf_done) struct buf out = {};

			assert_int_equal((*reporter)->conflict(&conflict, &plain, &out), 0);
			assert_harmless(&out);
		}
	}
}

static void every_byte_gives_one_line_of_valid_json(void **state)
{
	const struct reporter_ops *json = reporter_by_name("json");

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		const char path[] = {byte, '"', byte, '\0'};
		struct conflict_view conflict = hostile(path);
		_cleanup_(buf_done) struct buf out = {};
		json_t *parsed;

		assert_int_equal(json->conflict(&conflict, &plain, &out), 0);
		assert_ptr_equal(strchr(buf_text(&out), '\n'), out.text + out.len - 1);
		parsed = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
		if (!parsed)
			fail_msg("byte 0x%02x breaks the line: %s", byte, buf_text(&out));
		json_decref(parsed);
	}
}

static void numbers_beyond_doubles_become_text(void **state)
{
	static const struct {
		uint64_t number;
		const char *want;
	} cases[] = {
		{(1ULL << 53) - 1, "\"duration_ns\":9007199254740991,"},
		{1ULL << 53, "\"duration_ns\":9007199254740992,"},
		{(1ULL << 53) + 1, "\"duration_ns\":\"9007199254740993\","},
		{UINT64_MAX, "\"duration_ns\":\"18446744073709551615\","},
	};
	const struct reporter_ops *json = reporter_by_name("json");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct summary_view summary = {.duration_ns = cases[i].number};
		_cleanup_(buf_done) struct buf out = {};

		assert_int_equal(json->summary(&summary, &plain, &out), 0);
		assert_non_null(strstr(buf_text(&out), cases[i].want));
	}
}

static void every_single_loss_is_told_by_every_reporter(void **state)
{
	(void)state;
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
			struct summary_view summary = {};
			_cleanup_(buf_done) struct buf out = {};

			summary.losses[loss] = 7919;
			assert_int_equal((*reporter)->summary(&summary, &plain, &out), 0);
			assert_non_null(strstr(buf_text(&out), loss_text(loss)->name));
			assert_true(strstr(buf_text(&out), "7919") ||
				    strstr(buf_text(&out), "7 919"));
		}
	}
}

static void what_was_not_measured_is_not_zero(void **state)
{
	const struct summary_view summary = {
		.overlapping = -1,
		.serialized = -1,
		.unproven = -1,
		.needless_wait_ns = -1,
		.needed_wait_ns = -1,
	};
	_cleanup_(buf_done) struct buf text = {}, json = {};

	(void)state;
	reporter_by_name("text")->summary(&summary, &plain, &text);
	reporter_by_name("json")->summary(&summary, &plain, &json);
	assert_non_null(strstr(buf_text(&text), "overlapping not measured"));
	assert_non_null(strstr(buf_text(&text), "needless not measured"));
	assert_non_null(strstr(buf_text(&json), "\"overlapping\":null,\"serialized\":null"));
	assert_non_null(strstr(buf_text(&json), "\"needless\":null,\"needed\":null"));
}

static void full_memory_is_reported(void **state)
{
	struct conflict_view conflict = hostile("/x");
	const struct summary_view summary = {};

	(void)state;
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		struct buf out = {.error = -ENOMEM};

		assert_int_equal((*reporter)->conflict(&conflict, &plain, &out), -ENOMEM);
		assert_int_equal((*reporter)->summary(&summary, &plain, &out), -ENOMEM);
		assert_int_equal(out.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reporter_is_found_by_name_and_by_ending),
		cmocka_unit_test(no_byte_of_a_name_gets_through_raw),
		cmocka_unit_test(every_byte_gives_one_line_of_valid_json),
		cmocka_unit_test(numbers_beyond_doubles_become_text),
		cmocka_unit_test(every_single_loss_is_told_by_every_reporter),
		cmocka_unit_test(what_was_not_measured_is_not_zero),
		cmocka_unit_test(full_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
