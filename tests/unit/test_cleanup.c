// SPDX-License-Identifier: GPL-2.0
#include "base/cleanup.h"

#include <fcntl.h>
#include <stdbool.h>

#include "unit.h"

static bool fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void taken_pointer_leaves_null_behind(void **state)
{
	_cleanup_(freep) char *owner = malloc(1);
	char *taken = take_ptr(owner);

	(void)state;
	assert_non_null(taken);
	assert_null(owner);
	free(taken);
}

static void taken_fd_leaves_minus_one_behind(void **state)
{
	_cleanup_(closep) int taken = -1;
	{
		_cleanup_(closep) int owner = open("/dev/null", O_RDONLY | O_CLOEXEC);

		taken = take_fd(owner);
		assert_int_equal(owner, -1);
	}
	(void)state;
	assert_true(fd_is_open(taken));
}

static void fd_is_closed_at_the_end_of_its_scope(void **state)
{
	int seen;
	{
		_cleanup_(closep) int owner = open("/dev/null", O_RDONLY | O_CLOEXEC);

		seen = owner;
		assert_true(fd_is_open(seen));
	}
	(void)state;
	assert_false(fd_is_open(seen));
}

static void cleaning_keeps_errno(void **state)
{
	int closed = 1000000;

	(void)state;
	errno = EAGAIN;
	closep(&closed);
	assert_int_equal(errno, EAGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_pointer_leaves_null_behind),
		cmocka_unit_test(taken_fd_leaves_minus_one_behind),
		cmocka_unit_test(fd_is_closed_at_the_end_of_its_scope),
		cmocka_unit_test(cleaning_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
