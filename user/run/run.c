// SPDX-License-Identifier: GPL-2.0
#include "run/run.h"

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/macro.h"
#include "model/conflict.h"
#include "model/names.h"
#include "model/tally.h"
#include "model/verdict.h"
#include "run/proofs.h"
#include "symbol/cgroups.h"
#include "symbol/paths.h"
#include "symbol/stacks.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define NS_PER_SEC 1000000000ULL
#define FINDINGS_MAX 4096
#define WAITING_MAX 64
#define PATIENCE_SECONDS 5     /* between SIGTERM and SIGKILL for a command whose time is over */
#define DRAIN_QUIET_SECONDS 30 /* no op from before arming ended for so long: they have drained */

struct run {
	const struct run_opts *opts;
	struct outputs *outputs;
	struct loop loop;
	struct tracer *tracer;
	struct tally *tally;
	struct paths paths;
	struct cgroups cgroups;
	struct stacks *stacks;
	struct proofs proofs;
	int64_t real_minus_mono_ns;
	uint64_t begin_ns;
	struct ior_rec_conflict waiting[WAITING_MAX]; /* for the path of their file */
	size_t waiting_len;
	uint64_t conflicts_told;
	uint64_t undecoded;
	uint64_t before_attach_seen;
	unsigned int quiet_seconds;
	unsigned int signals;
	unsigned int left_running; /* processes that outlived the command */
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* ---- records --------------------------------------------------------------------------------- */

/* The innermost frames are our own: the program and what called it. */
static size_t own_frames(const struct frame_view *frames, size_t len)
{
	static const char *const prefixes[] = {"bpf_prog_",    "bpf_trace_run",
					       "__traceiter_", "bpf_trampoline_",
					       "kprobe_",      "trace_call_bpf"};
	size_t own = 0;

	for (size_t i = 0; i < len; i++) {
		for (size_t p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
			if (frames[i].symbol &&
			    !strncmp(frames[i].symbol, prefixes[p], strlen(prefixes[p])))
				own = i + 1;
		}
	}
	return own;
}

/* Kernel frames, then those of the process, innermost first. Returns how many there are. */
static size_t resolve_stack(struct run *run, const struct ior_stacks *ids, pid_t pid,
			    struct frame_view frames[2 * IOR_STACK_DEPTH])
{
	unsigned long long addresses[2 * IOR_STACK_DEPTH];
	size_t kernel = tracer_stack(run->tracer, ids->kernel, addresses, IOR_STACK_DEPTH);
	size_t user = tracer_stack(run->tracer, ids->user, addresses + kernel, IOR_STACK_DEPTH);

	for (size_t i = 0; i < kernel + user; i++)
		frames[i] = (struct frame_view){.address = addresses[i]};
	stacks_name_kernel(run->stacks, frames, kernel);
	if (user)
		stacks_name_user(run->stacks, pid, frames + kernel, user);
	return kernel + user;
}

static void set_stack(struct run *run, const struct ior_rec_conflict *rec, int side,
		      struct frame_view frames[2 * IOR_STACK_DEPTH], struct op_view *op)
{
	size_t len = resolve_stack(run, &rec->stacks[side], rec->ops[side].pid, frames);
	size_t own = own_frames(frames, len);

