// SPDX-License-Identifier: GPL-2.0
#include "report/sarif.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/names.h"
#include "report/text_parts.h"

#define SARIF_SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"
#define EXACT_MAX (1ULL << 53) /* what every reader of JSON numbers keeps exactly */

/* NULL is "no memory" throughout, as in jsonl.c. */
static json_t *string_done(struct buf *from)
{
	json_t *string = from->error ? NULL : json_stringn(buf_text(from), from->len);

	buf_done(from);
	return string;
}

static json_t *count(uint64_t number)
{
	return number > EXACT_MAX ? json_sprintf("%" PRIu64, number) : json_integer(number);
}

/* RFC 3986: what is not unreserved, and no '/', becomes %XX, whatever bytes the name is made of. */
static json_t *file_uri(const struct file_view *file)
{
	struct buf uri = {};

	if (!file->path) {
		buf_printf(&uri, "inode:%u:%u:%" PRIu64, file->id.dev >> 20, file->id.dev & 0xfffff,
			   (uint64_t)file->id.ino);
		return string_done(&uri);
	}
	buf_puts(&uri, "file://");
	if (file->path[0] != '/')
		buf_putc(&uri, '/');
	for (const char *c = file->path; *c; c++) {
		bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9') || strchr("-._~/", *c);

		if (plain)
			buf_putc(&uri, *c);
		else
			buf_printf(&uri, "%%%02X", (unsigned char)*c);
	}
	return string_done(&uri);
}

/* Takes the region, which may be NULL: the whole file. */
static json_t *location(const struct file_view *file, json_t *region)
{
	json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", file_uri(file));

	if (physical && region && json_object_set_new(physical, "region", region) < 0)
		return NULL;
	return json_pack("[{s:o}]", "physicalLocation", physical);
}

static json_t *finding_region(const struct finding_view *finding)
{
	const struct ior_range *range = finding->ranges;

	if (!finding->ranges_len || range->start > EXACT_MAX || ior_range_len(*range) > EXACT_MAX)
		return NULL;
	return json_pack("{s:o, s:o}", "byteOffset", count(range->start), "byteLength",
			 count(ior_range_len(*range)));
}

/* Takes the result. */
static int hold_result(json_t *result, struct report_doc *doc)
{
	char *text = result ? json_dumps(result, JSON_COMPACT) : NULL;

	json_decref(result);
	if (!text)
		return doc->held.error = -ENOMEM;
	buf_printf(&doc->held, "%s\n%s", doc->told++ ? "," : "", text);
	free(text);
	return doc->held.error;
}

/* clang-format off */

static int sarif_finding(const struct finding_view *finding, const struct report_style *style,
			 struct buf *out)
{
	const char *kind = pair_name(finding->sides[0].kind, finding->sides[1].kind);
	struct buf message = {};

	(void)out;
	text_headline(kind, finding->sides, &finding->file, &message);
	buf_puts(&message, "   ");
	text_count(finding->count, "conflict", "conflicts", &message);
	return hold_result(json_pack("{s:s, s:s, s:{s:o}, s:o, s:{s:o}, s:o, s:{s:o, s:[s,s], s:[s,s]}}",
				     "ruleId", kind,
				     "level", "error",
				     "message", "text", string_done(&message),
				     "locations", location(&finding->file, finding_region(finding)),
				     "partialFingerprints",
				     "iorace/v1", json_sprintf("%016" PRIx64, finding->fingerprint),
				     "occurrenceCount", count(finding->count ? finding->count : 1),
				     "properties",
				     "bytes", count(finding->bytes),
				     "modes", mode_name(finding->sides[0].mode),
				     mode_name(finding->sides[1].mode),
				     "locks", lock_name(finding->sides[0].lock),
				     lock_name(finding->sides[1].lock)),
			   style->doc);
}

static int sarif_torn(const struct torn_view *torn, const struct report_style *style,
		      struct buf *out)
{
	struct buf message = {};

	(void)out;
	text_torn(torn, &(struct report_style){}, &message);
	return hold_result(json_pack("{s:s, s:s, s:{s:o}, s:o}",
				     "ruleId", stress_kind_name(torn->kind),
				     "level", "error",
				     "message", "text", string_done(&message),
				     "locations", location(&torn->file, NULL)),
			   style->doc);
}

