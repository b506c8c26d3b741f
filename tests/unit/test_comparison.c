// SPDX-License-Identifier: GPL-2.0
/* Two runs against each other, and what a file must be to be one of them. */
#include "model/comparison.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "model/reporter.h"
#include "report/compare.h"
#include "report/facts.h"
#include "unit.h"

/* Whatever overlapped and is no conflict was serialized. */
static struct run_facts facts(const char *verdict, uint64_t conflicts, int64_t overlapping)
{
	return (struct run_facts){.verdict = verdict,
				  .reason = "",
				  .conflicts = conflicts,
				  .overlapping = overlapping,
				  .serialized = overlapping < 0 ? -1 : overlapping};
}

static void outcome_follows_from_conflicts_and_pairs_met(void **state)
{
	static const struct {
		const char *before;
		const char *after;
		uint64_t conflicts_before;
		uint64_t conflicts_after;
		int64_t overlapping_after;
		enum comparison_outcome want;
	} cases[] = {
		{"conflicts", "clean", 5, 0, 7, COMPARISON_CLOSED},
		{"conflicts", "clean", 5, 0, 0, COMPARISON_UNTESTED},
		{"conflicts", "clean", 5, 0, -1, COMPARISON_UNTESTED},
		{"conflicts", "conflicts", 5, 4, 7, COMPARISON_OPEN},
		{"clean", "conflicts", 0, 4, 7, COMPARISON_OPENED},
		{"clean", "clean", 0, 0, 7, COMPARISON_NONE},
		{"conflicts", "inconclusive", 5, 0, 7, COMPARISON_NOTHING},
		{"inconclusive", "clean", 0, 0, 7, COMPARISON_NOTHING},
		/* a conflict is one, whatever was lost beside it */
		{"inconclusive", "conflicts", 0, 1, 7, COMPARISON_NOTHING},
		{"conflicts", "conflicts", 1, 1, -1, COMPARISON_OPEN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct run_facts a = facts(cases[i].before, cases[i].conflicts_before, 9);
		struct run_facts b =
			facts(cases[i].after, cases[i].conflicts_after, cases[i].overlapping_after);
		struct reason why = {};

		assert_int_equal(comparison_outcome(&a, &b, &why), cases[i].want);
		assert_true(why.text[0]);
	}
}

static void pairs_kept_apart_by_luck_close_no_gap(void **state)
{
	struct run_facts before = facts("conflicts", 5, 9), after = facts("clean", 0, 7);
	struct reason why = {};

	(void)state;
	after.serialized = 0;
	after.unproven = 7;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_UNTESTED);
	assert_non_null(strstr(why.text, "keep the 7 overlapping pairs apart: that may be luck"));
	after.serialized = 1;
	after.unproven = 6;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_CLOSED);
}

static void a_lock_that_was_seen_to_fail_closes_no_gap(void **state)
{
	struct run_facts before = facts("conflicts", 5, 9), after = facts("clean", 0, 7);
	struct reason why = {};

	(void)state;
	after.serialized = 7;
	after.lock_flaws = 2;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_UNTESTED);
	assert_non_null(strstr(why.text, "the range lock was seen to fail 2 times"));
	after.lock_flaws = 0;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_CLOSED);
}

/* A clean verdict in a file does not outweigh what stands beside it. */
static void run_with_losses_or_a_failed_command_shows_nothing(void **state)
{
	struct run_facts before = facts("conflicts", 5, 9), after = facts("clean", 0, 7);
	struct reason why = {};

	(void)state;
	after.losses = 1;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_NOTHING);
	assert_non_null(strstr(why.text, "has losses"));
	after.losses = 0;
	after.command_failed = true;
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_NOTHING);
	assert_non_null(strstr(why.text, "of a command that failed"));
	after.command_failed = false;
	before.losses = 1; /* of conflicts it found some */
	assert_int_equal(comparison_outcome(&before, &after, &why), COMPARISON_CLOSED);
}

#define LINE(type, rest) "{\"schema\":\"iorace/1\",\"type\":\"" type "\"" rest "}\n"
#define SUMMARY                                                                                    \
	LINE("summary",                                                                            \
	     ",\"verdict\":\"conflicts\",\"reason\":\"r\",\"duration_ns\":2000000000,"             \
	     "\"ops\":{\"read\":10,\"write\":\"9007199254740993\",\"filtered\":99},"               \
	     "\"pairs\":{\"conflicts\":3,\"overlapping\":8,\"serialized\":null,\"unproven\":1,"    \
	     "\"serialized_by\":{}},\"wait_ns\":{\"needless\":null,\"needed\":17},"                \
	     "\"wait_histogram\":{\"overlapping\":[0,2,1],\"disjoint\":[]},"                       \
	     "\"range_lock\":{\"early_releases\":1,\"overrun\":2,\"never_released\":4,"            \
	     "\"wait_ns\":{\"needless\":null,\"needed\":9}},"                                      \
	     "\"losses\":{\"untracked\":2,\"stale\":3},\"stress\":{\"torn\":6}")

