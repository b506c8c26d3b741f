// SPDX-License-Identifier: GPL-2.0
/*
 * The places of the in-flight table: ops that stand by their granule and ops that stand by their
 * chunks, packed and spread, find each other once. Each two of some ranges, in both orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inflight_ops.h"

#define G GRANULE
#define C CHUNK
#define END (~0ULL)
#define GRANULES_OF_A_CHUNK (CHUNK / GRANULE)
#define NARROW_MAX (IOR_NARROW_CHUNKS_MAX * CHUNK)

#define FINE IOR_PLACE_FINE
#define SPREAD IOR_PLACE_SPREAD

/* ---- layout ---------------------------------------------------------------------------------- */

static const __u64 edges[] = {
	0,     1,     511, 4096,  G - 1, G,	    G + 1,     2 * G, 2 * G + 1,
	3 * G, C - 1, C,   C + 1, C + G, C + 2 * G, 2 * C - 1, 2 * C, 3 * C,
};
#define EDGES (sizeof(edges) / sizeof(edges[0]))

static void op_is_fine_in_one_granule_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDGES; i++)
		for (size_t k = i + 1; k < EDGES; k++) {
			struct ior_range r = {edges[i], edges[k]};

			assert_int_equal(ior_range_fine(r), is_fine(r) ? FINE : 0);
		}
	assert_int_equal(ior_range_fine((struct ior_range){END - G + 1, END}), FINE);
	assert_int_equal(ior_range_fine((struct ior_range){END - G, END}), 0);
	assert_int_equal(ior_range_fine((struct ior_range){0, END}), 0);
}

static void units_are_granules_where_it_is_fine_and_else_chunks(void **state)
{
	(void)state;
	for (__u64 place = 0; place < IOR_PLACES; place++) {
		__u64 bytes = place & FINE ? 16 * K : 64 * K;

		for (size_t i = 0; i < EDGES; i++)
			for (size_t k = i + 1; k < EDGES; k++) {
				struct ior_range r = {edges[i], edges[k]};
				__u64 first = r.start / bytes, last = (r.end - 1) / bytes;

				assert_int_equal(ior_unit_of(r.start, place), first);
				assert_int_equal(ior_range_units(r, place), last - first + 1);
			}
	}
}

/* Counted from the start of the chunk, so that words of two places can be compared. */
static void word_has_the_sectors_of_its_range_in_its_unit(void **state)
{
	(void)state;
	for (size_t n = 0; n < EDGES * EDGES * IOR_PLACES; n++) {
		struct ior_range r = {edges[n / IOR_PLACES % EDGES], edges[n / IOR_PLACES / EDGES]};
		__u64 place = n % IOR_PLACES, bytes = place & FINE ? G : C;

		for (__u64 at = r.start / bytes * bytes; at < r.end; at += bytes) {
			__u64 first = r.start > at ? r.start : at;
			__u64 last = (r.end < at + bytes ? r.end : at + bytes) - 1;
			__u64 w = ior_word_in_unit(r, at / bytes,
						   ior_home_of(INODE, at / bytes, place).tag, 77,
						   true, true);

			assert_int_equal(ior_word_first(w), first % C / 512);
			assert_int_equal(ior_word_last(w), last % C / 512);
			assert_int_equal(ior_word_place(w), place);
			assert_int_equal(ior_word_slot(w), 77);
		}
	}
}

/* ---- each two ranges ------------------------------------------------------------------------- */

enum who_waits {
	NEITHER_WAITS,
	FIRST_WAITS,
	SECOND_WAITS,
	WAITS_COUNT_
};

enum who_is_spread {
	NEITHER_SPREAD,
	SECOND_SPREAD,
	BOTH_SPREAD,
	SPREAD_COUNT_
};

enum who_is_fine {
	NEITHER_FINE,
	SECOND_FINE,
	BOTH_FINE,
	FINE_COUNT_
};

struct setting {
	enum who_waits waits;
	enum who_is_spread spread;
	enum who_is_fine fine; /* if it is in one granule */
	bool fast;	       /* as most ops of one chunk enter */
	__u64 full;	       /* the place where its page was too small */
};

