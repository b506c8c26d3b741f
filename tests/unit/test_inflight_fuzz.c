// SPDX-License-Identifier: GPL-2.0
/*
 * The in-flight table, one thread, ops at random in tables so small that lines are full, ops pass
 * them and some find no room. After each step it is known who must have been counted, and every few
 * steps of the whole table which word stands where, and why each header counts what it does.
 *
 * Usage: test_inflight_fuzz [seed [rounds]]   (a round that fails says how to repeat it)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IOR_PLACES_ENTRIES 16 /* a cache line; begun to be forgotten in no time */
#include "inflight_ops.h"
#include "random.h"

#include <iorace/forget.h>

#define ROUNDS 400
#define STEPS 1500
#define OPS 64
#define SLOTS 128
#define LINES_MAX 512
#define REGION (20 * CHUNK)
#define PAGE (4 * K)

/* The first two share what is noted of their places. */
static const __u64 inodes[] = {INODE, INODE + 0x1c00, INODE + 0x400};
#define INODES (sizeof(inodes) / sizeof(inodes[0]))

/* Whether all of this came up: what did not was not tested. */
static struct {
	__u64 ops, untracked, spread, several, wide, fast, lifts, moves, passed, forgotten;
} totals;

struct live_op {
	int at; /* its slot, -1: not in flight */
	bool moving;
};

struct round {
	struct live_op ops[OPS];
	__u32 crowd; /* as many of them take part */
	__u32 inodes;
	__u64 base; /* where the region begins that they are in */
	struct ior_forget forget;
	bool forgets;
	__u32 looked_at; /* slots that the forgetter has seen, if he is at it */
};

/* ---- at random ------------------------------------------------------------------------------- */

static bool one_in(__u32 n)
{
	return rnd() % n == 0;
}

/* Small ones mostly, and wide ones of which some are larger than the table has lines. */
static __u64 random_length(void)
{
	if (one_in(16))
		return 3 * M;
	if (one_in(40))
		return 1ULL << 62;
	if (!one_in(3))
		return 1 + rnd() % (8 * K);
	return 1 + rnd() % ((one_in(2) ? 5 : IOR_NARROW_CHUNKS_MAX) * CHUNK);
}

static struct ior_range random_range(const struct round *round)
{
	__u64 start = round->base + rnd() % REGION;
	__u64 bytes = random_length();

	if (one_in(2)) {
		start -= start % PAGE;
		bytes += -bytes % PAGE;
	}
	return (struct ior_range){start, start + bytes};
}

/* ---- who is to be counted -------------------------------------------------------------------- */

static bool is_a_pair(const struct ior_slot *a, const struct ior_slot *b)
{
	return a->inode == b->inode && ior_ops_overlap(&a->op, &b->op);
}

static __u32 peers_of(const struct round *round, const struct live_op *self, bool moving_only)
{
	__u32 count = 0;

	for (const struct live_op *op = round->ops; op < round->ops + OPS; op++) {
		if (op == self || op->at < 0 || (moving_only && !op->moving))
			continue;
		count += is_a_pair(slot_at(op->at), slot_at(self->at));
	}
	return count;
}

static void forget_who_was_counted(void)
{
	memset(&seen, 0, sizeof(seen));
}

/* Everybody who was there before it, once. */
static void assert_counted_at_begin(const struct round *round, const struct live_op *op)
{
	assert_int_equal(seen.overlaps, peers_of(round, op, false));
	assert_int_equal(seen.conflicts, op->moving ? peers_of(round, op, true) : 0);
	assert_int_equal(seen.unattributed, 0);
}

static void assert_counted_at_move(const struct round *round, const struct live_op *op)
{
	assert_int_equal(seen.overlaps, 0);
	assert_int_equal(seen.conflicts, peers_of(round, op, true));
	assert_int_equal(seen.unattributed, 0);
}

/* ---- what is to be in the table -------------------------------------------------------------- */

/* Made up from the ops in flight alone. */
struct expectation {
	__u64 headers[2][LINES_MAX]; /* narrow, wide */
	__u32 words;
};

/* Lines of one walk, none of them twice. */
static __u32 reach_of(struct ior_home home, bool wide)
{
	__u32 most = home.within == IOR_WITHIN_TABLE ? IOR_PROBE_LINES_MAX : NEAR_LINES;
	__u32 lines = line_mask(wide) + 1;

	return lines < most ? lines : most;
}

static bool line_holds(const struct ior_line *line, __u64 word)
{
	for (int way = 0; way < IOR_WAYS; way++)
		if (line->ways[way] == word)
			return true;
	return false;
}

/* It is on its walk, and all lines before it know that it passed. */
static void expect_word(struct expectation *e, __u64 word, struct ior_home home, bool wide)
{
	for (__u32 depth = 0; depth < reach_of(home, wide); depth++) {
		__u32 at = ior_home_line(home, depth) & line_mask(wide);

		if (line_holds(&host.lines[wide][at], word)) {
			e->words++;
			return;
		}
		e->headers[wide][at]++;
		totals.passed++;
	}
	fail_msg("word %llx of slot %u is nowhere on its walk", word, ior_word_slot(word));
}

