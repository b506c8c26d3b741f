// SPDX-License-Identifier: GPL-2.0
#include "model/stress_judge.h"

#include <string.h>

#include "base/macro.h"
#include "model/stress_graph.h"

#define GROUPS_MAX 64	  /* pieces of nothing that may have different sources */
#define CANDIDATES_MAX 16 /* sources of one of them */
#define TRIES_MAX 512	  /* combinations */

#define NO_NODE (-1)
#define FORGOTTEN (-3) /* source of nothing: an op that the history no longer has */

/* Pieces of nothing that must have the same source. */
struct group {
	int candidates[CANDIDATES_MAX]; /* index into the history, or FORGOTTEN */
	size_t len;
	size_t chosen;
	struct ior_range piece; /* when it has a FORGOTTEN candidate it has one piece only */
};

/* Part of a run, cut so that each op covers all of it or none. */
struct piece {
	struct ior_range range;
	int op;	   /* index into the history, or STRESS_OP_NOTHING: then... */
	int group; /* ...from the source chosen for it */
};

struct node {
	struct stress_op op;
	int index; /* into the history, or FORGOTTEN */
	bool seen;
};

struct court {
	const struct stress_reading *reading;
	struct group groups[GROUPS_MAX];
	size_t groups_len;
	bool gave_up;
	struct node nodes[STRESS_GRAPH_MAX];
	size_t nodes_len;
	size_t witness; /* the seen op that began last */
	struct stress_graph graph;
};

/* ---- where nothing came from ---------------------------------------------------------------- */

/* The op that left nothing and was forgotten, or the beginning of all. */
static bool forgotten_source(const struct stress_reading *reading, struct ior_range piece,
			     struct stress_op *ret)
{
	if (piece.start < reading->nothing_from && reading->nothing_until_ns == 0)
		return false;
	*ret = (struct stress_op){
		.range = piece, .end_ns = reading->nothing_until_ns, .kind = IOR_OP_SIZE};
	return true;
}

/* When the last op began that was over before the read and changed all of the piece. */
static uint64_t last_change_ns(const struct stress_reading *reading, struct ior_range piece)
{
	uint64_t last = 0;

	for (size_t i = 0; i < reading->history_len; i++) {
		const struct stress_op *op = &reading->history[i];

		if (stress_op_ended_before(op, &reading->read) &&
		    ior_range_overlaps(op->range, piece) && op->begin_ns > last)
			last = op->begin_ns;
	}
	return last;
}

static void add_candidate(struct court *court, struct group *group, int candidate)
{
	if (group->len == CANDIDATES_MAX)
		court->gave_up = true;
	else
		group->candidates[group->len++] = candidate;
}

/*
 * Sources that were overwritten before the read cannot have been seen, which takes away nearly all.
 * If that takes all away the read shows what it must not: the last of them is kept as evidence.
 */
static void find_candidates(struct court *court, struct ior_range piece, struct group *group)
{
	const struct stress_reading *reading = court->reading;
	uint64_t last = last_change_ns(reading, piece);
	struct stress_op forgotten;
	int stale = STRESS_OP_NOTHING;
	bool has_forgotten;

	*group = (struct group){.piece = piece};
	for (size_t i = 0; i < reading->history_len; i++) {
		const struct stress_op *op = &reading->history[i];

		if (op->kind != IOR_OP_SIZE || !ior_range_overlaps(op->range, piece) ||
		    stress_op_ended_before(&reading->read, op))
			continue;
		if (op->end_ns >= last)
			add_candidate(court, group, (int)i);
		else if (stale < 0 || op->end_ns > reading->history[stale].end_ns)
			stale = (int)i;
	}
	has_forgotten = forgotten_source(reading, piece, &forgotten);
	if (has_forgotten && forgotten.end_ns >= last)
		add_candidate(court, group, FORGOTTEN);
	if (group->len == 0 && stale >= 0)
		add_candidate(court, group, stale);
	else if (group->len == 0 && has_forgotten)
		add_candidate(court, group, FORGOTTEN);
}

