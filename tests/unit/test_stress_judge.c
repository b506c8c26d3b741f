// SPDX-License-Identifier: GPL-2.0
/*
 * What is torn is called torn, what is whole is called whole: by hand for the situations that have
 * a name, then against an oracle that tries every order of small histories.
 * Usage: test_stress_judge [seed [rounds]]
 */
#include "model/stress_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define UNIT 512
#define OPS_MAX 6
#define UNITS_MAX 5

/* Everything in units and small times; the read runs from 50 to 60. */
struct scene {
	struct stress_op ops[OPS_MAX];
	size_t ops_len;
	int seen[UNITS_MAX]; /* of each unit of the read: an op, or STRESS_OP_NOTHING */
	size_t units;
	uint64_t nothing_from; /* in units */
	uint64_t nothing_until_ns;
	uint64_t read_begin, read_end;
};

static const struct stress_op fill = {
	.range = {0, UNITS_MAX *UNIT}, .begin_ns = 1, .end_ns = 2, .kind = IOR_OP_WRITE};

static struct stress_op op_from(uint8_t kind, unsigned int first, unsigned int len, uint64_t begin,
				uint64_t end)
{
	return (struct stress_op){.range = {first * UNIT, (first + len) * UNIT},
				  .begin_ns = begin,
				  .end_ns = end,
				  .kind = kind,
				  .worker = 1};
}

static struct stress_op write_from(unsigned int first, unsigned int len, uint64_t begin,
				   uint64_t end)
{
	return op_from(IOR_OP_WRITE, first, len, begin, end);
}

static struct stress_verdict judged(const struct scene *scene)
{
	struct stress_run runs[UNITS_MAX];
	struct stress_reading reading = {
		.read = op_from(IOR_OP_READ, 0, scene->units, scene->read_begin, scene->read_end),
		.runs = runs,
		.history = scene->ops,
		.history_len = scene->ops_len,
		.nothing_from = scene->nothing_from * UNIT,
		.nothing_until_ns = scene->nothing_until_ns,
	};
	struct stress_verdict verdict;

	for (size_t i = 0; i < scene->units; i++) {
		if (reading.runs_len > 0 && runs[reading.runs_len - 1].op == scene->seen[i]) {
			runs[reading.runs_len - 1].range.end += UNIT;
			continue;
		}
		runs[reading.runs_len++] =
			(struct stress_run){{i * UNIT, (i + 1) * UNIT}, scene->seen[i]};
	}
	stress_judge(&reading, &verdict);
	return verdict;
}

static void assert_pair(const struct stress_verdict *verdict, int a, int b)
{
	for (size_t i = 0; i < verdict->pairs_len; i++) {
		const struct stress_pair *pair = &verdict->pairs[i];

		if ((pair->a == a && pair->b == b) || (pair->a == b && pair->b == a))
			return;
	}
	fail_msg("the pair %d, %d is missing", a, b);
}

/* ---- situations with a name ----------------------------------------------------------------- */

