// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/cleanup.h"
#include "cmd/exit.h"
#include "cmd/tracing.h"

#include <errno.h>

struct check_opts {
	struct tracing_opts tracing;
	uint64_t require_overlap;
	uint64_t max_records;
};

static const struct opt check_opts[] = {
	{ "require-overlap", 0, "N", "inconclusive unless N overlapping pairs were met",
	  OPT_UNSIGNED(struct check_opts, require_overlap) },
	{ "max-records", 0, "N", "write at most N conflicting pairs, then count (100000)",
	  OPT_UNSIGNED(struct check_opts, max_records) },
	{ .help = "Reports and limits", OPT_GROUP(struct check_opts, tracing, tracing_opts) },
	{},
};

static void check_opts_done(struct check_opts *opts)
{
	tracing_opts_done(&opts->tracing);
}

static int cmd_check(const struct cli_call *call)
{
	_cleanup_(check_opts_done) struct check_opts opts = { .max_records = 100000 };
	struct run_opts run = {};
	struct cli_words words;
	struct workload workload;
	struct reason why = {};
	int r;

	r = cli_parse(call, &opts, &words, &why);
	if (!r && opts.tracing.filters.cgroup)
		r = reason_fail(&why, -EINVAL, "--cgroup: check follows the command's own cgroup");
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	workload_init(&workload, words.command);
	run.workload = &workload;
	run.require_overlap = opts.require_overlap;
	run.tracer.options.max_records = opts.max_records;
	return tracing_run(&opts.tracing, &run, stderr, false);
}

const struct command check_command = {
	.name = "check",
	.summary = "run a command and judge the IO it did",
	.args = "-- CMD [ARG...]",
	.help = "Pairs are reported when at least one side is the command or a child of it. The\n"
		"command keeps its standard input, output and error; the report goes to standard\n"
		"error, machines use --report. What leaves the command's cgroup is not seen as\n"
		"its own (systemd-run, container engines): there use watch.\n"
		"\n"
		"Exit status: 0 clean, 1 conflicts, 2 wrong usage, 3 cannot trace, 4 inconclusive,\n"
		"5 the command failed.",
	.opts = check_opts,
	.dashdash = CLI_COMMAND_REQUIRED,
	.run = cmd_check,
};
