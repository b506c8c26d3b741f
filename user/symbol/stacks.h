/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names of code addresses: of the kernel from /proc/kallsyms, of a process from its mappings and
 * the symbol tables of what it mapped. May answer "unknown", as for a process that is gone.
 */
#ifndef IORACE_SYMBOL_STACKS_H
#define IORACE_SYMBOL_STACKS_H

#include "model/view.h"

#include <sys/types.h>

struct stacks;

/* NULL: no memory. Reads nothing before it is asked. */
struct stacks *stacks_new(void);
void stacks_free(struct stacks *stacks);

/* Reads the kernel's symbols now: it takes a while, and processes do not wait to be named. */
void stacks_prepare(struct stacks *stacks);

/* Both fill in symbol and offset of `len` frames whose address is set. The symbols live as long. */
void stacks_name_kernel(struct stacks *stacks, struct frame_view *frames, size_t len);
void stacks_name_user(struct stacks *stacks, pid_t pid, struct frame_view *frames, size_t len);

#endif
