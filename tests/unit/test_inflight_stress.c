// SPDX-License-Identifier: GPL-2.0
/*
 * The in-flight table under many threads, judged by a quadratic oracle. Build it plain and with
 * -fsanitize=thread. Usage: test_inflight_stress [seed [rounds]]
 *
 * Every op notes, on one global clock, when it began to publish, had published, had looked, began
 * and ended its retire. After each round every pair of ops is judged:
 *
 *	must be counted once	one of them began to look after the other had published and had
 *				looked before the other began to retire; or either had looked before
 *				the other began to retire, whoever published first
 *	must not be counted	no common byte, two reads, or one had retired before the other
 *				began to publish
 *	at most once		everything in between, and ops that found no room
 *
 * for overlaps with the times of the op, for conflicts with those of its moving part. All of it
 * again while a thread forgets where nobody stands, as the tool does, and all the time: then a pair
 * must be counted only if both had looked before either began to retire (bpf/places.bpf.h).
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "random.h"

static __u64 clock_now;
#define HOST_NOW() __atomic_fetch_add(&clock_now, 1, __ATOMIC_SEQ_CST)

static __thread uint32_t hook_odds; /* one in so many accesses yields */

/* Rare interleavings happen when somebody is held up between two accesses. */
static inline void maybe_yield(void)
{
	uint64_t r;

	if (!hook_odds)
		return;
	r = rnd();
	if (r % hook_odds == 0)
		sched_yield();
	else if (r % hook_odds == 1)
		for (volatile int i = r >> 16 & 0x3ff; i; i--)
			;
}

#define INFLIGHT_HOOK(p, writes) ((void)(writes), maybe_yield())
#include "inflight_host.h"

#include <iorace/forget.h>

#ifndef ROUNDS
#define ROUNDS 8
#endif
#define THREADS_MAX 8
#define OPS_PER_THREAD 160
#define OPS_MAX (THREADS_MAX * OPS_PER_THREAD)
#define HELD_MAX 48 /* one thread alone fills a chunk of a page */
#define NEVER (~0ULL)

struct phase {
	__u64 began, published, look_began, looked;
};

struct record {
	__u64 inode;
	struct ior_op op;
	struct phase stages[2]; /* by enum inflight_stage */
	__u64 retire_began, retired;
	bool tracked, spread;
};

struct scene {
	const char *name;
	__u32 lines, wide_lines, slots;
	__u32 threads, held; /* ops one thread has in flight */
	__u32 chunks;	     /* of the file the ops start in */
	__u32 max_kib;
	__u32 wide_percent, waiting_percent;
};

static const struct scene scenes[] = {
	{"one block", 1024, 64, 4096, 4, 2, 1, 4, 0, 0},
	{"one block, waiting", 1024, 64, 4096, 4, 2, 1, 4, 0, 100},
	{"hot chunk", 1024, 64, 4096, 4, 4, 1, 64, 0, 30},
	{"few chunks", 1024, 64, 4096, 4, 8, 8, 256, 2, 30},
	{"large ops", 1024, 64, 4096, 4, 4, 24, 1024, 10, 30},
	{"wide ops", 256, 4, 4096, 4, 3, 40, 3000, 40, 30},
	{"slots change hands", 64, 4, 8, 4, 1, 2, 8, 5, 20},
	{"no room: 4 lines, 8 slots", 4, 4, 8, 6, 4, 12, 200, 10, 30},
	{"no room: 4 lines", 4, 1, 256, 6, 4, 12, 300, 20, 30},
	{"many threads", 64, 4, 64, 8, 4, 3, 128, 5, 30},
	{"crowded chunk", 1024, 64, 4096, 2, HELD_MAX, 1, 64, 0, 30},
	{"crowded chunk, wide ops", 1024, 64, 4096, 4, 16, 1, 64, 10, 30},
	{"crowded chunks", 1024, 64, 4096, 6, 16, 6, 256, 5, 30},
	{"crowded page, large ops", 1024, 64, 4096, 4, 16, 24, 1024, 10, 30},
};