static bool same_candidates(const struct group *a, const struct group *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		if (a->candidates[i] != b->candidates[i])
			return false;
		/* May stand for several ops. */
		if (a->candidates[i] == FORGOTTEN && a->piece.start != b->piece.start)
			return false;
	}
	return true;
}

/*
 * Ops that could be the source of both of two pieces cover both, so different ones of them would
 * make a circle: pieces with the same candidates are one group.
 */
static int group_of_piece(struct court *court, struct ior_range piece)
{
	struct group group;

	find_candidates(court, piece, &group);
	for (size_t i = 0; i < court->groups_len; i++) {
		if (same_candidates(&court->groups[i], &group))
			return (int)i;
	}
	if (court->groups_len == GROUPS_MAX) {
		court->gave_up = true;
		return 0;
	}
	court->groups[court->groups_len] = group;
	return (int)court->groups_len++;
}

/* The first byte behind `at` where a source of nothing begins or ends, `end` at most. */
static uint64_t next_border(const struct stress_reading *reading, uint64_t at, uint64_t end)
{
	uint64_t next = end;

	if (reading->nothing_from > at && reading->nothing_from < next)
		next = reading->nothing_from;
	for (size_t i = 0; i < reading->history_len; i++) {
		struct ior_range range = reading->history[i].range;

		if (range.start > at && range.start < next)
			next = range.start;
		if (range.end > at && range.end < next)
			next = range.end;
	}
	return next;
}

typedef void (*piece_fn)(struct court *court, const struct piece *piece);

/* Calls for each piece of the read. Groups are found in the same order every time. */
static void each_piece(struct court *court, piece_fn fn)
{
	const struct stress_reading *reading = court->reading;

	for (size_t i = 0; i < reading->runs_len; i++) {
		const struct stress_run *run = &reading->runs[i];
		struct piece piece = {.range = run->range, .op = run->op};

		if (run->op != STRESS_OP_NOTHING) {
			fn(court, &piece);
			continue;
		}
		for (uint64_t at = run->range.start; at < run->range.end && !court->gave_up;
		     at = piece.range.end) {
			piece.range.start = at;
			piece.range.end = next_border(reading, at, run->range.end);
			piece.group = group_of_piece(court, piece.range);
			fn(court, &piece);
		}
	}
}

static void only_group(struct court *court, const struct piece *piece)
{
	(void)court;
	(void)piece;
}

/* ---- the ops before the read, and their arrows ---------------------------------------------- */

static int find_node(const struct court *court, int index, struct ior_range piece)
{
	for (size_t i = 0; i < court->nodes_len; i++) {
		const struct node *node = &court->nodes[i];

		if (node->index != index)
			continue;
		if (index != FORGOTTEN || node->op.range.start == piece.start)
			return (int)i;
	}
	return NO_NODE;
}

static void add_node(struct court *court, const struct stress_op *op, int index, bool seen)
{
	/* Leaving one out takes arrows away, no more. */
	if (court->nodes_len < STRESS_GRAPH_MAX)
		court->nodes[court->nodes_len++] = (struct node){*op, index, seen};
}

static int source_of(const struct court *court, const struct piece *piece)
{
	const struct group *group;

	if (piece->op != STRESS_OP_NOTHING)
		return piece->op;
	group = &court->groups[piece->group];
	return group->len > 0 ? group->candidates[group->chosen] : STRESS_OP_NOTHING;
}

static void add_seen(struct court *court, const struct piece *piece)
{
	int source = source_of(court, piece);
	struct stress_op forgotten;

	if (source == STRESS_OP_NOTHING || find_node(court, source, piece->range) != NO_NODE)
		return;
	if (source != FORGOTTEN)
		add_node(court, &court->reading->history[source], source, true);
	else if (forgotten_source(court->reading, piece->range, &forgotten))
		add_node(court, &forgotten, FORGOTTEN, true);
}

static void find_witness(struct court *court)
{
	court->witness = 0;
	for (size_t i = 1; i < court->nodes_len; i++) {
		if (court->nodes[i].op.begin_ns > court->nodes[court->witness].op.begin_ns)
			court->witness = i;
	}
}

