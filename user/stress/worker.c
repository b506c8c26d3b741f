// SPDX-License-Identifier: GPL-2.0
#include "stress/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "model/stress_block.h"
#include "stress/history.h"
#include "stress/moment.h"
#include "stress/reader.h"
#include "stress/scratch.h"

#define BUFFER_ALIGN 4096
#define NAP_NS 100000000ULL /* between looks at `stop` while the rate holds us back */

struct hand {
	const struct worker *worker;
	struct engine engine;
	struct stress_mover mover;
	struct stress_reader reader;
	struct stress_io *ios; /* one for each slot */
	struct stress_io **idle;
	size_t idle_len;
	size_t depth;
	size_t in_flight;
	char *buffers;
	uint64_t buffer_bytes;
	int direct_fd;
	int plain_fd;
	uint32_t pid;
	uint32_t tid;
	uint64_t write_seq;
	uint64_t read_seq;
	uint64_t append_end; /* of its last append */
	uint64_t next_ns;    /* when the rate allows the next op */
};

/* ---- messages ------------------------------------------------------------------------------- */

/* In one piece: it is no longer than PIPE_BUF. Whoever does not listen any more has ended us. */
static void send_message(const struct worker *worker, const struct stress_message *message)
{
	while (write(worker->messages, message, sizeof(*message)) < 0 && errno == EINTR)
		;
}

static int send_failure(const struct worker *worker, int error, const struct reason *why)
{
	struct stress_message message = {.type = STRESS_MESSAGE_ERROR};

	atomic_store(&worker->shared->stop, true);
	message.failure = *why;
	send_message(worker, &message);
	return error;
}

static void count(atomic_uint_fast64_t *counter, uint64_t by)
{
	atomic_fetch_add_explicit(counter, by, memory_order_relaxed);
}

/* ---- an op is over -------------------------------------------------------------------------- */

static struct stress_op op_of(const struct hand *hand, const struct stress_io *io)
{
	return (struct stress_op){
		.range = io->step.range,
		.seq = io->seq,
		.begin_ns = io->begin_ns,
		.end_ns = STRESS_IN_FLIGHT,
		.worker = hand->worker->id,
		.pid = hand->pid,
		.tid = hand->tid,
		.kind = io->step.kind,
		.mode = io->mode,
		.async = hand->engine.ops->is_async && io->step.kind != IOR_OP_SIZE,
		.append = io->step.append,
	};
}

static int io_failed(const struct hand *hand, const struct stress_io *io)
{
	static const char *const verbs[] = {
		[IOR_OP_READ] = "read",
		[IOR_OP_WRITE] = "write",
		[IOR_OP_SIZE] = "truncate or punch",
		[IOR_OP_MMAP] = "store",
	};
	_Static_assert(ARRAY_SIZE(verbs) == IOR_OP_COUNT_, "every kind has a verb");
	uint64_t len = ior_range_len(io->step.range), at = io->step.range.start;
	int error = io->result < 0 ? (int)io->result : -EIO;
	struct reason why;

	if (io->result >= 0)
		reason_set(&why, "%s: a %s of %" PRIu64 " bytes at %" PRIu64 " moved %zd",
			   hand->worker->path, verbs[io->step.kind], len, at, io->result);
	else
		reason_set(&why, "%s: %s at %" PRIu64 ": %s%s", hand->worker->path,
			   verbs[io->step.kind], at, strerror(-error),
			   error == -ENOSPC ? "; free some room, or give a smaller --size" : "");
	return send_failure(hand->worker, error, &why);
}

static int finish_read(struct hand *hand, const struct stress_io *io, uint64_t end_ns)
{
	struct stress_message message = {.type = STRESS_MESSAGE_TORN};
	struct stress_shared *shared = hand->worker->shared;
	struct stress_judgement judgement;
	struct stress_op op = op_of(hand, io);
	int r;

	op.end_ns = end_ns;
	r = stress_reader_judge(&hand->reader, &op, io->buf, (uint64_t)io->result, &judgement,
				&message.evidence);
	if (r < 0)
		return r;
	count(&shared->judged, 1);
	count(&shared->contended, judgement.contended);
	count(&shared->undecided, judgement.verdict.undecided);
	if (judgement.verdict.kind != STRESS_WHOLE)
		send_message(hand->worker, &message);
	return 0;
}

