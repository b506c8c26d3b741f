// SPDX-License-Identifier: GPL-2.0
/* The in-flight table, one thread: layout, geometry, spilling, wide ops, slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inflight_ops.h"
#include "random.h"

static int setup_tiny(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	host_table_init(8, 4, 64);
	return 0;
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void word_gives_back_what_was_packed(void **state)
{
	static const __u32 sectors[] = {0, 1, 63, 126, 127};
	static const __u32 slots[] = {0, 1, 0x55555, IOR_SLOTS_MAX - 1};
	static const __u64 tags[] = {0, 1, 0x2aaaaaa, IOR_WORD_TAG_MASK};

	(void)state;
	for (int i = 0; i < 5 * 5 * 4 * 4 * 4; i++) {
		__u32 first = sectors[i % 5], last = sectors[i / 5 % 5];
		__u32 slot = slots[i / 25 % 4];
		__u64 tag = tags[i / 100 % 4];
		bool write = i / 400 & 1, moving = i / 800 & 1;
		__u64 w = ior_word_pack(tag, slot, first, last, write, moving);

		assert_true(w & IOR_WORD_IN_USE);
		assert_int_equal(ior_word_first(w), first);
		assert_int_equal(ior_word_last(w), last);
		assert_int_equal(ior_word_slot(w), slot);
		assert_int_equal(w & IOR_WORD_TAG_MASK, tag);
		assert_int_equal(!!(w & IOR_WORD_WRITE), write);
		assert_int_equal(!!(w & IOR_WORD_MOVING), moving);
	}
}

/* Units of a group lie side by side, so the first and the last tell of all. */
static bool home_is_in_page(__u64 inode, __u64 unit, __u64 place)
{
	__u32 page = ior_packed_line(inode, 0, IOR_PACKED_MASK) & ~IOR_PACKED_MASK;

	return (ior_home_of(inode, unit, place).line & ~IOR_PACKED_MASK) == page;
}

static const __u64 units_of_groups[] = {0, 31, 32, 63, 64, 95, 1ULL << 47};
#define GROUPS (sizeof(units_of_groups) / sizeof(units_of_groups[0]))

static void homes_are_in_the_page_unless_spread(void **state)
{
	(void)state;
	for (__u64 inode = INODE; inode < INODE + 1000 * 1024; inode += 1024)
		for (size_t i = 0; i < GROUPS * IOR_PLACES; i++) {
			__u64 place = i % IOR_PLACES;

			assert_int_equal(
				home_is_in_page(inode, units_of_groups[i / IOR_PLACES], place),
				!(place & IOR_PLACE_SPREAD));
		}
}

/* ---- geometry -------------------------------------------------------------------------------- */

struct geometry {
	const char *name;
	struct ior_range a, b;
	bool overlap;
};

#define P63 (1ULL << 63)
#define END (~0ULL)

static const struct geometry geometries[] = {
	{"identical", {0, 4096}, {0, 4096}, true},
	{"adjacent", {0, 4096}, {4096, 8192}, false},
	{"adjacent inside a sector", {0, 100}, {100, 200}, false},
	{"one byte inside a sector", {0, 101}, {100, 200}, true},
	{"nested", {0, 65536}, {512, 1024}, true},
	{"partial", {0, 8192}, {4096, 12288}, true},
	{"disjoint in one chunk", {0, 512}, {60 * K, 64 * K}, false},
	{"adjacent at a chunk border", {0, CHUNK}, {CHUNK, 2 * CHUNK}, false},
	{"last byte of a chunk", {0, CHUNK}, {CHUNK - 1, CHUNK + 1}, true},
	{"first byte of a chunk", {0, CHUNK + 1}, {CHUNK, CHUNK + 512}, true},
	{"many common chunks", {100, 1 * M}, {5 * CHUNK + 7, 1 * M + 300}, true},
	{"16 chunks, identical", {0, 1 * M}, {0, 1 * M}, true},
	{"17 chunks, the last in common", {1, 1 * M + 1}, {1 * M, 1 * M + 512}, true},
	{"17 chunks, adjacent", {1, 1 * M + 1}, {1 * M + 1, 1 * M + 512}, false},
	{"17 against 17", {1, 1 * M + 1}, {100, 1 * M + 100}, true},
	{"wide, narrow inside", {0, 2 * M}, {1 * M, 1 * M + 4096}, true},
	{"wide, narrow over its start", {1 * M, 9 * M}, {1 * M - 9, 1 * M + 1}, true},
	{"wide, narrow over its end", {1 * M, 9 * M}, {9 * M - 1, 9 * M + 1}, true},
	{"wide, adjacent", {1 * M, 9 * M}, {9 * M, 9 * M + 4096}, false},
	{"wide, narrow of 17 chunks inside", {0, 90 * M}, {5 * M + 1, 6 * M + 1}, true},
	{"wide, identical", {0, 9 * M}, {0, 9 * M}, true},
	{"wide, partial", {0, 9 * M}, {8 * M, 17 * M}, true},
	{"wide, disjoint", {0, 9 * M}, {9 * M, 17 * M}, false},
	{"wider than the table, narrow inside", {0, 1 * M *K}, {5 * M, 5 * M + 1}, true},
	{"truncate, narrow beyond", {4096, END}, {7 * M + 1, 8 * M + 1}, true},
	{"truncate, narrow over its start", {4096, END}, {0, 4097}, true},
	{"truncate, narrow before", {4096, END}, {0, 4096}, false},
	{"truncate, wide", {4096, END}, {0, 100 * M}, true},
	{"up to 2^63", {P63 - 4096, P63}, {P63 - 1, P63}, true},
	{"adjacent at 2^63", {P63 - 4096, P63}, {P63, P63 + 4096}, false},
	{"over 2^63", {P63 - 4096, P63 + 4096}, {P63, P63 + 1}, true},
	{"up to the last byte", {END - 4096, END}, {END - 1, END}, true},
	{"everything", {0, END}, {END - 1, END}, true},
};

