// SPDX-License-Identifier: GPL-2.0
#include "base/cli.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "unit.h"

struct filter_opts {
	const char *path;
	struct cli_list fs;
	uint32_t modes;
};

struct test_opts {
	bool stack;
	bool verbose;
	uint64_t duration_ns;
	uint64_t min_bytes;
	uint64_t pid;
	unsigned int format;
	int parity;
	struct filter_opts filters;
};

static const char *const mode_names[] = {"direct", "dax", "buffered", NULL};
static const char *const format_names[] = {"text", "json", NULL};

static int parse_parity(const char *value, const char *what, struct reason *why, void *field)
{
	if (strcmp(value, "even") != 0)
		return reason_fail(why, -EINVAL, "%s: odd", what);
	*(int *)field = 2;
	return 0;
}

static const struct opt filter_opts[] = {
	{"path", 0, "PREFIX", "only files below PREFIX", OPT_STRING(struct filter_opts, path)},
	{"fs", 0, "TYPE", "only this file system", OPT_LIST(struct filter_opts, fs)},
	{"mode", 0, "MODE", "only this mode", OPT_SET(struct filter_opts, modes, mode_names)},
	{},
};

static const struct opt test_opts[] = {
	{"duration", 'd', "T", "stop after T", OPT_DURATION(struct test_opts, duration_ns)},
	{.help = "Filters", OPT_GROUP(struct test_opts, filters, filter_opts)},
	{"stack", 's', NULL, "with stacks\nof both sides", OPT_FLAG(struct test_opts, stack)},
	{"verbose", 'v', NULL, "say more", OPT_FLAG(struct test_opts, verbose)},
	{"min-overlap", 0, "BYTES", "at least", OPT_SIZE(struct test_opts, min_bytes)},
	{"pid", 0, "TGID", "only this process", OPT_UNSIGNED(struct test_opts, pid)},
	{"format", 0, "FORMAT", "how", OPT_CHOICE(struct test_opts, format, format_names)},
	{"parity", 0, "P", "even", OPT_PARSE(struct test_opts, parity, parse_parity)},
	{},
};

static const struct command watch = {
	.name = "watch", .summary = "conflicts as they happen", .opts = test_opts};
static const struct command check = {
	.name = "check",
	.summary = "a verdict",
	.args = "-- CMD [ARG...]",
	.opts = test_opts,
	.dashdash = CLI_COMMAND_REQUIRED,
};
static const struct command report = {
	.name = "report",
	.summary = "a recording again",
	.args = "FILE",
	.opts = test_opts,
	.operands_min = 1,
	.operands_max = 2,
};
static const struct command *const commands[] = {&watch, &check, &report, NULL};
static const struct cli cli = {"prog", "does it", commands};

#define ARGS_MAX 20

/* One command line and what came of it. Must not move: words point into argv. */
struct line {
	char store[200];
	char *argv[ARGS_MAX];
	struct test_opts opts;
	struct cli_call call;
	struct cli_words words;
	struct reason why;
	int r;
};

static void line_done(struct line *line)
{
	cli_list_done(&line->opts.filters.fs);
}

/* The words of `text` stand between blanks. */
static void line_run(struct line *line, const char *text)
{
	int argc = 1;

	*line = (struct line){.argv = {(char *)"prog"}};
	assert_true(strlen(text) < sizeof(line->store));
	strcpy(line->store, text);
	for (char *word = strtok(line->store, " "); word; word = strtok(NULL, " ")) {
		assert_true(argc < ARGS_MAX - 1);
		line->argv[argc++] = word;
	}
	line->r = cli_resolve(&cli, argc, line->argv, &line->why, &line->call);
	if (line->r == 0 && line->call.request == CLI_RUN)
		line->r = cli_parse(&line->call, &line->opts, &line->words, &line->why);
}

static void options_of_every_kind_fill_their_fields(void **state)
{
	_cleanup_(line_done) struct line line = {};

	(void)state;
	line_run(&line, "watch -vd5s --stack --path=/a=b --min-overlap 64K --pid 7 --format json "
			"--parity even");
	assert_int_equal(line.r, 0);
	assert_true(line.opts.stack && line.opts.verbose);
	assert_int_equal(line.opts.duration_ns, 5000000000);
	assert_string_equal(line.opts.filters.path, "/a=b");
	assert_int_equal(line.opts.min_bytes, 65536);
	assert_int_equal(line.opts.pid, 7);
	assert_int_equal(line.opts.format, 1);
	assert_int_equal(line.opts.parity, 2);
}

