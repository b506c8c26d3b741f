// SPDX-License-Identifier: GPL-2.0
#include "report/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/names.h"
#include "report/markup.h"

#define LABEL_COLUMNS 30
#define VALUE_COLUMNS 18

/* ---- rows, for whoever shows them ---- */

struct sheet {
	void (*title)(const char *title, struct buf *out);
	void (*row)(const char *label, const char *before, const char *after, struct buf *out);
	struct buf *out;
};

/* Takes both. */
static void put_row(const struct sheet *sheet, const char *label, struct buf *before,
		    struct buf *after)
{
	sheet->row(label, buf_text(before), buf_text(after), sheet->out);
	if (before->error || after->error)
		sheet->out->error = -ENOMEM;
	buf_done(before);
	buf_done(after);
}

static void put_count(int64_t count, struct buf *out)
{
	if (count < 0)
		buf_puts(out, "not measured");
	else
		units_append_grouped(out, count);
}

static void put_time(int64_t ns, struct buf *out)
{
	if (ns < 0)
		buf_puts(out, "not measured");
	else
		units_append_duration(out, ns);
}

static void put_counts(const struct sheet *sheet, const char *label, int64_t before, int64_t after)
{
	struct buf a = {}, b = {};

	put_count(before, &a);
	put_count(after, &b);
	put_row(sheet, label, &a, &b);
}

static void put_times(const struct sheet *sheet, const char *label, int64_t before, int64_t after)
{
	struct buf a = {}, b = {};

	put_time(before, &a);
	put_time(after, &b);
	put_row(sheet, label, &a, &b);
}

static void put_texts(const struct sheet *sheet, const char *label, const char *before,
		      const char *after)
{
	struct buf a = {}, b = {};

	escape_puts(&a, before);
	escape_puts(&b, after);
	put_row(sheet, label, &a, &b);
}

/* Only what kept a pair apart in one of the two. */
static void put_keepers(const struct sheet *sheet, const struct run_facts *before,
			const struct run_facts *after)
{
	for (int keeper = IOR_KEEPER_LUCK + 1; keeper < IOR_KEEPER_COUNT_; keeper++) {
		struct buf label = {};

		if (before->serialized_by[keeper] <= 0 && after->serialized_by[keeper] <= 0)
			continue;
		buf_printf(&label, "  by %s", keeper_text(keeper));
		put_counts(sheet, buf_text(&label), before->serialized_by[keeper],
			   after->serialized_by[keeper]);
		buf_done(&label);
	}
}

static int64_t waits_in(const struct run_facts *run, enum ior_wait_kind kind, int bucket)
{
	return run->has_waits ? (int64_t)run->waits[kind][bucket] : -1;
}

/* Ops by how long they waited: only lengths that there were. */
static void put_histogram(const struct sheet *sheet, const char *title, enum ior_wait_kind kind,
			  const struct run_facts *before, const struct run_facts *after)
{
	bool any = false;

	for (int bucket = 0; bucket < IOR_WAIT_BUCKETS; bucket++) {
		int64_t a = waits_in(before, kind, bucket), b = waits_in(after, kind, bucket);
		struct buf label = {};

		if (a <= 0 && b <= 0)
			continue;
		if (!any)
			sheet->title(title, sheet->out);
		any = true;
		buf_puts(&label, "  at least ");
		units_append_duration(&label, 1ULL << bucket);
		put_counts(sheet, buf_text(&label), a, b);
		buf_done(&label);
	}
}

static void put_range_lock(const struct sheet *sheet, const struct run_facts *a,
			   const struct run_facts *b)
{
	if (!a->has_range_lock && !b->has_range_lock)
		return;
	put_times(sheet, "  needless, for the range lock", a->lock_needless_ns,
		  b->lock_needless_ns);
	put_times(sheet, "  needed, for the range lock", a->lock_needed_ns, b->lock_needed_ns);
	put_counts(sheet, "range lock seen to fail",
		   a->has_range_lock ? (int64_t)a->lock_flaws : -1,
		   b->has_range_lock ? (int64_t)b->lock_flaws : -1);
}

