// SPDX-License-Identifier: GPL-2.0
#include "report/csv.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "model/conflict.h"
#include "model/names.h"

#define SIDE_COLUMNS(s)                                                                            \
	"," s "_op," s "_mode," s "_start," s "_end," s "_async," s "_pid," s "_tid," s "_comm," s \
	"_cgroup," s "_i_rwsem," s "_begin_ns," s "_end_ns"

static const char conflict_columns[] =
	"id,time,path,path_state,dev,ino,subvol,fs,kind,shape,tear,start,end,bytes" SIDE_COLUMNS(
		"a") SIDE_COLUMNS("b") "\n";
static const char torn_columns[] = "id,time,path,path_state,dev,ino,subvol,fs,kind,how,ops\n";

/* The first line, once. */
static void put_columns(const char *columns, struct report_doc *doc, struct buf *out)
{
	if (!doc->told++)
		buf_puts(out, columns);
}

/*
 * Quoted always. A spreadsheet takes what begins with one of these for a formula, quoted or not,
 * and file names come from strangers: an apostrophe makes it text.
 */
static void put_text(const char *bytes, size_t len, struct buf *out)
{
	struct buf text = {};

	escape_append(&text, bytes, len);
	buf_putc(out, '"');
	if (len && strchr("=+-@", bytes[0]))
		buf_putc(out, '\'');
	for (const char *c = buf_text(&text); *c; c++) {
		if (*c == '"')
			buf_putc(out, '"');
		buf_putc(out, *c);
	}
	buf_putc(out, '"');
	if (text.error < 0)
		out->error = text.error;
	buf_done(&text);
}

static void put_stranger(const char *text, struct buf *out)
{
	if (text)
		put_text(text, strlen(text), out);
}

/* What the columns have up to `fs`. */
static void put_file(uint64_t id, uint64_t time_real_ns, const struct file_view *file,
		     struct buf *out)
{
	buf_printf(out, "%" PRIu64 ",", id);
	units_append_time(out, time_real_ns);
	buf_putc(out, ',');
	put_stranger(file->path, out);
	buf_printf(out, ",%s,%u:%u,%" PRIu64 ",", path_state_name(file->path_state),
		   file->id.dev >> 20, file->id.dev & 0xfffff, (uint64_t)file->id.ino);
	if (file->id.subvol)
		buf_printf(out, "%" PRIu64, (uint64_t)file->id.subvol);
	buf_putc(out, ',');
	put_stranger(file->fs, out);
}

/* A range without an end has an empty one. */
static void put_range(struct ior_range range, struct buf *out)
{
	buf_printf(out, ",%" PRIu64 ",", (uint64_t)range.start);
	if (range.end != IOR_RANGE_MAX)
		buf_printf(out, "%" PRIu64, (uint64_t)range.end);
}

static void put_side(const struct op_view *view, struct buf *out)
{
	const struct ior_op *op = &view->op;

	buf_printf(out, ",%s,%s", kind_name(op->kind), mode_name(op->mode));
	put_range(op->range, out);
	buf_printf(out, ",%s,%u,%u,", op->flags & IOR_OPF_ASYNC ? "true" : "false", op->pid,
		   op->tid);
	put_text(op->comm, strnlen(op->comm, IOR_COMM_LEN), out);
	buf_putc(out, ',');
	put_stranger(view->cgroup, out);
	buf_printf(out, ",%s,%" PRIu64 ",", lock_name(op->lock.i_rwsem), (uint64_t)op->begin_ns);
	if (view->end_ns)
		buf_printf(out, "%" PRIu64, view->end_ns);
}

/* Only a traced run has coverage, and its table is of conflicts. */
static int csv_coverage(const struct coverage_view *row, const struct report_style *style,
			struct buf *out)
{
	(void)row;
	put_columns(conflict_columns, style->doc, out);
	style->doc->shown = 1;
	return out->error;
}

static int csv_conflict(const struct conflict_view *conflict, const struct report_style *style,
			struct buf *out)
{
	struct conflict_traits traits = conflict_traits(&conflict->ops[0].op, &conflict->ops[1].op);

	put_columns(conflict_columns, style->doc, out);
	put_file(conflict->id, conflict->time_real_ns, &conflict->file, out);
	buf_printf(out, ",%s,%s,%s", traits.kind, shape_name(traits.shape), tear_name(traits.tear));
	put_range(traits.overlap, out);
	buf_putc(out, ',');
	if (traits.overlap.end != IOR_RANGE_MAX)
		buf_printf(out, "%" PRIu64, (uint64_t)ior_range_len(traits.overlap));
	put_side(&conflict->ops[0], out);
	put_side(&conflict->ops[1], out);
	return buf_putc(out, '\n');
}

/* A run without a conflict is a table without a row. */
static int csv_summary(const struct summary_view *summary, const struct report_style *style,
		       struct buf *out)
{
	(void)summary;
	put_columns(conflict_columns, style->doc, out);
	return out->error;
}

/* Torn results under `check` would be rows of another table: they are left to the other formats. */
static int csv_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out)
{
	if (style->doc->shown)
		return out->error;
	put_columns(torn_columns, style->doc, out);
	put_file(torn->id, torn->time_real_ns, &torn->file, out);
	buf_printf(out, ",%s,%s,", stress_kind_name(torn->kind), stress_how_name(torn->how));
	return buf_printf(out, "%zu\n", torn->ops_len);
}

static int csv_stress(const struct stress_view *stress, const struct report_style *style,
		      struct buf *out)
{
	(void)stress;
	put_columns(torn_columns, style->doc, out);
	return out->error;
}

const struct reporter_ops csv_reporter = {
	.name = "csv",
	.ending = ".csv",
	.is_document = true,
	.coverage = csv_coverage,
	.conflict = csv_conflict,
	.summary = csv_summary,
	.torn = csv_torn,
	.stress = csv_stress,
};
