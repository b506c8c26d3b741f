// SPDX-License-Identifier: GPL-2.0
#include "model/stress_block.h"

#include <string.h>

#include "unit.h"

#define RUN 0x1122334455667788ULL
#define UNITS 8
#define LEN (UNITS * STRESS_UNIT_BYTES)

static const struct stress_stamp first = {
	.run = RUN, .seq = 7, .start = 65536, .len = LEN, .begin_ns = 1000, .writer = 1};
static const struct stress_stamp second = {
	.run = RUN, .seq = 3, .start = 65536, .len = LEN, .begin_ns = 1001, .writer = 2};

static _Alignas(512) unsigned char block[LEN], other[LEN];

static unsigned char *unit_of(unsigned char *from, unsigned int index)
{
	return from + index * STRESS_UNIT_BYTES;
}

static void written_block_is_whole_and_says_who(void **state)
{
	struct stress_stamp stamp;

	(void)state;
	stress_block_fill(block, &first, 0, LEN);
	for (unsigned int i = 0; i < UNITS; i++) {
		assert_int_equal(stress_unit_read(unit_of(block, i), RUN,
						  first.start + i * STRESS_UNIT_BYTES, &stamp),
				 STRESS_UNIT_WHOLE);
		assert_int_equal(stamp.writer, first.writer);
		assert_int_equal(stamp.seq, first.seq);
		assert_int_equal(stamp.start, first.start);
		assert_int_equal(stamp.len, first.len);
		assert_int_equal(stamp.begin_ns, first.begin_ns);
		assert_int_equal(stamp.offset, i * STRESS_UNIT_BYTES);
	}
}

static void part_of_a_block_is_as_in_the_whole(void **state)
{
	(void)state;
	stress_block_fill(block, &first, 0, LEN);
	stress_block_fill(other, &first, 3 * STRESS_UNIT_BYTES, STRESS_UNIT_BYTES);
	assert_memory_equal(other, unit_of(block, 3), STRESS_UNIT_BYTES);
}

static void zeros_are_nothing(void **state)
{
	struct stress_stamp stamp;

	(void)state;
	memset(block, 0, sizeof(block));
	assert_int_equal(stress_unit_read(block, RUN, 0, &stamp), STRESS_UNIT_NOTHING);
	block[STRESS_UNIT_BYTES - 1] = 1;
	assert_int_equal(stress_unit_read(block, RUN, 0, &stamp), STRESS_UNIT_BROKEN);
}

static void unit_at_another_place_is_broken(void **state)
{
	struct stress_stamp stamp;

	(void)state;
	stress_block_fill(block, &first, 0, LEN);
	assert_int_equal(stress_unit_read(block, RUN, first.start + STRESS_UNIT_BYTES, &stamp),
			 STRESS_UNIT_BROKEN);
}

static void unit_of_another_run_is_broken(void **state)
{
	struct stress_stamp stamp;

	(void)state;
	stress_block_fill(block, &first, 0, LEN);
	assert_int_equal(stress_unit_read(block, RUN + 1, first.start, &stamp), STRESS_UNIT_BROKEN);
}

static void append_is_whole_wherever_it_landed(void **state)
{
	struct stress_stamp append = first, stamp;

	(void)state;
	append.start = STRESS_START_UNKNOWN;
	stress_block_fill(block, &append, 0, LEN);
	assert_int_equal(stress_unit_read(unit_of(block, 2), RUN, 1 << 20, &stamp),
			 STRESS_UNIT_WHOLE);
	assert_int_equal(stamp.offset, 2 * STRESS_UNIT_BYTES);
	assert_int_equal(stress_unit_read(unit_of(block, 2), RUN, STRESS_UNIT_BYTES, &stamp),
			 STRESS_UNIT_BROKEN);
}

/* Every single byte matters, and so does every word that comes from elsewhere. */
static void unit_with_one_foreign_byte_is_broken(void **state)
{
	struct stress_stamp stamp;

	(void)state;
	stress_block_fill(block, &first, 0, LEN);
	for (unsigned int byte = 0; byte < STRESS_UNIT_BYTES; byte++) {
		block[byte] ^= 0x40;
		assert_int_equal(stress_unit_read(block, RUN, first.start, &stamp),
				 STRESS_UNIT_BROKEN);
		block[byte] ^= 0x40;
	}
	assert_int_equal(stress_unit_read(block, RUN, first.start, &stamp), STRESS_UNIT_WHOLE);
}

static void unit_mixed_at_any_word_is_broken_and_explained(void **state)
{
	struct stress_words candidates[3];
	struct stress_stamp third = first, stamp;
	uint64_t took_part;

	(void)state;
	third.seq++;
	stress_unit_expect(&first, 0, &candidates[0]);
	stress_unit_expect(&third, 0, &candidates[1]);
	stress_unit_expect(&second, 0, &candidates[2]);
	stress_block_fill(other, &second, 0, LEN);
	for (unsigned int bytes = 8; bytes < STRESS_UNIT_BYTES; bytes += 8) {
		/* `run`, the first word, is the same in all. */
		if (bytes == 8)
			continue;
		stress_block_fill(block, &second, 0, LEN);
		stress_block_fill(other, &first, 0, LEN);
		memcpy(block, other, bytes);
		assert_int_equal(stress_unit_read(block, RUN, first.start, &stamp),
				 STRESS_UNIT_BROKEN);
		assert_true(stress_unit_explain(block, candidates, 3, &took_part));
		assert_int_equal(took_part, 1 << 0 | 1 << 2);
	}
}

static void word_that_nobody_wrote_is_not_explained(void **state)
{
	struct stress_words candidates[2];
	uint64_t took_part;

	(void)state;
	stress_unit_expect(&first, 0, &candidates[0]);
	stress_unit_expect(&second, 0, &candidates[1]);
	stress_block_fill(block, &first, 0, LEN);
	block[300] ^= 1;
	assert_false(stress_unit_explain(block, candidates, 2, &took_part));
}

static void mix_with_zeros_is_explained_by_an_op_that_leaves_nothing(void **state)
{
	struct stress_words candidates[2] = {};
	uint64_t took_part;

	(void)state;
	stress_unit_expect(&first, 0, &candidates[1]);
	stress_block_fill(block, &first, 0, LEN);
	memset(block + 256, 0, 256);
	assert_true(stress_unit_explain(block, candidates, 2, &took_part));
	assert_int_equal(took_part, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_block_is_whole_and_says_who),
		cmocka_unit_test(part_of_a_block_is_as_in_the_whole),
		cmocka_unit_test(zeros_are_nothing),
		cmocka_unit_test(unit_at_another_place_is_broken),
		cmocka_unit_test(unit_of_another_run_is_broken),
		cmocka_unit_test(append_is_whole_wherever_it_landed),
		cmocka_unit_test(unit_with_one_foreign_byte_is_broken),
		cmocka_unit_test(unit_mixed_at_any_word_is_broken_and_explained),
		cmocka_unit_test(word_that_nobody_wrote_is_not_explained),
		cmocka_unit_test(mix_with_zeros_is_explained_by_an_op_that_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