static void raise_tail(struct stress_shared *shared, uint64_t end)
{
	uint64_t tail = atomic_load(&shared->tail);

	while (end > tail && !atomic_compare_exchange_weak(&shared->tail, &tail, end))
		;
}

/*
 * O_APPEND leaves the file position behind what it wrote, but io_uring does not when it completes
 * elsewhere (kiocb_done(), io_uring/rw.c, 6.18): a position that has not moved says nothing.
 */
static bool where_it_went(struct hand *hand, const struct stress_io *io, struct ior_range *ret)
{
	uint64_t len = ior_range_len(io->step.range);
	off_t end = lseek(io->fd, 0, SEEK_CUR);

	if (end < (off_t)len || (uint64_t)end == hand->append_end)
		return false;
	hand->append_end = (uint64_t)end;
	*ret = ior_range_from((uint64_t)end - len, len);
	return true;
}

static int finish_append(struct hand *hand, struct stress_op *op, const struct stress_io *io)
{
	struct stress_message message = {.type = STRESS_MESSAGE_TORN};
	struct history *history = hand->worker->history;
	bool is_lost = false;
	int r;

	if (!where_it_went(hand, io, &op->range)) {
		history_end(history, op->worker, op->seq, STRESS_START_UNKNOWN, op->end_ns);
		return 0;
	}
	history_end(history, op->worker, op->seq, op->range.start, op->end_ns);
	raise_tail(hand->worker->shared, op->range.end);
	r = stress_reader_judge_append(&hand->reader, op, &is_lost, &message.evidence);
	if (is_lost)
		send_message(hand->worker, &message);
	return r;
}

static int finish_change(struct hand *hand, const struct stress_io *io, uint64_t end_ns)
{
	struct stress_op op = op_of(hand, io);
	int r = 0;

	op.end_ns = end_ns;
	if (io->step.append)
		r = finish_append(hand, &op, io);
	else
		history_end(hand->worker->history, op.worker, op.seq, op.range.start, end_ns);
	if (io->step.kind == IOR_OP_SIZE)
		atomic_store(&hand->worker->shared->tail, 0);
	count(&hand->worker->shared->contended, stress_reader_met(&hand->reader, &op));
	return r;
}

/*
 * A direct read that meets delayed allocation, which buffered writes leave behind, fails: "Direct
 * I/O collision with buffered writes" (iomap_dio_iter(), fs/iomap/direct-io.c, 6.18). It has shown
 * nothing.
 */
static bool is_refused(const struct hand *hand, const struct stress_io *io)
{
	return io->result == -EIO && io->step.kind == IOR_OP_READ && io->mode == IOR_MODE_DIRECT &&
	       hand->worker->opts->mode == STRESS_MODE_MIXED;
}

static int finish(struct hand *hand, struct stress_io *io)
{
	struct stress_shared *shared = hand->worker->shared;
	uint64_t end_ns = moment_ns(), len = ior_range_len(io->step.range);
	int r;

	if (is_refused(hand, io)) {
		count(&shared->refused, 1);
		hand->idle[hand->idle_len++] = io;
		return 0;
	}
	if (io->result < 0 || (io->step.kind == IOR_OP_WRITE && (uint64_t)io->result != len))
		return io_failed(hand, io);
	count(&shared->ops[io->step.kind], 1);
	if (io->step.kind != IOR_OP_SIZE)
		count(&shared->bytes[io->step.kind], (uint64_t)io->result);
	r = io->step.kind == IOR_OP_READ ? finish_read(hand, io, end_ns)
					 : finish_change(hand, io, end_ns);
	hand->idle[hand->idle_len++] = io;
	return r;
}

static int reap_one(struct hand *hand)
{
	struct stress_io *io;
	int r;

	r = hand->engine.ops->reap(&hand->engine, &io);
	if (r < 0)
		return r;
	hand->in_flight--;
	return finish(hand, io);
}

/* ---- an op begins --------------------------------------------------------------------------- */

static void choose_way(struct hand *hand, struct stress_io *io)
{
	enum stress_mode mode = hand->worker->opts->mode;
	bool direct = mode == STRESS_MODE_DIRECT ||
		      (mode == STRESS_MODE_MIXED && stress_mover_random(&hand->mover, 2));

	io->fd = direct ? hand->direct_fd : hand->plain_fd;
	io->mode = direct ? IOR_MODE_DIRECT : IOR_MODE_BUFFERED;
	if (mode == STRESS_MODE_DAX)
		io->mode = IOR_MODE_DAX;
	if (io->step.kind == IOR_OP_SIZE)
		io->mode = IOR_MODE_SIZE;
}