static const struct named {
	const char *name;
	struct scene scene;
	enum stress_kind kind;
	enum stress_how how;
	int first_op; /* that the verdict names, where it names one */
} named[] = {
/* clang-format off */
#define READ .units = 4, .read_begin = 50, .read_end = 60, .nothing_from = UNITS_MAX
#define W(first, len, begin, end) \
	{.range = {(first) * UNIT, ((first) + (len)) * UNIT}, .begin_ns = begin, .end_ns = end, \
	 .kind = IOR_OP_WRITE, .worker = 1}
#define Z(first, len, begin, end) \
	{.range = {(first) * UNIT, ((first) + (len)) * UNIT}, .begin_ns = begin, .end_ns = end, \
	 .kind = IOR_OP_SIZE, .worker = 2}
#define FILL W(0, UNITS_MAX, 1, 2)
#define NO STRESS_OP_NOTHING
	{"a write seen as a whole",
	 {{FILL, W(0, 4, 10, 20)}, 2, {1, 1, 1, 1}, READ}, STRESS_WHOLE, 0, 0},
	{"nothing of a write in flight",
	 {{FILL, W(0, 4, 55, 70)}, 2, {0, 0, 0, 0}, READ}, STRESS_WHOLE, 0, 0},
	{"half of a write in flight",
	 {{FILL, W(0, 4, 55, 70)}, 2, {1, 1, 0, 0}, READ}, STRESS_TORN_READ, STRESS_HOW_MIX, 0},
	{"half of a write, the rest overwritten by a third",
	 {{FILL, W(0, 4, 10, 20), W(2, 2, 30, 40)}, 3, {1, 1, 2, 2}, READ}, STRESS_WHOLE, 0, 0},
	{"half of a write, the rest overwritten by one in flight",
	 {{FILL, W(0, 4, 55, 70), W(2, 2, 55, 70)}, 3, {1, 1, 2, 2}, READ}, STRESS_WHOLE, 0, 0},
	{"two writes of one range, half of each, both in flight",
	 {{FILL, W(0, 4, 40, 70), W(0, 4, 45, 80)}, 3, {1, 1, 2, 2}, READ},
	 STRESS_TORN_READ, STRESS_HOW_MIX, 0},
	{"two writes of one range, half of each, both over",
	 {{FILL, W(0, 4, 10, 30), W(0, 4, 20, 40)}, 3, {1, 1, 2, 2}, READ},
	 STRESS_MIXED_WRITE, STRESS_HOW_MIX, 0},
	{"a write that was over is not seen",
	 {{FILL, W(0, 4, 10, 20), W(0, 4, 30, 40)}, 3, {1, 1, 1, 1}, READ},
	 STRESS_LOST_WRITE, STRESS_HOW_MISSING, 2},
	{"half of a write that was over is not seen",
	 {{FILL, W(0, 4, 10, 20), W(0, 4, 30, 40)}, 3, {1, 1, 2, 2}, READ},
	 STRESS_LOST_WRITE, STRESS_HOW_MIX, 2},
	{"the later of two writes seen, the earlier elsewhere not",
	 {{FILL, W(0, 1, 51, 52), W(1, 1, 53, 54)}, 3, {0, 2, 0, 0}, READ},
	 STRESS_TORN_READ, STRESS_HOW_ORDER, 0},
	{"the earlier of two writes seen, the later elsewhere not",
	 {{FILL, W(0, 1, 51, 52), W(1, 1, 53, 54)}, 3, {1, 0, 0, 0}, READ}, STRESS_WHOLE, 0, 0},
	{"the later of two writes in flight together seen alone",
	 {{FILL, W(0, 1, 51, 54), W(1, 1, 53, 55)}, 3, {0, 2, 0, 0}, READ}, STRESS_WHOLE, 0, 0},
	{"three writes in a ring",
	 {{FILL, W(0, 2, 40, 70), W(1, 2, 40, 70), W(2, 2, 40, 70), W(0, 1, 40, 70)}, 5,
	  {4, 1, 2, 3}, READ}, STRESS_WHOLE, 0, 0},
	{"partial writes, one over the other",
	 {{FILL, W(0, 3, 40, 70), W(1, 3, 40, 70)}, 3, {1, 2, 2, 2}, READ}, STRESS_WHOLE, 0, 0},
	{"partial writes that overwrite each other both ways",
	 {{FILL, W(0, 3, 40, 70), W(1, 3, 40, 70)}, 3, {1, 2, 1, 2}, READ},
	 STRESS_TORN_READ, STRESS_HOW_MIX, 0},
	{"nothing after a truncate",
	 {{FILL, W(0, 4, 10, 20), Z(2, 9, 30, 40)}, 3, {1, 1, NO, NO}, READ}, STRESS_WHOLE, 0, 0},
	{"data of before a truncate",
	 {{FILL, W(0, 4, 10, 20), Z(2, 9, 30, 40)}, 3, {1, 1, 1, NO}, READ},
	 STRESS_LOST_WRITE, STRESS_HOW_MIX, 2},
	{"half of a punch in flight",
	 {{FILL, W(0, 4, 10, 20), Z(1, 2, 55, 70)}, 3, {1, NO, 1, 1}, READ},
	 STRESS_TORN_READ, STRESS_HOW_MIX, 0},
	{"nothing where a write came after the truncate",
	 {{FILL, Z(2, 9, 10, 20), W(0, 4, 30, 40)}, 3, {2, 2, NO, NO}, READ},
	 STRESS_LOST_WRITE, STRESS_HOW_MIX, 2},
	{"nothing where nobody took anything away",
	 {{FILL}, 1, {0, 0, NO, 0}, READ}, STRESS_LOST_WRITE, STRESS_HOW_MISSING, 0},
	{"either of two truncates explains nothing",
	 {{FILL, Z(0, 9, 40, 70), W(0, 4, 45, 70), Z(1, 9, 55, 70)}, 4, {2, NO, NO, NO}, READ},
	 STRESS_WHOLE, 0, 0},
	{"nothing from a punch that was forgotten",
	 {{FILL, W(0, 1, 30, 40)}, 2, {1, NO, NO, 0}, READ, .nothing_until_ns = 20},
	 STRESS_WHOLE, 0, 0},
	{"nothing, forgotten or not, where a write came later",
	 {{FILL, W(0, 2, 30, 40)}, 2, {1, NO, NO, 0}, READ, .nothing_until_ns = 20},
	 STRESS_LOST_WRITE, STRESS_HOW_MIX, 1},
	{"two forgotten punches around what was there before",
	 {{FILL, W(0, 1, 5, 40)}, 2, {1, NO, 0, NO}, READ, .nothing_until_ns = 20},
	 STRESS_WHOLE, 0, 0},
	/* clang-format on */
};