static int begin_fast(struct ior_range r, enum ior_op_kind kind)
{
	struct ior_op op = op_of(r.start, r.end, kind);
	struct host_times times;
	int at = inflight_claim(next_key += 0x140);

	assert_true(at >= 0);
	host_fill(slot_at(at), INODE, &op);
	assert_true(host_enter_fast(at, slot_at(at), true, &times));
	return at;
}

static int begin_in(const struct setting *s, struct ior_range r, enum ior_op_kind kind, bool waits)
{
	int at;

	if (s->fast && !waits && r.start / CHUNK == (r.end - 1) / CHUNK)
		return begin_fast(r, kind);
	at = begin_on(INODE, r.start, r.end, kind, !waits);
	assert_true(at >= 0);
	return at;
}

static bool table_is_empty(void)
{
	static const struct ior_line zero[64];

	return !memcmp(host.lines[0], zero, (line_mask(false) + 1) * sizeof(zero[0])) &&
	       !memcmp(host.lines[1], zero, (line_mask(true) + 1) * sizeof(zero[0]));
}

static void meet_in(const struct setting *s, struct ior_range first, struct ior_range second)
{
	int a, b;

	memset(&seen, 0, sizeof(seen));
	*places_of(INODE) = 0;
	if (s->fine == BOTH_FINE)
		inode_is_fine(INODE);
	if (s->spread == BOTH_SPREAD)
		host_note_spread(INODE, s->full);
	a = begin_in(s, first, IOR_OP_WRITE, s->waits == FIRST_WAITS);
	if (s->fine == SECOND_FINE)
		inode_is_fine(INODE);
	if (s->spread == SECOND_SPREAD)
		host_note_spread(INODE, s->full);
	b = begin_in(s, second, IOR_OP_READ, s->waits == SECOND_WAITS);
	if (s->waits != NEITHER_WAITS) {
		assert_int_equal(seen.conflicts, 0);
		assert_int_equal(seen.overlaps, ior_range_overlaps(first, second));
		host_move(s->waits == FIRST_WAITS ? a : b);
	}
	host_end(b);
	host_end(a);
}

static void assert_met_when_they_share_a_byte(const struct setting *s, struct ior_range first,
					      struct ior_range second)
{
	bool overlap = first.start < second.end && second.start < first.end;

	meet_in(s, first, second);
	if (seen.conflicts != overlap || seen.overlaps != overlap || seen.unattributed ||
	    !table_is_empty())
		fail_msg("[%llu, %llu), then [%llu, %llu): %u conflicts, %u overlaps; waits %d, "
			 "spread %d, fine %d, fast %d, full %llu",
			 first.start, first.end, second.start, second.end, seen.conflicts,
			 seen.overlaps, s->waits, s->spread, s->fine, s->fast, s->full);
}

#define RANGES_MAX (EDGES * (EDGES - 1) / 2 + 8)

static size_t ranges_of_edges(struct ior_range *ranges)
{
	static const struct ior_range more[] = {
		{0, 17 * C}, {C + G + 9, 18 * C}, {0, 18 * C},	      {G, 19 * C}, {2 * C, 21 * C},
		{0, END},    {C + G, END},	  {END - G - 9, END},
	};
	size_t count = 0;

	for (size_t i = 0; i < EDGES; i++)
		for (size_t k = i + 1; k < EDGES; k++)
			ranges[count++] = (struct ior_range){edges[i], edges[k]};
	memcpy(&ranges[count], more, sizeof(more));
	return count + sizeof(more) / sizeof(more[0]);
}

static void assert_each_two_meet_in(const struct setting *s)
{
	struct ior_range ranges[RANGES_MAX];
	size_t count = ranges_of_edges(ranges);

	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			assert_met_when_they_share_a_byte(s, ranges[i], ranges[k]);
}

static int setup_few_lines(void **state)
{
	(void)state;
	host_table_init(64, 4, 16);
	sweeps_beyond = 21 * GRANULES_OF_A_CHUNK; /* others look granule by granule */
	return 0;
}

