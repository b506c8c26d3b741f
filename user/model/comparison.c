// SPDX-License-Identifier: GPL-2.0
#include "model/comparison.h"

#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/macro.h"

static const char *const names[] = {
	[COMPARISON_NOTHING] = "nothing",   [COMPARISON_NONE] = "none",
	[COMPARISON_CLOSED] = "closed",	    [COMPARISON_UNTESTED] = "untested",
	[COMPARISON_OPEN] = "open",	    [COMPARISON_OPENED] = "opened",
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
	return after->serialized > 0 ? COMPARISON_CLOSED : COMPARISON_UNTESTED;
}

/* Pairs that missed each other by luck are no evidence: without the lock they may as well. */
static void untested(const struct run_facts *before, const struct run_facts *after,
		     struct reason *why)
{
	if (after->overlapping < 0 || after->serialized < 0)
		reason_set(why, "%" PRIu64 " conflicts before, none after, but whether overlapping "
				"pairs were met was not measured", before->conflicts);
	else if (after->overlapping == 0)
		reason_set(why, "%" PRIu64 " conflicts before, none after, but no overlapping pair "
				"was met: that may be luck", before->conflicts);
	else
		reason_set(why, "%" PRIu64 " conflicts before, none after, but nothing was seen to keep "
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
		reason_set(why, "the gap is closed: %" PRIu64 " conflicts before, none after in %"
				PRId64 " overlapping pairs, %" PRId64 " of them serialized",
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

uint64_t run_facts_rate(const struct run_facts *facts)
{
	double seconds = (double)facts->duration_ns / 1e9;

	return seconds > 0 ? (uint64_t)((double)facts->ops / seconds) : 0;
}
