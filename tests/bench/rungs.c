// SPDX-License-Identifier: GPL-2.0
/*
 * The shipped rungs are opened by the tool's own tracer, whose source is included here: its
 * functions are static, and the object it opens is exchanged for the rungs with parts taken out.
 */
#include "rungs.h"

#include "load.h"
#include "process.h"

#include <iorace/records.h>

#include "iorace.skel.h"

static struct iorace_bpf *open_exchanged(void);
#define iorace_bpf__open open_exchanged
#include "live/tracer.c"

#include "base/macro.h"
#include "tests/bench/rivals.skel.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#define FIRST GROUP_FIRST
#define DIRECT (GROUP_FIRST | GROUP_DIRECT)
#define DEEP (DIRECT | GROUP_DEPTH)
#define BUFFERED GROUP_BUFFERED

/* The same two tracepoints, of the same file systems: those of all others are idle. */
#define BOTH_EVENTS "iomap:iomap_dio_rw_begin,iomap:iomap_dio_complete"
#define BPFTRACE                                                                                   \
	"bpftrace -e 'tracepoint:iomap:iomap_dio_rw_begin "                                        \
	"{ @t[args->dev, args->ino, args->pos] = nsecs; } "                                        \
	"tracepoint:iomap:iomap_dio_complete "                                                     \
	"{ delete(@t[args->dev, args->ino, args->pos - args->ret]); }'"

const struct rung_spec rung_specs[] = {
	{"empty", "empty programs at the same hooks", RUNG_RIVAL, 0, "empty_", DEEP | BUFFERED,
	 false},
	{"two empty", "empty programs at begin and complete only", RUNG_RIVAL, 0, "two_", FIRST,
	 false},
	{"slot", "op slot by kiocb hash, filled, freed", RUNG_PIECES, SETUP_WATCH, "slot", FIRST,
	 false},
	{"+task", "and pid, cgroup, comm", RUNG_PIECES, SETUP_WATCH, "task", FIRST, false},
	{"+lock", "and state of i_rwsem", RUNG_PIECES, SETUP_WATCH, "lock", FIRST, false},
	{"+clock", "and the clock", RUNG_PIECES, SETUP_WATCH, "clock", FIRST, false},
	{"+count", "and counters of ops", RUNG_PIECES, SETUP_WATCH, "count", FIRST, false},
	{"watch", "and the table: `watch` as shipped", RUNG_SHIPPED, SETUP_WATCH, NULL,
	 DEEP | BUFFERED, false},
	{"watch --dev", "a device filter that matches", RUNG_SHIPPED, SETUP_DEV, NULL, FIRST,
	 false},
	{"filtered", "a device filter that does not", RUNG_SHIPPED, SETUP_OTHER_DEV, NULL, DIRECT,
	 false},
	{"check", "`check` as shipped", RUNG_SHIPPED, SETUP_CHECK, NULL, DIRECT, false},
	{"buffered", "`watch --mode buffered` as shipped", RUNG_SHIPPED, SETUP_BUFFERED, NULL,
	 BUFFERED, true},
	{"other", "`watch` of another build", RUNG_OTHER, SETUP_WATCH, NULL, DEEP, false},
	{"hash map", "rival: in-flight ops in a BPF hash", RUNG_RIVAL, 0, "hash_", DEEP, false},
	{"hash detect", "rival: the same pairs, by two BPF hash maps", RUNG_RIVAL, 0, "detect_",
	 DEEP, false},
	{"stream", "rival: every op through a ring", RUNG_RIVAL, 0, "stream_", DIRECT, false},
	{"bpftrace", "rival: the same hash map in bpftrace", RUNG_PROCESS, 0, BPFTRACE, FIRST,
	 true},
	{"perf record", "rival: both tracepoints, to /dev/null", RUNG_PROCESS, 0,
	 "perf record -q -a -e " BOTH_EVENTS " -o /dev/null", FIRST, true},
	{"perf trace", "rival: both tracepoints as text, to /dev/null", RUNG_PROCESS, 0,
	 "perf trace -a -e " BOTH_EVENTS, FIRST, true},
	{"xfsslower", "rival: libbpf-tools, XFS operations above 10 ms", RUNG_PROCESS, 0,
	 "xfsslower", FIRST, true},
	{"biosnoop", "rival: libbpf-tools, every block IO as text", RUNG_PROCESS, 0, "biosnoop",
	 GROUP_REQUESTS, true},
	{"biolatency", "rival: libbpf-tools, histogram of block IO", RUNG_PROCESS, 0, "biolatency",
	 GROUP_REQUESTS, true},
};
const size_t rung_specs_len = ARRAY_SIZE(rung_specs);
_Static_assert(ARRAY_SIZE(rung_specs) <= RUNGS_MAX, "each has its place in the tables of results");

