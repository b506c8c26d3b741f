/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON written as it goes, byte for byte as jansson's compact form of the same would be: for lines
 * of which there may be a hundred thousand. Commas stand by themselves. Failure sticks to the buf.
 */
#ifndef IORACE_REPORT_JSON_TEXT_H
#define IORACE_REPORT_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

void json_text_open(struct buf *out, char bracket);
void json_text_close(struct buf *out, char bracket);

/* A member of the object that is open: its key, and a value behind it. */
void json_text_key(struct buf *out, const char *key);
void json_text_null(struct buf *out, const char *key);
void json_text_bool(struct buf *out, const char *key, bool value);
void json_text_name(struct buf *out, const char *key, const char *name); /* one of our own */

/* Numbers beyond 2^53 lose digits in readers that keep doubles: they are strings. */
#define JSON_TEXT_EXACT_MAX (1ULL << 53)
void json_text_count(struct buf *out, const char *key, uint64_t number);

/* Strangers' bytes, escaped (base/escape.h); NULL is null. */
void json_text_bytes(struct buf *out, const char *key, const char *bytes, size_t len);
void json_text_string(struct buf *out, const char *key, const char *text);

#endif