static void put_runs(const struct sheet *sheet, const struct run_facts *a,
		     const struct run_facts *b)
{
	put_texts(sheet, "verdict", a->verdict, b->verdict);
	put_counts(sheet, "overlapping pairs met", a->overlapping, b->overlapping);
	put_counts(sheet, "conflicts", a->conflicts, b->conflicts);
	put_counts(sheet, "findings", a->findings, b->findings);
	put_counts(sheet, "serialized pairs", a->serialized, b->serialized);
	put_keepers(sheet, a, b);
	put_counts(sheet, "unproven pairs (luck)", a->unproven, b->unproven);
	if (a->torn >= 0 || b->torn >= 0)
		put_counts(sheet, "torn results by content", a->torn, b->torn);
	put_times(sheet, "needless waits", a->needless_wait_ns, b->needless_wait_ns);
	put_times(sheet, "needed waits", a->needed_wait_ns, b->needed_wait_ns);
	put_range_lock(sheet, a, b);
	put_counts(sheet, "ops", a->ops, b->ops);
	put_counts(sheet, "ops per second", run_facts_rate(a), run_facts_rate(b));
	put_times(sheet, "duration", a->duration_ns, b->duration_ns);
	put_counts(sheet, "losses", a->losses, b->losses);
	put_histogram(sheet, "ops that waited and met an overlapping one", IOR_WAIT_NEEDED, a, b);
	put_histogram(sheet, "ops that waited and met none", IOR_WAIT_NEEDLESS, a, b);
}

/* ---- text: two columns, so that a reader of a mail sees what changed ---- */

static void text_title(const char *title, struct buf *out)
{
	buf_printf(out, "  %s\n", title);
}

/* What is wider than its column moves the rest along. */
static void text_row(const char *label, const char *before, const char *after, struct buf *out)
{
	size_t label_width = escape_width(label), width = escape_width(before);

	buf_printf(out, "  %s", label);
	buf_fill(out, ' ', label_width < LABEL_COLUMNS ? LABEL_COLUMNS - label_width : 1);
	buf_puts(out, before);
	buf_fill(out, ' ', width < VALUE_COLUMNS ? VALUE_COLUMNS - width : 1);
	buf_printf(out, "%s\n", after);
}

int compare_text(const struct comparison_view *view, struct buf *out)
{
	const struct sheet sheet = {text_title, text_row, out};
	struct reason why = {};

	comparison_outcome(view->runs[0], view->runs[1], &why);
	buf_printf(out, "COMPARISON %s\n", why.text);
	put_texts(&sheet, "", view->names[0], view->names[1]);
	put_runs(&sheet, view->runs[0], view->runs[1]);
	return out->error;
}

/* ---- HTML: the same rows as a table ---- */

static void html_title(const char *title, struct buf *out)
{
	buf_puts(out, "<tr><th colspan=\"3\">");
	markup_puts(out, title);
	buf_puts(out, "</th></tr>\n");
}

static void html_row(const char *label, const char *before, const char *after, struct buf *out)
{
	const char *const cells[] = {label, before, after};

	buf_puts(out, "<tr>");
	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		buf_puts(out, "<td>");
		markup_puts(out, cells[i]);
		buf_puts(out, "</td>");
	}
	buf_puts(out, "</tr>\n");
}

int compare_html(const struct comparison_view *view, struct buf *out)
{
	const struct sheet sheet = {html_title, html_row, out};
	struct reason why = {};

	comparison_outcome(view->runs[0], view->runs[1], &why);
	buf_puts(out, "<h2>Comparison</h2>\n<p>");
	markup_puts(out, why.text);
	buf_puts(out, "</p>\n<div class=\"wide\"><table class=\"n\"><thead><tr><th></th><th>");
	markup_stranger(out, view->names[0]);
	buf_puts(out, "</th><th>");
	markup_stranger(out, view->names[1]);
	buf_puts(out, "</th></tr></thead><tbody>\n");
	put_runs(&sheet, view->runs[0], view->runs[1]);
	return buf_puts(out, "</tbody></table></div>\n");
}

