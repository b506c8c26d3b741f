/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the ops of a run lie: for each worker, one step after the other, from a seed. Pure: knows
 * neither file nor time, so the same seed gives every worker the same steps.
 */
#ifndef IORACE_STRESS_SHAPE_H
#define IORACE_STRESS_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include <iorace/op.h>

struct reason;

enum stress_shape {
	STRESS_SHAPE_IDENTICAL,
	STRESS_SHAPE_NESTED,
	STRESS_SHAPE_PARTIAL,
	STRESS_SHAPE_SLIDING,
	STRESS_SHAPE_APPEND,
	STRESS_SHAPE_LOG,
	STRESS_SHAPE_PAGES,
	STRESS_SHAPE_TRUNCATE,
	STRESS_SHAPE_PUNCH,
	STRESS_SHAPE_DISJOINT, /* the control: no two ops have a byte in common */
	STRESS_SHAPE_COUNT_
};

enum stress_role {
	STRESS_ROLE_WRITER,
	STRESS_ROLE_READER,
	STRESS_ROLE_CUTTER, /* truncates or punches */
	STRESS_ROLE_COUNT_
};

/* What a worker does next. */
struct stress_step {
	uint8_t kind; /* enum ior_op_kind; size: punch, or truncate to range.start */
	bool append;  /* to wherever the file ends; range is [0, length) */
	bool punch;
	struct ior_range range;
};

struct stress_geometry {
	enum stress_shape shape;
	uint64_t block; /* bytes of an op; of a read of the backup where pages are written */
	uint64_t size;	/* bytes of the file; where it is appended to, truncate it there */
	uint64_t align; /* every range begins and ends at a multiple of it */
	unsigned int workers[STRESS_ROLE_COUNT_];
	unsigned int lanes; /* ops that each worker may have in flight; 0: one */
};

struct stress_mover {
	const struct stress_geometry *geometry;
	enum stress_role role;
	unsigned int index; /* among those of the same role */
	unsigned int lane;  /* which of its ops in flight comes next */
	uint64_t random;
	uint64_t cursor;
};

/*
 * Fills in what is 0 (block, size, the number of cutters) and checks the rest; -EINVAL with the
 * reason, which names the option.
 */
int stress_geometry_settle(struct stress_geometry *geometry, struct reason *why);

/* The longest range of any step. */
uint64_t stress_geometry_longest(const struct stress_geometry *geometry);

bool stress_shape_starts_empty(enum stress_shape shape);
bool stress_shape_overlaps(enum stress_shape shape);

void stress_mover_init(struct stress_mover *mover, const struct stress_geometry *geometry,
		       enum stress_role role, unsigned int index, uint64_t seed);

/* `tail`: about where the file ends, for shapes that append. */
void stress_mover_next(struct stress_mover *mover, uint64_t tail, struct stress_step *ret);

/* A number below `limit`, from the same sequence. */
uint64_t stress_mover_random(struct stress_mover *mover, uint64_t limit);

/* In the order of the enum, NULL-terminated: a table for options. */
extern const char *const stress_shape_names[];

#endif