static const struct scene *scene;
static struct record records[OPS_MAX];
static __u8 counted[2][OPS_MAX][OPS_MAX]; /* by stage, self, peer: incremented by self only */
static __u8 excused[OPS_MAX][OPS_MAX];	  /* by self, peer: known not to be known */
static __u64 unattributed[OPS_MAX];
static __u64 round_seed;

static struct {
	__u64 ops, untracked, spread, certain, maybe, conflicts, unattributed;
} totals;

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	counted[stage][self_id][peer_id]++;
}

static void host_count_unattributed(__u64 self_id, __u64 peer_id)
{
	unattributed[self_id]++;
	if (peer_id < OPS_MAX)
		excused[self_id][peer_id] = 1;
	else /* the way never stood still: whom it was about is not known */
		memset(excused[self_id], 1, OPS_MAX);
}

/* ---- the workload ---------------------------------------------------------------------------- */

static struct ior_op random_op(__u64 id)
{
	__u64 start = rnd() % ((__u64)scene->chunks << IOR_CHUNK_SHIFT);
	__u64 len = 1 + rnd() % ((__u64)scene->max_kib << 10);
	struct ior_op op = {.begin_ns = id, .kind = rnd() % 3 ? IOR_OP_WRITE : IOR_OP_READ};

	if (rnd() % 2) { /* aligned: neighbours, identical words */
		start &= ~4095ULL;
		len = (len + 4095) & ~4095ULL;
	}
	op.range = ior_range_from(start, len);
	if (rnd() % 100 < scene->wide_percent) {
		op.kind = rnd() % 2 ? IOR_OP_SIZE : op.kind;
		op.range.end = rnd() % 2 ? IOR_RANGE_MAX : start + (2ULL << 20);
	}
	return op;
}

struct held {
	struct record *rec;
	int at;
	bool moving;
};

static bool enter(struct held *h, struct ior_slot *slot)
{
	struct phase *p = &h->rec->stages[STAGE_OVERLAP];
	struct host_times times = {0};
	bool ok;

	if (!slot->wide && ior_range_chunks(slot->op.range) == 1 && rnd() % 4) {
		ok = host_enter_fast(h->at, slot, h->moving, &times);
		p->published = times.published;
		p->look_began = times.look_began;
	} else {
		p->look_began = HOST_NOW();
		ok = inflight_enter(h->at, slot, h->moving);
		p->published = HOST_NOW();
	}
	p->looked = HOST_NOW();
	if (h->moving)
		h->rec->stages[STAGE_CONFLICT] = *p;
	return ok;
}

static void begin(struct held *h, struct record *rec, __u64 id)
{
	struct ior_slot *slot;

	*rec = (struct record){
		.inode = 0xffff888000000000ULL + (rnd() % 8 ? 0 : 4096),
		.op = random_op(id),
		.stages[STAGE_CONFLICT] = {NEVER, NEVER, NEVER, NEVER},
	};
	h->rec = NULL;
	rec->stages[STAGE_OVERLAP].began = HOST_NOW();
	h->at = inflight_claim(0x100000 + id * 0x140);
	if (h->at < 0)
		return;
	h->rec = rec;
	h->moving = rnd() % 100 >= scene->waiting_percent;
	slot = slot_at(h->at);
	host_fill(slot, rec->inode, &rec->op);
	rec->tracked = enter(h, slot);
	rec->spread = slot->place & IOR_PLACE_SPREAD;
	if (!rec->tracked) {
		inflight_release(h->at, slot);
		h->rec = NULL;
	}
}

static void move(struct held *h)
{
	struct phase *p = &h->rec->stages[STAGE_CONFLICT];

	p->began = p->look_began = HOST_NOW();
	host_move(h->at);
	p->published = p->looked = HOST_NOW();
	h->moving = true;
}

static void end(struct held *h)
{
	h->rec->retire_began = HOST_NOW();
	inflight_retire(h->at, slot_at(h->at));
	h->rec->retired = HOST_NOW();
	if (inflight_find(0x100000 + h->rec->op.begin_ns * 0x140) != h->at)
		abort();
	inflight_release(h->at, slot_at(h->at));
	h->rec = NULL;
}