/* What the read did not see although it was over before it, or before something that it saw. */
static void add_unseen(struct court *court)
{
	const struct stress_reading *reading = court->reading;
	uint64_t past_ns = reading->read.begin_ns, first_end_ns = STRESS_IN_FLIGHT;

	for (size_t i = 0; i < court->nodes_len; i++) {
		const struct stress_op *op = &court->nodes[i].op;

		past_ns = op->begin_ns > past_ns ? op->begin_ns : past_ns;
		first_end_ns = op->end_ns < first_end_ns ? op->end_ns : first_end_ns;
	}
	for (size_t i = 0; i < reading->history_len; i++) {
		const struct stress_op *op = &reading->history[i];

		if (op->end_ns < past_ns && op->begin_ns > first_end_ns &&
		    ior_range_overlaps(op->range, reading->read.range) &&
		    find_node(court, (int)i, op->range) == NO_NODE)
			add_node(court, op, (int)i, false);
	}
}

static void add_cover_arrows(struct court *court, const struct piece *piece)
{
	int source = source_of(court, piece), seen;

	if (source == STRESS_OP_NOTHING)
		return;
	seen = find_node(court, source, piece->range);
	if (seen == NO_NODE)
		return;
	for (size_t i = 0; i < court->nodes_len; i++) {
		const struct node *node = &court->nodes[i];

		/* What was forgotten is known to have changed its own piece and no more. */
		if ((int)i != seen && node->index != FORGOTTEN &&
		    ior_range_overlaps(node->op.range, piece->range))
			stress_graph_add(&court->graph, i, seen);
	}
}

static void add_time_arrows(struct court *court)
{
	for (size_t a = 0; a < court->nodes_len; a++) {
		for (size_t b = 0; b < court->nodes_len; b++) {
			if (a != b &&
			    stress_op_ended_before(&court->nodes[a].op, &court->nodes[b].op))
				stress_graph_add(&court->graph, a, b);
		}
	}
}

/* With the sources chosen as they are. */
static bool has_order(struct court *court)
{
	court->nodes_len = 0;
	each_piece(court, add_seen);
	find_witness(court);
	add_unseen(court);
	stress_graph_init(&court->graph, court->nodes_len);
	each_piece(court, add_cover_arrows);
	add_time_arrows(court);
	return !stress_graph_is_cyclic(&court->graph);
}

/* ---- what is told about a circle ------------------------------------------------------------ */

static void add_pair(struct stress_verdict *verdict, int a, int b)
{
	for (size_t i = 0; i < verdict->pairs_len; i++) {
		const struct stress_pair *have = &verdict->pairs[i];

		if ((have->a == a && have->b == b) || (have->a == b && have->b == a))
			return;
	}
	if (verdict->pairs_len == STRESS_PAIRS_MAX)
		verdict->pairs_cut = true;
	else
		verdict->pairs[verdict->pairs_len++] = (struct stress_pair){a, b};
}

static void add_pair_if_met(const struct court *court, const struct node *a, const struct node *b,
			    struct stress_verdict *verdict)
{
	const struct stress_op *read = &court->reading->read;

	if (a->index == FORGOTTEN || (b && b->index == FORGOTTEN))
		return;
	if (stress_ops_met(&a->op, b ? &b->op : read))
		add_pair(verdict, b ? b->index : STRESS_OP_READ, a->index);
}

/*
 * Had the windows of all these pairs been apart, they would be an order, and the arrows of the
 * circle would follow it: so two of them were open at the same time.
 */
static void add_pairs(const struct court *court, const size_t *cycle, size_t len,
		      struct stress_verdict *verdict)
{
	for (size_t i = 0; i < len; i++) {
		const struct node *node = &court->nodes[cycle[i]];

		add_pair_if_met(court, node, NULL, verdict);
		add_pair_if_met(court, node, &court->nodes[cycle[(i + 1) % len]], verdict);
		/* An unseen op is in the past because of what was seen. */
		if (!node->seen)
			add_pair_if_met(court, &court->nodes[court->witness], NULL, verdict);
	}
}

/*
 * A write that ended before the read may have been hurt by whoever met it: its own pairs, since the
 * read met nobody.
 */
