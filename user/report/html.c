// SPDX-License-Identifier: GPL-2.0
/*
 * The page is put together at the end, verdict first, from what was held: findings in `held`, pairs
 * in `more`, coverage in `aside`. No script, no font, no picture from elsewhere.
 */
#include "report/html.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/escape.h"
#include "base/units.h"
#include "model/conflict.h"
#include "model/names.h"
#include "report/compare.h"
#include "report/draw.h"
#include "report/markup.h"
#include "report/text_parts.h"

#define PAIRS_SHOWN 500 /* what a browser still opens at once; all of them are in a .json */
#define BAR_WIDTH 1000.0

static const char page_style[] =
	":root{color-scheme:light dark;--bad:#c62828;--doubt:#b26a00;--good:#2e7d32;--line:#8884;"
	"--soft:#8882}"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem}h3{font-size:1rem;margin:0 0 .5rem}"
	".conflicts,.torn,.none,.likely,.open,.opened{color:var(--bad)}"
	".clean,.whole,.full,.closed{color:var(--good)}"
	".inconclusive,.partial,.possible,.untested,.nothing{color:var(--doubt)}"
	"article{border:1px solid var(--line);border-radius:.5rem;padding:1rem;margin:1rem 0}"
	"table{border-collapse:collapse;width:100%}.wide{overflow-x:auto}"
	"td,th{text-align:left;padding:.2rem .8rem .2rem 0;vertical-align:top}"
	"tbody tr{border-top:1px solid var(--soft)}"
	"code,pre,.n{font-family:ui-monospace,monospace;font-variant-numeric:tabular-nums}"
	"pre{overflow-x:auto;white-space:pre-wrap;background:var(--soft);padding:1rem;border-radius:.5rem}"
	"code{overflow-wrap:anywhere}svg{width:100%;height:3.2rem;margin:.5rem 0}"
	"svg .a,svg .b{fill:#5c6bc0}svg .b{fill:#00897b}svg .both{fill:var(--bad);opacity:.35}"
	"svg text{font:12px ui-monospace,monospace;fill:currentColor}"
	"small{opacity:.75}";

static void put_file_lines(const struct file_view *file, struct buf *out)
{
	struct buf text = {};

	text_file_id(file, &text);
	buf_puts(out, "<p><small>");
	markup_take(out, &text);
	buf_puts(out, "</small></p>");
}

/* One op as a bar on the scale of both. */
static void put_bar(const char *class, unsigned int y, struct ior_range range,
		    struct ior_range scale, struct buf *out)
{
	double length = (double)(scale.end - scale.start);
	double x = (double)(range.start - scale.start) / length * BAR_WIDTH;
	double width = (double)(range.end - range.start) / length * BAR_WIDTH;

	buf_printf(out, "<rect class=\"%s\" x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>",
		   class, x, y, width < 2 ? 2 : width, class[1] ? 48 : 14);
}

static void put_drawing(struct ior_range a, struct ior_range b, struct ior_range both,
			struct buf *out)
{
	struct ior_range scale = {a.start < b.start ? a.start : b.start,
				  a.end > b.end ? a.end : b.end};

	buf_puts(out, "<svg viewBox=\"0 0 1000 48\" preserveAspectRatio=\"none\" role=\"img\" "
		      "aria-label=\"ranges of A and B\">");
	put_bar("a", 6, a, scale, out);
	put_bar("b", 28, b, scale, out);
	put_bar("both", 0, both, scale, out);
	buf_puts(out, "</svg>");
}

static void put_cell(struct buf *text, struct buf *out)
{
	buf_puts(out, "<td>");
	markup_take(out, text);
	buf_puts(out, "</td>");
}

static void put_when(const struct conflict_view *conflict, size_t i, struct buf *out)
{
	const struct op_view *op = &conflict->ops[i];
	uint64_t first = conflict->ops[0].op.begin_ns;

	buf_puts(out, op->op.flags & IOR_OPF_ASYNC ? "async" : "sync");
	if (i == 1 && op->op.begin_ns >= first) {
		buf_printf(out, ", opened %s",
			   conflict->ops[0].op.flags & IOR_OPF_EARLY ? "at most " : "");
		units_append_duration(out, op->op.begin_ns - first);
		buf_puts(out, " after A");
	}
	if (op->end_ns > op->op.begin_ns) {
		buf_printf(out, ", took %s", op->op.flags & IOR_OPF_EARLY ? "at most " : "");
		units_append_duration(out, op->end_ns - op->op.begin_ns);
	}
}

static void put_task(const struct op_view *view, struct buf *out)
{
	const struct ior_op *op = &view->op;

	escape_append(out, op->comm, strnlen(op->comm, IOR_COMM_LEN));
	buf_printf(out, "  pid %u", op->pid);
	if (op->tid != op->pid)
		buf_printf(out, " tid %u", op->tid);
	if (view->cgroup) {
		buf_puts(out, "  ");
		escape_puts(out, view->cgroup);
	}
}

