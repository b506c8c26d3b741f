// SPDX-License-Identifier: GPL-2.0
/*
 * Accounts of overlapping pairs: random streams of ops, each a span with a window in it, against an
 * oracle that knows every moment of every op and compares all of them with all others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HOST_MEETS
#include "inflight_host.h"

#include <iorace/span.h>

#define SLOTS 64
#define LIVE 12
#define OPS 400
#define ROUNDS 200
#define INODE 0xffff888012345000ULL

static struct ior_span spans[SLOTS];

static struct ior_span *span_at(__u32 i)
{
	return i < SLOTS ? &spans[i] : NULL;
}

#include "account.bpf.h"

static __u64 random_state;

static __u32 random_below(__u32 n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 20) % n;
}

/* ---- ops ------------------------------------------------------------------------------------- */

enum stage {
	ENTERS,
	WAITS,
	OPENS,
	MOVES,
	OVER
};

struct test_op {
	struct ior_op op; /* its final range */
	struct ior_range announced;
	int slot;
	enum stage stage;
	bool spanned, waited_for_dio, opened, looks;
	__s32 kept;						/* pairs in its account */
	__u32 listed;						/* see struct ior_span */
	__u32 published, looked, flipped, looked_again, closed; /* when */
};

static struct test_op ops[OPS];
static __u32 ops_len, now;
static __u64 conflicts, unknown;
static __u64 kept[IOR_KEEPER_COUNT_];	   /* by ops that moved what they had announced */
static __u64 kept_else[IOR_KEEPER_COUNT_]; /* by the others */

static struct ior_range random_range(void)
{
	__u64 start = random_below(40) * 3000;
	__u64 len_bytes = random_below(20) ? 1 + random_below(20000) : 40ULL << IOR_CHUNK_SHIFT;

	return ior_range_from(start, len_bytes);
}

static struct ior_op random_op(void)
{
	static const __u16 flags[] = {0, IOR_OPF_HOLDS, IOR_OPF_HOLDS,
				      IOR_OPF_HOLDS | IOR_OPF_LOCKLESS};
	struct ior_op op = {
		.range = random_range(),
		.kind = random_below(3) ? IOR_OP_WRITE : IOR_OP_READ,
		.mode = random_below(2) ? IOR_MODE_DIRECT : IOR_MODE_BUFFERED,
		.lock = {random_below(IOR_LOCK_COUNT_), random_below(3)},
		.flags = flags[random_below(4)],
		.begin_ns = ops_len,
	};

	return op;
}

static bool moves_as_announced(const struct test_op *t)
{
	return !memcmp(&t->announced, &t->op.range, sizeof(t->announced));
}

static const struct ior_op *seen_op(const struct inflight_peer *at)
{
	return &slot_at(at->at)->op;
}

/* What others do while one looks. */
static void (*between_meetings)(void);

/* As bpf/pair.bpf.h has it, with nobody to change a slot under way. */
static void meet(__u32 self, const __u64 *way)
{
	struct ior_slot *mine = slot_at(self), *slot;
	enum pair_owner owner;
	struct inflight_peer at;

	if (inflight_peer_read(way, &at) != SIGHT_THERE)
		return;
	slot = slot_at(at.at);
	if (!ior_ops_overlap(&mine->op, seen_op(&at)) ||
	    !inflight_is_first_common(&at, slot,
				      ior_range_intersection(mine->op.range, seen_op(&at)->range)))
		return;
	if (mine->moving && (at.word & IOR_WORD_MOVING))
		owner = account_conflict(self, mine, seen_op(&at), &at, slot);
	else
		owner = account_wait(self, mine, seen_op(&at), &at, slot);
	if (owner == PAIR_UNKNOWN)
		unknown++;
	else if (owner == PAIR_MINE && mine->moving && (at.word & IOR_WORD_MOVING))
		conflicts++;
}

static void inflight_meet(__u32 self, const __u64 *way)
{
	meet(self, way);
	if (between_meetings)
		between_meetings();
}

/* ---- the steps of an op ---------------------------------------------------------------------- */

