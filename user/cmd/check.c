// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/exit.h"
#include "cmd/tracing.h"
#include "model/range_lock.h"
#include "report/facts.h"

#include <errno.h>
#include <string.h>

struct check_opts {
	struct tracing_opts tracing;
	uint64_t require_overlap;
	uint64_t max_records;
	const char *range_lock;
	const char *baseline;
};

static const struct opt check_opts[] = {
	{"require-overlap", 0, "N", "inconclusive unless N overlapping pairs were met",
	 OPT_UNSIGNED(struct check_opts, require_overlap)},
	{"max-records", 0, "N", "write at most N conflicting pairs, then count (100000)",
	 OPT_UNSIGNED(struct check_opts, max_records)},
	{"range-lock", 0, "SPEC",
	 "a range lock under test, by the names of its functions:\nacquire=FUNC,release=FUNC[,KEY=VALUE...] or preset=NAME;\n\"help\" lists presets and keys",
	 OPT_STRING(struct check_opts, range_lock)},
	{"baseline", 0, "FILE", "compare with the run that --report FILE.json wrote",
	 OPT_STRING(struct check_opts, baseline)},
	{.help = "Reports and limits", OPT_GROUP(struct check_opts, tracing, tracing_opts)},
	{},
};

static void check_opts_done(struct check_opts *opts)
{
	tracing_opts_done(&opts->tracing);
}

static int take_range_lock(const struct check_opts *opts, struct range_lock_spec *spec,
			   struct run_opts *run, struct reason *why)
{
	if (!opts->range_lock)
		return 0;
	run->range_lock = spec;
	return range_lock_parse(opts->range_lock, spec, why);
}

/* Read before anything starts: a run that cannot be compared is not worth its time. */
static int take_baseline(const struct check_opts *opts, struct facts_file *facts,
			 struct run_opts *run, struct reason *why)
{
	_cleanup_(fclosep) FILE *file = NULL;

	if (!opts->baseline)
		return 0;
	file = fopen(opts->baseline, "re");
	if (!file)
		return reason_fail(why, -errno, "--baseline %s: %s", opts->baseline,
				   strerror(errno));
	run->baseline = &facts->facts;
	run->baseline_name = opts->baseline;
	return facts_read(file, opts->baseline, facts, why);
}

static int print_range_lock_help(void)
{
	_cleanup_(buf_done) struct buf out = {};

	if (range_lock_help(&out))
		return fail(EXIT_INCONCLUSIVE, -ENOMEM, NULL);
	return print(buf_text(&out));
}

static int cmd_check(const struct cli_call *call)
{
	_cleanup_(check_opts_done) struct check_opts opts = {.max_records = 100000};
	_cleanup_(facts_done) struct facts_file baseline = {};
	struct range_lock_spec range_lock;
	struct run_opts run = {};
	struct cli_words words;
	struct workload workload;
	struct reason why = {};
	int r;

	r = cli_parse(call, &opts, &words, &why);
	/* No command is wanted then. */
	if (opts.range_lock && !strcmp(opts.range_lock, "help"))
		return print_range_lock_help();
	if (!r && opts.tracing.filters.cgroup)
		r = reason_fail(&why, -EINVAL, "--cgroup: check follows the command's own cgroup");
	if (!r)
		r = take_range_lock(&opts, &range_lock, &run, &why);
	if (!r)
		r = take_baseline(&opts, &baseline, &run, &why);
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
