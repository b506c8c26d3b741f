// SPDX-License-Identifier: GPL-2.0
#include "run/outputs.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static unsigned int columns_of(int fd)
{
	struct winsize ws;

	return ioctl(fd, TIOCGWINSZ, &ws) ? 0 : ws.ws_col;
}

/* `outputs` stays where it is from now on: a style knows its document. */
static void add(struct outputs *outputs, const struct output *new)
{
	struct output *out = &outputs->items[outputs->len++];

	*out = *new;
	out->style.doc = &out->doc;
}

int outputs_add_stream(struct outputs *outputs, const struct reporter_ops *reporter, FILE *file,
		       bool conflicts, bool coverage)
{
	bool terminal = isatty(fileno(file)) && !getenv("NO_COLOR");

	if (outputs->len == OUTPUTS_MAX)
		return -E2BIG;
	add(outputs, &(struct output){
			     .reporter = reporter,
			     .file = file,
			     .conflicts = conflicts,
			     .coverage = coverage,
			     .style = {.color = terminal, .width = columns_of(fileno(file))},
			     .name = "standard output",
		     });
	return 0;
}

static int unknown_ending(const char *path, struct reason *why)
{
	_cleanup_(buf_done) struct buf endings = {};

	for (const struct reporter_ops *const *r = reporters; *r; r++)
		buf_printf(&endings, "%s%s", endings.len ? ", " : "", (*r)->ending);
	return reason_fail(why, -EINVAL,
			   "--report %s: the ending of the name chooses the format; "
			   "these exist: %s",
			   path, buf_text(&endings));
}

int outputs_add_file(struct outputs *outputs, const char *path, struct reason *why)
{
	const struct reporter_ops *reporter = reporter_by_ending(path);
	FILE *file;

	if (!reporter)
		return unknown_ending(path, why);
	if (outputs->len == OUTPUTS_MAX)
		return reason_fail(why, -E2BIG, "--report: at most %d files", OUTPUTS_MAX);
	file = fopen(path, "we");
	if (!file)
		return reason_fail(why, -errno, "--report %s: %s", path, strerror(errno));
	add(outputs, &(struct output){
			     .reporter = reporter,
			     .file = file,
			     .owned = true,
			     .conflicts = true,
			     .coverage = true,
			     .name = path,
		     });
	return 0;
}

static void remember_error(struct outputs *outputs, const struct output *out, int error)
{
	if (outputs->error)
		return;
	outputs->error = error;
	outputs->error_name = out->name;
}

static void write_text(struct outputs *outputs, struct output *out, struct buf *text, int r)
{
	if (r < 0)
		remember_error(outputs, out, r);
	else if (text->len && fwrite(text->text, 1, text->len, out->file) != text->len)
		remember_error(outputs, out, -errno);
	buf_done(text);
}

/* One call of a reporter for each output that wants it; a format may leave a row out. */
#define TELL(outputs, call, view, wanted)                                                          \
	for (size_t i = 0; i < (outputs)->len; i++) {                                              \
		struct output *out = &(outputs)->items[i];                                         \
		struct buf text = {};                                                              \
		if ((wanted) && out->reporter->call)                                               \
			write_text(outputs, out, &text,                                            \
				   out->reporter->call(view, &out->style, &text));                 \
	}

void outputs_conflict(struct outputs *outputs, const struct conflict_view *conflict)
{
	TELL(outputs, conflict, conflict, out->conflicts);
}

void outputs_admission(struct outputs *outputs, const struct admission_view *admission)
{
	TELL(outputs, admission, admission, true);
}

void outputs_finding(struct outputs *outputs, const struct finding_view *finding)
{
	TELL(outputs, finding, finding, true);
	/* Where the pairs were not told one by one, one of them shows what it looks like. */
	if (finding->sample)
		TELL(outputs, conflict, finding->sample, !out->conflicts);
}

void outputs_coverage(struct outputs *outputs, const struct coverage_view *row)
{
	TELL(outputs, coverage, row, out->coverage);
}

void outputs_file(struct outputs *outputs, const struct file_sums_view *sums)
{
	TELL(outputs, file, sums, true);
}

void outputs_comparison(struct outputs *outputs, const struct comparison_view *comparison)
{
	TELL(outputs, comparison, comparison, true);
}

void outputs_summary(struct outputs *outputs, const struct summary_view *summary)
{
	TELL(outputs, summary, summary, true);
}

void outputs_torn(struct outputs *outputs, const struct torn_view *torn)
{
	TELL(outputs, torn, torn, out->conflicts);
}

void outputs_stress(struct outputs *outputs, const struct stress_view *stress)
{
	TELL(outputs, stress, stress, true);
}

void outputs_flush(struct outputs *outputs)
{
	for (size_t i = 0; i < outputs->len; i++) {
		if (fflush(outputs->items[i].file))
			remember_error(outputs, &outputs->items[i], -errno);
	}
}

void outputs_done(struct outputs *outputs)
{
	outputs_flush(outputs);
	for (size_t i = 0; i < outputs->len; i++) {
		struct output *out = &outputs->items[i];

		if (out->owned && fclose(out->file))
			remember_error(outputs, out, -errno);
		report_doc_done(&out->doc);
	}
	outputs->len = 0;
}
