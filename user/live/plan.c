// SPDX-License-Identifier: GPL-2.0
#include "live/plan.h"

#include "base/macro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool flavour_is_allowed(const struct plan_opts *opts, const struct hook_row *row)
{
	/* Fallback notices exist as tracepoints only and cost nothing until they fire. */
	if (row->hook == HOOK_DIO_INVALIDATE_FAIL)
		return true;
	return !opts->flavours || (opts->flavours & (1U << row->flavour));
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

/* Every row of one flavour of a hook must work: some need two programs. */
static bool flavour_works(const struct kernel *kernel, const struct plan_opts *opts, enum hook hook,
			  enum flavour flavour)
{
	bool any = false;

	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook != hook || row->flavour != flavour || row->fallback)
			continue;
		if (!flavour_is_allowed(opts, row) || kernel->rows[i])
			return false;
		any = true;
	}
	return any;
}

static void take_rows(struct plan *plan, const struct kernel *kernel, enum hook hook,
		      enum flavour flavour, bool fallback)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook == hook && row->flavour == flavour && row->fallback == fallback &&
		    !kernel->rows[i])
			plan->rows[i] = true;
	}
}

static bool take_fallback(struct plan *plan, const struct kernel *kernel,
			  const struct plan_opts *opts, enum hook hook)
{
	bool any = false;

	for (size_t i = 0; i < hook_rows_len; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook != hook || !row->fallback || kernel->rows[i] ||
		    !flavour_is_allowed(opts, row))
			continue;
		plan->rows[i] = true;
		any = true;
	}
	return any;
}

/* Why is this flavour not the one? The first row that failed says it. */
static void explain_failure(char *out, size_t size, const struct kernel *kernel,
			    const struct plan_opts *opts, enum hook hook, enum flavour below)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < hook_rows_len && used < size; i++) {
		const struct hook_row *row = &hook_rows[i];

		if (row->hook != hook || row->flavour >= below || row->fallback)
			continue;
		if (!flavour_is_allowed(opts, row))
			used += snprintf(out + used, size - used, "%s%s: not asked for",
					 used ? "; " : "", flavour_name(row->flavour));
		else if (kernel->rows[i])
			used += snprintf(out + used, size - used, "%s%s: %s", used ? "; " : "",
					 flavour_name(row->flavour), error_text(kernel->rows[i]));
	}
}

static void plan_hook(struct plan *plan, const struct kernel *kernel, const struct plan_opts *opts,
		      enum hook hook)
{
	struct plan_hook *ph = &plan->hooks[hook];

	for (enum flavour f = 0; f < FLAVOUR_COUNT_; f++) {
		if (!flavour_works(kernel, opts, hook, f))
			continue;
		take_rows(plan, kernel, hook, f, false);
		ph->usable = true;
		ph->flavour = f;
		explain_failure(ph->reason, sizeof(ph->reason), kernel, opts, hook, f);
		return;
	}
	if (take_fallback(plan, kernel, opts, hook)) {
		ph->usable = true;
		ph->flavour = FLAVOUR_FENTRY;
		snprintf(ph->reason, sizeof(ph->reason), "on the file operations instead");
		return;
	}
	explain_failure(ph->reason, sizeof(ph->reason), kernel, opts, hook, FLAVOUR_COUNT_);
	if (!ph->reason[0])
		snprintf(ph->reason, sizeof(ph->reason), "no flavour of it is known");
}

/* ---- coverage -------------------------------------------------------------------------------- */

static void add_coverage(struct plan *plan, const char *fs, uint8_t kind, bool async,
			 enum coverage_level level, const char *flavour, const char *reason)
{
	if (plan->coverage_len == PLAN_COVERAGE_MAX)
		return;
	plan->coverage[plan->coverage_len++] = (struct coverage_view){
		.fs = fs,
		.mode = IOR_MODE_DIRECT,
		.kind = kind,
		.async = async,
		.level = level,
		.flavour = flavour,
		.reason = reason,
	};
}

