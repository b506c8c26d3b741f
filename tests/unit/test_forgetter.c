// SPDX-License-Identifier: GPL-2.0
/*
 * The tool's forgetter beside a table of the host: what goes, what stays, and that whoever comes
 * next is where others find him. Under every schedule: test_inflight_model.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "inflight_ops.h"

#include "live/forgetter.h"

#define SLOTS 4096 /* twice what it maps at a time */
#define TICKS_IDLE 64

#define PACKED_CHUNKS 1U
#define SPREAD_CHUNKS (1U << IOR_PLACE_SPREAD)
#define PACKED_GRANULES (1U << IOR_PLACE_FINE)
#define SPREAD_GRANULES (1U << (IOR_PLACE_FINE | IOR_PLACE_SPREAD))

static int slots_fd;
static struct forgetter *forgetter;

/* The slots are where another process could map them. */
static int setup_shared(void **state)
{
	size_t bytes = SLOTS * sizeof(struct ior_slot);
	struct forgetter_table table;

	setup_coarse(state);
	slots_fd = memfd_create("slots", MFD_CLOEXEC);
	assert_true(slots_fd >= 0);
	assert_int_equal(ftruncate(slots_fd, bytes), 0);
	free(host.slots);
	host.slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, slots_fd, 0);
	assert_true(host.slots != MAP_FAILED);
	assert_int_equal(slot_mask(), SLOTS - 1);
	table = (struct forgetter_table){
		.slots_fd = slots_fd,
		.slots = SLOTS,
		.noted = host.places,
	};
	forgetter = forgetter_new(&table);
	assert_non_null(forgetter);
	return 0;
}

static int teardown_shared(void **state)
{
	forgetter_free(forgetter);
	munmap(host.slots, SLOTS * sizeof(struct ior_slot));
	host.slots = NULL;
	close(slots_fd);
	return teardown(state);
}

/* What is noted after a second, and before it `noted` and whatever the ops in flight say. */
static __u32 after_a_second(__u32 noted)
{
	*places_of(INODE) = noted;
	forgetter_tick(forgetter);
	return *places_of(INODE);
}

static void where_ops_stand_stays(void **state)
{
	static const struct {
		__u32 noted;	/* when it begins */
		__u64 end;	/* of an op from 0 on */
		__u32 noted_of; /* what stays */
	} ops[] = {
		{PACKED_CHUNKS, 4096, PACKED_CHUNKS},
		{PACKED_GRANULES, 4096, PACKED_GRANULES},
		{PACKED_GRANULES, 2 * GRANULE, PACKED_CHUNKS},
		{SPREAD_CHUNKS, 4096, SPREAD_CHUNKS},
		{SPREAD_GRANULES, 4096, SPREAD_GRANULES},
		{SPREAD_GRANULES, 2 * CHUNK, SPREAD_CHUNKS},
	};
	const __u32 all = IOR_PLACES_ALL;

	(void)state;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		for (int waits = 0; waits < 2; waits++) {
			int at;

			*places_of(INODE) = ops[i].noted;
			at = begin_on(INODE, 0, ops[i].end, IOR_OP_WRITE, !waits);
			assert_int_equal(after_a_second(all), ops[i].noted_of);
			assert_op_is_where_it_should(at);
			host_end(at);
		}
}

static void wide_op_stays_and_goes(void **state)
{
	int at = begin(0, 100 * CHUNK, IOR_OP_WRITE);

	(void)state;
	assert_int_equal(after_a_second(PACKED_CHUNKS | IOR_PLACES_WIDE),
			 PACKED_CHUNKS | IOR_PLACES_WIDE);
	host_end(at);
	assert_int_equal(after_a_second(PACKED_CHUNKS | IOR_PLACES_WIDE), PACKED_CHUNKS);
}

/* Of a file that is written in bursts; and if it is idle just then it begins anew in the end. */
static void last_place_of_an_idle_file_stays_a_minute(void **state)
{
	__u32 noted = IOR_PLACES_ALL;

	(void)state;
	for (int i = 1; i < TICKS_IDLE; i++) {
		noted = after_a_second(noted);
		assert_int_equal(noted, SPREAD_GRANULES);
	}
	assert_int_equal(after_a_second(noted), 0);
}