static void expect_wide(struct expectation *e, __u32 at)
{
	const struct ior_slot *slot = slot_at(at);
	struct ior_home home = ior_wide_home_of(slot->inode);
	__u64 word = ior_word_pack(home.tag, at, 0, IOR_CHUNK_SECTORS - 1, ior_op_writes(&slot->op),
				   slot->moving);

	e->headers[1][home.line & line_mask(true)] += IOR_LINE_HOME;
	expect_word(e, word, home, true);
}

static void expect_narrow(struct expectation *e, __u32 at)
{
	const struct ior_slot *slot = slot_at(at);
	struct ior_range range = slot->op.range;
	__u64 units = ior_range_units(range, slot->place);

	for (__u64 nth = 0; nth < units; nth++) {
		__u64 unit = ior_unit_of(range.start, slot->place) + nth;
		struct ior_home home = ior_home_of(slot->inode, unit, slot->place);

		expect_word(e,
			    ior_word_in_unit(range, unit, home.tag, at, ior_op_writes(&slot->op),
					     slot->moving),
			    home, false);
	}
}

/* And others look there: of its place it is noted, whoever was forgotten meanwhile. */
static void expect_op(struct expectation *e, const struct live_op *op)
{
	const struct ior_slot *slot = slot_at(op->at);

	assert_int_equal(slot->moving, op->moving);
	assert_int_equal(slot->wide, ior_range_is_wide(slot->op.range));
	assert_true(places_load(slot->inode) & slot_noted_as(slot));
	if (slot->wide)
		expect_wide(e, op->at);
	else
		expect_narrow(e, op->at);
}

static __u32 words_in(const struct ior_line *line)
{
	__u32 count = 0;

	for (int way = 0; way < IOR_WAYS; way++)
		count += line->ways[way] != 0;
	return count;
}

/* No word too many either: one that nobody clears would be met by whoever has the slot next. */
static void assert_table_is_as_expected(const struct expectation *e)
{
	__u32 words = 0;

	for (int wide = 0; wide < 2; wide++)
		for (__u32 i = 0; i <= line_mask(wide); i++) {
			assert_int_equal(host.lines[wide][i].header, e->headers[wide][i]);
			words += words_in(&host.lines[wide][i]);
		}
	assert_int_equal(words, e->words);
}