static void geometry_holds(const struct geometry *g, bool swap, bool retire_first)
{
	struct ior_range first = swap ? g->b : g->a, second = swap ? g->a : g->b;
	int a = begin(first.start, first.end, IOR_OP_WRITE), b;

	assert_true(a >= 0);
	assert_op_is_where_it_should(a);
	if (retire_first)
		host_end(a);
	b = begin(second.start, second.end, IOR_OP_READ);
	assert_true(b >= 0);
	assert_op_is_where_it_should(b);
	if (!retire_first)
		host_end(a);
	host_end(b);
	if (seen.conflicts != (g->overlap && !retire_first))
		fail_msg("%s, %s first: counted %u", g->name, swap ? "second" : "first",
			 seen.conflicts);
	assert_int_equal(seen.overlaps, seen.conflicts);
	assert_int_equal(seen.unattributed, 0);
	seen.conflicts = seen.overlaps = 0;
	assert_table_is_empty();
}

static void ranges_meet_exactly_when_they_share_a_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(geometries) / sizeof(geometries[0]); i++)
		for (int way = 0; way < 4; way++)
			geometry_holds(&geometries[i], way & 1, way & 2);
}

static void two_reads_do_not_meet(void **state)
{
	int a = begin(0, 4096, IOR_OP_READ), b = begin(0, 4096, IOR_OP_READ);

	(void)state;
	assert_int_equal(seen.conflicts, 0);
	host_end(a);
	host_end(b);
	assert_table_is_empty();
}

static void same_bytes_of_two_inodes_do_not_meet(void **state)
{
	int narrow = begin_on(INODE, 0, 4096, IOR_OP_WRITE, true);
	int wide = begin_on(OTHER_INODE, 0, END, IOR_OP_SIZE, true);
	int other = begin_on(INODE, 1 * M, END, IOR_OP_SIZE, true);

	(void)state;
	assert_int_equal(seen.conflicts, 0);
	host_end(narrow);
	host_end(wide);
	host_end(other);
	assert_table_is_empty();
}

#define FEW_LINES 8

static bool units_are_twins(__u64 inode, __u64 a, __u64 b, __u64 place)
{
	struct ior_home home = ior_home_of(inode, a, place), other = ior_home_of(inode, b, place);

	return home.tag == other.tag && !((home.line ^ other.line) & (FEW_LINES - 1));
}

/*
 * One that looks unit by unit comes by a word twice, in unit 9 and in unit 41. Of granules that are
 * so far apart an op may be narrow as well.
 */
static void assert_far_units_count_once(__u64 inode, __u64 place, __u64 look_chunks)
{
	__u64 unit = place & IOR_PLACE_FINE ? GRANULE : CHUNK;
	int small, large;

	while (!units_are_twins(inode, 9, 41, place))
		inode += 64;
	host_table_done();
	host_table_init(FEW_LINES, 4, 64);
	sweeps_beyond = look_chunks * (CHUNK / GRANULE);
	if (place & IOR_PLACE_FINE)
		inode_is_fine(inode);
	if (place & IOR_PLACE_SPREAD)
		host_note_spread(inode, place);
	small = begin_on(inode, 41 * unit, 42 * unit, IOR_OP_WRITE, true);
	assert_int_equal(slot_at(small)->place, place);
	seen.conflicts = 0;
	large = begin_on(inode, 0, look_chunks * CHUNK, IOR_OP_WRITE, true);
	assert_int_equal(slot_at(large)->wide, look_chunks > IOR_NARROW_CHUNKS_MAX);
	assert_int_equal(seen.conflicts, 1);
	host_end(small);
	host_end(large);
	sweeps_beyond = 0;
	assert_table_is_empty();
}

/* Found by search, which begins here: with another hash it takes a second. */
#define INODE_WITH_TWINS 0xffff88800270b280ULL

static void far_units_with_one_tag_and_line_count_once(void **state)
{
	(void)state;
	assert_far_units_count_once(INODE_WITH_TWINS, 0, 50);
	assert_far_units_count_once(INODE_WITH_TWINS, IOR_PLACE_FINE, 50);
	assert_far_units_count_once(INODE_WITH_TWINS, IOR_PLACE_FINE, 12);
}

