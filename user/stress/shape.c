// SPDX-License-Identifier: GPL-2.0
#include "stress/shape.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "base/err.h"
#include "base/macro.h"

#define KIB (1024ULL)
#define MIB (1024 * KIB)

#define PAGE_SMALL (8 * KIB)
#define PAGE_LARGE (16 * KIB)
#define LOG_BLOCKS 8  /* of the log, before the block of the checkpoint */
#define SLIDE_LANES 4 /* blocks that a window slides over */

const char *const stress_shape_names[] = {
	[STRESS_SHAPE_IDENTICAL] = "identical", [STRESS_SHAPE_NESTED] = "nested",
	[STRESS_SHAPE_PARTIAL] = "partial",	[STRESS_SHAPE_SLIDING] = "sliding",
	[STRESS_SHAPE_APPEND] = "append",	[STRESS_SHAPE_LOG] = "log",
	[STRESS_SHAPE_PAGES] = "pages",		[STRESS_SHAPE_TRUNCATE] = "truncate",
	[STRESS_SHAPE_PUNCH] = "punch",		[STRESS_SHAPE_DISJOINT] = "disjoint",
	[STRESS_SHAPE_COUNT_] = NULL,
};
_Static_assert(ARRAY_SIZE(stress_shape_names) == STRESS_SHAPE_COUNT_ + 1, "every shape has a name");

bool stress_shape_starts_empty(enum stress_shape shape)
{
	return shape == STRESS_SHAPE_APPEND;
}

bool stress_shape_overlaps(enum stress_shape shape)
{
	return shape != STRESS_SHAPE_DISJOINT;
}

/* ---- geometry ------------------------------------------------------------------------------- */

static uint64_t lanes_of(const struct stress_geometry *g)
{
	return g->lanes ? g->lanes : 1;
}

/* Bytes that one spot takes, where all meet; a file has as many as find room. */
static uint64_t spot_bytes(const struct stress_geometry *g)
{
	switch (g->shape) {
	case STRESS_SHAPE_IDENTICAL:
	case STRESS_SHAPE_NESTED:
	case STRESS_SHAPE_TRUNCATE:
	case STRESS_SHAPE_PUNCH:
		return g->block;
	case STRESS_SHAPE_PARTIAL:
		return 2 * g->block;
	case STRESS_SHAPE_SLIDING:
		return SLIDE_LANES * g->block;
	case STRESS_SHAPE_LOG:
		return (LOG_BLOCKS + 1) * g->block;
	case STRESS_SHAPE_APPEND:
		return 16 * g->block;
	case STRESS_SHAPE_PAGES:
		return 2 * PAGE_LARGE;
	case STRESS_SHAPE_DISJOINT:
		return (g->workers[STRESS_ROLE_WRITER] + g->workers[STRESS_ROLE_READER]) *
		       lanes_of(g) * g->block;
	case STRESS_SHAPE_COUNT_:
		break;
	}
	return g->block;
}

static uint64_t default_size(const struct stress_geometry *g)
{
	if (g->shape == STRESS_SHAPE_APPEND)
		return 64 * MIB > spot_bytes(g) ? 64 * MIB : spot_bytes(g);
	if (g->shape == STRESS_SHAPE_PAGES)
		return 1 * MIB;
	return spot_bytes(g);
}

static uint64_t spots_of(const struct stress_geometry *g)
{
	uint64_t spots = g->size / spot_bytes(g);

	/* A file is cut at one place; a log is one. */
	return g->shape == STRESS_SHAPE_TRUNCATE || g->shape == STRESS_SHAPE_LOG ? 1 : spots;
}

static bool is_cut(enum stress_shape shape)
{
	return shape == STRESS_SHAPE_TRUNCATE || shape == STRESS_SHAPE_PUNCH;
}

