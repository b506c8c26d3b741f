/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions return 0 or -errno and never print. Where a number does not say enough they also fill
 * a `struct reason`: one sentence without full stop for a person. It may quote bytes from
 * strangers, so whoever prints it escapes it (escape.h).
 */
#ifndef IORACE_BASE_ERR_H
#define IORACE_BASE_ERR_H

#include "base/macro.h"

#define REASON_TEXT_BYTES 512

struct reason {
	char text[REASON_TEXT_BYTES];
};

/* `why` may be NULL: the caller does not want to know. Too long a text ends in "...". */
void reason_set(struct reason *why, const char *fmt, ...) IS_PRINTF(2, 3);

/* The same, and returns `error`, so that explaining and failing are one line. */
int reason_fail(struct reason *why, int error, const char *fmt, ...) IS_PRINTF(3, 4);

#endif