struct rung {
	const struct rung_spec *spec;
	struct plan plan;
	struct tracer *tracer;	   /* ours, else NULL */
	struct rivals_bpf *rivals; /* rivals, else NULL */
	struct bpf_program *programs[RUNG_PROGRAMS_MAX];
	struct bpf_link *links[RUNG_PROGRAMS_MAX]; /* rivals */
	size_t programs_len;
	struct rung_process process;
	struct ring_buffer *ring; /* NULL: nothing to consume */
	pthread_t consumer;
	atomic_bool ending;
};

/* ---- the tool's own programs ----------------------------------------------------------------- */

/* The file to load instead of the embedded object, NULL: none. */
static const char *exchange_path;

static int read_file(const char *path, void **ret, size_t *ret_len)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	_cleanup_(freep) char *bytes = NULL;
	struct stat st;

	if (!f || fstat(fileno(f), &st))
		return -errno;
	bytes = malloc(st.st_size);
	if (!bytes)
		return -ENOMEM;
	if (fread(bytes, 1, st.st_size, f) != (size_t)st.st_size)
		return -EIO;
	*ret = take_ptr(bytes);
	*ret_len = st.st_size;
	return 0;
}

static struct iorace_bpf *open_exchanged(void)
{
	struct iorace_bpf *skel = calloc(1, sizeof(*skel));
	void *bytes = NULL;
	int r;

	if (!skel)
		return NULL;
	r = iorace_bpf__create_skeleton(skel);
	if (!r && exchange_path) {
		r = read_file(exchange_path, &bytes, &skel->skeleton->data_sz);
		skel->skeleton->data = bytes;
	}
	if (!r)
		r = bpf_object__open_skeleton(skel->skeleton, NULL);
	free(bytes);
	if (!r)
		return skel;
	iorace_bpf__destroy(skel);
	errno = -r;
	return NULL;
}

static int on_record(void *arg, const void *bytes, size_t len)
{
	(void)arg;
	(void)bytes;
	(void)len;
	return 0;
}

/* As run/workload.c does it: by cgroup, or by descent where there is no cgroup v2. */
static void select_ourselves(struct tracer_opts *opts)
{
	opts->cgroup_fd = -1;
	if (!access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		opts->cgroup_fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opts->options.want_cgroup = opts->cgroup_fd >= 0;
	if (opts->cgroup_fd < 0)
		opts->options.tree_pid = getppid();
}

static int set_up(struct tracer_opts *opts, enum rung_setup setup, const char *dir,
		  struct reason *why)
{
	struct ior_options *o = &opts->options;
	struct stat st;

	o->stale_ns = 60ULL * 1000000000;
	o->max_records = setup == SETUP_CHECK ? 100000 : UINT64_MAX;
	o->sample_ns = setup == SETUP_CHECK ? 0 : 1000000000ULL;
	o->kind_ww = o->kind_rw = 1;
	o->exact_times = setup == SETUP_CHECK;
	if (setup == SETUP_CHECK)
		select_ourselves(opts);
	if (setup != SETUP_DEV && setup != SETUP_OTHER_DEV)
		return 0;
	if (stat(dir, &st))
		return reason_fail(why, -errno, "%s: %s", dir, strerror(errno));
	o->devs_count = 1;
	o->devs[0] = major(st.st_dev) << 20 | (minor(st.st_dev) + (setup == SETUP_OTHER_DEV));
	return 0;
}

static void take_programs(struct rung *rung)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		if (rung->plan.rows[i] && rung->programs_len < RUNG_PROGRAMS_MAX)
			rung->programs[rung->programs_len++] =
				program_of(rung->tracer->skel, &hook_rows[i]);
	}
}

static void detach_hooks(struct tracer *t)
{
	for (size_t i = 0; i < hook_rows_len; i++) {
		bpf_link__destroy(t->links[i]);
		t->links[i] = NULL;
	}
}

/* What earlier loads left on would be paid for by later ones: nothing is in flight between them. */
static void forget_past(struct tracer *t)
{
	t->skel->data_state->ior_state.any_pending = false;
	memset(t->skel->bss->ior_places, 0, sizeof(t->skel->bss->ior_places));
}

