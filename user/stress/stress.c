// SPDX-License-Identifier: GPL-2.0
#include "stress/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/macro.h"
#include "stress/history.h"
#include "stress/moment.h"
#include "stress/reader.h"
#include "stress/scratch.h"
#include "stress/sweep.h"
#include "stress/tallied.h"
#include "stress/worker.h"

#define PROGRESS_NS 500000000ULL

const char *const stress_mode_names[] = {
	[STRESS_MODE_DIRECT] = "direct",     [STRESS_MODE_DAX] = "dax",
	[STRESS_MODE_BUFFERED] = "buffered", [STRESS_MODE_MIXED] = "mixed",
	[STRESS_MODE_COUNT_] = NULL,
};
_Static_assert(ARRAY_SIZE(stress_mode_names) == STRESS_MODE_COUNT_ + 1, "every mode has a name");

/* A worker and what runs it. */
struct hired {
	struct worker worker;
	pthread_t thread;
	pid_t pid; /* of a process; 0: none */
	bool is_running;
};

struct run {
	struct stress_opts opts;
	const struct stress_listener *listener;
	struct stress_outcome *outcome;
	struct scratch scratch;
	struct history *history;
	struct stress_shared *shared;
	struct stress_tallied tallied;
	struct handover handover;
	struct loop loop;
	struct hired *hired;
	size_t hired_len;
	size_t ended;
	unsigned int signals; /* that told us to stop */
	int pipe[2];
	uint64_t id; /* tells the data of this run from other data */
	uint64_t begin_ns;
	uint64_t real_minus_mono_ns;
};

static void run_done(struct run *run)
{
	loop_done(&run->loop);
	closep(&run->pipe[0]);
	closep(&run->pipe[1]);
	scratch_done(&run->scratch);
	stress_tallied_done(&run->tallied);
	history_free(run->history);
	if (run->shared)
		munmap(run->shared, sizeof(*run->shared));
	free(run->hired);
}

/* ---- what is told --------------------------------------------------------------------------- */

static struct file_view file_view(const struct run *run)
{
	return (struct file_view){.id = run->scratch.id,
				  .path = run->outcome->path,
				  .path_state = PATH_OK,
				  .fs = run->outcome->fs};
}

static void fill_view(const struct run *run)
{
	struct stress_view *view = &run->outcome->view;

	for (int kind = 0; kind < IOR_OP_COUNT_; kind++) {
		view->ops[kind] = atomic_load(&run->shared->ops[kind]);
		view->bytes[kind] = atomic_load(&run->shared->bytes[kind]);
	}
	view->judged = atomic_load(&run->shared->judged);
	view->contended = atomic_load(&run->shared->contended);
	view->undecided = atomic_load(&run->shared->undecided);
	view->refused = atomic_load(&run->shared->refused);
	view->duration_ns = moment_ns() - run->begin_ns;
}

static void begin_view(const struct run *run)
{
	const struct stress_opts *opts = &run->opts;
	const struct stress_geometry *geometry = &opts->geometry;
	struct stress_outcome *outcome = run->outcome;

	snprintf(outcome->path, sizeof(outcome->path), "%s", run->scratch.path);
	fs_text(run->scratch.id.magic, outcome->fs);
	outcome->view = (struct stress_view){
		.file = file_view(run),
		.mode = stress_mode_names[opts->mode],
		.engine = stress_engine_names[opts->engine],
		.shape = stress_shape_names[geometry->shape],
		.processes = opts->processes,
		.writers = geometry->workers[STRESS_ROLE_WRITER],
		.readers = geometry->workers[STRESS_ROLE_READER],
		.depth = engine_ops_of(opts->engine)->is_async ? opts->depth : 1,
		.seed = opts->seed,
		.block = geometry->block,
		.size = geometry->size,
	};
}

/* Nobody waits for a process but the loop, which is told later. */
static bool is_dead(const struct run *run, uint32_t worker)
{
	pid_t pid = worker > 0 && worker <= run->hired_len ? run->hired[worker - 1].pid : 0;
	siginfo_t info = {};

	return pid == 0 ||
	       (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid);
}

/* A write whose process was killed in the middle of it may rightly be there in part. */
static bool has_cut_short_op(const struct run *run, const struct stress_evidence *evidence)
{
	for (size_t i = 1; run->opts.processes && i < evidence->ops_len; i++) {
		if (evidence->ops[i].end_ns == STRESS_IN_FLIGHT &&
		    is_dead(run, evidence->ops[i].worker))
			return true;
	}
	return false;
}