static void add_direct(struct plan *plan, const char *fs, enum coverage_level level,
		       const char *reason)
{
	const char *flavour = NULL;

	if (level != COVERAGE_NONE)
		flavour = flavour_name(plan->hooks[HOOK_DIO_BEGIN].flavour);
	for (int async = 0; async < 2; async++) {
		add_coverage(plan, fs, IOR_OP_READ, async, level, flavour, reason);
		add_coverage(plan, fs, IOR_OP_WRITE, async, level, flavour, reason);
	}
}

static void cover_inode_locked(struct plan *plan)
{
	enum coverage_level level = COVERAGE_FULL;
	const char *reason = "window from the begin of the direct IO to its last bio";

	if (!plan->data_end_is_precise) {
		level = COVERAGE_PARTIAL;
		reason = "window closes at completion, which is late by the end_io work and the "
			 "O_DSYNC flush";
	}
	add_direct(plan, "ext4", level, reason);
	add_direct(plan, "xfs", level, reason);
	plan->covered_fs |= 1U << IOR_FS_EXT4 | 1U << IOR_FS_XFS;
}

static void cover_btrfs(struct plan *plan)
{
	const struct plan_hook *submit = &plan->hooks[HOOK_DIO_SUBMIT];

	if (submit->usable && submit->flavour != FLAVOUR_TP) {
		add_direct(plan, "btrfs", COVERAGE_FULL,
			   "window from the first bio: ordered extents serialize before it");
		plan->covered_fs |= 1U << IOR_FS_BTRFS;
		plan->opens_at_submit |= 1U << IOR_FS_BTRFS;
		return;
	}
	add_direct(plan, "btrfs", COVERAGE_NONE,
		   "no tracepoint shows where its extent lock opens and closes the window");
}

static void cover_others(struct plan *plan)
{
	add_direct(plan, "f2fs", COVERAGE_PARTIAL, "by the same hooks, not tested");
	add_direct(plan, "other", COVERAGE_PARTIAL, "by the same hooks, not tested");
	plan->covered_fs |= 1U << IOR_FS_F2FS | 1U << IOR_FS_OTHER;
}

/* Tracepoints tell a bio of direct IO by the address of its end function. */
static bool sees_bios(const struct plan *plan, const struct kernel *kernel, enum hook hook)
{
	const struct plan_hook *ph = &plan->hooks[hook];

	return ph->usable && (ph->flavour != FLAVOUR_TP || kernel->sees_symbols);
}

static void plan_coverage(struct plan *plan, const struct kernel *kernel)
{
	plan->sees_submit = sees_bios(plan, kernel, HOOK_DIO_SUBMIT);
	plan->data_end_is_precise = sees_bios(plan, kernel, HOOK_DIO_DATA_END);
	cover_inode_locked(plan);
	cover_btrfs(plan);
	cover_others(plan);
}

int plan_build(const struct kernel *kernel, const struct plan_opts *opts, struct plan *ret,
	       struct reason *why)
{
	struct plan plan = {};

	if (!kernel->has_ringbuf || !kernel->has_bpf_loop)
		return reason_fail(why, -EOPNOTSUPP,
				   "this kernel (%s) lacks %s; 6.1 or newer is needed",
				   kernel->release,
				   kernel->has_ringbuf ? "bpf_loop()" : "BPF ring buffers");
	for (enum hook hook = 0; hook < HOOK_COUNT_; hook++)
		plan_hook(&plan, kernel, opts, hook);
	if (!plan.hooks[HOOK_DIO_BEGIN].usable)
		return reason_fail(why, -EOPNOTSUPP,
				   "no hook shows where a direct IO begins: %s",
				   plan.hooks[HOOK_DIO_BEGIN].reason);
	if (!plan.hooks[HOOK_DIO_COMPLETE].usable)
		return reason_fail(why, -EOPNOTSUPP, "no hook shows where a direct IO ends: %s",
				   plan.hooks[HOOK_DIO_COMPLETE].reason);
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
			return reason_fail(why, f, "unknown flavour \"%.*s\": fentry, tp and kprobe "
						   "exist", (int)len, text);
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