static void fill_data(const struct hand *hand, const struct stress_io *io)
{
	const struct stress_stamp stamp = {
		.run = hand->worker->run,
		.seq = io->seq,
		.start = io->step.append ? STRESS_START_UNKNOWN : io->step.range.start,
		.len = ior_range_len(io->step.range),
		.begin_ns = io->begin_ns,
		.writer = hand->worker->id,
	};

	stress_block_fill(io->buf, &stamp, 0, stamp.len);
}

/* Puts it down for all to see before it can have any effect. */
static int announce(struct hand *hand, const struct stress_io *io)
{
	struct stress_op op = op_of(hand, io);

	if (op.append)
		op.range = (struct ior_range){0, ior_range_len(op.range)};
	while (!history_begin(hand->worker->history, &op)) {
		int r = reap_one(hand);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Truncating and punching have no async form worth the name. */
static void cut_now(struct stress_io *io)
{
	int r;

	if (io->step.punch)
		r = fallocate(io->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			      (off_t)io->step.range.start, (off_t)ior_range_len(io->step.range));
	else
		r = ftruncate(io->fd, (off_t)io->step.range.start);
	io->result = r < 0 ? -errno : 0;
}

static int submit(struct hand *hand, struct stress_io *io)
{
	int r;

	if (io->step.kind == IOR_OP_SIZE) {
		cut_now(io);
		return finish(hand, io);
	}
	r = hand->engine.ops->submit(&hand->engine, io);
	if (r < 0) {
		io->result = r;
		return io_failed(hand, io);
	}
	hand->in_flight++;
	return 0;
}

static int issue(struct hand *hand)
{
	struct stress_io *io = hand->idle[--hand->idle_len];
	int r = 0;

	hand->mover.lane = (unsigned int)(io - hand->ios);
	stress_mover_next(&hand->mover, atomic_load(&hand->worker->shared->tail), &io->step);
	choose_way(hand, io);
	io->seq = io->step.kind == IOR_OP_READ ? ++hand->read_seq : ++hand->write_seq;
	io->begin_ns = moment_ns();
	if (io->step.kind == IOR_OP_WRITE)
		fill_data(hand, io);
	if (io->step.kind != IOR_OP_READ)
		r = announce(hand, io);
	return r < 0 ? r : submit(hand, io);
}

/* ---- a worker's life ------------------------------------------------------------------------ */

static bool wants_more(struct hand *hand)
{
	struct stress_shared *shared = hand->worker->shared;
	uint64_t max = hand->worker->opts->ops_max;

	if (atomic_load_explicit(&shared->stop, memory_order_relaxed))
		return false;
	if (max == 0)
		return true;
	return atomic_fetch_add_explicit(&shared->started, 1, memory_order_relaxed) < max;
}

static uint64_t workers_of(const struct stress_opts *opts)
{
	uint64_t workers = 0;

	for (int role = 0; role < STRESS_ROLE_COUNT_; role++)
		workers += opts->geometry.workers[role];
	return workers;
}

/* Its share of the rate, evenly; what was missed is not caught up with. */
static void wait_for_turn(struct hand *hand)
{
	const struct stress_opts *opts = hand->worker->opts;
	uint64_t now = moment_ns(), nap;

	if (opts->rate == 0)
		return;
	while (now < hand->next_ns && !atomic_load(&hand->worker->shared->stop)) {
		nap = hand->next_ns - now < NAP_NS ? hand->next_ns - now : NAP_NS;
		nanosleep(&(struct timespec){.tv_nsec = (long)nap}, NULL);
		now = moment_ns();
	}
	hand->next_ns = (hand->next_ns > now - NAP_NS ? hand->next_ns : now) +
			workers_of(opts) * 1000000000ULL / opts->rate;
}

/* The kernel must be done with the buffers, whatever went wrong. */
static void wait_for_rest(struct hand *hand)
{
	struct stress_io *io;

	while (hand->in_flight > 0 && hand->engine.ops->reap(&hand->engine, &io) == 0)
		hand->in_flight--;
}

static int issue_all(struct hand *hand, bool *more)
{
	int r = 0;

	while (r == 0 && hand->idle_len > 0) {
		*more = wants_more(hand);
		if (!*more)
			break;
		wait_for_turn(hand);
		r = issue(hand);
		/* What cannot wait was done at once; look at `stop` and the others in between. */
		if (hand->in_flight == 0)
			break;
	}
	return r;
}

static int work(struct hand *hand)
{
	bool more = true;
	int r = 0;

	hand->next_ns = moment_ns();
	while (r == 0 && (more || hand->in_flight > 0)) {
		if (more)
			r = issue_all(hand, &more);
		if (r == 0 && hand->in_flight > 0)
			r = reap_one(hand);
	}
	wait_for_rest(hand);
	return r;
}

static int open_files(struct hand *hand)
{
	const struct stress_opts *opts = hand->worker->opts;
	int flags = O_RDWR;

	if (stress_shape_starts_empty(opts->geometry.shape) &&
	    hand->worker->role == STRESS_ROLE_WRITER)
		flags |= O_APPEND;
	hand->plain_fd = scratch_open(hand->worker->path, flags);
	if (hand->plain_fd < 0)
		return -errno;
	if (opts->mode != STRESS_MODE_DIRECT && opts->mode != STRESS_MODE_MIXED)
		return 0;
	hand->direct_fd = scratch_open(hand->worker->path, flags | O_DIRECT);
	return hand->direct_fd < 0 ? -errno : 0;
}

static int get_buffers(struct hand *hand)
{
	void *buffers = NULL;

	hand->buffer_bytes = stress_geometry_longest(&hand->worker->opts->geometry);
	hand->ios = calloc(hand->depth, sizeof(*hand->ios));
	hand->idle = calloc(hand->depth, sizeof(struct stress_io *));
	if (!hand->ios || !hand->idle ||
	    posix_memalign(&buffers, BUFFER_ALIGN, hand->depth * hand->buffer_bytes))
		return -ENOMEM;
	hand->buffers = buffers;
	for (size_t i = 0; i < hand->depth; i++) {
		hand->ios[i].slot = (unsigned int)i;
		hand->ios[i].buf = hand->buffers + i * hand->buffer_bytes;
		hand->idle[hand->idle_len++] = &hand->ios[i];
	}
	return 0;
}

static int hand_init(struct hand *hand, const struct worker *worker)
{
	const struct stress_opts *opts = worker->opts;
	const struct engine_ops *engine = engine_ops_of(opts->engine);
	int r;

	*hand = (struct hand){.worker = worker,
			      .direct_fd = -1,
			      .plain_fd = -1,
			      .pid = (uint32_t)getpid(),
			      .tid = (uint32_t)gettid(),
			      .depth = engine->is_async ? opts->depth : 1};
	/* Where an append went is told by the position of its file: one at a time. */
	if (stress_shape_starts_empty(opts->geometry.shape))
		hand->depth = 1;
	stress_mover_init(&hand->mover, &opts->geometry, worker->role, worker->index, opts->seed);
	r = open_files(hand);
	if (r == 0)
		r = get_buffers(hand);
	if (r == 0)
		r = stress_reader_init(&hand->reader, worker->history, worker->run,
				       worker->nothing_from, hand->buffer_bytes);
	if (r == 0)
		r = engine->open(&hand->engine, (unsigned int)hand->depth);
	if (r == 0)
		hand->engine.ops = engine;
	return r;
}

/* The engine first: what is still in flight uses the buffers. */
static void hand_done(struct hand *hand)
{
	if (hand->engine.ops)
		hand->engine.ops->close(&hand->engine);
	stress_reader_done(&hand->reader);
	free(hand->buffers);
	free(hand->ios);
	free(hand->idle);
	closep(&hand->direct_fd);
	closep(&hand->plain_fd);
}

void worker_run(const struct worker *worker)
{
	const struct stress_message ended = {.type = STRESS_MESSAGE_ENDED};
	struct reason why;
	struct hand hand;
	int r;

	r = hand_init(&hand, worker);
	if (r == 0)
		r = work(&hand);
	if (r < 0 && !atomic_load(&worker->shared->stop)) {
		reason_set(&why, "%s: a worker could not go on: %s", worker->path, strerror(-r));
		send_failure(worker, r, &why);
	}
	hand_done(&hand);
	send_message(worker, &ended);
}
