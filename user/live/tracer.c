// SPDX-License-Identifier: GPL-2.0
#include "live/tracer.h"

#include "base/cleanup.h"
#include "live/forgetter.h"

#include <iorace/slot.h>
#include <iorace/span.h>

#include "iorace.skel.h"
#include "iorace_by_helper.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RING_BYTES_DEFAULT (8U << 20)
#define FINDINGS_DEFAULT 4096
#define WIDE_LINES 256
#define SLOTS_PER_OP 4
#define STACKS 4096
#define FILES 4096

struct tracer {
	struct iorace_bpf *skel;
	struct bpf_link *links[HOOK_ROWS_MAX];
	struct iorace_bpf *doubles; /* NULL, or of each fexit program one more */
	struct bpf_link *double_links[HOOK_ROWS_MAX];
	const struct range_lock_plan *range_lock;
	struct bpf_link *range_lock_links[IOR_RANGE_LOCK_FUNCTIONS_MAX][2]; /* entry, return */
	struct ring_buffer *ring;
	struct forgetter *forgetter;
	bool by_helper; /* which of the two objects */
	bool submit_comes_and_goes;
	unsigned int submit_idle_seconds;
	unsigned long long filtered_before; /* ops turned away by the time we were armed */
};

/* ---- sizes ----------------------------------------------------------------------------------- */

static unsigned int round_up_pow2(unsigned int n)
{
	unsigned int p = 1;

	while (p < n)
		p <<= 1;
	return p;
}

/*
 * Two CPUs in one line at a time take it from each other. With this many lines for each it is one
 * op in sixteen at worst, where all CPUs work on one file; but no file has more than an eighth of
 * the table, if it has as many lines as make a page.
 */
#define PACKED_LINES_PER_CPU 16

static unsigned int packed_lines_for(unsigned int lines)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int wanted = round_up_pow2(PACKED_LINES_PER_CPU * (cpus < 1 ? 1 : cpus));

	if (wanted > lines / 8)
		wanted = lines / 8;
	return wanted < IOR_PACKED_LINES ? IOR_PACKED_LINES : wanted;
}

static unsigned int slots_for(unsigned int lines)
{
	unsigned int slots = lines * SLOTS_PER_OP;

	return slots > IOR_SLOTS_MAX ? IOR_SLOTS_MAX : slots;
}

/* An entry of a hash map has a header, and a bucket for each. */
#define HASH_ENTRY_BYTES 64ULL

struct tracer_memory tracer_memory(unsigned int in_flight)
{
	unsigned long long lines = round_up_pow2(in_flight ? in_flight : TRACER_IN_FLIGHT_DEFAULT);
	unsigned long long slots = slots_for(lines);
	unsigned long long table = lines * sizeof(struct ior_line) +
				   slots * (sizeof(struct ior_slot) + sizeof(struct ior_races));

	return (struct tracer_memory){
		.each = table / lines,
		.table = table + WIDE_LINES * sizeof(struct ior_line) + RING_BYTES_DEFAULT +
			 FINDINGS_DEFAULT * (sizeof(struct ior_finding_key) +
					     sizeof(struct ior_finding_value) + HASH_ENTRY_BYTES),
		.spans = slots * sizeof(struct ior_span) +
			 FILES * (sizeof(struct ior_file) + sizeof(struct ior_file_sums) +
				  HASH_ENTRY_BYTES),
		.stacks = STACKS * (IOR_STACK_DEPTH * 8ULL + 24),
	};
}

/* For each op and each lock that is held. */
#define RANGE_LOCK_TASKS 4096 /* LOCK_TASKS, bpf/range_lock.bpf.h */

static int set_range_lock_sizes(struct iorace_bpf *skel, unsigned int slots, unsigned int lines)
{
	int r = 0;

	r |= bpf_map__set_max_entries(skel->maps.ior_range_lock_spans, slots);
	r |= bpf_map__set_max_entries(skel->maps.ior_range_lock_entries, lines);
	r |= bpf_map__set_max_entries(skel->maps.ior_range_lock_tasks, RANGE_LOCK_TASKS);
	return r;
}

static int set_sizes(struct iorace_bpf *skel, const struct tracer_opts *opts,
		     struct ior_options *options, bool with_spans)
{
	unsigned int lines =
		round_up_pow2(opts->in_flight ? opts->in_flight : TRACER_IN_FLIGHT_DEFAULT);
	unsigned int slots = slots_for(lines);
	int r = 0;