static void named_situations_are_judged_right(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		struct stress_verdict verdict = judged(&named[i].scene);

		if (verdict.kind != named[i].kind || verdict.undecided)
			fail_msg("%s: %s", named[i].name, stress_kind_name(verdict.kind));
		if (verdict.kind == STRESS_WHOLE)
			continue;
		if (verdict.how != named[i].how)
			fail_msg("%s: by %s", named[i].name, stress_how_name(verdict.how));
		if (named[i].first_op && verdict.ops[0] != named[i].first_op)
			fail_msg("%s: names op %d", named[i].name, verdict.ops[0]);
	}
}

static void torn_read_names_read_and_write_as_a_pair(void **state)
{
	const struct scene scene = {{fill, write_from(0, 4, 55, 70)}, 2, {1, 1, 0, 0}, READ};
	struct stress_verdict verdict = judged(&scene);

	(void)state;
	assert_int_equal(verdict.pairs_len, 1);
	assert_pair(&verdict, STRESS_OP_READ, 1);
}

static void mixed_writes_are_a_pair_without_the_read(void **state)
{
	const struct scene scene = {
		{fill, write_from(0, 4, 10, 30), write_from(0, 4, 20, 40)}, 3, {1, 1, 2, 2}, READ};
	struct stress_verdict verdict = judged(&scene);

	(void)state;
	assert_int_equal(verdict.pairs_len, 1);
	assert_pair(&verdict, 1, 2);
}

static void lost_write_is_paired_with_whoever_met_it(void **state)
{
	const struct scene scene = {
		{fill, write_from(0, 4, 20, 40), write_from(3, 1, 30, 35)}, 3, {0, 0, 0, 2}, READ};
	struct stress_verdict verdict = judged(&scene);

	(void)state;
	assert_int_equal(verdict.kind, STRESS_LOST_WRITE);
	assert_int_equal(verdict.ops[0], 1);
	assert_pair(&verdict, 1, 2);
}

/* The unseen write is in the past of the read only because of the one that was seen. */
static void order_names_the_pair_that_makes_the_past(void **state)
{
	const struct scene scene = {
		{fill, write_from(0, 1, 51, 52), write_from(1, 1, 53, 54)}, 3, {0, 2, 0, 0}, READ};
	struct stress_verdict verdict = judged(&scene);

	(void)state;
	assert_pair(&verdict, STRESS_OP_READ, 1);
	assert_pair(&verdict, STRESS_OP_READ, 2);
}

static void unit_of_two_writes_is_torn_of_one_is_garbled(void **state)
{
	const struct stress_op history[] = {fill, write_from(0, 4, 10, 30),
					    write_from(0, 4, 20, 40), write_from(0, 4, 45, 55)};
	const struct stress_reading reading = {
		.read = op_from(IOR_OP_READ, 0, 4, 50, 60), .history = history, .history_len = 4};
	const int both_over[] = {1, 2}, one_in_flight[] = {2, 3};
	struct stress_verdict verdict;

	(void)state;
	stress_judge_unit(&reading, both_over, 2, &verdict);
	assert_int_equal(verdict.kind, STRESS_MIXED_WRITE);
	assert_pair(&verdict, 1, 2);
	stress_judge_unit(&reading, one_in_flight, 2, &verdict);
	assert_int_equal(verdict.kind, STRESS_TORN_READ);
	assert_int_equal(verdict.how, STRESS_HOW_UNIT);
	assert_pair(&verdict, STRESS_OP_READ, 3);
	stress_judge_unit(&reading, both_over, 1, &verdict);
	assert_int_equal(verdict.kind, STRESS_GARBLED);
	stress_judge_unit(&reading, NULL, 0, &verdict);
	assert_int_equal(verdict.kind, STRESS_GARBLED);
}