static int teardown_few_lines(void **state)
{
	sweeps_beyond = 0;
	return teardown(state);
}

static void ranges_meet_wherever_they_stand(void **state)
{
	(void)state;
	for (int n = 0; n < SPREAD_COUNT_ * FINE_COUNT_ * 2; n++) {
		struct setting s = {
			.spread = n / 2 % SPREAD_COUNT_,
			.fine = n / 2 / SPREAD_COUNT_,
			.full = n % 2 * FINE,
		};

		assert_each_two_meet_in(&s);
	}
}

static void ranges_meet_wherever_they_stand_on_the_fast_path(void **state)
{
	(void)state;
	for (int n = 0; n < SPREAD_COUNT_ * FINE_COUNT_ * 2; n++) {
		struct setting s = {
			.spread = n / 2 % SPREAD_COUNT_,
			.fine = n / 2 / SPREAD_COUNT_,
			.fast = true,
			.full = n % 2 * FINE,
		};

		assert_each_two_meet_in(&s);
	}
}

static void waiting_ranges_meet_wherever_they_stand(void **state)
{
	(void)state;
	for (int n = 0; n < SPREAD_COUNT_ * FINE_COUNT_ * 2; n++) {
		struct setting s = {
			.spread = n / 2 % SPREAD_COUNT_,
			.fine = n / 2 / SPREAD_COUNT_,
			.waits = FIRST_WAITS + n % 2,
			.full = FINE,
		};

		assert_each_two_meet_in(&s);
	}
}

/* ---- many ------------------------------------------------------------------------------------ */

static int ops[1024];
static int ops_len;

static void begin_many(__u64 start, __u64 end, __u64 step, __u64 bytes, enum ior_op_kind kind)
{
	for (__u64 at = start; at < end; at += step) {
		ops[ops_len] = begin(at, at + bytes, kind);
		assert_true(ops[ops_len] >= 0);
		ops_len++;
	}
}

static void end_all_but(int one)
{
	while (ops_len)
		host_end(ops[--ops_len]);
	assert_int_equal(words_of_slot(one, false) + words_of_slot(one, true),
			 slot_at(one)->wide
				 ? 1
				 : ior_range_units(slot_at(one)->op.range, slot_at(one)->place));
}

static void end_all(void)
{
	while (ops_len)
		host_end(ops[--ops_len]);
	assert_table_is_empty();
}

/* One that comes to 4 KiB side by side, and then the others to it. */
static void assert_meets_each_once(__u64 start, __u64 end)
{
	__u32 expect = (end + 4095) / 4096 - start / 4096;
	int one;

	memset(&seen, 0, sizeof(seen));
	begin_many(0, NARROW_MAX + 3 * CHUNK, 4096, 4096, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 0);
	one = begin(start, end, IOR_OP_WRITE);
	assert_op_is_where_it_should(one);
	assert_int_equal(seen.conflicts, expect);
	end_all_but(one);
	begin_many(0, NARROW_MAX + 3 * CHUNK, 4096, 4096, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 2 * expect);
	assert_op_is_where_it_should(one);
	host_end(one);
	end_all();
	assert_int_equal(seen.unattributed, 0);
}

static const struct ior_range large_ranges[] = {
	{0, 2 * G},	     {0, C},
	{2 * G, C},	     {G - 4096, G + 4096},
	{C - G, C + G},	     {G + 4096, 3 * C},
	{4096, 5 * C},	     {0, NARROW_MAX},
	{C - 1, NARROW_MAX}, {G, NARROW_MAX + C - 1},
	{0, 20 * C},	     {C + 4096, 19 * C - 9},
};
#define LARGE_RANGES (sizeof(large_ranges) / sizeof(large_ranges[0]))

static void large_op_meets_each_small_one_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < LARGE_RANGES * 3; i++) {
		const struct ior_range *r = &large_ranges[i / 3];

		host_table_done();
		setup(state);
		if (i % 3 == 1)
			host_note_spread(INODE, 0);
		sweeps_beyond = i % 3 == 2 ? 1 : 0;
		assert_meets_each_once(r->start, r->end);
	}
	sweeps_beyond = 0;
}