static void spread_far_units_with_one_tag_and_line_count_once(void **state)
{
	const __u64 fine = IOR_PLACE_SPREAD | IOR_PLACE_FINE;

	(void)state;
	assert_far_units_count_once(INODE_WITH_TWINS, IOR_PLACE_SPREAD, 50);
	assert_far_units_count_once(INODE_WITH_TWINS, fine, 50);
	assert_far_units_count_once(INODE_WITH_TWINS, fine, 12);
}

/* ---- full lines ------------------------------------------------------------------------------ */

static void full_line_spills_and_is_followed(void **state)
{
	int at[100];

	(void)state;
	for (int i = 0; i < 100; i++) {
		at[i] = begin(0, 4096, IOR_OP_WRITE);
		assert_true(at[i] >= 0);
		assert_int_equal(seen.conflicts, (i + 1) * i / 2);
	}
	for (int i = 0; i < 100; i++)
		assert_op_is_where_it_should(at[i]);
	for (int i = 0; i < 100; i++)
		host_end(at[i * 37 % 100]);
	assert_table_is_empty();
}

/* Side by side in one granule, one more than its line holds. */
#define SHARE (GRANULE / (IOR_WAYS + 1))

static void fill_a_line(int at[IOR_WAYS + 1])
{
	for (int i = 0; i <= IOR_WAYS; i++)
		at[i] = begin(i * SHARE, (i + 1) * SHARE, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 0);
}

static void assert_last_is_found_when_the_others_are_gone(const int at[IOR_WAYS + 1])
{
	int reader;

	for (int i = 0; i < IOR_WAYS; i++)
		host_end(at[i]);
	reader = begin(IOR_WAYS * SHARE, IOR_WAYS * SHARE + 1, IOR_OP_READ);
	assert_int_equal(seen.conflicts, 1);
	host_end(reader);
	reader = begin(GRANULE - 1, CHUNK, IOR_OP_READ);
	assert_int_equal(seen.conflicts, 2);
	host_end(reader);
	reader = begin(GRANULE, CHUNK, IOR_OP_READ);
	assert_int_equal(seen.conflicts, 2);
	host_end(reader);
	host_end(at[IOR_WAYS]);
	assert_table_is_empty();
}

static void op_behind_a_line_that_is_free_again_is_found(void **state)
{
	int at[IOR_WAYS + 1];

	(void)state;
	fill_a_line(at);
	assert_last_is_found_when_the_others_are_gone(at);
}

/* The same in the page, of an inode whose ops stand spread by now. */
static void op_left_behind_in_the_page_is_found(void **state)
{
	int at[IOR_WAYS + 1];

	(void)state;
	for (__u64 full = 0; full <= IOR_PLACE_FINE; full += IOR_PLACE_FINE) {
		host_table_done();
		setup(state);
		fill_a_line(at);
		host_note_spread(INODE, full);
		assert_last_is_found_when_the_others_are_gone(at);
	}
}

/* Chunks have no room for so many side by side. */
static void large_op_behind_a_line_that_is_free_again_is_found(void **state)
{
	int at[IOR_WAYS + 1], writer;

	(void)state;
	for (int i = 0; i <= IOR_WAYS; i++)
		at[i] = begin(0, CHUNK, IOR_OP_READ);
	for (int i = 0; i < IOR_WAYS; i++)
		host_end(at[i]);
	writer = begin(CHUNK - 1, CHUNK + 1, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 1);
	host_end(writer);
	writer = begin(CHUNK - 1, CHUNK, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 2);
	host_end(writer);
	writer = begin(CHUNK, CHUNK + 1, IOR_OP_WRITE);
	assert_int_equal(seen.conflicts, 2);
	host_end(writer);
	host_end(at[IOR_WAYS]);
	assert_table_is_empty();
}

/* Ops of one chunk and of many, each with each, where the page was too small. */
static void spread_ops_meet_once(void **state)
{
	static const struct ior_range ranges[] = {
		{GRANULE, 2 * GRANULE},
		{GRANULE + 7, GRANULE + 9},
		{0, CHUNK / 2},
		{CHUNK / 4, CHUNK},
		{CHUNK / 4, 3 * CHUNK},
		{0, 2 * CHUNK},
		{0, (IOR_NARROW_CHUNKS_MAX + 9) * CHUNK}, /* wide */
	};
	const int count = sizeof(ranges) / sizeof(ranges[0]);
	int at[sizeof(ranges) / sizeof(ranges[0])];

	(void)state;
	host_note_spread(INODE, 0);
	for (int first = 0; first < count; first++) {
		seen.conflicts = 0;
		for (int i = 0; i < count; i++) {
			const struct ior_range *r = &ranges[(first + i) % count];

			at[i] = begin(r->start, r->end, IOR_OP_WRITE);
			assert_int_equal(seen.conflicts, (i + 1) * i / 2);
		}
		for (int i = 0; i < count; i++)
			assert_op_is_where_it_should(at[i]);
		for (int i = 0; i < count; i++)
			host_end(at[i]);
		assert_table_is_empty();
	}
}

/*
 * One that asked where to stand before somebody noted that the inode is spread, and published after
 * that one had looked. 1: they met.
 */
