// SPDX-License-Identifier: GPL-2.0
#include "report/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/conflict.h"
#include "model/names.h"
#include "report/compare.h"
#include "report/draw.h"
#include "report/text_parts.h"

#define RANGES_SHOWN 4

static void put_comm(const char comm[IOR_COMM_LEN], struct buf *out)
{
	escape_append(out, comm, strnlen(comm, IOR_COMM_LEN));
}

/*
 * Two lines whose cells stand below each other. A cell is text that is escaped already; what is
 * behind the last one that is not empty is not padded.
 */
#define CELLS_MAX 5

struct row {
	struct buf cells[CELLS_MAX];
};

static size_t cell_width(const struct row rows[2], size_t cell)
{
	size_t a = escape_width(buf_text(&rows[0].cells[cell]));
	size_t b = escape_width(buf_text(&rows[1].cells[cell]));

	return a > b ? a : b;
}

static void put_row(char label, const struct row rows[2], size_t i, struct buf *out)
{
	size_t pad = 0;

	buf_printf(out, "  %c", label);
	for (size_t cell = 0; cell < CELLS_MAX; cell++) {
		const char *text = buf_text(&rows[i].cells[cell]);
		size_t width = cell_width(rows, cell);

		if (width == 0)
			continue;
		pad += 2;
		if (*text) {
			buf_fill(out, ' ', pad);
			buf_puts(out, text);
			pad = 0;
		}
		pad += width - escape_width(text);
	}
	buf_putc(out, '\n');
}

/* Frees the cells. */
static void put_rows(const char labels[2], struct row rows[2], struct buf *out)
{
	put_row(labels[0], rows, 0, out);
	put_row(labels[1], rows, 1, out);
	for (size_t cell = 0; cell < CELLS_MAX; cell++) {
		if (rows[0].cells[cell].error < 0 || rows[1].cells[cell].error < 0)
			out->error = -ENOMEM;
		buf_done(&rows[0].cells[cell]);
		buf_done(&rows[1].cells[cell]);
	}
}

void text_file_id(const struct file_view *file, struct buf *out)
{
	if (file->fs) {
		escape_puts(out, file->fs);
		buf_putc(out, ' ');
	}
	buf_printf(out, "%u:%u inode %" PRIu64, file->id.dev >> 20, file->id.dev & 0xfffff,
		   (uint64_t)file->id.ino);
	if (file->id.subvol)
		buf_printf(out, " subvolume %" PRIu64, (uint64_t)file->id.subvol);
}

void text_path(const struct file_view *file, struct buf *out)
{
	static const char *const remarks[] = {
		[PATH_OK] = "",
		[PATH_DELETED] = " (deleted)",
		[PATH_TRUNCATED] = "",
		[PATH_FOREIGN] = " (in its mount namespace)",
		[PATH_DETACHED] = " (in a detached mount)",
		[PATH_UNKNOWN] = "",
	};
	_Static_assert(ARRAY_SIZE(remarks) == PATH_STATE_COUNT_, "every path state has a remark");

	if (!file->path) {
		text_file_id(file, out);
		return;
	}
	if (file->path_state == PATH_TRUNCATED)
		buf_puts(out, file->path[0] == '/' ? "[...]" : "[...]/");
	escape_puts(out, file->path);
	if (file->path_state < PATH_STATE_COUNT_)
		buf_puts(out, remarks[file->path_state]);
}

void text_headline(const char *kind, const struct ior_finding_side sides[2],
		   const struct file_view *file, struct buf *out)
{
	buf_printf(out, "%s  ", kind);
	put_comm(sides[0].comm, out);
	buf_puts(out, " ↔ ");
	put_comm(sides[1].comm, out);
	buf_puts(out, "   ");
	text_path(file, out);
}

static void put_overlap(struct ior_range overlap, struct buf *out)
{
	if (overlap.end == IOR_RANGE_MAX) {
		buf_puts(out, "everything from ");
		units_append_grouped(out, overlap.start);
		return;
	}
	units_append_size(out, ior_range_len(overlap));
	buf_puts(out, " at ");
	units_append_grouped(out, overlap.start);
}