/* So many that they stand far from home, and not all of them spread. */
#define CROWD 100

static void begin_crowd(__u64 start, __u64 bytes)
{
	for (int i = 0; i < CROWD; i++)
		begin_many(start, start + 1, 1, bytes, IOR_OP_READ);
	assert_true(inode_is_spread(INODE));
}

static void large_op_follows_small_ones_that_spilled(void **state)
{
	static const struct ior_range ranges[] = {{0, C}, {G, 3 * G}, {C - G, C + G}, {0, 5 * C}};
	static const __u32 crowds[] = {2, 1, 1, 2}; /* which of the two each meets */

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		host_table_done();
		setup(state);
		begin_many(0, NARROW_MAX, GRANULE, 4096, IOR_OP_READ);
		begin_crowd(G + 4096, 4096);
		begin_crowd(C - 4096, 4096);
		begin_many(ranges[i].start, ranges[i].start + 1, 1, ranges[i].end - ranges[i].start,
			   IOR_OP_WRITE);
		assert_int_equal(seen.conflicts,
				 crowds[i] * CROWD + ior_range_units(ranges[i], FINE));
		assert_int_equal(seen.unattributed, 0);
		end_all();
	}
}

static void small_op_follows_large_ones_that_spilled(void **state)
{
	(void)state;
	begin_crowd(G - 9, CHUNK - GRANULE);
	begin_crowd(G - 9, 3 * CHUNK);
	for (__u64 granule = 0; granule < 2 * GRANULES_OF_A_CHUNK; granule++) {
		__u64 at = granule * GRANULE + 4096;
		int one;

		seen.conflicts = 0;
		one = begin(at, at + 4096, IOR_OP_WRITE);
		assert_int_equal(seen.conflicts, CROWD * ((at > G && at < C - 9) + (at > G)));
		host_end(one);
	}
	end_all();
}

/* ---- what is noted --------------------------------------------------------------------------- */

static void op_notes_its_place_and_no_other(void **state)
{
	static const struct {
		struct ior_range range;
		__u32 noted, notes;
	} kinds[] = {
		{{0, 4096}, 0, 1U << 0},
		{{0, GRANULE + 1}, 0, 1U << 0},
		{{0, NARROW_MAX}, 0, 1U << 0},
		{{0, NARROW_MAX + 1}, 0, IOR_PLACES_WIDE},
		{{0, 4096}, 1U << FINE, 0},
		{{0, GRANULE + 1}, 1U << FINE, 1U << 0},
		{{0, 4096}, 1U << SPREAD, 0},
		{{0, 4096}, 1U << (SPREAD | FINE), 0},
		{{0, GRANULE + 1}, 1U << (SPREAD | FINE), 1U << SPREAD},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		*places_of(INODE) = kinds[i].noted;
		host_end(begin(kinds[i].range.start, kinds[i].range.end, IOR_OP_WRITE));
		assert_int_equal(places_load(INODE), kinds[i].noted | kinds[i].notes);
	}
}

/* Not while there is room in the line of their chunk: most files need no second place. */
static void small_ops_stand_fine_once_a_line_was_full(void **state)
{
	static const __u64 sizes[] = {4096, GRANULE, 2 * GRANULE};

	(void)state;
	for (int n = 0; n < 6; n++) {
		__u64 bytes = sizes[n / 2];
		struct ior_range r = {0, bytes};
		bool waits = n % 2;

		*places_of(INODE) = 0;
		for (int i = 0; i <= IOR_WAYS; i++) {
			assert_int_equal(places_load(INODE), i ? 1U : 0);
			ops[ops_len++] = begin_on(INODE, r.start, r.end, IOR_OP_READ, !waits);
		}
		assert_int_equal(places_load(INODE), 1U | 1U << ior_range_fine(r));
		ops[ops_len++] = begin_on(INODE, r.start, r.end, IOR_OP_READ, !waits);
		assert_int_equal(slot_at(ops[ops_len - 1])->place, ior_range_fine(r));
		end_all();
	}
}

