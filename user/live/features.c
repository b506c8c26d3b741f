// SPDX-License-Identifier: GPL-2.0
#include "live/features.h"

#include "base/cleanup.h"
#include "base/macro.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <glob.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

/* r0 = 0; exit */
static const struct bpf_insn empty_program[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
	{.code = BPF_JMP | BPF_EXIT},
};

static int load_empty(enum bpf_prog_type type, struct bpf_prog_load_opts *opts)
{
	int fd = bpf_prog_load(type, "iorace_try", "GPL", empty_program, 2, opts);

	return fd < 0 ? -errno : fd;
}

/* Modules keep their own BTF: find the function there or in vmlinux. */
struct btf_target {
	int id;
	int obj_fd; /* -1: vmlinux */
	unsigned int args;
};

static unsigned int args_of(const struct btf *btf, int id)
{
	const struct btf_type *function = btf__type_by_id(btf, id);
	const struct btf_type *proto = btf__type_by_id(btf, function->type);

	return btf_vlen(proto);
}

/* A file system's functions carry its name, as its module does: ext4_..., in ext4. */
static bool may_be_in_module(int btf_fd, const char *function)
{
	char name[64] = "";
	struct bpf_btf_info info = {.name = (uint64_t)(uintptr_t)name, .name_len = sizeof(name)};
	__u32 len = sizeof(info);
	size_t name_len;

	if (bpf_obj_get_info_by_fd(btf_fd, &info, &len))
		return false;
	name_len = strlen(name);
	return !strncmp(function, name, name_len) && function[name_len] == '_';
}

static int find_in_module(__u32 module_id, const struct btf *vmlinux, const char *function,
			  struct btf_target *ret)
{
	_cleanup_(closep) int fd = bpf_btf_get_fd_by_id(module_id);
	struct btf *btf;
	int id;

	if (fd < 0 || !may_be_in_module(fd, function))
		return -ENOENT;
	btf = btf__load_from_kernel_by_id_split(module_id, (struct btf *)vmlinux);
	if (!btf)
		return -errno;
	id = btf__find_by_name_kind(btf, function, BTF_KIND_FUNC);
	/* The split BTF sees vmlinux through: only ids above it are the module's. */
	if (id >= 0 && (__u32)id < btf__type_cnt(vmlinux))
		id = -ENOENT;
	if (id >= 0)
		ret->args = args_of(btf, id);
	btf__free(btf);
	if (id < 0)
		return id;
	ret->id = id;
	ret->obj_fd = take_fd(fd);
	return 0;
}

static int find_function(const struct btf *vmlinux, const char *function, struct btf_target *ret)
{
	int id = btf__find_by_name_kind(vmlinux, function, BTF_KIND_FUNC);
	__u32 next = 0;

	if (id >= 0) {
		*ret = (struct btf_target){id, -1, args_of(vmlinux, id)};
		return 0;
	}
	while (!bpf_btf_get_next_id(next, &next)) {
		if (!find_in_module(next, vmlinux, function, ret))
			return 0;
	}
	return -ENOENT;
}

/*
 * Only the attach tells whether a function has too many arguments; all else the load tells, and a
 * detach waits for every task of the machine to pass by.
 */
#define FENTRY_ARGS_ALWAYS 6 /* arch/x86/net/bpf_jit_comp.c before 6.6 */

int features_try_fentry(int btf_id, int btf_fd, unsigned int args, bool at_return)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = at_return ? BPF_TRACE_FEXIT : BPF_TRACE_FENTRY);
	_cleanup_(closep) int prog = -1, link = -1;

	opts.attach_btf_id = btf_id;
	if (btf_fd >= 0)
		opts.attach_btf_obj_fd = btf_fd;
	prog = load_empty(BPF_PROG_TYPE_TRACING, &opts);
	if (prog < 0 || args <= FENTRY_ARGS_ALWAYS)
		return prog < 0 ? prog : 0;
	link = bpf_raw_tracepoint_open(NULL, prog);
	return link < 0 ? -errno : 0;
}

static int try_fentry(const struct btf *vmlinux, const struct hook_row *row)
{
	struct btf_target target = {.obj_fd = -1};
	_cleanup_(closep) int obj_fd = -1;
	int r;

	r = find_function(vmlinux, row->target, &target);
	if (r < 0)
		return r;
	obj_fd = target.obj_fd;
	return features_try_fentry(target.id, obj_fd, target.args, row->at_return);
}

static int attach_tp(const struct hook_row *row)
{
	_cleanup_(closep) int prog = load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL);
	_cleanup_(closep) int link = -1;

	if (prog < 0)
		return prog;
	link = bpf_raw_tracepoint_open(row->target, prog);
	return link < 0 ? -errno : 0;
}

/*
 * What trusts the arguments of a tracepoint is a program of another kind, which a policy may judge
 * otherwise. That is told at its load; 0 or a negative errno.
 */