static __u32 meets_spread(struct ior_range packed, struct ior_range spread)
{
	struct ior_op op = op_of(packed.start, packed.end, IOR_OP_WRITE);
	int at = inflight_claim(next_key += 0x140), other;
	__u32 *noted = places_of(INODE), before, met;

	*noted = 0;
	assert_true(at >= 0);
	host_fill(&host.slots[at], INODE, &op);
	host.slots[at].moving = true;
	if (!host.slots[at].wide)
		slot_ask_place(&host.slots[at], INODE, op.range, 0);
	before = *noted;
	host_note_spread(INODE, ior_range_fine(spread));
	other = begin(spread.start, spread.end, IOR_OP_WRITE);
	assert_true(slot_at(other)->place & IOR_PLACE_SPREAD);
	met = *noted;
	*noted = before;
	assert_true(inflight_publish_slow(at));
	assert_true(slot_at(at)->wide || !(slot_at(at)->place & IOR_PLACE_SPREAD));
	*noted |= met;
	inflight_look_slow(at, &host.slots[at]);
	met = seen.conflicts;
	seen.conflicts = 0;
	host_end(at);
	host_end(other);
	assert_table_is_empty();
	return met;
}

static const struct ior_range packed_ranges[] = {
	{0, GRANULE},
	{0, CHUNK},
	{0, 3 * CHUNK},
	{0, IOR_NARROW_CHUNKS_MAX *CHUNK},
	{0, (IOR_NARROW_CHUNKS_MAX + 9) * CHUNK}, /* wide */
	{0, END},				  /* wider than the table */
};
#define PACKED_RANGES (sizeof(packed_ranges) / sizeof(packed_ranges[0]))

static void op_that_published_packed_meets_who_stood_spread(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKED_RANGES; i++) {
		struct ior_range r = packed_ranges[i];
		__u64 end = r.end < CHUNK ? r.end : CHUNK;

		assert_int_equal(meets_spread(r, (struct ior_range){0, 4096}), 1);
		assert_int_equal(meets_spread(r, (struct ior_range){end - 9, end}), 1);
		assert_int_equal(meets_spread(r, (struct ior_range){end - 9, end + 9}), 1);
	}
}

static void op_that_published_packed_meets_nobody_beside_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKED_RANGES; i++) {
		struct ior_range r = packed_ranges[i];

		r.start += 8192;
		assert_int_equal(meets_spread(r, (struct ior_range){0, 8192}), 0);
	}
}

/* How many of 60 reads of the same bytes found room. */
static int count_with_room(struct ior_range r)
{
	int at[60], count = 0;

	for (int i = 0; i < 60; i++) {
		at[count] = begin(r.start, r.end, IOR_OP_READ);
		count += at[count] >= 0;
	}
	for (int i = 0; i < count; i++)
		host_end(at[i]);
	assert_table_is_empty();
	return count;
}

static void ops_of_any_size_find_room_when_the_page_is_full(void **state)
{
	static const __u64 sizes[] = {
		4096,	   GRANULE,   2 * GRANULE, CHUNK,
		2 * CHUNK, 3 * CHUNK, 5 * CHUNK,   IOR_NARROW_CHUNKS_MAX * CHUNK,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct ior_range r = {0, sizes[i]};
		__u32 fine = 1U << ior_range_fine(r);

		host_table_done();
		host_table_init(1024, 64, 4096);
		assert_int_equal(count_with_room(r), 60);
		assert_true(inode_is_spread(INODE));
		assert_int_equal(places_load(INODE) & ~1U, (fine & ~1U) | fine << IOR_PLACE_SPREAD);
		assert_true(places_load(INODE) & 1U); /* the first of them stood there */
	}
}

static void ops_stay_packed_while_the_page_has_room(void **state)
{
	int at[NEAR_LINES * IOR_WAYS];

	(void)state;
	for (__u64 bytes = 4096; bytes <= CHUNK; bytes *= 16) {
		for (__u32 i = 0; i < NEAR_LINES * IOR_WAYS; i++) {
			at[i] = begin(0, bytes, IOR_OP_READ);
			assert_false(inode_is_spread(INODE));
		}
		for (__u32 i = 0; i < NEAR_LINES * IOR_WAYS; i++)
			host_end(at[i]);
	}
}

/* There is no other place for it. */
static void wide_ops_without_room_leave_their_inode_packed(void **state)
{
	(void)state;
	assert_true(count_with_room((struct ior_range){0, END}) < 60);
	assert_false(inode_is_spread(INODE));
}

static __u64 table_hash(void)
{
	__u64 h = 0;

	for (int wide = 0; wide < 2; wide++)
		for (__u32 i = 0; i <= line_mask(wide); i++) {
			h = ior_mix(h ^ host.lines[wide][i].header);
			for (int way = 0; way < IOR_WAYS; way++)
				h = ior_mix(h ^ host.lines[wide][i].ways[way]);
		}
	for (__u32 i = 0; i <= slot_mask(); i++)
		h = ior_mix(h ^ host.slots[i].key ^
			    (__u64)ior_away_count(host.slots[i].away) << 32);
	return h;
}