/* What was not seen, as SARIF has it: notices of the tool about its own run. */
static json_t *losses_array(const uint64_t losses[IOR_LOSS_COUNT_])
{
	json_t *array = json_array();

	for (enum ior_loss loss = 0; array && loss < IOR_LOSS_COUNT_; loss++) {
		const struct loss_text *text = loss_text(loss);

		if (losses[loss] == 0)
			continue;
		if (json_array_append_new(array, json_pack("{s:s, s:{s:s}, s:{s:o}}",
							   "level", "warning",
							   "descriptor", "id", text->name,
							   "message", "text",
							   json_sprintf("%" PRIu64 " %s: %s",
									losses[loss], text->name,
									text->meaning))) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static const struct {
	const char *id;
	const char *text;
} rules[] = {
	{"write/write", "Two writes of common bytes moved their data at the same time."},
	{"read/write", "A read and a write of common bytes moved their data at the same time."},
	{"write/size", "A write met a truncate, a punched hole or the like on common bytes."},
	{"read/size", "A read met a truncate, a punched hole or the like on common bytes."},
	{"size/size", "Two changes of size met on common bytes."},
	{"write/mmap", "A write met a store through a mapping on common bytes."},
	{"read/mmap", "A read met a store through a mapping on common bytes."},
	{"size/mmap", "A change of size met a store through a mapping on common bytes."},
	{"mmap/mmap", "Two stores through mappings met on common bytes."},
	{"torn_read", "A read shows a mix that no order of whole ops explains."},
	{"mixed_write", "Writes have mixed in the file."},
	{"lost_write", "What a write left is gone, and nothing came later."},
	{"garbled", "Bytes are there that nobody wrote."},
};

static json_t *rules_array(void)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < ARRAY_SIZE(rules); i++) {
		if (json_array_append_new(array, json_pack("{s:s, s:{s:s}}", "id", rules[i].id,
							   "shortDescription", "text",
							   rules[i].text)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* Takes what is known of the run. */
static int put_document(json_t *invocation, json_t *properties, const struct report_style *style,
			struct buf *out)
{
	char *run = invocation ? json_dumps(invocation, JSON_COMPACT) : NULL;
	char *more = properties ? json_dumps(properties, JSON_COMPACT) : NULL;
	json_t *known = rules_array();
	char *names = known ? json_dumps(known, JSON_COMPACT) : NULL;

	json_decref(known);
	json_decref(invocation);
	json_decref(properties);
	if (!run || !more || !names || style->doc->held.error)
		out->error = -ENOMEM;
	else
		buf_printf(out, "{\"$schema\":\"" SARIF_SCHEMA "\",\"version\":\"2.1.0\",\"runs\":[{"
				"\"tool\":{\"driver\":{\"name\":\"iorace\",\"version\":\"%s\",\n"
				"\"rules\":%s}},\n"
				"\"columnKind\":\"utf16CodeUnits\",\"invocations\":[%s],\n"
				"\"properties\":%s,\n\"results\":[%s]}]}\n",
			   IORACE_VERSION, names, run, more, buf_text(&style->doc->held));
	free(names);
	free(run);
	free(more);
	return out->error;
}

static int sarif_summary(const struct summary_view *summary, const struct report_style *style,
			 struct buf *out)
{
	struct buf reason = {};

	escape_puts(&reason, summary->reason ? summary->reason : "");
	return put_document(json_pack("{s:b, s:o}",
				      "executionSuccessful",
				      summary->verdict != VERDICT_INCONCLUSIVE,
				      "toolExecutionNotifications", losses_array(summary->losses)),
			    json_pack("{s:s, s:o, s:o, s:o, s:o}",
				      "verdict", verdict_name(summary->verdict),
				      "reason", string_done(&reason),
				      "conflicts", count(summary->conflicts),
				      "findings", count(summary->findings),
				      "duration_ns", count(summary->duration_ns)),
			    style, out);
}

static int sarif_stress(const struct stress_view *stress, const struct report_style *style,
			struct buf *out)
{
	struct buf reason = {};

	escape_puts(&reason, stress->reason ? stress->reason : "");
	return put_document(json_pack("{s:b}",
				      "executionSuccessful",
				      stress->result != STRESS_RESULT_INCONCLUSIVE),
			    json_pack("{s:s, s:o, s:o}",
				      "result", stress_result_name(stress->result),
				      "reason", string_done(&reason),
				      "duration_ns", count(stress->duration_ns)),
			    style, out);
}

/* clang-format on */

const struct reporter_ops sarif_reporter = {
	.name = "sarif",
	.ending = ".sarif",
	.is_document = true,
	.finding = sarif_finding,
	.summary = sarif_summary,
	.torn = sarif_torn,
	.stress = sarif_stress,
};