static void put_tear(uint8_t tear, const struct report_style *style, struct buf *out)
{
	buf_puts(out, "   tear: ");
	if (tear == IOR_TEAR_UNLIKELY)
		buf_puts(out, tear_name(tear));
	else
		text_painted(style, tear == IOR_TEAR_LIKELY ? PAINT_BAD : PAINT_DOUBTFUL,
			     tear_name(tear), out);
}

void text_what(uint8_t kind, uint8_t mode, struct buf *out)
{
	buf_puts(out, kind_name(kind));
	if (mode != IOR_MODE_SIZE)
		buf_printf(out, " %s", mode_name(mode));
}

static void put_task(const struct ior_op *op, struct buf *out)
{
	buf_printf(out, "pid %u ", op->pid);
	if (op->tid != op->pid)
		buf_printf(out, "tid %u ", op->tid);
	put_comm(op->comm, out);
	if (op->flags & IOR_OPF_KTHREAD)
		buf_puts(out, " (kernel)");
}

static void put_state(uint8_t lock, uint8_t self, struct buf *out)
{
	buf_puts(out, lock_name(lock));
	if (lock == IOR_LOCK_EXCLUSIVE && self != IOR_SELF_UNKNOWN)
		buf_puts(out, self == IOR_SELF_YES ? " by itself" : " by another");
}

void text_lock(uint8_t i_rwsem, uint8_t self, struct buf *out)
{
	buf_puts(out, "i_rwsem ");
	put_state(i_rwsem, self, out);
}

/* Of the other locks those that somebody holds. */
static void put_other_lock(const char *name, uint8_t packed, struct buf *out)
{
	struct ior_lock_state lock = ior_lock_unpack(packed);

	if (lock.i_rwsem != IOR_LOCK_SHARED && lock.i_rwsem != IOR_LOCK_EXCLUSIVE)
		return;
	buf_printf(out, ", %s ", name);
	put_state(lock.i_rwsem, lock.self, out);
}

static void put_range_lock(const char *name, const struct ior_range_lock_held *held,
			   struct buf *out)
{
	buf_puts(out, ", range lock ");
	escape_puts(out, name);
	if (held->flags & IOR_RLF_KNOWS_RANGE) {
		buf_putc(out, ' ');
		draw_interval(held->range, out);
	}
	if (held->flags & IOR_RLF_SHARED)
		buf_puts(out, " shared");
	if (held->waited_ns) {
		buf_puts(out, " after a wait of ");
		units_append_duration(out, held->waited_ns);
	}
	if (held->flags & IOR_RLF_EARLY)
		buf_puts(out, ", released early");
}

void text_locks(uint64_t magic, const struct op_view *view, struct buf *out)
{
	const struct ior_op *op = &view->op;

	text_lock(op->lock.i_rwsem, op->lock.self, out);
	put_other_lock(magic == IOR_MAGIC_XFS ? "ILOCK" : "i_data_sem", op->map_lock, out);
	put_other_lock("invalidate_lock", op->invalidate_lock, out);
	if (view->range_lock)
		put_range_lock(view->range_lock, &view->range_lock_held, out);
}

