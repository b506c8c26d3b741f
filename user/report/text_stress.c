// SPDX-License-Identifier: GPL-2.0
/* What `iorace stress` found, for people. */
#include "report/text_parts.h"

#include <inttypes.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/names.h"
#include "model/reporter.h"
#include "report/draw.h"

#define OPS_SHOWN 8
#define RUNS_SHOWN 12

static const char *const headlines[] = {
	[STRESS_WHOLE] = "WHOLE",
	[STRESS_TORN_READ] = "TORN READ",
	[STRESS_MIXED_WRITE] = "MIXED WRITES",
	[STRESS_LOST_WRITE] = "LOST WRITE",
	[STRESS_GARBLED] = "GARBLED",
};
_Static_assert(ARRAY_SIZE(headlines) == STRESS_KIND_COUNT_, "every kind has a headline");

static const char *const hows[] = {
	[STRESS_HOW_MIX] = "shows some of one op and not all of it",
	[STRESS_HOW_MISSING] = "shows nothing of an op that had to be seen",
	[STRESS_HOW_ORDER] = "shows whole ops that no order explains",
	[STRESS_HOW_UNIT] = "shows a mix inside 512 bytes",
	[STRESS_HOW_PLACE] = "two appends went to the same place",
};
_Static_assert(ARRAY_SIZE(hows) == STRESS_HOW_COUNT_, "every how has a sentence");

static char letter(size_t op)
{
	return (char)('A' + op % 26);
}

/* Of the reader's begin: before it "-12 µs", after it "+3 µs". */
static void put_since(uint64_t moment, uint64_t origin, struct buf *out)
{
	if (moment < origin) {
		buf_putc(out, '-');
		units_append_duration(out, origin - moment);
	} else {
		buf_putc(out, '+');
		units_append_duration(out, moment - origin);
	}
}

static void put_op(const struct torn_view *torn, size_t i, struct buf *out)
{
	const struct stress_op *op = &torn->ops[i];

	buf_printf(out, "  %c  %s", letter(i), kind_name(op->kind));
	if (op->kind != IOR_OP_SIZE)
		buf_printf(out, " %s", mode_name(op->mode));
	buf_puts(out, "  ");
	draw_interval(op->range, out);
	if (op->worker == 0)
		buf_puts(out, "  filled the file at the start\n");
	else
		buf_printf(out, "  worker %" PRIu32 " op %" PRIu64 "  pid %" PRIu32 " tid %" PRIu32,
			   op->worker, op->seq, op->pid, op->tid);
	if (op->worker == 0)
		return;
	buf_printf(out, "  %s, ", op->async ? "async" : "sync");
	put_since(op->begin_ns, torn->ops[0].begin_ns, out);
	buf_puts(out, " to ");
	if (op->end_ns == STRESS_IN_FLIGHT)
		buf_puts(out, "in flight");
	else
		put_since(op->end_ns, torn->ops[0].begin_ns, out);
	buf_putc(out, '\n');
}

static void put_runs(const struct torn_view *torn, struct buf *out)
{
	if (torn->runs_len == 0)
		return;
	buf_printf(out, "     %c saw", letter(0));
	for (size_t i = 0; i < torn->runs_len && i < RUNS_SHOWN; i++) {
		const struct stress_view_run *run = &torn->runs[i];

		buf_puts(out, i ? ", " : " ");
		if (run->op == STRESS_RUN_NOTHING)
			buf_puts(out, "nothing");
		else if (run->op == STRESS_RUN_BROKEN)
			buf_puts(out, "broken units");
		else
			buf_putc(out, letter((size_t)run->op));
		buf_putc(out, ' ');
		draw_interval(run->range, out);
	}
	buf_puts(out, torn->runs_len > RUNS_SHOWN || torn->runs_cut ? " ...\n" : "\n");
}

static void put_suspects(const struct torn_view *torn, struct buf *out)
{
	if (torn->pairs_len == 0)
		return;
	buf_puts(out, torn->pairs_len == 1 ? "     nothing kept apart"
					   : "     nothing kept apart one of");
	for (size_t i = 0; i < torn->pairs_len; i++)
		buf_printf(out, "%s %c and %c", i ? "," : "", letter((size_t)torn->pairs[i].a),
			   letter((size_t)torn->pairs[i].b));
	buf_puts(out, torn->pairs_cut ? " ...\n" : "\n");
}

static void put_inode(const struct ior_file *file, struct buf *out)
{
	buf_printf(out, "inode %" PRIu64 " of %u:%u", (uint64_t)file->ino, file->dev >> 20,
		   file->dev & 0xfffff);
}

