// SPDX-License-Identifier: GPL-2.0
/* What the kernel side claims for a range lock, and what it must not claim. */
#include "unit.h"

#include <string.h>

#define HOST_MEETS
#include "inflight_host.h"

#include <iorace/range_lock.h>

#define SLOTS 16

static struct ior_range_lock_span spans[SLOTS];

static struct ior_range_lock_span *lock_span_at(__u32 i)
{
	return i < SLOTS ? &spans[i] : NULL;
}

#include "lock_claims.bpf.h"

#define TREE 0xffff888000001000ULL
#define DOUBTS 7
#define ME 1 /* the op that waits */

/* No op of this test is in the table: of slots only their sequence matters. */
static void inflight_meet(__u32 self, const __u64 *way)
{
	(void)self, (void)way;
}

static int set_up(void **state)
{
	(void)state;
	memset(spans, 0, sizeof(spans));
	host_table_init(SLOTS, SLOTS, SLOTS);
	lock_span_reset(&spans[ME], DOUBTS);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	host_table_done();
	return 0;
}

static struct ior_range_lock_held lock_on(__u64 start, __u64 end)
{
	return (struct ior_range_lock_held){
		.range = {start, end}, .tree = TREE, .flags = IOR_RLF_HELD | IOR_RLF_KNOWS_RANGE};
}

/* The op in `slot`, which holds that, opened before ME. */
static void meets(__u32 slot, struct ior_range_lock_held held, enum ior_hold hold)
{
	const struct ior_range_lock_peer peer = {
		.held = held, .slot = slot, .seq = slot_at(slot)->seq, .hold = hold};

	spans[slot].held = held;
	lock_note(ME, &peer);
}

static void wants(struct ior_range_lock_held held)
{
	lock_span_wants(&spans[ME], &held);
}

static void has(struct ior_range_lock_held held)
{
	spans[ME].held = held;
}

static int claims(enum ior_hold hold, int pairs)
{
	return lock_claims(&spans[ME], hold, pairs, DOUBTS);
}

static void a_range_that_excludes_is_claimed(void **state)
{
	(void)state;
	meets(2, lock_on(0, 4096), IOR_HOLD_SHARED);
	meets(3, lock_on(4095, 8192), IOR_HOLD_IN_FLIGHT);
	wants(lock_on(0, 4096));
	has(lock_on(0, 4096));
	assert_int_equal(claims(IOR_HOLD_SHARED, 1), 1);
	assert_int_equal(claims(IOR_HOLD_IN_FLIGHT, 1), 1);
	assert_int_equal(claims(IOR_HOLD_NOTHING, 1), 0);
	assert_int_equal(claims(IOR_HOLD_SHARED, 0), 0); /* it conflicted after all */
}

static void a_range_that_ends_a_byte_early_is_not(void **state)
{
	(void)state;
	meets(2, lock_on(0, 4095), IOR_HOLD_SHARED);
	wants(lock_on(4095, 8192));
	has(lock_on(4095, 8192));
	assert_int_equal(claims(IOR_HOLD_SHARED, 1), 0);
}

static void nothing_is_claimed_for_one_without_the_lock(void **state)
{
	struct ior_range_lock_held none = lock_on(0, 4096);

	(void)state;
	none.flags = 0;
	meets(2, none, IOR_HOLD_SHARED);
	has(lock_on(0, 4096));
	assert_int_equal(claims(IOR_HOLD_SHARED, 1), 0);
	meets(3, lock_on(0, 4096), IOR_HOLD_SHARED);
	assert_int_equal(claims(IOR_HOLD_SHARED, 2), 1);
	has(none);
	assert_int_equal(claims(IOR_HOLD_SHARED, 2), 0);
}

static void a_lock_in_doubt_claims_nothing(void **state)
{
	(void)state;
	meets(2, lock_on(0, 4096), IOR_HOLD_SHARED);
	has(lock_on(0, 4096));
	assert_int_equal(lock_claims(&spans[ME], IOR_HOLD_SHARED, 1, DOUBTS), 1);
	assert_int_equal(lock_claims(&spans[ME], IOR_HOLD_SHARED, 1, DOUBTS + 1), 0);
}

static void more_than_the_list_holds_are_counted_once_it_is_known_what_is_wanted(void **state)
{
	(void)state;
	for (int i = 0; i < IOR_RANGE_LOCK_LIST; i++)
		meets(2, lock_on(0, 4096), IOR_HOLD_SHARED);
	meets(3, lock_on(0, 4096), IOR_HOLD_SHARED); /* nobody knows yet what ME will ask for */
	wants(lock_on(0, 4096));
	meets(4, lock_on(0, 4096), IOR_HOLD_SHARED);
	meets(5, lock_on(8192, 12288), IOR_HOLD_SHARED);
	has(lock_on(0, 4096));
	assert_int_equal(claims(IOR_HOLD_SHARED, 99), IOR_RANGE_LOCK_LIST + 1);
}

static void what_was_counted_for_another_range_is_forgotten(void **state)
{
	(void)state;
	for (int i = 0; i <= IOR_RANGE_LOCK_LIST; i++)
		meets(2, lock_on(8192, 12288), IOR_HOLD_SHARED);
	wants(lock_on(0, 4096));
	meets(3, lock_on(0, 4096), IOR_HOLD_SHARED);
	has(lock_on(0, 8192)); /* it has something else than it asked for */
	assert_int_equal(claims(IOR_HOLD_SHARED, 99), 0);
	has(lock_on(0, 4096));
	assert_int_equal(claims(IOR_HOLD_SHARED, 99), 1);
	wants(lock_on(0, 4096)); /* the same again: tried twice */
	assert_int_equal(claims(IOR_HOLD_SHARED, 99), 1);
	wants(lock_on(0, 512));
	has(lock_on(0, 512));
	assert_int_equal(claims(IOR_HOLD_SHARED, 99), 0);
}

static void a_lock_held_by_two_at_once_is_overrun(void **state)
{
	struct ior_range_lock_held mine = lock_on(0, 4096), apart = lock_on(8192, 12288);

	(void)state;
	meets(2, lock_on(0, 4096), IOR_HOLD_SHARED);
	assert_true(lock_is_overrun(&spans[ME], &mine));
	assert_false(lock_is_overrun(&spans[ME], &apart));
	spans[2].held.flags &= ~IOR_RLF_HELD; /* released */
	assert_false(lock_is_overrun(&spans[ME], &mine));
}

static void an_op_that_has_made_room_overruns_nobody(void **state)
{
	struct ior_range_lock_held mine = lock_on(0, 4096);

	(void)state;
	meets(2, lock_on(0, 4096), IOR_HOLD_SHARED);
	slot_at(2)->seq += 2;
	assert_false(lock_is_overrun(&spans[ME], &mine));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_range_that_excludes_is_claimed),
		CASE(a_range_that_ends_a_byte_early_is_not),
		CASE(nothing_is_claimed_for_one_without_the_lock),
		CASE(a_lock_in_doubt_claims_nothing),
		CASE(more_than_the_list_holds_are_counted_once_it_is_known_what_is_wanted),
		CASE(what_was_counted_for_another_range_is_forgotten),
		CASE(a_lock_held_by_two_at_once_is_overrun),
		CASE(an_op_that_has_made_room_overruns_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
