/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Executes BPF programs in user space and counts: instructions, calls of helpers, atomics, reads
 * of kernel objects and cache lines. No clock and no noise: the same source by the same compiler
 * counts the same on a busy machine.
 *
 * It takes instructions as libbpf hands them to the kernel (fields relocated, subprograms joined),
 * so branches the verifier would drop are executed here, and a map look-up is a call.
 */
#ifndef IORACE_GUARD_MACHINE_H
#define IORACE_GUARD_MACHINE_H

#include "base/err.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_MAPS_MAX 32
#define MACHINE_STACK_BYTES 8192
#define MACHINE_LINES_MAX 512

/* The memory of an array map; per-CPU maps are those of one CPU. */
struct machine_map {
	char name[32];
	int fd;
	uint32_t value_size, max_entries;
	char *values; /* NULL: not an array, look-ups find nothing */
};

struct machine_counts {
	unsigned int insns;
	unsigned int calls;   /* helpers, without look-ups */
	unsigned int lookups; /* in maps */
	unsigned int atomics;
	unsigned int field_reads; /* of kernel objects: each is checked for a fault */
	unsigned int table_lines; /* cache lines of the maps of the in-flight table */
	unsigned int lines;	  /* of anything but the stack */
};

struct machine {
	struct machine_map maps[MACHINE_MAPS_MAX];
	size_t maps_len;
	char *kernel; /* where the kernel objects stand */
	size_t kernel_size;
	uint64_t task; /* the current one */
	uint64_t pid_tgid;
	uint64_t ksym; /* what every kernel symbol's address is */
	uint64_t now_ns;
	struct machine_counts counts;
	uintptr_t lines[MACHINE_LINES_MAX];
	char stack[MACHINE_STACK_BYTES];
};

/* Runs to the exit of the main program. Fails on what it does not know or if it does not end. */
int machine_run(struct machine *m, const struct bpf_insn *insns, size_t len, uint64_t ctx,
		struct reason *why);

struct machine_map *machine_map_named(struct machine *m, const char *name);

#endif
