/* SPDX-License-Identifier: GPL-2.0 */
/* The loads of the ladder by name, and one more of the user's own shape. */
#ifndef IORACE_BENCH_LOADS_H
#define IORACE_BENCH_LOADS_H

#include "load.h"

#include "base/err.h"

#define LOADS_MAX 24

struct loads {
	struct load list[LOADS_MAX];
	size_t len;
	char shape_text[160];
};

/* -EINVAL and `why` for the first name in a list between commas that is none; NULL: no list. */
int names_check(const char *list, const char *what, bool (*is_known)(const char *name, size_t len),
		struct reason *why);

/* Is `name` in this list of names between commas? No list means all. */
bool is_listed(const char *list, const char *name);

/*
 * Those named in `only` (between commas; NULL: all) and the one that `shape` describes: words
 * between commas, as tests/bench/run has them; NULL: none. With a shape and no names there is
 * nothing else. `with_queue`: there is a device that holds requests.
 * 0, or -EINVAL and `why`.
 */
int loads_choose(const char *only, const char *shape, bool with_queue, struct loads *ret,
		 struct reason *why);

#endif
