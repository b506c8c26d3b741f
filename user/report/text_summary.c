// SPDX-License-Identifier: GPL-2.0
/* The end of a run, for people. */
#include "report/text_parts.h"

#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/names.h"
#include "model/reporter.h"

/* "  ops      ": the left column of the summary. */
static void put_label(const char *label, struct buf *out)
{
	buf_printf(out, "  %-10s", label);
}

static void put_ops(const struct summary_view *summary, struct buf *out)
{
	put_label("ops", out);
	text_count(summary->ops[IOR_OP_READ], "read", "reads", out);
	buf_puts(out, ", ");
	text_count(summary->ops[IOR_OP_WRITE], "write", "writes", out);
	if (summary->ops[IOR_OP_SIZE]) {
		buf_puts(out, ", ");
		text_count(summary->ops[IOR_OP_SIZE], "size change", "size changes", out);
	}
	if (summary->ops[IOR_OP_MMAP]) {
		buf_puts(out, ", ");
		text_count(summary->ops[IOR_OP_MMAP], "mmap store", "mmap stores", out);
	}
	buf_puts(out, " in ");
	units_append_duration(out, summary->duration_ns);
	buf_putc(out, '\n');
}

static void put_measured(const char *what, int64_t count, struct buf *out)
{
	buf_printf(out, ", %s ", what);
	if (count < 0)
		buf_puts(out, "not measured");
	else
		units_append_grouped(out, count);
}

static void put_serialized_by(const struct summary_view *summary, struct buf *out)
{
	const char *separator = NULL;

	for (int keeper = IOR_KEEPER_LUCK + 1; keeper < IOR_KEEPER_COUNT_; keeper++) {
		if (!summary->serialized_by[keeper])
			continue;
		if (!separator)
			put_label("", out);
		buf_printf(out, "%s%s ", separator ? separator : "serialized by ",
			   keeper_text(keeper));
		units_append_grouped(out, summary->serialized_by[keeper]);
		separator = ", ";
	}
	if (separator)
		buf_putc(out, '\n');
}

static void put_pairs(const struct summary_view *summary, struct buf *out)
{
	put_label("pairs", out);
	text_count(summary->conflicts, "conflict", "conflicts", out);
	buf_puts(out, " in ");
	text_count(summary->findings, "finding", "findings", out);
	put_measured("overlapping", summary->overlapping, out);
	put_measured("serialized", summary->serialized, out);
	put_measured("unproven", summary->unproven, out);
	buf_putc(out, '\n');
	put_serialized_by(summary, out);
}

static void put_wait(const char *what, int64_t ns, struct buf *out)
{
	buf_printf(out, "%s ", what);
	if (ns < 0)
		buf_puts(out, "not measured");
	else
		units_append_duration(out, ns);
}

static void put_waits(const struct summary_view *summary, struct buf *out)
{
	put_label("waits", out);
	put_wait("needless", summary->needless_wait_ns, out);
	put_wait(", needed", summary->needed_wait_ns, out);
	buf_putc(out, '\n');
}

/* One item where there is something to count. */
static void put_item(uint64_t count, const char *what, const char *separator, struct buf *out)
{
	if (!count)
		return;
	buf_puts(out, separator);
	units_append_grouped(out, count);
	buf_printf(out, " %s", what);
}

/* What a lock must not do, and what makes its figures doubtful. */
static void put_lock_troubles(const struct range_lock_view *lock, const struct report_style *style,
			      struct buf *out)
{
	static const struct {
		enum ior_range_lock_stat stat;
		enum paint paint;
		const char *what;
	} troubles[] = {
		{IOR_RL_EARLY, PAINT_BAD, "released before the data of the op had moved"},
		{IOR_RL_OVERRUN, PAINT_BAD, "acquired while another op held what excludes it"},
		{IOR_RL_NEVER_RELEASED, PAINT_BAD, "acquired and never released"},
		{IOR_RL_LATE, PAINT_DOUBTFUL,
		 "acquired behind the begin of the window: where=inside?"},
		{IOR_RL_UNMATCHED, PAINT_DOUBTFUL, "released, but not seen to be acquired"},
		{IOR_RL_UNTRACKED, PAINT_DOUBTFUL, "not followed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
		uint64_t count = lock->stats[troubles[i].stat];

		if (!count)
			continue;
		put_label("", out);
		text_painted(style, troubles[i].paint, "range lock", out);
		put_item(count, troubles[i].what, " ", out);
		buf_putc(out, '\n');
	}
}

static void put_slips(const struct range_lock_view *lock, const struct report_style *style,
		      struct buf *out)
{
	static const char *const by_slip[] = {
		[IOR_SLIP_BOTH] = "with both holding ranges that exclude each other",
		[IOR_SLIP_APART] = "with both holding ranges that do not",
		[IOR_SLIP_ONE] = "with one holding it",
		[IOR_SLIP_NONE] = "with nobody holding it",
	};
	_Static_assert(ARRAY_SIZE(by_slip) == IOR_SLIP_COUNT_, "every slip has a text");