	options->line_mask = lines - 1;
	options->slot_mask = slots - 1;
	options->wide_mask = WIDE_LINES - 1;
	options->packed_mask = packed_lines_for(lines) - 1;
	r |= bpf_map__set_max_entries(skel->maps.ior_lines, lines);
	r |= bpf_map__set_max_entries(skel->maps.ior_wide, WIDE_LINES);
	r |= bpf_map__set_max_entries(skel->maps.ior_slots, slots);
	r |= bpf_map__set_max_entries(skel->maps.ior_races, slots);
	if (with_spans) {
		r |= bpf_map__set_max_entries(skel->maps.ior_spans, slots);
		r |= bpf_map__set_max_entries(skel->maps.ior_files, FILES);
	}
	if (opts->range_lock)
		r |= set_range_lock_sizes(skel, slots, lines);
	if (options->want_stacks)
		r |= bpf_map__set_max_entries(skel->maps.ior_stack_traces, STACKS);
	r |= bpf_map__set_max_entries(skel->maps.ior_ring,
				      opts->ring_bytes ? opts->ring_bytes : RING_BYTES_DEFAULT);
	r |= bpf_map__set_max_entries(skel->maps.ior_findings,
				      opts->findings ? opts->findings : FINDINGS_DEFAULT);
	return r ? -EINVAL : 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static unsigned int mount_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/mnt", &st) ? 0 : st.st_ino;
}

static struct bpf_program *program_of(struct iorace_bpf *skel, const struct hook_row *row)
{
	const void *options = &skel->rodata->ior_options;

	return bpf_object__find_program_by_name(skel->obj, hook_program(row, options));
}

static bool has_double(const struct plan *plan, size_t row)
{
	return plan->rows[row] && plan->repeats_ends && hook_rows[row].at_return &&
	       hook_rows[row].flavour == FLAVOUR_FENTRY;
}

static int choose_programs(struct iorace_bpf *skel, const struct plan *plan)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		struct bpf_program *prog = program_of(skel, &hook_rows[i]);

		if (!prog)
			return -ENOENT;
		bpf_program__set_autoload(prog, plan->rows[i]);
	}
	return 0;
}

/*
 * The same programs with fields read by helper, in the skeleton of the others: one source, so maps,
 * programs and variables are the same.
 */