/* ---- every order ---------------------------------------------------------------------------- */

/* What the read sees when the ops in `order` come before it. */
static bool shows(const struct scene *scene, const size_t *order, size_t len)
{
	for (size_t unit = 0; unit < scene->units; unit++) {
		struct ior_range range = {unit * UNIT, (unit + 1) * UNIT};
		int shown = STRESS_OP_NOTHING;

		for (size_t i = 0; i < len; i++) {
			const struct stress_op *op = &scene->ops[order[i]];

			if (ior_range_overlaps(op->range, range))
				shown = op->kind == IOR_OP_SIZE ? STRESS_OP_NOTHING : (int)order[i];
		}
		if (shown != scene->seen[unit])
			return false;
	}
	return true;
}

static bool may_stand_here(const struct scene *scene, size_t op, unsigned int placed)
{
	for (size_t i = 0; i < scene->ops_len; i++) {
		if (!(placed >> i & 1) && i != op &&
		    stress_op_ended_before(&scene->ops[i], &scene->ops[op]))
			return false;
	}
	return scene->ops[op].begin_ns <= scene->read_end;
}

static bool read_may_stand_here(const struct scene *scene, unsigned int placed)
{
	for (size_t i = 0; i < scene->ops_len; i++) {
		if (!(placed >> i & 1) && scene->ops[i].end_ns < scene->read_begin)
			return false;
	}
	return true;
}

/* Is there an order that begins with `order` and explains the read? */
static bool explained(const struct scene *scene, size_t *order, size_t len, unsigned int placed)
{
	if (read_may_stand_here(scene, placed) && shows(scene, order, len))
		return true;
	for (size_t op = 0; op < scene->ops_len; op++) {
		if (placed >> op & 1 || !may_stand_here(scene, op, placed))
			continue;
		order[len] = op;
		if (explained(scene, order, len + 1, placed | 1U << op))
			return true;
	}
	return false;
}

static unsigned int seed = 20260301;
static unsigned int rounds = 60000;

static unsigned int below(unsigned int limit)
{
	return (unsigned int)rand_r(&seed) / 7 % limit;
}

static struct stress_op random_op(void)
{
	unsigned int first = below(UNITS_MAX), len = 1 + below(UNITS_MAX - first);
	uint64_t begin = 3 + below(60), end = begin + below(30);
	bool leaves_nothing = below(4) == 0;

	if (below(6) == 0)
		end = STRESS_IN_FLIGHT;
	if (leaves_nothing && below(2))
		len = 9; /* to the end of the file */
	return op_from(leaves_nothing ? IOR_OP_SIZE : IOR_OP_WRITE, first, len, begin, end);
}

/* One that covers the unit, or nothing when that is possible at all. */
static int random_source(const struct scene *scene, size_t unit)
{
	struct ior_range range = {unit * UNIT, (unit + 1) * UNIT};

	for (int tries = 0; tries < 20; tries++) {
		int op = (int)below(scene->ops_len);

		if (!ior_range_overlaps(scene->ops[op].range, range) ||
		    scene->ops[op].begin_ns > scene->read_end)
			continue;
		return scene->ops[op].kind == IOR_OP_SIZE ? STRESS_OP_NOTHING : op;
	}
	return STRESS_OP_NOTHING;
}

static void random_scene(struct scene *scene)
{
	*scene = (struct scene){.units = 1 + below(UNITS_MAX), .read_begin = 30 + below(20)};
	scene->read_end = scene->read_begin + below(20);
	scene->nothing_from = below(3) ? UNITS_MAX : below(UNITS_MAX);
	scene->ops[scene->ops_len++] = fill;
	scene->ops[0].range.end = scene->nothing_from * UNIT;
	for (size_t len = 2 + below(OPS_MAX - 1); scene->ops_len < len;)
		scene->ops[scene->ops_len++] = random_op();
	for (size_t unit = 0; unit < scene->units; unit++)
		scene->seen[unit] = random_source(scene, unit);
}

