// SPDX-License-Identifier: GPL-2.0
/*
 * Named operations. Each has a thread, or a process with one thread, that
 * waits on the board to be started; it can be started again when it is done.
 *
 * An operation with fault_page has a hole in its buffer: whoever touches that
 * page, here the kernel while it moves the data, sleeps in userfaultfd until
 * the script says "feed". This holds a window open on any file system and
 * any device, for buffered and DAX copies too.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FAULT_TIMEOUT_MS 60000
#define LAUNCH_TIMEOUT_MS 10000

struct fault_server {
	struct board *board;
	struct op *op;
	int uffd;
	char *page;
	pthread_t thread;
};

/* ---- the board ---- */

int board_new(struct board **ret)
{
	pthread_mutexattr_t mutex_attr;
	pthread_condattr_t cond_attr;
	struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED)
		return -errno;
	pthread_mutexattr_init(&mutex_attr);
	pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&board->lock, &mutex_attr);
	pthread_condattr_init(&cond_attr);
	pthread_condattr_setpshared(&cond_attr, PTHREAD_PROCESS_SHARED);
	pthread_condattr_setclock(&cond_attr, CLOCK_MONOTONIC);
	pthread_cond_init(&board->changed, &cond_attr);
	*ret = board;
	return 0;
}

/*
 * Others are woken without the lock: a thread with a ring may run what the ring has left to do at
 * the end of any system call, and sleep there for a missing page until others have had the lock.
 */
static void board_set_state(struct board *board, struct op *op, enum op_state state)
{
	pthread_mutex_lock(&board->lock);
	op->state = state;
	pthread_mutex_unlock(&board->lock);
	pthread_cond_broadcast(&board->changed);
}