	if (len == own)
		return;
	op->stack = frames + own;
	op->stack_len = len - own;
}

static void tell_conflict(struct run *run, const struct ior_rec_conflict *rec)
{
	struct frame_view frames[2][2 * IOR_STACK_DEPTH];
	struct conflict_view view =
		conflict_view_of(rec, ++run->conflicts_told, run->real_minus_mono_ns);

	view.file = paths_resolve(&run->paths, &rec->file);
	for (int i = 0; i < 2; i++) {
		view.ops[i].cgroup = cgroups_resolve(&run->cgroups, rec->ops[i].cgroup_id);
		if (ior_range_lock_was_held(&rec->range_locks[i]) && run->opts->tracer.range_lock)
			view.ops[i].range_lock = run->opts->tracer.range_lock->name;
		set_stack(run, rec, i, frames[i], &view.ops[i]);
	}
	outputs_conflict(run->outputs, &view);
	if (tally_add_sample(run->tally, &view))
		run->undecoded++;
}

static void tell_waiting(struct run *run)
{
	for (size_t i = 0; i < run->waiting_len; i++)
		tell_conflict(run, &run->waiting[i]);
	run->waiting_len = 0;
}

/*
 * The path of a file comes right behind the record of its first conflict, which therefore waits for
 * it a moment.
 */
static void on_conflict(struct run *run, const struct ior_rec_conflict *rec)
{
	bool known = paths_resolve(&run->paths, &rec->file).path;

	proofs_add_conflict(&run->proofs, rec);
	if (known || run->waiting_len == WAITING_MAX)
		tell_conflict(run, rec);
	else
		run->waiting[run->waiting_len++] = *rec;
}

/* Its path, where it was not told before, comes ahead of it. */
static void on_admission(struct run *run, const struct ior_rec_admission *rec)
{
	struct admission_view view = {
		.time_real_ns = rec->time_ns + run->real_minus_mono_ns,
		.file = paths_resolve(&run->paths, &rec->file),
		.what = rec->what,
		.mapped = rec->mapped,
		.knows_other = rec->other.tid != 0,
		.direct = {.op = rec->direct},
		.other = {.op = rec->other},
	};

	view.direct.cgroup = cgroups_resolve(&run->cgroups, rec->direct.cgroup_id);
	view.other.cgroup = cgroups_resolve(&run->cgroups, rec->other.cgroup_id);
	if (rec->what >= IOR_ADMISSION_COUNT_)
		run->undecoded++;
	else
		outputs_admission(run->outputs, &view);
}

static int on_path(struct run *run, const struct ior_rec_path *rec)
{
	int r = paths_add(&run->paths, rec);

	tell_waiting(run);
	return r;
}

/* Records come from our own programs, but a size that does not fit must never be read past. */
static int on_record(void *arg, const void *bytes, size_t len)
{
	const struct ior_rec_header *header = bytes;
	struct run *run = arg;

	if (len >= sizeof(struct ior_rec_conflict) && header->type == IOR_REC_CONFLICT)
		on_conflict(run, bytes);
	else if (len >= sizeof(*header) && header->type == IOR_REC_SUBMIT_WANTED)
		tracer_see_submits(run->tracer);
	else if (len >= sizeof(struct ior_rec_admission) && header->type == IOR_REC_ADMISSION)
		on_admission(run, bytes);
	else if (len < sizeof(struct ior_rec_path) || header->type != IOR_REC_PATH ||
		 on_path(run, bytes))
		run->undecoded++;
	return 0;
}

static int on_ring(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;
	int r = tracer_drain(run->tracer);

	(void)event;
	outputs_flush(run->outputs);
	/* Nobody reads any more, as when `| head` has seen enough: end as if told to. */
	if (run->outputs->error == -EPIPE)
		loop_stop(loop);
	return r;
}

/* ---- time, signals, the command -------------------------------------------------------------- */

static int on_second(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct tracer_counters counters;
	struct run *run = arg;

	(void)loop;
	(void)event;
	tell_waiting(run);
	tracer_tick(run->tracer);
	if (run->quiet_seconds > DRAIN_QUIET_SECONDS || tracer_counters(run->tracer, &counters))
		return 0;
	if (counters.losses[IOR_LOSS_BEFORE_ATTACH] != run->before_attach_seen)
		run->quiet_seconds = 0;
	run->before_attach_seen = counters.losses[IOR_LOSS_BEFORE_ATTACH];
	if (++run->quiet_seconds > DRAIN_QUIET_SECONDS)
		tracer_drained(run->tracer);
	return 0;
}

static int on_patience_end(struct loop *loop, const struct loop_event *event, void *arg)
{
	(void)event;
	(void)arg;
	loop_stop(loop);
	return 0;
}

/* A command is told to end and given time to clean up; the run ends with it. */
static int on_duration(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;

	(void)event;
	if (!run->opts->workload) {
		loop_stop(loop);
		return 0;
	}
	run->opts->workload->time_over = true;
	workload_signal(run->opts->workload, SIGTERM);
	return loop_add_timer(loop, PATIENCE_SECONDS * NS_PER_SEC, false, on_patience_end, run,
			      NULL);
}

/*
 * A signal ends the run. With a command the command decides: Ctrl-C reached it through the
 * terminal, SIGTERM is passed on, and the run ends with it; a second signal does not wait.
 */
static int on_signal(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;

	if (!run->opts->workload || run->signals++)
		loop_stop(loop);
	else if (event->signo != SIGINT)
		workload_signal(run->opts->workload, event->signo);
	return 0;
}

static int on_child(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;
	struct workload *workload = run->opts->workload;

	workload->ended = true;
	workload->exit = event->exit_status;
	workload->signal = event->term_signal;
	loop_stop(loop);
	return 0;
}

static int set_up_loop(struct run *run)
{
	int fd, r;

	r = tracer_drain_open(run->tracer, on_record, run, &fd);
	if (r < 0)
		return r;
	r = loop_add_fd(&run->loop, fd, EPOLLIN, on_ring, run, NULL);
	if (r < 0)
		return r;
	r = loop_add_timer(&run->loop, NS_PER_SEC, true, on_second, run, NULL);
	if (r < 0)
		return r;
	if (run->opts->duration_ns) {
		r = loop_add_timer(&run->loop, run->opts->duration_ns, false, on_duration, run,
				   NULL);
		if (r < 0)
			return r;
	}
	if (run->opts->workload)
		return loop_add_child(&run->loop, run->opts->workload->pid, on_child, run);
	return 0;
}

static int catch_signals(struct run *run)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		int r = loop_add_signal(&run->loop, signals[i], on_signal, run);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int add_row(void *arg, const struct ior_finding_key *key,
		   const struct ior_finding_value *value)
{
	struct run *run = arg;

	return tally_add_row(run->tally, key, value);
}

static bool path_of(const struct ior_file *file, const char **path, enum path_state *state,
		    void *arg)
{
	const struct run *run = arg;
	struct file_view view = paths_resolve(&run->paths, file);

	*path = view.path;
	*state = view.path_state;
	return view.path != NULL;
}

static int tell_findings(struct run *run, size_t *ret_count)
{
	_cleanup_(finding_list_done) struct finding_list list = {};
	int r;

	tally_recount(run->tally);
	r = tracer_findings(run->tracer, add_row, run);
	if (r < 0)
		return r;
	r = tally_findings(run->tally, path_of, run, &list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.len; i++)
		outputs_finding(run->outputs, &list.items[i]);
	*ret_count = list.len;
	return 0;
}

/* What one file adds to the sums of the run. */
static int tell_file(void *arg, const struct ior_file *file, const struct ior_file_sums *sums)
{
	struct run *run = arg;
	bool has_waits = run->opts->plan->has_waits;
	struct file_sums_view view = {
		.file = paths_resolve(&run->paths, file),
		.others = !file->ino,
		.conflicts = sums->conflicts,
		.unproven = sums->kept_apart[IOR_KEEPER_LUCK],
		.needless_wait_ns = has_waits ? (int64_t)sums->wait_needless_ns : -1,
		.needed_wait_ns = has_waits ? (int64_t)sums->wait_needed_ns : -1,
	};

	memcpy(view.ops, sums->ops, sizeof(view.ops));
	for (int keeper = IOR_KEEPER_LUCK + 1; keeper < IOR_KEEPER_COUNT_; keeper++) {
		view.serialized_by[keeper] = sums->kept_apart[keeper];
		view.serialized += sums->kept_apart[keeper];
	}
	view.overlapping = view.conflicts + view.serialized + view.unproven;
	outputs_file(run->outputs, &view);
	return 0;
}

static enum coverage_level level_of(const struct plan *plan, const char *fs)
{
	for (size_t i = 0; i < plan->coverage_len; i++) {
		if (!strcmp(plan->coverage[i].fs, fs))
			return plan->coverage[i].level;
	}
	return COVERAGE_PARTIAL;
}

static const char *const fs_names[] = {
	[IOR_FS_OTHER] = "other", [IOR_FS_EXT4] = "ext4", [IOR_FS_XFS] = "xfs",
	[IOR_FS_BTRFS] = "btrfs", [IOR_FS_F2FS] = "f2fs",
};
_Static_assert(ARRAY_SIZE(fs_names) == IOR_FS_COUNT_, "every file system has a name");

static void judge(const struct run *run, const struct tracer_counters *counters,
		  struct summary_view *summary, struct reason *why)
{
	struct coverage_use uses[IOR_FS_COUNT_];
	struct verdict_input in = {
		.conflicts = summary->conflicts,
		.stale_pages = summary->admissions[IOR_ADMITS_STALE],
		.ops = summary->ops[IOR_OP_READ] + summary->ops[IOR_OP_WRITE],
		.overlapping = summary->overlapping,
		.require_overlap = run->opts->require_overlap,
		.lock_flaws = range_lock_flaws(&summary->range_lock),
		.lock_is_unused =
			summary->range_lock.name && !summary->range_lock.stats[IOR_RL_ACQUIRES],
		.losses = summary->losses,
		.uses = uses,
		.uses_len = IOR_FS_COUNT_,
	};