static void put_op(const struct conflict_view *conflict, size_t i, struct buf *out)
{
	const struct op_view *view = &conflict->ops[i];
	struct buf what = {}, range = {}, task = {}, lock = {}, when = {};

	text_what(view->op.kind, view->op.mode, &what);
	draw_interval(view->op.range, &range);
	put_task(view, &task);
	text_locks(conflict->file.id.magic, view, &lock);
	put_when(conflict, i, &when);
	buf_printf(out, "<tr><th>%c</th>", (char)('A' + i));
	put_cell(&what, out);
	put_cell(&range, out);
	put_cell(&task, out);
	put_cell(&lock, out);
	put_cell(&when, out);
	buf_puts(out, "</tr>");
}

static void put_stack(const struct op_view *op, size_t i, struct buf *out)
{
	if (!op->stack_len)
		return;
	buf_printf(out, "<details><summary>stack of %c</summary><pre>", (char)('A' + i));
	for (size_t frame = 0; frame < op->stack_len; frame++) {
		markup_stranger(out, op->stack[frame].symbol);
		buf_printf(out, "%s0x%" PRIx64 "\n", op->stack[frame].symbol ? "+" : "",
			   op->stack[frame].symbol ? op->stack[frame].offset
						   : op->stack[frame].address);
	}
	buf_puts(out, "</pre></details>");
}

static int html_conflict(const struct conflict_view *conflict, const struct report_style *style,
			 struct buf *out)
{
	const struct ior_op *a = &conflict->ops[0].op, *b = &conflict->ops[1].op;
	struct conflict_traits traits = conflict_traits(a, b);
	struct ior_finding_key key = finding_key_of(&conflict->file.id, a, b);
	struct buf *more = &style->doc->more, headline = {}, time = {};

	(void)out;
	if (style->doc->shown++ >= PAIRS_SHOWN)
		return 0;
	text_headline(traits.kind, key.sides, &conflict->file, &headline);
	buf_puts(more, "<article><h3>CONFLICT <code>");
	markup_take(more, &headline);
	buf_printf(more, "</code> &nbsp;tear: <span class=\"%s\">%s</span></h3>",
		   tear_name(traits.tear), tear_name(traits.tear));
	put_drawing(a->range, b->range, traits.overlap, more);
	buf_puts(more, "<div class=\"wide\"><table class=\"n\">");
	put_op(conflict, 0, more);
	put_op(conflict, 1, more);
	buf_puts(more, "</table></div>");
	if (conflict_is_mapped(conflict))
		buf_puts(more,
			 "<p>The file is mapped shared and writable: stores are not seen.</p>");
	put_stack(&conflict->ops[0], 0, more);
	put_stack(&conflict->ops[1], 1, more);
	units_append_time(&time, conflict->time_real_ns);
	buf_puts(more, "<p><small>");
	markup_take(more, &time);
	buf_puts(more, "</small></p>");
	put_file_lines(&conflict->file, more);
	return buf_puts(more, "</article>\n");
}

static void put_side(const struct ior_finding_side *side, struct buf *out)
{
	struct buf comm = {}, what = {}, lock = {};

	escape_append(&comm, side->comm, strnlen(side->comm, IOR_COMM_LEN));
	text_what(side->kind, side->mode, &what);
	text_lock(side->lock, IOR_SELF_UNKNOWN, &lock);
	buf_puts(out, "<tr>");
	put_cell(&comm, out);
	put_cell(&what, out);
	put_cell(&lock, out);
	buf_puts(out, "</tr>");
}

static int html_finding(const struct finding_view *finding, const struct report_style *style,
			struct buf *out)
{
	struct buf *held = &style->doc->held, headline = {}, counts = {}, times = {};

	(void)out;
	text_headline(pair_name(finding->sides[0].kind, finding->sides[1].kind), finding->sides,
		      &finding->file, &headline);
	text_count(finding->count, "conflict", "conflicts", &counts);
	buf_puts(&counts, ", ");
	units_append_size(&counts, finding->bytes);
	buf_puts(&times, "first ");
	units_append_time(&times, finding->first_real_ns);
	buf_puts(&times, ", last ");
	units_append_time(&times, finding->last_real_ns);
	buf_puts(held, "<article><h3>FINDING <code>");
	markup_take(held, &headline);
	buf_puts(held, "</code> &nbsp;<span class=\"conflicts\">");
	markup_take(held, &counts);
	buf_puts(held, "</span></h3><table class=\"n\">");
	put_side(&finding->sides[0], held);
	put_side(&finding->sides[1], held);
	buf_puts(held, "</table><p><small>");
	markup_take(held, &times);
	buf_printf(held, " &nbsp;id %016" PRIx64 "</small></p>", finding->fingerprint);
	put_file_lines(&finding->file, held);
	return buf_puts(held, "</article>\n");
}

static int html_coverage(const struct coverage_view *row, const struct report_style *style,
			 struct buf *out)
{
	struct buf *aside = &style->doc->aside;
	const char *level = coverage_level_name(row->level);

