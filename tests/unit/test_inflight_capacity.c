// SPDX-License-Identifier: GPL-2.0
/*
 * What the in-flight table holds at its default size, what a look costs as it fills, and what ops
 * of several threads share. Counted, not timed: the figures are the same on every machine.
 */
#include "unit.h"

#include <iorace/types.h>

#include <pthread.h>
#include <stdbool.h>

/* Lines of memory that the thread at hand touches in the table: see touched(). */
static _Thread_local __u32 thread_now;
static void touched(const void *p, bool writes);

#define INFLIGHT_HOOK(p, writes) touched(p, writes)
#define HOST_COUNTS_LINES
#define HOST_IS_IN_PAGE(line) is_in_page(line)
static bool is_in_page(__u32 line);
#include "inflight_host.h"
#include "random.h"

#define LINES 16384 /* user/live/tracer.c, TRACER_IN_FLIGHT_DEFAULT */
#define WIDE_LINES 256
#define SLOTS 65536
#define INODE 0xffff888012345678ULL
#define OPS_MAX 16384
#define TRIES 20000

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	(void)self_id, (void)peer_id, (void)stage;
}

static void host_count_unattributed(__u64 self_id, __u64 peer_id)
{
	(void)self_id, (void)peer_id;
}

/* ---- room ------------------------------------------------------------------------------------ */

struct crowd {
	__u32 ops;
	__u64 region_bytes;
	__u32 op_bytes;
	__u32 page_hundredths; /* of lines read per look, at most: of the page */
	__u32 hundredths;      /* and of those spread over the table, which are in no cache */
};

/*
 * The lines per look are what they are today and a tenth: they are what a crowd costs an op. Small
 * ops began by chunks and stand by granules: both are noted, and so there are two lines of pages.
 */
static const struct crowd crowds[] = {
	{1, 1 << 30, 4096, 100, 0},	    {4096, 256 << 20, 4096, 220, 110},
	{4096, 1 << 30, 4096, 220, 110},    {16384, 1 << 30, 4096, 220, 110},
	{16384, 256 << 20, 4096, 220, 113}, {16384, 64 << 20, 4096, 220, 153},
	{16384, 1 << 30, 65536, 110, 113},  {16384, 16ULL << 30, 262144, 588, 648},
	{256, 256 << 10, 4096, 220, 350},   {1792, 64 << 10, 4096, 220, 7512},
};

static bool is_in_page(__u32 line)
{
	__u32 page = ior_home_of(INODE, 0, 0).line & line_mask(false);

	return !((line ^ page) & ~(IOR_PACKED_LINES - 1));
}

/* Reads do not meet: only room and ways matter. Keys lie as kiocbs in a slab do. */
static int random_op(const struct crowd *c, __u64 i)
{
	__u64 start = rnd() % (c->region_bytes / c->op_bytes) * c->op_bytes;
	struct ior_op op = {.range = {start, start + c->op_bytes}, .kind = IOR_OP_READ};

	return host_begin(0xffff888100000000ULL + i * 0x140, INODE, &op, true);
}

struct looks {
	__u64 page_lines, lines;
};

/* Who came while there was room in the page goes, and then all stand spread. */
static void all_go_and_come(const struct crowd *c, int *at)
{
	for (__u32 k = 0; k < c->ops; k++) {
		host_end(at[k]);
		at[k] = random_op(c, k);
		assert_true(at[k] >= 0);
	}
}

/* One goes, one comes. Lines read by all their looks. */
static struct looks come_and_go(const struct crowd *c, int *at)
{
	struct looks looks = {0};

	for (__u32 i = 0; i < TRIES; i++) {
		__u32 k = rnd() % c->ops;
		__u64 before, page_before;

		host_end(at[k]);
		at[k] = random_op(c, k);
		assert_true(at[k] >= 0);
		host_lines_read.last = ~0U; /* others have been here since */
		before = host_lines_read.all;
		page_before = host_lines_read.of_pages;
		inflight_look_slow(at[k], slot_at(at[k]));
		looks.page_lines += host_lines_read.of_pages - page_before;
		looks.lines +=
			host_lines_read.all - before - (host_lines_read.of_pages - page_before);
	}
	return looks;
}

static void every_op_within_the_limit_finds_room(void **state)
{
	static int at[OPS_MAX];

	(void)state;
	rng = 88172645463325252ULL;
	for (size_t n = 0; n < sizeof(crowds) / sizeof(crowds[0]); n++) {
		const struct crowd *c = &crowds[n];
		struct looks looks;

		host_table_init(LINES, WIDE_LINES, SLOTS);
		for (__u32 i = 0; i < c->ops; i++) {
			at[i] = random_op(c, i);
			assert_true(at[i] >= 0);
		}
		all_go_and_come(c, at);
		looks = come_and_go(c, at);
		print_message("%u x %u KiB in %llu KiB: %.2f and %.2f lines per look\n", c->ops,
			      c->op_bytes >> 10, c->region_bytes >> 10,
			      (double)looks.page_lines / TRIES, (double)looks.lines / TRIES);
		assert_true(looks.page_lines * 100 <= (__u64)c->page_hundredths * TRIES);
		assert_true(looks.lines * 100 <= (__u64)c->hundredths * TRIES);
		host_table_done();
	}
}