static void full_page_of_one_place_spreads_those_of_the_other(void **state)
{
	static const __u64 sizes[] = {4096, CHUNK};

	(void)state;
	for (int i = 0; i < 2; i++) {
		__u64 place = ior_range_fine((struct ior_range){0, sizes[i]});
		int at;

		host_table_done();
		setup(state);
		begin_crowd(0, sizes[i]);
		assert_int_equal(places_load(INODE),
				 1U << FINE | 1U << place | 1U << (place | SPREAD));
		at = begin(0, sizes[1 - i], IOR_OP_READ);
		assert_int_equal(slot_at(at)->place, (place ^ FINE) | SPREAD);
		assert_int_equal(places_load(INODE), 1U << FINE | 1U << place | PLACES_ALL_SPREAD);
		host_end(at);
		end_all();
	}
}

/* Two inodes that share an entry: looked for where only the other stands, and never met. */
static void inodes_that_share_what_is_noted_do_not_meet(void **state)
{
	__u64 twin = INODE;
	int at[4];

	(void)state;
	do
		twin += 1024;
	while (places_of(twin) != places_of(INODE));
	at[0] = begin_on(INODE, 0, 4096, IOR_OP_WRITE, true);
	at[1] = begin_on(twin, 0, CHUNK, IOR_OP_WRITE, true);
	at[2] = begin_on(INODE, CHUNK, 3 * CHUNK, IOR_OP_WRITE, true);
	at[3] = begin_on(twin, CHUNK, 100 * CHUNK, IOR_OP_WRITE, true);
	assert_int_equal(places_load(INODE), 1U << 0 | 1U << FINE | IOR_PLACES_WIDE);
	assert_int_equal(seen.conflicts, 0);
	for (int i = 0; i < 4; i++)
		host_end(at[i]);
	assert_table_is_empty();
}

/* ---- room ------------------------------------------------------------------------------------ */

#define DEPTH 256
#define STREAM_OPS (16 * DEPTH)
#define INODES 100

/* Of ops side by side, and what they come to today and a tenth. */
struct stream {
	__u64 op_bytes;
	__u32 spread_most; /* of 100 inodes, how many are spread in the end */
	__u32 away_most;   /* of 10 000 ops, how many are not in the line that is theirs */
	__u32 room_least;  /* how many find room in a page that nobody leaves, on the average */
};

static const struct stream streams[] = {
	{4096, 0, 129, 331}, {8192, 0, 8, 379},	  {16 * K, 18, 36, 388},
	{32 * K, 0, 0, 386}, {64 * K, 0, 0, 407},
};
#define STREAMS (sizeof(streams) / sizeof(streams[0]))

static __u64 nth_inode(__u32 n)
{
	return INODE + n * 77 * 1024ULL;
}

static __u32 not_at_home(const int *at)
{
	__u32 count = 0;

	for (int i = 0; i < DEPTH; i++)
		count += ior_where_depth(slot_at(at[i])->where) != 0;
	return count;
}

/* One goes, the next comes, 256 deep. How many are away from home, each asked once. */
static __u32 go_on(__u64 inode, __u64 op_bytes)
{
	__u32 away = 0;
	int at[DEPTH];

	for (__u64 i = 0; i < STREAM_OPS + DEPTH; i++) {
		if (i >= DEPTH)
			host_end(at[i % DEPTH]);
		at[i % DEPTH] =
			begin_on(inode, i * op_bytes, (i + 1) * op_bytes, IOR_OP_WRITE, true);
		if (i % DEPTH == DEPTH - 1)
			away += not_at_home(at);
	}
	for (int i = 0; i < DEPTH; i++)
		host_end(at[i]);
	return away;
}

