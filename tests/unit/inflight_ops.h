/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ops in the in-flight table of the host, one thread: begun, counted, and where they should stand.
 * One per program; before it what cmocka.h wants.
 */
#ifndef IORACE_TESTS_INFLIGHT_OPS_H
#define IORACE_TESTS_INFLIGHT_OPS_H

/* From how many granules on a wide op sweeps; 0: as many as there are lines. */
static unsigned sweeps_beyond;
#define SWEEP_UNITS_MAX (sweeps_beyond ? sweeps_beyond : line_mask(false))
#include "inflight_host.h"

#define K 1024ULL
#define M (K * K)
#define CHUNK (1ULL << IOR_CHUNK_SHIFT)
#define GRANULE (1ULL << IOR_GRANULE_SHIFT)
#define INODE 0xffff888012345678ULL
#define OTHER_INODE 0xffff888012345a00ULL

/* ---- what was counted ------------------------------------------------------------------------ */

static struct {
	__u32 conflicts, overlaps, unattributed;
} seen;

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	assert_true(self_id != peer_id);
	if (stage == STAGE_OVERLAP)
		seen.overlaps++;
	else
		seen.conflicts++;
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
		.range = {start, end},
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

static inline int begin(__u64 start, __u64 end, enum ior_op_kind kind)
{
	return begin_on(INODE, start, end, kind, true);
}

/* As where a line was full before: ops in one granule stand fine. */
static inline void inode_is_fine(__u64 inode)
{
	places_note(inode, 1U << IOR_PLACE_FINE);
}

static int setup(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	host_table_init(1024, 64, 4096);
	inode_is_fine(INODE);
	return 0;
}

/* As most files are: nobody stands fine. */
static inline int setup_coarse(void **state)
{
	setup(state);
	*places_of(INODE) = 0;
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
		assert_int_equal(ior_away_count(host.slots[i].away), 0);
		assert_int_equal(host.slots[i].seq & 1, 0);
	}
}

static inline int teardown(void **state)
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

static bool walk_holds(__u64 word, struct ior_home home, bool wide)
{
	for (__u32 depth = 0; depth <= line_mask(wide) && depth < IOR_PROBE_LINES_MAX; depth++) {
		__u32 at = ior_home_line(home, depth) & line_mask(wide);

		for (int way = 0; way < IOR_WAYS; way++)
			if (host.lines[wide][at].ways[way] == word)
				return true;
		if (!line_was_passed(&host.lines[wide][at]))
			return false;
	}
	return false;
}

static bool is_fine(struct ior_range r)
{
	return r.start / GRANULE == (r.end - 1) / GRANULE;
}

/*
 * A published op stands once in its granule, if it stands fine and so is in one, else in every
 * chunk, where look-ups come by, else nowhere.
 */
static void assert_narrow_op_is_where_it_should(__u32 at)
{
	struct ior_slot *slot = slot_at(at);
	struct ior_range r = slot->op.range;
	__u64 fine = slot->place & IOR_PLACE_FINE;
	__u64 unit_bytes = fine ? GRANULE : CHUNK;
	__u64 first = r.start / unit_bytes, units = (r.end - 1) / unit_bytes - first + 1;

	assert_true(!fine || is_fine(r));
	assert_int_equal(words_of_slot(at, false), units);
	assert_int_equal(words_of_slot(at, true), 0);
	for (__u64 i = 0; i < units; i++) {
		int places = 0;

		for (__u64 spread = 0; spread < 2; spread++) {
			__u64 place = fine | spread;
			struct ior_home home = ior_home_of(slot->inode, first + i, place);
			bool here =
				walk_holds(ior_word_in_unit(r, first + i, home.tag, at,
							    ior_op_writes(&slot->op), slot->moving),
					   home, false);

			places += here;
			assert_true(!here || (places_load(slot->inode) & (1U << place)));
		}
		assert_int_equal(places, 1);
	}
}

static void assert_op_is_where_it_should(__u32 at)
{
	struct ior_slot *slot = slot_at(at);
	struct ior_home home = ior_wide_home_of(slot->inode);

	assert_int_equal(slot->wide, ior_range_is_wide(slot->op.range));
	if (!slot->wide) {
		assert_narrow_op_is_where_it_should(at);
		return;
	}
	assert_int_equal(words_of_slot(at, false), 0);
	assert_int_equal(words_of_slot(at, true), 1);
	assert_true(walk_holds(ior_word_pack(home.tag, at, 0, IOR_CHUNK_SECTORS - 1,
					     ior_op_writes(&slot->op), slot->moving),
			       home, true));
	assert_true(places_load(slot->inode) & IOR_PLACES_WIDE);
}

#endif