static void first_place_is_no_work(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * TICKS_IDLE; i++)
		assert_int_equal(after_a_second(PACKED_CHUNKS), PACKED_CHUNKS);
}

/* Two files that share an entry: where either stands. */
static void entry_of_two_files_keeps_the_places_of_both(void **state)
{
	__u64 twin = INODE;
	int at[2];

	(void)state;
	do
		twin += 1024;
	while (places_of(twin) != places_of(INODE));
	at[0] = begin_on(INODE, 0, 4096, IOR_OP_WRITE, true);
	*places_of(INODE) |= SPREAD_GRANULES;
	at[1] = begin_on(twin, 0, 4096, IOR_OP_WRITE, true);
	assert_int_equal(after_a_second(IOR_PLACES_ALL), PACKED_CHUNKS | SPREAD_GRANULES);
	host_end(at[0]);
	assert_int_equal(after_a_second(*places_of(INODE)), SPREAD_GRANULES);
	host_end(at[1]);
}

static void ops_of_other_files_keep_nothing(void **state)
{
	int at = begin_on(OTHER_INODE, 0, 4096, IOR_OP_WRITE, true);

	(void)state;
	assert_int_equal(after_a_second(IOR_PLACES_ALL), SPREAD_GRANULES);
	assert_int_equal(places_load(OTHER_INODE), PACKED_CHUNKS);
	host_end(at);
}

/* In some slots of the table, whichever part they are mapped in. */
static void nobody_is_overlooked_wherever_he_stands(void **state)
{
	(void)state;
	for (__u64 i = 0; i < 2000; i++) {
		__u64 inode = INODE + i * 0x10400;
		int at;

		*places_of(inode) = SPREAD_CHUNKS;
		at = begin_on(inode, i * 7 * CHUNK, i * 7 * CHUNK + 4096, IOR_OP_WRITE, true);
		*places_of(inode) = IOR_PLACES_ALL;
		if (i % 100 == 0) {
			forgetter_tick(forgetter);
			assert_int_equal(places_load(inode) & SPREAD_CHUNKS, SPREAD_CHUNKS);
		}
		host_end(at);
	}
}

/* One whose place was forgotten between its question and its publish is met all the same. */
static void op_whose_place_was_forgotten_is_met(void **state)
{
	struct ior_op op = op_of(0, 4096, IOR_OP_WRITE);
	int at = inflight_claim(0x99999000), other, way;
	struct ior_slot *slot = slot_at(at);
	struct inflight_spot spot;
	struct ior_line *line;
	__u64 word;

	(void)state;
	*places_of(INODE) = PACKED_GRANULES;
	host_fill(slot, INODE, &op);
	slot->moving = true;
	spot = slot_aim(slot, INODE, op.range);
	*places_of(INODE) = 0;
	line = line_at(false, spot.line);
	word = ior_word_in_one_chunk(op.range, spot.tag, at, true, true);
	way = inflight_publish_fast(slot, line, spot.line, word);
	assert_int_equal(host_look_common(at, slot, line, way, word), 0);
	INFLIGHT_STORE(&slot->settled, 1);
	assert_int_equal(places_load(INODE) & IOR_PLACES_ALL, PACKED_GRANULES);
	other = begin(0, 2 * GRANULE, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 1);
	host_end(other);
	host_end(at);
	assert_table_is_empty();
}

static void table_that_cannot_be_mapped_forgets_nothing(void **state)
{
	struct forgetter_table table = {
		.slots_fd = -1,
		.slots = SLOTS,
		.noted = host.places,
	};
	struct forgetter *blind = forgetter_new(&table);

	(void)state;
	*places_of(INODE) = IOR_PLACES_ALL;
	for (int i = 0; i < TICKS_IDLE; i++) {
		forgetter_tick(blind);
		assert_int_equal(places_load(INODE), IOR_PLACES_ALL);
	}
	forgetter_free(blind);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_shared, teardown_shared)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_ops_stand_stays),
		TEST(wide_op_stays_and_goes),
		TEST(last_place_of_an_idle_file_stays_a_minute),
		TEST(first_place_is_no_work),
		TEST(entry_of_two_files_keeps_the_places_of_both),
		TEST(ops_of_other_files_keep_nothing),
		TEST(nobody_is_overlooked_wherever_he_stands),
		TEST(op_whose_place_was_forgotten_is_met),
		TEST(table_that_cannot_be_mapped_forgets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