static struct timespec deadline_in(int timeout_ms)
{
	int64_t ns = now_ns() + timeout_ms * 1000000LL;

	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

int board_wait_state(struct board *board, const struct op *op, enum op_state state, int timeout_ms)
{
	struct timespec deadline = deadline_in(timeout_ms);
	int r = 0;

	pthread_mutex_lock(&board->lock);
	while (op->state < state && !r)
		r = pthread_cond_timedwait(&board->changed, &board->lock, &deadline);
	pthread_mutex_unlock(&board->lock);
	return -r;
}

int board_wait_fault(struct board *board, const struct op *op, int timeout_ms)
{
	struct timespec deadline = deadline_in(timeout_ms);
	int r = 0;

	pthread_mutex_lock(&board->lock);
	while (!op->faulted && !r)
		r = pthread_cond_timedwait(&board->changed, &board->lock, &deadline);
	pthread_mutex_unlock(&board->lock);
	return -r;
}

void board_feed(struct board *board, struct op *op)
{
	pthread_mutex_lock(&board->lock);
	op->fed = true;
	pthread_cond_broadcast(&board->changed);
	pthread_mutex_unlock(&board->lock);
}

void board_give_up(struct board *board, struct op *op)
{
	board_set_state(board, op, OP_EXIT);
}

static int board_wait_fed(struct board *board, const struct op *op)
{
	struct timespec deadline = deadline_in(FAULT_TIMEOUT_MS);
	int r = 0;

	pthread_mutex_lock(&board->lock);
	while (!op->fed && !r)
		r = pthread_cond_timedwait(&board->changed, &board->lock, &deadline);
	pthread_mutex_unlock(&board->lock);
	return -r;
}

/* ---- the missing page ---- */

static void *fault_serve(void *arg)
{
	struct fault_server *server = arg;
	char *page = aligned_alloc(PAGE_BYTES, PAGE_BYTES);
	struct uffd_msg msg;

	if (!page || read(server->uffd, &msg, sizeof(msg)) != sizeof(msg))
		goto out;
	pthread_mutex_lock(&server->board->lock);
	server->op->faulted = true;
	pthread_cond_broadcast(&server->board->changed);
	pthread_mutex_unlock(&server->board->lock);

	board_wait_fed(server->board, server->op);
	memset(page, server->op->spec.fill, PAGE_BYTES);
	ioctl(server->uffd, UFFDIO_COPY,
	      &(struct uffdio_copy){
		      .dst = (uintptr_t)server->page, .src = (uintptr_t)page, .len = PAGE_BYTES});
out:
	free(page);
	return NULL;
}

static int fault_arm(struct fault_server *server, struct board *board, struct op *op, char *buf)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	server->board = board;
	server->op = op;
	server->page = (char *)((uintptr_t)buf & ~(uintptr_t)(PAGE_BYTES - 1)) +
		       (size_t)op->fault_page * PAGE_BYTES;
	server->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (server->uffd < 0)
		return -errno;
	reg.range.start = (uintptr_t)server->page;
	reg.range.len = PAGE_BYTES;
	if (ioctl(server->uffd, UFFDIO_API, &api) < 0 ||
	    madvise(server->page, PAGE_BYTES, MADV_DONTNEED) < 0 ||
	    ioctl(server->uffd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	return -pthread_create(&server->thread, NULL, fault_serve, server);
}

static void fault_disarm(struct fault_server *server)
{
	if (server->uffd < 0)
		return;
	pthread_cancel(server->thread);
	pthread_join(server->thread, NULL);
	close(server->uffd);
}

/* ---- the worker ---- */

static char *buffer_new(const struct op *op, size_t *ret_bytes)
{
	size_t bytes = (op->spec.len + op->misalign + 2 * PAGE_BYTES) & ~(size_t)(PAGE_BYTES - 1);
	char *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	memset(map, op->spec.fill, bytes);
	*ret_bytes = bytes;
	return map;
}

static void op_finish(struct board *board, struct op *op, const struct io *io)
{
	char line[1024];
	size_t len;

	pthread_mutex_lock(&board->lock);
	op->result = io->result;
	pthread_mutex_unlock(&board->lock);
	len = say_record(line, sizeof(line), op, io);
	line[len - 1] = '\0';
	say("%s", line);
	board_set_state(board, op, OP_DONE);
}

static int op_perform(struct board *board, struct op *op, struct queue *queue, char *buf)
{
	struct io io = {.spec = op->spec, .buf = buf + op->misalign};
	struct io *reaped;
	int r;

	say_op("submit", op);
	board_set_state(board, op, OP_SUBMITTING);
	r = queue_submit(queue, &io);
	if (!r && queue->engine != ENGINE_SYNC) {
		say_op("return", op);
		if (op->leave)
			op->result = io.result;
		board_set_state(board, op, OP_RETURNED);
		if (op->leave)
			return 0;
		r = queue_reap(queue, &reaped);
	}
	if (r < 0) {
		io.result.res = r;
		io.result.return_ns = io.result.done_ns = now_ns();
	}
	op_finish(board, op, &io);
	return r;
}

static bool op_wait_start(struct board *board, struct op *op)
{
	bool start;

	pthread_mutex_lock(&board->lock);
	while (op->state != OP_STARTED && op->state != OP_EXIT)
		pthread_cond_wait(&board->changed, &board->lock);
	start = op->state == OP_STARTED;
	pthread_mutex_unlock(&board->lock);
	return start;
}

struct worker_args {
	struct board *board;
	struct op *op;
};

static void op_introduce(struct op *op)
{
	if (*op->comm)
		prctl(PR_SET_NAME, op->comm, 0, 0, 0);
	op->pid = getpid();
	op->tid = (pid_t)syscall(SYS_gettid);
}

/* Its buffer stays: the kernel is at work on it. */
static void op_go(struct board *board, struct op *op, struct queue *queue)
{
	board_wait_fed(board, op);
	if (op->leave == LEAVE_CLOSE)
		queue_done(queue);
}

/* When it was done nobody knows, but by now it is: the script ends, and nothing is held. */
static void op_say_left(const struct op *op)
{
	struct io io = {.spec = op->spec, .result = op->result};
	char line[1024];
	size_t len;

	io.result.done_ns = now_ns();
	io.result.res = (int64_t)op->spec.len;
	len = say_record(line, sizeof(line), op, &io);
	line[len - 1] = '\0';
	say("%s", line);
}

/* One start: with its own missing page, where it has one. */
static int op_run_once(struct board *board, struct op *op, struct queue *queue, char *buf)
{
	struct fault_server server = {.uffd = -1};
	int r = op->fault_page < 0 ? 0 : fault_arm(&server, board, op, buf);

	if (r < 0)
		say("{\"ev\":\"error\",\"op\":\"%s\",\"what\":\"userfaultfd\",\"res\":%d}",
		    op->name, r);
	else
		r = op_perform(board, op, queue, buf);
	fault_disarm(&server);
	return r;
}

static void *worker_main(void *arg)
{
	struct worker_args args = *(struct worker_args *)arg;
	struct board *board = args.board;
	struct op *op = args.op;
	struct queue queue;
	size_t bytes = 0;
	char *buf = buffer_new(op, &bytes);
	int r = queue_init(&queue, op->spec.engine, 4);

	free(arg);
	op_introduce(op);
	board_set_state(board, op, buf && !r ? OP_IDLE : OP_EXIT);
	if (!buf || r < 0) {
		say("{\"ev\":\"error\",\"op\":\"%s\",\"what\":\"engine\",\"res\":%d}", op->name, r);
		return NULL;
	}
	while (op_wait_start(board, op)) {
		op_run_once(board, op, &queue, buf);
		if (op->leave) {
			op_go(board, op, &queue);
			return NULL;
		}
	}
	queue_done(&queue);
	munmap(buf, bytes);
	return NULL;
}

/* What execve() does to async IO in flight is the question; what is executed is not. */
static void become_another(int number)
{
	(void)number;
	execl("/bin/true", "true", NULL);
	_exit(127);
}

/* A fork of a threaded process: the child does nothing but be the worker. */
static int op_launch_process(struct op *op, struct worker_args *args)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		signal(SIGUSR1, become_another);
		worker_main(args);
		_exit(0);
	}
	op->child = pid;
	free(args);
	return 0;
}

int op_launch(struct board *board, struct op *op)
{
	struct worker_args *args = malloc(sizeof(*args));
	int r;

	if (!args)
		return -ENOMEM;
	*args = (struct worker_args){.board = board, .op = op};
	op->state = OP_LAUNCHING;
	if (op->own_process)
		r = op_launch_process(op, args);
	else
		r = -pthread_create(&op->thread, NULL, worker_main, args);
	if (r < 0) {
		free(args);
		return r;
	}
	r = board_wait_state(board, op, OP_IDLE, LAUNCH_TIMEOUT_MS);
	return r < 0 ? r : op->state == OP_EXIT ? -EIO : 0;
}

int op_start(struct board *board, struct op *op)
{
	int r = 0;

	pthread_mutex_lock(&board->lock);
	if (op->state == OP_IDLE || op->state == OP_DONE) {
		op->faulted = op->fed = false;
		op->state = OP_STARTED;
		pthread_cond_broadcast(&board->changed);
	} else {
		r = -EBUSY;
	}
	pthread_mutex_unlock(&board->lock);
	return r;
}

void op_end(struct board *board, struct op *op)
{
	board_set_state(board, op, OP_EXIT);
	if (op->own_process)
		waitpid(op->child, NULL, 0);
	else
		pthread_join(op->thread, NULL);
	if (op->leave && op->result.return_ns)
		op_say_left(op);
}