static __u32 how_many_find_room(const struct crowd *c)
{
	__u32 held = 0;

	host_table_init(LINES, WIDE_LINES, SLOTS);
	while (random_op(c, held) >= 0)
		held++;
	host_table_done();
	return held;
}

/* The twin: beyond what one unit can hold there is no room, and that is said. */
static void op_beyond_the_limit_of_a_unit_finds_none(void **state)
{
	const struct crowd granule = {1, 16 << 10, 4096, 0, 0}, chunk = {1, 64 << 10, 65536, 0, 0};

	(void)state;
	assert_in_range(how_many_find_room(&granule), IOR_WAYS * IOR_PROBE_LINES_MAX,
			IOR_WAYS * (IOR_PROBE_LINES_MAX + NEAR_LINES));
	assert_in_range(how_many_find_room(&chunk), IOR_WAYS * IOR_PROBE_LINES_MAX,
			IOR_WAYS * (IOR_PROBE_LINES_MAX + NEAR_LINES));
}

#define PAGE_BYTES 4096
#define FILLS 50

/* Objects of a slab, page after page, which lie anywhere in memory. */
static void fill_slots(__u32 object_bytes)
{
	__u64 page = 0, in_page = PAGE_BYTES;

	host_table_init(LINES, WIDE_LINES, SLOTS);
	for (__u32 i = 0; i < OPS_MAX; i++, in_page += object_bytes) {
		if (in_page + object_bytes > PAGE_BYTES) {
			page = 0xffff888000000000ULL + rnd() % (1U << 23) * PAGE_BYTES;
			in_page = 0;
		}
		if (inflight_find(page + in_page) < 0) /* the same page again */
			assert_true(inflight_claim(page + in_page) >= 0);
	}
	host_table_done();
}

static void objects_of_any_slab_have_a_slot_each(void **state)
{
	static const __u32 sizes[] = {128, 192, 256, 320, 448, 1024};

	(void)state;
	rng = 88172645463325252ULL;
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		for (int i = 0; i < FILLS; i++)
			fill_slots(sizes[n]);
	}
}

/* ---- keys that are regular ------------------------------------------------------------------- */

#define SLOTS_PER_OP 4 /* user/live/tracer.c */
#define OPS_OF_A_LARGE_TABLE 131072
#define FARTHEST 9	/* as slot.h says of IOR_PROBE_SLOTS_MAX */
#define AWAY_PERCENT 23 /* of keys by chance alone 12.5 would be */

struct keys {
	const char *name;
	__u64 first;
	__u64 apart_bytes;
};

struct stood {
	__u32 away;
	__u32 farthest;
};

static __u32 steps_from_home(__u64 key, __u32 at)
{
	__u32 home = ior_slot_home(key) & slot_mask(), steps = 0;

	while (slot_after(key, home, steps) != at)
		steps++;
	return steps;
}

/* As many as the table is said to hold. */
static struct stood claim_all(const struct keys *keys, __u32 ops)
{
	struct stood stood = {};

	host_table_init(ops, WIDE_LINES, ops * SLOTS_PER_OP);
	for (__u64 i = 0; i < ops; i++) {
		__u64 key = keys->first + i * keys->apart_bytes;
		int at = inflight_claim(key);
		__u32 steps;

		if (at < 0)
			fail_msg("%s %llu bytes apart: of %u ops the %lluth finds no slot",
				 keys->name, keys->apart_bytes, ops, i);
		steps = steps_from_home(key, at);
		stood.away += steps > 0;
		if (steps > stood.farthest)
			stood.farthest = steps;
	}
	host_table_done();
	return stood;
}

static void judge_keys(const struct keys *keys, struct stood *worst)
{
	for (__u32 ops = 16; ops <= OPS_OF_A_LARGE_TABLE; ops *= 2) {
		struct stood stood = claim_all(keys, ops);

		/* A few pages of keys have a few groups, and what they share is chance. */
		if (ops >= 4096 && stood.away * 100ULL > AWAY_PERCENT * (__u64)ops)
			fail_msg("%s %llu bytes apart: %u of %u are away", keys->name,
				 keys->apart_bytes, stood.away, ops);
		if (stood.farthest > worst->farthest)
			worst->farthest = stood.farthest;
	}
}

