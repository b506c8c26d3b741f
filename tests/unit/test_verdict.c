// SPDX-License-Identifier: GPL-2.0
/* The definition of a conflict, <iorace/verdict.h>. The verdict of a run: test_run_verdict.c. */
#include <iorace/verdict.h>

#include "base/macro.h"
#include "unit.h"

static struct ior_op op(__u8 kind, __u8 mode, __u64 start, __u64 end)
{
	return (struct ior_op){.kind = kind, .mode = mode, .range = {start, end}};
}

static const struct {
	__u8 kind_a, kind_b;
	__u64 start_b, end_b; /* a is [4096, 8192) */
	bool a_moving, b_moving;
	enum ior_relation want;
} relations[] = {
	{IOR_OP_WRITE, IOR_OP_WRITE, 4096, 8192, true, true, IOR_CONFLICTING},
	{IOR_OP_READ, IOR_OP_WRITE, 8191, 9000, true, true, IOR_CONFLICTING},
	{IOR_OP_READ, IOR_OP_SIZE, 0, IOR_RANGE_MAX, true, true, IOR_CONFLICTING},
	{IOR_OP_READ, IOR_OP_MMAP, 4096, 4104, true, true, IOR_CONFLICTING},
	{IOR_OP_READ, IOR_OP_READ, 4096, 8192, true, true, IOR_UNRELATED},
	{IOR_OP_WRITE, IOR_OP_WRITE, 8192, 9000, true, true, IOR_UNRELATED},
	{IOR_OP_WRITE, IOR_OP_WRITE, 0, 4096, true, true, IOR_UNRELATED},
	{IOR_OP_WRITE, IOR_OP_WRITE, 5000, 5000, true, true, IOR_UNRELATED},
	{IOR_OP_WRITE, IOR_OP_WRITE, 4096, 8192, true, false, IOR_OVERLAPPING},
	{IOR_OP_WRITE, IOR_OP_WRITE, 4096, 8192, false, true, IOR_OVERLAPPING},
	{IOR_OP_WRITE, IOR_OP_READ, 4096, 8192, false, false, IOR_OVERLAPPING},
	{IOR_OP_READ, IOR_OP_READ, 4096, 8192, false, false, IOR_UNRELATED},
};

static void relation_needs_bytes_a_writer_and_both_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++) {
		struct ior_op a = op(relations[i].kind_a, IOR_MODE_DIRECT, 4096, 8192);
		struct ior_op b = op(relations[i].kind_b, IOR_MODE_DIRECT, relations[i].start_b,
				     relations[i].end_b);
		bool am = relations[i].a_moving, bm = relations[i].b_moving;

		if (ior_ops_relation(&a, am, &b, bm) != relations[i].want)
			fail_msg("case %zu", i);
		assert_int_equal(ior_ops_relation(&b, bm, &a, am), relations[i].want);
	}
}

/* Lock states explain; an async op has dropped the lock that it was submitted under. */
static void exclusive_lock_does_not_undo_a_conflict(void **state)
{
	struct ior_op a = op(IOR_OP_WRITE, IOR_MODE_DIRECT, 0, 4096);
	struct ior_op b = a;

	(void)state;
	a.lock = (struct ior_lock_state){IOR_LOCK_EXCLUSIVE, IOR_SELF_YES};
	b.lock = a.lock;
	a.flags = IOR_OPF_ASYNC;
	assert_int_equal(ior_ops_relation(&a, true, &b, true), IOR_CONFLICTING);
}

static const struct {
	__u8 mode_a, mode_b;
	__u64 start, end; /* of the overlap */
	enum ior_tear want;
} tears[] = {
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 0, 512, IOR_TEAR_UNLIKELY},
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 512, 1024, IOR_TEAR_UNLIKELY},
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 0, 1024, IOR_TEAR_POSSIBLE},
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 0, 4096, IOR_TEAR_POSSIBLE},
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 2048, 6144, IOR_TEAR_LIKELY},
	{IOR_MODE_DIRECT, IOR_MODE_DIRECT, 0, 8192, IOR_TEAR_LIKELY},
	{IOR_MODE_DAX, IOR_MODE_DAX, 8, 16, IOR_TEAR_UNLIKELY},
	{IOR_MODE_DAX, IOR_MODE_DAX, 4, 12, IOR_TEAR_POSSIBLE},
	{IOR_MODE_DAX, IOR_MODE_DAX, 60, 68, IOR_TEAR_LIKELY},
	{IOR_MODE_BUFFERED, IOR_MODE_BUFFERED, 0, 4096, IOR_TEAR_UNLIKELY},
	{IOR_MODE_BUFFERED, IOR_MODE_BUFFERED, 4095, 4097, IOR_TEAR_LIKELY},
	/* the finer copy can be caught half way, whichever side it is */
	{IOR_MODE_DIRECT, IOR_MODE_BUFFERED, 0, 1024, IOR_TEAR_POSSIBLE},
	{IOR_MODE_DAX, IOR_MODE_SIZE, 0, 4096, IOR_TEAR_LIKELY},
	{IOR_MODE_DAX, IOR_MODE_DIRECT, 0, 65, IOR_TEAR_LIKELY},
};

