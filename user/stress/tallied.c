// SPDX-License-Identifier: GPL-2.0
#include "stress/tallied.h"

#include <errno.h>
#include <stdlib.h>

#include "stress/evidence.h"

int stress_tallied_init(struct stress_tallied *tallied)
{
	*tallied = (struct stress_tallied){.keys = calloc(2 * TALLIED_MAX, sizeof(uint64_t))};
	return tallied->keys ? 0 : -ENOMEM;
}

void stress_tallied_done(struct stress_tallied *tallied)
{
	free(tallied->keys);
	*tallied = (struct stress_tallied){};
}

static uint64_t scramble(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t key_of_op(const struct stress_op *op)
{
	return scramble(op->seq << 16 ^ op->worker);
}

/* Writes that mixed: all of them, in any order. One that got lost: that one. */
static uint64_t key_of(const struct stress_evidence *evidence)
{
	uint64_t key = (uint64_t)evidence->kind + 1;

	if (evidence->kind == STRESS_LOST_WRITE && evidence->ops_len > 1) {
		key ^= key_of_op(&evidence->ops[1]);
	} else if (evidence->kind == STRESS_MIXED_WRITE) {
		for (size_t i = 0; i < evidence->pairs_len; i++)
			key ^= scramble(key_of_op(&evidence->ops[evidence->pairs[i].a]) +
					key_of_op(&evidence->ops[evidence->pairs[i].b]));
	} else {
		for (size_t i = 0; i < evidence->runs_len; i++) {
			if (evidence->runs[i].op == STRESS_RUN_BROKEN)
				return scramble(key ^ evidence->runs[i].range.start << 8) | 1;
		}
	}
	return scramble(key) | 1;
}

bool stress_tallied_is_new(struct stress_tallied *tallied, const struct stress_evidence *evidence)
{
	uint64_t key = key_of(evidence);
	size_t at = (size_t)(key >> 1) % (2 * TALLIED_MAX);

	if (evidence->kind == STRESS_TORN_READ)
		return true;
	for (; tallied->keys[at]; at = (at + 1) % (2 * TALLIED_MAX)) {
		if (tallied->keys[at] == key)
			return false;
	}
	if (tallied->len == TALLIED_MAX)
		return false;
	tallied->keys[at] = key;
	tallied->len++;
	return true;
}
