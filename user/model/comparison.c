// SPDX-License-Identifier: GPL-2.0
#include "model/comparison.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/macro.h"
#include "model/names.h"

static const char *const names[] = {
	[COMPARISON_NOTHING] = "nothing", [COMPARISON_NONE] = "none",
	[COMPARISON_CLOSED] = "closed",	  [COMPARISON_UNTESTED] = "untested",
	[COMPARISON_OPEN] = "open",	  [COMPARISON_OPENED] = "opened",
};
_Static_assert(ARRAY_SIZE(names) == COMPARISON_COUNT_, "every outcome has a name");

const char *comparison_outcome_name(enum comparison_outcome outcome)
{
	return names[outcome];
}

/* A conflict is one whatever else was missed; that there is none takes a run that saw all. */
static bool proves_nothing(const struct run_facts *facts)
{
	return !facts->conflicts &&
	       (facts->losses || facts->command_failed || strcmp(facts->verdict, "clean") != 0);
}

static const char *why_nothing(const struct run_facts *facts)
{
	if (facts->command_failed)
		return "is of a command that failed";
	return facts->losses ? "has losses" : "is inconclusive";
}

static enum comparison_outcome outcome_of(const struct run_facts *before,
					  const struct run_facts *after)
{
	if (proves_nothing(before) || proves_nothing(after))
		return COMPARISON_NOTHING;
	if (after->conflicts)
		return before->conflicts ? COMPARISON_OPEN : COMPARISON_OPENED;
	if (!before->conflicts)
		return COMPARISON_NONE;
	return after->serialized > 0 && !after->lock_flaws ? COMPARISON_CLOSED
							   : COMPARISON_UNTESTED;
}

/* Pairs that missed each other by luck are no evidence: without the lock they may as well. */
static void untested(const struct run_facts *before, const struct run_facts *after,
		     struct reason *why)
{
	if (after->lock_flaws)
		reason_set(why,
			   "%" PRIu64 " conflicts before, none after, but the range lock was seen "
			   "to fail %" PRIu64 " times: that may be luck",
			   before->conflicts, after->lock_flaws);
	else if (after->overlapping < 0 || after->serialized < 0)
		reason_set(why,
			   "%" PRIu64 " conflicts before, none after, but whether overlapping "
			   "pairs were met was not measured",
			   before->conflicts);
	else if (after->overlapping == 0)
		reason_set(why,
			   "%" PRIu64 " conflicts before, none after, but no overlapping pair "
			   "was met: that may be luck",
			   before->conflicts);
	else
		reason_set(why,
			   "%" PRIu64 " conflicts before, none after, but nothing was seen to keep "
			   "the %" PRId64 " overlapping pairs apart: that may be luck",
			   before->conflicts, after->overlapping);
}

enum comparison_outcome comparison_outcome(const struct run_facts *before,
					   const struct run_facts *after, struct reason *why)
{
	enum comparison_outcome outcome = outcome_of(before, after);

	switch (outcome) {
	case COMPARISON_NOTHING:
		reason_set(why, "nothing is shown: the run %s the change %s",
			   proves_nothing(before) ? "before" : "after",
			   why_nothing(proves_nothing(before) ? before : after));
		break;
	case COMPARISON_NONE:
		reason_set(why, "no conflict before and none after: there was no gap to close");
		break;
	case COMPARISON_CLOSED:
		reason_set(why,
			   "the gap is closed: %" PRIu64 " conflicts before, none after in %" PRId64
			   " overlapping pairs, %" PRId64 " of them serialized",
			   before->conflicts, after->overlapping, after->serialized);
		break;
	case COMPARISON_UNTESTED:
		untested(before, after, why);
		break;
	case COMPARISON_OPEN:
		reason_set(why, "the gap is open: %" PRIu64 " conflicts before, %" PRIu64 " after",
			   before->conflicts, after->conflicts);
		break;
	case COMPARISON_OPENED:
		reason_set(why, "the change opens a gap: no conflict before, %" PRIu64 " after",
			   after->conflicts);
		break;
	case COMPARISON_COUNT_:
		break;
	}
	return outcome;
}

static uint64_t sum(const uint64_t *counts, size_t len)
{
	uint64_t all = 0;

	for (size_t i = 0; i < len; i++)
		all += counts[i];
	return all;
}

/* As check judges it; one that was ended at --duration is not told from one that was killed. */
static bool command_failed(const struct command_view *command)
{
	return command->argv && (command->signal || command->exit);
}

static void take_range_lock(struct run_facts *facts, const struct range_lock_view *lock)
{
	const uint64_t *stats = lock->stats;

	facts->has_range_lock = lock->name != NULL;
	facts->lock_needless_ns = lock->has_waits ? (int64_t)stats[IOR_RL_WAIT_NEEDLESS_NS] : -1;
	facts->lock_needed_ns = lock->has_waits ? (int64_t)stats[IOR_RL_WAIT_NEEDED_NS] : -1;
	facts->lock_flaws = range_lock_flaws(lock);
}

struct run_facts run_facts_of(const struct summary_view *summary)
{
	struct run_facts facts = {
		.verdict = verdict_name(summary->verdict),
		.reason = summary->reason,
		.duration_ns = summary->duration_ns,
		.ops = sum(summary->ops, IOR_OP_COUNT_),
		.conflicts = summary->conflicts,
		.findings = summary->findings,
		.overlapping = summary->overlapping,
		.serialized = summary->serialized,
		.unproven = summary->unproven,
		.needless_wait_ns = summary->needless_wait_ns,
		.needed_wait_ns = summary->needed_wait_ns,
		.has_waits = summary->has_wait_histogram,
		.torn = summary->stress.runs ? (int64_t)summary->stress.torn : -1,
		.losses = sum(summary->losses, IOR_LOSS_COUNT_),
		.command_failed = command_failed(&summary->command),
	};

	for (int keeper = 0; keeper < IOR_KEEPER_COUNT_; keeper++)
		facts.serialized_by[keeper] =
			summary->serialized < 0 ? -1 : (int64_t)summary->serialized_by[keeper];
	memcpy(facts.waits, summary->waits, sizeof(facts.waits));
	take_range_lock(&facts, &summary->range_lock);
	return facts;
}

uint64_t run_facts_rate(const struct run_facts *facts)
{
	double seconds = (double)facts->duration_ns / 1e9;

	return seconds > 0 ? (uint64_t)((double)facts->ops / seconds) : 0;
}
