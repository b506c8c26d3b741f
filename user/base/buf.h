/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Growable text. Failure sticks: after one -ENOMEM every call returns it and changes nothing, so a
 * writer may append many times and look once, at the end.
 */
#ifndef IORACE_BASE_BUF_H
#define IORACE_BASE_BUF_H

#include <stddef.h>

#include "base/macro.h"

struct buf {
	char *text;  /* NUL-terminated once anything was appended, NULL before; see buf_text() */
	size_t len;  /* without the NUL */
	size_t room; /* bytes allocated */
	int error;   /* 0 or -ENOMEM */
};

/* A buf starts as `struct buf out = {};`. All return 0 or -ENOMEM. */
int buf_append(struct buf *out, const void *bytes, size_t len);
int buf_puts(struct buf *out, const char *text);
int buf_putc(struct buf *out, char c);
int buf_fill(struct buf *out, char c, size_t count);
int buf_printf(struct buf *out, const char *fmt, ...) IS_PRINTF(2, 3);

/* Never NULL. */
const char *buf_text(const struct buf *out);

/* Empties it and forgets an error, keeps the memory: for reuse line by line. */
void buf_reset(struct buf *out);

/* Frees it; fit for _cleanup_(). */
void buf_done(struct buf *out);

#endif
