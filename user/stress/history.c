// SPDX-License-Identifier: GPL-2.0
#include "stress/history.h"

#include <sys/mman.h>

#include "model/stress_block.h"

static size_t history_bytes(size_t lanes)
{
	return sizeof(struct history) + lanes * sizeof(struct history_lane);
}

struct history *history_new(size_t workers)
{
	size_t lanes = workers + 1;
	struct history *history = mmap(NULL, history_bytes(lanes), PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (history == MAP_FAILED)
		return NULL;
	history->lanes_len = lanes;
	return history;
}

void history_free(struct history *history)
{
	if (history)
		munmap(history, history_bytes(history->lanes_len));
}

/*
 * Whoever gets a field of a later op also sees the version that was put before it, and so knows:
 * release and acquire for every field, which costs nothing where it matters.
 */
static uint64_t get(atomic_uint_fast64_t *from)
{
	return atomic_load_explicit(from, memory_order_acquire);
}

static void put(atomic_uint_fast64_t *to, uint64_t value)
{
	atomic_store_explicit(to, value, memory_order_release);
}

static void raise(atomic_uint_fast64_t *to, uint64_t value)
{
	if (value > get(to))
		put(to, value);
}

static uint64_t pack_traits(const struct stress_op *op)
{
	return op->kind | (uint64_t)op->mode << 8 | (uint64_t)op->async << 16 |
	       (uint64_t)op->append << 17;
}

static struct history_record *record_of(struct history_lane *lane, uint64_t seq)
{
	return &lane->records[seq % HISTORY_OPS];
}

/* Before its place is taken: whoever misses it must find the latest end raised. */
static bool forget(struct history_lane *lane, struct history_record *record)
{
	uint64_t end_ns = get(&record->end_ns);

	if (get(&record->version) == 0)
		return true;
	if (end_ns == STRESS_IN_FLIGHT)
		return false;
	raise(&lane->forgotten_ns, end_ns);
	if ((get(&record->traits) & 0xff) == IOR_OP_SIZE)
		raise(&lane->forgotten_nothing_ns, end_ns);
	return true;
}

bool history_begin(struct history *history, const struct stress_op *op)
{
	struct history_lane *lane = &history->lanes[op->worker];
	struct history_record *record = record_of(lane, op->seq);

	if (!forget(lane, record))
		return false;
	/* Odd: half of it may be of one op and half of another. Not seen before what was raised. */
	put(&record->version, 2 * op->seq - 1);
	put(&record->start, op->range.start);
	put(&record->end, op->range.end);
	put(&record->begin_ns, op->begin_ns);
	put(&record->end_ns, STRESS_IN_FLIGHT);
	put(&record->traits, pack_traits(op));
	atomic_store_explicit(&lane->pid, op->pid, memory_order_relaxed);
	atomic_store_explicit(&lane->tid, op->tid, memory_order_relaxed);
	put(&record->version, 2 * op->seq);
	/* Known before it is submitted. */
	atomic_store_explicit(&lane->last_seq, op->seq, memory_order_seq_cst);
	return true;
}

void history_end(struct history *history, uint32_t worker, uint64_t seq, uint64_t start,
		 uint64_t end_ns)
{
	struct history_record *record = record_of(&history->lanes[worker], seq);
	uint64_t len = get(&record->end) - get(&record->start);

	/* An append in flight has no range: that comes first, the end says that it is there. */
	if ((get(&record->traits) >> 17 & 1) != 0) {
		bool is_known = start != STRESS_START_UNKNOWN;

		put(&record->start, is_known ? start : 0);
		put(&record->end, is_known ? start + len : 0);
	}
	put(&record->end_ns, end_ns);
}

static void unpack(struct history_record *record, struct stress_op *ret)
{
	uint64_t traits;

	/* Loaded first: when it is there, so is the range of an append. */
	ret->end_ns = get(&record->end_ns);
	ret->range = (struct ior_range){get(&record->start), get(&record->end)};
	ret->begin_ns = get(&record->begin_ns);
	traits = get(&record->traits);
	ret->kind = traits & 0xff;
	ret->mode = traits >> 8 & 0xff;
	ret->async = traits >> 16 & 1;
	ret->append = traits >> 17 & 1;
	if (ret->append && ret->end_ns == STRESS_IN_FLIGHT)
		ret->range = (struct ior_range){};
}

void history_whose(struct history *history, struct stress_op *op)
{
	struct history_lane *lane = &history->lanes[op->worker];

	op->pid = atomic_load_explicit(&lane->pid, memory_order_relaxed);
	op->tid = atomic_load_explicit(&lane->tid, memory_order_relaxed);
}

bool history_find(struct history *history, uint32_t worker, uint64_t seq, struct stress_op *ret)
{
	struct history_lane *lane;
	struct history_record *record;
	struct stress_op op = {.worker = worker, .seq = seq};

	if (worker >= history->lanes_len || seq == 0)
		return false;
	lane = &history->lanes[worker];
	record = record_of(lane, seq);
	if (get(&record->version) != 2 * seq)
		return false;
	unpack(record, &op);
	history_whose(history, &op);
	if (get(&record->version) != 2 * seq)
		return false;
	*ret = op;
	return true;
}

uint64_t history_forgotten_ns(struct history *history, uint32_t worker)
{
	return get(&history->lanes[worker].forgotten_ns);
}

uint64_t history_forgotten_nothing_ns(struct history *history)
{
	uint64_t latest = 0;

	for (size_t i = 0; i < history->lanes_len; i++) {
		uint64_t ns = get(&history->lanes[i].forgotten_nothing_ns);

		latest = ns > latest ? ns : latest;
	}
	return latest;
}