static int load_typed_tp(int type_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_RAW_TP,
		    .attach_btf_id = type_id);
	_cleanup_(closep) int prog = load_empty(BPF_PROG_TYPE_TRACING, &opts);

	return prog < 0 ? prog : 0;
}

static bool any_tp_attached(const struct kernel *k)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].flavour == FLAVOUR_TP && !k->rows[i])
			return true;
	}
	return false;
}

/* Every tracepoint has a type, include/trace/bpf_probe.h; those of modules are not in vmlinux. */
static int type_of_tracepoint(const struct btf *vmlinux, const char *name)
{
	char type[80];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(vmlinux, type, BTF_KIND_TYPEDEF);
}

/*
 * Where one can be attached all can that exist, and to detach takes a grace period of RCU: some ten
 * milliseconds, or fifty on a busy machine, for each.
 */
static int try_tp(const struct kernel *k, const struct btf *vmlinux, const struct hook_row *row)
{
	int type_id = type_of_tracepoint(vmlinux, row->target);
	int r = 0;

	if (hook_is_typed(row))
		r = type_id < 0 ? type_id : load_typed_tp(type_id);
	if (r < 0 || (any_tp_attached(k) && type_id >= 0))
		return r;
	return attach_tp(row);
}

static int kprobe_pmu_type(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/sys/bus/event_source/devices/kprobe/type", "re");
	int type;

	if (!f)
		return -EOPNOTSUPP;
	return fscanf(f, "%d", &type) == 1 ? type : -EOPNOTSUPP;
}

/* The bit that makes it a return probe, in .../kprobe/format/retprobe: "config:0". */
static uint64_t kretprobe_bit(void)
{
	_cleanup_(fclosep) FILE *f =
		fopen("/sys/bus/event_source/devices/kprobe/format/retprobe", "re");
	int bit;

	return f && fscanf(f, "config:%d", &bit) == 1 ? 1ULL << bit : 1;
}

int features_try_kprobe(const char *function, bool at_return)
{
	_cleanup_(closep) int prog = -1, event = -1;
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.kprobe_func = (uint64_t)(uintptr_t)function,
	};
	int type = kprobe_pmu_type();

	if (type < 0)
		return type;
	prog = load_empty(BPF_PROG_TYPE_KPROBE, NULL);
	if (prog < 0)
		return prog;
	attr.type = type;
	if (at_return)
		attr.config = kretprobe_bit();
	event = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -errno;
	return ioctl(event, PERF_EVENT_IOC_SET_BPF, prog) < 0 ? -errno : 0;
}

static int try_row(const struct kernel *k, const struct btf *vmlinux, const struct hook_row *row)
{
	switch (row->flavour) {
	case FLAVOUR_FENTRY:
		return try_fentry(vmlinux, row);
	case FLAVOUR_TP:
		return try_tp(k, vmlinux, row);
	case FLAVOUR_KPROBE:
		return features_try_kprobe(row->target, row->at_return);
	case FLAVOUR_COUNT_:
		break;
	}
	return -EINVAL;
}

static void try_flavour(struct kernel *k, const struct btf *vmlinux, enum hook hook,
			enum flavour flavour)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].hook == hook && hook_rows[i].flavour == flavour)
			k->rows[i] = try_row(k, vmlinux, &hook_rows[i]);
	}
}

static bool probe_wants(const struct probe_opts *opts, enum hook hook, enum flavour flavour)
{
	if (opts->late_submit && hook == HOOK_DIO_SUBMIT)
		return hook_submits_late(hook, flavour);
	return !opts->flavours || (opts->flavours & (1U << flavour)) || hook_is_notice(hook);
}

/* From the best flavour down to the first that works. Each try costs milliseconds. */
static void try_hook(struct kernel *k, const struct btf *vmlinux, const struct probe_opts *opts,
		     enum hook hook)
{
	for (unsigned int rank = 0; rank < FLAVOUR_COUNT_; rank++) {
		enum flavour f = hook_flavour(hook, k->preempts, rank);

		if (!probe_wants(opts, hook, f))
			continue;
		try_flavour(k, vmlinux, hook, f);
		if (hook_flavour_works(hook, f, k->rows))
			return;
	}
}

/* Where a better flavour works it was not tried. */
static void try_tracepoint(struct kernel *k, const struct btf *vmlinux,
			   const struct probe_opts *opts, enum hook hook)
{
	if ((hook_modes(hook) & opts->modes) && probe_wants(opts, hook, FLAVOUR_TP) &&
	    hook_flavour(hook, k->preempts, 0) != FLAVOUR_TP &&
	    !hook_flavour_works(hook, FLAVOUR_TP, k->rows))
		try_flavour(k, vmlinux, hook, FLAVOUR_TP);
}

