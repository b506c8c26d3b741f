// SPDX-License-Identifier: GPL-2.0
#include "live/plan.h"

#include "base/macro.h"
#include "model/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool flavour_is_allowed(const struct plan_opts *opts, enum hook hook, enum flavour flavour)
{
	if (hook_is_notice(hook))
		return true;
	if (opts->late_submit && hook == HOOK_DIO_SUBMIT)
		return hook_submits_late(hook, flavour);
	return !opts->flavours || (opts->flavours & (1U << flavour));
}

static const char *error_text(int error)
{
	switch (-error) {
	case ENOENT:
		return "not in this kernel";
	case EPERM:
	case EACCES:
		return "refused by a security policy (EPERM)";
	case 524: /* ENOTSUPP, include/linux/errno.h */
		return "refused: too many arguments for fentry before 6.6 (ENOTSUPP)";
	case EOPNOTSUPP:
		return "this kernel has no kprobes";
	default:
		return strerror(-error);
	}
}

/* True if any row was there to take. */
static bool take_rows(struct plan *plan, const struct kernel *kernel, enum hook hook,
		      enum flavour flavour, bool fallback)
{
	bool any = false;

	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook != hook || row->flavour != flavour || kernel->rows[i] ||
		    (row->need == ROW_FALLBACK) != fallback)
			continue;
		plan->rows[i] = true;
		any = true;
	}
	return any;
}

static bool take_fallback(struct plan *plan, const struct kernel *kernel,
			  const struct plan_opts *opts, struct plan_hook *ph, enum hook hook)
{
	for (unsigned int rank = 0; rank < FLAVOUR_COUNT_; rank++) {
		enum flavour f = hook_flavour(hook, kernel->preempts, rank);

		if (!flavour_is_allowed(opts, hook, f) || !take_rows(plan, kernel, hook, f, true))
			continue;
		ph->usable = true;
		ph->flavour = f;
		snprintf(ph->reason, sizeof(ph->reason), "on the file operations instead");
		return true;
	}
	return false;
}

/* The first row of a flavour that had to work and did not, or -1. */
static int first_failure(const struct kernel *kernel, enum hook hook, enum flavour flavour)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook == hook && row->flavour == flavour && row->need != ROW_FALLBACK &&
		    kernel->rows[i])
			return i;
	}
	return -1;
}

/* Why is none of the flavours that rank before `rank` the one? */
static void explain_failure(struct plan_hook *ph, const struct kernel *kernel,
			    const struct plan_opts *opts, enum hook hook, unsigned int rank)
{
	size_t used = 0;

	ph->reason[0] = '\0';
	for (unsigned int r = 0; r < rank && used < sizeof(ph->reason); r++) {
		enum flavour f = hook_flavour(hook, kernel->preempts, r);
		int row = first_failure(kernel, hook, f);

		if (row >= 0)
			used += snprintf(ph->reason + used, sizeof(ph->reason) - used, "%s%s: %s",
					 used ? "; " : "", flavour_name(f),
					 flavour_is_allowed(opts, hook, f)
						 ? error_text(kernel->rows[row])
						 : "not asked for");
	}
}

static void plan_hook(struct plan *plan, const struct kernel *kernel, const struct plan_opts *opts,
		      enum hook hook)
{
	struct plan_hook *ph = &plan->hooks[hook];

	if (!(hook_modes(hook) & plan->modes)) {
		snprintf(ph->reason, sizeof(ph->reason), "not asked for with --mode");
		return;
	}
	if (hook_is_for_spans(hook) && !opts->spans) {
		snprintf(ph->reason, sizeof(ph->reason), "for check only");
		return;
	}
	for (unsigned int rank = 0; rank < FLAVOUR_COUNT_; rank++) {
		enum flavour f = hook_flavour(hook, kernel->preempts, rank);

		if (!flavour_is_allowed(opts, hook, f) ||
		    !hook_flavour_works(hook, f, kernel->rows))
			continue;
		take_rows(plan, kernel, hook, f, false);
		ph->usable = true;
		ph->flavour = f;
		explain_failure(ph, kernel, opts, hook, rank);
		return;
	}
	if (take_fallback(plan, kernel, opts, ph, hook))
		return;
	explain_failure(ph, kernel, opts, hook, FLAVOUR_COUNT_);
	if (!ph->reason[0])
		snprintf(ph->reason, sizeof(ph->reason), "no flavour of it is known");
}