static int read_text(const char *text, struct facts_file *ret, struct reason *why)
{
	_cleanup_(fclosep) FILE *file = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(file);
	return facts_read(file, "a.json", ret, why);
}

static void facts_are_those_of_the_summary(void **state)
{
	_cleanup_(facts_done) struct facts_file file = {};
	struct reason why = {};

	(void)state;
	assert_int_equal(read_text(LINE("finding", "") LINE("finding", "") SUMMARY, &file, &why),
			 0);
	assert_string_equal(file.facts.verdict, "conflicts");
	assert_int_equal(file.facts.findings, 2);
	assert_int_equal(file.facts.ops, 9007199254741003);
	assert_int_equal(file.facts.conflicts, 3);
	assert_int_equal(file.facts.overlapping, 8);
	assert_int_equal(file.facts.serialized, -1);
	assert_int_equal(file.facts.needed_wait_ns, 17);
	assert_int_equal(file.facts.needless_wait_ns, -1);
	assert_true(file.facts.has_waits);
	assert_int_equal(file.facts.waits[IOR_WAIT_NEEDED][1], 2);
	assert_int_equal(file.facts.waits[IOR_WAIT_NEEDED][2], 1);
	assert_int_equal(file.facts.waits[IOR_WAIT_NEEDLESS][0], 0);
	assert_true(file.facts.has_range_lock);
	assert_int_equal(file.facts.lock_flaws, 7);
	assert_int_equal(file.facts.lock_needed_ns, 9);
	assert_int_equal(file.facts.lock_needless_ns, -1);
	assert_int_equal(file.facts.torn, 6);
	assert_int_equal(file.facts.losses, 5);
	assert_false(file.facts.command_failed);
	file.facts.ops = 11;
	assert_int_equal(run_facts_rate(&file.facts), 5); /* in two seconds */
}

static void what_is_no_report_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
		const char *says;
	} cases[] = {
		{"\n", -EINVAL, "a.json:1: no JSON"},
		{"hello\n", -EINVAL, "a.json:1: no JSON"},
		{"{}\n", -EINVAL, "a.json:1: no line of iorace"},
		{"[1]\n", -EINVAL, "a.json:1: no line of iorace"},
		{LINE("finding", "") "{\"schema\":\"iorace/9\",\"type\":\"finding\"}\n", -EINVAL,
		 "a.json:2: written by another version"},
		{LINE("stress", ""), -EINVAL, "iorace stress alone"},
		{LINE("finding", ""), -ENODATA, "ends without a summary"},
		{LINE("summary", ""), -EINVAL, "without a verdict"},
		{SUMMARY SUMMARY, -EINVAL, "a.json:2: a second summary"},
		{LINE("summary", ",\"verdict\":\"clean\",\"reason\":\"\",\"duration_ns\":-1"),
		 -EINVAL, "\"duration_ns\" is no count"},
		{LINE("summary", ",\"verdict\":\"clean\",\"reason\":\"\",\"duration_ns\":\"1x\""),
		 -EINVAL, "\"duration_ns\" is no count"},
		{LINE("summary", ",\"verdict\":\"clean\",\"reason\":\"\",\"duration_ns\":1"),
		 -EINVAL, "a member of the summary is missing"},
		{LINE("summary", ",\"verdict\":\"\\u001b[2J\",\"reason\":\"\""), -EINVAL,
		 "without a verdict"},
		{LINE("summary", ",\"verdict\":\"clean\",\"duration_ns\":1,"
				 "\"ops\":{\"read\":\"9223372036854775807\",\"write\":1}"),
		 -EINVAL, "add up to more than there can be"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(facts_done) struct facts_file file = {};
		struct reason why = {};

		assert_int_equal(read_text(cases[i].text, &file, &why), cases[i].error);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu says: %s", i, why.text);
	}
}

static void a_nul_does_not_hide_the_rest_of_a_line(void **state)
{
	static const char text[] = "{\"schema\":\"iorace/1\",\"type\":\"finding\"}\0{\n" SUMMARY;
	_cleanup_(fclosep) FILE *stream = fmemopen((void *)text, sizeof(text) - 1, "r");
	_cleanup_(facts_done) struct facts_file file = {};
	struct reason why = {};

	(void)state;
	assert_int_equal(facts_read(stream, "a.json", &file, &why), -EINVAL);
	assert_non_null(strstr(why.text, "a.json:1: no JSON"));
}

static void a_report_cut_anywhere_is_refused(void **state)
{
	char text[] = LINE("finding", "") SUMMARY;

	(void)state;
	/* Without its line feed alone it is whole. */
	for (size_t len = sizeof(text) - 3; len > 0; len--) {
		_cleanup_(facts_done) struct facts_file file = {};
		struct reason why = {};

		text[len] = '\0';
		assert_true(read_text(text, &file, &why) < 0);
		assert_ptr_equal(strstr(why.text, "a.json"), why.text);
	}
}