	for (int slip = 0; slip < IOR_SLIP_COUNT_; slip++) {
		uint64_t count = lock->stats[IOR_RL_SLIPS + slip];

		if (!count)
			continue;
		put_label("", out);
		text_painted(style, slip == IOR_SLIP_BOTH ? PAINT_BAD : PAINT_DOUBTFUL, "slipped",
			     out);
		buf_putc(out, ' ');
		text_count(count, "conflict", "conflicts", out);
		buf_printf(out, " %s\n", by_slip[slip]);
	}
}

/* "fentry", or of several with what each is. */
static void put_lock_functions(const struct range_lock_view *lock, struct buf *out)
{
	bool knows_range = false;

	for (size_t i = 0; i < lock->functions_len; i++) {
		const struct range_lock_function_view *f = &lock->functions[i];

		put_label("", out);
		buf_printf(out, "%s ", f->role);
		escape_puts(out, f->function);
		buf_printf(out, " by %s\n", f->flavour);
		knows_range = knows_range || f->knows_range;
	}
	if (!knows_range && lock->functions_len) {
		put_label("", out);
		buf_puts(out,
			 "what range it is of is not known: no pair is claimed for it (range=)\n");
	}
}

static void put_range_lock(const struct range_lock_view *lock, const struct report_style *style,
			   struct buf *out)
{
	if (!lock->name)
		return;
	put_label("lock", out);
	escape_puts(out, lock->name);
	buf_printf(out, ", %s: ", lock->inside ? "inside" : "outside");
	text_count(lock->stats[IOR_RL_ACQUIRES], "acquire", "acquires", out);
	put_item(lock->stats[IOR_RL_WAITS], "with a wait", ", ", out);
	put_item(lock->stats[IOR_RL_FAILED], "without success", ", ", out);
	if (lock->has_waits) {
		put_wait("; waits needless", (int64_t)lock->stats[IOR_RL_WAIT_NEEDLESS_NS], out);
		put_wait(", needed", (int64_t)lock->stats[IOR_RL_WAIT_NEEDED_NS], out);
	}
	buf_putc(out, '\n');
	put_lock_functions(lock, out);
	put_slips(lock, style, out);
	put_lock_troubles(lock, style, out);
}

/* Nothing when the kernel admits nothing, as it mostly does. */
static void put_admissions(const uint64_t admissions[IOR_ADMISSION_COUNT_], struct buf *out)
{
	for (uint8_t what = 0; what < IOR_ADMISSION_COUNT_; what++) {
		if (!admissions[what])
			continue;
		put_label("admitted", out);
		units_append_grouped(out, admissions[what]);
		buf_printf(out, " times: %s\n", admission_text(what)->meaning);
	}
}

static void put_command(const struct command_view *command, struct buf *out)
{
	if (!command->argv)
		return;
	put_label("command", out);
	for (char *const *arg = command->argv; *arg; arg++) {
		escape_puts(out, *arg);
		buf_puts(out, arg[1] ? " " : ": ");
	}
	if (command->signal)
		buf_printf(out, "killed by signal %d\n", command->signal);
	else if (command->exit >= 0)
		buf_printf(out, "exit status %d\n", command->exit);
	else
		buf_puts(out, "did not end\n");
}

/* What content proves, beside what was traced. */
static void put_stress(const struct agreement_view *stress, const struct report_style *style,
		       struct buf *out)
{
	if (stress->runs == 0)
		return;
	put_label("stress", out);
	text_count(stress->torn, "torn result", "torn results", out);
	buf_puts(out, " proved by content");
	if (stress->torn > 0) {
		buf_puts(out, ", ");
		units_append_grouped(out, stress->found);
		buf_puts(out, " among the conflicts");
	}
	if (stress->not_compared > 0) {
		buf_puts(out, ", ");
		units_append_grouped(out, stress->not_compared);
		buf_puts(out, " not to be told: not all was seen");
	}
	if (stress->unfinished > 0)
		buf_puts(out, "; a run of iorace stress did not end");
	buf_putc(out, '\n');
	if (stress->contradicted == 0)
		return;
	put_label("", out);
	text_painted(style, PAINT_BAD, "BUG IN IORACE", out);
	buf_puts(out, ": ");
	text_count(stress->contradicted, "torn result is", "torn results are", out);
	buf_puts(out, " no conflict, though all was seen\n");
}

static void put_losses(const struct summary_view *summary, const struct report_style *style,
		       struct buf *out)
{
	bool any = false;

	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
		const struct loss_text *text = loss_text(loss);

