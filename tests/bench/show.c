// SPDX-License-Identifier: GPL-2.0
#include "show.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static double relative(struct spread s)
{
	return s.median ? (s.high - s.low) / s.median : 0;
}

bool load_was_quiet(const struct load_report *load)
{
	return relative(load->iops) <= QUIET_SPREAD && load->busy.median >= QUIET_BUSY;
}

static const char *cell(char *out, size_t size, struct spread s, double factor, const char *unit)
{
	if (!s.len) {
		snprintf(out, size, "no programs");
		return out;
	}
	snprintf(out, size, "%.*f%s (%.*f…%.*f)", factor == 100, s.median * factor, unit,
		 factor == 100, s.low * factor, factor == 100, s.high * factor);
	return out;
}

static const char *short_hook(const char *hook)
{
	static const struct {
		const char *hook, *name;
	} names[] = {
		{"iomap_dio_rw_begin", "begin"}, {"iomap_dio_complete", "complete"},
		{"block_bio_queue", "queue"},	 {"block_bio_complete", "bio"},
		{"block_rq_complete", "rq"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(names[i].hook, hook))
			return names[i].name;
	}
	return hook;
}

/* Hooks that ran: "begin 92 bio 11 complete 17". */
static const char *hooks_text(char *out, size_t size, const struct rung_result *rung)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < rung->hooks_len && used < size; i++) {
		const struct hook_cost *h = &rung->hooks[i];

		if (h->runs.median >= 0.01)
			used += snprintf(out + used, size - used, "%s%s %.0f", used ? ", " : "",
					 short_hook(h->hook), h->net_ns.median);
	}
	return out;
}

static const struct rung_result *rung_named(const struct load_report *load, const char *name)
{
	for (size_t i = 0; load && i < load->rungs_len; i++) {
		if (!strcmp(load->rungs[i].spec->name, name))
			return &load->rungs[i];
	}
	return NULL;
}

/* ---- terminal -------------------------------------------------------------------------------- */

void show_head(FILE *out, const struct bench_report *r)
{
	fprintf(out, "%s  Linux %s  %u × %s  %s\n%u rounds, medians (quartiles)\n", r->date,
		r->kernel, r->cpus, r->cpu, r->device, r->rounds);
}

static void show_quiet(FILE *out, const struct load_report *load)
{
	fprintf(out,
		"   untraced, %u ms each: %.0f IOPS, quartiles %.1f %% apart; %.2f µs of CPU per IO; the jobs "
		"had %.1f %% of their CPUs: %s\n",
		load->run_ms, load->iops.median, relative(load->iops) * 100,
		load->cpu_ns.median / 1000, load->busy.median * 100,
		load_was_quiet(load) ? "quiet" : "NOT QUIET");
	if (load->in_flight.median > 0)
		fprintf(out, "   requests in flight half-way: %.0f\n", load->in_flight.median);
}

void show_load(FILE *out, const struct load_report *load)
{
	char kept[64], cpu[64], net[64], added[64], hooks[256];

	fprintf(out, "\n== %s: %s\n", load->load->name, load->load->text);
	show_quiet(out, load);
	fprintf(out, "   %-12s %-22s %-22s %-20s %-20s %s\n", "", "IOPS kept",
		"IOPS per CPU s kept", "programs, net ns/IO", "CPU added, ns/IO", "net ns by hook");
	for (size_t i = 0; i < load->rungs_len; i++) {
		const struct rung_result *r = &load->rungs[i];

		/* The ellipsis in a cell is one column and three bytes. */
		fprintf(out, "   %-12s %-24s %-24s %-22s %-22s %s%s\n", r->spec->name,
			cell(kept, sizeof(kept), r->kept, 100, " %"),
			cell(cpu, sizeof(cpu), r->kept_cpu, 100, " %"),
			cell(net, sizeof(net), r->net_ns, 1, ""),
			cell(added, sizeof(added), r->added_ns, 1, ""),
			hooks_text(hooks, sizeof(hooks), r), r->losses ? "  LOSSES" : "");
	}
	fflush(out);
}