static void publish(struct test_op *t, bool moving)
{
	struct ior_slot *slot = slot_at(t->slot);

	slot->moving = moving;
	assert_true(inflight_publish_slow(t->slot));
	t->published = ++now;
}

static void look(struct test_op *t)
{
	struct ior_slot *slot = slot_at(t->slot);

	t->looks = true;
	inflight_look_slow(t->slot, slot);
	INFLIGHT_STORE(&slot->settled, 1);
	t->looks = false;
}

static void enter(struct test_op *t)
{
	struct ior_op op = t->op;
	struct ior_slot *slot;

	op.range = t->announced;
	t->slot = inflight_claim(0x1000 + 0x140 * (__u64)(t - ops));
	assert_true(t->slot >= 0);
	slot = slot_at(t->slot);
	host_fill(slot, INODE, &op);
	slot->spanned = t->spanned;
	memset(&spans[t->slot], 0, sizeof(spans[0]));
	publish(t, !t->spanned);
	if (!t->spanned)
		t->flipped = t->published;
	t->stage = ENTERS;
}

static void lift(struct test_op *t)
{
	span_lands_elsewhere(t->slot);
	inflight_lift(t->slot, slot_at(t->slot), t->op.range);
	assert_true(inflight_publish_slow(t->slot));
}

static void flip(struct test_op *t)
{
	spans[t->slot].waited_for_dio = t->waited_for_dio;
	inflight_flip(t->slot, &host.slots[t->slot]);
	t->flipped = ++now;
	t->stage = OPENS;
	t->opened = true;
}

/* Range, if it turns out to be another one, and lock are known now. */
static void open_window(struct test_op *t)
{
	if (!moves_as_announced(t))
		lift(t);
	flip(t);
}

static void count_kept(struct test_op *t, __u64 counts[IOR_KEEPER_COUNT_])
{
	for (int hold = 0; hold < IOR_HOLD_COUNT_; hold++) {
		struct account a = account_of(slot_at(t->slot), &spans[t->slot], hold);

		counts[a.keeper] += a.pairs;
		counts[a.waited_keeper] += a.waited_out;
		t->kept += a.pairs + a.waited_out;
	}
	t->listed = spans[t->slot].listed;
}

static void leave(struct test_op *t)
{
	inflight_retire(t->slot, slot_at(t->slot));
	t->closed = ++now;
	if (t->spanned && t->opened)
		count_kept(t, moves_as_announced(t) ? kept : kept_else);
	inflight_release(t->slot, slot_at(t->slot));
	t->stage = OVER;
}

static void step(struct test_op *t)
{
	switch (t->stage) {
	case ENTERS:
		look(t);
		t->looked = ++now;
		t->stage = t->spanned ? WAITS : MOVES;
		t->opened = !t->spanned;
		t->looked_again = now;
		break;
	case WAITS:
		if (random_below(10))
			open_window(t);
		else
			leave(t); /* it gives up */
		break;
	case OPENS:
		look(t);
		t->looked_again = ++now;
		t->stage = MOVES;
		break;
	case MOVES:
		leave(t);
		break;
	case OVER:
		break;
	}
}

static void begin_op(void)
{
	struct test_op *t = &ops[ops_len];

	*t = (struct test_op){.op = random_op(), .spanned = random_below(8)};
	t->announced = t->op.range;
	if (t->spanned && !random_below(5)) {
		t->announced.start += 1 + random_below(9000);
		t->announced.end += 1 + random_below(9000);
	}
	t->waited_for_dio = random_below(2);
	enter(t);
	ops_len++;
}

static struct test_op *random_live_op(void)
{
	__u32 first = ops_len ? random_below(ops_len) : 0;

	for (__u32 i = 0; i < ops_len; i++) {
		struct test_op *t = &ops[(first + i) % ops_len];

		if (t->stage != OVER && !t->looks)
			return t;
	}
	return NULL;
}

/* One step of another op, which may look around as well. */
static void step_of_another(void)
{
	static int depth;
	struct test_op *t = random_below(3) || depth == 3 ? NULL : random_live_op();

	if (!t)
		return;
	depth++;
	step(t);
	depth--;
}

