// SPDX-License-Identifier: GPL-2.0
#include "model/agreement.h"

#include <stdlib.h>

static struct agreement_op op_of(const struct ior_op *op)
{
	return (struct agreement_op){
		.range = op->range, .begin_ns = op->begin_ns, .tid = op->tid, .kind = op->kind};
}

struct agreement_conflict agreement_conflict_of(const struct ior_rec_conflict *record)
{
	return (struct agreement_conflict){
		.ino = record->file.ino,
		.dev = record->file.dev,
		.ops = {op_of(&record->ops[0]), op_of(&record->ops[1])},
	};
}

static int compare(const void *a, const void *b)
{
	const struct agreement_conflict *left = a, *right = b;
	uint64_t x = left->ops[1].begin_ns, y = right->ops[1].begin_ns;

	return (x > y) - (x < y);
}

void agreement_sort(struct agreement_conflict *conflicts, size_t len)
{
	if (len > 0)
		qsort(conflicts, len, sizeof(*conflicts), compare);
}

/* ---- is it the same op? --------------------------------------------------------------------- */

/*
 * What is traced opened its window while the op was on its way, and is the op or a part of it:
 * reads are cut at the end of the file, io_uring reads what is cached first. A truncate drops
 * pages, and where its range begins is rounded.
 */
static bool is_same(const struct agreement_op *traced, const struct stress_op *op,
		    bool tids_compare)
{
	if (traced->kind != op->kind || traced->begin_ns < op->begin_ns ||
	    traced->begin_ns > op->end_ns)
		return false;
	/* io_uring may hand an op to another thread. */
	if (tids_compare && !op->async && traced->tid != op->tid)
		return false;
	if (op->kind == IOR_OP_SIZE)
		return ior_range_overlaps(traced->range, op->range);
	return traced->range.start >= op->range.start && traced->range.end <= op->range.end;
}

static bool is_on_file(const struct agreement_conflict *conflict, const struct agreement_torn *torn)
{
	return conflict->ino == torn->ino && conflict->dev == torn->dev;
}

static bool is_conflict_of(const struct agreement_conflict *conflict,
			   const struct agreement_torn *torn, const struct stress_pair *pair)
{
	const struct stress_op *a = &torn->ops[pair->a], *b = &torn->ops[pair->b];
	const struct agreement_op *first = &conflict->ops[0], *second = &conflict->ops[1];
	bool tids = torn->tids_compare;

	if (!is_on_file(conflict, torn))
		return false;
	return (is_same(first, a, tids) && is_same(second, b, tids)) ||
	       (is_same(first, b, tids) && is_same(second, a, tids));
}

/* ---- among the conflicts? ------------------------------------------------------------------- */

/* The first conflict of which the later window opened at `ns` or after. */
static size_t first_since(const struct agreement_traced *traced, uint64_t ns)
{
	size_t low = 0, high = traced->len;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (traced->conflicts[middle].ops[1].begin_ns < ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool finds_pair(const struct agreement_traced *traced, const struct agreement_torn *torn,
		       const struct stress_pair *pair)
{
	const struct stress_op *a = &torn->ops[pair->a], *b = &torn->ops[pair->b];
	uint64_t until_ns = later(a->end_ns, b->end_ns);

	/* Whatever it shows had happened by then. */
	if (until_ns > torn->ops[0].end_ns)
		until_ns = torn->ops[0].end_ns;
	for (size_t i = first_since(traced, later(a->begin_ns, b->begin_ns)); i < traced->len;
	     i++) {
		if (traced->conflicts[i].ops[1].begin_ns > until_ns)
			return false;
		if (is_conflict_of(&traced->conflicts[i], torn, pair))
			return true;
	}
	return false;
}

/*
 * Direct and buffered IO meet in the page cache, and what a race left there is seen by whoever
 * comes later: any conflict on bytes of the read, up to its end, may be the one.
 */
static bool finds_any(const struct agreement_traced *traced, const struct agreement_torn *torn)
{
	const struct stress_op *read = &torn->ops[0];

	for (size_t i = 0; i < traced->len; i++) {
		const struct agreement_conflict *conflict = &traced->conflicts[i];

		if (conflict->ops[1].begin_ns > read->end_ns)
			return false;
		if (is_on_file(conflict, torn) &&
		    (ior_range_overlaps(conflict->ops[0].range, read->range) ||
		     ior_range_overlaps(conflict->ops[1].range, read->range)))
			return true;
	}
	return false;
}

static bool is_found(const struct agreement_traced *traced, const struct agreement_torn *torn)
{
	for (size_t i = 0; i < torn->pairs_len; i++) {
		if (finds_pair(traced, torn, &torn->pairs[i]))
			return true;
	}
	return torn->is_mixed && finds_any(traced, torn);
}

static bool is_covered(const struct agreement_traced *traced, const struct stress_op *op)
{
	return traced->covers[op->mode][op->kind][op->async];
}

/*
 * Whichever of its pairs raced: would it have been seen? Two appends raced for the place, and that
 * is chosen before the windows open, which may well miss each other (generic_write_checks() under
 * the shared lock of xfs_file_dio_write_aligned(), fs/xfs/xfs_file.c, 6.18).
 */
static bool would_be_seen(const struct agreement_traced *traced, const struct agreement_torn *torn)
{
	if (torn->how == STRESS_HOW_PLACE)
		return false;
	if (torn->pairs_len == 0 || torn->pairs_cut ||
	    torn->ops[0].end_ns > traced->complete_until_ns)
		return false;
	for (size_t i = 0; i < torn->pairs_len; i++) {
		if (!is_covered(traced, &torn->ops[torn->pairs[i].a]) ||
		    !is_covered(traced, &torn->ops[torn->pairs[i].b]))
			return false;
	}
	return true;
}

enum agreement agreement_judge(const struct agreement_traced *traced,
			       const struct agreement_torn *torn)
{
	if (is_found(traced, torn))
		return AGREEMENT_FOUND;
	return would_be_seen(traced, torn) ? AGREEMENT_CONTRADICTION : AGREEMENT_UNKNOWN;
}
