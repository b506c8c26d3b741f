/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that chooses where fixed-width types come from, and the version of everything
 * that crosses from the kernel side to the tool. Raise IOR_ABI_VERSION whenever the meaning or
 * layout of a struct in this directory changes.
 */
#ifndef IORACE_TYPES_H
#define IORACE_TYPES_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#include <stdbool.h>
#endif

#define IOR_ABI_VERSION 2

#define IOR_COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif

#define IOR_SIZE_IS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed its size")

#endif