static __u32 live_ops(void)
{
	__u32 live = 0;

	for (__u32 i = 0; i < ops_len; i++)
		live += ops[i].stage != OVER;
	return live;
}

/* Where others may come between, besides between the steps of an op that are one for them. */
enum mixing {
	NOWHERE,
	BEFORE_A_LOOK,
	WITHIN_A_LOOK,
};

static void run_stream(__u64 seed, enum mixing mixing)
{
	struct test_op *t;

	random_state = seed * 0x9E3779B97F4A7C15ULL + 1;
	host_table_init(32, 4, SLOTS);
	ops_len = now = 0;
	conflicts = unknown = 0;
	memset(kept, 0, sizeof(kept));
	memset(kept_else, 0, sizeof(kept_else));
	between_meetings = mixing == WITHIN_A_LOOK ? step_of_another : NULL;
	while (ops_len < OPS || live_ops()) {
		if (ops_len < OPS && live_ops() < LIVE && random_below(2))
			begin_op(), t = &ops[ops_len - 1];
		else if ((t = random_live_op()))
			step(t);
		while (t && mixing == NOWHERE && (t->stage == ENTERS || t->stage == OPENS))
			step(t);
	}
	between_meetings = NULL;
	host_table_done();
}

/* ---- the oracle ------------------------------------------------------------------------------ */

/* `l` opened its window after `e` did, and the two are on common bytes. */
static bool later_overlaps(const struct test_op *e, const struct test_op *l)
{
	return e != l && e->opened && l->opened && e->flipped < l->flipped &&
	       ior_ops_overlap(&e->op, &l->op);
}

/* Least: what is certain. Most: what may be when a step came between a publish and its look. */
struct truth {
	__u64 conflicts_least, conflicts_most;
	__u64 any_least, any_most;
	__u64 kept[IOR_KEEPER_COUNT_];
	__u64 kept_else;
};

static void add_pair(const struct test_op *e, const struct test_op *l, struct truth *truth)
{
	bool met = l->spanned && l->looked < e->closed, knows = moves_as_announced(l);

	truth->conflicts_least += l->looked_again < e->closed;
	truth->conflicts_most += l->flipped < e->closed;
	truth->any_least += (met && knows) || l->looked_again < e->closed;
	truth->any_most += l->flipped < e->closed || (l->spanned && l->published < e->closed);
	if (l->flipped < e->closed || !met)
		return;
	if (knows)
		truth->kept[ior_kept_apart(ior_op_hold(&e->op), &l->op, l->waited_for_dio)]++;
	else
		truth->kept_else++;
}

static struct truth oracle(void)
{
	struct truth truth = {0};

	for (__u32 e = 0; e < ops_len; e++)
		for (__u32 l = 0; l < ops_len; l++)
			if (later_overlaps(&ops[e], &ops[l]))
				add_pair(&ops[e], &ops[l], &truth);
	return truth;
}

/* How many opened before `l` did, and did not move together with it as far as is certain. */
static __s32 kept_most(const struct test_op *l)
{
	__s32 most = 0;

	for (__u32 i = 0; i < ops_len; i++) {
		const struct test_op *e = &ops[i];

		most += later_overlaps(e, l) && l->spanned && l->published < e->closed &&
			l->looked_again >= e->closed;
	}
	return most;
}

static __u64 sum_of(const __u64 counts[IOR_KEEPER_COUNT_])
{
	__u64 sum = 0;

	for (int keeper = 0; keeper < IOR_KEEPER_COUNT_; keeper++)
		sum += counts[keeper];
	return sum;
}

static void print_seed_if(bool wrong, __u64 seed)
{
	if (wrong)
		print_message("seed %llu\n", (unsigned long long)seed);
}

/*
 * No pair is twice in the account of an op. Where the list of an op was too short one may be, if
 * that was slow to look; and where it is not known who counts a pair, the note of it stays.
 */