	(void)out;
	buf_puts(aside, "<tr><td>");
	markup_stranger(aside, row->fs ? row->fs : "any");
	buf_printf(aside, "</td><td>%s</td><td>%s</td><td>%s</td><td class=\"%s\">%s</td><td>",
		   mode_name(row->mode), kind_name(row->kind), row->async ? "async" : "sync", level,
		   level);
	markup_stranger(aside, row->flavour ? row->flavour : "-");
	buf_puts(aside, "</td><td>");
	markup_stranger(aside, row->reason);
	return buf_puts(aside, "</td></tr>\n");
}

static int html_torn(const struct torn_view *torn, const struct report_style *style,
		     struct buf *out)
{
	struct buf lines = {};

	(void)out;
	if (style->doc->shown++ >= PAIRS_SHOWN)
		return 0;
	text_torn(torn, &(struct report_style){}, &lines);
	buf_puts(&style->doc->more, "<article><pre>");
	markup_take(&style->doc->more, &lines);
	return buf_puts(&style->doc->more, "</pre></article>\n");
}

static void put_coverage(const struct report_doc *doc, struct buf *out)
{
	if (!doc->aside.len)
		return;
	buf_puts(out, "<details><summary>What this kernel lets iorace see</summary>"
		      "<div class=\"wide\"><table><thead><tr><th>file system</th><th>mode</th>"
		      "<th>op</th><th></th><th>coverage</th><th>flavour</th><th>reason</th></tr>"
		      "</thead><tbody>");
	buf_puts(out, buf_text(&doc->aside));
	buf_puts(out, "</tbody></table></div></details>\n");
}

static void put_results(const struct report_doc *doc, struct buf *out)
{
	if (doc->held.len) {
		buf_puts(out, "<h2>Findings</h2>\n");
		buf_puts(out, buf_text(&doc->held));
	}
	if (!doc->more.len)
		return;
	buf_puts(out, "<h2>One by one</h2>\n");
	if (doc->shown > PAIRS_SHOWN)
		buf_printf(out,
			   "<p>The first %d of %" PRIu64 " are shown; a report that ends in "
			   ".json has all.</p>\n",
			   PAIRS_SHOWN, doc->shown);
	buf_puts(out, buf_text(&doc->more));
}

/* `name` is also the class that colours it. Takes `lines`. */
static int put_page(const char *label, const char *name, const char *reason, struct buf *lines,
		    const struct report_style *style, struct buf *out)
{
	if (style->doc->held.error || style->doc->more.error || style->doc->aside.error ||
	    style->doc->compared.error)
		out->error = -ENOMEM;
	buf_printf(out,
		   "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		   "<title>iorace: %s</title><style>%s</style></head><body>\n"
		   "<h1>%s <span class=\"%s\">%s</span></h1>\n<p>",
		   name, page_style, label, name, name);
	markup_stranger(out, reason);
	buf_puts(out, "</p>\n");
	if (lines->len) {
		buf_puts(out, "<pre>");
		markup_take(out, lines);
		buf_puts(out, "</pre>\n");
	}
	buf_puts(out, buf_text(&style->doc->compared));
	put_results(style->doc, out);
	put_coverage(style->doc, out);
	return buf_printf(out, "<p><small>iorace %s</small></p></body></html>\n", IORACE_VERSION);
}

static int html_comparison(const struct comparison_view *view, const struct report_style *style,
			   struct buf *out)
{
	(void)out;
	return compare_html(view, &style->doc->compared);
}

int html_comparison_page(const struct comparison_view *view, struct buf *out)
{
	struct report_doc doc = {};
	const struct report_style style = {.doc = &doc};
	struct buf no_lines = {};
	struct reason why = {};
	enum comparison_outcome outcome = comparison_outcome(view->runs[0], view->runs[1], &why);

	html_comparison(view, &style, out);
	put_page("Comparison", comparison_outcome_name(outcome), why.text, &no_lines, &style, out);
	report_doc_done(&doc);
	return out->error;
}

static int html_summary(const struct summary_view *summary, const struct report_style *style,
			struct buf *out)
{
	struct buf lines = {};

	text_summary(summary, &(struct report_style){}, &lines);
	return put_page("Verdict", verdict_name(summary->verdict), summary->reason, &lines, style,
			out);
}

static int html_stress(const struct stress_view *stress, const struct report_style *style,
		       struct buf *out)
{
	struct buf lines = {};

	text_stress(stress, &(struct report_style){}, &lines);
	return put_page("Stress", stress_result_name(stress->result), stress->reason, &lines, style,
			out);
}

const struct reporter_ops html_reporter = {
	.name = "html",
	.ending = ".html",
	.is_document = true,
	.coverage = html_coverage,
	.conflict = html_conflict,
	.finding = html_finding,
	.comparison = html_comparison,
	.summary = html_summary,
	.torn = html_torn,
	.stress = html_stress,
};
