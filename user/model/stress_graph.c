// SPDX-License-Identifier: GPL-2.0
#include "model/stress_graph.h"

#include <string.h>

#define NOBODY STRESS_GRAPH_MAX

void stress_graph_init(struct stress_graph *graph, size_t len)
{
	graph->len = len;
	memset(graph->before, 0, len * sizeof(graph->before[0]));
}

void stress_graph_add(struct stress_graph *graph, size_t a, size_t b)
{
	graph->before[a][b / 64] |= 1ULL << b % 64;
}

bool stress_graph_has(const struct stress_graph *graph, size_t a, size_t b)
{
	return graph->before[a][b / 64] >> b % 64 & 1;
}

static bool is_behind_another(const struct stress_graph *graph, size_t node, const bool *gone)
{
	for (size_t other = 0; other < graph->len; other++) {
		if (!gone[other] && stress_graph_has(graph, other, node))
			return true;
	}
	return false;
}

/* Takes away whatever has nothing before it until nothing is left, or nothing can be taken. */
bool stress_graph_is_cyclic(const struct stress_graph *graph)
{
	bool gone[STRESS_GRAPH_MAX] = {};
	size_t left = graph->len;

	for (bool took = true; took && left > 0;) {
		took = false;
		for (size_t node = 0; node < graph->len; node++) {
			if (gone[node] || is_behind_another(graph, node, gone))
				continue;
			gone[node] = took = true;
			left--;
		}
	}
	return left > 0;
}

/* Breadth first from `start` back to it. Fills `ret` only when it is shorter than `best`. */
static size_t cycle_through(const struct stress_graph *graph, size_t start, size_t best,
			    size_t *ret)
{
	size_t from[STRESS_GRAPH_MAX], queue[STRESS_GRAPH_MAX], head = 0, tail = 0, len = 1;

	for (size_t i = 0; i < graph->len; i++)
		from[i] = NOBODY;
	queue[tail++] = start;
	while (head < tail && !stress_graph_has(graph, queue[head], start)) {
		size_t at = queue[head++];

		for (size_t next = 0; next < graph->len; next++) {
			if (next == start || from[next] != NOBODY ||
			    !stress_graph_has(graph, at, next))
				continue;
			from[next] = at;
			queue[tail++] = next;
		}
	}
	if (head == tail)
		return 0;
	for (size_t at = queue[head]; at != start; at = from[at])
		len++;
	if (len >= best)
		return 0;
	for (size_t at = queue[head], i = len; i-- > 0; at = from[at])
		ret[i] = at;
	return len;
}

size_t stress_graph_cycle(const struct stress_graph *graph, size_t *ret)
{
	size_t best = STRESS_GRAPH_MAX + 1;

	for (size_t start = 0; start < graph->len && best > 2; start++) {
		size_t len = cycle_through(graph, start, best, ret);

		if (len > 0)
			best = len;
	}
	return best > STRESS_GRAPH_MAX ? 0 : best;
}