static void *worker(void *arg)
{
	__u64 thread = (uintptr_t)arg;
	struct held held[HELD_MAX] = {0};
	__u64 next = thread * OPS_PER_THREAD, last = next + OPS_PER_THREAD;

	rng = (round_seed + 1) * 0x9E3779B97F4A7C15ULL ^ (thread + 1) * 0xD6E8FEB86659FD93ULL;
	hook_odds = (__u32[]){0, 16, 64, 400}[round_seed % 4];
	while (next < last) {
		struct held *h = &held[rnd() % scene->held];

		if (!h->rec) {
			begin(h, &records[next], next);
			next++;
		} else if (!h->moving && rnd() % 4) {
			move(h);
		} else {
			end(h);
		}
	}
	for (__u32 i = 0; i < scene->held; i++)
		if (held[i].rec)
			end(&held[i]);
	return NULL;
}

/* ---- who forgets ----------------------------------------------------------------------------- */

static bool somebody_forgets;
static int workers_left;

/* Every other time where nobody is in flight at all, too. */
static void *forget(void *arg)
{
	static struct ior_forget f;

	(void)arg;
	f.noted = host.places;
	hook_odds = 0;
	while (__atomic_load_n(&workers_left, __ATOMIC_SEQ_CST)) {
		f.idle_too = !f.idle_too;
		if (!ior_forget_begin(&f))
			continue;
		for (__u32 i = 0; i <= slot_mask(); i++)
			ior_forget_look_at(&f, &host.slots[i]);
		ior_forget_end(&f);
	}
	return NULL;
}

/* ---- the oracle ------------------------------------------------------------------------------ */

static bool sees(const struct record *a, const struct record *b, int stage)
{
	return b->stages[stage].published < a->stages[stage].look_began &&
	       a->stages[stage].looked < b->retire_began;
}

static bool certainly_together(const struct record *a, const struct record *b, int stage)
{
	return (!somebody_forgets && (sees(a, b, stage) || sees(b, a, stage))) ||
	       (a->stages[stage].looked < b->retire_began &&
		b->stages[stage].looked < a->retire_began);
}

/* One end of the line: an op that never moved, or had no room, has no certain time. */
static void bounds(const struct record *a, const struct record *b, int stage, int *least, int *most)
{
	const struct phase *pa = &a->stages[stage], *pb = &b->stages[stage];

	*least = *most = 0;
	if (a->inode != b->inode || !ior_ops_overlap(&a->op, &b->op))
		return;
	if (pa->began == NEVER || pb->began == NEVER)
		return;
	*most = 1;
	if (!a->tracked || !b->tracked)
		return;
	if (a->retired < pb->began || b->retired < pa->began)
		*most = 0;
	else if (certainly_together(a, b, stage))
		*least = 1;
}

static void print_op(const struct record *r)
{
	fprintf(stderr, "  op %llu: inode %llx kind %u [%llu, %llu) tracked %d retire %llu..%llu\n",
		r->op.begin_ns, r->inode, r->op.kind, r->op.range.start, r->op.range.end,
		r->tracked, r->retire_began, r->retired);
	for (int s = 0; s < 2; s++)
		fprintf(stderr, "    stage %d: began %llu published %llu looks %llu..%llu\n", s,
			r->stages[s].began, r->stages[s].published, r->stages[s].look_began,
			r->stages[s].looked);
}

static int judge_pair(__u32 i, __u32 j, int stage)
{
	const struct record *a = &records[i], *b = &records[j];
	int count = counted[stage][i][j] + counted[stage][j][i], least, most;

	bounds(a, b, stage, &least, &most);
	totals.certain += least;
	totals.maybe += most && !least;
	totals.conflicts += count;
	if (count < least && (excused[i][j] || excused[j][i]))
		return 0;
	if (count >= least && count <= most)
		return 0;
	fprintf(stderr, "%s, round seed %llu: pair counted %d times, expected %d..%d, stage %d\n",
		scene->name, round_seed, count, least, most, stage);
	print_op(a);
	print_op(b);
	return 1;
}

