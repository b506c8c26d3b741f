// SPDX-License-Identifier: GPL-2.0
#include "model/verdict.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "model/names.h"

/* The largest loss, and of how many kinds there are others. */
struct loss_digest {
	enum ior_loss worst;
	unsigned int others;
	uint64_t count; /* of the worst; 0: no loss at all */
};

static struct loss_digest digest_losses(const uint64_t *losses)
{
	struct loss_digest digest = {};
	unsigned int kinds = 0;

	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
		if (losses[loss] == 0)
			continue;
		kinds++;
		if (losses[loss] > digest.count) {
			digest.worst = loss;
			digest.count = losses[loss];
		}
	}
	digest.others = kinds ? kinds - 1 : 0;
	return digest;
}

static enum verdict with_conflicts(const struct verdict_input *in, const struct loss_digest *digest,
				   struct reason *why)
{
	reason_set(why, "%" PRIu64 " overlapping %s moved data at the same time%s", in->conflicts,
		   in->conflicts == 1 ? "pair" : "pairs",
		   digest->count ? "; there may be more, see losses" : "");
	return VERDICT_CONFLICTS;
}

static enum verdict with_stale_pages(const struct verdict_input *in, struct reason *why)
{
	reason_set(why,
		   "%" PRIu64 " direct %s left stale pages in the page cache, as the kernel says",
		   in->stale_pages, in->stale_pages == 1 ? "write" : "writes");
	return VERDICT_CONFLICTS;
}

static enum verdict with_losses(const struct loss_digest *digest, struct reason *why)
{
	const struct loss_text *text = loss_text(digest->worst);
	char others[48] = "";

	if (digest->others > 0)
		snprintf(others, sizeof(others), " and %u more %s of loss", digest->others,
			 digest->others == 1 ? "kind" : "kinds");
	reason_set(why, "no conflict was seen, but not everything was: %" PRIu64 " %s (%s)%s",
		   digest->count, text->name, text->meaning, others);
	return VERDICT_INCONCLUSIVE;
}

static const struct coverage_use *find_gap(const struct verdict_input *in)
{
	for (size_t i = 0; i < in->uses_len; i++) {
		if (in->uses[i].ops > 0 && in->uses[i].level != COVERAGE_FULL)
			return &in->uses[i];
	}
	return NULL;
}

static enum verdict with_gap(const struct coverage_use *gap, struct reason *why)
{
	reason_set(why, "no conflict was seen, but %" PRIu64 " %s on %s, which is %s covered",
		   gap->ops, gap->ops == 1 ? "op was" : "ops were", gap->fs,
		   gap->level == COVERAGE_NONE ? "not" : "only partly");
	return VERDICT_INCONCLUSIVE;
}

/* No conflict came of it, this time. */
static enum verdict with_lock_flaws(const struct verdict_input *in, struct reason *why)
{
	reason_set(why, "no conflict was seen, but the range lock failed %" PRIu64 " %s: see there",
		   in->lock_flaws, in->lock_flaws == 1 ? "time" : "times");
	return VERDICT_INCONCLUSIVE;
}

static enum verdict with_unused_lock(struct reason *why)
{
	reason_set(why, "no conflict was seen, but nobody took the range lock under test: name the "
			"functions that the data path calls, or try ops that need it");
	return VERDICT_INCONCLUSIVE;
}

static enum verdict with_too_few(const struct verdict_input *in, struct reason *why)
{
	if (in->overlapping < 0)
		reason_set(why,
			   "overlapping pairs were not measured, so that there were %" PRIu64
			   " cannot be said",
			   in->require_overlap);
	else
		reason_set(why,
			   "%" PRId64 " overlapping %s met, %" PRIu64
			   " required: too little was tested",
			   in->overlapping, in->overlapping == 1 ? "pair" : "pairs",
			   in->require_overlap);
	return VERDICT_INCONCLUSIVE;
}

static enum verdict clean(const struct verdict_input *in, struct reason *why)
{
	if (in->ops == 0)
		reason_set(why, "no read or write was seen at all: nothing was tested");
	else if (in->overlapping < 0)
		reason_set(why,
			   "no conflict in %" PRIu64 " ops; overlapping pairs were not measured",
			   in->ops);
	else
		reason_set(why, "no conflict in %" PRId64 " overlapping %s among %" PRIu64 " ops",
			   in->overlapping, in->overlapping == 1 ? "pair" : "pairs", in->ops);
	return VERDICT_CLEAN;
}

enum verdict run_verdict(const struct verdict_input *in, struct reason *why)
{
	const struct loss_digest digest = digest_losses(in->losses);
	const struct coverage_use *gap = find_gap(in);

	if (in->conflicts > 0)
		return with_conflicts(in, &digest, why);
	if (in->stale_pages > 0)
		return with_stale_pages(in, why);
	if (gap)
		return with_gap(gap, why);
	if (digest.count > 0)
		return with_losses(&digest, why);
	if (in->lock_flaws > 0)
		return with_lock_flaws(in, why);
	if (in->lock_is_unused)
		return with_unused_lock(why);
	if (in->require_overlap > 0 &&
	    (in->overlapping < 0 || (uint64_t)in->overlapping < in->require_overlap))
		return with_too_few(in, why);
	return clean(in, why);
}
