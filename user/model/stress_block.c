// SPDX-License-Identifier: GPL-2.0
#include "model/stress_block.h"

#include <string.h>

#define STAMP_WORDS (sizeof(struct stress_stamp) / sizeof(uint64_t))

/* The finalizer of splitmix64: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static uint64_t stamp_check(const struct stress_stamp *stamp)
{
	const uint64_t fields[] = {stamp->run,	  stamp->seq,	   stamp->start, stamp->len,
				   stamp->offset, stamp->begin_ns, stamp->writer};
	uint64_t check = 0x696f726163652f31ULL;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		check = mix(check ^ fields[i]);
	return check;
}

/*
 * Words differ from their neighbours and between ops, and cost one addition: filling and checking
 * must not be slower than the IO it is there to hurry.
 */
static void put_unit(uint64_t *words, const struct stress_stamp *op, uint64_t offset)
{
	struct stress_stamp stamp = *op;
	uint64_t word;

	stamp.offset = offset;
	stamp.check = stamp_check(&stamp);
	memcpy(words, &stamp, sizeof(stamp));
	word = stamp.check;
	for (size_t i = STAMP_WORDS; i < STRESS_UNIT_WORDS; i++)
		words[i] = word += 0x9e3779b97f4a7c15ULL;
}

void stress_block_fill(void *block, const struct stress_stamp *op, uint64_t offset, uint64_t len)
{
	for (uint64_t at = 0; at < len; at += STRESS_UNIT_BYTES)
		put_unit((uint64_t *)((char *)block + at), op, offset + at);
}

void stress_unit_expect(const struct stress_stamp *op, uint64_t offset, struct stress_words *ret)
{
	put_unit(ret->words, op, offset);
}

static bool is_zero(const uint64_t *words)
{
	uint64_t any = 0;

	for (size_t i = 0; i < STRESS_UNIT_WORDS; i++)
		any |= words[i];
	return any == 0;
}

static bool belongs_at(const struct stress_stamp *stamp, uint64_t at)
{
	if (stamp->offset >= stamp->len)
		return false;
	if (stamp->start == STRESS_START_UNKNOWN)
		return at >= stamp->offset;
	return stamp->start + stamp->offset == at;
}

enum stress_unit_state stress_unit_read(const void *unit, uint64_t run, uint64_t at,
					struct stress_stamp *ret)
{
	const uint64_t *words = unit;
	struct stress_stamp stamp;
	uint64_t wrong = 0, word;

	memcpy(&stamp, unit, sizeof(stamp));
	if (stamp.check == 0 && is_zero(words))
		return STRESS_UNIT_NOTHING;
	if (stamp.run != run || stamp.check != stamp_check(&stamp) || !belongs_at(&stamp, at))
		return STRESS_UNIT_BROKEN;
	word = stamp.check;
	for (size_t i = STAMP_WORDS; i < STRESS_UNIT_WORDS; i++)
		wrong |= words[i] ^ (word += 0x9e3779b97f4a7c15ULL);
	if (wrong)
		return STRESS_UNIT_BROKEN;
	*ret = stamp;
	return STRESS_UNIT_WHOLE;
}

bool stress_unit_shows(const void *unit, const struct stress_words *candidate)
{
	const size_t first = offsetof(struct stress_stamp, check) / sizeof(uint64_t);
	const uint64_t *words = unit;
	bool shows = false;

	for (size_t i = first; i < STRESS_UNIT_WORDS; i++)
		shows |= words[i] == candidate->words[i];
	return shows;
}

/* A bit for each candidate whose word it could be. */
static uint64_t word_candidates(uint64_t word, size_t index, const struct stress_words *candidates,
				size_t len)
{
	uint64_t could = 0;

	for (size_t i = 0; i < len; i++) {
		if (candidates[i].words[index] == word)
			could |= 1ULL << i;
	}
	return could;
}

bool stress_unit_explain(const void *unit, const struct stress_words *candidates, size_t len,
			 uint64_t *ret_took_part)
{
	const uint64_t *words = unit;
	uint64_t took_part = 0;

	for (size_t i = 0; i < STRESS_UNIT_WORDS; i++) {
		uint64_t could = word_candidates(words[i], i, candidates, len);

		if (!could)
			return false;
		if ((could & (could - 1)) == 0)
			took_part |= could;
	}
	*ret_took_part = took_part;
	return true;
}