static int judge_round(void)
{
	__u32 ops = scene->threads * OPS_PER_THREAD;
	int wrong = 0;

	for (__u32 i = 0; i < ops; i++) {
		totals.untracked += !records[i].tracked;
		totals.spread += records[i].tracked && records[i].spread;
		totals.unattributed += unattributed[i];
		for (__u32 j = i + 1; j < ops && wrong < 3; j++)
			wrong += judge_pair(i, j, STAGE_OVERLAP) + judge_pair(i, j, STAGE_CONFLICT);
	}
	totals.ops += ops;
	return wrong;
}

/* Everybody has gone: no word, no count, no key is left. */
static int judge_table(void)
{
	const __u64 zero[8] = {0};

	for (int wide = 0; wide < 2; wide++)
		for (__u32 i = 0; i <= line_mask(wide); i++)
			if (memcmp(&host.lines[wide][i], zero, sizeof(zero))) {
				fprintf(stderr,
					"%s, round seed %llu: line %u (wide %d) not empty\n",
					scene->name, round_seed, i, wide);
				return 1;
			}
	for (__u32 i = 0; i <= slot_mask(); i++)
		if (host.slots[i].key || ior_away_count(host.slots[i].away) ||
		    host.slots[i].seq & 1) {
			fprintf(stderr, "%s, round seed %llu: slot %u not free\n", scene->name,
				round_seed, i);
			return 1;
		}
	return 0;
}

/* Nobody is in flight: the first of each place is to come. Else there would be but one of each. */
static void forget_places(void)
{
	memset(host.places, 0, IOR_PLACES_ENTRIES * sizeof(host.places[0]));
}

static int run_round(void)
{
	pthread_t threads[THREADS_MAX], forgetter;

	memset(counted, 0, sizeof(counted));
	memset(excused, 0, sizeof(excused));
	memset(unattributed, 0, sizeof(unattributed));
	forget_places();
	workers_left = 1;
	if (somebody_forgets && pthread_create(&forgetter, NULL, forget, NULL))
		abort();
	for (__u32 i = 0; i < scene->threads; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)(uintptr_t)i))
			abort();
	for (__u32 i = 0; i < scene->threads; i++)
		pthread_join(threads[i], NULL);
	__atomic_store_n(&workers_left, 0, __ATOMIC_SEQ_CST);
	if (somebody_forgets)
		pthread_join(forgetter, NULL);
	return judge_round() + judge_table();
}

static int run_scene(__u64 seed, int rounds)
{
	int wrong = 0;

	memset(&totals, 0, sizeof(totals));
	host_table_init(scene->lines, scene->wide_lines, scene->slots);
	for (int i = 0; i < rounds && !wrong; i++) {
		round_seed = seed + i;
		wrong = run_round();
	}
	host_table_done();
	if (scene->held == HELD_MAX && (!totals.spread || totals.spread == totals.ops)) {
		fprintf(stderr, "%s: %llu ops stood spread\n", scene->name, totals.spread);
		wrong++;
	}
	printf("%-26s%s ops %llu untracked %llu spread %llu | pairs certain %llu possible %llu counted %llu "
	       "unattributed %llu%s\n",
	       scene->name, somebody_forgets ? ", forgotten" : "", totals.ops, totals.untracked,
	       totals.spread, totals.certain, totals.maybe, totals.conflicts, totals.unattributed,
	       wrong ? " WRONG" : "");
	return wrong;
}

int main(int argc, char **argv)
{
	__u64 seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (__u64)time(NULL);
	int rounds = argc > 2 ? atoi(argv[2]) : ROUNDS;
	int wrong = 0;

	printf("seed %llu\n", seed);
	for (size_t i = 0; i < 2 * sizeof(scenes) / sizeof(scenes[0]); i++) {
		scene = &scenes[i / 2];
		somebody_forgets = i % 2;
		wrong += run_scene(seed, rounds);
	}
	return wrong ? 1 : 0;
}