static void drop_hook(struct plan *plan, enum hook hook, const char *why)
{
	struct plan_hook *ph = &plan->hooks[hook];

	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].hook == hook)
			plan->rows[i] = false;
	}
	ph->usable = false;
	snprintf(ph->reason, sizeof(ph->reason), "%s", why);
}

/* A begin whose end cannot be seen would leave its op in flight for ever; an end alone is idle. */
static void plan_pairs(struct plan *plan)
{
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		enum hook end = hook_end(hook);

		if (end == HOOK_COUNT_ || plan->hooks[hook].usable == plan->hooks[end].usable)
			continue;
		if (plan->hooks[hook].usable)
			drop_hook(plan, hook, "its end cannot be seen");
		else
			drop_hook(plan, end, "its begin cannot be seen");
	}
}

/*
 * A span and its window are one op under one key, its kiocb; a kretprobe does not know that. So
 * spans are there only where the windows that are one call are hooked by fentry.
 */
static bool windows_know_the_kiocb(const struct plan *plan)
{
	static const enum hook windows[] = {HOOK_DAX_END, HOOK_WRITE_END, HOOK_READ_END};

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		const struct plan_hook *ph = &plan->hooks[windows[i]];

		if (ph->usable && ph->flavour != FLAVOUR_FENTRY)
			return false;
	}
	return true;
}

static void plan_spans(struct plan *plan, const struct plan_opts *opts)
{
	plan->has_spans = plan->hooks[HOOK_SPAN_BEGIN].usable && windows_know_the_kiocb(plan);
	plan->has_waits = plan->has_spans && plan->hooks[HOOK_LOCK_WAIT_BEGIN].usable &&
			  plan->hooks[HOOK_DIO_WAIT_BEGIN].usable;
	if (plan->has_spans || !opts->spans)
		return;
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++) {
		if (hook_is_for_spans(hook) && plan->hooks[hook].usable)
			drop_hook(plan, hook, "of no use where spans cannot be seen");
	}
}

/* True: the hook is a tracepoint, now or already. */
static bool take_tracepoint(struct plan *plan, const struct kernel *kernel,
			    const struct plan_opts *opts, enum hook hook)
{
	struct plan_hook *ph = &plan->hooks[hook];

	if (ph->usable && ph->flavour == FLAVOUR_TP)
		return true;
	if (!ph->usable || !flavour_is_allowed(opts, hook, FLAVOUR_TP) ||
	    !hook_flavour_works(hook, FLAVOUR_TP, kernel->rows))
		return false;
	drop_hook(plan, hook, "a tracepoint costs less");
	take_rows(plan, kernel, hook, FLAVOUR_TP, false);
	ph->usable = true;
	ph->flavour = FLAVOUR_TP;
	return true;
}

/*
 * Begin and completion by tracepoints, which cost least and whose arguments need no check, as where
 * there is nothing else. An op that failed before it could complete is known by its kiocb then:
 * that begins again, or tells another position (peer_is_alive()). Where programs are preempted
 * tracepoints are skipped, and begins must not be. An op of btrfs waits for its first bio, is known
 * by nothing until then, and would keep its slot if it failed before.
 */
static bool plan_by_tracepoints(struct plan *plan, const struct kernel *kernel,
				const struct plan_opts *opts)
{
	if (kernel->preempts || kernel->mounts_btrfs ||
	    !take_tracepoint(plan, kernel, opts, HOOK_DIO_COMPLETE) ||
	    !take_tracepoint(plan, kernel, opts, HOOK_DIO_BEGIN))
		return false;
	if (plan->hooks[HOOK_DIO_RETURN].usable)
		drop_hook(plan, HOOK_DIO_RETURN, "watch knows an op that failed by its kiocb");
	return true;
}

/*
 * Tracepoints of the block layer fire at every bio of the machine, which costs more than what the
 * programs there do, and a program at each bio of direct IO as much as that at its begin.
 * Completion comes later than the last bio, but nobody who waited for the op can begin between the
 * two: a lock that it holds is let go after completion, whoever drains direct IO under the
 * exclusive lock is known by that (op_has_drained()), and the position moves right behind
 * inode_dio_end(), before any flush (peer_is_alive()). What little is left is counted as a loss
 * (peer_may_be_over()). Pairs that only luck kept apart may be told as conflicts. On btrfs a lock
 * is let go before the completion.
 */
static bool can_close_late(const struct plan *plan, const struct kernel *kernel,
			   bool by_tracepoints)
{
	const struct plan_hook *end = &plan->hooks[HOOK_DIO_DATA_END];

	if (!end->usable || !plan->hooks[HOOK_DIO_COMPLETE].usable)
		return false;
	return end->flavour == FLAVOUR_TP ? kernel->dio_bio_end_io != 0 : by_tracepoints;
}