	for (int fs = 0; fs < IOR_FS_COUNT_; fs++)
		uses[fs] = (struct coverage_use){fs_names[fs], counters->fs_ops[fs],
						 level_of(run->opts->plan, fs_names[fs])};
	summary->verdict = run_verdict(&in, why);
	summary->reason = why->text;
}

/* What only spans tell: which overlapping pairs did not conflict, and why. */
static void fill_pairs(const struct plan *plan, const struct tracer_counters *counters,
		       struct summary_view *summary)
{
	if (plan->has_waits) {
		summary->needless_wait_ns = counters->stats[IOR_STAT_WAIT_NEEDLESS_NS];
		summary->needed_wait_ns = counters->stats[IOR_STAT_WAIT_NEEDED_NS];
	}
	if (!plan->has_spans)
		return;
	summary->serialized = 0;
	for (int keeper = IOR_KEEPER_LUCK + 1; keeper < IOR_KEEPER_COUNT_; keeper++) {
		summary->serialized_by[keeper] = counters->stats[IOR_STAT_KEPT_APART + keeper];
		summary->serialized += summary->serialized_by[keeper];
	}
	summary->unproven = counters->stats[IOR_STAT_KEPT_APART + IOR_KEEPER_LUCK];
	summary->overlapping = summary->conflicts + summary->serialized + summary->unproven;
}

static void fill_summary(const struct run *run, const struct tracer_counters *counters,
			 struct summary_view *summary)
{
	const struct workload *workload = run->opts->workload;

