/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IORACE_BASE_MACRO_H
#define IORACE_BASE_MACRO_H

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define IS_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

#endif