static void stream_stays_in_its_page_and_at_home_as_far_as_it_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < STREAMS; i++) {
		const struct stream *s = &streams[i];
		__u64 spread = 0, away = 0;

		for (int n = 0; n < INODES; n++) {
			away += go_on(nth_inode(n), s->op_bytes);
			spread += inode_is_spread(nth_inode(n));
			*places_of(nth_inode(n)) = 0;
		}
		print_message("%llu KiB, 256 deep: %llu of %d spread, %llu of 10000 away\n",
			      s->op_bytes / K, spread, INODES,
			      away * 10000 / (INODES * (STREAM_OPS + DEPTH)));
		assert_true(spread <= s->spread_most);
		assert_true(away * 10000 <= s->away_most * INODES * (STREAM_OPS + DEPTH));
	}
	assert_int_equal(seen.conflicts, 0);
}

static int lines_of_a_page_in_steps(__u64 step, __u64 place)
{
	__u32 mask = IOR_PACKED_MASK < 63 ? IOR_PACKED_MASK : 63; /* of 64 units */
	bool taken[IOR_PACKED_MASK + 1] = {false};
	int count = 0;

	for (__u64 i = 0; i <= mask; i++) {
		bool *line = &taken[ior_home_of(INODE, i * step, place).line & IOR_PACKED_MASK];

		count += !*line;
		*line = true;
	}
	return count;
}

/* As jobs that begin far from each other do, in files of their own size or at what fio is told. */
static void steps_of_a_power_of_two_have_many_lines(void **state)
{
	(void)state;
	for (int bit = 0; bit < 26; bit++)
		for (__u64 place = 0; place < IOR_PLACES; place += FINE)
			if (lines_of_a_page_in_steps(1ULL << bit, place) < 32)
				fail_msg("%d lines in steps of 2^%d",
					 lines_of_a_page_in_steps(1ULL << bit, place), bit);
}

/* Until the first finds no room in the four lines of its walk. */
static __u32 side_by_side_in_a_page(__u64 inode, __u64 op_bytes)
{
	__u32 held;

	for (; !inode_is_spread(inode); ops_len++)
		ops[ops_len] = begin_on(inode, ops_len * op_bytes, (ops_len + 1) * op_bytes,
					IOR_OP_WRITE, true);
	held = ops_len - 1;
	end_all();
	return held;
}

static void page_has_room_for_most_of_what_its_ways_hold(void **state)
{
	(void)state;
	for (size_t i = 0; i < STREAMS; i++) {
		__u32 room = 0;

		for (int n = 0; n < INODES / 10; n++) {
			room += side_by_side_in_a_page(nth_inode(n), streams[i].op_bytes);
			*places_of(nth_inode(n)) = 0;
		}
		print_message("%llu KiB side by side: %u in a page\n", streams[i].op_bytes / K,
			      room / (INODES / 10));
		assert_true(room >= streams[i].room_least * (INODES / 10));
	}
	assert_int_equal(seen.conflicts, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_FEW_LINES(name)                                                                       \
	cmocka_unit_test_setup_teardown(name, setup_few_lines, teardown_few_lines)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(op_is_fine_in_one_granule_only),
		cmocka_unit_test(units_are_granules_where_it_is_fine_and_else_chunks),
		cmocka_unit_test(word_has_the_sectors_of_its_range_in_its_unit),
		TEST_FEW_LINES(ranges_meet_wherever_they_stand),
		TEST_FEW_LINES(ranges_meet_wherever_they_stand_on_the_fast_path),
		TEST_FEW_LINES(waiting_ranges_meet_wherever_they_stand),
		TEST(large_op_meets_each_small_one_once),
		TEST(large_op_follows_small_ones_that_spilled),
		TEST(small_op_follows_large_ones_that_spilled),
		TEST(op_notes_its_place_and_no_other),
		TEST(small_ops_stand_fine_once_a_line_was_full),
		TEST(full_page_of_one_place_spreads_those_of_the_other),
		TEST(inodes_that_share_what_is_noted_do_not_meet),
		TEST(stream_stays_in_its_page_and_at_home_as_far_as_it_does),
		TEST(steps_of_a_power_of_two_have_many_lines),
		TEST(page_has_room_for_most_of_what_its_ways_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
