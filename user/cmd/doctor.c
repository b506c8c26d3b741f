// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cmd/exit.h"
#include "cmd/tracing.h"
#include "live/plan.h"
#include "live/tracer.h"
#include "model/names.h"
#include "model/reporter.h"

#include <jansson.h>
#include <string.h>

struct doctor_opts {
	const char *format;
	const char *flavours;
	uint64_t in_flight;
};

static const struct opt doctor_opts[] = {
	{"format", 0, "FORMAT", "text or json, one object per line",
	 OPT_STRING(struct doctor_opts, format)},
	{"flavour", 0, "LIST", "plan as if only these could be attached: fentry, tp, kprobe",
	 OPT_STRING(struct doctor_opts, flavours)},
	{"table-size", 0, "N", "ops in flight that must find room (16384)",
	 OPT_PARSE(struct doctor_opts, in_flight, parse_table_size)},
	{},
};

/* What one run of doctor is about. */
struct diagnosis {
	struct kernel kernel;
	struct plan plan;	/* of check */
	struct plan watch_plan; /* where that differs, it says so */
	unsigned int in_flight;
	struct tracer_memory memory;
};

/* ---- text ------------------------------------------------------------------------------------ */

static void text_hooks(const struct diagnosis *d, struct buf *out)
{
	buf_printf(out, "\nHooks\n");
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		const struct plan_hook *ph = &d->plan.hooks[hook];

		buf_printf(out, "  %-20s %-7s %s\n", hook_name(hook),
			   ph->usable ? flavour_name(ph->flavour) : "-", hook_meaning(hook));
		if (ph->reason[0])
			buf_printf(out, "  %-28s %s\n", "", ph->reason);
	}
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (d->plan.rows[i])
			buf_printf(out, "    %-7s %s%s\n", flavour_name(hook_rows[i].flavour),
				   hook_rows[i].target, hook_rows[i].at_return ? " (return)" : "");
	}
}

static bool watch_does_without(const struct diagnosis *d, enum hook hook)
{
	return d->plan.hooks[hook].usable && !d->watch_plan.hooks[hook].usable &&
	       !hook_is_for_spans(hook);
}

static void text_watch(const struct diagnosis *d, struct buf *out)
{
	buf_printf(out, "\nUnder watch\n");
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		if (watch_does_without(d, hook))
			buf_printf(out, "  %-20s -       %s\n", hook_name(hook),
				   d->watch_plan.hooks[hook].reason);
	}
	if (d->watch_plan.submit_comes_and_goes)
		buf_printf(out,
			   "  %-20s tp      attached only while ops begin that may yet give "
			   "up\n  %-28s (io_uring, RWF_NOWAIT, parts of blocks on XFS), and a "
			   "minute more\n",
			   hook_name(HOOK_DIO_SUBMIT), "");
}

static void text_limits(const struct diagnosis *d, struct buf *out)
{
	buf_printf(out, "\nLimits\n  ");
	units_append_grouped(out, d->in_flight);
	buf_printf(out, " ops in flight find room, in ");
	units_append_size(out, d->memory.table);
	buf_printf(out,
		   " of kernel memory: %llu bytes for each, and\n  what records and findings take. "
		   "--table-size N changes that; an op that finds no room is\n  not tracked, which "
		   "is the loss \"untracked\", and the verdict is not clean then\n",
		   d->memory.each);
	if (d->plan.has_spans) {
		buf_printf(out, "  check takes ");
		units_append_size(out, d->memory.spans);
		buf_printf(out, " more, for what ops wait for\n");
	}
	buf_printf(out, "  --stack takes ");
	units_append_size(out, d->memory.stacks);
	buf_printf(
		out,
		" more\n  without a file filter every regular file is tracked; task filters choose "
		"what is\n  reported, not what is tracked, since pairs with strangers matter\n");
}

static int text_coverage(const struct plan *plan, struct buf *out)
{
	const struct reporter_ops *text = reporter_by_name("text");
	const struct report_style style = {};

	buf_printf(out, "\nCoverage\n");
	for (size_t i = 0; i < plan->coverage_len; i++) {
		int r = text->coverage(&plan->coverage[i], &style, out);

		if (r < 0)
			return r;
	}
	return 0;
}

static int diagnosis_text(const struct diagnosis *d, struct buf *out)
{
	int r;

	buf_printf(out, "Kernel %s, %u CPUs: %s\n", d->kernel.release, d->kernel.cpus,
		   d->plan.data_end_is_precise
			   ? "windows of direct IO close at their last bio"
			   : "windows of direct IO close at completion, a little late");
	buf_printf(
		out, "  fields are read by %s\n",
		d->kernel.has_rdonly_cast
			? "plain loads (bpf_rdonly_cast), unless the verifier refuses such programs"
			: "helper calls: bpf_rdonly_cast is missing (6.2+), each "
			  "op costs more");
	if (d->kernel.preempts)
		buf_printf(out,
			   "  tasks can be preempted in fentry programs, which are skipped for "
			   "others then: begins\n  are seen by kprobe where there is one, "
			   "returns have a second program\n");
	if (!d->kernel.dio_bio_end_io)
		buf_printf(out,
			   "  /proc/kallsyms hides addresses (kernel.kptr_restrict): the end of a "
			   "bio cannot be told\n");
	text_hooks(d, out);
	if (d->watch_plan.closes_late || d->watch_plan.submit_comes_and_goes)
		text_watch(d, out);
	r = text_coverage(&d->plan, out);
	if (r < 0)
		return r;
	text_limits(d, out);
	return out->error;
}