#define SAME_VARIABLES(section)                                                                    \
	_Static_assert(sizeof(struct iorace_bpf__##section) ==                                     \
			       sizeof(struct iorace_by_helper_bpf__##section),                     \
		       #section " of both objects")
SAME_VARIABLES(rodata);
SAME_VARIABLES(bss);
SAME_VARIABLES(data_state);
_Static_assert(offsetof(struct iorace_bpf__rodata, ior_options) ==
		       offsetof(struct iorace_by_helper_bpf__rodata, ior_options),
	       "options of both objects");
_Static_assert(offsetof(struct iorace_bpf__bss, ior_places) ==
		       offsetof(struct iorace_by_helper_bpf__bss, ior_places),
	       "what is noted of both objects");

static struct iorace_bpf *open_by_helper(void)
{
	struct iorace_bpf *skel = calloc(1, sizeof(*skel));
	int r;

	if (!skel)
		return NULL;
	r = iorace_bpf__create_skeleton(skel);
	if (!r) {
		skel->skeleton->data =
			(void *)iorace_by_helper_bpf__elf_bytes(&skel->skeleton->data_sz);
		r = bpf_object__open_skeleton(skel->skeleton, NULL);
	}
	if (!r)
		return skel;
	iorace_bpf__destroy(skel);
	errno = -r;
	return NULL;
}

static struct iorace_bpf *open_object(bool by_helper)
{
	return by_helper ? open_by_helper() : iorace_bpf__open();
}

static int load_object(struct iorace_bpf *skel, struct reason *why)
{
	int r = iorace_bpf__load(skel);

	if (r == -EMFILE)
		return reason_fail(
			why, r,
			"too few files may be open (ulimit -n): programs and maps "
			"take some sixty, and more where tasks can be preempted in them");
	if (r < 0)
		return reason_fail(why, r,
				   "the kernel refused the BPF programs: %s; IORACE_DEBUG=1 shows "
				   "what the verifier says",
				   strerror(-r));
	return 0;
}

/* ---- doubles --------------------------------------------------------------------------------- */

/* All but the options, in which the two differ. */
static int share_maps(struct iorace_bpf *skel, const struct iorace_bpf *with)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, skel->obj)
	{
		const struct bpf_map *shared =
			bpf_object__find_map_by_name(with->obj, bpf_map__name(map));
		int r = shared ? 0 : -ENOENT;

		if (!r && map != skel->maps.rodata)
			r = bpf_map__reuse_fd(map, bpf_map__fd(shared));
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_doubles(struct tracer *t, const struct plan *plan, struct reason *why)
{
	int r;

	t->doubles = open_object(t->by_helper);
	if (!t->doubles)
		return reason_fail(why, -errno, "cannot prepare the BPF object twice: %s",
				   strerror(errno));
	*t->doubles->rodata = *t->skel->rodata;
	((struct ior_options *)&t->doubles->rodata->ior_options)->is_double = 1;
	for (size_t i = 0; i < hook_rows_len; i++)
		bpf_program__set_autoload(program_of(t->doubles, &hook_rows[i]),
					  has_double(plan, i));
	r = share_maps(t->doubles, t->skel);
	if (r < 0)
		return reason_fail(why, r, "cannot share maps with the second BPF object: %s",
				   strerror(-r));
	return load_object(t->doubles, why);
}

/* ---- the range lock -------------------------------------------------------------------------- */

static struct bpf_program *range_lock_program(struct iorace_bpf *skel,
					      const struct range_lock_plan *plan, size_t n,
					      bool at_return)
{
	char name[32];

	if (plan->hooks[n].flavour == FLAVOUR_KPROBE)
		snprintf(name, sizeof(name), "range_lock_%s", at_return ? "kretprobe" : "kprobe");
	else
		snprintf(name, sizeof(name), "range_lock_%zu_%s", n,
			 at_return ? "fexit" : "fentry");
	return bpf_object__find_program_by_name(skel->obj, name);
}

/* It is held when it has been acquired, and not any more when its release is entered. */
static bool range_lock_returns(const struct range_lock_hook *hook)
{
	return hook->role != IOR_RANGE_LOCK_RELEASE;
}

static int choose_range_lock(struct iorace_bpf *skel, const struct range_lock_plan *plan)
{
	for (size_t n = 0; n < plan->hooks_len; n++) {
		for (int at_return = 0; at_return <= range_lock_returns(&plan->hooks[n]);
		     at_return++) {
			struct bpf_program *prog = range_lock_program(skel, plan, n, at_return);
			int r = prog ? 0 : -ENOENT;

			if (!r && plan->hooks[n].flavour == FLAVOUR_FENTRY)
				r = bpf_program__set_attach_target(prog, 0,
								   plan->hooks[n].function);
			if (r < 0)
				return r;
			bpf_program__set_autoload(prog, true);
		}
	}
	memcpy((void *)&skel->rodata->ior_range_lock_options, &plan->options,
	       sizeof(plan->options));
	return 0;
}

static struct bpf_link *attach_range_lock_program(struct bpf_program *prog,
						  const struct range_lock_hook *hook, size_t n,
						  bool at_return)
{
	LIBBPF_OPTS(bpf_kprobe_opts, opts, .retprobe = at_return, .bpf_cookie = n);

	if (hook->flavour == FLAVOUR_FENTRY)
		return bpf_program__attach(prog);
	return bpf_program__attach_kprobe_opts(prog, hook->function, &opts);
}

static int attach_range_lock(struct tracer *t, const struct range_lock_plan *plan, bool at_return,
			     struct reason *why)
{
	for (size_t n = 0; n < plan->hooks_len; n++) {
		const struct range_lock_hook *hook = &plan->hooks[n];

		if (at_return && !range_lock_returns(hook))
			continue;
		t->range_lock_links[n][at_return] = attach_range_lock_program(
			range_lock_program(t->skel, plan, n, at_return), hook, n, at_return);
		if (!t->range_lock_links[n][at_return])
			return reason_fail(why, -errno, "--range-lock: cannot attach to %s: %s",
					   hook->function, strerror(errno));
	}
	return 0;
}

/* ---- options --------------------------------------------------------------------------------- */

static void sum_up_filters(struct ior_options *o)
{
	o->filters_files = o->devs_count || o->magics_count || o->inodes_count || o->paths_count;
	o->only = ior_options_only(o);
	o->filters_tasks = o->pids_count || o->comm[0] || o->want_cgroup || o->tree_pid;
}

static int open_skeleton(struct tracer *t, const struct plan *plan, const struct kernel *kernel,
			 const struct tracer_opts *opts)
{
	struct ior_options options = opts->options;
	int r;

	t->skel = open_object(t->by_helper);
	if (!t->skel)
		return -errno;
	r = set_sizes(t->skel, opts, &options, plan->has_spans);
	if (r < 0)
		return r;
	sum_up_filters(&options);
	options.mnt_ns_inum = mount_namespace();
	memcpy(options.covered_fs, plan->covered_fs, sizeof(options.covered_fs));
	options.opens_at_submit = plan->opens_at_submit;
	options.sees_submit = plan->sees_submit;
	options.closes_late = plan->closes_late;
	options.has_spans = plan->has_spans;
	options.dio_bio_end_io = kernel->dio_bio_end_io;
	options.modes = plan->modes;
	if (opts->range_lock) {
		options.has_range_lock = 1;
		options.locks_inside = opts->range_lock->inside;
		r = choose_range_lock(t->skel, opts->range_lock);
		if (r < 0)
			return r;
	}
	t->range_lock = opts->range_lock;
	options.no_extras = ior_options_have_no_extras(&options);
	memcpy((void *)&t->skel->rodata->ior_options, &options, sizeof(options));
	return choose_programs(t->skel, plan);
}

static int open_and_load(struct tracer *t, const struct plan *plan, const struct kernel *kernel,
			 const struct tracer_opts *opts, struct reason *why)
{
	int r = open_skeleton(t, plan, kernel, opts);

	if (r < 0)
		return reason_fail(why, r, "cannot prepare the BPF object: %s", strerror(-r));
	return load_object(t->skel, why);
}

/* The verifier's own errors; others come before it. */
static bool is_refusal(int error)
{
	return error == -EINVAL || error == -EACCES || error == -E2BIG;
}

/*
 * Kernels with the cast may still refuse its object: until each frame was rounded up to 16 bytes
 * and no longer to 32 (round_up_stack_depth(), kernel/bpf/verifier.c) the frames of a hook and all
 * that it calls do not fit into 512. Those of the other object do: it is slower, and sees the same.
 */
static int open_and_load_either(struct tracer *t, const struct plan *plan,
				const struct kernel *kernel, const struct tracer_opts *opts,
				struct reason *why)
{
	int r;

	t->by_helper = !kernel->has_rdonly_cast;
	r = open_and_load(t, plan, kernel, opts, why);
	if (t->by_helper || !is_refusal(r))
		return r;
	iorace_bpf__destroy(t->skel);
	t->skel = NULL;
	t->by_helper = true;
	return open_and_load(t, plan, kernel, opts, why);
}

/* Ends before begins: an op whose begin we see must not end unseen. */
static const enum hook attach_order[] = {
	HOOK_DIO_COMPLETE,     HOOK_DIO_DATA_END,   HOOK_DIO_RETURN,	  HOOK_DAX_END,
	HOOK_WRITE_END,	       HOOK_READ_END,	    HOOK_SPLICE_END,	  HOOK_SIZE_END,
	HOOK_DAX_FAULT_END,    HOOK_PAGE_FAULT_END, HOOK_SPAN_END,	  HOOK_SIZE_SPAN_END,
	HOOK_DIO_WAIT_END,     HOOK_LOCK_WAIT_END,  HOOK_DIO_SUBMIT,	  HOOK_DIO_INVALIDATE_FAIL,
	HOOK_STALE_PAGES,      HOOK_DIO_BEGIN,	    HOOK_DAX_BEGIN,	  HOOK_WRITE_BEGIN,
	HOOK_READ_BEGIN,       HOOK_SPLICE_BEGIN,   HOOK_SIZE_BEGIN,	  HOOK_DAX_FAULT_BEGIN,
	HOOK_PAGE_FAULT_BEGIN, HOOK_DIO_WAIT_BEGIN, HOOK_LOCK_WAIT_BEGIN, HOOK_SPAN_BEGIN,
	HOOK_SIZE_SPAN_BEGIN,
};
_Static_assert(sizeof(attach_order) / sizeof(attach_order[0]) == HOOK_COUNT_, "every hook, once");

/* What comes last to a function runs first there: hlist_add_head(), kernel/bpf/trampoline.c. */
static int attach_row(struct tracer *t, const struct plan *plan, size_t i, struct reason *why)
{
	const struct hook_row *row = &hook_rows[i];

	if (has_double(plan, i)) {
		t->double_links[i] = bpf_program__attach(program_of(t->doubles, row));
		if (!t->double_links[i])
			return reason_fail(why, -errno, "cannot attach %s twice to %s: %s",
					   row->program, row->target, strerror(errno));
	}
	t->links[i] = bpf_program__attach(program_of(t->skel, row));
	if (!t->links[i])
		return reason_fail(why, -errno, "cannot attach %s to %s: %s", row->program,
				   row->target, strerror(errno));
	return 0;
}

static int attach_hook(struct tracer *t, const struct plan *plan, enum hook hook,
		       struct reason *why)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		int r = 0;

		if (plan->rows[i] && hook_rows[i].hook == hook)
			r = attach_row(t, plan, i, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_cgroup(struct tracer *t, const struct tracer_opts *opts)
{
	int map_fd = bpf_map__fd(t->skel->maps.ior_cgroup);
	__u32 zero = 0, fd = opts->cgroup_fd;

	if (!opts->options.want_cgroup)
		return 0;
	return bpf_map_update_elem(map_fd, &zero, &fd, 0) ? -errno : 0;
}

static struct forgetter *new_forgetter(struct tracer *t)
{
	struct forgetter_table table = {
		.slots_fd = bpf_map__fd(t->skel->maps.ior_slots),
		.slots = bpf_map__max_entries(t->skel->maps.ior_slots),
		.noted = t->skel->bss->ior_places,
	};

	return forgetter_new(&table);
}

int tracer_open(const struct plan *plan, const struct kernel *kernel,
		const struct tracer_opts *opts, struct tracer **ret, struct reason *why)
{
	_cleanup_(tracer_freep) struct tracer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = open_and_load_either(t, plan, kernel, opts, why);
	if (r < 0)
		return r;
	/* What libbpf could not map it leaves out, and calls that loaded. */
	if (!t->skel->data_state || !t->skel->bss)
		return reason_fail(why, -ENOMEM, "no memory to share with the BPF programs");
	t->forgetter = new_forgetter(t);
	if (!t->forgetter)
		return -ENOMEM;
	r = plan->repeats_ends ? load_doubles(t, plan, why) : 0;
	if (r < 0)
		return r;
	r = set_cgroup(t, opts);
	if (r < 0)
		return reason_fail(why, r, "cannot follow the cgroup: %s", strerror(-r));
	for (size_t i = 0; i < sizeof(attach_order) / sizeof(attach_order[0]); i++) {
		r = attach_hook(t, plan, attach_order[i], why);
		if (r < 0)
			return r;
	}
	t->submit_comes_and_goes = plan->submit_comes_and_goes;
	for (int at_return = 1; t->range_lock && at_return >= 0; at_return--) {
		r = attach_range_lock(t, t->range_lock, at_return, why);
		if (r < 0)
			return r;
	}
	*ret = take_ptr(t);
	return 0;
}

/* ---- the program at every bio of the machine ------------------------------------------------- */

#define SUBMIT_IDLE_SECONDS 60
#define SUBMIT_GRACE_SECONDS 10 /* for ops that wait for their first bio */

/* The row of HOOK_DIO_SUBMIT that was chosen; hook_rows_len: none was. */
static size_t submit_row(const struct tracer *t)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (hook_rows[i].hook == HOOK_DIO_SUBMIT &&
		    bpf_program__fd(program_of(t->skel, &hook_rows[i])) >= 0)
			return i;
	}
	return hook_rows_len;
}

static bool submit_is_attached(const struct tracer *t)
{
	size_t row = submit_row(t);

	return row < hook_rows_len && t->links[row];
}

/* Where it cannot be attached again, ops stay undecided, and what they meet is a loss. */
void tracer_see_submits(struct tracer *t)
{
	struct ior_state *state = &t->skel->data_state->ior_state;
	size_t row = submit_row(t);

	if (row == hook_rows_len)
		return;
	if (!t->links[row])
		t->links[row] = bpf_program__attach(program_of(t->skel, &hook_rows[row]));
	state->submit_is_seen = t->links[row] != NULL;
	state->submit_wanted = false;
	t->submit_idle_seconds = 0;
}

/* First nobody may wait for it any more; those that do are given time. */
static void submit_detach(struct tracer *t)
{
	struct ior_state *state = &t->skel->data_state->ior_state;
	size_t row = submit_row(t);

	state->submit_is_seen = false;
	if (t->submit_idle_seconds < SUBMIT_IDLE_SECONDS + SUBMIT_GRACE_SECONDS)
		return;
	bpf_link__destroy(t->links[row]);
	t->links[row] = NULL;
	state->any_pending = false;
}

static void submit_tick(struct tracer *t)
{
	struct ior_state *state = &t->skel->data_state->ior_state;
	bool needed = state->any_tentative;

	state->any_tentative = false;
	if (needed || state->submit_wanted)
		tracer_see_submits(t);
	else if (submit_is_attached(t) && ++t->submit_idle_seconds >= SUBMIT_IDLE_SECONDS)
		submit_detach(t);
}

/*
 * An op that a filter turns away is counted before we are armed as well: to ask costs each of them
 * more than to count. What was counted by now is no part of the run.
 */
static void forget_filtered(struct tracer *tracer)
{
	struct tracer_counters counters;

	tracer->filtered_before = 0;
	if (!tracer_counters(tracer, &counters))
		tracer->filtered_before = counters.stats[IOR_STAT_FILTERED];
}

void tracer_arm(struct tracer *tracer)
{
	forget_filtered(tracer);
	tracer->skel->data_state->ior_state.submit_is_seen = submit_is_attached(tracer);
	tracer->skel->data_state->ior_state.draining = true;
	__atomic_store_n(&tracer->skel->data_state->ior_state.armed, true, __ATOMIC_SEQ_CST);
}

void tracer_disarm(struct tracer *tracer)
{
	__atomic_store_n(&tracer->skel->data_state->ior_state.armed, false, __ATOMIC_SEQ_CST);
	/* Programs that run under RCU are over after this; where it is refused, in a moment. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

void tracer_tick(struct tracer *tracer)
{
	tracer->skel->data_state->ior_state.path_epoch++;
	if (tracer->submit_comes_and_goes)
		submit_tick(tracer);
	forgetter_tick(tracer->forgetter);
}

void tracer_drained(struct tracer *tracer)
{
	tracer->skel->data_state->ior_state.draining = false;
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	ring_buffer__free(tracer->ring);
	forgetter_free(tracer->forgetter);
	/* Begins go first, so that no op begins whose end would not be seen. */
	for (size_t i = 0; i < IOR_RANGE_LOCK_FUNCTIONS_MAX; i++) {
		bpf_link__destroy(tracer->range_lock_links[i][0]);
		bpf_link__destroy(tracer->range_lock_links[i][1]);
	}
	for (size_t i = 0; i < hook_rows_len; i++) {
		bpf_link__destroy(tracer->links[i]);
		bpf_link__destroy(tracer->double_links[i]);
	}
	iorace_bpf__destroy(tracer->doubles);
	iorace_bpf__destroy(tracer->skel);
	free(tracer);
}

void tracer_freep(struct tracer **tracer)
{
	tracer_free(*tracer);
}

/* ---- reading --------------------------------------------------------------------------------- */

int tracer_drain_open(struct tracer *tracer, tracer_record_fn fn, void *arg, int *ret_fd)
{
	tracer->ring = ring_buffer__new(bpf_map__fd(tracer->skel->maps.ior_ring),
					(ring_buffer_sample_fn)(void *)fn, arg, NULL);
	if (!tracer->ring)
		return -errno;
	*ret_fd = ring_buffer__epoll_fd(tracer->ring);
	return 0;
}

int tracer_drain(struct tracer *tracer)
{
	int r = ring_buffer__consume(tracer->ring);

	return r < 0 ? r : 0;
}

size_t tracer_stack(struct tracer *tracer, int id, unsigned long long *ret, size_t room)
{
	__u64 addresses[IOR_STACK_DEPTH] = {};
	__u32 key = id;
	size_t len = 0;

	if (id < 0 ||
	    bpf_map_lookup_elem(bpf_map__fd(tracer->skel->maps.ior_stack_traces), &key, addresses))
		return 0;
	while (len < room && len < IOR_STACK_DEPTH && addresses[len]) {
		ret[len] = addresses[len];
		len++;
	}
	return len;
}

static unsigned long long skipped_runs(const struct bpf_program *prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(prog);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.recursion_misses;
}

/* What a program missed its double mostly saw; how often both missed one call is not known. */
static unsigned long long missed_runs(struct tracer *t)
{
	unsigned long long missed = 0;

	for (size_t i = 0; i < hook_rows_len; i++) {
		unsigned long long first = skipped_runs(program_of(t->skel, &hook_rows[i]));
		unsigned long long again = first;

		if (!hook_miss_hides_op(hook_rows[i].hook))
			continue;
		if (t->double_links[i])
			again = skipped_runs(program_of(t->doubles, &hook_rows[i]));
		missed += first < again ? first : again;
	}
	return missed;
}

/* What each CPU counted for itself, place by place: calls fn(arg, row) for each. */
static int each_pending(struct tracer *tracer, int (*fn)(void *arg, const struct ior_pending *row),
			void *arg)
{
	int fd = bpf_map__fd(tracer->skel->maps.ior_pending);
	int cpus = libbpf_num_possible_cpus();
	_cleanup_(freep) struct ior_pending *rows = NULL;

	if (cpus < 0)
		return cpus;
	rows = calloc(cpus, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (__u32 i = 0; i < IOR_PENDING_FINDINGS; i++) {
		if (bpf_map_lookup_elem(fd, &i, rows))
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++) {
			int r = fn(arg, &rows[cpu]);

			if (r)
				return r;
		}
	}
	return 0;
}

static int add_untold(void *arg, const struct ior_pending *row)
{
	struct tracer_counters *sum = arg;

	sum->stats[IOR_STAT_CONFLICTS] += row->untold;
	sum->stats[IOR_STAT_SUPPRESSED] += row->untold;
	return 0;
}

static void add_cpu(struct tracer_counters *sum, const struct ior_cpu *cpu)
{
	for (int i = 0; i < IOR_STAT_COUNT_; i++)
		sum->stats[i] += cpu->stats[i];
	for (int i = 0; i < IOR_LOSS_COUNT_; i++)
		sum->losses[i] += cpu->losses[i];
	for (int fs = 0; fs < IOR_FS_COUNT_; fs++) {
		sum->fs_ops[fs] += cpu->fs_ops[fs];
		for (int kind = 0; kind < IOR_OP_COUNT_; kind++) {
			sum->fs_ops[fs] += cpu->ops[fs][kind];
			sum->stats[IOR_STAT_READS + kind] += cpu->ops[fs][kind];
		}
	}
}

int tracer_counters(struct tracer *tracer, struct tracer_counters *ret)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_(freep) struct ior_cpu *rows = NULL;
	struct tracer_counters sum = {};
	__u32 zero = 0;
	int r;

	if (cpus < 0)
		return cpus;
	rows = calloc(cpus, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(tracer->skel->maps.ior_cpus), &zero, rows))
		return -errno;
	for (int cpu = 0; cpu < cpus; cpu++)
		add_cpu(&sum, &rows[cpu]);
	sum.stats[IOR_STAT_FILTERED] -= tracer->filtered_before;
	sum.losses[IOR_LOSS_MISSED_RUNS] += missed_runs(tracer);
	r = each_pending(tracer, add_untold, &sum);
	if (r)
		return r;
	*ret = sum;
	return 0;
}