static void add_pairs_of_loser(const struct court *court, const struct node *loser,
			       struct stress_verdict *verdict)
{
	const struct stress_reading *reading = court->reading;

	for (size_t i = 0; i < reading->history_len; i++) {
		if ((int)i != loser->index && stress_ops_met(&reading->history[i], &loser->op))
			add_pair(verdict, loser->index, (int)i);
	}
}

/* The node of a circle of two that ended later than the other began, and that lost. */
static const struct node *loser_of(const struct court *court, const size_t *cycle, size_t len)
{
	for (size_t i = 0; len == 2 && i < 2; i++) {
		const struct node *first = &court->nodes[cycle[i]];
		const struct node *second = &court->nodes[cycle[1 - i]];

		if (stress_op_ended_before(&first->op, &second->op))
			return second;
	}
	return NULL;
}

static enum stress_how how_of(const struct court *court, const size_t *cycle, size_t len,
			      bool is_lost)
{
	if (len == 2 && court->nodes[cycle[0]].seen && court->nodes[cycle[1]].seen)
		return STRESS_HOW_MIX;
	return len == 2 && is_lost ? STRESS_HOW_MISSING : STRESS_HOW_ORDER;
}

static void tell(const struct court *court, const size_t *cycle, size_t len,
		 struct stress_verdict *verdict)
{
	const struct node *loser = loser_of(court, cycle, len);
	bool met_read = false;

	for (size_t i = 0; i < len; i++) {
		const struct node *node = &court->nodes[cycle[i]];

		met_read |= !stress_op_ended_before(&node->op, &court->reading->read);
		if (node->index != FORGOTTEN && verdict->ops_len < STRESS_OPS_MAX)
			verdict->ops[verdict->ops_len++] = node->index;
	}
	if (met_read)
		verdict->kind = STRESS_TORN_READ;
	else
		verdict->kind = loser ? STRESS_LOST_WRITE : STRESS_MIXED_WRITE;
	verdict->how = how_of(court, cycle, len, verdict->kind == STRESS_LOST_WRITE);
	/* The op that lost comes first. */
	if (verdict->kind == STRESS_LOST_WRITE && verdict->ops_len == 2 &&
	    verdict->ops[1] == loser->index) {
		verdict->ops[1] = verdict->ops[0];
		verdict->ops[0] = loser->index;
	}
	if (verdict->kind == STRESS_LOST_WRITE)
		add_pairs_of_loser(court, loser, verdict);
}

/* A circle of two that were both seen is what anybody understands: it goes first. */
static size_t choose_cycle(const struct court *court, size_t *cycle)
{
	for (size_t a = 0; a < court->nodes_len; a++) {
		for (size_t b = a + 1; b < court->nodes_len; b++) {
			if (!court->nodes[a].seen || !court->nodes[b].seen ||
			    !stress_graph_has(&court->graph, a, b) ||
			    !stress_graph_has(&court->graph, b, a))
				continue;
			cycle[0] = a;
			cycle[1] = b;
			return 2;
		}
	}
	return stress_graph_cycle(&court->graph, cycle);
}

static void add_evidence(const struct court *court, struct stress_verdict *verdict)
{
	size_t cycle[STRESS_GRAPH_MAX], len;

	len = choose_cycle(court, cycle);
	if (verdict->kind == STRESS_WHOLE)
		tell(court, cycle, len, verdict);
	add_pairs(court, cycle, len, verdict);
}

/* ---- all choices ---------------------------------------------------------------------------- */

static bool next_choice(struct court *court)
{
	for (size_t i = 0; i < court->groups_len; i++) {
		struct group *group = &court->groups[i];

		if (++group->chosen < group->len)
			return true;
		group->chosen = 0;
	}
	return false;
}

static bool is_too_much(const struct court *court)
{
	size_t tries = 1;

	for (size_t i = 0; i < court->groups_len && tries <= TRIES_MAX; i++)
		tries *= court->groups[i].len ? court->groups[i].len : 1;
	return court->gave_up || tries > TRIES_MAX;
}

