/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A range lock as the user names it: --range-lock acquire=F,release=F,... or preset=NAME. Only
 * words: what the functions look like in this kernel is live/range_lock.h.
 */
#ifndef IORACE_MODEL_RANGE_LOCK_H
#define IORACE_MODEL_RANGE_LOCK_H

#include <iorace/range_lock.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct reason;

#define RANGE_LOCK_NAME_BYTES 64

/* Where a number stands, as it was written. */
enum range_lock_place {
	RANGE_LOCK_BY_TYPE, /* not said: the types tell */
	RANGE_LOCK_NOWHERE, /* said that there is none */
	RANGE_LOCK_IN_ARG,
	RANGE_LOCK_IN_MEMBER,
	RANGE_LOCK_AT_OFFSET,
};

struct range_lock_where {
	enum range_lock_place place;
	unsigned int arg; /* 0 is the first */
	uint32_t offset;
	char member[RANGE_LOCK_NAME_BYTES]; /* "node.start" */
};

struct range_lock_function {
	enum ior_range_lock_role role;
	char name[RANGE_LOCK_NAME_BYTES];
	bool optional; /* of a preset: not every version of the patch has it */
};

enum range_lock_attach {
	RANGE_LOCK_ATTACH_BEST,
	RANGE_LOCK_ATTACH_FENTRY,
	RANGE_LOCK_ATTACH_KPROBE,
	RANGE_LOCK_ATTACH_COUNT_
};

struct range_lock_spec {
	char name[RANGE_LOCK_NAME_BYTES]; /* as reports have it */
	struct range_lock_function functions[IOR_RANGE_LOCK_FUNCTIONS_MAX];
	size_t functions_len;
	struct range_lock_where lock, tree; /* arguments */
	struct range_lock_where start, end, shared;
	uint64_t shared_value;
	bool inclusive;
	uint8_t shift;
	bool tries_fail_negative;
	bool inside; /* taken where the data moves, not before */
	enum range_lock_attach attach;
};

/* -EINVAL with the reason, which names the word that is wrong. */
int range_lock_parse(const char *text, struct range_lock_spec *ret, struct reason *why);

const char *range_lock_role_name(uint8_t role); /* "acquire", "trylock-shared", ... */

/* Keys and presets, each with where it was published, for people. 0 or -ENOMEM. */
int range_lock_help(struct buf *out);

#endif