static void tell_torn(struct run *run, const struct stress_evidence *evidence)
{
	struct stress_view *view = &run->outcome->view;
	const struct torn_view torn = {
		.id = view->records_written + 1,
		.time_real_ns = evidence->ops[0].end_ns + run->real_minus_mono_ns,
		.file = file_view(run),
		.kind = evidence->kind,
		.how = evidence->how,
		.ops = evidence->ops,
		.ops_len = evidence->ops_len,
		.runs = evidence->runs,
		.runs_len = evidence->runs_len,
		.runs_cut = evidence->runs_cut,
		.pairs = evidence->pairs,
		.pairs_len = evidence->pairs_len,
		.pairs_cut = evidence->pairs_cut,
	};

	if (has_cut_short_op(run, evidence) || !stress_tallied_is_new(&run->tallied, evidence))
		return;
	view->found[evidence->kind]++;
	handover_torn(&run->handover, evidence);
	if (evidence->kind == STRESS_TORN_READ && evidence->how != STRESS_HOW_ORDER)
		view->torn_inside++;
	if (view->records_written == run->opts.max_records) {
		view->records_suppressed++;
		return;
	}
	view->records_written++;
	run->listener->torn(&torn, run->listener->arg);
}

/* The first one; the others may be its consequence. */
static void remember_error(struct run *run, const struct reason *why)
{
	struct stress_outcome *outcome = run->outcome;

	if (outcome->view.error)
		return;
	outcome->error = *why;
	outcome->view.error = outcome->error.text;
}

static uint64_t found_in_all(const struct stress_view *view)
{
	uint64_t found = 0;

	for (int kind = STRESS_WHOLE + 1; kind < STRESS_KIND_COUNT_; kind++)
		found += view->found[kind];
	return found;
}

static void conclude(struct run *run)
{
	struct stress_outcome *outcome = run->outcome;
	struct stress_view *view = &outcome->view;
	size_t room = sizeof(outcome->reason);

	view->reason = outcome->reason;
	view->result = STRESS_RESULT_INCONCLUSIVE;
	if (found_in_all(view) > 0) {
		view->result = STRESS_RESULT_TORN;
		snprintf(outcome->reason, room, "what was read proves it");
	} else if (view->error) {
		snprintf(outcome->reason, room, "it could not go on to the end");
	} else if (view->judged == 0) {
		snprintf(outcome->reason, room, "nothing was read");
	} else if (view->contended == 0 && stress_shape_overlaps(run->opts.geometry.shape)) {
		snprintf(outcome->reason, room, "no op met a write on common bytes");
	} else {
		view->result = STRESS_RESULT_WHOLE;
		snprintf(outcome->reason, room,
			 "%" PRIu64 " reads are explained by an order of whole ops, %" PRIu64
			 " ops met a write on common bytes",
			 view->judged, view->contended);
	}
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void stop(struct run *run)
{
	atomic_store(&run->shared->stop, true);
}

static void one_ended(struct run *run)
{
	if (++run->ended == run->hired_len)
		loop_stop(&run->loop);
}

static int on_message(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct stress_message message;
	struct run *run = arg;
	ssize_t got = read(event->fd, &message, sizeof(message));

	(void)loop;
	if (got < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (got != sizeof(message))
		return -EIO;
	switch (message.type) {
	case STRESS_MESSAGE_TORN:
		tell_torn(run, &message.evidence);
		break;
	case STRESS_MESSAGE_ERROR:
		remember_error(run, &message.failure);
		break;
	case STRESS_MESSAGE_ENDED:
		one_ended(run);
		break;
	}
	return 0;
}

static int on_time(struct loop *loop, const struct loop_event *event, void *arg)
{
	(void)loop;
	(void)event;
	stop(arg);
	return 0;
}

static int on_signal(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;

	(void)loop;
	(void)event;
	run->signals++;
	stop(run);
	return 0;
}

/* Between the steps of what is done outside the loop: was it told to stop, since `before`? */
static bool was_told_to_stop(struct run *run, unsigned int before)
{
	loop_run_once(&run->loop, 0);
	return run->signals > before;
}

static bool filling_is_over(void *arg)
{
	return was_told_to_stop(arg, 0);
}

static int on_progress(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;

	(void)loop;
	(void)event;
	fill_view(run);
	run->listener->progress(&run->outcome->view, run->listener->arg);
	return 0;
}

/* One that did not say that it ended was killed. */
static int on_child(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct run *run = arg;
	struct reason why;

	(void)loop;
	for (size_t i = 0; i < run->hired_len; i++) {
		if (run->hired[i].pid == event->pid)
			run->hired[i].pid = 0;
	}
	if (event->exit_status == 0)
		return 0;
	reason_set(&why, "worker process %d was killed by signal %d", (int)event->pid,
		   event->term_signal);
	remember_error(run, &why);
	stop(run);
	one_ended(run);
	return 0;
}

/* Before there is a file to leave behind. */
static int catch_signals(struct run *run)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	int r = loop_init(&run->loop);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(signals); i++)
		r = loop_add_signal(&run->loop, signals[i], on_signal, run);
	return r;
}