static int attach_hooks(struct rung *rung, bool gives_up, struct reason *why)
{
	bool all = gives_up || !rung->plan.submit_comes_and_goes;
	int r;

	forget_past(rung->tracer);
	for (size_t i = 0; i < ARRAY_SIZE(attach_order); i++) {
		if (attach_order[i] == HOOK_DIO_SUBMIT && !all)
			continue;
		r = attach_hook(rung->tracer, &rung->plan, attach_order[i], why);

		if (r < 0)
			return r;
	}
	tracer_arm(rung->tracer);
	if (rung->spec->setup != SETUP_CHECK)
		tracer_drained(rung->tracer);
	return 0;
}

static const char *object_path(const struct rung_spec *spec, const struct rung_env *env, char *out,
			       size_t size)
{
	if (spec->source == RUNG_SHIPPED)
		return NULL;
	if (spec->source == RUNG_OTHER)
		return env->other;
	snprintf(out, size, "%s/pieces-%s.bpf.o", env->objects, spec->programs);
	return out;
}

static int open_ours(struct rung *rung, const struct rung_env *env, struct reason *why)
{
	struct tracer_opts opts = {.cgroup_fd = -1};
	bool buffered = rung->spec->setup == SETUP_BUFFERED;
	struct plan_opts plan_opts = {
		.modes = 1U << (buffered ? IOR_MODE_BUFFERED : IOR_MODE_DIRECT),
		.every_mode = true,
		.fewer_hooks = rung->spec->setup != SETUP_CHECK,
	};
	struct probe_opts probe;
	struct kernel kernel;
	char path[4096];
	int fd, r;

	probe = plan_probe_opts(&plan_opts);
	r = kernel_probe(&probe, &kernel, why);
	if (!r)
		r = plan_build(&kernel, &plan_opts, &rung->plan, why);
	if (!r)
		r = set_up(&opts, rung->spec->setup, env->dir, why);
	if (r < 0)
		return r;
	exchange_path = object_path(rung->spec, env, path, sizeof(path));
	r = tracer_open(&rung->plan, &kernel, &opts, &rung->tracer, why);
	closep(&opts.cgroup_fd);
	if (r < 0)
		return r;
	detach_hooks(rung->tracer);
	take_programs(rung);
	r = tracer_drain_open(rung->tracer, on_record, NULL, &fd);
	rung->ring = rung->tracer->ring;
	return r;
}

/* ---- rivals ---------------------------------------------------------------------------------- */

/* Those of the rival that detects are large: none of the others gets them as well. */
static void choose_maps(const struct rung *rung)
{
	bool detects = !strcmp(rung->spec->programs, "detect_");
	struct bpf_map *map;

	bpf_object__for_each_map(map, rung->rivals->obj)
	{
		if (!strncmp(bpf_map__name(map), "detect_", strlen("detect_")))
			bpf_map__set_autocreate(map, detects);
	}
}

static int open_rivals(struct rung *rung, struct reason *why)
{
	struct bpf_program *prog;
	int r;

	rung->rivals = rivals_bpf__open();
	if (!rung->rivals)
		return reason_fail(why, -errno, "cannot open the rivals: %s", strerror(errno));
	bpf_object__for_each_program(prog, rung->rivals->obj)
	{
		bool mine = !strncmp(bpf_program__name(prog), rung->spec->programs,
				     strlen(rung->spec->programs));

		bpf_program__set_autoload(prog, mine);
		if (mine && rung->programs_len < RUNG_PROGRAMS_MAX)
			rung->programs[rung->programs_len++] = prog;
	}
	choose_maps(rung);
	r = rivals_bpf__load(rung->rivals);
	if (r < 0)
		return reason_fail(why, r, "the kernel refused the rivals: %s", strerror(-r));
	if (!strcmp(rung->spec->programs, "stream_"))
		rung->ring = ring_buffer__new(bpf_map__fd(rung->rivals->maps.rival_ring),
					      (ring_buffer_sample_fn)(void *)on_record, NULL, NULL);
	return 0;
}

static int attach_rivals(struct rung *rung, struct reason *why)
{
	for (size_t i = 0; i < rung->programs_len; i++) {
		rung->links[i] = bpf_program__attach(rung->programs[i]);
		if (!rung->links[i])
			return reason_fail(why, -errno, "cannot attach %s: %s",
					   bpf_program__name(rung->programs[i]), strerror(errno));
	}
	return 0;
}