/* ---- json ------------------------------------------------------------------------------------ */

static int append_line(json_t *object, struct buf *out)
{
	_cleanup_(freep) char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	if (!text)
		return -ENOMEM;
	return buf_printf(out, "%s\n", text);
}

static int json_hook(const struct diagnosis *d, enum hook hook, struct buf *out)
{
	const struct plan_hook *ph = &d->plan.hooks[hook];
	json_t *programs = json_array();
	json_t *flavour = ph->usable ? json_string(flavour_name(ph->flavour)) : json_null();

	for (size_t i = 0; i < hook_rows_len; i++) {
		if (d->plan.rows[i] && hook_rows[i].hook == hook)
			json_array_append_new(programs, json_string(hook_rows[i].target));
	}
	return append_line(json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:s}", "schema",
				     "iorace/1", "type", "hook", "hook", hook_name(hook), "usable",
				     ph->usable, "watch",
				     ph->usable && !watch_does_without(d, hook), "flavour", flavour,
				     "targets", programs, "reason", ph->reason),
			   out);
}

static int json_kernel(const struct diagnosis *d, struct buf *out)
{
	return append_line(json_pack("{s:s, s:s, s:s, s:i, s:b, s:b, s:b, s:b, s:I, s:I, s:I, s:I}",
				     "schema", "iorace/1", "type", "kernel", "release",
				     d->kernel.release, "cpus", (int)d->kernel.cpus, "rdonly_cast",
				     d->kernel.has_rdonly_cast, "kallsyms",
				     d->kernel.dio_bio_end_io != 0, "preempts", d->kernel.preempts,
				     "data_end_precise", d->plan.data_end_is_precise,
				     "in_flight_limit", (json_int_t)d->in_flight, "memory_bytes",
				     (json_int_t)d->memory.table, "memory_spans_bytes",
				     (json_int_t)(d->plan.has_spans ? d->memory.spans : 0),
				     "memory_stacks_bytes", (json_int_t)d->memory.stacks),
			   out);
}

static int diagnosis_json(const struct diagnosis *d, struct buf *out)
{
	const struct reporter_ops *json = reporter_by_name("json");
	const struct report_style style = {};
	int r = json_kernel(d, out);

	for (enum hook hook = 0; !r && hook < HOOK_COUNT_; hook++)
		r = json_hook(d, hook, out);
	for (size_t i = 0; !r && i < d->plan.coverage_len; i++)
		r = json->coverage(&d->plan.coverage[i], &style, out);
	return r;
}

/* ---------------------------------------------------------------------------------------------- */

static int diagnose(const struct doctor_opts *opts, const struct plan_opts *plan_opts, bool as_json)
{
	_cleanup_(buf_done) struct buf out = {};
	struct diagnosis d = {
		.in_flight = opts->in_flight ? opts->in_flight : TRACER_IN_FLIGHT_DEFAULT,
	};
	struct plan_opts watch_opts = *plan_opts;
	struct probe_opts probe;
	struct reason why = {};
	int r;

	d.memory = tracer_memory(d.in_flight);
	probe = plan_probe_opts(plan_opts);
	probe.fewer_hooks = true;
	r = kernel_probe(&probe, &d.kernel, &why);
	if (!r)
		r = plan_build(&d.kernel, plan_opts, &d.plan, &why);
	watch_opts.spans = false;
	watch_opts.fewer_hooks = true;
	if (!r)
		r = plan_build(&d.kernel, &watch_opts, &d.watch_plan, &why);
	if (r < 0)
		return fail(EXIT_CANNOT_TRACE, r, &why);
	r = as_json ? diagnosis_json(&d, &out) : diagnosis_text(&d, &out);
	if (r < 0)
		return fail(EXIT_CANNOT_TRACE, r, NULL);
	return print(buf_text(&out));
}

static int cmd_doctor(const struct cli_call *call)
{
	struct doctor_opts opts = {.format = "text"};
	struct plan_opts plan = {.modes = PLAN_MODES_ALL, .spans = true};
	struct cli_words words;
	struct reason why = {};
	int r;

	r = cli_parse(call, &opts, &words, &why);
	if (!r && !reporter_by_name(opts.format))
		r = reason_fail(&why, -EINVAL, "--format %s: text and json exist", opts.format);
	if (!r && opts.flavours)
		r = plan_parse_flavours(opts.flavours, &plan.flavours, &why);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	return diagnose(&opts, &plan, !strcmp(opts.format, "json"));
}

const struct command doctor_command = {
	.name = "doctor",
	.summary = "what this kernel lets iorace see, and why",
	.help = "Tries every hook, attaches nothing for longer than that. Exit status 3 when\n"
		"nothing can be seen.",
	.opts = doctor_opts,
	.run = cmd_doctor,
};