int stress_geometry_settle(struct stress_geometry *g, struct reason *why)
{
	uint64_t parts = is_cut(g->shape) || g->shape == STRESS_SHAPE_NESTED ||
					 g->shape == STRESS_SHAPE_PARTIAL
				 ? 2
				 : 1;

	if (g->block == 0)
		g->block = g->shape == STRESS_SHAPE_PAGES ? 256 * KIB : 64 * KIB;
	if (g->block % g->align || g->block < parts * g->align)
		return reason_fail(why, -EINVAL,
				   "--block: ops of shape %s here are multiples of %" PRIu64
				   " bytes, %" PRIu64 " at least",
				   stress_shape_names[g->shape], g->align, parts * g->align);
	if (g->block > 64 * MIB)
		return reason_fail(why, -EINVAL, "--block: at most 64M");
	if (g->workers[STRESS_ROLE_WRITER] == 0)
		return reason_fail(why, -EINVAL, "--writers: without one nothing can tear");
	g->workers[STRESS_ROLE_CUTTER] = is_cut(g->shape) ? 1 : 0;
	if (g->size == 0)
		g->size = default_size(g);
	g->size -= g->size % g->align;
	if (g->size < spot_bytes(g))
		return reason_fail(why, -EINVAL,
				   "--size: shape %s with --block %" PRIu64 " needs %" PRIu64
				   " bytes",
				   stress_shape_names[g->shape], g->block, spot_bytes(g));
	return 0;
}

uint64_t stress_geometry_longest(const struct stress_geometry *g)
{
	uint64_t longest = g->block;

	if (g->shape == STRESS_SHAPE_PAGES && longest < PAGE_LARGE)
		longest = PAGE_LARGE;
	if (g->shape == STRESS_SHAPE_APPEND)
		longest = 2 * g->block;
	return longest;
}

/* ---- steps ---------------------------------------------------------------------------------- */

uint64_t stress_mover_random(struct stress_mover *mover, uint64_t limit)
{
	uint64_t x = mover->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return limit ? x % limit : 0;
}

void stress_mover_init(struct stress_mover *mover, const struct stress_geometry *geometry,
		       enum stress_role role, unsigned int index, uint64_t seed)
{
	*mover = (struct stress_mover){.geometry = geometry, .role = role, .index = index};
	mover->random = seed ^ ((uint64_t)role << 56) ^ ((uint64_t)index << 40);
	stress_mover_random(mover, 0);
}

static struct ior_range range_at(uint64_t start, uint64_t len)
{
	return (struct ior_range){start, start + len};
}

/* A range inside [0, len), neither empty nor all of it, unless that is too small. */
static struct ior_range part_of(struct stress_mover *mover, uint64_t len)
{
	uint64_t align = mover->geometry->align, pieces = len / align, first, count;

	if (pieces < 2)
		return range_at(0, len);
	count = 1 + stress_mover_random(mover, pieces - 1);
	first = stress_mover_random(mover, pieces - count + 1);
	return range_at(first * align, count * align);
}

static uint64_t spot_start(struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;

	return stress_mover_random(mover, spots_of(g)) * spot_bytes(g);
}

static struct ior_range moved(struct ior_range range, uint64_t by)
{
	return (struct ior_range){range.start + by, range.end + by};
}

/* Whole blocks and parts of them by turns of the die; readers want all of it. */
static struct ior_range nested(struct stress_mover *mover)
{
	uint64_t base = spot_start(mover), block = mover->geometry->block;

	if (mover->role == STRESS_ROLE_READER || stress_mover_random(mover, 2))
		return range_at(base, block);
	return moved(part_of(mover, block), base);
}

static struct ior_range partial(struct stress_mover *mover)
{
	uint64_t align = mover->geometry->align, block = mover->geometry->block;
	uint64_t base = spot_start(mover);

	return range_at(base + stress_mover_random(mover, block / align + 1) * align, block);
}