void show_refusals(FILE *out, const struct bench_report *r)
{
	for (size_t i = 0; i < r->refusals_len; i++)
		fprintf(out, "   not measured: %s (%s): %s\n", r->refusals[i].spec->name,
			r->refusals[i].spec->text, r->refusals[i].why.text);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

static void markdown_load(FILE *out, const struct load_report *load)
{
	char kept[64], cpu[64], net[64], added[64], hooks[256];

	fprintf(out,
		"\n### %s: %s\n\nUntraced: %.0f IOPS (quartiles %.1f %% apart), %.2f µs of CPU per IO; ",
		load->load->name, load->load->text, load->iops.median, relative(load->iops) * 100,
		load->cpu_ns.median / 1000);
	if (load->in_flight.median > 0)
		fprintf(out, "%.0f requests in flight half-way; ", load->in_flight.median);
	fprintf(out, "%s.\n\n", load_was_quiet(load) ? "quiet" : "**not quiet**");
	fprintf(out,
		"| rung | what it adds | IOPS kept | IOPS per CPU second kept | programs, net ns "
		"per IO | by hook | CPU added, ns per IO |\n|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < load->rungs_len; i++) {
		const struct rung_result *r = &load->rungs[i];

		fprintf(out, "| %s | %s | %s | %s | %s | %s | %s |\n", r->spec->name, r->spec->text,
			cell(kept, sizeof(kept), r->kept, 100, " %"),
			cell(cpu, sizeof(cpu), r->kept_cpu, 100, " %"),
			cell(net, sizeof(net), r->net_ns, 1, ""),
			hooks_text(hooks, sizeof(hooks), r),
			cell(added, sizeof(added), r->added_ns, 1, ""));
	}
}

/* ---- what design.md wants, and what there is ------------------------------------------------- */

static const struct load_report *load_named(const struct bench_report *r, const char *name)
{
	for (size_t i = 0; i < r->loads_len; i++) {
		if (!strcmp(r->loads[i].load->name, name))
			return &r->loads[i];
	}
	return NULL;
}

static void target(FILE *out, const char *text, double value, const char *format, double limit,
		   bool at_most)
{
	fprintf(out, "| %s | %s ", text, at_most ? "at most" : "at least");
	fprintf(out, format, limit);
	fputs(" | ", out);
	fprintf(out, format, value);
	fprintf(out, " | %s |\n", (at_most ? value <= limit : value >= limit) ? "yes" : "**no**");
}

static void target_rival(FILE *out, const struct load_report *load, const char *rival, double limit)
{
	const struct rung_result *watch = rung_named(load, "watch"), *r = rung_named(load, rival);
	char text[128];

	if (!watch || !r || watch->net_ns.median <= 0)
		return;
	snprintf(text, sizeof(text), "%s / `watch`, net ns per IO", rival);
	target(out, text, r->net_ns.median / watch->net_ns.median, "%.1f", limit, false);
}

static void target_deep(FILE *out, const struct bench_report *r)
{
	const struct rung_result *one = rung_named(load_named(r, "depth1"), "watch"),
				 *many = rung_named(load_named(r, "depth4096"), "watch");

	if (one && many && one->net_ns.median > 0)
		target(out, "`watch`, 4 096 in flight / one",
		       many->net_ns.median / one->net_ns.median, "%.2f", 1.5, true);
}

/* Whatever is in flight, which is more than is wanted. */
static void target_flat(FILE *out, const struct bench_report *r)
{
	double least = 0, most = 0;

	for (size_t i = 0; i < r->loads_len; i++) {
		const struct rung_result *watch = rung_named(&r->loads[i], "watch");

		if (!(r->loads[i].load->groups & GROUP_DEPTH) || !watch)
			continue;
		if (!least || watch->net_ns.median < least)
			least = watch->net_ns.median;
		if (watch->net_ns.median > most)
			most = watch->net_ns.median;
	}
	if (least > 0 && most > least)
		target(out, "`watch`, most / least of the depths", most / least, "%.2f", 1.5, true);
}

static void markdown_targets(FILE *out, const struct bench_report *r)
{
	const struct load_report *first = load_named(r, "4k");
	const struct rung_result *watch = rung_named(first, "watch"),
				 *filtered = rung_named(first, "filtered");

	if (!watch || !filtered)
		return;
	fprintf(out,
		"\n### Targets\n\n| on 4k, medians | wanted | here | reached |\n|---|---|---|---|\n");
	target(out, "`watch`, net ns per IO", watch->net_ns.median, "%.1f", 250, true);
	target(out, "`watch`, % of IOPS kept", watch->kept.median * 100, "%.1f", 88, false);
	target(out, "`watch`, % of IOPS per CPU second kept", watch->kept_cpu.median * 100, "%.1f",
	       88, false);
	target(out, "turned away by a filter, net ns per IO", filtered->net_ns.median, "%.1f", 20,
	       true);
	target_rival(out, first, "hash map", 2.5);
	target_rival(out, first, "hash detect", 2.5);
	target_rival(out, first, "stream", 8);
	target_deep(out, r);
	target_flat(out, r);
}

static void markdown_refusals(FILE *out, const struct bench_report *r)
{
	if (!r->refusals_len)
		return;
	fprintf(out, "\n### Not measured here\n\n| what | why |\n|---|---|\n");
	for (size_t i = 0; i < r->refusals_len; i++)
		fprintf(out, "| %s (%s) | %s |\n", r->refusals[i].spec->name,
			r->refusals[i].spec->text, r->refusals[i].why.text);
}

void show_markdown(FILE *out, const struct bench_report *r)
{
	unsigned int quiet = 0;

	for (size_t i = 0; i < r->loads_len; i++)
		quiet += load_was_quiet(&r->loads[i]);
	fprintf(out,
		"## %s, Linux %s\n\n%u × %s; %s; %u rounds; medians (quartiles). "
		"Quiet on %u of %zu loads.\n",
		r->date, r->kernel, r->cpus, r->cpu, r->device, r->rounds, quiet, r->loads_len);
	markdown_targets(out, r);
	markdown_refusals(out, r);
	for (size_t i = 0; i < r->loads_len; i++)
		markdown_load(out, &r->loads[i]);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *json_spread(struct spread s)
{
	return json_pack("{s:f,s:f,s:f,s:I}", "median", s.median, "q1", s.low, "q3", s.high,
			 "samples", (json_int_t)s.len);
}

static json_t *json_rung(const struct rung_result *r)
{
	json_t *hooks = json_array();

	for (size_t i = 0; i < r->hooks_len; i++)
		json_array_append_new(hooks,
				      json_pack("{s:s,s:o,s:o}", "hook", r->hooks[i].hook,
						"net_ns_per_io", json_spread(r->hooks[i].net_ns),
						"runs_per_io", json_spread(r->hooks[i].runs)));
	return json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:I}", "name", r->spec->name, "text",
			 r->spec->text, "iops_kept", json_spread(r->kept),
			 "iops_per_cpu_second_kept", json_spread(r->kept_cpu), "net_ns_per_io",
			 json_spread(r->net_ns), "cpu_added_ns_per_io", json_spread(r->added_ns),
			 "hooks", hooks, "losses", (json_int_t)r->losses);
}

