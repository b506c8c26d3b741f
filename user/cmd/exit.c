// SPDX-License-Identifier: GPL-2.0
#include "cmd/exit.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int fail(enum exit_status status, int error, const struct reason *why)
{
	_cleanup_(buf_done) struct buf text = {};

	escape_puts(&text, why && why->text[0] ? why->text : strerror(-error));
	fprintf(stderr, "iorace: %s\n", buf_text(&text));
	return status;
}

int print(const char *text)
{
	struct reason why;
	int error;

	if (fputs(text, stdout) >= 0 && !fflush(stdout))
		return EXIT_CLEAN;
	error = errno;
	if (error == EPIPE)
		return EXIT_CLEAN;
	reason_set(&why, "standard output: %s", strerror(error));
	return fail(EXIT_INCONCLUSIVE, -error, &why);
}