/* Every byte, replaced by what means something in JSON or nothing anywhere. */
static void a_report_with_a_wrong_byte_is_read_or_refused_by_name(void **state)
{
	static const char bytes[] = "\"\\{}[]:,-.0e9n\n\x01\x80\xff";
	char text[] = LINE("finding", "") SUMMARY;

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char right = text[i];

		for (const char *wrong = bytes; *wrong; wrong++) {
			_cleanup_(facts_done) struct facts_file file = {};
			struct reason why = {};

			text[i] = *wrong;
			if (read_text(text, &file, &why) < 0)
				assert_ptr_equal(strstr(why.text, "a.json"), why.text);
			else
				assert_non_null(file.facts.verdict);
		}
		text[i] = right;
	}
}

static void text_says_what_was_not_measured(void **state)
{
	static const char *const names[2] = {"a\033[2J.json", "b.json"};
	struct run_facts before = facts("conflicts", 5, -1), after = facts("clean", 0, 1812);
	const struct comparison_view view = {{names[0], names[1]}, {&before, &after}};
	_cleanup_(buf_done) struct buf text = {}, json = {};

	(void)state;
	after.serialized_by[IOR_KEEPER_LUCK + 1] = 1800;
	assert_int_equal(compare_text(&view, &text), 0);
	assert_int_equal(compare_json(&view, &json), 0);
	assert_non_null(
		strstr(text.text, "overlapping pairs met         not measured      1 812\n"));
	assert_non_null(strstr(text.text, "the gap is closed: 5 conflicts before, none after in "
					  "1812 overlapping pairs"));
	assert_non_null(strstr(text.text, "1 800\n"));
	assert_null(strchr(text.text, '\033'));
	assert_non_null(strstr(json.text, "\"outcome\":\"closed\""));
	assert_non_null(strstr(json.text, "\"overlapping\":null"));
}

/* A run compared while it is there and one read back from its report are the same. */
static void facts_of_a_run_are_those_of_its_report(void **state)
{
	const struct summary_view summary = {
		.verdict = VERDICT_CONFLICTS,
		.reason = "r",
		.duration_ns = 3000000000,
		.ops = {1, 2, 3, 4},
		.ops_filtered = 99,
		.conflicts = 5,
		.overlapping = 15,
		.serialized = 9,
		.unproven = 1,
		.serialized_by = {0, 1, 2, 3, 3},
		.needless_wait_ns = 6,
		.needed_wait_ns = 7,
		.has_wait_histogram = true,
		.waits = {{[3] = 8, [IOR_WAIT_BUCKETS - 1] = 1}, {[0] = 9}},
		.range_lock = {.name = "l",
			       .has_waits = true,
			       .stats = {[IOR_RL_EARLY] = 1,
					 [IOR_RL_OVERRUN] = 2,
					 [IOR_RL_NEVER_RELEASED] = 3,
					 [IOR_RL_WAIT_NEEDED_NS] = 4,
					 [IOR_RL_WAIT_NEEDLESS_NS] = 5}},
		.losses = {1, 2},
		.command = {.argv = (char *[]){(char *)"x", NULL}, .exit = 1},
		.stress = {.runs = 1, .torn = 6},
	};
	struct run_facts told = run_facts_of(&summary);
	_cleanup_(buf_done) struct buf line = {}, a = {}, b = {};
	_cleanup_(facts_done) struct facts_file file = {};
	struct reason why = {};

	(void)state;
	assert_int_equal(
		reporter_by_name("json")->summary(&summary, &(struct report_style){}, &line), 0);
	assert_int_equal(read_text(buf_text(&line), &file, &why), 0);
	assert_true(told.command_failed && file.facts.command_failed);
	assert_int_equal(told.lock_flaws, 6);
	compare_json(&(struct comparison_view){{"x", "x"}, {&told, &told}}, &a);
	compare_json(&(struct comparison_view){{"x", "x"}, {&file.facts, &file.facts}}, &b);
	assert_string_equal(buf_text(&a), buf_text(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcome_follows_from_conflicts_and_pairs_met),
		cmocka_unit_test(pairs_kept_apart_by_luck_close_no_gap),
		cmocka_unit_test(a_lock_that_was_seen_to_fail_closes_no_gap),
		cmocka_unit_test(run_with_losses_or_a_failed_command_shows_nothing),
		cmocka_unit_test(facts_are_those_of_the_summary),
		cmocka_unit_test(what_is_no_report_is_refused),
		cmocka_unit_test(a_nul_does_not_hide_the_rest_of_a_line),
		cmocka_unit_test(a_report_cut_anywhere_is_refused),
		cmocka_unit_test(a_report_with_a_wrong_byte_is_read_or_refused_by_name),
		cmocka_unit_test(facts_of_a_run_are_those_of_its_report),
		cmocka_unit_test(text_says_what_was_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
