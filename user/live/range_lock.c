// SPDX-License-Identifier: GPL-2.0
#include "live/range_lock.h"

#include "base/cleanup.h"
#include "base/macro.h"
#include "live/range_lock_type.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A function that is looked for. */
struct subject {
	const struct range_lock_spec *spec;
	const struct range_lock_function *function;
	struct reason *why;
};

static int fails(const struct subject *s, int error, const char *what)
{
	return range_lock_fails(s->function, error, what, s->why);
}

/* ---- where a function is --------------------------------------------------------------------- */

struct found {
	const struct btf *btf; /* of vmlinux or `module`; NULL: no types of it */
	struct btf *module;
	int id;
	int fd; /* of the BTF of its module; -1: vmlinux */
	unsigned int args;
	bool is_symbol;
	bool is_changed; /* there is name.isra.0 or the like instead */
};

static void found_done(struct found *found)
{
	btf__free(found->module);
	closep(&found->fd);
}

static bool is_of_kernel(int fd)
{
	struct bpf_btf_info info = {};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.kernel_btf;
}

static bool find_in(const struct btf *btf, __u32 first_id, const char *name, struct found *ret)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);

	if (id < 0 || (__u32)id < first_id)
		return false;
	ret->btf = btf;
	ret->id = id;
	ret->args = btf_vlen(btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type));
	return true;
}

static bool find_in_modules(const struct btf *vmlinux, const char *name, struct found *ret)
{
	__u32 next = 0;

	while (!bpf_btf_get_next_id(next, &next)) {
		_cleanup_(closep) int fd = bpf_btf_get_fd_by_id(next);
		struct btf *btf;

		if (fd < 0 || !is_of_kernel(fd))
			continue;
		btf = btf__load_from_kernel_by_id_split(next, (struct btf *)vmlinux);
		if (btf && find_in(btf, btf__type_cnt(vmlinux), name, ret)) {
			ret->module = btf;
			ret->fd = take_fd(fd);
			return true;
		}
		btf__free(btf);
	}
	return false;
}

/* "ffffffffc0a01234 t xfs_range_lock\t[xfs]": exactly, or with what the compiler hung on it? */
static void find_symbol(const char *name, struct found *ret)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	_cleanup_(freep) char *line = NULL;
	size_t room = 0, len = strlen(name);

	while (f && getline(&line, &room, f) > 0) {
		const char *at = strchr(line, ' ');

		if (!at || !at[1] || strncmp(at + 3, name, len) != 0)
			continue;
		at += 3 + len;
		if (*at == '\n' || *at == '\t' || *at == ' ')
			ret->is_symbol = true;
		else if (*at == '.')
			ret->is_changed = true;
	}
}

static void find(const struct btf *vmlinux, const char *name, struct found *ret)
{
	if (!find_in(vmlinux, 1, name, ret))
		find_in_modules(vmlinux, name, ret);
	find_symbol(name, ret);
}

static int is_nowhere(const struct subject *s, const struct found *found)
{
	if (found->is_changed)
		return fails(s, -ENOENT,
			     "the compiler made another function of it (.isra, "
			     ".constprop, .part), whose arguments are not what they were: "
			     "mark it noinline and __noclone, or not static");
	return fails(s, -ENOENT,
		     "the running kernel has no such function: is its module loaded? "
		     "One that is static may have been inlined: mark it noinline");
}

/* ---- how it can be attached to --------------------------------------------------------------- */

static bool flavour_may_be(const struct range_lock_spec *spec, unsigned int flavours,
			   enum flavour flavour)
{
	if (spec->attach == RANGE_LOCK_ATTACH_FENTRY && flavour != FLAVOUR_FENTRY)
		return false;
	if (spec->attach == RANGE_LOCK_ATTACH_KPROBE && flavour != FLAVOUR_KPROBE)
		return false;
	return !flavours || (flavours & (1U << flavour));
}

static bool is_released(const struct subject *s)
{
	return s->function->role == IOR_RANGE_LOCK_RELEASE;
}

/* Entry and, where it acquires, return. */
static int try_fentry(const struct subject *s, const struct found *found)
{
	int r;

	if (!found->btf)
		return -ENOENT;
	r = features_try_fentry(found->id, found->fd, found->args, false);
	if (!r && !is_released(s))
		r = features_try_fentry(found->id, found->fd, found->args, true);
	return r;
}

static int try_kprobe(const struct subject *s)
{
	int r = features_try_kprobe(s->function->name, false);

	if (!r && !is_released(s))
		r = features_try_kprobe(s->function->name, true);
	return r;
}

static const char *error_text(int error)
{
	if (error == -ECANCELED)
		return "not asked for";
	return error == -ENOENT ? "no BTF of it" : strerror(-error);
}

static int choose_flavour(const struct subject *s, const struct found *found, unsigned int flavours,
			  enum flavour *ret)
{
	int by_fentry = -ECANCELED, by_kprobe = -ECANCELED;
	char what[256];