/* Each a step on, so that ranges overlap the ones before and after. */
static struct ior_range sliding(struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;
	uint64_t places = (g->size - g->block) / g->align + 1;
	uint64_t stride = g->block / g->align / 4 + 1;

	mover->cursor = (mover->cursor + stride) % places;
	return range_at(mover->cursor * g->align, g->block);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * Records of changing length, one behind the other, and round again. Half of them begin with the
 * last block of the one before, as a log does that fills its blocks up.
 */
static struct ior_range log_record(struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;
	uint64_t log = LOG_BLOCKS * g->block, len, start = mover->cursor;

	if (start >= log)
		start = 0;
	else if (start >= g->align && stress_mover_random(mover, 2))
		start -= g->align;
	len = smaller((1 + stress_mover_random(mover, g->block / g->align)) * g->align,
		      log - start);
	mover->cursor = start + len;
	return range_at(start, len);
}

static struct ior_range log_or_checkpoint(struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;
	uint64_t log = LOG_BLOCKS * g->block;
	bool alone = g->workers[STRESS_ROLE_WRITER] == 1;

	if (mover->role == STRESS_ROLE_READER)
		return range_at(stress_mover_random(mover, LOG_BLOCKS + 1) * g->block, g->block);
	if (mover->index > 0 || (alone && stress_mover_random(mover, 8) == 0))
		return range_at(log, g->block);
	return log_record(mover);
}

/* Small pages in the first half, large ones in the second; the backup reads on through all. */
static struct ior_range pages(struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;
	uint64_t half = g->size / 2 / PAGE_LARGE * PAGE_LARGE, start = mover->cursor;

	if (mover->role == STRESS_ROLE_READER) {
		if (start >= 2 * half)
			start = 0;
		mover->cursor = start + g->block;
		return range_at(start, smaller(g->block, 2 * half - start));
	}
	if (stress_mover_random(mover, 2))
		return range_at(stress_mover_random(mover, half / PAGE_SMALL) * PAGE_SMALL,
				PAGE_SMALL);
	return range_at(half + stress_mover_random(mover, half / PAGE_LARGE) * PAGE_LARGE,
			PAGE_LARGE);
}

static struct ior_range own_block(const struct stress_mover *mover)
{
	const struct stress_geometry *g = mover->geometry;
	unsigned int place = mover->index;

	if (mover->role == STRESS_ROLE_READER)
		place += g->workers[STRESS_ROLE_WRITER];
	return range_at((place * lanes_of(g) + mover->lane) * g->block, g->block);
}

/* Readers look where the file ends; when it has grown enough one writer begins anew. */
static void append_step(struct stress_mover *mover, uint64_t tail, struct stress_step *step)
{
	const struct stress_geometry *g = mover->geometry;

	if (mover->role == STRESS_ROLE_READER) {
		step->range = range_at(tail > g->block ? tail - g->block : 0, 2 * g->block);
	} else if (mover->index == 0 && tail + g->block > g->size) {
		step->kind = IOR_OP_SIZE;
		step->range = (struct ior_range){0, IOR_RANGE_MAX};
	} else {
		step->append = true;
		step->range = range_at(0, g->block);
	}
}

static void cut_step(struct stress_mover *mover, struct stress_step *step)
{
	const struct stress_geometry *g = mover->geometry;

	step->kind = IOR_OP_SIZE;
	step->punch = g->shape == STRESS_SHAPE_PUNCH;
	if (step->punch) {
		uint64_t base = spot_start(mover);

		step->range = moved(part_of(mover, g->block), base);
	} else {
		step->range.start = stress_mover_random(mover, g->block / g->align) * g->align;
		step->range.end = IOR_RANGE_MAX;
	}
}

static struct ior_range data_range(struct stress_mover *mover)
{
	switch (mover->geometry->shape) {
	case STRESS_SHAPE_NESTED:
		return nested(mover);
	case STRESS_SHAPE_PARTIAL:
		return partial(mover);
	case STRESS_SHAPE_SLIDING:
		return sliding(mover);
	case STRESS_SHAPE_LOG:
		return log_or_checkpoint(mover);
	case STRESS_SHAPE_PAGES:
		return pages(mover);
	case STRESS_SHAPE_DISJOINT:
		return own_block(mover);
	case STRESS_SHAPE_IDENTICAL:
	case STRESS_SHAPE_TRUNCATE:
	case STRESS_SHAPE_PUNCH:
	case STRESS_SHAPE_APPEND:
	case STRESS_SHAPE_COUNT_:
		break;
	}
	return range_at(spot_start(mover), mover->geometry->block);
}

void stress_mover_next(struct stress_mover *mover, uint64_t tail, struct stress_step *ret)
{
	*ret = (struct stress_step){.kind = mover->role == STRESS_ROLE_READER ? IOR_OP_READ
									      : IOR_OP_WRITE};
	if (mover->role == STRESS_ROLE_CUTTER)
		cut_step(mover, ret);
	else if (mover->geometry->shape == STRESS_SHAPE_APPEND)
		append_step(mover, tail, ret);
	else
		ret->range = data_range(mover);
}
