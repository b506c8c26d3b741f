// SPDX-License-Identifier: GPL-2.0
#include "model/verdict.h"

#include <string.h>

#include "base/err.h"
#include "base/macro.h"
#include "model/names.h"
#include "unit.h"

static const struct coverage_use covered = {"xfs", 10, COVERAGE_FULL};
static const struct coverage_use partly = {"ext4", 1, COVERAGE_PARTIAL};
static const struct coverage_use uncovered = {"nfs", 10, COVERAGE_NONE};
static const struct coverage_use unused = {"btrfs", 0, COVERAGE_NONE};

static const struct {
	struct verdict_input in;
	uint64_t untracked, stale;
	const struct coverage_use *use;
	enum verdict want;
	const char *says;
} cases[] = {
	/* clean says what it rests on */
	{{.ops = 9, .overlapping = 42},
	 0,
	 0,
	 &covered,
	 VERDICT_CLEAN,
	 "no conflict in 42 overlapping pairs among 9 ops"},
	{{.ops = 9, .overlapping = 1},
	 0,
	 0,
	 &unused,
	 VERDICT_CLEAN,
	 "no conflict in 1 overlapping pair among 9 ops"},
	{{.ops = 9, .overlapping = -1},
	 0,
	 0,
	 NULL,
	 VERDICT_CLEAN,
	 "no conflict in 9 ops; overlapping pairs were not measured"},
	{{.ops = 0, .overlapping = 0},
	 0,
	 0,
	 NULL,
	 VERDICT_CLEAN,
	 "no read or write was seen at all: nothing was tested"},
	/* what the kernel admits is no luck, seen or not */
	{{.ops = 9, .stale_pages = 1, .overlapping = 0},
	 0,
	 0,
	 &covered,
	 VERDICT_CONFLICTS,
	 "1 direct write left stale pages in the page cache, as the kernel says"},
	/* conflicts are conflicts whatever else is wrong */
	{{.ops = 9, .conflicts = 1, .overlapping = 1},
	 0,
	 0,
	 &covered,
	 VERDICT_CONFLICTS,
	 "1 overlapping pair moved data at the same time"},
	{{.ops = 9, .conflicts = 3, .require_overlap = 99},
	 1,
	 0,
	 &uncovered,
	 VERDICT_CONFLICTS,
	 "3 overlapping pairs moved data at the same time; there may be more, see losses"},
	/* any loss */
	{{.ops = 9, .overlapping = 42},
	 7,
	 0,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but not everything was: 7 untracked (ops found no room in the "
	 "table of ops in flight and were never compared)"},
	{{.ops = 9, .overlapping = 42},
	 7,
	 8,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but not everything was: 8 stale (matches were with an op so old "
	 "that its end was probably missed) and 1 more kind of loss"},
	/* coverage that was used */
	{{.ops = 9, .overlapping = 42},
	 0,
	 0,
	 &uncovered,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but 10 ops were on nfs, which is not covered"},
	{{.ops = 9, .overlapping = 42},
	 0,
	 0,
	 &partly,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but 1 op was on ext4, which is only partly covered"},
	/* a lock that fails has not failed to be seen */
	{{.ops = 9, .overlapping = 42, .lock_flaws = 3},
	 0,
	 0,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but the range lock failed 3 times: see there"},
	{{.ops = 9, .overlapping = 42, .conflicts = 1, .lock_flaws = 3},
	 0,
	 0,
	 &covered,
	 VERDICT_CONFLICTS,
	 "1 overlapping pair moved data at the same time"},
	/* one that was named and not met: nothing is known of it */
	{{.ops = 9, .overlapping = 42, .lock_is_unused = true},
	 0,
	 0,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "no conflict was seen, but nobody took the range lock under test: name the functions that "
	 "the data path calls, or try ops that need it"},
	{{.ops = 9, .overlapping = 42, .conflicts = 1, .lock_is_unused = true},
	 0,
	 0,
	 &covered,
	 VERDICT_CONFLICTS,
	 "1 overlapping pair moved data at the same time"},
	/* required overlaps */
	{{.ops = 9, .overlapping = 4, .require_overlap = 5},
	 0,
	 0,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "4 overlapping pairs met, 5 required: too little was tested"},
	{{.ops = 9, .overlapping = 5, .require_overlap = 5},
	 0,
	 0,
	 &covered,
	 VERDICT_CLEAN,
	 "no conflict in 5 overlapping pairs among 9 ops"},
	{{.ops = 9, .overlapping = -1, .require_overlap = 5},
	 0,
	 0,
	 &covered,
	 VERDICT_INCONCLUSIVE,
	 "overlapping pairs were not measured, so that there were 5 cannot be said"},
	{{.ops = 0, .overlapping = 0, .require_overlap = 1},
	 0,
	 0,
	 NULL,
	 VERDICT_INCONCLUSIVE,
	 "0 overlapping pairs met, 1 required: too little was tested"},
};

static void verdict_follows_from_what_was_seen(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t losses[IOR_LOSS_COUNT_] = {[IOR_LOSS_UNTRACKED] = cases[i].untracked,
						    [IOR_LOSS_STALE] = cases[i].stale};
		struct verdict_input in = cases[i].in;
		struct reason why = {};

		in.losses = losses;
		in.uses = cases[i].use;
		in.uses_len = cases[i].use ? 1 : 0;
		assert_int_equal(run_verdict(&in, &why), cases[i].want);
		assert_string_equal(why.text, cases[i].says);
	}
}

static void every_single_loss_forbids_clean(void **state)
{
	(void)state;
	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
		uint64_t losses[IOR_LOSS_COUNT_] = {};
		struct verdict_input in = {.ops = 1, .overlapping = 1, .losses = losses};
		struct reason why = {};

		losses[loss] = 1;
		assert_int_equal(run_verdict(&in, &why), VERDICT_INCONCLUSIVE);
		assert_non_null(strstr(why.text, loss_text(loss)->name));
		assert_true(strlen(why.text) < REASON_TEXT_BYTES - 1);
	}
}

static void gap_is_found_behind_what_is_covered(void **state)
{
	const struct coverage_use uses[] = {covered, unused, uncovered};
	const uint64_t losses[IOR_LOSS_COUNT_] = {};
	const struct verdict_input in = {.ops = 1, .losses = losses, .uses = uses, .uses_len = 3};

	(void)state;
	assert_int_equal(run_verdict(&in, NULL), VERDICT_INCONCLUSIVE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_follows_from_what_was_seen),
		cmocka_unit_test(every_single_loss_forbids_clean),
		cmocka_unit_test(gap_is_found_behind_what_is_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
