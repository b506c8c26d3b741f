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
	assert_null(reporter_by_name("html")); /* a file, not a stream */
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

/* A whole run with one conflict and its finding, as a file of that format. */
static void tell_run(const struct reporter_ops *reporter, const struct conflict_view *conflict,
		     struct buf *out)
{
	_cleanup_(report_doc_done) struct report_doc doc = {};
	const struct report_style style = {.doc = &doc};
	const struct summary_view summary = {.reason = conflict->file.path};
	struct finding_view finding = {.file = conflict->file, .count = 1};

	for (size_t i = 0; i < 2; i++)
		memcpy(finding.sides[i].comm, conflict->ops[i].op.comm, IOR_COMM_LEN);
	if (reporter->conflict)
		assert_int_equal(reporter->conflict(conflict, &style, out), 0);
	if (reporter->finding)
		assert_int_equal(reporter->finding(&finding, &style, out), 0);
	assert_int_equal(reporter->summary(&summary, &style, out), 0);
}

static void no_byte_of_a_name_gets_through_raw(void **state)
{
	(void)state;
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		for (unsigned int byte = 1; byte < 256; byte++) {
			const char path[] = {byte, 'x', byte, '\0'};
			struct conflict_view conflict = hostile(path);
			_cleanup_(buf_done) struct buf out = {};

			tell_run(*reporter, &conflict, &out);
			assert_harmless(&out);
		}
	}
}

static const struct reporter_ops *document(const char *file)
{
	const struct reporter_ops *reporter = reporter_by_ending(file);

	assert_non_null(reporter);
	assert_true(reporter->is_document);
	return reporter;
}

/* What would end an attribute, an element or a page, or begin one. */
static void markup_of_a_name_is_text(void **state)
{
	static const char name[] = "/a\"'><script>&lt;\xef\xbf\xbf]]>";
	static const char *const files[] = {"a.html", "a.xml"};
	struct conflict_view conflict = hostile(name);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(buf_done) struct buf out = {};

		tell_run(document(files[i]), &conflict, &out);
		assert_non_null(strstr(out.text, "/a&quot;&#39;&gt;&lt;script&gt;&amp;lt;"
						 "\\xef\\xbf\\xbf]]&gt;"));
		assert_null(strstr(out.text, "<script"));
		assert_null(strstr(out.text, "\xef\xbf\xbf"));
	}
}

static void csv_name_is_no_formula_and_no_second_cell(void **state)
{
	struct conflict_view conflict = hostile("=cmd(),\"a\"");
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	tell_run(document("a.csv"), &conflict, &out);
	assert_non_null(strstr(out.text, ",\"'=cmd(),\"\"a\"\"\","));
	assert_null(strstr(out.text, ",\"=cmd"));
}

static void tap_name_is_no_directive(void **state)
{
	struct conflict_view conflict = hostile("/a # SKIP");
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	tell_run(document("a.tap"), &conflict, &out);
	assert_non_null(strstr(out.text, "/a \\# SKIP"));
	/* KTAP has the plan first. */
	assert_memory_equal(out.text, "TAP version 13\n1..2\n", 20);
	for (char *line = strtok(out.text, "\n"); line; line = strtok(NULL, "\n")) {
		if (line[0] == 'o' || line[0] == 'n')
			assert_null(strstr(line, " # "));
	}
}

static void sarif_is_json_with_a_uri_for_any_name(void **state)
{
	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		const char path[] = {'/', byte, '"', '\0'};
		struct conflict_view conflict = hostile(path);
		_cleanup_(buf_done) struct buf out = {};
		json_t *parsed;

		tell_run(document("a.sarif"), &conflict, &out);
		parsed = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL);
		if (!parsed)
			fail_msg("byte 0x%02x breaks it: %s", byte, buf_text(&out));
		json_decref(parsed);
		assert_non_null(strstr(out.text, "\"uri\":\"file:///"));
		assert_non_null(strstr(out.text, "%22\""));
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
			_cleanup_(report_doc_done) struct report_doc doc = {};
			const struct report_style style = {.doc = &doc};
			struct summary_view summary = {};
			_cleanup_(buf_done) struct buf out = {};

			/* A table of conflicts says nothing else. */
			if (!strcmp((*reporter)->name, "csv"))
				continue;
			summary.losses[loss] = 7919;
			assert_int_equal((*reporter)->summary(&summary, &style, &out), 0);
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
		_cleanup_(report_doc_done) struct report_doc doc = {};
		const struct report_style style = {.doc = &doc};
		struct buf out = {.error = -ENOMEM};

		if (!(*reporter)->is_document)
			assert_int_equal((*reporter)->conflict(&conflict, &style, &out), -ENOMEM);
		assert_int_equal((*reporter)->summary(&summary, &style, &out), -ENOMEM);
		assert_int_equal(out.len, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reporter_is_found_by_name_and_by_ending),
		cmocka_unit_test(no_byte_of_a_name_gets_through_raw),
		cmocka_unit_test(markup_of_a_name_is_text),
		cmocka_unit_test(csv_name_is_no_formula_and_no_second_cell),
		cmocka_unit_test(tap_name_is_no_directive),
		cmocka_unit_test(sarif_is_json_with_a_uri_for_any_name),
		cmocka_unit_test(every_byte_gives_one_line_of_valid_json),
		cmocka_unit_test(numbers_beyond_doubles_become_text),
		cmocka_unit_test(every_single_loss_is_told_by_every_reporter),
		cmocka_unit_test(what_was_not_measured_is_not_zero),
		cmocka_unit_test(full_memory_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