static void plan_fewer_hooks(struct plan *plan, const struct kernel *kernel,
			     const struct plan_opts *opts)
{
	const struct plan_hook *submit = &plan->hooks[HOOK_DIO_SUBMIT];
	bool by_tracepoints;

	if (!opts->fewer_hooks || plan->has_spans)
		return;
	by_tracepoints = plan_by_tracepoints(plan, kernel, opts);
	if (can_close_late(plan, kernel, by_tracepoints)) {
		drop_hook(plan, HOOK_DIO_DATA_END,
			  "watch closes windows at completion: nobody who waited can begin before "
			  "it");
		plan->closes_late = true;
	}
	plan->submit_comes_and_goes =
		submit->usable && submit->flavour == FLAVOUR_TP && kernel->dio_bio_end_io;
}

/* ---- coverage -------------------------------------------------------------------------------- */

static const char *level_flavour(const struct plan *plan, enum coverage_level level, enum hook hook)
{
	return level == COVERAGE_NONE ? NULL : flavour_name(plan->hooks[hook].flavour);
}

/* One row, for synchronous and for asynchronous ops alike. */
static void add_coverage(struct plan *plan, const char *fs, enum ior_mode mode,
			 enum ior_op_kind kind, enum coverage_level level, const char *flavour,
			 const char *reason)
{
	for (int async = 0; async < 2; async++) {
		if (plan->coverage_len == PLAN_COVERAGE_MAX)
			return;
		plan->coverage[plan->coverage_len++] = (struct coverage_view){
			.fs = fs,
			.mode = mode,
			.kind = kind,
			.async = async,
			.level = level,
			.flavour = flavour,
			.reason = reason,
		};
		if (kind == IOR_OP_SIZE || kind == IOR_OP_MMAP)
			return;
	}
}

static void add_direct(struct plan *plan, const char *fs, enum coverage_level level,
		       const char *reason)
{
	const char *flavour = level_flavour(plan, level, HOOK_DIO_BEGIN);

	add_coverage(plan, fs, IOR_MODE_DIRECT, IOR_OP_READ, level, flavour, reason);
	add_coverage(plan, fs, IOR_MODE_DIRECT, IOR_OP_WRITE, level, flavour, reason);
}

static void cover_inode_locked(struct plan *plan, const char *name, enum ior_fs fs)
{
	enum coverage_level level = COVERAGE_FULL;
	const char *reason = "window from the begin of the direct IO to its last bio";

	if (plan->closes_late) {
		reason = "window from the begin of the direct IO to its completion";
	} else if (!plan->data_end_is_precise) {
		level = COVERAGE_PARTIAL;
		reason = "window closes at completion, which is late by the end_io work and the "
			 "O_DSYNC flush";
	}
	add_direct(plan, name, level, reason);
	plan->covered_fs[IOR_MODE_DIRECT] |= 1U << fs;
}

static void cover_btrfs(struct plan *plan)
{
	const struct plan_hook *submit = &plan->hooks[HOOK_DIO_SUBMIT];

	if (submit->usable && submit->flavour != FLAVOUR_TP && plan->closes_late) {
		add_direct(plan, "btrfs", COVERAGE_NONE,
			   "none was mounted when this began: begin again when one is");
		return;
	}
	if (submit->usable && submit->flavour != FLAVOUR_TP) {
		add_direct(plan, "btrfs", COVERAGE_FULL,
			   "window from the first bio: ordered extents serialize before it");
		plan->covered_fs[IOR_MODE_DIRECT] |= 1U << IOR_FS_BTRFS;
		plan->opens_at_submit |= 1U << IOR_FS_BTRFS;
		return;
	}
	add_direct(plan, "btrfs", COVERAGE_NONE,
		   "no tracepoint shows where its extent lock opens and closes the window");
}

static void cover_others(struct plan *plan)
{
	add_direct(plan, "other", COVERAGE_PARTIAL, "by the same hooks, not tested");
	plan->covered_fs[IOR_MODE_DIRECT] |= 1U << IOR_FS_OTHER;
}

/* Tracepoints tell a bio of direct IO by the address of its end function. */
static bool sees_bios(const struct plan *plan, const struct kernel *kernel, enum hook hook)
{
	const struct plan_hook *ph = &plan->hooks[hook];

	return ph->usable && (ph->flavour != FLAVOUR_TP || kernel->dio_bio_end_io);
}