/* The kiocbs of synchronous ops are all at the same place of their stacks. */
static void regular_keys_find_room_in_a_table_of_any_size(void **state)
{
	static const __u64 stacks_pages[] = {1, 2, 4, 5, 8, 9, 15, 16, 17, 32, 59, 64, 227, 512};
	static const __u64 objects[] = {128, 192, 256, 320, 448, 512, 1024, 2048, 9728};
	struct stood worst = {};

	(void)state;
	for (size_t i = 0; i < sizeof(stacks_pages) / sizeof(stacks_pages[0]); i++)
		judge_keys(&(struct keys){"stacks", 0xffffc90000007e28ULL,
					  stacks_pages[i] * PAGE_BYTES},
			   &worst);
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		judge_keys(&(struct keys){"objects", 0xffff888100000000ULL, objects[i]}, &worst);
	print_message("at most %u steps from home\n", worst.farthest);
	assert_true(worst.farthest <= FARTHEST);
}

/* ---- what threads share ---------------------------------------------------------------------- */

#define THREADS 8
#define TOUCHES_MAX 4096

static struct {
	const void *line;
	__u32 thread;
	bool writes;
} touches[TOUCHES_MAX];
static __u32 touches_len;
static bool touches_wanted;

static void touched(const void *p, bool writes)
{
	if (!touches_wanted)
		return;
	assert_true(touches_len < TOUCHES_MAX);
	touches[touches_len].line = (const void *)((uintptr_t)p & ~63UL);
	touches[touches_len].thread = thread_now;
	touches[touches_len++].writes = writes;
}

/* A sync write of 4 KiB, its kiocb on the stack of its thread. */
static void write_at(__u32 thread, __u64 start)
{
	struct ior_op op = {.range = {start, start + 4096}, .kind = IOR_OP_WRITE};
	__u64 key = 0xffffc90000003e00ULL + thread * 0x8000ULL;
	struct host_times times;
	int at;

	thread_now = thread;
	at = inflight_claim(key);
	assert_true(at >= 0);
	host_fill(slot_at(at), INODE, &op);
	assert_true(host_enter_fast(at, slot_at(at), true, &times));
	host_end(at);
}

/* Pairs of touches of one line by two threads, one of which writes. */
static __u32 lines_that_travel(void)
{
	__u32 pairs = 0;

	for (__u32 i = 0; i < touches_len; i++) {
		for (__u32 k = 0; k < i; k++)
			pairs += touches[i].line == touches[k].line &&
				 touches[i].thread != touches[k].thread &&
				 (touches[i].writes || touches[k].writes);
	}
	return pairs;
}

static __u32 lines_shared(__u64 first_granule, __u64 granules_apart)
{
	__u32 shared;

	host_table_init(LINES, WIDE_LINES, SLOTS);
	places_note(INODE, 1U << IOR_PLACE_FINE);
	write_at(0, 0); /* its place is noted, once and for all */
	touches_len = 0;
	touches_wanted = true;
	for (__u32 round = 0; round < 4; round++) {
		for (__u32 thread = 0; thread < THREADS; thread++)
			write_at(thread,
				 ((first_granule + thread * granules_apart) << IOR_GRANULE_SHIFT) +
					 round * 4096);
	}
	touches_wanted = false;
	shared = lines_that_travel();
	host_table_done();
	return shared;
}

static void threads_in_own_granules_of_one_file_share_no_line(void **state)
{
	(void)state;
	assert_int_equal(lines_shared(4000, 1), 0);
	assert_int_equal(lines_shared(4000, 4), 0);
	assert_int_equal(lines_shared(1000, 33), 0);
}

static void threads_in_one_granule_share_its_line(void **state)
{
	(void)state;
	assert_true(lines_shared(4000, 0) > 0);
}

/* ---- many at once ---------------------------------------------------------------------------- */

#define OPS_PER_THREAD 20000

static void *write_on(void *arg)
{
	__u32 thread = (uintptr_t)arg;

	for (__u32 i = 0; i < OPS_PER_THREAD; i++)
		write_at(thread, ((thread * 64ULL + i % 64) << IOR_CHUNK_SHIFT) + i % 16 * 4096);
	return NULL;
}

static void many_threads_leave_nothing_behind(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	host_table_init(LINES, WIDE_LINES, SLOTS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_on, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	for (__u32 i = 0; i < LINES; i++) {
		assert_int_equal(host.lines[0][i].header, 0);
		for (int way = 0; way < IOR_WAYS; way++)
			assert_int_equal(host.lines[0][i].ways[way], 0);
	}
	for (__u32 i = 0; i < SLOTS; i++)
		assert_true(!host.slots[i].key && !ior_away_count(host.slots[i].away));
	host_table_done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_op_within_the_limit_finds_room),
		cmocka_unit_test(op_beyond_the_limit_of_a_unit_finds_none),
		cmocka_unit_test(objects_of_any_slab_have_a_slot_each),
		cmocka_unit_test(regular_keys_find_room_in_a_table_of_any_size),
		cmocka_unit_test(threads_in_own_granules_of_one_file_share_no_line),
		cmocka_unit_test(threads_in_one_granule_share_its_line),
		cmocka_unit_test(many_threads_leave_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
