// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "cmd/exit.h"
#include "report/compare.h"
#include "report/facts.h"
#include "report/html.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	FORMAT_TEXT,
	FORMAT_JSON
};

static const char *const format_names[] = {"text", "json", NULL};

struct report_opts {
	const char *compare;
	unsigned int format;
	struct cli_list reports;
};

static const struct opt report_opts[] = {
	{"compare", 0, "BEFORE", "the report to hold FILE against",
	 OPT_STRING(struct report_opts, compare)},
	{"report", 0, "FILE",
	 "also write it to FILE, whose ending chooses the format: .txt, .json,\n.html",
	 OPT_LIST(struct report_opts, reports)},
	{"format", 0, "FORMAT", "text or json",
	 OPT_CHOICE(struct report_opts, format, format_names)},
	{},
};

static int read_facts(const char *name, struct facts_file *ret, struct reason *why)
{
	_cleanup_(fclosep) FILE *file = fopen(name, "re");

	*ret = (struct facts_file){};
	if (!file)
		return reason_fail(why, -errno, "%s: %s", name, strerror(errno));
	return facts_read(file, name, ret, why);
}

/* As check would have ended with what is compared. */
static int exit_status(const struct run_facts *after, enum comparison_outcome outcome)
{
	if (after->conflicts)
		return EXIT_CONFLICTS;
	return outcome == COMPARISON_NOTHING || outcome == COMPARISON_UNTESTED ? EXIT_INCONCLUSIVE
									       : EXIT_CLEAN;
}

static int write_file(const char *name, const struct comparison_view *view, struct reason *why)
{
	const struct reporter_ops *reporter = reporter_by_ending(name);
	_cleanup_(buf_done) struct buf out = {};
	FILE *file;
	int r;

	if (!reporter || !reporter->comparison)
		return reason_fail(why, -EINVAL,
				   "--report %s: a comparison is written as .txt, .json "
				   "or .html",
				   name);
	r = reporter->is_document ? html_comparison_page(view, &out)
				  : reporter->comparison(view, &(struct report_style){}, &out);
	if (r < 0)
		return r;
	file = fopen(name, "we");
	if (!file)
		return reason_fail(why, -errno, "--report %s: %s", name, strerror(errno));
	if (fwrite(buf_text(&out), 1, out.len, file) != out.len)
		r = -EIO;
	if (fclose(file) || r < 0)
		return reason_fail(why, -EIO, "--report %s: cannot be written", name);
	return 0;
}

static int write_files(const struct cli_list *names, const struct comparison_view *view,
		       struct reason *why)
{
	int r = 0;

	for (size_t i = 0; !r && i < names->len; i++)
		r = write_file(names->items[i], view, why);
	return r;
}

static int compare(const char *const names[2], const struct report_opts *opts)
{
	_cleanup_(facts_done) struct facts_file before = {};
	_cleanup_(facts_done) struct facts_file after = {};
	_cleanup_(buf_done) struct buf out = {};
	const struct comparison_view view = {.names = {names[0], names[1]},
					     .runs = {&before.facts, &after.facts}};
	struct reason why = {};
	int r, status;

	r = read_facts(names[0], &before, &why);
	if (!r)
		r = read_facts(names[1], &after, &why);
	if (!r)
		r = write_files(&opts->reports, &view, &why);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	r = (opts->format == FORMAT_JSON ? compare_json : compare_text)(&view, &out);
	if (r < 0)
		return fail(EXIT_INCONCLUSIVE, r, NULL);
	status = print(buf_text(&out));
	return status ? status
		      : exit_status(&after.facts,
				    comparison_outcome(&before.facts, &after.facts, &why));
}

static void report_opts_done(struct report_opts *opts)
{
	cli_list_done(&opts->reports);
}

static int cmd_report(const struct cli_call *call)
{
	_cleanup_(report_opts_done) struct report_opts opts = {};
	struct cli_words words;
	struct reason why = {};
	int r;

	r = cli_parse(call, &opts, &words, &why);
	if (!r && !opts.compare)
		r = reason_fail(&why, -EINVAL,
				"report wants --compare BEFORE: the report of a run "
				"without the change, written by --report FILE.json");
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	return compare((const char *const[]){opts.compare, words.operands[0]}, &opts);
}

const struct command report_command = {
	.name = "report",
	.summary = "hold two runs against each other: before a patch and after it",
	.args = "FILE",
	.help = "Both are reports that check or watch wrote with --report FILE.json.\n"
		"\n"
		"Exit status: 0 the run of FILE is clean, and a gap that was there is closed in\n"
		"overlapping pairs that were met; 1 it has conflicts; 2 a file is no report; 4 neither\n"
		"is shown.",
	.opts = report_opts,
	.operands_min = 1,
	.operands_max = 1,
	.run = cmd_report,
};
