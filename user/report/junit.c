// SPDX-License-Identifier: GPL-2.0
#include "report/junit.h"

#include <inttypes.h>

#include "base/escape.h"
#include "base/units.h"
#include "model/names.h"
#include "report/markup.h"
#include "report/text_parts.h"

/* "  <testcase classname="iorace.x" name="..."": takes the name; the tag is still open. */
static void put_case(const char *class, struct buf *name, struct report_doc *doc)
{
	doc->told++;
	buf_printf(&doc->held, "    <testcase classname=\"iorace.%s\" name=\"", class);
	markup_take(&doc->held, name);
	buf_puts(&doc->held, "\"");
}

/* "failure" or "error", with a sentence and, below it, lines; takes both. */
static void put_bad(const char *what, const char *type, struct buf *message, struct buf *lines,
		    struct report_doc *doc)
{
	doc->failed += what[0] == 'f';
	buf_printf(&doc->held, ">\n      <%s type=\"%s\" message=\"", what, type);
	markup_take(&doc->held, message);
	buf_puts(&doc->held, "\">");
	markup_take(&doc->held, lines);
	buf_printf(&doc->held, "</%s>\n    </testcase>\n", what);
}

static void put_finding_lines(const struct finding_view *finding, struct buf *out)
{
	for (int i = 0; i < 2; i++) {
		const struct ior_finding_side *side = &finding->sides[i];

		text_what(side->kind, side->mode, out);
		buf_puts(out, ", ");
		text_lock(side->lock, IOR_SELF_UNKNOWN, out);
		buf_putc(out, '\n');
	}
	buf_puts(out, "first ");
	units_append_time(out, finding->first_real_ns);
	buf_puts(out, ", last ");
	units_append_time(out, finding->last_real_ns);
	buf_putc(out, '\n');
	text_file_id(&finding->file, out);
	buf_printf(out, "   id %016" PRIx64 "\n", finding->fingerprint);
}

static int junit_finding(const struct finding_view *finding, const struct report_style *style,
			 struct buf *out)
{
	const char *kind = pair_name(finding->sides[0].kind, finding->sides[1].kind);
	struct buf name = {}, message = {}, lines = {};

	(void)out;
	text_headline(kind, finding->sides, &finding->file, &name);
	put_case("finding", &name, style->doc);
	text_count(finding->count, "conflict", "conflicts", &message);
	buf_puts(&message, ", ");
	units_append_size(&message, finding->bytes);
	put_finding_lines(finding, &lines);
	put_bad("failure", kind, &message, &lines, style->doc);
	return style->doc->held.error;
}

/* The whole document: the counts in its head are known only now. */
static int put_document(const struct report_style *style, uint64_t errors, uint64_t duration_ns,
			struct buf *system_out, struct buf *out)
{
	struct report_doc *doc = style->doc;

	buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
	buf_printf(out,
		   "  <testsuite name=\"iorace\" tests=\"%" PRIu64 "\" failures=\"%" PRIu64
		   "\" errors=\"%" PRIu64 "\" skipped=\"0\" time=\"%" PRIu64 ".%03u\">\n",
		   doc->told, doc->failed, errors, duration_ns / 1000000000,
		   (unsigned int)(duration_ns / 1000000 % 1000));
	if (doc->held.error < 0)
		out->error = doc->held.error;
	buf_puts(out, buf_text(&doc->held));
	buf_puts(out, "    <system-out>");
	markup_take(out, system_out);
	return buf_puts(out, "</system-out>\n  </testsuite>\n</testsuites>\n");
}

/* A verdict that rests on a loss is an error of the test, not a failure of what was tested. */
static int junit_summary(const struct summary_view *summary, const struct report_style *style,
			 struct buf *out)
{
	struct buf name = {}, message = {}, lines = {}, all = {};

	buf_puts(&name, "verdict");
	put_case("check", &name, style->doc);
	escape_puts(&message, summary->reason ? summary->reason : "");
	if (summary->verdict == VERDICT_CLEAN) {
		buf_puts(&style->doc->held, "/>\n");
		buf_done(&message);
	} else {
		put_bad(summary->verdict == VERDICT_CONFLICTS ? "failure" : "error",
			verdict_name(summary->verdict), &message, &lines, style->doc);
	}
	text_summary(summary, &(struct report_style){}, &all);
	return put_document(style, summary->verdict == VERDICT_INCONCLUSIVE, summary->duration_ns,
			    &all, out);
}

static int junit_torn(const struct torn_view *torn, const struct report_style *style,
		      struct buf *out)
{
	struct buf name = {}, message = {}, lines = {};

	(void)out;
	buf_printf(&name, "%s %" PRIu64 "  ", stress_kind_name(torn->kind), torn->id);
	text_path(&torn->file, &name);
	put_case("stress", &name, style->doc);
	buf_puts(&message, stress_how_name(torn->how));
	text_torn(torn, &(struct report_style){}, &lines);
	put_bad("failure", stress_kind_name(torn->kind), &message, &lines, style->doc);
	return style->doc->held.error;
}

static int junit_stress(const struct stress_view *stress, const struct report_style *style,
			struct buf *out)
{
	struct buf name = {}, message = {}, lines = {}, all = {};

	buf_puts(&name, "result");
	put_case("stress", &name, style->doc);
	escape_puts(&message, stress->reason ? stress->reason : "");
	if (stress->result == STRESS_RESULT_WHOLE) {
		buf_puts(&style->doc->held, "/>\n");
		buf_done(&message);
	} else {
		put_bad(stress->result == STRESS_RESULT_TORN ? "failure" : "error",
			stress_result_name(stress->result), &message, &lines, style->doc);
	}
	text_stress(stress, &(struct report_style){}, &all);
	return put_document(style, stress->result == STRESS_RESULT_INCONCLUSIVE,
			    stress->duration_ns, &all, out);
}

const struct reporter_ops junit_reporter = {
	.name = "junit",
	.ending = ".xml",
	.is_document = true,
	.finding = junit_finding,
	.summary = junit_summary,
	.torn = junit_torn,
	.stress = junit_stress,
};
