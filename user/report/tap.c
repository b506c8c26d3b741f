// SPDX-License-Identifier: GPL-2.0
#include "report/tap.h"

#include <inttypes.h>

#include "base/escape.h"
#include "base/units.h"
#include "model/names.h"
#include "report/text_parts.h"

/* A '#' would begin a directive ("# SKIP"), and names come from strangers. */
static void put_description(struct buf *text, struct buf *out)
{
	for (const char *c = buf_text(text); *c; c++) {
		if (*c == '#')
			buf_putc(out, '\\');
		buf_putc(out, *c);
	}
	if (text->error < 0)
		out->error = text->error;
	buf_putc(out, '\n');
	buf_done(text);
}

/* Takes the text. */
static void put_point(bool ok, struct buf *text, struct report_doc *doc)
{
	doc->told++;
	doc->failed += !ok;
	buf_printf(&doc->held, "%s %" PRIu64 " - ", ok ? "ok" : "not ok", doc->told);
	put_description(text, &doc->held);
}

/* Lines of text as a YAML block that nothing in them can end. */
static void put_block(const char *key, const struct buf *text, struct buf *out)
{
	bool begins = true;

	buf_printf(out, "  ---\n  %s: |\n", key);
	for (const char *c = buf_text(text); *c; c++) {
		if (begins)
			buf_puts(out, "    ");
		begins = *c == '\n';
		buf_putc(out, *c);
	}
	if (!begins)
		buf_putc(out, '\n');
	buf_puts(out, "  ...\n");
}

static int tap_finding(const struct finding_view *finding, const struct report_style *style,
		       struct buf *out)
{
	struct buf text = {};

	(void)out;
	buf_puts(&text, "no conflict: ");
	text_headline(pair_name(finding->sides[0].kind, finding->sides[1].kind), finding->sides,
		      &finding->file, &text);
	buf_puts(&text, "   ");
	text_count(finding->count, "conflict", "conflicts", &text);
	put_point(false, &text, style->doc);
	return buf_printf(&style->doc->held,
			  "  ---\n  fingerprint: \"%016" PRIx64 "\"\n  conflicts: %" PRIu64
			  "\n  bytes: %" PRIu64 "\n  ...\n",
			  finding->fingerprint, finding->count, finding->bytes);
}

/*
 * All of it, the plan first: TAP 13 has it at either end, KTAP at the beginning only, and
 * tools/testing/kunit/kunit.py of 6.12 never ends on a plan that comes last.
 */
static int put_document(const struct report_doc *doc, struct buf *out)
{
	buf_printf(out, "TAP version 13\n1..%" PRIu64 "\n", doc->told);
	if (doc->held.error < 0)
		out->error = doc->held.error;
	return buf_puts(out, buf_text(&doc->held));
}

static int tap_summary(const struct summary_view *summary, const struct report_style *style,
		       struct buf *out)
{
	struct buf text = {}, block = {};

	buf_printf(&text, "verdict %s: ", verdict_name(summary->verdict));
	escape_puts(&text, summary->reason ? summary->reason : "");
	put_point(summary->verdict == VERDICT_CLEAN, &text, style->doc);
	if (text_summary(summary, &(struct report_style){}, &block) < 0)
		out->error = block.error;
	put_block("summary", &block, &style->doc->held);
	buf_done(&block);
	return put_document(style->doc, out);
}

static int tap_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out)
{
	struct buf text = {}, block = {};

	buf_printf(&text, "no %s: ", stress_kind_name(torn->kind));
	text_path(&torn->file, &text);
	put_point(false, &text, style->doc);
	if (text_torn(torn, &(struct report_style){}, &block) < 0)
		out->error = block.error;
	put_block("evidence", &block, &style->doc->held);
	buf_done(&block);
	return out->error;
}

static int tap_stress(const struct stress_view *stress, const struct report_style *style,
		      struct buf *out)
{
	struct buf text = {};

	buf_printf(&text, "result %s: ", stress_result_name(stress->result));
	escape_puts(&text, stress->reason ? stress->reason : "");
	put_point(stress->result == STRESS_RESULT_WHOLE, &text, style->doc);
	return put_document(style->doc, out);
}

const struct reporter_ops tap_reporter = {
	.name = "tap",
	.ending = ".tap",
	.is_document = true,
	.finding = tap_finding,
	.summary = tap_summary,
	.torn = tap_torn,
	.stress = tap_stress,
};