static void cover_direct(struct plan *plan, const struct kernel *kernel)
{
	plan->sees_submit = sees_bios(plan, kernel, HOOK_DIO_SUBMIT);
	plan->data_end_is_precise = sees_bios(plan, kernel, HOOK_DIO_DATA_END);
	cover_inode_locked(plan, "ext4", IOR_FS_EXT4);
	cover_inode_locked(plan, "xfs", IOR_FS_XFS);
	cover_btrfs(plan);
	cover_inode_locked(plan, "f2fs", IOR_FS_F2FS);
	cover_others(plan);
}

/* ---- coverage of windows that are one call --------------------------------------------------- */

#define FS_ALL ((1U << IOR_FS_COUNT_) - 1)

static const char *const call_fs[] = {"ext4", "xfs", "btrfs", "f2fs", "other"};

/* Which file systems move such data through the function that is hooked. */
struct call_cover {
	enum ior_mode mode;
	enum ior_op_kind kind;
	enum hook begin;
	const char *fs; /* names of `call_fs` that are seen, each followed by a space */
	const char *window;
	const char *elsewhere; /* why the others are not */
};

static const struct call_cover call_covers[] = {
	{IOR_MODE_DAX, IOR_OP_READ, HOOK_DAX_BEGIN, "ext4 xfs other ",
	 "window is the copy, dax_iomap_rw()", "it has no DAX"},
	{IOR_MODE_DAX, IOR_OP_WRITE, HOOK_DAX_BEGIN, "ext4 xfs other ",
	 "window is the copy, dax_iomap_rw()", "it has no DAX"},
	{IOR_MODE_DAX, IOR_OP_MMAP, HOOK_DAX_FAULT_BEGIN, "ext4 xfs other ",
	 "the fault is seen, the stores after it are not", "it has no DAX"},
	{IOR_MODE_BUFFERED, IOR_OP_READ, HOOK_READ_BEGIN, "ext4 xfs btrfs f2fs other ",
	 "window is the copy, filemap_read()", NULL},
	{IOR_MODE_BUFFERED, IOR_OP_WRITE, HOOK_WRITE_BEGIN, "ext4 xfs f2fs other ",
	 "window is the copy, generic_perform_write() or iomap_file_buffered_write()",
	 "it has a buffered write of its own"},
	{IOR_MODE_BUFFERED, IOR_OP_MMAP, HOOK_PAGE_FAULT_BEGIN, "ext4 xfs btrfs other ",
	 "the fault is seen, the stores after it are not", "it has a fault of its own"},
	{IOR_MODE_SIZE, IOR_OP_SIZE, HOOK_SIZE_BEGIN, "ext4 xfs btrfs f2fs other ",
	 "window is the dropping of the page cache", NULL},
};

static bool fs_is_in(const char *list, const char *fs)
{
	const char *at = strstr(list, fs);

	return at && at[strlen(fs)] == ' ';
}

static void cover_call(struct plan *plan, const struct call_cover *cover, const char *fs)
{
	const struct plan_hook *ph = &plan->hooks[cover->begin];
	enum coverage_level level = COVERAGE_PARTIAL;
	const char *reason = cover->window;

	if (!fs_is_in(cover->fs, fs)) {
		level = COVERAGE_NONE;
		reason = cover->elsewhere;
	} else if (!ph->usable) {
		level = COVERAGE_NONE;
		reason = "no hook shows both begin and end of the call; see Hooks";
	} else if (cover->kind == IOR_OP_MMAP) {
		level = COVERAGE_PARTIAL;
	} else if (plan->hooks[hook_end(cover->begin)].flavour == FLAVOUR_KPROBE) {
		reason = "a kretprobe ends the window, and the kernel drops some under load";
	} else if (fs_is_in("ext4 xfs ", fs)) {
		level = COVERAGE_FULL;
	} else {
		reason = "by the same hooks, not tested";
	}
	add_coverage(plan, fs, cover->mode, cover->kind, level,
		     level_flavour(plan, level, cover->begin), reason);
}

static void cover_calls(struct plan *plan, enum ior_mode mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(call_covers); i++) {
		if (call_covers[i].mode != mode)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(call_fs); k++)
			cover_call(plan, &call_covers[i], call_fs[k]);
	}
	/* Reads of btrfs are seen, its writes are not: an op of it is a loss, not a silence. */
	plan->covered_fs[mode] = FS_ALL;
	if (mode == IOR_MODE_BUFFERED)
		plan->covered_fs[mode] &= ~(1U << IOR_FS_BTRFS);
}