static void repeated_options_add_up(void **state)
{
	_cleanup_(line_done) struct line line = {};

	(void)state;
	line_run(&line, "watch --fs xfs --fs=ext4 --mode direct,buffered --mode dax -d 1s -d 2s");
	assert_int_equal(line.r, 0);
	assert_int_equal(line.opts.filters.fs.len, 2);
	assert_string_equal(line.opts.filters.fs.items[0], "xfs");
	assert_string_equal(line.opts.filters.fs.items[1], "ext4");
	assert_int_equal(line.opts.filters.modes, 7);
	assert_int_equal(line.opts.duration_ns, 2000000000);
}

static void operands_may_stand_among_options(void **state)
{
	_cleanup_(line_done) struct line line = {};

	(void)state;
	line_run(&line, "report one --stack - --pid 3");
	assert_int_equal(line.r, 0);
	assert_int_equal(line.words.operands_len, 2);
	assert_string_equal(line.words.operands[0], "one");
	assert_string_equal(line.words.operands[1], "-");
	assert_null(line.words.command);
}

static void two_dashes_end_the_options(void **state)
{
	_cleanup_(line_done) struct line line = {};

	(void)state;
	line_run(&line, "report -- --stack -x");
	assert_int_equal(line.r, 0);
	assert_false(line.opts.stack);
	assert_int_equal(line.words.operands_len, 2);
	assert_string_equal(line.words.operands[0], "--stack");
}

static void command_behind_two_dashes_is_left_alone(void **state)
{
	_cleanup_(line_done) struct line line = {};

	(void)state;
	line_run(&line, "check --stack -- ls --help -- -x");
	assert_int_equal(line.r, 0);
	assert_int_equal(line.call.request, CLI_RUN);
	assert_string_equal(line.words.command[0], "ls");
	assert_string_equal(line.words.command[1], "--help");
	assert_string_equal(line.words.command[2], "--");
	assert_string_equal(line.words.command[3], "-x");
	assert_null(line.words.command[4]);
}

static const struct {
	const char *text;
	const char *want;
} wrong[] = {
	{"watch --foo", "unknown option --foo (see prog watch --help)"},
	{"watch --stak", "unknown option --stak, did you mean --stack? (see prog watch --help)"},
	{"watch --durations=5",
	 "unknown option --durations, did you mean --duration? (see prog watch --help)"},
	{"watch --paht /x", "unknown option --paht, did you mean --path? (see prog watch --help)"},
	{"watch --stac", "unknown option --stac, did you mean --stack? (see prog watch --help)"},
	{"watch -sx", "unknown option -x (see prog watch --help)"},
	{"watch --stack=yes", "--stack takes no value"},
	{"watch --duration", "--duration wants T (see prog watch --help)"},
	{"watch -d", "--duration wants T (see prog watch --help)"},
	{"watch -d soon", "--duration wants a time such as 250ms, 5s, 1m or 2h, not \"soon\""},
	{"watch --pid -1", "--pid wants a number, not \"-1\""},
	{"watch --format xml", "--format does not know \"xml\"; it knows text, json"},
	{"watch --mode direct,", "--mode does not know \"\"; it knows direct, dax, buffered"},
	{"watch --mode dax,dirty",
	 "--mode does not know \"dirty\"; it knows direct, dax, buffered"},
	{"watch --parity odd", "--parity: odd"},
	{"watch file", "unexpected argument \"file\" (see prog watch --help)"},
	{"report", "prog report wants FILE (see prog report --help)"},
	{"report a b c", "unexpected argument \"c\" (see prog report --help)"},
	{"check", "prog check wants -- CMD [ARG...] (see prog check --help)"},
	{"check --", "no command behind -- (see prog check --help)"},
	{"check ls", "unexpected argument \"ls\": a command to run stands behind -- "
		     "(see prog check --help)"},
	{"", "which command? (see prog --help)"},
	{"wach", "unknown command \"wach\", did you mean \"watch\"? (see prog --help)"},
	{"frobnicate", "unknown command \"frobnicate\" (see prog --help)"},
	{"help wach", "unknown command \"wach\", did you mean \"watch\"? (see prog --help)"},
	{"--stack", "unknown option --stack (see prog --help)"},
	{"--completion fish", "--completion knows one shell: bash"},
	{"--completion", "--completion knows one shell: bash"},
};

