// SPDX-License-Identifier: GPL-2.0
#include "live/plan.h"

#include <errno.h>
#include <iorace/records.h>
#include <string.h>

#include "unit.h"

static struct kernel a_kernel(bool preempts)
{
	return (struct kernel){
		.has_btf = true,
		.can_bpf = true,
		.has_rdonly_cast = true,
		.has_bpf_loop = true,
		.has_ringbuf = true,
		.preempts = preempts,
		.dio_bio_end_io = 1,
		.cpus = 2,
	};
}

static void refuse(struct kernel *kernel, enum flavour flavour)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].flavour == flavour)
			kernel->rows[i] = -EPERM;
	}
}

static struct plan plan_of(const struct kernel *kernel)
{
	const struct plan_opts opts = {.modes = PLAN_MODES_ALL, .spans = true};
	struct reason why = {};
	struct plan plan;

	assert_int_equal(plan_build(kernel, &opts, &plan, &why), 0);
	return plan;
}

static const enum hook begins[] = {
	HOOK_DIO_BEGIN,	 HOOK_DIO_SUBMIT,      HOOK_DAX_BEGIN,	    HOOK_WRITE_BEGIN,
	HOOK_READ_BEGIN, HOOK_SPLICE_BEGIN,    HOOK_SIZE_BEGIN,	    HOOK_DAX_FAULT_BEGIN,
	HOOK_SPAN_BEGIN, HOOK_SIZE_SPAN_BEGIN, HOOK_DIO_WAIT_BEGIN, HOOK_PAGE_FAULT_BEGIN,
};

static void assert_begins_are(const struct plan *plan, enum flavour flavour)
{
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		assert_true(plan->hooks[begins[i]].usable);
		assert_int_equal(plan->hooks[begins[i]].flavour, flavour);
	}
}

/* Ends of calls have no kretprobe to fall back on that would know the kiocb. */
static void assert_ends_are_fentry(const struct plan *plan)
{
	for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
		enum hook end = hook_end(begins[i]);

		assert_true(end == HOOK_COUNT_ || plan->hooks[end].usable);
		assert_true(end == HOOK_COUNT_ || plan->hooks[end].flavour == FLAVOUR_FENTRY);
	}
}

static void assert_copies_are_covered_in_full(const struct plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < plan->coverage_len; i++) {
		const struct coverage_view *row = &plan->coverage[i];

		if (strcmp(row->fs, "xfs") || row->mode == IOR_MODE_DIRECT ||
		    row->kind == IOR_OP_MMAP)
			continue;
		assert_int_equal(row->level, COVERAGE_FULL);
		any = true;
	}
	assert_true(any);
}

static void begins_are_never_preempted_where_programs_are(void **state)
{
	struct kernel kernel = a_kernel(true);
	struct plan plan = plan_of(&kernel);

	(void)state;
	assert_begins_are(&plan, FLAVOUR_KPROBE);
	assert_ends_are_fentry(&plan);
	assert_true(plan.repeats_ends);
	assert_true(plan.has_spans);
	assert_copies_are_covered_in_full(&plan);
}

/* Interrupts end direct IO, and would be missed over any other kprobe. */
static void ends_of_direct_io_stay_fentry(void **state)
{
	struct kernel kernel = a_kernel(true);
	struct plan plan = plan_of(&kernel);

	(void)state;
	assert_int_equal(plan.hooks[HOOK_DIO_DATA_END].flavour, FLAVOUR_FENTRY);
	assert_int_equal(plan.hooks[HOOK_DIO_COMPLETE].flavour, FLAVOUR_FENTRY);
	assert_int_equal(plan.hooks[HOOK_DIO_RETURN].flavour, FLAVOUR_FENTRY);
}

static void begins_are_fentry_where_programs_are_not_preempted(void **state)
{
	struct kernel kernel = a_kernel(false);
	struct plan plan = plan_of(&kernel);

	(void)state;
	assert_begins_are(&plan, FLAVOUR_FENTRY);
	assert_ends_are_fentry(&plan);
	assert_false(plan.repeats_ends);
	assert_copies_are_covered_in_full(&plan);
}