/* Ops of `chunks` chunks until there is no room: the last one has left no trace. */
static void fill_up(__u64 start, __u64 end, __u32 expect_at_least)
{
	int at[4096];
	int count = 0;
	__u64 before;

	for (;;) {
		assert_true(count < 4096);
		before = table_hash();
		at[count] = begin(start, end, IOR_OP_READ);
		if (at[count] < 0)
			break;
		count++;
	}
	assert_int_equal(before, table_hash());
	assert_true((__u32)count >= expect_at_least);
	while (count--)
		host_end(at[count]);
	assert_table_is_empty();
}

static void untracked_op_leaves_no_trace(void **state)
{
	(void)state;
	fill_up(0, 4096, 8 * IOR_WAYS);		   /* narrow: no way free */
	fill_up(100, 5 * CHUNK, 8 * IOR_WAYS / 5); /* some chunks had room */
	fill_up(0, END, 4 * IOR_WAYS);		   /* wide */
}

static void op_without_a_slot_leaves_no_trace(void **state)
{
	(void)state;
	host_table_done();
	host_table_init(1024, 64, 8);
	fill_up(0, 4096, 8);
}

/* ---- waiting and moving ---------------------------------------------------------------------- */

static void waiting_op_overlaps_and_conflicts_once_it_moves(void **state)
{
	static const struct ior_range ranges[] = {{0, 4096}, {100, 3 * CHUNK}, {0, END}};

	(void)state;
	for (int i = 0; i < 9; i++) {
		struct ior_range a = ranges[i / 3], b = ranges[i % 3];
		int first = begin(a.start, a.end, IOR_OP_WRITE), second;

		memset(&seen, 0, sizeof(seen));
		second = begin_on(INODE, b.start, b.end, IOR_OP_WRITE, false);
		assert_int_equal(seen.overlaps, 1);
		assert_int_equal(seen.conflicts, 0);
		host_move(second);
		assert_op_is_where_it_should(second);
		assert_int_equal(seen.overlaps, 1);
		assert_int_equal(seen.conflicts, 1);
		host_end(first);
		host_end(second);
		assert_table_is_empty();
	}
}

static void two_waiting_ops_conflict_when_the_second_moves(void **state)
{
	int a = begin_on(INODE, 0, 4096, IOR_OP_WRITE, false);
	int b = begin_on(INODE, 0, 4096, IOR_OP_READ, false);

	(void)state;
	assert_int_equal(seen.overlaps, 1);
	host_move(b);
	assert_int_equal(seen.conflicts, 0);
	host_move(a);
	assert_int_equal(seen.conflicts, 1);
	assert_int_equal(seen.overlaps, 1);
	host_end(a);
	host_end(b);
	assert_table_is_empty();
}

static void op_that_moves_after_the_other_ended_does_not_conflict(void **state)
{
	int a = begin(0, 4096, IOR_OP_WRITE);
	int b = begin_on(INODE, 0, 4096, IOR_OP_WRITE, false);

	(void)state;
	host_end(a);
	host_move(b);
	assert_int_equal(seen.overlaps, 1);
	assert_int_equal(seen.conflicts, 0);
	host_end(b);
	assert_table_is_empty();
}

static const struct ior_range lifts[] = {
	{0, 4096},  {GRANULE, 2 * GRANULE}, {GRANULE - 9, GRANULE + 9},
	{0, CHUNK}, {CHUNK, CHUNK + 4096},  {100, 3 * CHUNK},
	{0, 9 * M},
};
#define LIFTS (sizeof(lifts) / sizeof(lifts[0]))

static void lifted_op_stands_where_it_lands(struct ior_range from, struct ior_range to, bool spread)
{
	int at = begin_on(INODE, from.start, from.end, IOR_OP_WRITE, false);

	if (spread)
		host_note_spread(INODE, ior_range_fine(to));
	inflight_lift(at, &host.slots[at], to);
	assert_true(inflight_publish_slow(at));
	assert_op_is_where_it_should(at);
	if (!ior_range_is_wide(to))
		assert_int_equal(slot_at(at)->place & IOR_PLACE_SPREAD, spread);
	host_move(at);
	assert_op_is_where_it_should(at);
	host_end(at);
	assert_table_is_empty();
}

static void op_that_is_lifted_stands_where_it_lands(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIFTS * LIFTS * 2; i++) {
		*places_of(INODE) = 0;
		lifted_op_stands_where_it_lands(lifts[i / 2 / LIFTS], lifts[i / 2 % LIFTS], i % 2);
	}
}

/* Two stand where it was and where it lands: it meets the one when it begins, the other then. */
static void op_that_is_lifted_meets_who_is_where_it_lands(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIFTS * LIFTS; i++) {
		struct ior_range from = lifts[i / LIFTS], to = lifts[i % LIFTS], last = to;
		int old = begin(from.start, from.start + 1, IOR_OP_WRITE), at, there;

		last.start = last.end - 9;
		there = begin(last.start, last.end, IOR_OP_WRITE);
		memset(&seen, 0, sizeof(seen));
		at = begin_on(INODE, from.start, from.end, IOR_OP_WRITE, false);
		assert_int_equal(seen.conflicts, 0);
		assert_int_equal(seen.overlaps, 1 + ior_range_overlaps(from, last));
		inflight_lift(at, &host.slots[at], to);
		assert_true(inflight_publish_slow(at));
		host_move(at);
		assert_int_equal(seen.conflicts,
				 1 + (from.start >= to.start && from.start < to.end));
		host_end(at);
		host_end(there);
		host_end(old);
		assert_table_is_empty();
	}
}

