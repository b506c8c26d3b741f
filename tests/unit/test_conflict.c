// SPDX-License-Identifier: GPL-2.0
#include "model/conflict.h"

#include <string.h>

#include "base/macro.h"
#include "unit.h"

static const struct ior_file file = {.ino = 17, .dev = 8 << 20 | 1, .magic = IOR_MAGIC_XFS};

static struct ior_op op(const char *comm, __u8 kind, __u64 start, __u64 end)
{
	struct ior_op made = {
		.kind = kind,
		.mode = IOR_MODE_DIRECT,
		.range = {start, end},
		.lock = {IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	};

	assert_true(strlen(comm) < sizeof(made.comm));
	memcpy(made.comm, comm, strlen(comm));
	return made;
}

static void key_is_the_same_either_way_round(void **state)
{
	struct ior_op a = op("writer", IOR_OP_WRITE, 0, 10), b = op("reader", IOR_OP_READ, 5, 9);
	struct ior_finding_key ab = finding_key_of(&file, &a, &b);
	struct ior_finding_key ba = finding_key_of(&file, &b, &a);

	(void)state;
	assert_memory_equal(&ab, &ba, sizeof(ab));
	assert_string_equal(ab.sides[0].comm, "reader");
	assert_int_equal(ab.sides[0].kind, IOR_OP_READ);
}

static void key_ignores_where_when_and_which_thread(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 10), b = op("b", IOR_OP_WRITE, 5, 9);
	struct ior_finding_key before = finding_key_of(&file, &a, &b), after;

	(void)state;
	a.range = (struct ior_range){1 << 20, 2 << 20};
	a.begin_ns = 99;
	a.pid = a.tid = 4711;
	a.lock.self = IOR_SELF_YES;
	after = finding_key_of(&file, &a, &b);
	assert_memory_equal(&before, &after, sizeof(before));
}

/* task->comm was "longer-name" once; the kernel overwrites no more than the new name needs. */
static void key_ignores_what_stands_behind_the_name(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 10), b = op("b", IOR_OP_WRITE, 5, 9);
	struct ior_finding_key clean = finding_key_of(&file, &a, &b), dirty;

	(void)state;
	memcpy(a.comm, "a\0nger-name", 11);
	dirty = finding_key_of(&file, &a, &b);
	assert_memory_equal(&clean, &dirty, sizeof(clean));
}

static void kernel_key_in_any_order_becomes_normal(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 10), b = op("b", IOR_OP_READ, 5, 9);
	struct ior_finding_key want = finding_key_of(&file, &a, &b), key = want;

	(void)state;
	key.sides[0] = want.sides[1];
	key.sides[1] = want.sides[0];
	key.sides[0].pad[0] = 1;
	finding_key_normalize(&key);
	assert_memory_equal(&key, &want, sizeof(key));
}

/* Written down, so that it cannot change unnoticed: people keep fingerprints. */
static void fingerprint_stays_what_it_was(void **state)
{
	struct ior_op a = op("fio", IOR_OP_WRITE, 0, 10), b = op("postgres", IOR_OP_WRITE, 5, 9);
	struct ior_finding_key key = finding_key_of(&file, &a, &b);

	(void)state;
	assert_int_equal(conflict_fingerprint(&key, "/data/base"), 0x250ee216b9bc37b3ULL);
	assert_int_equal(conflict_fingerprint(&key, NULL), 0xcbb428755a1acae0ULL);
}

static void fingerprint_of_a_path_does_not_hang_on_the_machine(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 10), b = op("b", IOR_OP_WRITE, 5, 9);
	struct ior_file elsewhere = {.ino = 99, .dev = 7, .generation = 3};
	struct ior_finding_key here = finding_key_of(&file, &a, &b);
	struct ior_finding_key there = finding_key_of(&elsewhere, &a, &b);

	(void)state;
	assert_true(conflict_fingerprint(&here, "/x") == conflict_fingerprint(&there, "/x"));
	assert_true(conflict_fingerprint(&here, NULL) != conflict_fingerprint(&there, NULL));
}

