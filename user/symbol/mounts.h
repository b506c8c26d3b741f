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
	bool is_file; /* a regular one */
};

/* -errno with the reason when the path does not exist or its mount is not listed. */
int place_of_path(const char *path, struct file_place *ret, struct reason *why);

/*
 * The device that the files of `dev` are known by: of a mounted file system that has this number,
 * or that was mounted from the block device with this number (btrfs: another number), else `dev`
 * itself, which may be mounted later. -ENOENT when there is no such device at all.
 */
int sb_dev_of_device(uint32_t dev, uint32_t *ret_sb_dev);

/* Where cgroup v2 is mounted, into `ret` of `size` bytes; -ENOENT when it is not. */
int cgroup2_mount_point(char *ret, size_t size);

#define KERNEL_DEV_MAJOR_MAX 0xfffU
#define KERNEL_DEV_MINOR_MAX 0xfffffU

static inline uint32_t kernel_dev(unsigned int major, unsigned int minor)
{
	return major << 20 | minor;
}

#endif