static void plan_coverage(struct plan *plan, const struct kernel *kernel)
{
	if (plan->modes & (1U << IOR_MODE_DIRECT))
		cover_direct(plan, kernel);
	for (enum ior_mode mode = IOR_MODE_DAX; mode < IOR_MODE_COUNT_; mode++) {
		if (plan->modes & (1U << mode))
			cover_calls(plan, mode);
	}
}

struct probe_opts plan_probe_opts(const struct plan_opts *opts)
{
	return (struct probe_opts){
		.modes = opts->modes ? opts->modes : PLAN_MODES_DEFAULT,
		.flavours = opts->flavours,
		.spans = opts->spans,
		.late_submit = opts->late_submit,
		.fewer_hooks = opts->fewer_hooks,
	};
}

/* The hook without which nothing is seen of this mode. */
static enum hook vital_hook(const struct plan *plan, enum ior_mode mode)
{
	switch (mode) {
	case IOR_MODE_DIRECT:
		return plan->hooks[HOOK_DIO_BEGIN].usable ? HOOK_DIO_COMPLETE : HOOK_DIO_BEGIN;
	case IOR_MODE_DAX:
		return HOOK_DAX_BEGIN;
	case IOR_MODE_BUFFERED:
		return plan->hooks[HOOK_WRITE_BEGIN].usable ? HOOK_READ_BEGIN : HOOK_WRITE_BEGIN;
	case IOR_MODE_SIZE:
	case IOR_MODE_COUNT_:
		break;
	}
	return HOOK_SIZE_BEGIN;
}

/* Each mode that is wanted has its hooks, or at least one has. */
static int check_modes(const struct plan *plan, bool every_mode, struct reason *why)
{
	bool any = false;

	for (enum ior_mode mode = 0; mode < IOR_MODE_COUNT_; mode++) {
		enum hook hook = vital_hook(plan, mode);
		const struct plan_hook *ph = &plan->hooks[hook];

		if (!(plan->modes & (1U << mode)))
			continue;
		if (ph->usable)
			any = true;
		else if (every_mode || mode == IOR_MODE_DIRECT)
			return reason_fail(
				why, -EOPNOTSUPP,
				"%s IO cannot be seen on this kernel: no hook shows where "
				"%s: %s",
				mode_name(mode), hook_meaning(hook), ph->reason);
	}
	return any ? 0 : reason_fail(why, -EOPNOTSUPP, "nothing that was asked for can be seen");
}

bool plan_sees_fs(const struct plan *plan, const char *fs)
{
	for (size_t i = 0; i < plan->coverage_len; i++) {
		const struct coverage_view *row = &plan->coverage[i];

		if (row->level != COVERAGE_NONE && !strcmp(row->fs, fs))
			return true;
	}
	return false;
}

int plan_build(const struct kernel *kernel, const struct plan_opts *opts, struct plan *ret,
	       struct reason *why)
{
	struct plan plan = {
		.modes = plan_probe_opts(opts).modes,
		.repeats_ends = kernel->preempts,
	};
	int r;

	if (!kernel->has_ringbuf || !kernel->has_bpf_loop)
		return reason_fail(
			why, -EOPNOTSUPP, "this kernel (%s) lacks %s; 6.1 or newer is needed",
			kernel->release, kernel->has_ringbuf ? "bpf_loop()" : "BPF ring buffers");
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++)
		plan_hook(&plan, kernel, opts, hook);
	plan_pairs(&plan);
	plan_spans(&plan, opts);
	plan_fewer_hooks(&plan, kernel, opts);
	r = check_modes(&plan, opts->every_mode, why);
	if (r < 0)
		return r;
	plan_coverage(&plan, kernel);
	*ret = plan;
	return 0;
}

static int flavour_by_name(const char *name, size_t len)
{
	for (int f = 0; f < FLAVOUR_COUNT_; f++) {
		const char *have = flavour_name(f);

		if (strlen(have) == len && !memcmp(have, name, len))
			return f;
	}
	return -EINVAL;
}

int plan_parse_flavours(const char *text, unsigned int *ret, struct reason *why)
{
	unsigned int mask = 0;

	while (*text) {
		size_t len = strcspn(text, ",");
		int f = flavour_by_name(text, len);

		if (f < 0)
			return reason_fail(why, f,
					   "unknown flavour \"%.*s\": fentry, tp and kprobe "
					   "exist",
					   (int)len, text);
		mask |= 1U << f;
		text += len;
		if (*text == ',')
			text++;
	}
	if (!mask)
		return reason_fail(why, -EINVAL, "no flavour given: fentry, tp and kprobe exist");
	*ret = mask;
	return 0;
}