int text_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out)
{
	text_painted(style, PAINT_BAD, headlines[torn->kind], out);
	buf_puts(out, "  ");
	if (torn->file.path)
		escape_puts(out, torn->file.path);
	else
		put_inode(&torn->file.id, out);
	buf_printf(out, "  %s\n", hows[torn->how]);
	for (size_t i = 0; i < torn->ops_len && i < OPS_SHOWN; i++)
		put_op(torn, i, out);
	put_runs(torn, out);
	put_suspects(torn, out);
	return buf_putc(out, '\n');
}

/* ---- the end of a run ----------------------------------------------------------------------- */

static void put_label(const char *label, struct buf *out)
{
	buf_printf(out, "  %-12s", label);
}

static void put_load(const struct stress_view *stress, struct buf *out)
{
	put_label("load", out);
	buf_printf(out, "%s, %s, %s ops of ", stress->mode, stress->engine, stress->shape);
	units_append_size(out, stress->block);
	buf_puts(out, " in ");
	units_append_size(out, stress->size);
	buf_puts(out, ", ");
	text_count(stress->writers, "writer", "writers", out);
	buf_puts(out, ", ");
	text_count(stress->readers, "reader", "readers", out);
	buf_printf(out, " (%s), --seed %" PRIu64 "\n", stress->processes ? "processes" : "threads",
		   stress->seed);
	put_label("file", out);
	escape_puts(out, stress->file.path);
	buf_printf(out, " on %s, ", stress->file.fs);
	put_inode(&stress->file.id, out);
	buf_putc(out, '\n');
}

static void put_ops(const struct stress_view *stress, struct buf *out)
{
	put_label("ops", out);
	text_count(stress->ops[IOR_OP_READ], "read", "reads", out);
	buf_puts(out, ", ");
	text_count(stress->ops[IOR_OP_WRITE], "write", "writes", out);
	if (stress->ops[IOR_OP_SIZE]) {
		buf_puts(out, ", ");
		text_count(stress->ops[IOR_OP_SIZE], "size change", "size changes", out);
	}
	buf_puts(out, " in ");
	units_append_duration(out, stress->duration_ns);
	buf_puts(out, "; ");
	units_append_grouped(out, stress->contended);
	buf_puts(out, " met a write on common bytes\n");
}

static void put_found(const struct stress_view *stress, struct buf *out)
{
	put_label("found", out);
	text_count(stress->found[STRESS_TORN_READ], "torn read", "torn reads", out);
	buf_puts(out, " (");
	units_append_grouped(out, stress->torn_inside);
	buf_puts(out, " within one op), ");
	text_count(stress->found[STRESS_MIXED_WRITE], "mix of writes", "mixes of writes", out);
	buf_puts(out, ", ");
	text_count(stress->found[STRESS_LOST_WRITE], "lost write", "lost writes", out);
	buf_puts(out, ", ");
	text_count(stress->found[STRESS_GARBLED], "garbled place", "garbled places", out);
	buf_puts(out, " in ");
	text_count(stress->judged, "read", "reads", out);
	buf_putc(out, '\n');
}

static void put_not_judged(const struct stress_view *stress, struct buf *out)
{
	if (stress->undecided > 0) {
		put_label("not judged", out);
		text_count(stress->undecided, "read", "reads", out);
		buf_puts(out, " with zeros that too many ops could have left\n");
	}
	if (stress->refused > 0) {
		put_label("not judged", out);
		text_count(stress->refused, "direct read", "direct reads", out);
		buf_puts(out, " that the kernel failed beside buffered writes\n");
	}
	if (stress->records_suppressed > 0) {
		put_label("not shown", out);
		units_append_grouped(out, stress->records_suppressed);
		buf_puts(out, " of what was found (--max-records)\n");
	}
	if (stress->error) {
		put_label("ended by", out);
		escape_puts(out, stress->error);
		buf_putc(out, '\n');
	}
}

int text_stress(const struct stress_view *stress, const struct report_style *style, struct buf *out)
{
	static const enum paint by_result[] = {
		[STRESS_RESULT_WHOLE] = PAINT_GOOD,
		[STRESS_RESULT_TORN] = PAINT_BAD,
		[STRESS_RESULT_INCONCLUSIVE] = PAINT_DOUBTFUL,
	};
	_Static_assert(ARRAY_SIZE(by_result) == STRESS_RESULT_COUNT_, "every result has a paint");

	buf_puts(out, "STRESS ");
	text_painted(style, by_result[stress->result], stress_result_name(stress->result), out);
	buf_puts(out, ": ");
	escape_puts(out, stress->reason);
	buf_putc(out, '\n');
	put_load(stress, out);
	put_ops(stress, out);
	put_found(stress, out);
	put_not_judged(stress, out);
	return out->error;
}
