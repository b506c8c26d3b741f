// SPDX-License-Identifier: GPL-2.0
/* A range lock as it is named, as its types are read, and as it is reckoned with. */
#include "live/range_lock_type.h"

#include <bpf/btf.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "unit.h"

/* ---- words ----------------------------------------------------------------------------------- */

static void least_that_is_needed_is_taken_as_it_stands(void **state)
{
	struct range_lock_spec spec;
	struct reason why = {};

	(void)state;
	assert_int_equal(range_lock_parse("acquire=a_lock,release=a_unlock", &spec, &why), 0);
	assert_int_equal(spec.functions_len, 2);
	assert_string_equal(spec.functions[0].name, "a_lock");
	assert_int_equal(spec.functions[0].role, IOR_RANGE_LOCK_ACQUIRE);
	assert_int_equal(spec.functions[1].role, IOR_RANGE_LOCK_RELEASE);
	assert_string_equal(spec.name, "a_lock");
	assert_false(spec.inside);
	assert_int_equal(spec.start.place, RANGE_LOCK_BY_TYPE);
	assert_int_equal(spec.attach, RANGE_LOCK_ATTACH_BEST);
}

static void every_key_says_something(void **state)
{
	struct range_lock_spec spec;
	struct reason why = {};

	(void)state;
	assert_int_equal(range_lock_parse("acquire=a,acquire-shared=s,trylock=t,trylock-shared=u,"
					  "release=r,release=r2,where=inside,lock=arg3,tree=none,"
					  "range=node.start..=+24,unit=pages,shared=arg5:0x10,"
					  "try-fails=negative,attach=kprobe,name=my lock",
					  &spec, &why),
			 0);
	assert_int_equal(spec.functions_len, 6);
	assert_true(spec.inside);
	assert_int_equal(spec.lock.arg, 2);
	assert_int_equal(spec.tree.place, RANGE_LOCK_NOWHERE);
	assert_int_equal(spec.start.place, RANGE_LOCK_IN_MEMBER);
	assert_string_equal(spec.start.member, "node.start");
	assert_int_equal(spec.end.place, RANGE_LOCK_AT_OFFSET);
	assert_int_equal(spec.end.offset, 24);
	assert_true(spec.inclusive);
	assert_int_equal(spec.shift, 12);
	assert_int_equal(spec.shared.arg, 4);
	assert_int_equal(spec.shared_value, 16);
	assert_true(spec.tries_fail_negative);
	assert_int_equal(spec.attach, RANGE_LOCK_ATTACH_KPROBE);
	assert_string_equal(spec.name, "my lock");
}

