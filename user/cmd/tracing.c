// SPDX-License-Identifier: GPL-2.0
#include "cmd/tracing.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cmd/exit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define STALE_NS (60ULL * 1000000000) /* an op in flight for longer was probably lost sight of */

int parse_table_size(const char *value, const char *what, struct reason *why, void *field)
{
	uint64_t *size = field;
	int r = parse_unsigned(value, what, why, size);

	if (!r && (*size < TRACER_IN_FLIGHT_MIN || *size > TRACER_IN_FLIGHT_MAX))
		r = reason_fail(why, -ERANGE, "%s %s: %u to %u ops", what, value,
				TRACER_IN_FLIGHT_MIN, TRACER_IN_FLIGHT_MAX);
	return r;
}

static int parse_run_time(const char *value, const char *what, struct reason *why, void *field)
{
	uint64_t *time = field;
	int r = parse_duration(value, what, why, time);

	if (!r && !*time)
		r = reason_fail(why, -ERANGE,
				"%s %s: nothing can be seen in no time; leave it out to "
				"run until a signal",
				what, value);
	return r;
}

const struct opt tracing_opts[] = {
	{.help = "Filters", OPT_GROUP(struct tracing_opts, filters, filter_opts)},
	{"format", 0, "FORMAT", "text or json, one object per line",
	 OPT_STRING(struct tracing_opts, format)},
	{"report", 0, "FILE",
	 "also write a report; the ending chooses the format: .json, .txt,\n.html, .csv, .xml (JUnit), .tap, .sarif",
	 OPT_LIST(struct tracing_opts, reports)},
	{"duration", 0, "T", "end after T: 5s, 2m, 1h",
	 OPT_PARSE(struct tracing_opts, duration_ns, parse_run_time)},
	{"stack", 0, NULL, "from the second conflict on a file on, show the stacks of both sides",
	 OPT_FLAG(struct tracing_opts, stack)},
	{"table-size", 0, "N", "ops in flight that must find room (16384)",
	 OPT_PARSE(struct tracing_opts, in_flight, parse_table_size)},
	{"flavour", 0, "LIST", "attach only in these ways: fentry, tp, kprobe",
	 OPT_STRING(struct tracing_opts, flavours)},
	{},
};

void tracing_opts_done(struct tracing_opts *opts)
{
	filters_done(&opts->filters);
	cli_list_done(&opts->reports);
}

static int check_words(const struct tracing_opts *opts, struct run_opts *run,
		       struct plan_opts *plan, struct reason *why)
{
	run->tracer.in_flight = opts->in_flight;
	run->tracer.options.want_stacks = opts->stack;
	run->tracer.options.reads_locks = opts->stack || run->workload != NULL;
	run->tracer.options.exact_times = run->tracer.options.reads_locks;
	run->duration_ns = opts->duration_ns;
	plan->modes = opts->filters.modes;
	plan->every_mode = opts->filters.modes != 0;
	plan->spans = run->workload != NULL;
	plan->fewer_hooks = !plan->spans;
	plan->late_submit = run->range_lock && run->range_lock->inside;
	if (opts->flavours) {
		int r = plan_parse_flavours(opts->flavours, &plan->flavours, why);

		if (r < 0)
			return r;
	}
	return filters_resolve(&opts->filters, &run->tracer, why);
}

static int open_outputs(const struct tracing_opts *opts, struct outputs *outputs, FILE *stream,
			bool live, struct reason *why)
{
	const struct reporter_ops *reporter =
		reporter_by_name(opts->format ? opts->format : "text");
	bool for_machines = reporter && strcmp(reporter->name, "text");
	int r;

	if (!reporter)
		return reason_fail(why, -EINVAL, "--format %s: text and json exist", opts->format);
	r = outputs_add_stream(outputs, reporter, stream, live || for_machines, for_machines);
	for (size_t i = 0; !r && i < opts->reports.len; i++)
		r = outputs_add_file(outputs, opts->reports.items[i], why);
	return r;
}

static int exit_status(const struct run_result *result, const struct workload *workload)
{
	if (result->verdict == VERDICT_CONFLICTS)
		return EXIT_CONFLICTS;
	if (workload && workload_failed(workload))
		return EXIT_COMMAND_FAILED;
	return result->verdict == VERDICT_INCONCLUSIVE ? EXIT_INCONCLUSIVE : EXIT_CLEAN;
}

/* A report that could not be written is an error even when there is nothing to report. */
static int finish(const struct run_result *result, const struct workload *workload)
{
	int status = exit_status(result, workload), failed;
	struct reason why;

	if (!result->output_error || result->output_error == -EPIPE)
		return status;
	reason_set(&why, "%s: cannot write the report: %s", result->output_name,
		   strerror(-result->output_error));
	failed = fail(EXIT_INCONCLUSIVE, result->output_error, &why);
	return status ? status : failed;
}

/* A run about nothing but what cannot be seen would end in a verdict about nothing. */
static int check_fs(const struct cli_list *fs, const struct plan *plan, struct reason *why)
{
	for (size_t i = 0; i < fs->len; i++) {
		if (plan_sees_fs(plan, fs->items[i]))
			return 0;
	}
	return !fs->len ? 0
			: reason_fail(why, -EOPNOTSUPP,
				      "--fs %s: nothing on it can be seen on this kernel; "
				      "iorace doctor says why",
				      fs->items[0]);
}

static int session(const struct tracing_opts *opts, struct run_opts *run,
		   const struct plan_opts *plan_opts, struct outputs *outputs)
{
	struct run_result result = {};
	struct range_lock_plan range_lock;
	struct probe_opts probe;
	struct kernel kernel;
	struct reason why = {};
	struct plan plan;
	int r;

	probe = plan_probe_opts(plan_opts);
	r = kernel_probe(&probe, &kernel, &why);
	if (r < 0)
		return fail(EXIT_CANNOT_TRACE, r, &why);
	r = plan_build(&kernel, plan_opts, &plan, &why);
	if (!r)
		r = check_fs(&opts->filters.fs, &plan, &why);
	if (!r && run->range_lock) {
		r = range_lock_plan_build(run->range_lock, &plan, plan_opts->flavours, &range_lock,
					  &why);
		run->tracer.range_lock = &range_lock;
	}
	if (r < 0)
		return fail(EXIT_CANNOT_TRACE, r, &why);
	run->kernel = &kernel;
	run->plan = &plan;
	r = run_session(run, outputs, &result, &why);
	if (run->workload)
		workload_done(run->workload);
	if (r < 0)
		return fail(result.workload_failed ? EXIT_COMMAND_FAILED : EXIT_CANNOT_TRACE, r,
			    &why);
	return finish(&result, run->workload);
}

int tracing_run(const struct tracing_opts *opts, struct run_opts *run, FILE *stream, bool live)
{
	_cleanup_(outputs_done) struct outputs outputs = {};
	struct plan_opts plan = {};
	struct reason why = {};
	int r, status;

	run->tracer.options.stale_ns = STALE_NS;
	run->tracer.options.self_pid = getpid();
	r = check_words(opts, run, &plan, &why);
	if (!r)
		r = open_outputs(opts, &outputs, stream, live, &why);
	status = r < 0 ? fail(EXIT_WRONG_USAGE, r, &why) : session(opts, run, &plan, &outputs);
	closep(&run->tracer.cgroup_fd);
	return status;
}
