/* SPDX-License-Identifier: GPL-2.0 */
/* Which op must come before which, and whether that goes round in a circle. For stress_judge.c. */
#ifndef IORACE_MODEL_STRESS_GRAPH_H
#define IORACE_MODEL_STRESS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STRESS_GRAPH_MAX 128
#define STRESS_GRAPH_WORDS (STRESS_GRAPH_MAX / 64)

struct stress_graph {
	size_t len;
	uint64_t before[STRESS_GRAPH_MAX][STRESS_GRAPH_WORDS]; /* [a] bit b: a comes before b */
};

void stress_graph_init(struct stress_graph *graph, size_t len);
void stress_graph_add(struct stress_graph *graph, size_t a, size_t b);
bool stress_graph_has(const struct stress_graph *graph, size_t a, size_t b);

/* No order of all nodes keeps every arrow. */
bool stress_graph_is_cyclic(const struct stress_graph *graph);

/*
 * The shortest circle: each node before the next, the last before the first. Returns its length,
 * 0 when there is none; `ret` has room for STRESS_GRAPH_MAX.
 */
size_t stress_graph_cycle(const struct stress_graph *graph, size_t *ret);

#endif
