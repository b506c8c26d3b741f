/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Times, sizes and counts as people write and read them. `what` names the thing that is parsed
 * ("--duration"), so that an error can be acted on. All return 0, -EINVAL (not of this form) or
 * -ERANGE (too large), and leave *ret alone on failure.
 */
#ifndef IORACE_BASE_UNITS_H
#define IORACE_BASE_UNITS_H

#include <stdint.h>

struct buf;
struct reason;

/* "250ms", "5s", "1m", "2h", "1d"; a bare number is seconds, as sleep(1) has it. */
int parse_duration(const char *text, const char *what, struct reason *why, uint64_t *ret_ns);

/* "512", "0x200", "64K", "4M", "1GiB": always powers of 1024. */
int parse_size(const char *text, const char *what, struct reason *why, uint64_t *ret_bytes);

/* "17", "0x11". No sign, no blanks, no octal. */
int parse_unsigned(const char *text, const char *what, struct reason *why, uint64_t *ret);

/* Appenders return 0 or -ENOMEM. */
int units_append_grouped(struct buf *out, uint64_t number); /* "1 245 184" */
int units_append_size(struct buf *out, uint64_t bytes);	    /* "8 KiB", "1 000 bytes" */
int units_append_duration(struct buf *out, uint64_t ns);    /* "412 µs", "1.50 s", "2 h 5 min" */
int units_append_time(struct buf *out, uint64_t real_ns);   /* "2026-11-23T17:28:50.000000042Z" */

#endif
