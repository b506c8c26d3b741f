// SPDX-License-Identifier: GPL-2.0
#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "unit.h"

#define MS 1000000ULL

struct seen {
	int calls;
	int stop_after; /* calls */
	int result;
	struct loop_event last;
	struct loop_source *remove;
};

static int note(struct loop *loop, const struct loop_event *event, void *arg)
{
	struct seen *seen = arg;

	seen->calls++;
	seen->last = *event;
	if (seen->remove)
		loop_remove(loop, seen->remove);
	if (seen->calls >= seen->stop_after)
		loop_stop(loop);
	return seen->result;
}

static void ready_fd_calls_back_with_its_events(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 1};
	int fds[2];

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_add_fd(&loop, fds[0], EPOLLIN, note, &seen, NULL), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(seen.last.fd, fds[0]);
	assert_true(seen.last.epoll & EPOLLIN);
	close(fds[0]);
	close(fds[1]);
}

static void failing_callback_ends_the_run_with_its_error(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 2, .result = -EBADMSG};

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add_timer(&loop, 0, false, note, &seen, NULL), 0);
	assert_int_equal(loop_run(&loop), -EBADMSG);
	assert_int_equal(seen.calls, 1);
}

static void periodic_timer_fires_again(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 3};

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add_timer(&loop, MS / 10, true, note, &seen, NULL), 0);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(seen.calls, 3);
	assert_true(seen.last.expirations >= 1);
}

static void loop_stopped_before_it_runs_does_not_wait(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	loop_stop(&loop);
	assert_int_equal(loop_run(&loop), 0);
}

static void signal_becomes_an_event(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(loop_done) struct loop loop = LOOP_NONE;
		struct seen seen = {.stop_after = 1};

		assert_int_equal(loop_init(&loop), 0);
		assert_int_equal(loop_add_signal(&loop, SIGINT, note, &seen), 0);
		assert_int_equal(loop_add_signal(&loop, SIGTERM, note, &seen), 0);
		assert_int_equal(kill(getpid(), signals[i]), 0);
		assert_int_equal(loop_run(&loop), 0);
		assert_int_equal(seen.last.signo, signals[i]);
	}
}

static void signal_without_callback_stops_the_loop(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add_signal(&loop, SIGTERM, NULL, NULL), 0);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_int_equal(loop_run(&loop), 0);
}

/* Otherwise the second Ctrl-C, typed while the run ends, would kill it before its summary. */
static void pending_signal_is_eaten_and_the_mask_comes_back(void **state)
{
	sigset_t before, after;

	(void)state;
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &before), 0);
	{
		_cleanup_(loop_done) struct loop loop = LOOP_NONE;

		assert_int_equal(loop_init(&loop), 0);
		assert_int_equal(loop_add_signal(&loop, SIGINT, NULL, NULL), 0);
		assert_int_equal(kill(getpid(), SIGINT), 0);
	}
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &after), 0);
	assert_int_equal(sigismember(&before, SIGINT), sigismember(&after, SIGINT));
	assert_int_equal(sigismember(&after, SIGINT), 0);
}

/* Forked after the signals were blocked, as `check` does it; `gate` is closed to let it go. */
static pid_t child_waiting_at(const struct loop *loop, int gate[2], int exit_status)
{
	pid_t pid = fork();
	char byte;

	if (pid != 0)
		return pid;
	close(gate[1]);
	loop_restore_signals(loop);
	if (read(gate[0], &byte, 1) < 0)
		_exit(99);
	_exit(exit_status);
}

static void ended_child_is_reaped_with_its_status(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 1};
	int gate[2];
	pid_t pid;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe(gate), 0);
	pid = child_waiting_at(&loop, gate, 7);
	assert_true(pid > 0);
	assert_int_equal(loop_add_child(&loop, pid, note, &seen), 0);
	close(gate[0]);
	close(gate[1]);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(seen.last.pid, pid);
	assert_int_equal(seen.last.exit_status, 7);
	assert_int_equal(seen.last.term_signal, 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
}

static void killed_child_gets_the_signals_its_parent_blocks(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 1};
	int gate[2];
	pid_t pid;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add_signal(&loop, SIGTERM, NULL, NULL), 0);
	assert_int_equal(pipe(gate), 0);
	pid = child_waiting_at(&loop, gate, 0);
	assert_true(pid > 0);
	assert_int_equal(loop_add_child(&loop, pid, note, &seen), 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(loop_run(&loop), 0);
	assert_int_equal(seen.last.term_signal, SIGTERM);
	assert_int_equal(seen.last.exit_status, -1);
	close(gate[0]);
	close(gate[1]);
}

static void source_removed_in_the_same_round_stays_silent(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen a = {.stop_after = 9}, b = {.stop_after = 9};
	int fds[2];

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_add_fd(&loop, fds[0], EPOLLIN, note, &a, &b.remove), 0);
	assert_int_equal(loop_add_fd(&loop, fds[1], EPOLLOUT, note, &b, &a.remove), 0);
	assert_int_equal(loop_run_once(&loop, 0), 0);
	assert_int_equal(a.calls + b.calls, 1);
	close(fds[0]);
	close(fds[1]);
}

static void source_may_remove_itself(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;
	struct seen seen = {.stop_after = 9};
	int fds[2];

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(loop_add_fd(&loop, fds[1], EPOLLOUT, note, &seen, &seen.remove), 0);
	assert_int_equal(loop_run_once(&loop, 0), 0);
	assert_int_equal(loop_run_once(&loop, 0), 0);
	assert_int_equal(seen.calls, 1);
	close(fds[0]);
	close(fds[1]);
}

static void bad_fd_is_an_error(void **state)
{
	_cleanup_(loop_done) struct loop loop = LOOP_NONE;

	(void)state;
	assert_int_equal(loop_init(&loop), 0);
	assert_int_equal(loop_add_fd(&loop, -1, EPOLLIN, note, NULL, NULL), -EBADF);
}

static void loop_never_made_may_be_done(void **state)
{
	struct loop loop = LOOP_NONE;

	(void)state;
	loop_done(&loop);
	assert_int_equal(loop.epoll_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_fd_calls_back_with_its_events),
		cmocka_unit_test(failing_callback_ends_the_run_with_its_error),
		cmocka_unit_test(periodic_timer_fires_again),
		cmocka_unit_test(loop_stopped_before_it_runs_does_not_wait),
		cmocka_unit_test(signal_becomes_an_event),
		cmocka_unit_test(signal_without_callback_stops_the_loop),
		cmocka_unit_test(pending_signal_is_eaten_and_the_mask_comes_back),
		cmocka_unit_test(ended_child_is_reaped_with_its_status),
		cmocka_unit_test(killed_child_gets_the_signals_its_parent_blocks),
		cmocka_unit_test(source_removed_in_the_same_round_stays_silent),
		cmocka_unit_test(source_may_remove_itself),
		cmocka_unit_test(bad_fd_is_an_error),
		cmocka_unit_test(loop_never_made_may_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
