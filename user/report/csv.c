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
	"_cgroup," s "_i_rwsem," s "_begin_ns," s "_begin_exact," s "_end_ns"

static const char columns[] =
	"type,id,time,path,path_state,dev,ino,subvol,fs,kind,shape,tear,start,end,bytes" SIDE_COLUMNS(
		"a") SIDE_COLUMNS("b") ",note\n";
#define SIDES_EMPTY ",,,,,,,,,,,,,,,,,,,,,,,,,,," /* and the comma before the note */

/* The type of the row; before the first one the names of the columns. */
static void put_type(const char *type, struct report_doc *doc, struct buf *out)
{
	if (!doc->told++)
		buf_puts(out, columns);
	buf_printf(out, "%s,", type);
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

/* Takes the text. */
static void put_note(struct buf *note, struct buf *out)
{
	put_text(buf_text(note), note->len, out);
	if (note->error < 0)
		out->error = note->error;
	buf_done(note);
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
	buf_printf(out, ",%s,%" PRIu64 ",%s,", lock_name(op->lock.i_rwsem), (uint64_t)op->begin_ns,
		   op->flags & IOR_OPF_EARLY ? "false" : "true");
	if (view->end_ns)
		buf_printf(out, "%" PRIu64, view->end_ns);
}

static int csv_conflict(const struct conflict_view *conflict, const struct report_style *style,
			struct buf *out)
{
	struct conflict_traits traits = conflict_traits(&conflict->ops[0].op, &conflict->ops[1].op);

	put_type("conflict", style->doc, out);
	put_file(conflict->id, conflict->time_real_ns, &conflict->file, out);
	buf_printf(out, ",%s,%s,%s", traits.kind, shape_name(traits.shape), tear_name(traits.tear));
	put_range(traits.overlap, out);
	buf_putc(out, ',');
	if (traits.overlap.end != IOR_RANGE_MAX)
		buf_printf(out, "%" PRIu64, (uint64_t)ior_range_len(traits.overlap));
	put_side(&conflict->ops[0], out);
	put_side(&conflict->ops[1], out);
	return buf_puts(out, ",\n");
}

static void put_losses(const uint64_t losses[IOR_LOSS_COUNT_], struct buf *out)
{
	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
		if (losses[loss])
			buf_printf(out, "; %s %" PRIu64, loss_text(loss)->name, losses[loss]);
	}
}

/* Nobody may take a table of conflicts for all there was: the last row says what was not seen. */
static int csv_summary(const struct summary_view *summary, const struct report_style *style,
		       struct buf *out)
{
	struct buf note = {};

	put_type("summary", style->doc, out);
	buf_printf(out, ",,,,,,,,%s,,,,," SIDES_EMPTY, verdict_name(summary->verdict));
	buf_puts(&note, summary->reason ? summary->reason : "");
	put_losses(summary->losses, &note);
	if (summary->records_suppressed)
		buf_printf(&note, "; %" PRIu64 " conflicts are counted but not shown",
			   summary->records_suppressed);
	put_note(&note, out);
	return buf_putc(out, '\n');
}

/* The shape of a torn result is how it is torn. */
static int csv_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out)
{
	put_type("torn", style->doc, out);
	put_file(torn->id, torn->time_real_ns, &torn->file, out);
	return buf_printf(out, ",%s,%s,,,," SIDES_EMPTY "%zu ops\n", stress_kind_name(torn->kind),
			  stress_how_name(torn->how), torn->ops_len);
}

static int csv_stress(const struct stress_view *stress, const struct report_style *style,
		      struct buf *out)
{
	struct buf note = {};

	put_type("stress", style->doc, out);
	buf_printf(out, ",,,,,,,,%s,,,,," SIDES_EMPTY, stress_result_name(stress->result));
	buf_puts(&note, stress->reason ? stress->reason : "");
	put_note(&note, out);
	return buf_putc(out, '\n');
}

const struct reporter_ops csv_reporter = {
	.name = "csv",
	.ending = ".csv",
	.is_document = true,
	.conflict = csv_conflict,
	.summary = csv_summary,
	.torn = csv_torn,
	.stress = csv_stress,
};
