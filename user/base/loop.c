// SPDX-License-Identifier: GPL-2.0
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/macro.h"

#define NS_PER_S 1000000000ULL
#define EVENTS_AT_ONCE 16

struct loop_source {
	struct loop_source *next;
	/* Reads what woke us into `event`. 0: nothing there after all; 1: call fn; or -errno. */
	int (*take)(struct loop_source *source, struct loop_event *event);
	loop_fn fn;
	void *arg;
	pid_t pid;
	int fd;
	bool owns_fd;
	bool once;
	bool removed; /* freed only between two rounds: events of this round may point here */
};

static void source_free(struct loop_source *source)
{
	if (!source)
		return;
	if (source->owns_fd)
		closep(&source->fd);
	free(source);
}

int loop_init(struct loop *loop)
{
	*loop = (struct loop){.epoll_fd = -1};
	if (sigprocmask(SIG_SETMASK, NULL, &loop->signals_before) < 0)
		return -errno;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return -errno;
	return 0;
}

static void loop_free_removed(struct loop *loop, bool all)
{
	struct loop_source **at = &loop->sources;

	while (*at) {
		struct loop_source *source = *at;

		if (all || source->removed) {
			*at = source->next;
			source_free(source);
		} else {
			at = &source->next;
		}
	}
}

/*
 * Signals that are pending when the mask goes back would kill the process on its way out, after
 * it has said that it stopped in order; so they are eaten first, with their signalfd.
 */
static void loop_drain_signals(struct loop *loop)
{
	struct loop_event event;

	for (struct loop_source *source = loop->sources; source; source = source->next) {
		while (source->pid == 0 && source->owns_fd && !source->removed &&
		       source->take(source, &event) > 0)
			;
	}
}

void loop_done(struct loop *loop)
{
	loop_drain_signals(loop);
	loop_free_removed(loop, true);
	/* A loop that failed in loop_init(), or was never made, has touched no mask. */
	if (loop->epoll_fd >= 0)
		loop_restore_signals(loop);
	closep(&loop->epoll_fd);
}

int loop_restore_signals(const struct loop *loop)
{
	return sigprocmask(SIG_SETMASK, &loop->signals_before, NULL) < 0 ? -errno : 0;
}

/* Takes the fd over when `source` says so, also on failure. */
static int loop_add(struct loop *loop, uint32_t epoll, const struct loop_source *source,
		    struct loop_source **ret)
{
	struct epoll_event want = {.events = epoll};
	struct loop_source *added;
	int r = -ENOMEM;

	added = malloc(sizeof(*added));
	if (!added)
		goto fail;
	*added = *source;
	want.data.ptr = added;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &want) < 0) {
		r = -errno;
		goto fail;
	}
	added->next = loop->sources;
	loop->sources = added;
	if (ret)
		*ret = added;
	return 0;

fail:
	free(added);
	if (source->owns_fd)
		close(source->fd);
	return r;
}

static int take_fd_event(struct loop_source *source, struct loop_event *event)
{
	event->fd = source->fd;
	return 1;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t epoll, loop_fn fn, void *arg,
		struct loop_source **ret)
{
	const struct loop_source source = {.take = take_fd_event, .fn = fn, .arg = arg, .fd = fd};

	return loop_add(loop, epoll, &source, ret);
}

static int take_timer(struct loop_source *source, struct loop_event *event)
{
	if (read(source->fd, &event->expirations, sizeof(event->expirations)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	return 1;
}

int loop_add_timer(struct loop *loop, uint64_t ns, bool periodic, loop_fn fn, void *arg,
		   struct loop_source **ret)
{
	struct loop_source source = {.take = take_timer, .fn = fn, .arg = arg, .owns_fd = true};
	struct itimerspec when = {};

	source.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (source.fd < 0)
		return -errno;
	if (ns == 0)
		ns = 1; /* zero would disarm it */
	when.it_value = (struct timespec){.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
	if (periodic)
		when.it_interval = when.it_value;
	if (timerfd_settime(source.fd, 0, &when, NULL) < 0) {
		int r = -errno;

		close(source.fd);
		return r;
	}
	return loop_add(loop, EPOLLIN, &source, ret);
}

static int take_signal(struct loop_source *source, struct loop_event *event)
{
	struct signalfd_siginfo got;

	if (read(source->fd, &got, sizeof(got)) < 0)
		return errno == EAGAIN ? 0 : -errno;
	event->signo = got.ssi_signo;
	return 1;
}

static int stop_on_signal(struct loop *loop, const struct loop_event *event, void *arg)
{
	(void)event;
	(void)arg;
	loop_stop(loop);
	return 0;
}

int loop_add_signal(struct loop *loop, int signo, loop_fn fn, void *arg)
{
	struct loop_source source = {
		.take = take_signal, .fn = fn ? fn : stop_on_signal, .arg = arg, .owns_fd = true};
	sigset_t set;

	if (sigemptyset(&set) < 0 || sigaddset(&set, signo) < 0)
		return -errno;
	source.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (source.fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
		int r = -errno;

		close(source.fd);
		return r;
	}
	return loop_add(loop, EPOLLIN, &source, NULL);
}

static int take_child(struct loop_source *source, struct loop_event *event)
{
	siginfo_t got = {};

	if (waitid(P_PID, source->pid, &got, WEXITED | WNOHANG) < 0)
		return -errno;
	if (got.si_pid == 0)
		return 0;
	event->pid = got.si_pid;
	event->exit_status = got.si_code == CLD_EXITED ? got.si_status : -1;
	event->term_signal = got.si_code == CLD_EXITED ? 0 : got.si_status;
	return 1;
}

int loop_add_child(struct loop *loop, pid_t pid, loop_fn fn, void *arg)
{
	struct loop_source source = {.take = take_child,
				     .fn = fn,
				     .arg = arg,
				     .pid = pid,
				     .owns_fd = true,
				     .once = true};

	/* pidfd_open(2) has a glibc wrapper from 2.36 on only; close-on-exec by itself. */
	source.fd = syscall(SYS_pidfd_open, pid, 0);
	if (source.fd < 0)
		return -errno;
	return loop_add(loop, EPOLLIN, &source, NULL);
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
	if (!source || source->removed)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	source->removed = true;
}

static int loop_dispatch(struct loop *loop, const struct epoll_event *ready)
{
	struct loop_source *source = ready->data.ptr;
	struct loop_event event = {.fd = -1, .epoll = ready->events, .exit_status = -1};
	int r;

	if (source->removed)
		return 0;
	r = source->take(source, &event);
	if (r <= 0)
		return r;
	if (source->once)
		loop_remove(loop, source);
	r = source->fn(loop, &event, source->arg);
	return r < 0 ? r : 0;
}

int loop_run_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event ready[EVENTS_AT_ONCE];
	int count, r = 0;

	count = epoll_wait(loop->epoll_fd, ready, ARRAY_SIZE(ready), timeout_ms);
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < count && r == 0 && !loop->stopped; i++)
		r = loop_dispatch(loop, &ready[i]);
	loop_free_removed(loop, false);
	return r;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	/* Cleared at the end, not here: somebody may have stopped the loop before it ran. */
	while (r == 0 && !loop->stopped)
		r = loop_run_once(loop, -1);
	loop->stopped = false;
	return r;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