/* ---- JSON ---- */

static json_t *count(int64_t number)
{
	if (number < 0)
		return json_null();
	return number > 1LL << 53 ? json_sprintf("%" PRId64, number) : json_integer(number);
}

static json_t *text(const char *raw)
{
	struct buf escaped = {};
	json_t *string;

	escape_puts(&escaped, raw);
	string = escaped.error ? NULL : json_string(buf_text(&escaped));
	buf_done(&escaped);
	return string;
}

/* Every key that was measured. */
static json_t *keepers(const struct run_facts *run)
{
	json_t *object = json_object();

	for (int keeper = IOR_KEEPER_LUCK + 1; object && keeper < IOR_KEEPER_COUNT_; keeper++) {
		if (run->serialized_by[keeper] >= 0 &&
		    json_object_set_new(object, keeper_name(keeper),
					count(run->serialized_by[keeper])) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static json_t *buckets(const uint64_t counts[IOR_WAIT_BUCKETS])
{
	json_t *array = json_array();
	size_t len = IOR_WAIT_BUCKETS;

	while (len && !counts[len - 1])
		len--;
	for (size_t i = 0; array && i < len; i++) {
		if (json_array_append_new(array, count((int64_t)counts[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* clang-format off */
static json_t *histogram(const struct run_facts *run)
{
	if (!run->has_waits)
		return json_null();
	return json_pack("{s:o, s:o}",
			 "overlapping", buckets(run->waits[IOR_WAIT_NEEDED]),
			 "disjoint", buckets(run->waits[IOR_WAIT_NEEDLESS]));
}

static json_t *range_lock(const struct run_facts *run)
{
	if (!run->has_range_lock)
		return json_null();
	return json_pack("{s:{s:o, s:o}, s:o}",
			 "wait_ns",
			 "needless", count(run->lock_needless_ns),
			 "needed", count(run->lock_needed_ns),
			 "flaws", count((int64_t)run->lock_flaws));
}

static json_t *run_object(const char *name, const struct run_facts *run)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o,"
			 " s:o, s:o, s:o}",
			 "report", text(name),
			 "verdict", text(run->verdict),
			 "overlapping", count(run->overlapping),
			 "conflicts", count((int64_t)run->conflicts),
			 "findings", count((int64_t)run->findings),
			 "serialized", count(run->serialized),
			 "serialized_by", keepers(run),
			 "unproven", count(run->unproven),
			 "torn", count(run->torn),
			 "wait_ns",
			 "needless", count(run->needless_wait_ns),
			 "needed", count(run->needed_wait_ns),
			 "wait_histogram", histogram(run),
			 "range_lock", range_lock(run),
			 "ops", count((int64_t)run->ops),
			 "ops_per_second", count((int64_t)run_facts_rate(run)),
			 "duration_ns", count((int64_t)run->duration_ns),
			 "losses", count((int64_t)run->losses));
}

int compare_json(const struct comparison_view *view, struct buf *out)
{
	const struct run_facts *const *runs = view->runs;
	struct reason why = {};
	enum comparison_outcome outcome = comparison_outcome(runs[0], runs[1], &why);
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}",
				 "schema", "iorace/1",
				 "type", "comparison",
				 "outcome", comparison_outcome_name(outcome),
				 "reason", why.text,
				 "before", run_object(view->names[0], runs[0]),
				 "after", run_object(view->names[1], runs[1]));
	char *dump = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!dump)
		return out->error = -ENOMEM;
	buf_printf(out, "%s\n", dump);
	free(dump);
	return out->error;
}
/* clang-format on */