static void begins_are_fentry_where_there_are_no_kprobes(void **state)
{
	struct kernel kernel = a_kernel(true);
	struct plan plan;

	(void)state;
	refuse(&kernel, FLAVOUR_KPROBE);
	plan = plan_of(&kernel);
	assert_begins_are(&plan, FLAVOUR_FENTRY);
	assert_true(plan.repeats_ends);
}

static void copies_that_a_kretprobe_ends_are_covered_in_part(void **state)
{
	struct kernel kernel = a_kernel(false);
	struct plan plan;

	(void)state;
	refuse(&kernel, FLAVOUR_FENTRY);
	plan = plan_of(&kernel);
	assert_false(plan.has_spans);
	for (size_t i = 0; i < plan.coverage_len; i++) {
		if (plan.coverage[i].mode != IOR_MODE_DIRECT)
			assert_int_not_equal(plan.coverage[i].level, COVERAGE_FULL);
	}
}

static void every_way_has_one_rank(void **state)
{
	(void)state;
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		for (int preempts = 0; preempts < 2; preempts++) {
			unsigned int seen = 0;

			for (unsigned int rank = 0; rank < FLAVOUR_COUNT_; rank++)
				seen |= 1U << hook_flavour(hook, preempts, rank);
			assert_int_equal(seen, (1U << FLAVOUR_COUNT_) - 1);
		}
	}
}

/* ---- what watch leaves out ------------------------------------------------------------------- */

static struct plan watch_of(const struct kernel *kernel)
{
	const struct plan_opts opts = {.modes = PLAN_MODES_ALL, .fewer_hooks = true};
	struct reason why = {};
	struct plan plan;

	assert_int_equal(plan_build(kernel, &opts, &plan, &why), 0);
	return plan;
}

static void watch_sees_direct_io_by_two_tracepoints(void **state)
{
	struct kernel kernel = a_kernel(false);
	struct plan plan = watch_of(&kernel);

	(void)state;
	assert_int_equal(plan.hooks[HOOK_DIO_BEGIN].flavour, FLAVOUR_TP);
	assert_int_equal(plan.hooks[HOOK_DIO_COMPLETE].flavour, FLAVOUR_TP);
	assert_false(plan.hooks[HOOK_DIO_RETURN].usable);
	assert_false(plan.hooks[HOOK_DIO_DATA_END].usable);
	assert_true(plan.closes_late);
	assert_true(plan.hooks[HOOK_DIO_SUBMIT].usable && !plan.submit_comes_and_goes);
	assert_false(plan.covered_fs[IOR_MODE_DIRECT] & 1U << IOR_FS_BTRFS);
}

/* A lock of btrfs is let go when its last bio ends. */
static void watch_closes_windows_at_the_last_bio_where_btrfs_is_mounted(void **state)
{
	struct kernel kernel = a_kernel(false);
	struct plan plan;

	(void)state;
	kernel.mounts_btrfs = true;
	plan = watch_of(&kernel);
	assert_true(plan.hooks[HOOK_DIO_RETURN].usable && plan.hooks[HOOK_DIO_DATA_END].usable);
	assert_false(plan.closes_late);
	assert_true(plan.covered_fs[IOR_MODE_DIRECT] & 1U << IOR_FS_BTRFS);
}

static void watch_sees_returns_where_begins_are_not_tracepoints(void **state)
{
	struct kernel old = a_kernel(false), preempts = a_kernel(true);
	struct plan plan;

	(void)state;
	refuse(&old, FLAVOUR_TP);
	plan = watch_of(&old);
	assert_int_equal(plan.hooks[HOOK_DIO_BEGIN].flavour, FLAVOUR_FENTRY);
	assert_true(plan.hooks[HOOK_DIO_RETURN].usable && plan.hooks[HOOK_DIO_DATA_END].usable);
	plan = watch_of(&preempts);
	assert_int_equal(plan.hooks[HOOK_DIO_BEGIN].flavour, FLAVOUR_KPROBE);
	assert_true(plan.hooks[HOOK_DIO_RETURN].usable && plan.hooks[HOOK_DIO_DATA_END].usable);
}