/* Nothing where something was written at the start, and nobody who could have taken it away. */
static const struct group *group_of_nobody(const struct court *court)
{
	for (size_t i = 0; i < court->groups_len; i++) {
		if (court->groups[i].len == 0)
			return &court->groups[i];
	}
	return NULL;
}

/* Whoever changed it before the read, the last of them: what it wrote has become nothing. */
static void judge_vanished(const struct court *court, struct ior_range piece,
			   struct stress_verdict *ret)
{
	const struct stress_reading *reading = court->reading;
	const struct stress_op *last = NULL;

	for (size_t i = 0; i < reading->history_len; i++) {
		const struct stress_op *op = &reading->history[i];

		if (!ior_range_overlaps(op->range, piece))
			continue;
		if (stress_op_ended_before(op, &reading->read) &&
		    (!last || op->begin_ns > last->begin_ns))
			last = op;
		if (stress_ops_met(op, &reading->read))
			add_pair(ret, STRESS_OP_READ, (int)i);
	}
	ret->kind = ret->pairs_len > 0 ? STRESS_TORN_READ : STRESS_LOST_WRITE;
	ret->how = STRESS_HOW_MISSING;
	if (last) {
		const struct node loser = {*last, (int)(last - reading->history), false};

		ret->ops[ret->ops_len++] = loser.index;
		add_pairs_of_loser(court, &loser, ret);
	}
}

void stress_judge(const struct stress_reading *reading, struct stress_verdict *ret)
{
	struct court court = {.reading = reading};
	const struct group *nobody;

	*ret = (struct stress_verdict){.kind = STRESS_WHOLE};
	each_piece(&court, only_group);
	if (is_too_much(&court)) {
		ret->undecided = true;
		return;
	}
	nobody = group_of_nobody(&court);
	if (nobody) {
		judge_vanished(&court, nobody->piece, ret);
		return;
	}
	do {
		if (has_order(&court)) {
			*ret = (struct stress_verdict){.kind = STRESS_WHOLE};
			return;
		}
		add_evidence(&court, ret);
	} while (next_choice(&court));
}

void stress_judge_unit(const struct stress_reading *reading, const int *ops, size_t ops_len,
		       struct stress_verdict *ret)
{
	bool met_read = false;

	*ret = (struct stress_verdict){.how = STRESS_HOW_UNIT};
	for (size_t i = 0; i < ops_len; i++) {
		const struct stress_op *op = &reading->history[ops[i]];

		if (ret->ops_len < STRESS_OPS_MAX)
			ret->ops[ret->ops_len++] = ops[i];
		if (stress_ops_met(op, &reading->read)) {
			met_read = true;
			add_pair(ret, STRESS_OP_READ, ops[i]);
		}
		for (size_t j = 0; j < i; j++) {
			if (stress_ops_met(op, &reading->history[ops[j]]))
				add_pair(ret, ops[j], ops[i]);
		}
	}
	if (ops_len < 2)
		ret->kind = STRESS_GARBLED;
	else
		ret->kind = met_read ? STRESS_TORN_READ : STRESS_MIXED_WRITE;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
	[STRESS_WHOLE] = "whole",
	[STRESS_TORN_READ] = "torn_read",
	[STRESS_MIXED_WRITE] = "mixed_write",
	[STRESS_LOST_WRITE] = "lost_write",
	[STRESS_GARBLED] = "garbled",
};
_Static_assert(ARRAY_SIZE(kind_names) == STRESS_KIND_COUNT_, "every kind has a name");

static const char *const how_names[] = {
	[STRESS_HOW_MIX] = "mix",   [STRESS_HOW_MISSING] = "missing", [STRESS_HOW_ORDER] = "order",
	[STRESS_HOW_UNIT] = "unit", [STRESS_HOW_PLACE] = "place",
};
_Static_assert(ARRAY_SIZE(how_names) == STRESS_HOW_COUNT_, "every how has a name");

const char *stress_kind_name(enum stress_kind kind)
{
	return (unsigned int)kind < STRESS_KIND_COUNT_ ? kind_names[kind] : "unknown";
}

const char *stress_how_name(enum stress_how how)
{
	return (unsigned int)how < STRESS_HOW_COUNT_ ? how_names[how] : "unknown";
}