static void try_hooks(struct kernel *k, const struct btf *vmlinux, const struct probe_opts *opts)
{
	for (size_t i = 0; i < hook_rows_len; i++)
		k->rows[i] = -ECANCELED;
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		if ((hook_modes(hook) & opts->modes) && (opts->spans || !hook_is_for_spans(hook)))
			try_hook(k, vmlinux, opts, hook);
	}
	if (opts->fewer_hooks && !k->preempts) {
		try_tracepoint(k, vmlinux, opts, HOOK_DIO_COMPLETE);
		try_tracepoint(k, vmlinux, opts, HOOK_DIO_BEGIN);
	}
}

static bool btrfs_is_mounted(void)
{
	glob_t found = {};
	bool any = !glob("/sys/fs/btrfs/*-*-*-*-*", 0, NULL, &found);

	globfree(&found);
	return any;
}

/*
 * Address of a kernel function, 0 when it is unknown or hidden. Read here and handed to the
 * programs: libbpf would parse each of some 200 000 lines for it.
 */
static uint64_t symbol_address(const char *name)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	_cleanup_(freep) char *line = NULL;
	size_t room = 0, name_len = strlen(name);
	uint64_t address = 0;
	ssize_t len;

	while (f && !address && (len = getline(&line, &room, f)) > 0) {
		/* "ffffffff81402c1c T name\n": address, type, name, and the module if any */
		if ((size_t)len == 19 + name_len + 1 && !memcmp(line + 19, name, name_len))
			address = strtoull(line, NULL, 16);
	}
	return address;
}

static bool helper_exists(enum bpf_func_id id)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, id, NULL) == 1;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = strstr(text, word); at; at = strstr(at + len, word)) {
		if ((at == text || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* "none voluntary (full) lazy"; unknown where nobody mounted debugfs. */
static bool dynamic_is_preemptible(void)
{
	_cleanup_(fclosep) FILE *f = fopen("/sys/kernel/debug/sched/preempt", "re");
	char line[80] = "";

	return f && fgets(line, sizeof(line), f) &&
	       (strstr(line, "(full)") || strstr(line, "(lazy)"));
}

/* `version`: as uname -v has it, which names the model of preemption (init/Makefile). */
static bool is_preemptible(const char *version)
{
	static const char *const always[] = {"PREEMPT_RT", "PREEMPT", "PREEMPT_LAZY"};

	for (size_t i = 0; i < ARRAY_SIZE(always); i++) {
		if (has_word(version, always[i]))
			return true;
	}
	return has_word(version, "PREEMPT_DYNAMIC") && dynamic_is_preemptible();
}

static int probe_privilege(struct kernel *k, struct reason *why)
{
	_cleanup_(closep) int prog = load_empty(BPF_PROG_TYPE_RAW_TRACEPOINT, NULL);

	k->can_bpf = prog >= 0;
	k->bpf_error = prog < 0 ? prog : 0;
	if (k->can_bpf)
		return 0;
	if (prog == -EPERM || prog == -EACCES) {
		if (geteuid())
			return reason_fail(why, prog,
					   "loading BPF programs needs root, or CAP_BPF and "
					   "CAP_PERFMON; run it with sudo");
		return reason_fail(
			why, prog,
			"the kernel refuses BPF programs although this is root: a "
			"container without CAP_BPF and CAP_PERFMON, kernel lockdown, or a "
			"security policy; run it on the host");
	}
	if (prog == -ENOSYS)
		return reason_fail(why, prog,
				   "this kernel is built without bpf(2) "
				   "(CONFIG_BPF_SYSCALL)");
	return reason_fail(why, prog, "the kernel refuses an empty BPF program: %s",
			   strerror(-prog));
}

static int load_btf(struct btf **ret, struct reason *why)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return reason_fail(
			why, -errno,
			"no type information of the running kernel: /sys/kernel/btf/vmlinux "
			"is missing; a kernel with CONFIG_DEBUG_INFO_BTF=y is needed");
	*ret = btf;
	return 0;
}

/*
 * libbpf talks to a process-wide callback. It is kept silent unless IORACE_DEBUG is set; errors
 * come back as numbers and become sentences here.
 */
static int quiet_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

int kernel_probe(const struct probe_opts *opts, struct kernel *ret, struct reason *why)
{
	struct kernel k = {.cpus = get_nprocs()};
	struct utsname uts;
	struct btf *btf = NULL;
	int r;

	if (!getenv("IORACE_DEBUG"))
		libbpf_set_print(quiet_print);
	if (!uname(&uts)) {
		snprintf(k.release, sizeof(k.release), "%s", uts.release);
		k.preempts = is_preemptible(uts.version);
	}
	r = probe_privilege(&k, why);
	if (r < 0)
		return r;
	r = load_btf(&btf, why);
	if (r < 0)
		return r;
	k.has_btf = true;
	k.has_rdonly_cast = btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) >= 0;
	k.has_bpf_loop = helper_exists(BPF_FUNC_loop);
	k.has_ringbuf = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) == 1;
	k.mounts_btrfs = btrfs_is_mounted();
	k.dio_bio_end_io = symbol_address("iomap_dio_bio_end_io");
	try_hooks(&k, btf, opts);
	btf__free(btf);
	*ret = k;
	return 0;
}
