// SPDX-License-Identifier: GPL-2.0
#include "report/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/units.h"
#include "model/names.h"

#define LABEL_COLUMNS 30
#define VALUE_COLUMNS 18

/* ---- text: two columns, so that a reader of a mail sees what changed ---- */

/* Takes both. */
static void put_row(const char *label, struct buf *before, struct buf *after, struct buf *out)
{
	size_t width = escape_width(buf_text(before));

	buf_printf(out, "  %-*s%s", LABEL_COLUMNS, label, buf_text(before));
	buf_fill(out, ' ', width < VALUE_COLUMNS ? VALUE_COLUMNS - width : 1);
	buf_printf(out, "%s\n", buf_text(after));
	if (before->error || after->error)
		out->error = -ENOMEM;
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

static void put_counts(const char *label, int64_t before, int64_t after, struct buf *out)
{
	struct buf a = {}, b = {};

	put_count(before, &a);
	put_count(after, &b);
	put_row(label, &a, &b, out);
}

static void put_times(const char *label, int64_t before, int64_t after, struct buf *out)
{
	struct buf a = {}, b = {};

	put_time(before, &a);
	put_time(after, &b);
	put_row(label, &a, &b, out);
}

static void put_texts(const char *label, const char *before, const char *after, struct buf *out)
{
	struct buf a = {}, b = {};

	escape_puts(&a, before);
	escape_puts(&b, after);
	put_row(label, &a, &b, out);
}

/* Only what kept a pair apart in one of the two. */
static void put_keepers(const struct run_facts *before, const struct run_facts *after,
			struct buf *out)
{
	for (int keeper = IOR_KEEPER_LUCK + 1; keeper < IOR_KEEPER_COUNT_; keeper++) {
		struct buf label = {};

		if (before->serialized_by[keeper] <= 0 && after->serialized_by[keeper] <= 0)
			continue;
		buf_printf(&label, "  by %s", keeper_text(keeper));
		put_counts(buf_text(&label), before->serialized_by[keeper],
			   after->serialized_by[keeper], out);
		buf_done(&label);
	}
}

int compare_text(const char *const names[2], const struct run_facts *const runs[2],
		 struct buf *out)
{
	const struct run_facts *a = runs[0], *b = runs[1];
	struct reason why = {};

	comparison_outcome(a, b, &why);
	buf_printf(out, "COMPARISON %s\n", why.text);
	put_texts("", names[0], names[1], out);
	put_texts("verdict", a->verdict, b->verdict, out);
	put_counts("overlapping pairs met", a->overlapping, b->overlapping, out);
	put_counts("conflicts", a->conflicts, b->conflicts, out);
	put_counts("findings", a->findings, b->findings, out);
	put_counts("serialized pairs", a->serialized, b->serialized, out);
	put_keepers(a, b, out);
	put_counts("unproven pairs (luck)", a->unproven, b->unproven, out);
	if (a->torn >= 0 || b->torn >= 0)
		put_counts("torn results by content", a->torn, b->torn, out);
	put_times("needless waits", a->needless_wait_ns, b->needless_wait_ns, out);
	put_times("needed waits", a->needed_wait_ns, b->needed_wait_ns, out);
	put_counts("ops", a->ops, b->ops, out);
	put_counts("ops per second", run_facts_rate(a), run_facts_rate(b), out);
	put_times("duration", a->duration_ns, b->duration_ns, out);
	put_counts("losses", a->losses, b->losses, out);
	return out->error;
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

/* clang-format off */
static json_t *run_object(const char *name, const struct run_facts *run)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o}",
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
			 "ops", count((int64_t)run->ops),
			 "ops_per_second", count((int64_t)run_facts_rate(run)),
			 "duration_ns", count((int64_t)run->duration_ns),
			 "losses", count((int64_t)run->losses));
}

int compare_json(const char *const names[2], const struct run_facts *const runs[2],
		 struct buf *out)
{
	struct reason why = {};
	enum comparison_outcome outcome = comparison_outcome(runs[0], runs[1], &why);
	json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}",
				 "schema", "iorace/1",
				 "type", "comparison",
				 "outcome", comparison_outcome_name(outcome),
				 "reason", why.text,
				 "before", run_object(names[0], runs[0]),
				 "after", run_object(names[1], runs[1]));
	char *dump = line ? json_dumps(line, JSON_COMPACT) : NULL;

	json_decref(line);
	if (!dump)
		return out->error = -ENOMEM;
	buf_printf(out, "%s\n", dump);
	free(dump);
	return out->error;
}
/* clang-format on */