static void wrong_usage_says_what_and_where_to_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(line_done) struct line line = {};

		line_run(&line, wrong[i].text);
		if (line.r != -EINVAL)
			fail_msg("\"%s\" gives %d", wrong[i].text, line.r);
		assert_string_equal(line.why.text, wrong[i].want);
	}
}

static const struct {
	const char *text;
	enum cli_request request;
	const struct command *command;
} requests[] = {
	{"--help", CLI_HELP, NULL},
	{"-h", CLI_HELP, NULL},
	{"help", CLI_HELP, NULL},
	{"help check", CLI_HELP, &check},
	{"--help check", CLI_HELP, &check},
	{"watch --help", CLI_HELP, &watch},
	{"watch --nonsense -h", CLI_HELP, &watch},
	{"--version", CLI_VERSION, NULL},
	{"-V", CLI_VERSION, NULL},
	{"--completion bash", CLI_COMPLETION, NULL},
	{"--completion=bash", CLI_COMPLETION, NULL},
	{"watch", CLI_RUN, &watch},
};

static void requests_are_told_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		_cleanup_(line_done) struct line line = {};

		line_run(&line, requests[i].text);
		assert_int_equal(line.r, 0);
		assert_int_equal(line.call.request, requests[i].request);
		assert_ptr_equal(line.call.command, requests[i].command);
	}
}

static void help_of_a_command_lists_its_tables(void **state)
{
	static const char want[] =
		"Usage: prog watch [OPTION...]\n"
		"\n"
		"conflicts as they happen\n"
		"\n"
		"Options:\n"
		"  -h, --help               this text\n"
		"  -d, --duration T         stop after T\n"
		"  -s, --stack              with stacks\n"
		"                           of both sides\n"
		"  -v, --verbose            say more\n"
		"      --min-overlap BYTES  at least\n"
		"      --pid TGID           only this process\n"
		"      --format FORMAT      how (text, json)\n"
		"      --parity P           even\n"
		"\n"
		"Filters:\n"
		"      --path PREFIX        only files below PREFIX\n"
		"      --fs TYPE            only this file system; may be given more than once\n"
		"      --mode MODE          only this mode (any of direct, dax, buffered)\n";
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	assert_int_equal(cli_help(&cli, &watch, &out), 0);
	assert_string_equal(buf_text(&out), want);
}

static void overview_names_every_command(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	assert_int_equal(cli_help(&cli, NULL, &out), 0);
	for (size_t i = 0; commands[i]; i++) {
		assert_non_null(strstr(buf_text(&out), commands[i]->name));
		assert_non_null(strstr(buf_text(&out), commands[i]->summary));
	}
}

static void completion_offers_commands_options_and_choices(void **state)
{
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	assert_int_equal(cli_completion_bash(&cli, &out), 0);
	assert_non_null(strstr(buf_text(&out), "'watch check report help "));
	assert_non_null(strstr(buf_text(&out), "--min-overlap"));
	assert_non_null(strstr(buf_text(&out), "watch:--mode) COMPREPLY=($(compgen -W "
					       "'direct dax buffered' "));
	assert_non_null(strstr(buf_text(&out), "complete -o default -F _prog prog\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_every_kind_fill_their_fields),
		cmocka_unit_test(repeated_options_add_up),
		cmocka_unit_test(operands_may_stand_among_options),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(command_behind_two_dashes_is_left_alone),
		cmocka_unit_test(wrong_usage_says_what_and_where_to_read),
		cmocka_unit_test(requests_are_told_apart),
		cmocka_unit_test(help_of_a_command_lists_its_tables),
		cmocka_unit_test(overview_names_every_command),
		cmocka_unit_test(completion_offers_commands_options_and_choices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
