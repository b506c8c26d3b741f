// SPDX-License-Identifier: GPL-2.0
/*
 * The in-flight table under every schedule. Each task is a coroutine that stops before every access
 * to memory that another task may touch; the checker takes each task's next step in every reachable
 * state (memory, what each task has seen so far, what has happened), so that the verdict holds for
 * all interleavings of sequentially consistent accesses. Which memory that is it learns on the way,
 * and begins anew until nothing more is learnt. Scenes too large for that are sampled.
 *
 * Usage: test_inflight_model [seed [samples [all [part of a scene's name]]]]
 *
 * In the end every pair must have been counted exactly once if it certainly was in flight together,
 * never if it certainly was not, and at most once in between; and the table must be empty.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <ucontext.h>

#include <linux/types.h>

static void model_access(const volatile void *p, bool writes);
static void model_saw(__u64 value);
static __u64 model_published(void);

#define INFLIGHT_HOOK(p, writes) model_access(p, writes)
#define INFLIGHT_SAW(value) model_saw(value)
#define HOST_NOW() model_published()
#define IOR_PLACES_ENTRIES 1
#define NEAR_LINES 2U
#define IOR_NARROW_CHUNKS_MAX 2 /* so that one may be wide and look unit by unit, */
#define SWEEP_UNITS_MAX 12	/* of three chunks */
#include "inflight_host.h"
#include "random.h"

#include <iorace/forget.h>

#define TASKS_MAX 3
#define OPS_MAX 6
#define STACK_BYTES 16384
#define LINES (2 * (int)NEAR_LINES)
#define WIDE_LINES 1
#define SLOTS 4
#define STATES_LOG2 23

/* ---- scenes ---------------------------------------------------------------------------------- */

struct script {
	struct ior_range range;
	struct ior_range lands; /* if its window opens for another range than announced */
	__u8 kind;
	bool waiting, fast;
	bool other;   /* not of the inode that most are on */
	__u8 forgets; /* no op: goes through all slots; FORGETS_IDLE: see struct ior_forget */
};

#define FORGETS 1
#define FORGETS_IDLE 2

struct scene {
	const char *name;
	struct script ops[TASKS_MAX][2]; /* of each task, one after the other; no range: none */
	__u32 crowd;			 /* ways that strangers stand in, from the home line on */
	__u64 crowd_unit;		 /* whose home line, packed */
	bool sampled;			 /* too many states */
	bool large;			 /* seconds: sampled unless all is asked for */
	bool noted;   /* where the ops stand others stood before, or it is too large */
	__u32 begins; /* with this noted, if not 0 */
};

#define W(s, e)                                                                                    \
	{                                                                                          \
		.range = {s, e}, .kind = IOR_OP_WRITE, .fast = true                                \
	}
#define SLOW(s, e)                                                                                 \
	{                                                                                          \
		.range = {s, e}, .kind = IOR_OP_WRITE                                              \
	}
#define WAIT(s, e)                                                                                 \
	{                                                                                          \
		.range = {s, e}, .kind = IOR_OP_WRITE, .waiting = true                             \
	}
#define LIFT(s, e, to_s, to_e)                                                                     \
	{                                                                                          \
		.range = {s, e}, .kind = IOR_OP_WRITE, .waiting = true, .lands = { to_s, to_e }    \
	}
#define OTHER(s, e)                                                                                \
	{                                                                                          \
		.range = {s, e}, .kind = IOR_OP_WRITE, .other = true                               \
	}
#define FORGET(how)                                                                                \
	{                                                                                          \
		.range = {0, 1}, .forgets = (how)                                                  \
	}
#define CHUNK (1ULL << IOR_CHUNK_SHIFT)
#define GRANULE (1ULL << IOR_GRANULE_SHIFT)
#define LARGE (2 * GRANULE) /* within its chunk */
#define PACKED_CHUNKS 1U
#define PACKED_GRANULES (1U << IOR_PLACE_FINE)
#define SPREAD_GRANULES (1U << (IOR_PLACE_FINE | IOR_PLACE_SPREAD))

