/* SPDX-License-Identifier: GPL-2.0 */
/* Exit status is an interface. Where several apply, the first of this order wins. */
#ifndef IORACE_CMD_EXIT_H
#define IORACE_CMD_EXIT_H

#include "base/err.h"

enum exit_status {
	EXIT_WRONG_USAGE = 2,
	EXIT_CANNOT_TRACE = 3, /* no privilege, no hook */
	EXIT_CONFLICTS = 1,
	EXIT_COMMAND_FAILED = 5, /* the command under check failed or was killed */
	EXIT_INCONCLUSIVE = 4,
	EXIT_CLEAN = 0,
};

/*
 * Prints "iorace: " and the reason, or the text of the error where there is none, to standard
 * error and returns the status: the easy way to print is also the way to fail.
 */
int fail(enum exit_status status, int error, const struct reason *why);

/*
 * Writes the text to standard output and returns the exit status. Nobody who reads on, as when
 * `| head` has seen enough, is no error.
 */
int print(const char *text);

#endif