	*summary = (struct summary_view){
		.duration_ns = clock_ns(CLOCK_MONOTONIC) - run->begin_ns,
		.ops_filtered = counters->stats[IOR_STAT_FILTERED],
		.hides_conflicts = counters->stats[IOR_STAT_TOLERATED] > 0,
		.conflicts = counters->stats[IOR_STAT_CONFLICTS],
		.overlapping = -1,
		.serialized = -1,
		.unproven = -1,
		.needless_wait_ns = -1,
		.needed_wait_ns = -1,
		.records_written = run->conflicts_told,
		.records_suppressed = counters->stats[IOR_STAT_SUPPRESSED],
		.command = {.exit = -1},
	};
	for (int kind = 0; kind < IOR_OP_COUNT_; kind++)
		summary->ops[kind] = counters->stats[IOR_STAT_READS + kind];
	for (int what = 0; what < IOR_ADMISSION_COUNT_; what++)
		summary->admissions[what] = counters->stats[IOR_STAT_ADMISSIONS + what];
	fill_pairs(run->opts->plan, counters, summary);
	for (int i = 0; i < IOR_LOSS_COUNT_; i++)
		summary->losses[i] = counters->losses[i];
	summary->losses[IOR_LOSS_UNDECODED] += run->undecoded;
	summary->losses[IOR_LOSS_LEFT_RUNNING] = run->left_running;
	summary->losses[IOR_LOSS_FINDINGS_FULL] =
		tally_overflow(run->tally, counters->losses[IOR_LOSS_FINDINGS_FULL]);
	if (workload)
		summary->command =
			(struct command_view){workload->argv, workload->exit, workload->signal};
}

static void name_functions(const struct range_lock_plan *plan,
			   struct range_lock_function_view functions[])
{
	for (size_t i = 0; i < plan->hooks_len; i++)
		functions[i] = (struct range_lock_function_view){
			plan->hooks[i].function,
			range_lock_role_name(plan->hooks[i].role),
			flavour_name(plan->hooks[i].flavour),
			plan->hooks[i].knows_range,
		};
}

/* Waits by their length, and the range lock under test. `functions` is the caller's. */
static int fill_waits(const struct run *run, struct range_lock_function_view functions[],
		      struct summary_view *summary)
{
	const struct range_lock_plan *plan = run->opts->tracer.range_lock;
	bool has_waits = run->opts->plan->has_waits;
	struct ior_wait_counters waits;
	int r;