/* ---- slots ----------------------------------------------------------------------------------- */

static void keys_of_one_home_are_found_until_released(void **state)
{
	__u64 keys[20];
	int at[20], count = 0;

	(void)state;
	for (__u64 key = 64; count < 20; key += 64)
		if ((ior_slot_home(key) & slot_mask()) == 5)
			keys[count++] = key;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(inflight_find(keys[i]), -1);
		at[i] = inflight_claim(keys[i]);
		assert_true(at[i] >= 0);
	}
	for (int i = 0; i < 20; i++) { /* from the middle: the chain has holes */
		int k = (i + 7) % 20;

		assert_int_equal(inflight_find(keys[k]), at[k]);
		inflight_release(at[k], slot_at(at[k]));
		assert_int_equal(inflight_find(keys[k]), -1);
	}
	assert_table_is_empty();
}

/* Keys that are looked for in the same slots, in the same order: they differ below the grain. */
static __u64 next_key_of_one_way(__u64 key)
{
	return key ? key + 1 : 0xffff888012345680ULL;
}

static void keys_as_far_away_as_can_be_are_found(void **state)
{
	__u64 keys[IOR_PROBE_SLOTS_MAX], key = 0;
	int at[IOR_PROBE_SLOTS_MAX];

	(void)state;
	for (int i = 0; i < IOR_PROBE_SLOTS_MAX; i++) {
		keys[i] = key = next_key_of_one_way(key);
		at[i] = inflight_claim(key);
	}
	for (int i = 0; i < IOR_PROBE_SLOTS_MAX; i++) {
		assert_int_equal(inflight_find(keys[i]), at[i]);
		inflight_release(at[i], slot_at(at[i]));
		assert_int_equal(inflight_find(keys[i]), -1);
	}
	assert_table_is_empty();
}

/* One that stands as far as a bit of its own reaches, and nobody farther. */
static void keys_of_one_way_are_found_however_many(void **state)
{
	__u64 keys[IOR_PROBE_SLOTS_MAX];
	int at[IOR_PROBE_SLOTS_MAX];

	(void)state;
	for (int count = 1; count <= IOR_PROBE_SLOTS_MAX; count++) {
		__u64 key = 0;

		for (int i = 0; i < count; i++) {
			keys[i] = key = next_key_of_one_way(key);
			at[i] = inflight_claim(key);
		}
		for (int i = 0; i < count; i++) {
			assert_int_equal(inflight_find(keys[i]), at[i]);
			inflight_release(at[i], slot_at(at[i]));
		}
		assert_table_is_empty();
	}
}

static void no_slot_within_reach_is_refused(void **state)
{
	int at[IOR_PROBE_SLOTS_MAX];
	__u64 key = 0;

	(void)state;
	for (int i = 0; i < IOR_PROBE_SLOTS_MAX; i++)
		at[i] = inflight_claim(key = next_key_of_one_way(key));
	key = next_key_of_one_way(key);
	assert_int_equal(inflight_claim(key), -1);
	inflight_release(at[20], slot_at(at[20]));
	assert_int_equal(inflight_claim(key), at[20]);
	inflight_release(at[20], slot_at(at[20]));
	for (int i = 0; i < IOR_PROBE_SLOTS_MAX; i++)
		if (i != 20)
			inflight_release(at[i], slot_at(at[i]));
	assert_table_is_empty();
}

/* It would have two, and the other stay for ever. */
static void key_that_stands_away_gets_no_slot_at_its_home(void **state)
{
	__u64 first = next_key_of_one_way(0), second = next_key_of_one_way(first);
	int at_home = inflight_claim(first), away = inflight_claim(second);
	__u32 self = 0;

	(void)state;
	inflight_release(at_home, slot_at(at_home));
	assert_null(inflight_claim_home(second, &self));
	assert_int_equal(inflight_find(second), away);
	inflight_release(away, slot_at(away));
	assert_table_is_empty();
}

static void key_that_has_no_slot_gets_that_at_its_home(void **state)
{
	__u64 first = next_key_of_one_way(0), second = next_key_of_one_way(first);
	int at_home = inflight_claim(first), away = inflight_claim(second);
	__u32 self = 0;

	(void)state;
	inflight_release(at_home, slot_at(at_home));
	inflight_release(away, slot_at(away));
	assert_ptr_equal(inflight_claim_home(second, &self), slot_at(at_home));
	assert_int_equal(self, at_home);
	assert_null(inflight_claim_home(first, &self));
	inflight_release(self, slot_at(at_home));
	assert_table_is_empty();
}

static void op_that_ends_twice_hurts_nobody(void **state)
{
	int a = begin(0, 4096, IOR_OP_WRITE), b;

	(void)state;
	inflight_retire(a, slot_at(a));
	b = begin(0, 4096, IOR_OP_WRITE);
	inflight_retire(a, slot_at(a));
	assert_op_is_where_it_should(b);
	inflight_release(a, slot_at(a));
	inflight_release(a, slot_at(a));
	host_end(b);
	assert_table_is_empty();
}

