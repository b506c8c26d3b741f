/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Data that describes itself. `iorace stress` writes nothing else: each unit, the smallest piece
 * that is judged by itself, says at its head who wrote it and where it belongs, and the rest of it
 * follows from the head, word for word. So whoever reads a unit knows the op it came from, and a
 * unit of which one word came from elsewhere is not whole.
 *
 *	unit   | stamp, 64 bytes, with a checksum | words that follow from the stamp |
 *	op     | unit 0 | unit 1 | unit 2 | ...
 */
#ifndef IORACE_MODEL_STRESS_BLOCK_H
#define IORACE_MODEL_STRESS_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRESS_UNIT_BYTES 512 /* the smallest sector there is: no direct IO is cut finer */
#define STRESS_UNIT_WORDS (STRESS_UNIT_BYTES / sizeof(uint64_t))
#define STRESS_START_UNKNOWN UINT64_MAX /* an append learns where it went when it is done */

/* As it stands in memory and in the file, in the byte order of this machine. */
struct stress_stamp {
	uint64_t run;	   /* tells this run from what an earlier one left on the disk */
	uint64_t seq;	   /* of the op, counts up from 1 for each writer */
	uint64_t start;	   /* first byte of the op, or STRESS_START_UNKNOWN */
	uint64_t len;	   /* bytes of the op */
	uint64_t offset;   /* of this unit in the op */
	uint64_t begin_ns; /* CLOCK_MONOTONIC, before the op was submitted */
	uint64_t writer;
	uint64_t check; /* over the fields above */
};
_Static_assert(sizeof(struct stress_stamp) == 64, "the head of a unit");

enum stress_unit_state {
	STRESS_UNIT_WHOLE,   /* all of it was written by the op in the stamp, to this place */
	STRESS_UNIT_NOTHING, /* zeros: a hole, or beyond the end of the file */
	STRESS_UNIT_BROKEN,  /* anything else: a mix, another place, another run */
	STRESS_UNIT_STATE_COUNT_
};

/*
 * `len` bytes of the data of one op, from `offset` bytes into it; `offset` and `check` of `op` are
 * not looked at.
 */
void stress_block_fill(void *block, const struct stress_stamp *op, uint64_t offset, uint64_t len);

/* `at`: byte of the file that the unit was read from. *ret is set when the unit is whole. */
enum stress_unit_state stress_unit_read(const void *unit, uint64_t run, uint64_t at,
					struct stress_stamp *ret);

/* What the word `index` of a unit is when `op` wrote it; the unit is `offset` bytes into the op. */
struct stress_words {
	uint64_t words[STRESS_UNIT_WORDS];
};
void stress_unit_expect(const struct stress_stamp *op, uint64_t offset, struct stress_words *ret);

/*
 * May a part of this broken unit be of the candidate? Only words that tell ops apart are looked at:
 * the same length says nothing.
 */
bool stress_unit_shows(const void *unit, const struct stress_words *candidate);

/*
 * Which of the candidates, up to 64 of them, a broken unit is mixed from: a bit for each that had
 * to take part. Words that several could have written say nothing. False when a word is nobody's.
 */
bool stress_unit_explain(const void *unit, const struct stress_words *candidates, size_t len,
			 uint64_t *ret_took_part);

#endif