static void assert_no_op_has_too_many(__u64 seed)
{
	__u64 too_many = 0;

	for (__u32 i = 0; i < ops_len; i++) {
		const struct test_op *l = &ops[i];

		if (l->kept > kept_most(l) &&
		    (l->listed <= IOR_SPAN_LIST || !moves_as_announced(l)))
			too_many += l->kept - kept_most(l);
	}
	print_seed_if(too_many > unknown, seed);
	assert_in_range(too_many, 0, unknown);
}

/* ---- tests ----------------------------------------------------------------------------------- */

/* Each op looks at once: the accounts are exact, and of those that land elsewhere not too high. */
static void random_streams_are_accounted_exactly(void **state)
{
	__u64 all = 0, elsewhere = 0;

	(void)state;
	for (__u64 seed = 1; seed <= ROUNDS; seed++) {
		struct truth truth;

		run_stream(seed, NOWHERE);
		truth = oracle();
		print_seed_if(conflicts != truth.conflicts_least ||
				      memcmp(kept, truth.kept, sizeof(kept)),
			      seed);
		assert_int_equal(unknown, 0);
		assert_int_equal(conflicts, truth.conflicts_least);
		assert_memory_equal(kept, truth.kept, sizeof(kept));
		assert_true(sum_of(kept_else) <= truth.kept_else);
		all += truth.kept_else;
		elsewhere += sum_of(kept_else);
	}
	assert_true(elsewhere * 2 > all); /* and not too low */
}

struct races {
	__u64 all, unknown;
};

static void check_stream_with_races(__u64 seed, enum mixing mixing, struct races *races)
{
	struct truth truth;
	__u64 any;

	run_stream(seed, mixing);
	truth = oracle();
	any = conflicts + sum_of(kept) + sum_of(kept_else);
	print_seed_if(any + unknown < truth.any_least || any > truth.any_most, seed);
	assert_in_range(conflicts, 0, truth.conflicts_most);
	assert_in_range(conflicts + unknown, truth.conflicts_least, ~0ULL);
	assert_in_range(any, 0, truth.any_most);
	assert_in_range(any + unknown, truth.any_least, ~0ULL);
	assert_no_op_has_too_many(seed);
	races->all += any;
	races->unknown += unknown;
}

/*
 * Others come between a publish and its look, and between those that one meets: no pair is lost,
 * none is in two accounts. Ops that are so slow to look may find the set of a slot full, which is a
 * loss.
 */
static void random_races_are_accounted_once(void **state)
{
	struct races races = {0};

	(void)state;
	for (__u64 seed = 1; seed <= ROUNDS; seed++) {
		check_stream_with_races(seed, BEFORE_A_LOOK, &races);
		check_stream_with_races(seed, WITHIN_A_LOOK, &races);
	}
	assert_true(races.unknown * 100 < races.all);
}

/* ---- one op that lands elsewhere ------------------------------------------------------------- */

static struct ior_span span_with(__u32 notes, struct ior_range where)
{
	struct ior_span span = {.elsewhere = 1};

	for (__u32 i = 0; i < notes; i++) {
		span.noted[IOR_HOLD_EXCLUSIVE]++;
		if (span.listed++ < IOR_SPAN_LIST) {
			span.holds[i] = IOR_HOLD_EXCLUSIVE;
			span.ranges[i] = where;
		}
	}
	return span;
}

/* Those of an op that moves 4 KiB from `start` on. */
static __s32 pairs_at(const struct ior_span *span, enum ior_hold hold, __u64 start)
{
	return ior_span_pairs(span, hold, (struct ior_range){start, start + 4096});
}

static void op_that_lands_on_what_was_noted_counts_it(void **state)
{
	struct ior_span span = span_with(IOR_SPAN_LIST, (struct ior_range){0, 4096});

	(void)state;
	assert_int_equal(pairs_at(&span, IOR_HOLD_EXCLUSIVE, 4095), IOR_SPAN_LIST);
	assert_int_equal(pairs_at(&span, IOR_HOLD_SHARED, 4095), 0);
}

static void op_that_lands_beside_what_was_noted_counts_nothing(void **state)
{
	struct ior_span span = span_with(IOR_SPAN_LIST, (struct ior_range){0, 4096});

	(void)state;
	assert_int_equal(pairs_at(&span, IOR_HOLD_EXCLUSIVE, 4096), 0);
}