static void wide_op_that_ends_twice_hurts_nobody(void **state)
{
	int a = begin(0, END, IOR_OP_SIZE), b = begin(0, END, IOR_OP_SIZE);

	(void)state;
	inflight_retire(a, slot_at(a));
	inflight_retire(a, slot_at(a));
	assert_false(wide_is_empty(INODE, places_load(INODE)));
	inflight_release(a, slot_at(a));
	host_end(b);
	assert_true(wide_is_empty(INODE, places_load(INODE)));
	assert_table_is_empty();
}

static const __u64 *way_of(int at)
{
	for (__u32 i = 0; i <= line_mask(false); i++)
		for (int way = 0; way < IOR_WAYS; way++)
			if (host.lines[false][i].ways[way] &&
			    ior_word_slot(host.lines[false][i].ways[way]) == (__u32)at)
				return &host.lines[false][i].ways[way];
	return NULL;
}

static void identical_word_of_the_next_op_is_told_apart(void **state)
{
	struct ior_op op = op_of(0, 4096, IOR_OP_WRITE);
	int looker = begin(1 * M, 1 * M + 1, IOR_OP_READ);
	int a = host_begin(0x40, INODE, &op, true), b;
	struct inflight_peer peer = {0};
	const __u64 *way = way_of(a);

	(void)state;
	assert_int_equal(inflight_peer_read(way, &peer), SIGHT_THERE);
	assert_int_equal(inflight_peer_is_still(way, &peer, slot_at(a)), SIGHT_THERE);
	host_end(a);
	assert_int_equal(inflight_peer_is_still(way, &peer, slot_at(a)), SIGHT_CHANGING);
	b = host_begin(0x40, INODE, &op, true);
	assert_int_equal(b, a);
	assert_int_equal(*way, peer.word);
	assert_int_equal(inflight_peer_is_still(way, &peer, slot_at(b)), SIGHT_CHANGING);
	if (peer.at < (__u32)looker) /* the set is the successor's: it knows nothing of the pair */
		assert_int_equal(
			inflight_pair_is_mine(looker, slot_at(looker)->seq, &peer, slot_at(b)), 0);
	host_end(b);
	assert_int_equal(inflight_peer_read(way, &peer), SIGHT_GONE);
	host_end(looker);
	assert_table_is_empty();
}

static void slot_under_filling_is_to_be_read_again(void **state)
{
	int a = begin(0, 4096, IOR_OP_WRITE);
	struct inflight_peer peer;

	(void)state;
	inflight_fill_begin(slot_at(a));
	assert_int_equal(inflight_peer_read(way_of(a), &peer), SIGHT_CHANGING);
	inflight_fill_end(slot_at(a));
	assert_int_equal(inflight_peer_read(way_of(a), &peer), SIGHT_THERE);
	host_end(a);
}

/* ---- the set of races ------------------------------------------------------------------------ */

static int enter_pair(__u32 self, __u32 peer_at)
{
	struct inflight_peer peer = {.at = peer_at, .seq = slot_at(peer_at)->seq};

	return inflight_pair_is_mine(self, slot_at(self)->seq, &peer, slot_at(peer_at));
}

static void races_beyond_the_set_are_unknown(void **state)
{
	(void)state;
	for (__u32 i = 1; i < 64; i++) {
		inflight_fill_begin(slot_at(i));
		inflight_fill_end(slot_at(i));
	}
	for (__u32 i = 0; i < IOR_RACES; i++) {
		assert_int_equal(enter_pair(1, 2 + i), 1);
		assert_int_equal(enter_pair(2 + i, 1), 0);
	}
	assert_int_equal(enter_pair(1, 2 + IOR_RACES), -1);
	assert_int_equal(enter_pair(2 + IOR_RACES, 1), -1);

	inflight_fill_begin(slot_at(1)); /* the next op in that slot has all the room again */
	inflight_fill_end(slot_at(1));
	assert_int_equal(enter_pair(1, 2 + IOR_RACES), 1);
	assert_int_equal(enter_pair(1, 2), 1);
}

static void settled_peer_left_an_entry_or_counts_nothing(void **state)
{
	(void)state;
	for (__u32 i = 1; i < 4; i++) {
		inflight_fill_begin(slot_at(i));
		inflight_fill_end(slot_at(i));
	}
	assert_int_equal(enter_pair(2, 1), 1); /* 2 looks, finds 1 and settles */
	slot_at(2)->settled = 1;
	assert_int_equal(enter_pair(1, 2), 0);
	slot_at(3)->settled = 1; /* 3 settled and has found nobody */
	assert_int_equal(enter_pair(1, 3), 1);
}

/* ---- anything after anything ----------------------------------------------------------------- */

#define CROWD 60

static __u32 count_overlapping(const int *at, int count, int self)
{
	const struct ior_slot *me = slot_at(at[self]);
	__u32 n = 0;

	for (int i = 0; i < count; i++) {
		if (i == self || at[i] < 0)
			continue;
		n += slot_at(at[i])->inode == me->inode &&
		     ior_ops_overlap(&slot_at(at[i])->op, &me->op);
	}
	return n;
}