static void fingerprint_tells_every_part_apart(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 10), b = op("b", IOR_OP_WRITE, 5, 9);
	struct ior_finding_key keys[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		keys[i] = finding_key_of(&file, &a, &b);
	keys[1].sides[0].kind = IOR_OP_READ;
	keys[2].sides[1].mode = IOR_MODE_DAX;
	keys[3].sides[0].lock = IOR_LOCK_NONE;
	keys[4].sides[1].comm[0] = 'c';
	/* "a" "b" against "ab" "": the border between texts counts */
	strcpy(keys[5].sides[0].comm, "ab");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		for (size_t j = 0; j < i; j++)
			assert_true(conflict_fingerprint(&keys[i], "/x") !=
				    conflict_fingerprint(&keys[j], "/x"));
	}
}

static void traits_come_from_the_definition(void **state)
{
	struct ior_op a = op("a", IOR_OP_WRITE, 0, 8192), b = op("b", IOR_OP_READ, 4096, 8192);
	struct conflict_traits traits = conflict_traits(&a, &b);

	(void)state;
	assert_string_equal(traits.kind, "read/write");
	assert_int_equal(traits.shape, IOR_SHAPE_NESTED);
	assert_int_equal(traits.tear, IOR_TEAR_POSSIBLE);
	assert_true(traits.overlap.start == 4096 && traits.overlap.end == 8192);
}

static void record_becomes_a_view(void **state)
{
	struct ior_rec_conflict record = {
		.time_ns = 1000,
		.file = file,
		.ops = {op("a", IOR_OP_WRITE, 0, 10), op("b", IOR_OP_READ, 5, 9)},
	};
	struct conflict_view view = conflict_view_of(&record, 3, 500);

	(void)state;
	assert_int_equal(view.id, 3);
	assert_int_equal(view.time_mono_ns, 1000);
	assert_int_equal(view.time_real_ns, 1500);
	assert_string_equal(view.file.fs, "xfs");
	assert_null(view.file.path);
	assert_memory_equal(&view.ops[1].op, &record.ops[1], sizeof(record.ops[1]));
}

static void copy_of_a_view_owns_its_texts(void **state)
{
	char path[] = "/a", symbol[] = "vfs_write", cgroup[] = "/slice";
	struct frame_view frames[] = {{.symbol = symbol, .offset = 4}, {.address = 9}};
	struct conflict_view view = {
		.id = 1,
		.file = {file, path, PATH_OK, "xfs"},
		.ops = {{.cgroup = cgroup, .stack = frames, .stack_len = 2}, {.range_lock = NULL}},
	};
	struct conflict_view *copy = conflict_view_dup(&view);

	(void)state;
	assert_non_null(copy);
	path[1] = symbol[0] = cgroup[1] = '?';
	frames[1].address = 0;
	assert_string_equal(copy->file.path, "/a");
	assert_string_equal(copy->ops[0].cgroup, "/slice");
	assert_int_equal(copy->ops[0].stack_len, 2);
	assert_string_equal(copy->ops[0].stack[0].symbol, "vfs_write");
	assert_null(copy->ops[0].stack[1].symbol);
	assert_int_equal(copy->ops[0].stack[1].address, 9);
	assert_null(copy->ops[1].range_lock);
	assert_null(copy->ops[1].stack);
	conflict_view_free(copy);
	conflict_view_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_the_same_either_way_round),
		cmocka_unit_test(key_ignores_where_when_and_which_thread),
		cmocka_unit_test(key_ignores_what_stands_behind_the_name),
		cmocka_unit_test(kernel_key_in_any_order_becomes_normal),
		cmocka_unit_test(fingerprint_stays_what_it_was),
		cmocka_unit_test(fingerprint_of_a_path_does_not_hang_on_the_machine),
		cmocka_unit_test(fingerprint_tells_every_part_apart),
		cmocka_unit_test(traits_come_from_the_definition),
		cmocka_unit_test(record_becomes_a_view),
		cmocka_unit_test(copy_of_a_view_owns_its_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
