/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One poll loop, one thread: file descriptors, timers, signals and children all become one kind
 * of event. Callbacks run one after the other; one that returns a negative error ends loop_run()
 * with it. Sources may be removed from any callback, also their own; a callback must not run the
 * loop again.
 */
#ifndef IORACE_BASE_LOOP_H
#define IORACE_BASE_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop_source;

struct loop {
	int epoll_fd;
	bool stopped;
	sigset_t signals_before; /* mask of the thread when the loop was made */
	struct loop_source *sources;
};

/* What an owner starts with: `_cleanup_(loop_done) struct loop loop = LOOP_NONE;` */
#define LOOP_NONE                                                                                  \
	{                                                                                          \
		.epoll_fd = -1                                                                     \
	}

struct loop_event {
	int fd;		      /* loop_add_fd() */
	uint32_t epoll;	      /* loop_add_fd(): EPOLLIN ... */
	uint64_t expirations; /* loop_add_timer(): since the last call */
	int signo;	      /* loop_add_signal() */
	pid_t pid;	      /* loop_add_child(): has been reaped */
	int exit_status;      /* ... or -1 when a signal killed it */
	int term_signal;      /* ... or 0 */
};

typedef int (*loop_fn)(struct loop *loop, const struct loop_event *event, void *arg);

int loop_init(struct loop *loop);

/* Closes what the loop opened, gives the signals back; fit for _cleanup_(). */
void loop_done(struct loop *loop);

/*
 * `ret` may be NULL: the source stays until loop_done(). The fd stays the caller's and must stay
 * open as long as the source; regular files cannot be waited for (-EPERM).
 */
int loop_add_fd(struct loop *loop, int fd, uint32_t epoll, loop_fn fn, void *arg,
		struct loop_source **ret);

/* CLOCK_MONOTONIC; the first time after `ns`, then every `ns` when periodic. */
int loop_add_timer(struct loop *loop, uint64_t ns, bool periodic, loop_fn fn, void *arg,
		   struct loop_source **ret);

/* Blocks the signal for this thread until loop_done(). Without `fn` it stops the loop. */
int loop_add_signal(struct loop *loop, int signo, loop_fn fn, void *arg);

/* Reaps the child when it ends, calls once and removes itself. -ESRCH when there is none. */
int loop_add_child(struct loop *loop, pid_t pid, loop_fn fn, void *arg);

void loop_remove(struct loop *loop, struct loop_source *source);

/* 0 after loop_stop(), the error of a callback, or -errno. May be called again. */
int loop_run(struct loop *loop);

/* Handles what is ready now, or waits for at most `timeout_ms` (-1: for ever) for something. */
int loop_run_once(struct loop *loop, int timeout_ms);

void loop_stop(struct loop *loop);

/* For a child between fork and exec: the signal mask it should start with. */
int loop_restore_signals(const struct loop *loop);

#endif