static void assert_table_holds_these(const struct round *round)
{
	static struct expectation e;

	memset(&e, 0, sizeof(e));
	for (const struct live_op *op = round->ops; op < round->ops + OPS; op++)
		if (op->at >= 0)
			expect_op(&e, op);
	assert_table_is_as_expected(&e);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void note_what_it_is(const struct ior_slot *slot)
{
	totals.wide += slot->wide;
	totals.spread += !slot->wide && (slot->place & IOR_PLACE_SPREAD);
	totals.several += !slot->wide && ior_range_units(slot->op.range, slot->place) > 1;
}

/* As the hooks enter an op of one chunk. */
static int begin_fast(__u64 inode, struct ior_range r, enum ior_op_kind kind)
{
	struct ior_op op = op_of(r.start, r.end, kind);
	struct host_times times;
	int at = inflight_claim(next_key += 0x140);

	totals.fast++;
	if (at < 0)
		return at;
	host_fill(slot_at(at), inode, &op);
	if (host_enter_fast(at, slot_at(at), true, &times))
		return at;
	inflight_release(at, slot_at(at));
	return -1;
}

static void begin_one(struct round *round, struct live_op *op)
{
	struct ior_range range = random_range(round);
	__u64 inode = inodes[rnd() % round->inodes];
	enum ior_op_kind kind = one_in(2) ? IOR_OP_WRITE : IOR_OP_READ;

	forget_who_was_counted();
	op->moving = !one_in(4);
	if (op->moving && ior_range_chunks(range) == 1 && one_in(2))
		op->at = begin_fast(inode, range, kind);
	else
		op->at = begin_on(inode, range.start, range.end, kind, op->moving);
	totals.ops++;
	totals.untracked += op->at < 0;
	if (op->at < 0)
		return;
	assert_true(slot_at(op->at)->settled);
	assert_counted_at_begin(round, op);
	note_what_it_is(slot_at(op->at));
}

/* Some end twice: the second time there is nothing to be done. */
static void end_one(struct live_op *op)
{
	struct ior_slot *slot = slot_at(op->at);

	if (one_in(8))
		inflight_retire(op->at, slot);
	host_end(op->at);
	if (one_in(8))
		inflight_retire(op->at, slot);
	op->at = -1;
}

/* False: there is no room where it went, and it is over. */
static bool lift_one(const struct round *round, struct live_op *op)
{
	struct ior_slot *slot = slot_at(op->at);

	totals.lifts++;
	inflight_lift(op->at, slot, random_range(round));
	if (inflight_publish_slow(op->at))
		return true;
	totals.untracked++;
	end_one(op);
	return false;
}

static void move_one(struct round *round, struct live_op *op)
{
	if (one_in(3) && !lift_one(round, op))
		return;
	forget_who_was_counted();
	host_move(op->at);
	op->moving = true;
	totals.moves++;
	assert_true(slot_at(op->at)->settled);
	assert_counted_at_move(round, op);
}

static __u32 places_that_are_noted(void)
{
	__u32 count = 0;

	for (__u32 i = 0; i < IOR_PLACES_ENTRIES; i++)
		count += __builtin_popcount(host.places[i] & IOR_PLACES_ALL);
	return count;
}

static void end_forgetting(struct round *round)
{
	__u32 before = places_that_are_noted();

	if (one_in(8))
		ior_forget_call_off(&round->forget);
	else
		ior_forget_end(&round->forget);
	round->forgets = false;
	totals.forgotten += before - places_that_are_noted();
}

/* He is never through all slots at once: ops begin, lift and end between two of his steps. */
static void forget_some(struct round *round)
{
	__u32 left;

	if (!round->forgets) {
		round->forget.noted = host.places;
		round->forget.idle_too = one_in(2);
		round->forgets = ior_forget_begin(&round->forget);
		round->looked_at = 0;
		return;
	}
	for (left = 1 + rnd() % (SLOTS / 2); left && round->looked_at < SLOTS; left--)
		ior_forget_look_at(&round->forget, slot_at(round->looked_at++));
	if (round->looked_at == SLOTS)
		end_forgetting(round);
}

static void one_step(struct round *round)
{
	struct live_op *op = &round->ops[rnd() % round->crowd];

	if (one_in(4))
		forget_some(round);
	if (op->at < 0)
		begin_one(round, op);
	else if (!op->moving && !one_in(3))
		move_one(round, op);
	else
		end_one(op);
	if (!one_in(4)) /* the rest is most of the work, and what is wrong there stays wrong */
		return;
	if (op->at >= 0)
		assert_op_is_where_it_should(op->at);
	assert_table_holds_these(round);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

struct fuzz {
	__u64 seed;
	int rounds;
	bool under_way; /* a round is, and this is its seed */
};

/* Nothing is left of the round before: any of them can be repeated by itself. */
static void begin_round(struct round *round, __u64 seed)
{
	rng = ior_mix(seed) | 1; /* never 0 */
	next_key = 0x1000;
	next_id = 1;
	host_table_init(1U << rnd() % 10, 1U << rnd() % 4, SLOTS);
	assert_true(line_mask(false) < LINES_MAX);
	sweeps_beyond = one_in(3) ? 0 : 1000;
	*round = (struct round){
		.crowd = one_in(3) ? 2 + rnd() % 10 : OPS,
		.inodes = 1 + rnd() % INODES,
		.base = one_in(3) ? rnd() % 4000 * CHUNK : 0,
	};
	for (int i = 0; i < OPS; i++)
		round->ops[i].at = -1;
}

static void one_round(__u64 seed)
{
	static struct round round;

	begin_round(&round, seed);
	for (int i = 0; i < STEPS; i++)
		one_step(&round);
	for (int i = 0; i < OPS; i++)
		if (round.ops[i].at >= 0)
			end_one(&round.ops[i]);
	assert_table_is_empty();
	host_table_done();
}

static void assert_all_came_up(void)
{
	assert_true(totals.untracked && totals.untracked < totals.ops);
	assert_true(totals.spread);
	assert_true(totals.several);
	assert_true(totals.wide);
	assert_true(totals.fast);
	assert_true(totals.lifts);
	assert_true(totals.moves);
	assert_true(totals.passed);
	assert_true(totals.forgotten);
}

static void every_pair_word_and_count_is_accounted_for(void **state)
{
	struct fuzz *fuzz = *state;

	assert_int_equal(ior_places_entry(inodes[0]), ior_places_entry(inodes[1]));
	fuzz->under_way = true;
	for (int i = 0; i < fuzz->rounds; i++, fuzz->seed++)
		one_round(fuzz->seed);
	fuzz->under_way = false;
	print_message("ops %llu untracked %llu spread %llu several %llu wide %llu fast %llu "
		      "lifts %llu moves %llu passed %llu forgotten %llu\n",
		      totals.ops, totals.untracked, totals.spread, totals.several, totals.wide,
		      totals.fast, totals.lifts, totals.moves, totals.passed, totals.forgotten);
	if (fuzz->rounds >= ROUNDS)
		assert_all_came_up();
}

/* Comes as well after an assertion that did not hold. */
static int say_how_to_repeat(void **state)
{
	const struct fuzz *fuzz = *state;

	if (fuzz->under_way)
		print_message("to repeat: test_inflight_fuzz %llu 1\n", fuzz->seed);
	return teardown(state);
}

int main(int argc, char **argv)
{
	struct fuzz fuzz = {
		.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1,
		.rounds = argc > 2 ? atoi(argv[2]) : ROUNDS,
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(every_pair_word_and_count_is_accounted_for,
							 NULL, say_how_to_repeat, &fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