static void op_with_more_notes_than_the_list_holds_counts_nothing(void **state)
{
	struct ior_span span = span_with(IOR_SPAN_LIST + 1, (struct ior_range){0, 4096});

	(void)state;
	assert_int_equal(pairs_at(&span, IOR_HOLD_EXCLUSIVE, 0), 0);
}

/* ---- two that open at once ------------------------------------------------------------------- */

static struct test_op *begin_write_under(enum ior_lock lock, bool spanned)
{
	struct test_op *t = &ops[ops_len++];

	*t = (struct test_op){
		.op = {.range = {0, 4096},
		       .kind = IOR_OP_WRITE,
		       .flags = IOR_OPF_HOLDS,
		       .lock = {.i_rwsem = lock},
		       .begin_ns = ops_len},
		.announced = {0, 4096},
		.spanned = spanned,
	};
	enter(t);
	step(t);
	return t;
}

static struct test_op *begin_write(bool spanned)
{
	return begin_write_under(IOR_LOCK_NONE, spanned);
}

static void window_that_opens_at_once_leaves_other_accounts_alone(void **state)
{
	struct test_op *first, *a, *b;

	(void)state;
	random_state = 1;
	host_table_init(32, 4, SLOTS);
	ops_len = now = conflicts = 0;
	memset(kept, 0, sizeof(kept));
	first = begin_write(false);
	a = begin_write(true);
	b = begin_write(true);
	leave(first);
	open_window(a);
	open_window(b);
	step(a); /* both look, and find each other moving */
	step(b);
	leave(a);
	leave(b);
	host_table_done();
	assert_int_equal(conflicts, 1);
	assert_int_equal(kept[IOR_KEEPER_LUCK], 2); /* each with the first */
}

/* ---- one that is lifted while another looks -------------------------------------------------- */

#define CHUNK (1ULL << IOR_CHUNK_SHIFT)

static struct test_op *lifted;
static bool page_is_full, opens_as_well;

static void lift_now(void)
{
	struct test_op *t = lifted;

	lifted = NULL;
	if (!t)
		return;
	lift(t);
	if (!opens_as_well)
		return;
	flip(t);
	step(t);
}

/* `w` waits where it announced to land; whoever begins now meets it there and where it lands. */
static struct test_op *begin_lifted_write(struct ior_range announced, struct ior_range lands)
{
	struct test_op *w = &ops[ops_len++];

	*w = (struct test_op){
		.op = {.range = lands, .kind = IOR_OP_WRITE, .flags = IOR_OPF_HOLDS},
		.announced = announced,
		.spanned = true,
	};
	enter(w);
	step(w);
	if (page_is_full)
		host_note_spread(INODE, IOR_PLACE_FINE);
	lifted = w;
	return w;
}

static struct test_op *begin_lookers_write(struct ior_range range)
{
	struct test_op *l = &ops[ops_len++];

	*l = (struct test_op){
		.op = {.range = range, .kind = IOR_OP_WRITE, .flags = IOR_OPF_HOLDS},
		.announced = range,
	};
	enter(l);
	step(l);
	return l;
}

static void setup_lift(bool into_spread, bool opens)
{
	host_table_init(1024, 4, SLOTS);
	ops_len = now = conflicts = 0;
	random_state = 1;
	memset(kept_else, 0, sizeof(kept_else));
	page_is_full = into_spread;
	opens_as_well = opens;
	between_meetings = lift_now;
}

static void teardown_lift(void)
{
	between_meetings = NULL;
	host_table_done();
}

/* The looker is over before the other opens: one pair that was kept apart. */
static void assert_lifted_is_kept_apart_once(struct ior_range announced, struct ior_range lands,
					     struct ior_range looks, bool into_spread)
{
	struct test_op *w, *l;

	setup_lift(into_spread, false);
	w = begin_lifted_write(announced, lands);
	l = begin_lookers_write(looks);
	assert_null(lifted);
	leave(l);
	flip(w);
	step(w);
	leave(w);
	teardown_lift();
	assert_int_equal(conflicts, 0);
	assert_int_equal(sum_of(kept_else), 1);
}

