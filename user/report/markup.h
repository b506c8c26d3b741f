/* SPDX-License-Identifier: GPL-2.0 */
/* Text in HTML and XML. */
#ifndef IORACE_REPORT_MARKUP_H
#define IORACE_REPORT_MARKUP_H

#include <stddef.h>

struct buf;

/*
 * Text that is escaped for people already (base/escape.h), made fit for the body of an element and
 * for a quoted attribute. Both return 0 or -ENOMEM.
 */
int markup_puts(struct buf *out, const char *text);

/* Bytes from strangers: escaped for people first. NULL is nothing. */
int markup_bytes(struct buf *out, const char *bytes, size_t len);
int markup_stranger(struct buf *out, const char *text);

/* Takes the text of `from`. */
int markup_take(struct buf *out, struct buf *from);

#endif