static void wrong_words_are_named(void **state)
{
	static const struct {
		const char *words, *says;
	} cases[] = {
		{"", "acquire=FUNC is missing"},
		{"acquire=a", "release=FUNC is missing"},
		{"release=r", "acquire=FUNC is missing"},
		{"acquire", "\"acquire\" is no KEY=VALUE"},
		{"xfs_range_lock", "acquire=FUNC,release=FUNC is the least"},
		{"aquire=a,release=r", "\"aquire\" is no key"},
		{"acquire=,release=r", "acquire=: the name of a kernel function"},
		{"acquire=a b,release=r", "acquire=a b: the name of a kernel function"},
		{"acquire=1a,release=r", "the name of a kernel function"},
		{"acquire=a,acquire=a,release=r", "acquire=a: given twice"},
		{"acquire=a,release=r,where=here", "where=here: outside or inside"},
		{"acquire=a,release=r,lock=2", "lock=2: arg1 to arg6 or none"},
		{"acquire=a,release=r,lock=arg7", "lock=arg7: arg1 to arg6 or none"},
		{"acquire=a,release=r,lock=arg0", "lock=arg0: arg1 to arg6 or none"},
		{"acquire=a,release=r,range=start", "START..END"},
		{"acquire=a,release=r,range=..end", "START..END"},
		{"acquire=a,release=r,range=start..", "START..END"},
		{"acquire=a,release=r,range=a...b", "START..END"},
		{"acquire=a,release=r,range=+x..+8", "START..END"},
		{"acquire=a,release=r,range=+70000..+8", "START..END"},
		{"acquire=a,release=r,unit=blocks", "unit=blocks: bytes or pages"},
		{"acquire=a,release=r,shared=arg5", "WHERE:VALUE"},
		{"acquire=a,release=r,shared=arg5:x", "WHERE:VALUE"},
		{"acquire=a,release=r,attach=tp", "attach=tp: best or fentry or kprobe"},
		{"preset=linus", "no such preset; --range-lock help"},
		{"acquire=a,release=r,lock=none,range=start..end", "nothing to have members"},
		{"acquire=a,release=r,lock=none,range=none", "not both"},
		{"acquire=a,release=r,name=", "name=: 1 to 63 bytes"},
		{"acquire=a,acquire=b,acquire=c,acquire=d,acquire=e,acquire=f,acquire=g,acquire=h,"
		 "release=r",
		 "at most 8 functions"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range_lock_spec spec;
		struct reason why = {};

		assert_int_equal(range_lock_parse(cases[i].words, &spec, &why), -EINVAL);
		if (!strstr(why.text, cases[i].says))
			fail_msg("\"%s\" says: %s", cases[i].words, why.text);
	}
}

static void presets_have_what_was_published(void **state)
{
	static const struct {
		const char *preset;
		size_t functions;
		const char *acquire, *start, *end;
		bool inclusive;
		uint8_t shift;
	} cases[] = {
		{"preset=generic", 3, "range_lock", "", "", false, 0},
		{"preset=kara", 2, "range_lock", "node.start", "node.last", true, 12},
		{"preset=bueso", 8, "range_write_lock", "node.start", "node.last", true, 0},
		{"preset=lustre", 2, "range_lock", "rl_start", "rl_last", true, 0},
		{"preset=chinner", 4, "range_lock_write", "start", "end", false, 0},
		{"preset=fuse", 3, "fuse_range_lock_acquire_init", "", "", true, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct range_lock_spec spec;
		struct reason why = {};

		assert_int_equal(range_lock_parse(cases[i].preset, &spec, &why), 0);
		assert_int_equal(spec.functions_len, cases[i].functions);
		assert_string_equal(spec.functions[0].name, cases[i].acquire);
		assert_true(spec.functions[0].optional);
		assert_string_equal(spec.start.member, cases[i].start);
		assert_string_equal(spec.end.member, cases[i].end);
		assert_int_equal(spec.inclusive, cases[i].inclusive);
		assert_int_equal(spec.shift, cases[i].shift);
	}
}

static void words_behind_a_preset_win(void **state)
{
	struct range_lock_spec spec;
	struct reason why = {};

	(void)state;
	assert_int_equal(range_lock_parse("preset=bueso,acquire=my_lock,unit=pages,"
					  "range=start..end",
					  &spec, &why),
			 0);
	assert_int_equal(spec.functions_len, 7); /* two were of that role */
	assert_string_equal(spec.functions[6].name, "my_lock");
	assert_false(spec.functions[6].optional);
	assert_string_equal(spec.start.member, "start");
	assert_false(spec.inclusive);
	assert_int_equal(spec.shift, 12);
}

static void help_names_every_preset_and_its_source(void **state)
{
	static const char *const words[] = {"kara",	   "bueso",	   "lustre",
					    "chinner",	   "fuse",	   "generic",
					    "31 Jan 2013", "not verified", "where=outside|inside"};
	_cleanup_(buf_done) struct buf out = {};

	(void)state;
	assert_int_equal(range_lock_help(&out), 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_non_null(strstr(buf_text(&out), words[i]));
}

/* ---- types ----------------------------------------------------------------------------------- */

/*
 * struct tree; struct a_lock { u64 t; struct { u32 mode; }; struct node { u64 start, last; }; }
 * and functions of all three shapes.
 */
struct types {
	struct btf *btf;
	int u64, u32, boolean, s32, tree, lock;
};

static int pointer_to(struct types *t, int id)
{
	return btf__add_ptr(t->btf, id);
}

static void add_lock(struct types *t)
{
	int node = btf__add_struct(t->btf, "node", 16), inner;

	btf__add_field(t->btf, "start", t->u64, 0, 0);
	btf__add_field(t->btf, "last", t->u64, 64, 0);
	inner = btf__add_struct(t->btf, NULL, 8);
	btf__add_field(t->btf, "mode", t->u32, 32, 0);
	t->lock = btf__add_struct(t->btf, "a_lock", 32);
	btf__add_field(t->btf, "t", t->u64, 0, 0);
	btf__add_field(t->btf, NULL, inner, 64, 0);
	btf__add_field(t->btf, "node", node, 128, 0);
}

static struct types types_new(void)
{
	struct types t = {.btf = btf__new_empty()};

	assert_non_null(t.btf);
	t.u64 = btf__add_int(t.btf, "unsigned long", 8, 0);
	t.u32 = btf__add_int(t.btf, "unsigned int", 4, 0);
	t.s32 = btf__add_int(t.btf, "int", 4, BTF_INT_SIGNED);
	t.boolean = btf__add_int(t.btf, "_Bool", 1, BTF_INT_BOOL);
	t.tree = btf__add_struct(t.btf, "tree", 8);
	btf__add_field(t.btf, "root", t.u64, 0, 0);
	add_lock(&t);
	return t;
}

static int function(struct types *t, int ret, const int *args, size_t len, const char *last_name)
{
	int proto = btf__add_func_proto(t->btf, ret);

	for (size_t i = 0; i < len; i++)
		btf__add_func_param(t->btf, i == len - 1 ? last_name : "a", args[i]);
	return btf__add_func(t->btf, "f", BTF_FUNC_GLOBAL, proto);
}

static struct ior_range_lock_function read_it(struct types *t, const char *words, int id,
					      size_t which)
{
	struct ior_range_lock_function ret = {};
	struct range_lock_spec spec;
	struct reason why = {};

	assert_int_equal(range_lock_parse(words, &spec, &why), 0);
	if (range_lock_read_type(&spec, &spec.functions[which], t->btf, id, &ret, &why) < 0)
		fail_msg("%s: %s", words, why.text);
	return ret;
}

#define LEAST "acquire=f,release=r"

static void a_lock_object_has_its_range_where_its_type_says(void **state)
{
	struct types t = types_new();
	const int args[] = {pointer_to(&t, t.tree), pointer_to(&t, t.lock)};
	int id = function(&t, 0, args, 2, "lock");
	struct ior_range_lock_function f = read_it(&t, LEAST, id, 0);

	(void)state;
	assert_int_equal(f.lock_arg, 1);
	assert_int_equal(f.tree_arg, 0);
	assert_int_equal(f.fails, IOR_FAILS_NEVER);
	assert_int_equal(f.start.from, IOR_FROM_LOCK);
	assert_int_equal(f.start.offset, 16);
	assert_int_equal(f.end.offset, 24);
	assert_int_equal(f.end.bytes, 8);
	assert_true(f.inclusive);
	f = read_it(&t, LEAST ",range=+4..+8,unit=pages,shared=mode:2", id, 0);
	assert_int_equal(f.start.offset, 4);
	assert_false(f.inclusive);
	assert_int_equal(f.shift, 12);
	assert_int_equal(f.shared.offset, 12); /* in an anonymous struct */
	assert_int_equal(f.shared.bytes, 4);
	f = read_it(&t, LEAST, id, 1);
	assert_int_equal(f.start.from, IOR_FROM_NOWHERE); /* released: the object is enough */
	assert_int_equal(f.lock_arg, 1);
	btf__free(t.btf);
}

static void a_range_among_the_arguments_is_found(void **state)
{
	struct types t = types_new();
	const int b[] = {pointer_to(&t, t.tree), pointer_to(&t, t.lock), t.u64, t.u64, t.u32};
	const int c[] = {pointer_to(&t, t.tree), t.u64, t.u64};
	struct ior_range_lock_function f;

	(void)state;
	f = read_it(&t, LEAST, function(&t, t.s32, b, 5, "mode"), 0);
	assert_int_equal(f.start.from, IOR_FROM_ARG);
	assert_int_equal(f.start.arg, 2);
	assert_int_equal(f.end.arg, 3);
	assert_int_equal(f.lock_arg, 1);
	assert_false(f.inclusive);
	assert_int_equal(f.fails, IOR_FAILS_NEGATIVE);
	f = read_it(&t, LEAST, function(&t, 0, c, 3, "last"), 0);
	assert_int_equal(f.lock_arg, IOR_RANGE_LOCK_NO_ARG);
	assert_int_equal(f.start.arg, 1);
	assert_true(f.inclusive); /* by its name */
	f = read_it(&t, LEAST, function(&t, 0, c, 3, "last"), 1);
	assert_int_equal(f.start.arg, 1); /* released by its range */
	btf__free(t.btf);
}

static void failure_is_what_the_return_type_says(void **state)
{
	struct types t = types_new();
	const int args[] = {pointer_to(&t, t.tree), pointer_to(&t, t.lock)};
	const char *tries = "trylock=f,release=r";

	(void)state;
	assert_int_equal(read_it(&t, LEAST, function(&t, t.boolean, args, 2, "l"), 0).fails,
			 IOR_FAILS_ZERO);
	assert_int_equal(read_it(&t, tries, function(&t, t.s32, args, 2, "l"), 0).fails,
			 IOR_FAILS_ZERO);
	assert_int_equal(read_it(&t, "trylock=f,release=r,try-fails=negative",
				 function(&t, t.s32, args, 2, "l"), 0)
				 .fails,
			 IOR_FAILS_NEGATIVE);
	btf__free(t.btf);
}

static void what_the_type_has_not_is_refused(void **state)
{
	struct types t = types_new();
	const int a[] = {pointer_to(&t, t.tree), pointer_to(&t, t.lock)};
	const int none[] = {t.u32, t.u32};
	const struct {
		const char *words;
		int id;
		const char *says;
	} cases[] = {
		{LEAST ",range=start..end", function(&t, 0, a, 2, "l"),
		 "struct a_lock has no number \"start\""},
		{LEAST ",range=node..node.last", function(&t, 0, a, 2, "l"),
		 "struct a_lock has no number \"node\""},
		{LEAST ",lock=arg3", function(&t, 0, a, 2, "l"), "no such argument"},
		{LEAST ",shared=arg4:1", function(&t, 0, a, 2, "l"), "no such argument"},
		{LEAST, function(&t, 0, none, 2, "l"), "neither a lock object nor a range"},
		{LEAST ",range=start..end", 0, "give offsets"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ior_range_lock_function ret;
		struct range_lock_spec spec;
		struct reason why = {};
		int r = range_lock_parse(cases[i].words, &spec, &why);

		if (!r)
			r = range_lock_read_type(&spec, &spec.functions[0],
						 cases[i].id ? t.btf : NULL, cases[i].id, &ret,
						 &why);
		assert_int_equal(r, -EINVAL);
		if (!strstr(why.text, cases[i].says))
			fail_msg("case %zu says: %s", i, why.text);
	}
	btf__free(t.btf);
}

static void without_types_all_is_as_the_user_says(void **state)
{
	struct types none = {};
	struct ior_range_lock_function f = read_it(&none, LEAST ",range=+16..+24", 0, 0);

	(void)state;
	assert_int_equal(f.lock_arg, 1);
	assert_int_equal(f.tree_arg, 0);
	assert_int_equal(f.start.offset, 16);
	assert_int_equal(f.end.offset, 24);
	assert_int_equal(f.fails, IOR_FAILS_NEVER);
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

static void a_range_in_units_is_one_of_bytes(void **state)
{
	static const struct {
		uint64_t start, end;
		bool inclusive;
		uint8_t shift;
		struct ior_range want;
	} cases[] = {
		{4096, 8192, false, 0, {4096, 8192}},
		{4096, 8191, true, 0, {4096, 8192}},
		{1, 1, true, 12, {4096, 8192}},
		{1, 2, false, 12, {4096, 8192}},
		{0, UINT64_MAX, true, 0, {0, UINT64_MAX}},
		{0, UINT64_MAX, true, 12, {0, UINT64_MAX}},
		{0, UINT64_MAX, false, 12, {0, UINT64_MAX}},
		{0, 1ULL << 52, false, 12, {0, UINT64_MAX}},
		{7, 7, false, 0, {7, 7}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ior_range range = ior_range_lock_range(cases[i].start, cases[i].end,
							      cases[i].inclusive, cases[i].shift);

		if (range.start != cases[i].want.start || range.end != cases[i].want.end)
			fail_msg("case %zu", i);
	}
}

#define HELD (IOR_RLF_HELD | IOR_RLF_KNOWS_RANGE)

static const struct {
	const char *situation;
	struct ior_range_lock_held a, b;
	bool exclude;
	enum ior_slip slip;
} exclusions[] = {
	{"the same", {{0, 8}, 1, 0, HELD, 0}, {{0, 8}, 1, 0, HELD, 0}, true, IOR_SLIP_BOTH},
	{"a byte in common", {{0, 8}, 1, 0, HELD, 0}, {{7, 9}, 1, 0, HELD, 0}, true, IOR_SLIP_BOTH},
	{"a byte too short",
	 {{0, 7}, 1, 0, HELD, 0},
	 {{7, 9}, 1, 0, HELD, 0},
	 false,
	 IOR_SLIP_APART},
	{"two trees", {{0, 8}, 1, 0, HELD, 0}, {{0, 8}, 2, 0, HELD, 0}, false, IOR_SLIP_APART},
	{"one shared",
	 {{0, 8}, 1, 0, HELD | IOR_RLF_SHARED, 0},
	 {{0, 8}, 1, 0, HELD, 0},
	 true,
	 IOR_SLIP_BOTH},
	{"both shared",
	 {{0, 8}, 1, 0, HELD | IOR_RLF_SHARED, 0},
	 {{0, 8}, 1, 0, HELD | IOR_RLF_SHARED, 0},
	 false,
	 IOR_SLIP_APART},
	{"one not held",
	 {{0, 8}, 1, 0, HELD, 0},
	 {{0, 8}, 1, 0, IOR_RLF_KNOWS_RANGE, 0},
	 false,
	 IOR_SLIP_ONE},
	{"one released early",
	 {{0, 8}, 1, 0, HELD, 0},
	 {{0, 8}, 1, 0, IOR_RLF_KNOWS_RANGE | IOR_RLF_EARLY, 0},
	 false,
	 IOR_SLIP_BOTH},
	{"a range unknown",
	 {{0, 8}, 1, 0, HELD, 0},
	 {{0, 0}, 1, 0, IOR_RLF_HELD, 0},
	 false,
	 IOR_SLIP_APART},
	{"an empty range", {{0, 8}, 1, 0, HELD, 0}, {{4, 4}, 1, 0, HELD, 0}, false, IOR_SLIP_APART},
	{"none held", {{0, 8}, 1, 0, 0, 0}, {{0, 8}, 1, 0, 0, 0}, false, IOR_SLIP_NONE},
};

static void locks_exclude_each_other_by_what_is_held(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(exclusions); i++) {
		if (ior_range_locks_exclude(&exclusions[i].a, &exclusions[i].b) !=
			    exclusions[i].exclude ||
		    ior_range_locks_exclude(&exclusions[i].b, &exclusions[i].a) !=
			    exclusions[i].exclude ||
		    ior_range_locks_slip(&exclusions[i].a, &exclusions[i].b) !=
			    exclusions[i].slip ||
		    ior_range_locks_slip(&exclusions[i].b, &exclusions[i].a) != exclusions[i].slip)
			fail_msg("%s", exclusions[i].situation);
	}
}

static void a_wait_goes_to_the_bucket_of_its_length(void **state)
{
	(void)state;
	assert_int_equal(ior_wait_bucket(0), 0);
	assert_int_equal(ior_wait_bucket(1), 0);
	for (unsigned int bit = 1; bit < 64; bit++) {
		unsigned int want = bit < IOR_WAIT_BUCKETS ? bit : IOR_WAIT_BUCKETS - 1;

		assert_int_equal(ior_wait_bucket(1ULL << bit), want);
		assert_int_equal(ior_wait_bucket((2ULL << bit) - 1), want);
	}
}

static void a_return_value_says_whether_it_was_acquired(void **state)
{
	(void)state;
	assert_true(ior_range_lock_has_failed(IOR_FAILS_ZERO, 0));
	assert_true(
		ior_range_lock_has_failed(IOR_FAILS_ZERO, 0xffff00)); /* above a bool: anything */
	assert_false(ior_range_lock_has_failed(IOR_FAILS_ZERO, 1));
	assert_true(
		ior_range_lock_has_failed(IOR_FAILS_NEGATIVE, 0xfffffffcU)); /* an int, -EINTR */
	assert_false(ior_range_lock_has_failed(IOR_FAILS_NEGATIVE, 0));
	assert_false(ior_range_lock_has_failed(IOR_FAILS_NEVER, -1ULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_that_is_needed_is_taken_as_it_stands),
		cmocka_unit_test(every_key_says_something),
		cmocka_unit_test(wrong_words_are_named),
		cmocka_unit_test(presets_have_what_was_published),
		cmocka_unit_test(words_behind_a_preset_win),
		cmocka_unit_test(help_names_every_preset_and_its_source),
		cmocka_unit_test(a_lock_object_has_its_range_where_its_type_says),
		cmocka_unit_test(a_range_among_the_arguments_is_found),
		cmocka_unit_test(failure_is_what_the_return_type_says),
		cmocka_unit_test(what_the_type_has_not_is_refused),
		cmocka_unit_test(without_types_all_is_as_the_user_says),
		cmocka_unit_test(a_range_in_units_is_one_of_bytes),
		cmocka_unit_test(locks_exclude_each_other_by_what_is_held),
		cmocka_unit_test(a_wait_goes_to_the_bucket_of_its_length),
		cmocka_unit_test(a_return_value_says_whether_it_was_acquired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