static void op_lifted_to_another_chunk_is_noted_once(void **state)
{
	(void)state;
	assert_lifted_is_kept_apart_once((struct ior_range){0, 4096},
					 (struct ior_range){CHUNK, CHUNK + 4096},
					 (struct ior_range){0, 2 * CHUNK}, false);
}

static void op_lifted_out_of_a_full_page_is_noted_once(void **state)
{
	(void)state;
	assert_lifted_is_kept_apart_once((struct ior_range){0, 4096}, (struct ior_range){0, 8192},
					 (struct ior_range){0, 4096}, true);
}

/* The same, and its window opens while the other still looks. */
static void op_lifted_and_opened_under_a_look_conflicts_and_is_not_kept_apart(void **state)
{
	struct test_op *w, *l;

	(void)state;
	setup_lift(true, true);
	w = begin_lifted_write((struct ior_range){0, 4096}, (struct ior_range){0, 8192});
	l = begin_lookers_write((struct ior_range){0, 4096});
	assert_null(lifted);
	leave(l);
	leave(w);
	teardown_lift();
	assert_int_equal(conflicts, 1);
	assert_int_equal(sum_of(kept_else), 0);
}

/* The twin: two ops that are alike in all but that they are two. */
static void two_on_the_same_bytes_are_noted_each(void **state)
{
	struct test_op *w, *first, *second;

	(void)state;
	setup_lift(true, false);
	w = begin_lifted_write((struct ior_range){0, 4096}, (struct ior_range){0, 8192});
	between_meetings = NULL;
	first = begin_lookers_write((struct ior_range){0, 4096});
	between_meetings = lift_now;
	second = begin_lookers_write((struct ior_range){0, 4096});
	assert_null(lifted);
	leave(first);
	leave(second);
	flip(w);
	step(w);
	leave(w);
	teardown_lift();
	assert_int_equal(sum_of(kept_else), 2);
}

/* ---- an op that had the whole lock and came down to the shared one --------------------------- */

static __u64 kept_of_two_shared(bool waits_for_all)
{
	struct test_op *first, *second;

	host_table_init(32, 4, SLOTS);
	ops_len = now = 0;
	random_state = 1;
	memset(kept, 0, sizeof(kept));
	first = begin_write_under(IOR_LOCK_SHARED, false);
	second = begin_write_under(IOR_LOCK_SHARED, true);
	leave(first);
	if (waits_for_all)
		ior_span_has_all(&spans[second->slot]);
	open_window(second);
	step(second);
	leave(second);
	host_table_done();
	assert_int_equal(sum_of(kept), 1);
	return kept[IOR_KEEPER_SHARED_EXCLUSIVE];
}

static void op_that_had_the_whole_lock_was_kept_apart_by_it(void **state)
{
	(void)state;
	assert_int_equal(kept_of_two_shared(true), 1);
}

static void op_that_only_had_the_shared_lock_was_not(void **state)
{
	(void)state;
	assert_int_equal(kept_of_two_shared(false), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_streams_are_accounted_exactly),
		cmocka_unit_test(random_races_are_accounted_once),
		cmocka_unit_test(window_that_opens_at_once_leaves_other_accounts_alone),
		cmocka_unit_test(op_that_had_the_whole_lock_was_kept_apart_by_it),
		cmocka_unit_test(op_that_only_had_the_shared_lock_was_not),
		cmocka_unit_test(op_lifted_to_another_chunk_is_noted_once),
		cmocka_unit_test(op_lifted_out_of_a_full_page_is_noted_once),
		cmocka_unit_test(op_lifted_and_opened_under_a_look_conflicts_and_is_not_kept_apart),
		cmocka_unit_test(two_on_the_same_bytes_are_noted_each),
		cmocka_unit_test(op_that_lands_on_what_was_noted_counts_it),
		cmocka_unit_test(op_that_lands_beside_what_was_noted_counts_nothing),
		cmocka_unit_test(op_with_more_notes_than_the_list_holds_counts_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