/* ---- any rung -------------------------------------------------------------------------------- */

int rung_open(const struct rung_spec *spec, const struct rung_env *env, struct rung **ret,
	      struct reason *why)
{
	struct rung *rung;
	int r = 0;

	*ret = NULL;
	if (spec->source == RUNG_OTHER && !env->other)
		return 0;
	rung = calloc(1, sizeof(*rung));
	if (!rung)
		return -ENOMEM;
	rung->spec = spec;
	if (spec->source == RUNG_RIVAL)
		r = open_rivals(rung, why);
	else if (spec->source == RUNG_PROCESS)
		r = process_try(&rung->process, spec->programs, why);
	else if (spec->source != RUNG_NOTHING)
		r = open_ours(rung, env, why);
	if (r < 0) {
		rung_free(rung);
		return r;
	}
	*ret = rung;
	return 0;
}

void rung_free(struct rung *rung)
{
	if (!rung)
		return;
	rung_detach(rung);
	if (rung->rivals)
		ring_buffer__free(rung->ring);
	rivals_bpf__destroy(rung->rivals);
	tracer_free(rung->tracer);
	free(rung);
}

#define POLL_MS 20
#define POLLS_PER_SECOND (1000 / POLL_MS)

/* As the tool does: at most once a second it has forgotten where nobody stands, here at first. */
static void *consume(void *arg)
{
	struct rung *rung = arg;

	for (unsigned int polls = 0; !atomic_load(&rung->ending); polls++) {
		ring_buffer__poll(rung->ring, POLL_MS);
		if (rung->tracer && polls % POLLS_PER_SECOND == 0)
			forgetter_tick(rung->tracer->forgetter);
	}
	ring_buffer__consume(rung->ring);
	return NULL;
}

int rung_attach(struct rung *rung, bool gives_up, struct reason *why)
{
	int r;

	if (rung->spec->source == RUNG_PROCESS)
		return process_start(&rung->process, why);
	r = rung->tracer ? attach_hooks(rung, gives_up, why) : attach_rivals(rung, why);
	if (r < 0 || !rung->ring)
		return r;
	atomic_store(&rung->ending, false);
	r = -pthread_create(&rung->consumer, NULL, consume, rung);
	return r ? reason_fail(why, r, "no thread to consume events: %s", strerror(-r)) : 0;
}

void rung_detach(struct rung *rung)
{
	if (rung->consumer) {
		atomic_store(&rung->ending, true);
		pthread_join(rung->consumer, NULL);
		rung->consumer = 0;
	}
	if (rung->tracer) {
		tracer_disarm(rung->tracer);
		detach_hooks(rung->tracer);
	}
	for (size_t i = 0; i < RUNG_PROGRAMS_MAX; i++) {
		bpf_link__destroy(rung->links[i]);
		rung->links[i] = NULL;
	}
	process_stop(&rung->process);
}

bool rung_is_process(const struct rung *rung)
{
	return rung->spec->source == RUNG_PROCESS;
}

double rung_cpu_ns(const struct rung *rung)
{
	return process_cpu_ns(&rung->process);
}

static const char *hook_of(const struct bpf_program *prog)
{
	const char *slash = strchr(bpf_program__section_name(prog), '/');

	return slash ? slash + 1 : "?";
}

size_t rung_usage(const struct rung *rung, struct rung_usage usage[RUNG_PROGRAMS_MAX])
{
	if (rung->spec->source == RUNG_PROCESS)
		return process_usage(&rung->process, usage);
	for (size_t i = 0; i < rung->programs_len; i++) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		bpf_obj_get_info_by_fd(bpf_program__fd(rung->programs[i]), &info, &len);
		snprintf(usage[i].hook, sizeof(usage[i].hook), "%s", hook_of(rung->programs[i]));
		usage[i].runs = info.run_cnt;
		usage[i].time_ns = info.run_time_ns;
	}
	return rung->programs_len;
}

uint64_t rung_losses(const struct rung *rung)
{
	struct tracer_counters counters;
	uint64_t sum = 0;

	if (rung->rivals)
		return rung->rivals->bss->rival_unfound + rung->rivals->bss->rival_dropped +
		       rung->rivals->bss->rival_untracked;
	if (!rung->tracer || tracer_counters(rung->tracer, &counters))
		return 0;
	for (int i = 0; i < IOR_LOSS_COUNT_; i++)
		sum += counters.losses[i];
	return sum;
}
