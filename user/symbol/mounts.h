/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is mounted where, from /proc/self/mountinfo. The device there is that of the super block,
 * as the kernel side compares it; stat(2) shows another one on btrfs.
 */
#ifndef IORACE_SYMBOL_MOUNTS_H
#define IORACE_SYMBOL_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct reason;

struct file_place {
	uint64_t ino;
	uint32_t sb_dev;    /* kernel encoding: major << 20 | minor */
	bool is_mount_root; /* the path is where a whole file system is mounted */
	bool is_directory;
};

/* -errno with the reason when the path does not exist or its mount is not listed. */
int place_of_path(const char *path, struct file_place *ret, struct reason *why);

/* Where cgroup v2 is mounted, into `ret` of `size` bytes; -ENOENT when it is not. */
int cgroup2_mount_point(char *ret, size_t size);

static inline uint32_t kernel_dev(unsigned int major, unsigned int minor)
{
	return major << 20 | minor;
}

#endif