static void print_scene(const struct scene *scene)
{
	printf("read %d..%d sees", (int)scene->read_begin, (int)scene->read_end);
	for (size_t i = 0; i < scene->units; i++)
		printf(" %d", scene->seen[i]);
	printf("; nothing from %d\n", (int)scene->nothing_from);
	for (size_t i = 0; i < scene->ops_len; i++)
		printf("  %zu %s units %d..%d time %d..%d\n", i,
		       scene->ops[i].kind == IOR_OP_SIZE ? "size" : "write",
		       (int)(scene->ops[i].range.start / UNIT),
		       (int)(scene->ops[i].range.end / UNIT), (int)scene->ops[i].begin_ns,
		       (int)scene->ops[i].end_ns);
}

/*
 * A pair that is named met, and without pairs there is no evidence: a read that is torn, or writes
 * that mixed, name at least one.
 */
static void check_pairs(const struct scene *scene, const struct stress_verdict *verdict)
{
	const struct stress_op read =
		op_from(IOR_OP_READ, 0, scene->units, scene->read_begin, scene->read_end);

	for (size_t i = 0; i < verdict->pairs_len; i++) {
		int a = verdict->pairs[i].a, b = verdict->pairs[i].b;

		assert_true(stress_ops_met(a < 0 ? &read : &scene->ops[a],
					   b < 0 ? &read : &scene->ops[b]));
	}
	if (verdict->kind == STRESS_TORN_READ || verdict->kind == STRESS_MIXED_WRITE)
		assert_true(verdict->pairs_len > 0);
}

static void judge_and_every_order_agree(void **state)
{
	unsigned int torn = 0, whole = 0, first_seed = seed;

	(void)state;
	for (unsigned int round = 0; round < rounds; round++) {
		struct stress_verdict verdict;
		struct scene scene;
		size_t order[OPS_MAX];
		bool is_whole;

		random_scene(&scene);
		is_whole = explained(&scene, order, 0, 0);
		verdict = judged(&scene);
		whole += is_whole;
		torn += !is_whole;
		if ((verdict.kind == STRESS_WHOLE) != is_whole || verdict.undecided) {
			print_scene(&scene);
			fail_msg("seed %u round %u: %s, but it %s explained", first_seed, round,
				 stress_kind_name(verdict.kind), is_whole ? "is" : "cannot be");
		}
		if (!is_whole)
			check_pairs(&scene, &verdict);
	}
	/* An oracle that met one answer only has proved nothing. */
	assert_in_range(torn, rounds / 10, rounds);
	assert_in_range(whole, rounds / 10, rounds);
}

/* Ops that move their data in windows that are apart are an order: never torn. */
static void windows_apart_are_never_torn(void **state)
{
	(void)state;
	for (unsigned int round = 0; round < rounds / 4; round++) {
		struct scene scene = {.units = UNITS_MAX, .nothing_from = UNITS_MAX};
		uint64_t moment = 10, read_moment = 0;
		int content[UNITS_MAX] = {};

		scene.ops[scene.ops_len++] = fill;
		while (scene.ops_len < OPS_MAX || !read_moment) {
			struct stress_op op = random_op();
			uint64_t before = below(40), after = below(40);

			moment += 10;
			if (!read_moment && (scene.ops_len == OPS_MAX || below(4) == 0)) {
				read_moment = moment;
				scene.read_begin = moment - (before < moment ? before : 0);
				scene.read_end = moment + after;
				memcpy(scene.seen, content, sizeof(content));
				continue;
			}
			op.begin_ns = before + 3 < moment ? moment - before : 3;
			op.end_ns = moment + after;
			for (size_t unit = 0; unit < UNITS_MAX; unit++) {
				if (op.range.start <= unit * UNIT && unit * UNIT < op.range.end)
					content[unit] = op.kind == IOR_OP_SIZE ? STRESS_OP_NOTHING
									       : (int)scene.ops_len;
			}
			scene.ops[scene.ops_len++] = op;
		}
		if (judged(&scene).kind != STRESS_WHOLE) {
			print_scene(&scene);
			fail_msg("round %u", round);
		}
	}
}