		if (summary->losses[loss] == 0)
			continue;
		any = true;
		buf_puts(out, "  ");
		text_painted(style, PAINT_DOUBTFUL, "LOST", out);
		buf_fill(out, ' ', 6);
		units_append_grouped(out, summary->losses[loss]);
		buf_printf(out, " %s: %s\n", text->name, text->meaning);
		put_label("", out);
		buf_printf(out, "-> %s\n", text->advice);
	}
	if (!any) {
		put_label("losses", out);
		buf_puts(out, "none\n");
	}
}

/* What nobody should read into the numbers above. One item each; nothing when all was seen. */
static void put_not_seen(const struct summary_view *summary, struct buf *out)
{
	struct buf items = {};

	if (summary->ops_filtered > 0) {
		buf_puts(&items, "; ");
		text_count(summary->ops_filtered, "op outside the filters",
			   "ops outside the filters", &items);
	}
	if (summary->hides_conflicts)
		buf_puts(&items,
			 "; conflicts of a kind or size that --kind or --min-overlap hides");
	if (summary->records_suppressed > 0) {
		buf_puts(&items, "; ");
		text_count(summary->records_suppressed, "conflict is counted but not shown",
			   "conflicts are counted but not shown", &items);
	}
	if (summary->overlapping < 0)
		buf_puts(&items, "; pairs that a lock or luck kept apart");
	if (summary->needless_wait_ns < 0)
		buf_puts(&items, "; what waiting for locks cost");
	if (items.len > 0) {
		put_label("not seen", out);
		buf_printf(out, "%s\n", buf_text(&items) + strlen("; "));
	}
	if (items.error < 0)
		out->error = items.error;
	buf_done(&items);
}

/* Which file it is, as far as that is known. */
static void put_file(const struct file_sums_view *sums, struct buf *out)
{
	const struct ior_file *id = &sums->file.id;

	if (sums->others)
		buf_puts(out, "all others");
	else if (sums->file.path)
		escape_puts(out, sums->file.path);
	else
		buf_printf(out, "inode %llu on %u:%u", id->ino, id->dev >> 20, id->dev & 0xfffff);
}

/* A file without an overlapping pair tells nothing that the summary does not. */
int text_file(const struct file_sums_view *sums, const struct report_style *style, struct buf *out)
{
	(void)style;
	if (!sums->overlapping)
		return 0;
	buf_puts(out, "FILE ");
	put_file(sums, out);
	buf_puts(out, "  overlapping ");
	units_append_grouped(out, sums->overlapping);
	buf_puts(out, ": ");
	text_count(sums->conflicts, "conflict", "conflicts", out);
	put_measured("serialized", sums->serialized, out);
	put_measured("unproven", sums->unproven, out);
	put_wait("; waits needless", sums->needless_wait_ns, out);
	put_wait(", needed", sums->needed_wait_ns, out);
	return buf_putc(out, '\n');
}

int text_summary(const struct summary_view *summary, const struct report_style *style,
		 struct buf *out)
{
	static const enum paint by_verdict[] = {
		[VERDICT_CLEAN] = PAINT_GOOD,
		[VERDICT_CONFLICTS] = PAINT_BAD,
		[VERDICT_INCONCLUSIVE] = PAINT_DOUBTFUL,
	};
	_Static_assert(ARRAY_SIZE(by_verdict) == VERDICT_COUNT_, "every verdict has a paint");

	buf_puts(out, "VERDICT ");
	text_painted(style, by_verdict[summary->verdict], verdict_name(summary->verdict), out);
	if (summary->reason) {
		buf_puts(out, ": ");
		escape_puts(out, summary->reason);
	}
	buf_putc(out, '\n');
	put_ops(summary, out);
	put_pairs(summary, out);
	put_waits(summary, out);
	put_range_lock(&summary->range_lock, style, out);
	put_admissions(summary->admissions, out);
	put_command(&summary->command, out);
	put_stress(&summary->stress, style, out);
	put_losses(summary, style, out);
	put_not_seen(summary, out);
	return out->error;
}
