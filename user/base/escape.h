/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one way by which bytes from strangers (file names, program names, cgroups, arguments) reach
 * a person. What could move the cursor, change the direction of text, hide or break a line comes
 * out as \xNN, byte by byte, and a backslash as \\, so that the result can be turned back. The
 * result is always valid UTF-8 on one line.
 */
#ifndef IORACE_BASE_ESCAPE_H
#define IORACE_BASE_ESCAPE_H

#include <stddef.h>

struct buf;

/* Both return 0 or -ENOMEM. */
int escape_append(struct buf *out, const char *bytes, size_t len);
int escape_puts(struct buf *out, const char *text);

/* Columns that escaped text takes on a terminal, to pad it: one for each code point. */
size_t escape_width(const char *escaped);

#endif