static void tear_is_graded_by_the_finer_copy(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tears); i++) {
		struct ior_op a = op(IOR_OP_WRITE, tears[i].mode_a, 0, tears[i].end);
		struct ior_op b = op(IOR_OP_READ, tears[i].mode_b, tears[i].start, 1 << 20);

		if (ior_ops_tear(&a, &b) != tears[i].want)
			fail_msg("case %zu: %d", i, ior_ops_tear(&a, &b));
		assert_int_equal(ior_ops_tear(&b, &a), tears[i].want);
	}
}

static const struct {
	enum ior_hold earlier;
	__u8 lock;
	__u8 self;
	__u16 flags;
	bool waited;
	enum ior_keeper want;
} keepers[] = {
	{IOR_HOLD_EXCLUSIVE, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES, 0, false, IOR_KEEPER_EXCLUSIVE},
	{IOR_HOLD_EXCLUSIVE, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN, 0, false,
	 IOR_KEEPER_SHARED_EXCLUSIVE},
	{IOR_HOLD_SHARED, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES, 0, false, IOR_KEEPER_SHARED_EXCLUSIVE},
	{IOR_HOLD_SHARED, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN, 0, false, IOR_KEEPER_LUCK},
	/* somebody holds it, but not this op */
	{IOR_HOLD_SHARED, IOR_LOCK_EXCLUSIVE, IOR_SELF_NO, 0, false, IOR_KEEPER_LUCK},
	{IOR_HOLD_EXCLUSIVE, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN, IOR_OPF_LOCKLESS, false,
	 IOR_KEEPER_LUCK},
	{IOR_HOLD_EXCLUSIVE, IOR_LOCK_UNKNOWN, IOR_SELF_UNKNOWN, 0, false, IOR_KEEPER_LUCK},
	/* an asynchronous op has dropped its lock: only a wait for it counts */
	{IOR_HOLD_IN_FLIGHT, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES, 0, false, IOR_KEEPER_LUCK},
	{IOR_HOLD_IN_FLIGHT, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES, 0, true, IOR_KEEPER_DIO_WAIT},
	{IOR_HOLD_NOTHING, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES, 0, true, IOR_KEEPER_LUCK},
};

static void only_an_excluding_lock_or_a_wait_keeps_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keepers); i++) {
		struct ior_op later = op(IOR_OP_WRITE, IOR_MODE_DIRECT, 0, 4096);

		later.lock = (struct ior_lock_state){keepers[i].lock, keepers[i].self};
		later.flags = keepers[i].flags;
		if (ior_kept_apart(keepers[i].earlier, &later, keepers[i].waited) !=
		    keepers[i].want)
			fail_msg("case %zu", i);
	}
}

static void async_op_holds_nothing_but_its_count(void **state)
{
	struct ior_op a = op(IOR_OP_WRITE, IOR_MODE_DIRECT, 0, 4096);

	(void)state;
	a.lock = (struct ior_lock_state){IOR_LOCK_EXCLUSIVE, IOR_SELF_YES};
	a.flags = IOR_OPF_ASYNC;
	assert_int_equal(ior_op_hold(&a), IOR_HOLD_IN_FLIGHT);
	a.flags |= IOR_OPF_HOLDS;
	assert_int_equal(ior_op_hold(&a), IOR_HOLD_EXCLUSIVE);
	a.flags |= IOR_OPF_LOCKLESS;
	assert_int_equal(ior_op_hold(&a), IOR_HOLD_NOTHING);
}

static void ops_without_common_bytes_do_not_tear(void **state)
{
	struct ior_op a = op(IOR_OP_WRITE, IOR_MODE_DAX, 0, 4096);
	struct ior_op b = op(IOR_OP_WRITE, IOR_MODE_DAX, 4096, 8192);

	(void)state;
	assert_int_equal(ior_ops_tear(&a, &b), IOR_TEAR_UNLIKELY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relation_needs_bytes_a_writer_and_both_windows),
		cmocka_unit_test(exclusive_lock_does_not_undo_a_conflict),
		cmocka_unit_test(only_an_excluding_lock_or_a_wait_keeps_apart),
		cmocka_unit_test(async_op_holds_nothing_but_its_count),
		cmocka_unit_test(tear_is_graded_by_the_finer_copy),
		cmocka_unit_test(ops_without_common_bytes_do_not_tear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