static void check_keeps_all_hooks(void **state)
{
	struct kernel kernel = a_kernel(false);
	struct plan plan = plan_of(&kernel);

	(void)state;
	assert_int_equal(plan.hooks[HOOK_DIO_BEGIN].flavour, FLAVOUR_FENTRY);
	assert_true(plan.hooks[HOOK_DIO_RETURN].usable && plan.hooks[HOOK_DIO_DATA_END].usable);
}

/* ---- which program a row stands for ---------------------------------------------------------- */

static const char *program_for(const struct ior_options *options, const char *of_row)
{
	struct ior_options settled = *options;

	settled.no_extras = ior_options_have_no_extras(options);
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (!strcmp(hook_rows[i].program, of_row))
			return hook_program(&hook_rows[i], &settled);
	}
	fail_msg("no row of %s", of_row);
	return NULL;
}

static void no_option_takes_the_plain_programs(void **state)
{
	const struct ior_options none = {.modes = ~0U, .sees_submit = 1, .closes_late = 1};

	(void)state;
	assert_string_equal(program_for(&none, "dio_begin_tp"), "dio_begin_tp_plain");
	assert_string_equal(program_for(&none, "dio_complete_tp"), "dio_complete_tp_plain");
	assert_string_equal(program_for(&none, "dio_begin_fentry"), "dio_begin_fentry");
}

static void any_extra_alone_takes_the_programs_that_ask(void **state)
{
	(void)state;
#define TAKES_THOSE_THAT_ASK(field)                                                                \
	{                                                                                          \
		const struct ior_options one = {.field = 1};                                       \
		assert_string_equal(program_for(&one, "dio_begin_tp"), "dio_begin_tp");            \
		assert_string_equal(program_for(&one, "dio_complete_tp"), "dio_complete_tp");      \
	}
	TAKES_THOSE_THAT_ASK(filters_tasks)
	TAKES_THOSE_THAT_ASK(comm[0])
	TAKES_THOSE_THAT_ASK(want_stacks)
	TAKES_THOSE_THAT_ASK(has_spans)
	TAKES_THOSE_THAT_ASK(reads_locks)
	TAKES_THOSE_THAT_ASK(exact_times)
	TAKES_THOSE_THAT_ASK(has_range_lock)
	TAKES_THOSE_THAT_ASK(locks_inside)
#undef TAKES_THOSE_THAT_ASK
}

/* Those that assume no extra do not ask for files either: filters go first. */
static void file_filter_takes_the_filtered_programs(void **state)
{
	const struct ior_options files = {.filters_files = 1};
	const struct ior_options both = {.filters_files = 1, .want_stacks = 1};

	(void)state;
	assert_string_equal(program_for(&files, "dio_begin_tp"), "dio_begin_tp_filtered");
	assert_string_equal(program_for(&files, "dio_complete_tp"), "dio_complete_tp_filtered");
	assert_string_equal(program_for(&both, "dio_begin_tp"), "dio_begin_tp_filtered");
	assert_string_equal(program_for(&both, "dio_complete_tp"), "dio_complete_tp_filtered");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_are_never_preempted_where_programs_are),
		cmocka_unit_test(ends_of_direct_io_stay_fentry),
		cmocka_unit_test(begins_are_fentry_where_programs_are_not_preempted),
		cmocka_unit_test(begins_are_fentry_where_there_are_no_kprobes),
		cmocka_unit_test(copies_that_a_kretprobe_ends_are_covered_in_part),
		cmocka_unit_test(every_way_has_one_rank),
		cmocka_unit_test(watch_sees_direct_io_by_two_tracepoints),
		cmocka_unit_test(watch_closes_windows_at_the_last_bio_where_btrfs_is_mounted),
		cmocka_unit_test(watch_sees_returns_where_begins_are_not_tracepoints),
		cmocka_unit_test(check_keeps_all_hooks),
		cmocka_unit_test(no_option_takes_the_plain_programs),
		cmocka_unit_test(any_extra_alone_takes_the_programs_that_ask),
		cmocka_unit_test(file_filter_takes_the_filtered_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