static int set_loop_up(struct run *run)
{
	int r = loop_add_fd(&run->loop, run->pipe[0], EPOLLIN, on_message, run, NULL);

	if (r == 0 && run->opts.duration_ns > 0)
		r = loop_add_timer(&run->loop, run->opts.duration_ns, false, on_time, run, NULL);
	if (r == 0 && run->listener->progress)
		r = loop_add_timer(&run->loop, PROGRESS_NS, true, on_progress, run, NULL);
	return r;
}

/* ---- workers -------------------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
	worker_run(arg);
	return NULL;
}

static int start_process(struct run *run, struct hired *hired)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* Nobody would ever tell it to stop. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			worker_run(&hired->worker);
		_exit(0);
	}
	hired->pid = pid;
	return loop_add_child(&run->loop, pid, on_child, run);
}

static int start_worker(struct run *run, enum stress_role role, unsigned int index)
{
	struct hired *hired = &run->hired[run->hired_len];
	int r;

	hired->worker = (struct worker){
		.opts = &run->opts,
		.shared = run->shared,
		.history = run->history,
		.path = run->scratch.path,
		.run = run->id,
		.nothing_from = stress_shape_starts_empty(run->opts.geometry.shape)
					? 0
					: run->opts.geometry.size,
		.id = (uint32_t)run->hired_len + 1,
		.role = role,
		.index = index,
		.messages = run->pipe[1],
	};
	if (run->opts.processes)
		r = start_process(run, hired);
	else
		r = -pthread_create(&hired->thread, NULL, thread_main, &hired->worker);
	if (r < 0)
		return r;
	hired->is_running = true;
	run->hired_len++;
	return 0;
}

static int start_all(struct run *run)
{
	int r = 0;

	for (enum stress_role role = 0; role < STRESS_ROLE_COUNT_; role++) {
		for (unsigned int i = 0; r == 0 && i < run->opts.geometry.workers[role]; i++)
			r = start_worker(run, role, i);
	}
	if (r < 0)
		stop(run);
	return r;
}

static void join_all(struct run *run)
{
	for (size_t i = 0; i < run->hired_len; i++) {
		struct hired *hired = &run->hired[i];

		if (!run->opts.processes)
			pthread_join(hired->thread, NULL);
		else if (hired->pid > 0)
			waitpid(hired->pid, NULL, 0);
	}
}

/* ---- one run, from the top ------------------------------------------------------------------ */

static size_t workers_of(const struct stress_geometry *geometry)
{
	size_t workers = 0;

	for (int role = 0; role < STRESS_ROLE_COUNT_; role++)
		workers += geometry->workers[role];
	return workers;
}

