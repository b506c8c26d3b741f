// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/cleanup.h"
#include "cmd/exit.h"
#include "cmd/tracing.h"

#include <stdint.h>

#define SAMPLE_NS 1000000000ULL /* one record of each finding per second */

struct watch_opts {
	struct tracing_opts tracing;
};

static const struct opt watch_opts[] = {
	{.help = "Reports and limits", OPT_GROUP(struct watch_opts, tracing, tracing_opts)},
	{},
};

static void watch_opts_done(struct watch_opts *opts)
{
	tracing_opts_done(&opts->tracing);
}

static int cmd_watch(const struct cli_call *call)
{
	_cleanup_(watch_opts_done) struct watch_opts opts = {};
	struct run_opts run = {};
	struct cli_words words;
	struct reason why = {};
	int r;

	r = cli_parse(call, &opts, &words, &why);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	run.tracer.options.sample_ns = SAMPLE_NS;
	run.tracer.options.max_records = UINT64_MAX;
	return tracing_run(&opts.tracing, &run, stdout, true);
}

const struct command watch_command = {
	.name = "watch",
	.summary = "report conflicts as they happen",
	.help = "Every conflict is counted; of each finding one a second is shown. Ends on Ctrl-C,\n"
		"SIGTERM or --duration and prints a summary with everything that was not seen.",
	.opts = watch_opts,
	.run = cmd_watch,
};
