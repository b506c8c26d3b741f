// SPDX-License-Identifier: GPL-2.0
#include "live/range_lock_type.h"

#include "base/err.h"
#include "base/macro.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A function, where it was found. */
struct subject {
	const struct range_lock_spec *spec;
	const struct range_lock_function *function;
	const struct btf *btf;
	const struct btf_type *proto;
	struct reason *why;
};

static int fails(const struct subject *s, int error, const char *what)
{
	return range_lock_fails(s->function, error, what, s->why);
}

int range_lock_fails(const struct range_lock_function *function, int error, const char *what,
		     struct reason *why)
{
	return reason_fail(why, error, "--range-lock %s=%s: %s",
			   range_lock_role_name(function->role), function->name, what);
}

static const struct btf_type *bare_type(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

static const struct btf_type *arg_type(const struct subject *s, unsigned int arg)
{
	return arg < btf_vlen(s->proto) ? bare_type(s->btf, btf_params(s->proto)[arg].type) : NULL;
}

/* What an argument points to, if that has members. */
static const struct btf_type *arg_struct(const struct subject *s, unsigned int arg)
{
	const struct btf_type *type = arg_type(s, arg);

	type = type && btf_is_ptr(type) ? bare_type(s->btf, type->type) : NULL;
	return type && btf_is_composite(type) ? type : NULL;
}

static bool is_long_number(const struct btf_type *type)
{
	return type && btf_is_int(type) && type->size == sizeof(uint64_t);
}

/* Adds up in *offset. Members of anonymous structs and unions are members, too. */
static const struct btf_type *find_member(const struct btf *btf, const struct btf_type *in,
					  const char *name, size_t len, uint32_t *offset)
{
	const struct btf_member *member = btf_members(in);

	for (__u16 i = 0; i < btf_vlen(in); i++, member++) {
		const char *have = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *type = bare_type(btf, member->type), *inner;
		uint32_t within = *offset + btf_member_bit_offset(in, i) / 8;

		if (!type || btf_member_bitfield_size(in, i))
			continue;
		if (strlen(have) == len && !memcmp(have, name, len)) {
			*offset = within;
			return type;
		}
		if (*have || !btf_is_composite(type))
			continue;
		inner = find_member(btf, type, name, len, &within);
		if (inner) {
			*offset = within;
			return inner;
		}
	}
	return NULL;
}

/* "node.start" of the lock object, a number or an enum. */
static bool find_path(const struct btf *btf, const struct btf_type *type, const char *path,
		      struct ior_range_lock_value *ret)
{
	uint32_t offset = 0;

	while (type && *path) {
		size_t len = strcspn(path, ".");

		if (!btf_is_composite(type))
			return false;
		type = find_member(btf, type, path, len, &offset);
		path += len + (path[len] == '.');
	}
	if (!type || !(btf_is_int(type) || btf_is_any_enum(type)) || type->size > 8)
		return false;
	*ret = (struct ior_range_lock_value){
		.from = IOR_FROM_LOCK, .bytes = (uint8_t)type->size, .offset = offset};
	return true;
}

static int read_member(const struct subject *s, const struct range_lock_where *where,
		       unsigned int lock_arg, struct ior_range_lock_value *ret)
{
	const struct btf_type *lock = s->proto ? arg_struct(s, lock_arg) : NULL;
	char what[256];

	if (lock && find_path(s->btf, lock, where->member, ret))
		return 0;
	if (!lock)
		return fails(s, -EINVAL,
			     "the type of its lock object is not known: give offsets, "
			     "range=+16..+24");
	snprintf(what, sizeof(what), "struct %s has no number \"%s\"",
		 btf__name_by_offset(s->btf, lock->name_off), where->member);
	return fails(s, -EINVAL, what);
}

static int read_where(const struct subject *s, const struct range_lock_where *where,
		      unsigned int lock_arg, struct ior_range_lock_value *ret)
{
	const struct btf_type *type;

	switch (where->place) {
	case RANGE_LOCK_BY_TYPE:
	case RANGE_LOCK_NOWHERE:
		*ret = (struct ior_range_lock_value){.from = IOR_FROM_NOWHERE};
		return 0;
	case RANGE_LOCK_IN_ARG:
		type = s->proto ? arg_type(s, where->arg) : NULL;
		if (s->proto && !type)
			return fails(s, -EINVAL, "it has no such argument");
		*ret = (struct ior_range_lock_value){
			.from = IOR_FROM_ARG,
			.arg = (uint8_t)where->arg,
			.bytes = (uint8_t)(type && type->size < 8 && !btf_is_ptr(type) ? type->size
										       : 8)};
		return 0;
	case RANGE_LOCK_AT_OFFSET:
		*ret = (struct ior_range_lock_value){
			.from = IOR_FROM_LOCK, .bytes = 8, .offset = where->offset};
		return 0;
	case RANGE_LOCK_IN_MEMBER:
		break;
	}
	return read_member(s, where, lock_arg, ret);
}

/* How the locks that are known keep their range. */
static const struct {
	const char *start, *end;
	bool inclusive;
} layouts[] = {
	{"start", "end", false},
	{"start", "last", true},
	{"node.start", "node.last", true},
	{"rl_start", "rl_last", true},
	{"rl_node.in_extent.start", "rl_node.in_extent.end", true},
	{"first", "last", true},
};

static void guess_members(const struct subject *s, const struct btf_type *lock,
			  struct ior_range_lock_function *ret)
{
	for (size_t i = 0; lock && i < ARRAY_SIZE(layouts); i++) {
		struct ior_range_lock_value start, end;

		if (!find_path(s->btf, lock, layouts[i].start, &start) ||
		    !find_path(s->btf, lock, layouts[i].end, &end))
			continue;
		ret->start = start;
		ret->end = end;
		ret->inclusive = layouts[i].inclusive;
		return;
	}
}

/* Two numbers behind the tree and the lock, or what the lock object has. */
static void guess_range(const struct subject *s, struct ior_range_lock_function *ret)
{
	bool has_lock = ret->lock_arg != IOR_RANGE_LOCK_NO_ARG;
	unsigned int at = has_lock ? ret->lock_arg + 1U : 1;

	if (is_long_number(arg_type(s, at)) && is_long_number(arg_type(s, at + 1))) {
		const char *last =
			btf__name_by_offset(s->btf, btf_params(s->proto)[at + 1].name_off);

		ret->start = (struct ior_range_lock_value){
			.from = IOR_FROM_ARG, .arg = (uint8_t)at, .bytes = 8};
		ret->end = ret->start;
		ret->end.arg++;
		ret->inclusive = !strcmp(last, "last");
	} else if (has_lock) {
		guess_members(s, arg_struct(s, ret->lock_arg), ret);
	}
}

static uint8_t arg_of(const struct range_lock_where *where, uint8_t by_type)
{
	if (where->place == RANGE_LOCK_IN_ARG)
		return (uint8_t)where->arg;
	return where->place == RANGE_LOCK_NOWHERE ? IOR_RANGE_LOCK_NO_ARG : by_type;
}

static void read_args(const struct subject *s, struct ior_range_lock_function *ret)
{
	uint8_t lock = IOR_RANGE_LOCK_NO_ARG;

	if (!s->proto || arg_struct(s, 1))
		lock = 1;
	else if (btf_vlen(s->proto) == 1 && arg_struct(s, 0))
		lock = 0;
	ret->lock_arg = arg_of(&s->spec->lock, lock);
	ret->tree_arg = arg_of(&s->spec->tree, ret->lock_arg == 0 ? IOR_RANGE_LOCK_NO_ARG : 0);
}

static int read_range(const struct subject *s, struct ior_range_lock_function *ret)
{
	const struct range_lock_spec *spec = s->spec;
	bool has_lock = ret->lock_arg != IOR_RANGE_LOCK_NO_ARG;
	int r = 0;

	/* A lock object is enough to know which lock is released. */
	if (s->function->role == IOR_RANGE_LOCK_RELEASE && has_lock)
		return 0;
	ret->inclusive = spec->inclusive;
	if (spec->start.place == RANGE_LOCK_BY_TYPE) {
		if (s->proto)
			guess_range(s, ret);
	} else {
		r = read_where(s, &spec->start, ret->lock_arg, &ret->start);
		if (!r)
			r = read_where(s, &spec->end, ret->lock_arg, &ret->end);
	}
	if (!r && !has_lock && !ret->start.from)
		r = fails(s, -EINVAL,
			  "it has neither a lock object nor a range among its arguments; "
			  "lock=argN or range=argN..argN says where they are");
	return r;
}

/* Of one that acquires: what does it return when it did not? */
static uint8_t failure_of(const struct subject *s)
{
	const struct btf_type *type = s->proto ? bare_type(s->btf, s->proto->type) : NULL;

	if (s->function->role == IOR_RANGE_LOCK_RELEASE)
		return IOR_FAILS_NEVER;
	if (type && btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_BOOL))
		return IOR_FAILS_ZERO;
	if (ior_range_lock_role_tries(s->function->role))
		return s->spec->tries_fail_negative ? IOR_FAILS_NEGATIVE : IOR_FAILS_ZERO;
	return type && btf_is_int(type) ? IOR_FAILS_NEGATIVE : IOR_FAILS_NEVER;
}