static int random_begin(void)
{
	__u64 start = rnd() % (24 * CHUNK);
	__u64 len = rnd() % 8 == 0 ? 3 * M : 1 + rnd() % (rnd() % 4 ? 8192 : 5 * CHUNK);

	return begin_on(rnd() % 4 ? INODE : OTHER_INODE, start, start + len,
			rnd() % 2 ? IOR_OP_WRITE : IOR_OP_READ, true);
}

static void any_sequence_of_ops_is_counted_and_kept_right(void **state)
{
	int at[CROWD];

	(void)state;
	rng = 0x1234567;
	memset(at, -1, sizeof(at));
	for (int step = 0; step < 6000; step++) {
		int i = rnd() % CROWD;

		if (at[i] >= 0) {
			host_end(at[i]);
			at[i] = -1;
			continue;
		}
		seen.conflicts = 0;
		at[i] = random_begin();
		if (at[i] < 0)
			continue;
		assert_int_equal(seen.conflicts, count_overlapping(at, CROWD, i));
		if (step % 50)
			continue;
		for (int k = 0; k < CROWD; k++)
			if (at[k] >= 0)
				assert_op_is_where_it_should(at[k]);
	}
	for (int i = 0; i < CROWD; i++)
		if (at[i] >= 0)
			host_end(at[i]);
	assert_int_equal(seen.unattributed, 0);
	assert_table_is_empty();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_COARSE(name) cmocka_unit_test_setup_teardown(name, setup_coarse, teardown)
#define TEST_TINY(name) cmocka_unit_test_setup_teardown(name, setup_tiny, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_gives_back_what_was_packed),
		cmocka_unit_test(homes_are_in_the_page_unless_spread),
		TEST(ranges_meet_exactly_when_they_share_a_byte),
		TEST_COARSE(ranges_meet_exactly_when_they_share_a_byte),
		TEST_TINY(ranges_meet_exactly_when_they_share_a_byte),
		TEST(two_reads_do_not_meet),
		TEST(same_bytes_of_two_inodes_do_not_meet),
		TEST(far_units_with_one_tag_and_line_count_once),
		TEST(spread_far_units_with_one_tag_and_line_count_once),
		TEST(full_line_spills_and_is_followed),
		TEST_COARSE(full_line_spills_and_is_followed),
		TEST(op_behind_a_line_that_is_free_again_is_found),
		TEST_COARSE(op_behind_a_line_that_is_free_again_is_found),
		TEST(op_left_behind_in_the_page_is_found),
		TEST_COARSE(op_left_behind_in_the_page_is_found),
		TEST(large_op_behind_a_line_that_is_free_again_is_found),
		TEST_COARSE(large_op_behind_a_line_that_is_free_again_is_found),
		TEST(spread_ops_meet_once),
		TEST_COARSE(spread_ops_meet_once),
		TEST(op_that_published_packed_meets_who_stood_spread),
		TEST_COARSE(op_that_published_packed_meets_who_stood_spread),
		TEST(op_that_published_packed_meets_nobody_beside_it),
		TEST_COARSE(op_that_published_packed_meets_nobody_beside_it),
		TEST(ops_of_any_size_find_room_when_the_page_is_full),
		TEST(ops_stay_packed_while_the_page_has_room),
		TEST_TINY(wide_ops_without_room_leave_their_inode_packed),
		TEST_TINY(untracked_op_leaves_no_trace),
		TEST(op_without_a_slot_leaves_no_trace),
		TEST(waiting_op_overlaps_and_conflicts_once_it_moves),
		TEST_COARSE(waiting_op_overlaps_and_conflicts_once_it_moves),
		TEST(two_waiting_ops_conflict_when_the_second_moves),
		TEST(op_that_moves_after_the_other_ended_does_not_conflict),
		TEST(op_that_is_lifted_stands_where_it_lands),
		TEST_COARSE(op_that_is_lifted_stands_where_it_lands),
		TEST(op_that_is_lifted_meets_who_is_where_it_lands),
		TEST_COARSE(op_that_is_lifted_meets_who_is_where_it_lands),
		TEST(keys_of_one_home_are_found_until_released),
		TEST(keys_as_far_away_as_can_be_are_found),
		TEST(keys_of_one_way_are_found_however_many),
		TEST(no_slot_within_reach_is_refused),
		TEST(key_that_stands_away_gets_no_slot_at_its_home),
		TEST(key_that_has_no_slot_gets_that_at_its_home),
		TEST(op_that_ends_twice_hurts_nobody),
		TEST(wide_op_that_ends_twice_hurts_nobody),
		TEST(identical_word_of_the_next_op_is_told_apart),
		TEST(slot_under_filling_is_to_be_read_again),
		TEST(races_beyond_the_set_are_unknown),
		TEST(settled_peer_left_an_entry_or_counts_nothing),
		TEST(any_sequence_of_ops_is_counted_and_kept_right),
		TEST_COARSE(any_sequence_of_ops_is_counted_and_kept_right),
		TEST_TINY(any_sequence_of_ops_is_counted_and_kept_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