static int get_memory(struct run *run)
{
	size_t workers = workers_of(&run->opts.geometry);
	void *shared = mmap(NULL, sizeof(*run->shared), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return -ENOMEM;
	run->shared = shared;
	run->history = history_new(workers);
	run->hired = calloc(workers, sizeof(*run->hired));
	if (!run->history || !run->hired)
		return -ENOMEM;
	if (pipe2(run->pipe, O_CLOEXEC) < 0)
		return -errno;
	return stress_tallied_init(&run->tallied);
}

static int fill(struct run *run, struct reason *why)
{
	const struct scratch_filling filling = {
		.size = run->opts.geometry.size,
		.run = run->id,
		.history = run->history,
		.is_over = filling_is_over,
		.arg = run,
	};

	return scratch_fill(&run->scratch, &filling, why);
}

/* The clock of reports, set once: a step of it in the middle would tear times apart. */
static void look_at_clocks(struct run *run)
{
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	run->begin_ns = moment_ns();
	run->real_minus_mono_ns =
		(uint64_t)real.tv_sec * 1000000000ULL + (uint64_t)real.tv_nsec - run->begin_ns;
	run->id = (run->real_minus_mono_ns + run->begin_ns) * 0x9e3779b97f4a7c15ULL ^
		  (uint64_t)getpid() << 32 ^ run->opts.seed;
}

static int prepare(struct run *run, struct reason *why)
{
	int r;

	run->opts.geometry.lanes = engine_ops_of(run->opts.engine)->is_async ? run->opts.depth : 1;
	r = stress_geometry_settle(&run->opts.geometry, why);
	if (r == 0)
		r = engine_try(run->opts.engine, why);
	if (r < 0)
		return r;
	r = get_memory(run);
	if (r == 0)
		r = catch_signals(run);
	if (r < 0)
		return reason_fail(why, r, "cannot prepare a run: %s", strerror(-r));
	r = scratch_create(&run->opts, &run->scratch, why);
	if (r < 0)
		return r;
	look_at_clocks(run);
	begin_view(run);
	return stress_shape_starts_empty(run->opts.geometry.shape) ? 0 : fill(run, why);
}

/* SWEEP_OVER, or -errno: -EINTR when a signal says that this is enough, too. */
static int sweep_all(struct run *run, struct sweep *sweep)
{
	struct stress_message message = {.type = STRESS_MESSAGE_TORN};
	unsigned int signals = run->signals;
	int r = 0;

	while (r == 0) {
		bool found = false;

		r = was_told_to_stop(run, signals) ? -EINTR
						   : sweep_next(sweep, &found, &message.evidence);
		if (r == 0 && found)
			tell_torn(run, &message.evidence);
	}
	return r;
}

static void read_what_is_left(struct run *run)
{
	const struct sweep_job job = {
		.path = run->scratch.path,
		.run = run->id,
		.size = run->opts.geometry.size,
		.longest = stress_geometry_longest(&run->opts.geometry),
		.starts_empty = stress_shape_starts_empty(run->opts.geometry.shape),
		.mode = run->opts.mode,
		.history = run->history,
		.shared = run->shared,
	};
	struct sweep sweep;
	struct reason why;
	int r;

	r = sweep_init(&sweep, &job);
	if (r == 0)
		r = sweep_all(run, &sweep);
	sweep_done(&sweep);
	if (r == SWEEP_OVER)
		return;
	if (r == -EINTR)
		reason_set(&why, "stopped before all that is left in the file was read");
	else
		reason_set(&why, "%s: cannot read what is left in it: %s", run->scratch.path,
			   strerror(-r));
	remember_error(run, &why);
}

static void hand_over(struct run *run)
{
	struct reason why;

	handover_end(&run->handover);
	if (run->handover.error == 0)
		return;
	reason_set(&why, "cannot tell iorace check what was found: %s",
		   strerror(-run->handover.error));
	remember_error(run, &why);
}

static int run_workers(struct run *run, struct reason *why)
{
	int r;

	handover_begin(&run->handover, run->id, &run->scratch.id,
		       run->opts.mode == STRESS_MODE_MIXED);
	r = set_loop_up(run);
	if (r < 0)
		return reason_fail(why, r, "cannot prepare a run: %s", strerror(-r));
	r = start_all(run);
	if (r < 0)
		reason_set(why, "cannot start a worker: %s; fewer --writers and --readers may do",
			   strerror(-r));
	if (run->hired_len > 0) {
		int error = loop_run(&run->loop);
		struct reason broken;

		stop(run);
		reason_set(&broken, "lost touch with the workers: %s", strerror(-error));
		if (error < 0)
			remember_error(run, &broken);
		join_all(run);
	}
	return r;
}

int stress_run(const struct stress_opts *opts, const struct stress_listener *listener,
	       struct stress_outcome *outcome, struct reason *why)
{
	_cleanup_(run_done) struct run run = {.opts = *opts,
					      .listener = listener,
					      .outcome = outcome,
					      .scratch = SCRATCH_NONE,
					      .loop = LOOP_NONE,
					      .pipe = {-1, -1}};
	int r;

	*outcome = (struct stress_outcome){};
	run.handover = opts->handover;
	r = prepare(&run, why);
	if (r == 0)
		r = run_workers(&run, why);
	if (r < 0)
		return r;
	fill_view(&run);
	read_what_is_left(&run);
	hand_over(&run);
	outcome->view.judged = atomic_load(&run.shared->judged);
	outcome->view.undecided = atomic_load(&run.shared->undecided);
	conclude(&run);
	return 0;
}