static const struct scene scenes[] = {
	{.name = "two ops", .ops = {{W(0, 4096)}, {W(0, 4096)}}},
	{.name = "two ops, slow path", .ops = {{SLOW(0, 4096)}, {SLOW(0, 4096)}}},
	{.name = "a task twice", .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096)}}},
	{.name = "two tasks twice",
	 .large = true,
	 .noted = true,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "waiting and moving", .ops = {{WAIT(0, 4096)}, {W(0, 4096)}}},
	{.name = "both waiting", .ops = {{WAIT(0, 4096)}, {WAIT(0, 4096)}}},
	{.name = "moving, then waiting",
	 .noted = true,
	 .ops = {{W(0, 4096), WAIT(0, 4096)}, {W(0, 4096)}}},
	{.name = "two chunks",
	 .large = true,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	{.name = "two chunks, line full",
	 .large = true,
	 .noted = true,
	 .crowd = 7,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	{.name = "two chunks, line almost full",
	 .large = true,
	 .noted = true,
	 .crowd = 6,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	/* the ways of a line pass from one's word to the other's */
	{.name = "a way changes chunks",
	 .large = true,
	 .noted = true,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9)},
		 {SLOW(2 * GRANULE, CHUNK), SLOW(CHUNK, CHUNK + 2 * GRANULE)}}},
	{.name = "wide and narrow", .ops = {{SLOW(0, ~0ULL)}, {W(0, 4096)}}},
	{.name = "two wide", .ops = {{SLOW(0, ~0ULL)}, {SLOW(4096, ~0ULL)}}},
	{.name = "line almost full", .ops = {{W(0, 4096)}, {W(0, 4096)}}, .crowd = 6},
	{.name = "line full", .ops = {{W(0, 4096)}, {W(0, 4096)}}, .crowd = 7},
	{.name = "line full, a task twice",
	 .noted = true,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096)}},
	 .crowd = 6},
	{.name = "page almost full",
	 .noted = true,
	 .ops = {{W(0, 4096)}, {W(0, 4096)}},
	 .crowd = 13},
	{.name = "page full", .sampled = true, .ops = {{W(0, 4096)}, {W(0, 4096)}}, .crowd = 14},
	{.name = "page almost full, slow path",
	 .noted = true,
	 .ops = {{SLOW(0, 4096)}, {SLOW(0, 4096)}},
	 .crowd = 13},
	{.name = "page almost full, a task twice",
	 .sampled = true,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096)}},
	 .crowd = 13},
	{.name = "page almost full, one waits",
	 .noted = true,
	 .ops = {{WAIT(0, 4096)}, {W(0, 4096)}},
	 .crowd = 13},
	{.name = "page full, two chunks",
	 .sampled = true,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9)}, {W(0, CHUNK)}},
	 .crowd = 14},
	/* the first publishes by the fast path, and that while the second finds its page full */
	{.name = "page full for the other",
	 .large = true,
	 .noted = true,
	 .ops = {{W(2 * GRANULE, CHUNK)}, {SLOW(CHUNK - 9, CHUNK + 9)}},
	 .crowd = 14,
	 .crowd_unit = 1},
	{.name = "page full, wide and narrow",
	 .ops = {{SLOW(0, ~0ULL)}, {W(0, 4096)}},
	 .crowd = 14},
	{.name = "page full for one, both of two chunks",
	 .sampled = true,
	 .ops = {{SLOW(CHUNK - 9, 2 * CHUNK)}, {SLOW(2 * CHUNK - 9, 2 * CHUNK + 9)}},
	 .crowd = 14,
	 .crowd_unit = 2},
	{.name = "wide, chunk by chunk",
	 .ops = {{SLOW(0, 3 * CHUNK)}, {W(CHUNK, CHUNK + 2 * GRANULE)}}},
	{.name = "page full, wide, chunk by chunk",
	 .large = true,
	 .ops = {{SLOW(0, 3 * CHUNK)}, {W(CHUNK, CHUNK + 2 * GRANULE)}},
	 .crowd = 14,
	 .crowd_unit = 1},
	{.name = "page full, another inode's",
	 .sampled = true,
	 .ops = {{W(0, 4096)}, {OTHER(0, 4096)}, {W(0, 4096)}},
	 .crowd = 13},
	{.name = "lifted", .ops = {{LIFT(0, 4096, 0, 8192)}, {W(0, 4096)}}},
	{.name = "lifted to the other's bytes",
	 .ops = {{LIFT(0, 4096, 4096, 8192)}, {W(4096, 8192)}}},
	{.name = "lifted to another chunk",
	 .large = true,
	 .noted = true,
	 .ops = {{LIFT(0, 4096, CHUNK, CHUNK + 4096)}, {SLOW(0, CHUNK + 4096)}}},
	{.name = "page almost full, lifted",
	 .large = true,
	 .noted = true,
	 .ops = {{LIFT(0, 4096, 0, 8192)}, {W(0, 4096)}},
	 .crowd = 13},
	{.name = "lifted, becomes wide", .ops = {{LIFT(0, 4096, 0, 3 * CHUNK)}, {W(0, 4096)}}},
	/* by its granule and by its chunk, and nobody has noted anything before */
	{.name = "small and large", .ops = {{W(0, 4096)}, {W(0, LARGE)}}},
	{.name = "small and large, slow path", .ops = {{SLOW(0, 4096)}, {SLOW(0, LARGE)}}},
	{.name = "small and large, in its second granule",
	 .ops = {{W(GRANULE, GRANULE + 9)}, {W(0, LARGE)}}},
	{.name = "small and large, side by side", .ops = {{W(0, GRANULE)}, {W(GRANULE, CHUNK)}}},
	{.name = "two large", .ops = {{W(0, LARGE)}, {W(GRANULE, CHUNK)}}},
	{.name = "small, and large of two chunks",
	 .ops = {{W(CHUNK, CHUNK + 9)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	{.name = "small waits for large", .ops = {{WAIT(0, 4096)}, {W(0, LARGE)}}},
	{.name = "large waits for small", .ops = {{W(0, 4096)}, {WAIT(0, LARGE)}}},
	{.name = "small and large, both waiting", .ops = {{WAIT(0, 4096)}, {WAIT(0, LARGE)}}},
	{.name = "small, and large of two chunks, both waiting",
	 .ops = {{WAIT(CHUNK, CHUNK + 9)}, {WAIT(CHUNK - 9, CHUNK + 9)}}},
	{.name = "small, then large",
	 .large = true,
	 .ops = {{W(0, 4096), W(0, LARGE)}, {W(0, 4096)}}},
	/* granule and chunk are at home in one line: its ways pass from one's word to the other's */
	{.name = "a way changes places",
	 .large = true,
	 .ops = {{W(0, LARGE), W(0, 4096)}, {W(0, LARGE)}}},
	{.name = "wide and large", .ops = {{SLOW(0, ~0ULL)}, {W(0, LARGE)}}},
	{.name = "wide, unit by unit, and small",
	 .ops = {{SLOW(0, 3 * CHUNK)}, {W(CHUNK, CHUNK + 9)}}},
	{.name = "line full, small and large",
	 .large = true,
	 .ops = {{W(0, 4096)}, {W(0, LARGE)}},
	 .crowd = 7},
	{.name = "page almost full, small and large",
	 .sampled = true,
	 .noted = true,
	 .ops = {{W(0, 4096)}, {W(0, LARGE)}},
	 .crowd = 13},
	{.name = "page full for the small one",
	 .large = true,
	 .ops = {{W(GRANULE, GRANULE + 9)}, {W(0, LARGE)}},
	 .crowd = 14,
	 .crowd_unit = 1},
	{.name = "page full for the large one",
	 .noted = true,
	 .large = true,
	 .ops = {{W(GRANULE, GRANULE + 9)}, {W(0, LARGE)}},
	 .crowd = 14},
	{.name = "page full, small and large",
	 .sampled = true,
	 .noted = true,
	 .ops = {{W(0, 4096)}, {W(0, LARGE)}},
	 .crowd = 14},
	{.name = "lifted, becomes large",
	 .large = true,
	 .ops = {{LIFT(0, 4096, 0, LARGE)}, {W(0, 4096)}}},
	{.name = "lifted, becomes small",
	 .large = true,
	 .ops = {{LIFT(0, LARGE, 0, 4096)}, {W(0, 4096)}}},
	{.name = "lifted, becomes small, and large",
	 .large = true,
	 .ops = {{LIFT(0, LARGE, 0, 4096)}, {W(0, LARGE)}}},
	/* somebody forgets where nobody stands, or seems to */
	{.name = "forgotten, two ops",
	 .sampled = true,
	 .begins = PACKED_CHUNKS | PACKED_GRANULES,
	 .ops = {{W(0, 4096)}, {W(0, 4096)}, {FORGET(FORGETS)}}},
	{.name = "forgotten, small and large",
	 .sampled = true,
	 .begins = PACKED_CHUNKS | PACKED_GRANULES,
	 .ops = {{W(0, 4096)}, {W(0, LARGE)}, {FORGET(FORGETS)}}},
	{.name = "all forgotten, two ops",
	 .begins = PACKED_GRANULES,
	 .ops = {{W(0, 4096)}, {W(0, 4096)}, {FORGET(FORGETS_IDLE)}}},
	{.name = "all forgotten, small and large",
	 .sampled = true,
	 .begins = PACKED_CHUNKS | PACKED_GRANULES,
	 .ops = {{W(0, 4096)}, {W(0, LARGE)}, {FORGET(FORGETS_IDLE)}}},
	{.name = "all forgotten, slow path",
	 .large = true,
	 .begins = PACKED_GRANULES,
	 .ops = {{SLOW(0, 4096)}, {W(0, 4096)}, {FORGET(FORGETS_IDLE)}}},
	{.name = "all forgotten, one waits",
	 .sampled = true,
	 .begins = PACKED_GRANULES,
	 .ops = {{WAIT(0, 4096)}, {W(0, 4096)}, {FORGET(FORGETS_IDLE)}}},
	{.name = "all forgotten, wide and narrow",
	 .large = true,
	 .begins = PACKED_CHUNKS | IOR_PLACES_WIDE,
	 .ops = {{SLOW(0, ~0ULL)}, {W(0, LARGE)}, {FORGET(FORGETS_IDLE)}}},
	{.name = "all forgotten twice, a task twice",
	 .sampled = true,
	 .begins = PACKED_GRANULES,
	 .ops = {{W(0, 4096), W(0, 4096)},
		 {W(0, 4096), W(0, LARGE)},
		 {FORGET(FORGETS_IDLE), FORGET(FORGETS_IDLE)}}},
	{.name = "forgotten twice, lifted",
	 .sampled = true,
	 .begins = PACKED_GRANULES | PACKED_CHUNKS,
	 .ops = {{LIFT(0, 4096, 0, LARGE)},
		 {W(0, 4096), W(0, LARGE)},
		 {FORGET(FORGETS), FORGET(FORGETS_IDLE)}}},
	{.name = "forgotten twice, page full",
	 .sampled = true,
	 .crowd = 14,
	 .begins = PACKED_GRANULES | SPREAD_GRANULES,
	 .ops = {{SLOW(0, 4096), W(0, 4096)},
		 {W(0, 4096), W(0, LARGE)},
		 {FORGET(FORGETS), FORGET(FORGETS_IDLE)}}},
	{.name = "forgotten twice, waiting and wide",
	 .sampled = true,
	 .begins = PACKED_GRANULES | IOR_PLACES_WIDE,
	 .ops = {{WAIT(0, 4096), SLOW(0, ~0ULL)},
		 {WAIT(0, LARGE), W(0, 4096)},
		 {FORGET(FORGETS_IDLE), FORGET(FORGETS_IDLE)}}},
	/* somebody goes while the line is full for who comes to it by the walk, or looks at it */
	{.name = "two chunks, room again at home",
	 .sampled = true,
	 .noted = true,
	 .crowd = 5,
	 .ops = {{W(0, LARGE)}, {SLOW(2 * GRANULE, CHUNK)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	{.name = "two chunks, room again behind who passed",
	 .sampled = true,
	 .noted = true,
	 .crowd = 6,
	 .ops = {{W(0, LARGE)}, {SLOW(2 * GRANULE, CHUNK)}, {SLOW(CHUNK - 9, CHUNK + 9)}}},
	{.name = "3 tasks, lifted out of a page that fills",
	 .sampled = true,
	 .crowd = 12,
	 .ops = {{LIFT(0, 4096, 0, 8192)}, {W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "3 tasks, page almost full",
	 .sampled = true,
	 .crowd = 13,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "3 ops", .sampled = true, .ops = {{W(0, 4096)}, {W(0, 4096)}, {W(0, 4096)}}},
	{.name = "3 tasks twice",
	 .sampled = true,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "3 tasks, line almost full",
	 .sampled = true,
	 .crowd = 6,
	 .ops = {{W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "3 tasks, wide and waiting",
	 .sampled = true,
	 .ops = {{SLOW(0, ~0ULL), W(0, 4096)},
		 {WAIT(0, 4096), W(0, 4096)},
		 {WAIT(CHUNK - 9, CHUNK + 9), WAIT(0, CHUNK + 9)}}},
	{.name = "3 tasks, two chunks",
	 .sampled = true,
	 .crowd = 5,
	 .ops = {{SLOW(CHUNK - 9, CHUNK + 9), SLOW(CHUNK - 9, CHUNK + 9)},
		 {SLOW(CHUNK - 9, CHUNK + 9), SLOW(CHUNK - 9, CHUNK + 9)},
		 {SLOW(CHUNK - 9, CHUNK + 9), SLOW(CHUNK, CHUNK + 2 * GRANULE)}}},
	{.name = "3 tasks, small and large",
	 .sampled = true,
	 .ops = {{W(0, 4096), W(0, LARGE)}, {W(0, LARGE), W(0, 4096)}, {W(0, 4096), W(0, 4096)}}},
	{.name = "3 tasks, small and large, waiting",
	 .sampled = true,
	 .ops = {{WAIT(0, 4096), W(0, LARGE)},
		 {WAIT(0, LARGE), WAIT(0, 4096)},
		 {W(0, 4096), SLOW(0, 2 * CHUNK)}}},
	{.name = "3 tasks, small and large, page almost full",
	 .sampled = true,
	 .noted = true,
	 .crowd = 12,
	 .ops = {{W(0, 4096), W(0, LARGE)}, {W(0, LARGE), W(0, 4096)}, {W(0, 4096), W(0, LARGE)}}},
	{.name = "3 tasks, small, large and wide",
	 .sampled = true,
	 .noted = true,
	 .crowd = 6,
	 .ops = {{SLOW(0, 3 * CHUNK), W(0, 4096)},
		 {WAIT(0, LARGE), SLOW(CHUNK - 9, CHUNK + 9)},
		 {W(CHUNK, CHUNK + 9), LIFT(0, 4096, 0, LARGE)}}},
};

/* ---- the state of the world ------------------------------------------------------------------ */

enum moment {
	NOT_YET,
	BEGAN,
	PUBLISHED,
	LOOKED,
	RETIRING,
	RETIRED,
	NEVER
};

struct world {
	struct ior_line lines[LINES], wide_lines[WIDE_LINES];
	struct ior_slot slots[SLOTS];
	struct ior_races races[SLOTS];
	__u32 places[IOR_PLACES_ENTRIES] __attribute__((aligned(8)));
	__u64 seen[TASKS_MAX]; /* hash of all that a task has read, and how far it is */
	__u8 finished[TASKS_MAX];
	__u8 moment[2][OPS_MAX]; /* by stage */
	__u8 sees[2][OPS_MAX];	 /* whom it found published when it began to look, one bit each */
	__u8 certain[2][OPS_MAX], touched[2][OPS_MAX];
	__u8 counted[2][OPS_MAX][OPS_MAX];
	__u8 untracked[OPS_MAX];
	__u8 lost, wrong;
};

/* What a step changes besides: where each task stands. */
struct task {
	jmp_buf at;
	char *sp;
	char stack[STACK_BYTES] __attribute__((aligned(64)));
};

static struct world world __attribute__((aligned(64)));
static struct task tasks[TASKS_MAX];
static const struct scene *scene;
static int running = -1;
static __u32 task_count;
static jmp_buf scheduler;

/* The page of both has the two lines that their first unit comes to last where it stands spread. */
static __u64 inodes[2];

static const struct script *script_of(__u32 op)
{
	return &scene->ops[op / 2][op % 2];
}

static __u32 op_of_task(int task, int nth)
{
	return task * 2 + nth;
}

/* Then only two of which both have looked are certain to be met: see places.bpf.h. */
static bool somebody_forgets(const struct scene *s)
{
	for (int t = 0; t < TASKS_MAX; t++)
		if (s->ops[t][0].forgets)
			return true;
	return false;
}

/* Called whenever a moment changes: whoever is in flight together now has been. */
static void note_touching(int stage)
{
	for (int a = 0; a < OPS_MAX; a++)
		for (int b = 0; b < OPS_MAX; b++) {
			__u8 ma = world.moment[stage][a], mb = world.moment[stage][b];

			if (a == b || ma < BEGAN || ma > RETIRING || mb < BEGAN || mb > RETIRING)
				continue;
			world.touched[stage][a] |= 1 << b;
			if (ma == LOOKED && mb == LOOKED)
				world.certain[stage][a] |= 1 << b;
		}
}

static void note(int stage, __u32 op, enum moment moment)
{
	world.moment[stage][op] = moment;
	for (int b = 0; b < OPS_MAX; b++) {
		__u8 mb = world.moment[stage][b];

		if (moment == PUBLISHED && (mb == PUBLISHED || mb == LOOKED))
			world.sees[stage][op] |= 1 << b;
		if (moment == LOOKED && (world.sees[stage][op] & 1 << b) && mb < RETIRING &&
		    !somebody_forgets(scene))
			world.certain[stage][op] |= 1 << b;
	}
	note_touching(stage);
}

static struct {
	__u64 states, ends, certain, counted, lost;
} totals;

/* ---- tasks ----------------------------------------------------------------------------------- */

static __u32 current_op[TASKS_MAX]; /* restored with the schedule: see take_step() */

static void model_saw(__u64 value)
{
	if (running >= 0)
		world.seen[running] = ior_mix(world.seen[running] ^ ior_mix(value + 1));
}

/* Which tasks have read and written each eight bytes of the world, one bit each. */
static struct {
	__u8 readers, writers;
} usage[sizeof(struct world) / 8];
static bool learnt; /* something new, since the exploration began */

/* Is that of no concern to the others? */
static bool access_is_private(const volatile void *p, bool writes)
{
	size_t at = ((const volatile char *)p - (const volatile char *)&world) / 8;
	__u8 me = 1 << running;
	__u8 *mine = writes ? &usage[at].writers : &usage[at].readers;

	if (!(*mine & me)) {
		*mine |= me;
		learnt = true;
	}
	return !((usage[at].writers | (writes ? usage[at].readers : 0)) & ~me);
}

/* Stop here; the scheduler goes on with whom it likes. */
static __attribute__((noinline)) void model_step(void)
{
	char here;

	model_saw(0x57e9);
	tasks[running].sp = (char *)((uintptr_t)&here - 512);
	if (!_setjmp(tasks[running].at))
		_longjmp(scheduler, 1);
}

static void model_access(const volatile void *p, bool writes)
{
	if (running >= 0 && !access_is_private(p, writes))
		model_step();
}

/* Called by host_enter_fast() between publish and look. */
static __u64 model_published(void)
{
	__u32 op = current_op[running];

	note(STAGE_OVERLAP, op, PUBLISHED);
	if (!script_of(op)->waiting)
		note(STAGE_CONFLICT, op, PUBLISHED);
	return 0;
}

static void both_stages(__u32 op, bool moving, enum moment moment)
{
	note(STAGE_OVERLAP, op, moment);
	if (moving)
		note(STAGE_CONFLICT, op, moment);
}

/* All that a task still knows is this: states that differ in what it once saw are one. */
static void model_forget(__u64 all_it_knows)
{
	world.seen[running] = all_it_knows;
}

/* Where it stands, and is compared, once its window is open. */
static struct ior_range lands(__u32 op)
{
	const struct script *s = script_of(op);

	return ior_range_is_empty(s->lands) ? s->range : s->lands;
}

static bool is_lifted(__u32 op)
{
	return !ior_range_is_empty(script_of(op)->lands);
}

static bool enter(const struct script *s, int at, bool moving)
{
	struct host_times times;

	if (s->fast)
		return host_enter_fast(at, slot_at(at), moving, &times);
	return inflight_enter(at, slot_at(at), moving);
}

static void untracked(__u32 op, int at)
{
	world.untracked[op] = 1;
	both_stages(op, true, RETIRED);
	if (at >= 0)
		inflight_release(at, slot_at(at));
}

/* False: no room where it lands. */
static bool open_window(__u32 op, int at)
{
	if (is_lifted(op)) {
		inflight_lift(at, slot_at(at), lands(op));
		if (!inflight_publish_slow(at))
			return false;
	}
	note(STAGE_CONFLICT, op, BEGAN);
	host_move(at);
	note(STAGE_CONFLICT, op, LOOKED);
	model_forget(2 << 16 | op << 8 | at);
	model_step();
	return true;
}

static void run_op(__u32 op)
{
	const struct script *s = script_of(op);
	struct ior_op body = {.range = s->range, .kind = s->kind, .begin_ns = op + 1};
	bool moving = !s->waiting;
	int at;

	both_stages(op, moving, BEGAN);
	at = inflight_claim((op / 2 + 1ULL) << IOR_SLOT_GRAIN_SHIFT);
	if (at >= 0)
		host_fill(slot_at(at), inodes[s->other], &body);
	if (at < 0 || !enter(s, at, moving)) {
		untracked(op, at);
		return;
	}
	both_stages(op, moving, LOOKED);
	model_forget(1 << 16 | op << 8 | at);
	model_step();
	if (s->waiting && !open_window(op, at)) {
		untracked(op, at);
		return;
	}
	both_stages(op, true, RETIRING);
	inflight_retire(at, slot_at(at));
	both_stages(op, true, RETIRED);
	model_forget(3 << 16 | op << 8 | at);
	model_step();
	inflight_release(at, slot_at(at));
}

static bool have_common_bytes(__u32 a, __u32 b, int stage)
{
	struct ior_range announced_a = script_of(a)->range, announced_b = script_of(b)->range;

	if (script_of(a)->other != script_of(b)->other)
		return false;
	return ior_range_overlaps(lands(a), lands(b)) ||
	       (stage == STAGE_OVERLAP && ior_range_overlaps(announced_a, announced_b));
}

/*
 * Of one that is lifted nobody is sure to see that it overlaps, as its words are nowhere for a
 * moment: it is about to move and looks then. And who looks meanwhile may see it twice, before and
 * after: those that are noted have a name for that (bpf/account.bpf.h). Conflicts are as of any.
 */
static bool pair_is_right(__u32 a, __u32 b, int stage)
{
	__u32 count = world.counted[stage][a][b] + world.counted[stage][b][a];
	bool certain = (world.certain[stage][a] & 1 << b) || (world.certain[stage][b] & 1 << a);
	bool common = have_common_bytes(a, b, stage);
	bool touched = common && world.touched[stage][a] & 1 << b;
	bool lifted = stage == STAGE_OVERLAP && (is_lifted(a) || is_lifted(b));

	certain = certain && common && !lifted && !world.untracked[a] && !world.untracked[b];
	totals.certain += certain;
	totals.counted += count;
	if (count <= touched * (1U + lifted) && count >= (certain && !world.lost))
		return true;
	printf("%s: ops %u and %u counted %u times at stage %d, %s\n", scene->name, a, b, count,
	       stage,
	       certain	 ? "certainly together"
	       : touched ? "touched"
			 : "certainly apart");
	return false;
}

static void forget_pair(__u32 a, __u32 b, int stage)
{
	world.counted[stage][a][b] = 0;
	world.certain[stage][a] &= ~(1 << b);
	world.touched[stage][a] &= ~(1 << b);
	world.sees[stage][a] &= ~(1 << b);
}

/* As the tool does. */
static void run_forget(__u32 op)
{
	struct ior_forget f = {
		.noted = world.places,
		.idle_too = script_of(op)->forgets == FORGETS_IDLE,
	};

	if (!ior_forget_begin(&f))
		return;
	for (int i = 0; i < SLOTS; i++) {
		ior_forget_look_at(&f, &world.slots[i]);
		model_forget(5 << 24 | i << 16 | f.used[0]);
	}
	ior_forget_end(&f);
}

/* The op is over: so are its pairs with all that are over, and nobody need remember them. */
static void judge_op(__u32 op)
{
	for (__u32 b = 0; b < OPS_MAX; b++)
		for (int stage = 0; stage < 2; stage++) {
			if (world.moment[STAGE_OVERLAP][b] != RETIRED || b == op)
				continue;
			world.wrong |= !pair_is_right(op, b, stage);
			forget_pair(op, b, stage);
			forget_pair(b, op, stage);
		}
}

static void run_task(void)
{
	int task = running;

	model_step();
	for (int nth = 0; nth < 2; nth++) {
		__u32 op = op_of_task(task, nth);

		if (ior_range_is_empty(script_of(op)->range))
			continue;
		current_op[task] = op;
		if (script_of(op)->forgets) {
			run_forget(op);
		} else {
			run_op(op);
			judge_op(op);
		}
		model_forget(4 << 16 | op);
		model_step();
	}
	world.finished[task] = 1;
	_longjmp(scheduler, 1);
}

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	world.counted[stage][self_id - 1][peer_id - 1]++;
}

static void host_count_unattributed(__u64 self_id, __u64 peer_id)
{
	(void)self_id, (void)peer_id;
	world.lost = 1;
}

static void take_step(int task)
{
	running = task;
	/* what a task does next is told by what it has seen, but op of task is outside its stack */
	if (!_setjmp(scheduler))
		_longjmp(tasks[task].at, 1);
	running = -1;
}

static void start_task(int task)
{
	static ucontext_t here, there;

	getcontext(&there);
	there.uc_stack.ss_sp = tasks[task].stack;
	there.uc_stack.ss_size = STACK_BYTES;
	there.uc_link = NULL;
	makecontext(&there, run_task, 0);
	running = task;
	if (!_setjmp(scheduler))
		swapcontext(&here, &there);
	running = -1;
}

/* Strangers whose ops stand in the page all the time. */
static __u64 *way_of_stranger(const struct scene *s, __u32 i)
{
	struct ior_home home = ior_home_of(inodes[0], s->crowd_unit, 0);

	return &world.lines[ior_home_line(home, i / IOR_WAYS) & line_mask(false)]
			.ways[i % IOR_WAYS];
}

/* As where a line was full before. */
#define SMALL_ARE_FINE (1U << IOR_PLACE_FINE)

/* The places where ops stand packed, and that there was a wide one. */
static __u32 places_of_ops(const struct scene *s)
{
	__u32 places = 0;

	for (__u32 i = 0; i < OPS_MAX * 2; i++) {
		const struct script *op = &s->ops[i / 4][i / 2 % 2];
		struct ior_range r = i % 2 ? op->lands : op->range;

		if (!ior_range_is_empty(r) && !op->forgets)
			places |= ior_range_is_wide(r) ? IOR_PLACES_WIDE : 1U << ior_range_fine(r);
	}
	return places;
}

/* `noted`: what is, of the inode that most are on, when they begin. */
static void world_begin(const struct scene *s, __u32 noted)
{
	struct ior_home home = ior_home_of(inodes[0], 0, 0);

	scene = s;
	memset(&world, 0, sizeof(world));
	host = (struct host_table){
		.lines = {world.lines, world.wide_lines},
		.slots = world.slots,
		.races = world.races,
		.line_masks = {LINES - 1, WIDE_LINES - 1},
		.slot_mask = SLOTS - 1,
		.places = world.places,
	};
	*places_of(inodes[0]) = noted;
	for (__u32 i = 0; i < s->crowd; i++)
		*way_of_stranger(s, i) =
			ior_word_pack(home.tag ^ 64, SLOTS + i, 0, 127, true, true);
	task_count = 0;
	for (int t = 0; t < TASKS_MAX; t++) {
		world.finished[t] = ior_range_is_empty(s->ops[t][0].range);
		if (!world.finished[t])
			start_task(t);
	}
}

/* By the walks of its first unit, which are of 2 and 4 of 4 lines. */
static bool inode_is_such(__u64 inode)
{
	struct ior_home packed = ior_home_of(inode, 0, 0);
	struct ior_home spread = ior_home_of(inode, 0, IOR_PLACE_SPREAD);
	__u32 page = 0, last = 0;

	for (__u32 i = 0; i < NEAR_LINES; i++) {
		page |= 1U << (ior_home_line(packed, i) & (LINES - 1));
		last |= 1U << (ior_home_line(spread, NEAR_LINES + i) & (LINES - 1));
	}
	return page == last;
}

static bool walks_are_alike(__u64 a, __u64 b)
{
	for (__u32 i = 0; i < LINES * 2; i++) {
		struct ior_home home = ior_home_of(a, 0, i % 2), other = ior_home_of(b, 0, i % 2);

		if ((ior_home_line(home, i / 2) ^ ior_home_line(other, i / 2)) & (LINES - 1))
			return false;
	}
	return true;
}

#define INODES_MAX 1000000

static void find_inodes(void)
{
	__u64 inode = 0;

	for (int i = 0; i < INODES_MAX && !inodes[1]; i++) {
		inode += 0x400;
		if (!inodes[0] && inode_is_such(inode))
			inodes[0] = inode;
		else if (inodes[0] && walks_are_alike(inodes[0], inode))
			inodes[1] = inode;
	}
	assert(inodes[1]); /* else the hash has no such inodes */
}

/* ---- verdict --------------------------------------------------------------------------------- */

static bool table_is_empty(void)
{
	for (__u32 i = 0; i < scene->crowd; i++)
		*way_of_stranger(scene, i) = 0;
	for (int i = 0; i < LINES + WIDE_LINES; i++)
		for (int way = -1; way < IOR_WAYS; way++) {
			struct ior_line *l =
				i < LINES ? &world.lines[i] : &world.wide_lines[i - LINES];

			if (way < 0 ? l->header : l->ways[way]) {
				printf("%s: line %d not empty\n", scene->name, i);
				return false;
			}
		}
	for (int i = 0; i < SLOTS; i++)
		if (world.slots[i].key || ior_away_count(world.slots[i].away)) {
			printf("%s: slot %d not free\n", scene->name, i);
			return false;
		}
	return true;
}

static bool world_is_right(void)
{
	totals.ends++;
	totals.lost += world.lost;
	if (world.places[0] & IOR_PLACES_CLOSING)
		printf("%s: a mark was left behind\n", scene->name);
	return !world.wrong && !(world.places[0] & IOR_PLACES_CLOSING) && table_is_empty();
}

/* ---- every schedule -------------------------------------------------------------------------- */

static __u64 *visited; /* open addressing; 0: free */

static __u64 world_hash(void)
{
	const __u64 *w = (const void *)&world;
	__u64 h = 1;

	for (size_t i = 0; i < sizeof(world) / sizeof(*w); i++)
		h = (h ^ w[i]) * 0x9E3779B97F4A7C15ULL, h ^= h >> 29;
	return ior_mix(h) | 1;
}

/* False: been here. */
static bool visit(void)
{
	__u64 h = world_hash();
	__u64 mask = (1ULL << STATES_LOG2) - 1;

	for (__u64 i = h >> 20;; i++) {
		__u64 *cell = &visited[i & mask];

		if (*cell == h)
			return false;
		if (!*cell) {
			*cell = h;
			totals.states++;
			if (totals.states > mask / 4 * 3) {
				fprintf(stderr, "%s: too many states\n", scene->name);
				exit(1);
			}
			return true;
		}
	}
}

struct snapshot {
	struct world world;
	__u32 current_op[TASKS_MAX];
	struct {
		jmp_buf at;
		char *sp;
		char *stack;
	} tasks[TASKS_MAX];
};

static void snapshot_take(struct snapshot *s)
{
	s->world = world;
	memcpy(s->current_op, current_op, sizeof(current_op));
	for (int t = 0; t < TASKS_MAX; t++) {
		size_t used = tasks[t].stack + STACK_BYTES - tasks[t].sp;

		s->tasks[t].stack = NULL;
		if (world.finished[t])
			continue;
		memcpy(s->tasks[t].at, tasks[t].at, sizeof(jmp_buf));
		s->tasks[t].sp = tasks[t].sp;
		s->tasks[t].stack = malloc(used);
		assert(s->tasks[t].stack && used < STACK_BYTES);
		memcpy(s->tasks[t].stack, tasks[t].sp, used);
	}
}

static void snapshot_restore(const struct snapshot *s)
{
	world = s->world;
	memcpy(current_op, s->current_op, sizeof(current_op));
	for (int t = 0; t < TASKS_MAX; t++) {
		if (!s->tasks[t].stack)
			continue;
		memcpy(tasks[t].at, s->tasks[t].at, sizeof(jmp_buf));
		tasks[t].sp = s->tasks[t].sp;
		memcpy(tasks[t].sp, s->tasks[t].stack, tasks[t].stack + STACK_BYTES - tasks[t].sp);
	}
}

static bool everybody_finished(void)
{
	for (int t = 0; t < TASKS_MAX; t++)
		if (!world.finished[t])
			return false;
	return true;
}

/* Depth first; false: a schedule that ends wrong. */
static bool explore(void)
{
	struct snapshot *here;
	bool right = true;

	if (!visit())
		return true;
	if (everybody_finished())
		return world_is_right();
	here = malloc(sizeof(*here));
	assert(here);
	snapshot_take(here);
	for (int t = 0; t < TASKS_MAX && right; t++) {
		if (here->world.finished[t])
			continue;
		snapshot_restore(here);
		take_step(t);
		right = explore();
	}
	for (int t = 0; t < TASKS_MAX; t++)
		free(here->tasks[t].stack);
	free(here);
	return right;
}

/* ---- sampled schedules ----------------------------------------------------------------------- */

/* Whoever is in flight for long is together for certain with many. */
static bool has_looked(int task)
{
	return world.moment[STAGE_OVERLAP][current_op[task]] == LOOKED;
}

static bool sample(const struct scene *s, __u64 seed)
{
	int task = 0, odds;
	bool lingers = seed / 4 % 2;

	rng = (seed + 1) * 0x9E3779B97F4A7C15ULL;
	odds = (int[]){2, 8, 40, 100}[seed % 4];
	world_begin(s, s->begins && seed % 3  ? s->begins
		       : seed % 3 == 2	      ? SMALL_ARE_FINE
		       : s->noted && seed % 3 ? places_of_ops(s)
					      : 0);
	while (!everybody_finished()) {
		if (world.finished[task] || rnd() % odds == 0 ||
		    (lingers && has_looked(task) && rnd() % 100)) {
			task = rnd() % TASKS_MAX;
			continue;
		}
		take_step(task);
	}
	if (world_is_right())
		return true;
	printf("%s: sample %llu\n", s->name, seed);
	return false;
}

/* All its schedules; again from the start while something is learnt. */
static bool explore_scene(const struct scene *s, __u32 noted)
{
	bool right = true;

	learnt = true;
	while (right && learnt) {
		memset(&totals, 0, sizeof(totals));
		memset(visited, 0, sizeof(*visited) << STATES_LOG2);
		learnt = false;
		world_begin(s, noted);
		right = explore();
	}
	return right;
}

static bool check_scene(const struct scene *s, __u64 seed, int samples, bool all)
{
	bool sampled = s->sampled || (s->large && !all), right = true;

	memset(&totals, 0, sizeof(totals));
	memset(usage, 0, sizeof(usage));
	for (int i = 0; i < (sampled ? samples : 200) && right; i++) /* or learn cheaply first */
		right = sample(s, seed + i);
	if (!sampled)
		right = right &&
			explore_scene(s, s->begins  ? s->begins
					 : s->noted ? places_of_ops(s)
						    : 0) &&
			(s->noted || s->large || s->begins || explore_scene(s, SMALL_ARE_FINE));
	printf("%-40s states %llu ends %llu, pairs certain %llu counted %llu, lost %llu%s\n",
	       s->name, totals.states, totals.ends, totals.certain, totals.counted, totals.lost,
	       right ? "" : " WRONG");
	return right;
}

int main(int argc, char **argv)
{
	__u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	int samples = argc > 2 ? atoi(argv[2]) : 5000;
	bool right = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	find_inodes();
	visited = host_zalloc(1ULL << STATES_LOG2, sizeof(*visited));
	for (size_t i = 0; right && i < sizeof(scenes) / sizeof(scenes[0]); i++)
		if (argc <= 4 || strstr(scenes[i].name, argv[4]))
			right = check_scene(&scenes[i], seed, samples, argc > 3);
	free(visited);
	return !right;
}