static bool op_is_in_flight(struct tracer *t, __u32 at, __u32 seq)
{
	struct ior_slot slot;

	return !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.ior_slots), &at, &slot) && slot.key &&
	       slot.seq == seq && slot.state != IOR_SLOT_IDLE && slot.state != IOR_SLOT_DONE;
}

/* Locks of ops that are over. */
static __u64 locks_left(struct tracer *t)
{
	__u32 lines = bpf_map__max_entries(t->skel->maps.ior_range_lock_entries);
	struct ior_range_lock_entry entry;
	__u64 left = 0;

	for (__u32 i = 0; i < lines; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.ior_range_lock_entries), &i,
					&entry))
			continue;
		if (entry.key && entry.owner && entry.selected &&
		    !op_is_in_flight(t, entry.owner - 1, entry.owner_seq))
			left++;
	}
	return left;
}

/* The end of an asynchronous op may be known before a worker has released its lock. */
#define LOCKS_LEFT_TRIES 20
#define LOCKS_LEFT_PAUSE_US 10000

static __u64 locks_left_for_good(struct tracer *t)
{
	__u64 left = locks_left(t);

	for (int i = 0; left && i < LOCKS_LEFT_TRIES; i++) {
		usleep(LOCKS_LEFT_PAUSE_US);
		left = locks_left(t);
	}
	return left;
}