static int read_subject(const struct subject *s, struct ior_range_lock_function *ret)
{
	struct ior_range_lock_function f = {
		.role = s->function->role,
		.fails = failure_of(s),
		.shift = s->spec->shift,
		.shared_value = s->spec->shared_value,
	};
	int r;

	read_args(s, &f);
	if (s->proto && f.lock_arg != IOR_RANGE_LOCK_NO_ARG && f.lock_arg >= btf_vlen(s->proto))
		return fails(s, -EINVAL, "it has no such argument for its lock object");
	r = read_range(s, &f);
	if (!r && s->function->role != IOR_RANGE_LOCK_RELEASE)
		r = read_where(s, &s->spec->shared, f.lock_arg, &f.shared);
	if (!r)
		*ret = f;
	return r;
}

int range_lock_read_type(const struct range_lock_spec *spec,
			 const struct range_lock_function *function, const struct btf *btf, int id,
			 struct ior_range_lock_function *ret, struct reason *why)
{
	const struct btf_type *type = btf ? btf__type_by_id(btf, (__u32)id) : NULL;
	const struct subject s = {
		.spec = spec,
		.function = function,
		.btf = btf,
		.proto = type ? btf__type_by_id(btf, type->type) : NULL,
		.why = why,
	};

	return read_subject(&s, ret);
}