	r = tracer_waits(run->tracer, &waits);
	if (r < 0)
		return r;
	summary->has_wait_histogram = has_waits;
	memcpy(summary->waits, waits.buckets, sizeof(summary->waits));
	if (!plan)
		return 0;
	name_functions(plan, functions);
	summary->range_lock = (struct range_lock_view){
		.name = plan->name,
		.inside = plan->inside,
		.has_waits = has_waits,
		.functions = functions,
		.functions_len = plan->hooks_len,
	};
	memcpy(summary->range_lock.stats, waits.range_lock, sizeof(waits.range_lock));
	return 0;
}

static void on_contradicted(const struct torn_view *torn, void *arg)
{
	struct run *run = arg;

	outputs_torn(run->outputs, torn);
}

static bool has_losses(const uint64_t losses[IOR_LOSS_COUNT_])
{
	for (enum ior_loss loss = 0; loss < IOR_LOSS_COUNT_; loss++) {
		if (losses[loss] > 0)
			return true;
	}
	return false;
}

/* What iorace stress proved under us must be among the conflicts. */
static int fill_stress(struct run *run, struct summary_view *summary)
{
	const struct proofs_basis basis = {
		.plan = run->opts->plan,
		.is_lossy = has_losses(summary->losses) || summary->hides_conflicts,
		.is_suppressed = summary->records_suppressed > 0,
		.is_filtered = summary->ops_filtered > 0,
		.real_minus_mono_ns = run->real_minus_mono_ns,
	};
	const struct proofs_listener listener = {on_contradicted, run};
	uint64_t broken = 0;
	int r;

	r = proofs_judge(&run->proofs, &basis, &listener, &summary->stress, &broken);
	summary->losses[IOR_LOSS_UNDECODED] += broken;
	summary->losses[IOR_LOSS_CONTRADICTED] = summary->stress.contradicted;
	return r;
}

static void tell_comparison(struct run *run, const struct summary_view *summary)
{
	struct run_facts facts = run_facts_of(summary);
	const struct comparison_view view = {
		.names = {run->opts->baseline_name, "this run"},
		.runs = {run->opts->baseline, &facts},
	};

	if (run->opts->baseline)
		outputs_comparison(run->outputs, &view);
}

static int tell_end(struct run *run, struct run_result *ret)
{
	struct range_lock_function_view functions[IOR_RANGE_LOCK_FUNCTIONS_MAX];
	struct tracer_counters counters;
	struct summary_view summary;
	struct reason why = {};
	size_t findings = 0;
	int r;

	if (run->opts->workload)
		run->left_running = workload_left_running(run->opts->workload);
	tracer_disarm(run->tracer);
	r = tracer_drain(run->tracer);
	if (r < 0)
		return r;
	tell_waiting(run);
	r = tracer_counters(run->tracer, &counters);
	if (r < 0)
		return r;
	r = tell_findings(run, &findings);
	if (r < 0)
		return r;
	if (run->opts->plan->has_spans) {
		r = tracer_files(run->tracer, tell_file, run);
		if (r < 0)
			return r;
	}
	fill_summary(run, &counters, &summary);
	summary.findings = findings;
	r = fill_waits(run, functions, &summary);
	if (r < 0)
		return r;
	r = fill_stress(run, &summary);
	if (r < 0)
		return r;
	judge(run, &counters, &summary, &why);
	tell_comparison(run, &summary);
	outputs_summary(run->outputs, &summary);
	outputs_flush(run->outputs);
	ret->verdict = summary.verdict;
	ret->output_error = run->outputs->error;
	ret->output_name = run->outputs->error_name;
	return 0;
}

/* ---- one session ----------------------------------------------------------------------------- */

static void run_done(struct run *run)
{
	/* Detach before letting the command's cgroup go. */
	tracer_free(run->tracer);
	tally_free(run->tally);
	paths_done(&run->paths);
	cgroups_done(&run->cgroups);
	stacks_free(run->stacks);
	proofs_done(&run->proofs);
	loop_done(&run->loop);
}

static int start_tracing(struct run *run, struct run_result *ret, struct reason *why)
{
	struct tracer_opts tracer = run->opts->tracer;
	struct workload *workload = run->opts->workload;
	int r;

	if (workload) {
		r = proofs_open(&run->proofs);
		if (r < 0)
			return reason_fail(why, r, "memfd_create: %s", strerror(-r));
		r = workload_prepare(workload, why);
		if (r < 0)
			return r;
		workload->evidence_fd = run->proofs.fd;
		tracer.options.want_cgroup = workload->cgroup_fd >= 0;
		tracer.options.tree_pid = workload->tree_pid;
		tracer.cgroup_fd = workload->cgroup_fd;
		r = workload_start(workload, &run->loop, why);
		if (r < 0) {
			ret->workload_failed = true;
			return r;
		}
	}
	return tracer_open(run->opts->plan, run->opts->kernel, &tracer, &run->tracer, why);
}

static int trace(struct run *run, struct run_result *ret, struct reason *why)
{
	int r;

	r = catch_signals(run);
	if (r < 0)
		return r;
	r = start_tracing(run, ret, why);
	if (r < 0)
		return r;
	/* Where the types of the kernel were until now, which take more. */
	if (run->opts->tracer.options.want_stacks)
		stacks_prepare(run->stacks);
	r = set_up_loop(run);
	if (r < 0)
		return reason_fail(why, r, "cannot wait for records: %s", strerror(-r));
	for (size_t i = 0; i < run->opts->plan->coverage_len; i++)
		outputs_coverage(run->outputs, &run->opts->plan->coverage[i]);
	run->begin_ns = clock_ns(CLOCK_MONOTONIC);
	tracer_arm(run->tracer);
	outputs_flush(run->outputs); /* whoever reads along knows that it has begun */
	if (run->opts->workload) {
		r = workload_go(run->opts->workload, why);
		if (r < 0) {
			ret->workload_failed = true;
			return r;
		}
	}
	r = loop_run(&run->loop);
	if (r < 0)
		return reason_fail(why, r, "the run broke off: %s", strerror(-r));
	r = tell_end(run, ret);
	if (r < 0)
		return reason_fail(why, r, "cannot read the results: %s", strerror(-r));
	return 0;
}

int run_session(const struct run_opts *opts, struct outputs *outputs, struct run_result *ret,
		struct reason *why)
{
	_cleanup_(run_done) struct run run = {
		.opts = opts,
		.outputs = outputs,
		.loop = LOOP_NONE,
		.proofs = PROOFS_NONE,
		.real_minus_mono_ns =
			(int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC)),
	};
	int r;

	r = loop_init(&run.loop);
	if (r < 0)
		return r;
	cgroups_init(&run.cgroups);
	run.tally = tally_new(FINDINGS_MAX, run.real_minus_mono_ns);
	run.stacks = stacks_new();
	if (!run.tally || !run.stacks)
		return -ENOMEM;
	return trace(&run, ret, why);
}
