/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers that look random and are the same each time, for tests of the in-flight table. */
#ifndef IORACE_TESTS_RANDOM_H
#define IORACE_TESTS_RANDOM_H

#include <linux/types.h>

static __thread __u64 rng; /* to be seeded, and not with 0 */

/* xorshift, multiplied: its low bits alone would show a pattern. */
static inline __u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545F4914F6CDD1DULL >> 16;
}

#endif