	*ret = FLAVOUR_FENTRY;
	if (flavour_may_be(s->spec, flavours, FLAVOUR_FENTRY))
		by_fentry = try_fentry(s, found);
	if (!by_fentry)
		return 0;
	*ret = FLAVOUR_KPROBE;
	if (flavour_may_be(s->spec, flavours, FLAVOUR_KPROBE))
		by_kprobe = try_kprobe(s);
	if (!by_kprobe)
		return 0;
	snprintf(what, sizeof(what),
		 "it is there, but no program can be attached: fentry: %s; "
		 "kprobe: %s",
		 error_text(by_fentry), error_text(by_kprobe));
	return fails(s, -EOPNOTSUPP, what);
}

#define PROBE_ARGS_MAX 5

static bool reads_sixth(const struct ior_range_lock_function *f)
{
	const struct ior_range_lock_value *values[] = {&f->start, &f->end, &f->shared};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		if (values[i]->from == IOR_FROM_ARG && values[i]->arg >= PROBE_ARGS_MAX)
			return true;
	}
	return f->lock_arg == PROBE_ARGS_MAX || f->tree_arg == PROBE_ARGS_MAX;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static int add_found(struct range_lock_plan *plan, const struct subject *s,
		     const struct found *found, unsigned int flavours)
{
	struct ior_range_lock_function *options = &plan->options.functions[plan->hooks_len];
	struct range_lock_hook *hook = &plan->hooks[plan->hooks_len];
	int r;

	r = range_lock_read_type(s->spec, s->function, found->btf, found->id, options, s->why);
	if (!r)
		r = choose_flavour(s, found, flavours, &hook->flavour);
	if (!r && hook->flavour == FLAVOUR_KPROBE && reads_sixth(options))
		r = fails(s, -EINVAL,
			  "a kprobe reads five arguments, and it is not open to fentry");
	if (r < 0)
		return r;
	snprintf(hook->function, sizeof(hook->function), "%s", s->function->name);
	hook->role = s->function->role;
	hook->knows_range = options->start.from != IOR_FROM_NOWHERE;
	plan->hooks_len++;
	return 0;
}

static int add_function(struct range_lock_plan *plan, const struct range_lock_spec *spec,
			const struct range_lock_function *function, const struct btf *vmlinux,
			unsigned int flavours, struct reason *why)
{
	const struct subject s = {.spec = spec, .function = function, .why = why};
	_cleanup_(found_done) struct found found = {.fd = -1};

	find(vmlinux, function->name, &found);
	if (found.btf || found.is_symbol)
		return add_found(plan, &s, &found, flavours);
	return function->optional ? 0 : is_nowhere(&s, &found);
}

static bool has_hook(const struct range_lock_plan *plan, bool release)
{
	for (size_t i = 0; i < plan->hooks_len; i++) {
		if ((plan->hooks[i].role == IOR_RANGE_LOCK_RELEASE) == release)
			return true;
	}
	return false;
}

/* A preset leaves out what is not there; something of it must be. */
static int check_hooks(const struct range_lock_spec *spec, const struct range_lock_plan *plan,
		       struct reason *why)
{
	for (int release = 0; release < 2; release++) {
		if (!has_hook(plan, release))
			return reason_fail(
				why, -ENOENT,
				"--range-lock: none of the functions that %s %s is in "
				"the running kernel; is its module loaded? Name them with "
				"%s=FUNC",
				release ? "release" : "acquire", spec->name,
				release ? "release" : "acquire");
	}
	return 0;
}

static int check_inside(const struct plan *plan, struct reason *why)
{
	if (plan->has_spans && (plan->sees_submit || !(plan->modes & (1U << IOR_MODE_DIRECT))))
		return 0;
	return reason_fail(
		why, -EOPNOTSUPP,
		"--range-lock where=inside: on this kernel, or with these flavours, windows "
		"cannot be made to open at the lock: that takes fentry on the file "
		"operations; see iorace doctor");
}

int range_lock_plan_build(const struct range_lock_spec *spec, const struct plan *plan,
			  unsigned int flavours, struct range_lock_plan *ret, struct reason *why)
{
	struct range_lock_plan built = {.inside = spec->inside};
	struct btf *vmlinux = btf__load_vmlinux_btf();
	int r = spec->inside ? check_inside(plan, why) : 0;

	if (!vmlinux)
		return reason_fail(why, -errno, "no type information of the running kernel");
	snprintf(built.name, sizeof(built.name), "%s", spec->name);
	for (size_t i = 0; !r && i < spec->functions_len; i++)
		r = add_function(&built, spec, &spec->functions[i], vmlinux, flavours, why);
	btf__free(vmlinux);
	if (!r)
		r = check_hooks(spec, &built, why);
	if (!r)
		*ret = built;
	return r;
}
