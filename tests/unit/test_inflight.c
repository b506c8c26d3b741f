// SPDX-License-Identifier: GPL-2.0
/* The in-flight table, one thread: layout, geometry, spilling, wide ops, slots. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inflight_host.h"

#define K 1024ULL
#define M (K * K)
#define CHUNK (1ULL << IOR_CHUNK_SHIFT)
#define INODE 0xffff888012345678ULL
#define OTHER_INODE 0xffff888012345a00ULL

/* ---- what was counted ------------------------------------------------------------------------ */

static struct {
	__u64 pairs[4096][2];
	__u32 conflicts, overlaps, unattributed;
} seen;

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	if (stage == STAGE_OVERLAP) {
		seen.overlaps++;
		return;
	}
	assert_true(seen.conflicts < 4096);
	seen.pairs[seen.conflicts][0] = self_id;
	seen.pairs[seen.conflicts++][1] = peer_id;
}

static void host_count_unattributed(__u64 self_id, __u64 peer_id)
{
	(void)self_id, (void)peer_id;
	seen.unattributed++;
}

/* ---- helpers --------------------------------------------------------------------------------- */

static __u64 next_key = 0x1000;
static __u64 next_id = 1;

static struct ior_op op_of(__u64 start, __u64 end, enum ior_op_kind kind)
{
	return (struct ior_op){
		.range = { start, end },
		.begin_ns = next_id++,
		.kind = kind,
		.mode = IOR_MODE_DIRECT,
	};
}

static int begin_on(__u64 inode, __u64 start, __u64 end, enum ior_op_kind kind, bool moving)
{
	struct ior_op op = op_of(start, end, kind);

	return host_begin(next_key += 0x140, inode, &op, moving);
}

static int begin(__u64 start, __u64 end, enum ior_op_kind kind)
{
	return begin_on(INODE, start, end, kind, true);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	host_table_init(1024, 64, 4096);
	return 0;
}

static int setup_tiny(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	host_table_init(8, 4, 64);
	return 0;
}

/* Everything is zero again: nobody left a word, a count or a key. */
static void assert_table_is_empty(void)
{
	for (int wide = 0; wide < 2; wide++)
		for (__u32 i = 0; i <= line_mask(wide); i++) {
			assert_int_equal(host.lines[wide][i].header, 0);
			for (int way = 0; way < IOR_WAYS; way++)
				assert_int_equal(host.lines[wide][i].ways[way], 0);
		}
	for (__u32 i = 0; i <= slot_mask(); i++) {
		assert_int_equal(host.slots[i].key, 0);
		assert_int_equal(host.slots[i].overflow, 0);
		assert_int_equal(host.slots[i].seq & 1, 0);
	}
}

static int teardown(void **state)
{
	(void)state;
	host_table_done();
	return 0;
}

static __u32 words_of_slot(__u32 slot, bool wide)
{
	__u32 count = 0;

	for (__u32 i = 0; i <= line_mask(wide); i++)
		for (int way = 0; way < IOR_WAYS; way++) {
			__u64 w = host.lines[wide][i].ways[way];

			count += w && ior_word_slot(w) == slot;
		}
	return count;
}

static bool chunk_holds(__u64 word, struct ior_home home, bool wide)
{
	for (__u32 depth = 0; depth <= line_mask(wide) && depth < IOR_PROBE_LINES_MAX; depth++) {
		__u32 at = (home.line + depth * home.stride) & line_mask(wide);

		for (int way = 0; way < IOR_WAYS; way++)
			if (host.lines[wide][at].ways[way] == word)
				return true;
		if (!line_was_passed(&host.lines[wide][at]))
			return false;
	}
	return false;
}

/* A published op stands once in every chunk it touches, where a look-up comes by, else nowhere. */
static void assert_op_is_where_it_should(__u32 at)
{
	struct ior_slot *slot = slot_at(at);
	bool write = ior_op_writes(&slot->op);
	__u64 first = ior_chunk_of(slot->op.range.start);
	__u64 chunks = ior_range_chunks(slot->op.range);
	struct ior_home home = ior_wide_home_of(slot->inode);

	if (slot->wide) {
		assert_int_equal(words_of_slot(at, false), 0);
		assert_int_equal(words_of_slot(at, true), 1);
		assert_true(chunk_holds(ior_word_pack(home.tag, at, 0, IOR_CHUNK_SECTORS - 1, write,
						      slot->moving),
					home, true));
		return;
	}
	assert_int_equal(words_of_slot(at, false), chunks);
	assert_int_equal(words_of_slot(at, true), 0);
	for (__u64 i = 0; i < chunks; i++) {
		home = ior_home_of(slot->inode, first + i);
		assert_true(chunk_holds(ior_word_in_chunk(slot->op.range, first + i, home.tag, at,
							  write, slot->moving),
					home, false));
	}
}

