/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What mixed or got lost stays in the file, and every later read shows it again: told once. A torn
 * read is one read, and is not remembered.
 */
#ifndef IORACE_STRESS_TALLIED_H
#define IORACE_STRESS_TALLIED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stress_evidence;

#define TALLIED_MAX (1U << 16)

struct stress_tallied {
	uint64_t *keys; /* open addressing; 0: free */
	size_t len;
};

int stress_tallied_init(struct stress_tallied *tallied);
void stress_tallied_done(struct stress_tallied *tallied);

/* Is this the first time? Once it is full, nothing that stays is new. */
bool stress_tallied_is_new(struct stress_tallied *tallied, const struct stress_evidence *evidence);

#endif