/* Runs of the programs on the lock itself that the kernel skipped: locks that were not seen. */
static __u64 range_lock_missed_runs(struct tracer *t)
{
	__u64 missed = 0;

	for (size_t n = 0; n < t->range_lock->hooks_len; n++) {
		for (int at_return = 0; at_return < 2; at_return++) {
			if (t->range_lock_links[n][at_return])
				missed += skipped_runs(
					range_lock_program(t->skel, t->range_lock, n, at_return));
		}
	}
	return missed;
}

/*
 * Completions in interrupts release locks on top of tasks that release theirs, and then the kernel
 * skips the program: a lock that seems never released may have been, and who came next in order.
 */
static void excuse_missed_runs(__u64 *stats, __u64 missed)
{
	if (!missed)
		return;
	stats[IOR_RL_UNTRACKED] += missed + stats[IOR_RL_NEVER_RELEASED] + stats[IOR_RL_OVERRUN];
	stats[IOR_RL_NEVER_RELEASED] = 0;
	stats[IOR_RL_OVERRUN] = 0;
}

int tracer_waits(struct tracer *tracer, struct ior_wait_counters *ret)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_(freep) __u64 *rows = NULL;
	const size_t words = sizeof(*ret) / sizeof(__u64);
	__u64 *sum = (__u64 *)ret;
	__u32 zero = 0;

	if (cpus < 0)
		return cpus;
	rows = calloc(cpus, sizeof(*ret));
	if (!rows)
		return -ENOMEM;
	*ret = (struct ior_wait_counters){};
	if (tracer->range_lock)
		ret->range_lock[IOR_RL_NEVER_RELEASED] = locks_left_for_good(tracer);
	if (bpf_map_lookup_elem(bpf_map__fd(tracer->skel->maps.ior_wait_counters), &zero, rows))
		return -errno;
	for (size_t i = 0; i < cpus * words; i++)
		sum[i % words] += rows[i];
	if (tracer->range_lock)
		excuse_missed_runs(ret->range_lock, range_lock_missed_runs(tracer));
	return 0;
}