static json_t *json_load_report(const struct load_report *load)
{
	json_t *rungs = json_array();

	for (size_t i = 0; i < load->rungs_len; i++)
		json_array_append_new(rungs, json_rung(&load->rungs[i]));
	return json_pack(
		"{s:s,s:s,s:i,s:b,s:o,s:o,s:o,s:o,s:o}", "name", load->load->name, "text",
		load->load->text, "run_ms", (int)load->run_ms, "quiet", (int)load_was_quiet(load),
		"iops", json_spread(load->iops), "cpu_ns_per_io", json_spread(load->cpu_ns), "busy",
		json_spread(load->busy), "in_flight", json_spread(load->in_flight), "rungs", rungs);
}

int show_json(FILE *out, const struct bench_report *r)
{
	json_t *loads = json_array(), *refusals = json_array(), *root;
	int failed;

	for (size_t i = 0; i < r->loads_len; i++)
		json_array_append_new(loads, json_load_report(&r->loads[i]));
	for (size_t i = 0; i < r->refusals_len; i++)
		json_array_append_new(refusals,
				      json_pack("{s:s,s:s}", "rung", r->refusals[i].spec->name,
						"reason", r->refusals[i].why.text));
	root = json_pack("{s:s,s:s,s:s,s:s,s:i,s:i,s:o,s:o}", "date", r->date, "kernel", r->kernel,
			 "cpu", r->cpu, "device", r->device, "cpus", (int)r->cpus, "rounds",
			 (int)r->rounds, "loads", loads, "not_measured", refusals);
	failed = !root || json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	json_decref(root);
	return failed ? -EIO : 0;
}