/* ---- layout ---------------------------------------------------------------------------------- */

static void word_gives_back_what_was_packed(void **state)
{
	static const __u32 sectors[] = { 0, 1, 63, 126, 127 };
	static const __u32 slots[] = { 0, 1, 0x55555, IOR_SLOTS_MAX - 1 };
	static const __u64 tags[] = { 0, 1, 0x2aaaaaa, IOR_WORD_TAG_MASK };

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

/* ---- geometry -------------------------------------------------------------------------------- */

struct geometry {
	const char *name;
	struct ior_range a, b;
	bool overlap;
};

#define P63 (1ULL << 63)
#define END (~0ULL)

static const struct geometry geometries[] = {
	{ "identical", { 0, 4096 }, { 0, 4096 }, true },
	{ "adjacent", { 0, 4096 }, { 4096, 8192 }, false },
	{ "adjacent inside a sector", { 0, 100 }, { 100, 200 }, false },
	{ "one byte inside a sector", { 0, 101 }, { 100, 200 }, true },
	{ "nested", { 0, 65536 }, { 512, 1024 }, true },
	{ "partial", { 0, 8192 }, { 4096, 12288 }, true },
	{ "disjoint in one chunk", { 0, 512 }, { 60 * K, 64 * K }, false },
	{ "adjacent at a chunk border", { 0, CHUNK }, { CHUNK, 2 * CHUNK }, false },
	{ "last byte of a chunk", { 0, CHUNK }, { CHUNK - 1, CHUNK + 1 }, true },
	{ "first byte of a chunk", { 0, CHUNK + 1 }, { CHUNK, CHUNK + 512 }, true },
	{ "many common chunks", { 100, 1 * M }, { 5 * CHUNK + 7, 1 * M + 300 }, true },
	{ "16 chunks, identical", { 0, 1 * M }, { 0, 1 * M }, true },
	{ "17 chunks, the last in common", { 1, 1 * M + 1 }, { 1 * M, 1 * M + 512 }, true },
	{ "17 chunks, adjacent", { 1, 1 * M + 1 }, { 1 * M + 1, 1 * M + 512 }, false },
	{ "17 against 17", { 1, 1 * M + 1 }, { 100, 1 * M + 100 }, true },
	{ "wide, narrow inside", { 0, 2 * M }, { 1 * M, 1 * M + 4096 }, true },
	{ "wide, narrow over its start", { 1 * M, 9 * M }, { 1 * M - 9, 1 * M + 1 }, true },
	{ "wide, narrow over its end", { 1 * M, 9 * M }, { 9 * M - 1, 9 * M + 1 }, true },
	{ "wide, adjacent", { 1 * M, 9 * M }, { 9 * M, 9 * M + 4096 }, false },
	{ "wide, narrow of 17 chunks inside", { 0, 90 * M }, { 5 * M + 1, 6 * M + 1 }, true },
	{ "wide, identical", { 0, 9 * M }, { 0, 9 * M }, true },
	{ "wide, partial", { 0, 9 * M }, { 8 * M, 17 * M }, true },
	{ "wide, disjoint", { 0, 9 * M }, { 9 * M, 17 * M }, false },
	{ "wider than the table, narrow inside", { 0, 1 * M * K }, { 5 * M, 5 * M + 1 }, true },
	{ "truncate, narrow beyond", { 4096, END }, { 7 * M + 1, 8 * M + 1 }, true },
	{ "truncate, narrow over its start", { 4096, END }, { 0, 4097 }, true },
	{ "truncate, narrow before", { 4096, END }, { 0, 4096 }, false },
	{ "truncate, wide", { 4096, END }, { 0, 100 * M }, true },
	{ "up to 2^63", { P63 - 4096, P63 }, { P63 - 1, P63 }, true },
	{ "adjacent at 2^63", { P63 - 4096, P63 }, { P63, P63 + 4096 }, false },
	{ "over 2^63", { P63 - 4096, P63 + 4096 }, { P63, P63 + 1 }, true },
	{ "up to the last byte", { END - 4096, END }, { END - 1, END }, true },
	{ "everything", { 0, END }, { END - 1, END }, true },
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_gives_back_what_was_packed),
		cmocka_unit_test_setup_teardown(ranges_meet_exactly_when_they_share_a_byte, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ranges_meet_exactly_when_they_share_a_byte,
						setup_tiny, teardown),
		cmocka_unit_test_setup_teardown(two_reads_do_not_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(same_bytes_of_two_inodes_do_not_meet, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