struct finding_teller {
	tracer_finding_fn fn;
	void *arg;
};

/* The programs have been disarmed and are over. */
static int tell_pending(void *arg, const struct ior_pending *row)
{
	const struct finding_teller *teller = arg;

	return row->value.count ? teller->fn(teller->arg, &row->key, &row->value) : 0;
}

int tracer_findings(struct tracer *tracer, tracer_finding_fn fn, void *arg)
{
	int fd = bpf_map__fd(tracer->skel->maps.ior_findings);
	struct finding_teller teller = {.fn = fn, .arg = arg};
	struct ior_finding_key key, next;
	struct ior_finding_value value;
	void *prev = NULL;
	int r;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		key = next;
		prev = &key;
		if (bpf_map_lookup_elem(fd, &key, &value))
			continue;
		r = fn(arg, &key, &value);
		if (r)
			return r;
	}
	return each_pending(tracer, tell_pending, &teller);
}

static int tell_other_files(struct tracer *tracer, tracer_file_fn fn, void *arg)
{
	static const struct ior_file nobody;
	struct ior_file_sums none = {}, others = tracer->skel->bss->ior_other_files;

	return memcmp(&others, &none, sizeof(none)) ? fn(arg, &nobody, &others) : 0;
}

int tracer_files(struct tracer *tracer, tracer_file_fn fn, void *arg)
{
	int fd = bpf_map__fd(tracer->skel->maps.ior_files);
	struct ior_file_sums sums;
	struct ior_file file, next;
	void *prev = NULL;
	int r;

	while (!bpf_map_get_next_key(fd, prev, &next)) {
		file = next;
		prev = &file;
		if (bpf_map_lookup_elem(fd, &file, &sums))
			continue;
		r = fn(arg, &file, &sums);
		if (r)
			return r;
	}
	return tell_other_files(tracer, fn, arg);
}
