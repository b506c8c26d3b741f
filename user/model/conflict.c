// SPDX-License-Identifier: GPL-2.0
#include "model/conflict.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/names.h"

struct conflict_traits conflict_traits(const struct ior_op *a, const struct ior_op *b)
{
	return (struct conflict_traits){
		.overlap = ior_range_intersection(a->range, b->range),
		.kind = pair_name(a->kind, b->kind),
		.shape = ior_range_shape(a->range, b->range),
		.tear = ior_ops_tear(a, b),
	};
}

static struct ior_finding_side side_of(const struct ior_op *op)
{
	struct ior_finding_side side = {
		.kind = op->kind, .mode = op->mode, .lock = op->lock.i_rwsem};

	memcpy(side.comm, op->comm, sizeof(side.comm));
	return side;
}

static void side_normalize(struct ior_finding_side *side)
{
	size_t len = strnlen(side->comm, sizeof(side->comm));

	memset(side->comm + len, 0, sizeof(side->comm) - len);
	memset(side->pad, 0, sizeof(side->pad));
}

void finding_key_normalize(struct ior_finding_key *key)
{
	side_normalize(&key->sides[0]);
	side_normalize(&key->sides[1]);
	if (memcmp(&key->sides[0], &key->sides[1], sizeof(key->sides[0])) > 0) {
		struct ior_finding_side first = key->sides[1];

		key->sides[1] = key->sides[0];
		key->sides[0] = first;
	}
}

struct ior_finding_key finding_key_of(const struct ior_file *file, const struct ior_op *a,
				      const struct ior_op *b)
{
	struct ior_finding_key key = {.file = *file, .sides = {side_of(a), side_of(b)}};

	finding_key_normalize(&key);
	return key;
}

/* FNV-1a, 64 bits: no secret, no adversary to speak of, and anybody can compute it again. */
#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/* With the NUL, so that "ab" "c" and "a" "bc" differ. */
static uint64_t fnv_text(uint64_t hash, const char *text, size_t len_max)
{
	for (size_t i = 0; i < len_max && text[i]; i++)
		hash = (hash ^ (uint8_t)text[i]) * FNV_PRIME;
	return hash * FNV_PRIME;
}

uint64_t conflict_fingerprint(const struct ior_finding_key *key, const char *path)
{
	uint64_t hash = FNV_OFFSET;
	char id[80];

	if (!path) {
		snprintf(id, sizeof(id), "dev %" PRIu32 " ino %" PRIu64 " subvol %" PRIu64,
			 (uint32_t)key->file.dev, (uint64_t)key->file.ino,
			 (uint64_t)key->file.subvol);
		path = id;
	}
	hash = fnv_text(hash, path, SIZE_MAX);
	for (size_t i = 0; i < 2; i++) {
		const struct ior_finding_side *side = &key->sides[i];

		hash = fnv_text(hash, side->comm, sizeof(side->comm));
		hash = fnv_text(hash, kind_name(side->kind), SIZE_MAX);
		hash = fnv_text(hash, mode_name(side->mode), SIZE_MAX);
		hash = fnv_text(hash, lock_name(side->lock), SIZE_MAX);
	}
	return hash;
}

bool conflict_is_mapped(const struct conflict_view *conflict)
{
	return (conflict->ops[0].op.flags | conflict->ops[1].op.flags) & IOR_OPF_MAPPED;
}

struct conflict_view conflict_view_of(const struct ior_rec_conflict *record, uint64_t id,
				      int64_t real_minus_mono_ns)
{
	return (struct conflict_view){
		.id = id,
		.time_real_ns = record->time_ns + real_minus_mono_ns,
		.time_mono_ns = record->time_ns,
		.file =
			{
				.id = record->file,
				.path_state = PATH_UNKNOWN,
				.fs = fs_name(record->file.magic),
			},
		.ops = {{.op = record->ops[0], .range_lock_held = record->range_locks[0]},
			{.op = record->ops[1], .range_lock_held = record->range_locks[1]}},
	};
}

/*
 * Everything of a view in one allocation: the copying runs twice, first to measure (`base` NULL),
 * then to copy, so the two cannot disagree.
 */
struct piece {
	char *base;
	size_t used;
};

static void *piece_put(struct piece *piece, const void *bytes, size_t len)
{
	size_t at = (piece->used + _Alignof(max_align_t) - 1) & -_Alignof(max_align_t);

	if (!bytes)
		return NULL;
	piece->used = at + len;
	if (!piece->base)
		return NULL;
	return memcpy(piece->base + at, bytes, len);
}

static char *piece_put_text(struct piece *piece, const char *text)
{
	return piece_put(piece, text, text ? strlen(text) + 1 : 0);
}

static void op_view_put(struct piece *piece, const struct op_view *from, struct op_view *to)
{
	struct frame_view *frames;

	to->cgroup = piece_put_text(piece, from->cgroup);
	to->range_lock = piece_put_text(piece, from->range_lock);
	frames = piece_put(piece, from->stack, from->stack_len * sizeof(*from->stack));
	to->stack = frames;
	for (size_t i = 0; from->stack && i < from->stack_len; i++) {
		char *symbol = piece_put_text(piece, from->stack[i].symbol);

		if (frames)
			frames[i].symbol = symbol;
	}
}

static struct conflict_view *conflict_view_put(struct piece *piece,
					       const struct conflict_view *view)
{
	struct conflict_view copy = *view, *to;

	to = piece_put(piece, view, sizeof(*view));
	copy.file.path = piece_put_text(piece, view->file.path);
	copy.file.fs = piece_put_text(piece, view->file.fs);
	op_view_put(piece, &view->ops[0], &copy.ops[0]);
	op_view_put(piece, &view->ops[1], &copy.ops[1]);
	if (to)
		*to = copy;
	return to;
}

struct conflict_view *conflict_view_dup(const struct conflict_view *view)
{
	struct piece piece = {};

	conflict_view_put(&piece, view);
	piece.base = malloc(piece.used);
	if (!piece.base)
		return NULL;
	piece.used = 0;
	return conflict_view_put(&piece, view);
}

void conflict_view_free(struct conflict_view *view)
{
	free(view);
}