static uint64_t since(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* Where the op began a little later than it says. */
static const char *bound(const struct op_view *view)
{
	return view->op.flags & IOR_OPF_EARLY ? "at most " : "";
}

static void put_when(const struct conflict_view *conflict, size_t i, struct buf *out)
{
	const struct op_view *op = &conflict->ops[i];

	buf_puts(out, op->op.flags & IOR_OPF_ASYNC ? "async, " : "sync,  ");
	if (i == 1) {
		buf_printf(out, "opened %s", bound(&conflict->ops[0]));
		units_append_duration(out, since(conflict->ops[0].op.begin_ns, op->op.begin_ns));
		buf_puts(out, " after A");
	}
	if (op->end_ns) {
		buf_printf(out, "%stook %s", i == 1 ? ", " : "", bound(op));
		units_append_duration(out, since(op->op.begin_ns, op->end_ns));
	} else if (i == 0) {
		buf_printf(out, "in flight %s", bound(op));
		units_append_duration(out, since(op->op.begin_ns, conflict->time_mono_ns));
	}
}

/* Everything but when. */
static struct row op_cells(const struct op_view *view, uint64_t magic)
{
	const struct ior_op *op = &view->op;
	struct row row = {};

	text_what(op->kind, op->mode, &row.cells[0]);
	draw_interval(op->range, &row.cells[1]);
	put_task(op, &row.cells[2]);
	text_locks(magic, view, &row.cells[3]);
	return row;
}

static struct row op_row(const struct conflict_view *conflict, size_t i)
{
	struct row row = op_cells(&conflict->ops[i], conflict->file.id.magic);

	put_when(conflict, i, &row.cells[4]);
	return row;
}

static void put_cgroups(const struct conflict_view *conflict, struct buf *out)
{
	const char *a = conflict->ops[0].cgroup, *b = conflict->ops[1].cgroup;

	if (!a && !b)
		return;
	buf_puts(out, "   cgroup ");
	escape_puts(out, a ? a : "unknown");
	if (a && b && strcmp(a, b) == 0)
		return;
	buf_puts(out, " ↔ ");
	escape_puts(out, b ? b : "unknown");
}

static void put_stack(const struct op_view *op, char label, struct buf *out)
{
	if (!op->stack)
		return;
	buf_printf(out, "     stack of %c\n", label);
	for (size_t i = 0; i < op->stack_len; i++) {
		const struct frame_view *frame = &op->stack[i];

		buf_puts(out, "       ");
		if (frame->symbol) {
			escape_puts(out, frame->symbol);
			buf_printf(out, "+0x%" PRIx64 "\n", frame->offset);
		} else {
			buf_printf(out, "0x%" PRIx64 "\n", frame->address);
		}
	}
}

static int text_conflict(const struct conflict_view *conflict, const struct report_style *style,
			 struct buf *out)
{
	const struct ior_op *a = &conflict->ops[0].op, *b = &conflict->ops[1].op;
	struct conflict_traits traits = conflict_traits(a, b);
	struct ior_finding_key key = finding_key_of(&conflict->file.id, a, b);
	struct row rows[2] = {op_row(conflict, 0), op_row(conflict, 1)};

	text_painted(style, PAINT_BAD, "CONFLICT", out);
	buf_putc(out, ' ');
	text_headline(traits.kind, key.sides, &conflict->file, out);
	buf_puts(out, "   ");
	put_overlap(traits.overlap, out);
	put_tear(traits.tear, style, out);
	buf_putc(out, '\n');
	put_rows("AB", rows, out);
	if (conflict_is_mapped(conflict))
		buf_puts(out, "     the file is mapped shared and writable: stores are not seen\n");
	draw_overlap(a->range, b->range, style, out);
	buf_puts(out, "     ");
	units_append_time(out, conflict->time_real_ns);
	buf_puts(out, "   ");
	text_file_id(&conflict->file, out);
	put_cgroups(conflict, out);
	buf_putc(out, '\n');
	put_stack(&conflict->ops[0], 'A', out);
	put_stack(&conflict->ops[1], 'B', out);
	return buf_putc(out, '\n');
}

static struct row nobody_row(void)
{
	struct row row = {};

	buf_puts(&row.cells[0], "unknown");
	return row;
}

static int text_admission(const struct admission_view *admission, const struct report_style *style,
			  struct buf *out)
{
	uint64_t magic = admission->file.id.magic;
	struct row rows[2] = {
		op_cells(&admission->direct, magic),
		admission->knows_other ? op_cells(&admission->other, magic) : nobody_row(),
	};

	text_painted(style, admission->what == IOR_ADMITS_STALE ? PAINT_BAD : PAINT_DOUBTFUL,
		     "ADMITTED", out);
	buf_printf(out, " %s   ", admission_text(admission->what)->meaning);
	text_path(&admission->file, out);
	buf_putc(out, '\n');
	put_rows("DP", rows, out);
	if (admission->mapped)
		buf_puts(out, "     the file is mapped shared and writable: stores are not seen\n");
	buf_puts(out, "     ");
	units_append_time(out, admission->time_real_ns);
	buf_puts(out, "   ");
	text_file_id(&admission->file, out);
	return buf_puts(out, "\n\n");
}

static struct row side_row(const struct ior_finding_side *side)
{
	struct row row = {};

	put_comm(side->comm, &row.cells[0]);
	text_what(side->kind, side->mode, &row.cells[1]);
	text_lock(side->lock, IOR_SELF_UNKNOWN, &row.cells[2]);
	return row;
}

static void put_ranges(const struct finding_view *finding, struct buf *out)
{
	size_t shown = finding->ranges_len < RANGES_SHOWN ? finding->ranges_len : RANGES_SHOWN;

	if (shown == 0)
		return;
	buf_puts(out, "     at");
	for (size_t i = 0; i < shown; i++) {
		buf_putc(out, ' ');
		draw_interval(finding->ranges[i], out);
	}
	if (finding->ranges_len > shown) {
		buf_puts(out, " and ");
		text_count(finding->ranges_len - shown, "more range", "more ranges", out);
	}
	buf_putc(out, '\n');
}

static int text_finding(const struct finding_view *finding, const struct report_style *style,
			struct buf *out)
{
	struct row rows[2] = {side_row(&finding->sides[0]), side_row(&finding->sides[1])};

	text_painted(style, PAINT_BAD, "FINDING", out);
	buf_putc(out, ' ');
	text_headline(pair_name(finding->sides[0].kind, finding->sides[1].kind), finding->sides,
		      &finding->file, out);
	buf_puts(out, "   ");
	text_count(finding->count, "conflict", "conflicts", out);
	buf_puts(out, ", ");
	units_append_size(out, finding->bytes);
	buf_putc(out, '\n');
	put_rows("  ", rows, out);
	put_ranges(finding, out);
	buf_puts(out, "     first ");
	units_append_time(out, finding->first_real_ns);
	buf_puts(out, ", last ");
	units_append_time(out, finding->last_real_ns);
	buf_puts(out, "\n     ");
	text_file_id(&finding->file, out);
	return buf_printf(out, "   id %016" PRIx64 "\n\n", finding->fingerprint);
}

static void put_padded(const char *text, size_t width, struct buf *out)
{
	size_t at = out->len, used;

	escape_puts(out, text);
	used = escape_width(buf_text(out) + at);
	buf_fill(out, ' ', used < width ? width - used : 0);
}

static int text_coverage(const struct coverage_view *row, const struct report_style *style,
			 struct buf *out)
{
	static const enum paint by_level[] = {
		[COVERAGE_NONE] = PAINT_BAD,
		[COVERAGE_PARTIAL] = PAINT_DOUBTFUL,
		[COVERAGE_FULL] = PAINT_GOOD,
	};
	_Static_assert(ARRAY_SIZE(by_level) == COVERAGE_LEVEL_COUNT_, "every level has a paint");
	const char *level = coverage_level_name(row->level);

	buf_puts(out, "coverage  ");
	put_padded(row->fs ? row->fs : "any", 8, out);
	put_padded(mode_name(row->mode), 9, out);
	put_padded(kind_name(row->kind), 6, out);
	put_padded(row->async ? "async" : "sync", 7, out);
	if (row->level < COVERAGE_LEVEL_COUNT_)
		text_painted(style, by_level[row->level], level, out);
	else
		buf_puts(out, level);
	buf_fill(out, ' ', strlen("partial") - strlen(level) + 2);
	put_padded(row->flavour ? row->flavour : "-", 0, out);
	if (row->reason) {
		buf_puts(out, "  ");
		escape_puts(out, row->reason);
	}
	return buf_putc(out, '\n');
}

static int text_comparison(const struct comparison_view *view, const struct report_style *style,
			   struct buf *out)
{
	(void)style;
	compare_text(view, out);
	return buf_putc(out, '\n');
}

const struct reporter_ops text_reporter = {
	.name = "text",
	.ending = ".txt",
	.coverage = text_coverage,
	.conflict = text_conflict,
	.admission = text_admission,
	.finding = text_finding,
	.file = text_file,
	.comparison = text_comparison,
	.summary = text_summary,
	.torn = text_torn,
	.stress = text_stress,
};