/* An op whose units move one by one, each at some moment of a window that is part of the span. */
struct moving {
	uint64_t open, close;
	uint64_t moment[UNITS_MAX];
};

static struct moving random_moving(struct stress_op *op, uint64_t salt)
{
	uint64_t before = below(20), len = below(3) ? below(12) : 0;
	struct moving moving = {.open = (op->begin_ns + before) * 8 + salt};

	moving.close = moving.open + len * 8;
	for (size_t unit = 0; unit < UNITS_MAX; unit++)
		moving.moment[unit] = moving.open + below(len + 1) * 8;
	op->end_ns = op->begin_ns + before + len + 1 + below(20);
	return moving;
}

static int shown_at(const struct scene *scene, const struct moving *moving, size_t unit,
		    uint64_t moment)
{
	struct ior_range range = {unit * UNIT, (unit + 1) * UNIT};
	uint64_t latest = 0;
	int shown = 0;

	for (size_t i = 1; i < scene->ops_len; i++) {
		if (!ior_range_overlaps(scene->ops[i].range, range) ||
		    moving[i].moment[unit] > moment || moving[i].moment[unit] < latest)
			continue;
		latest = moving[i].moment[unit];
		shown = scene->ops[i].kind == IOR_OP_SIZE ? STRESS_OP_NOTHING : (int)i;
	}
	return shown;
}

static bool windows_met(const struct moving *a, const struct moving *b)
{
	return a->open <= b->close && b->open <= a->close;
}

/*
 * What `check` rests on: whatever content proves, one of the pairs named with it had both windows
 * open at once, and so had to be reported as a conflict.
 */
static void a_pair_that_is_named_had_both_windows_open(void **state)
{
	unsigned int torn = 0;

	(void)state;
	for (unsigned int round = 0; round < rounds; round++) {
		struct scene scene = {.units = UNITS_MAX, .nothing_from = UNITS_MAX};
		struct stress_op read = op_from(IOR_OP_READ, 0, UNITS_MAX, 3 + below(60), 0);
		struct moving moving[OPS_MAX] = {}, reading = random_moving(&read, 7);
		struct stress_verdict verdict;
		bool met = false;

		scene.ops[scene.ops_len++] = fill;
		while (scene.ops_len < OPS_MAX) {
			struct stress_op op = random_op();

			moving[scene.ops_len] = random_moving(&op, scene.ops_len);
			scene.ops[scene.ops_len++] = op;
		}
		scene.read_begin = read.begin_ns;
		scene.read_end = read.end_ns;
		for (size_t unit = 0; unit < UNITS_MAX; unit++)
			scene.seen[unit] = shown_at(&scene, moving, unit, reading.moment[unit]);
		verdict = judged(&scene);
		if (verdict.kind == STRESS_WHOLE)
			continue;
		torn++;
		for (size_t i = 0; i < verdict.pairs_len; i++) {
			int a = verdict.pairs[i].a, b = verdict.pairs[i].b;

			met |= windows_met(a < 0 ? &reading : &moving[a],
					   b < 0 ? &reading : &moving[b]);
		}
		if (!met && !verdict.pairs_cut) {
			print_scene(&scene);
			fail_msg("round %u: %s by %s, and no pair met", round,
				 stress_kind_name(verdict.kind), stress_how_name(verdict.how));
		}
	}
	assert_in_range(torn, rounds / 50, rounds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_situations_are_judged_right),
		cmocka_unit_test(torn_read_names_read_and_write_as_a_pair),
		cmocka_unit_test(mixed_writes_are_a_pair_without_the_read),
		cmocka_unit_test(lost_write_is_paired_with_whoever_met_it),
		cmocka_unit_test(order_names_the_pair_that_makes_the_past),
		cmocka_unit_test(unit_of_two_writes_is_torn_of_one_is_garbled),
		cmocka_unit_test(judge_and_every_order_agree),
		cmocka_unit_test(windows_apart_are_never_torn),
		cmocka_unit_test(a_pair_that_is_named_had_both_windows_open),
	};

	if (argc > 1)
		seed = (unsigned int)strtoul(argv[1], NULL, 0);
	if (argc > 2)
		rounds = (unsigned int)strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
