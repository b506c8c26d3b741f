// SPDX-License-Identifier: GPL-2.0
#include "cmd/filters.h"

#include "base/cleanup.h"
#include "base/units.h"
#include "model/names.h"
#include "symbol/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static const char *const kind_choices[] = {"ww", "rw", NULL};

const struct opt filter_opts[] = {
	{"path", 0, "PREFIX", "only this file, or files below this directory",
	 OPT_LIST(struct filter_opts, paths)},
	{"inode", 0, "FILE", "only this file: a path, or MAJ:MIN:INO",
	 OPT_LIST(struct filter_opts, inodes)},
	{"dev", 0, "DEV", "only this file system: its device node, or MAJ:MIN",
	 OPT_LIST(struct filter_opts, devs)},
	{"fs", 0, "TYPE", "only this type of file system: ext4, xfs, btrfs, f2fs",
	 OPT_LIST(struct filter_opts, fs)},
	{"pid", 0, "TGID", "report only pairs in which this process takes part",
	 OPT_LIST(struct filter_opts, pids)},
	{"comm", 0, "NAME", "report only pairs in which a program of this name takes part",
	 OPT_STRING(struct filter_opts, comm)},
	{"cgroup", 0, "PATH", "report only pairs in which this cgroup takes part",
	 OPT_STRING(struct filter_opts, cgroup)},
	{"mode", 0, "MODE,...",
	 "watch data that moves this way (direct, dax and size); buffered costs the most",
	 OPT_SET(struct filter_opts, modes, mode_names)},
	{"kind", 0, "KIND,...", "report only write/write (ww) or read/write (rw)",
	 OPT_SET(struct filter_opts, kinds, kind_choices)},
	{"min-overlap", 0, "BYTES", "report only pairs with at least so many common bytes",
	 OPT_SIZE(struct filter_opts, min_overlap_bytes)},
	{},
};

static int too_many(const char *option, unsigned int max, struct reason *why)
{
	return reason_fail(why, -E2BIG, "%s may be given %u times at most", option, max);
}

static int add_dev(struct ior_options *o, uint32_t dev, struct reason *why)
{
	if (o->devs_count == IOR_FILTER_DEVS_MAX)
		return too_many("--dev", IOR_FILTER_DEVS_MAX, why);
	o->devs[o->devs_count++] = dev;
	return 0;
}

/* "MAJ:MIN", and nothing behind it unless `ino` wants "MAJ:MIN:INO". */
static bool parse_dev_text(const char *text, uint32_t *dev, uint64_t *ino)
{
	unsigned int major, minor;
	unsigned long long number = 0;
	int used = -1;

	if (ino)
		sscanf(text, "%u:%u:%llu%n", &major, &minor, &number, &used);
	else
		sscanf(text, "%u:%u%n", &major, &minor, &used);
	if (used < 0 || text[used] || major > KERNEL_DEV_MAJOR_MAX || minor > KERNEL_DEV_MINOR_MAX)
		return false;
	*dev = kernel_dev(major, minor);
	if (ino)
		*ino = number;
	return true;
}

static int resolve_dev(struct ior_options *o, const char *text, struct reason *why)
{
	struct stat st;
	uint32_t dev;

	if (!parse_dev_text(text, &dev, NULL)) {
		if (stat(text, &st))
			return reason_fail(why, -errno,
					   "--dev %s: %s; a block device or MAJ:MIN is "
					   "needed",
					   text, strerror(errno));
		if (!S_ISBLK(st.st_mode))
			return reason_fail(
				why, -ENOTBLK,
				"--dev %s is no block device; for a directory or a mount "
				"point use --path",
				text);
		dev = kernel_dev(major(st.st_rdev), minor(st.st_rdev));
	}
	if (sb_dev_of_device(dev, &dev))
		return reason_fail(why, -ENODEV,
				   "--dev %s: no block device and no mounted file system "
				   "has this number",
				   text);
	return add_dev(o, dev, why);
}

static int add_inode(struct ior_options *o, struct ior_inode_id id, struct reason *why)
{
	if (o->inodes_count == IOR_FILTER_INODES_MAX)
		return too_many("--inode", IOR_FILTER_INODES_MAX, why);
	o->inodes[o->inodes_count++] = id;
	return 0;
}

/* What is neither a file nor a directory has no reads and writes that are seen. */
static int resolve_place(const char *option, const char *text, struct file_place *ret,
			 struct reason *why)
{
	int r;

	if (!*text)
		return reason_fail(why, -EINVAL, "%s wants a name, not \"\"", option);
	r = place_of_path(text, ret, why);
	if (r < 0)
		return r;
	if (!ret->is_file && !ret->is_directory)
		return reason_fail(why, -EINVAL, "%s %s is neither a regular file nor a directory",
				   option, text);
	return 0;
}

static int resolve_inode(struct ior_options *o, const char *text, struct reason *why)
{
	struct ior_inode_id id = {};
	struct file_place place;
	int r;

	if (parse_dev_text(text, &id.dev, (uint64_t *)&id.ino))
		return add_inode(o, id, why);
	r = resolve_place("--inode", text, &place, why);
	if (r < 0)
		return r;
	if (place.is_directory)
		return reason_fail(why, -EISDIR,
				   "--inode %s is a directory; for the files below it use --path",
				   text);
	return add_inode(o, (struct ior_inode_id){.dev = place.sb_dev, .ino = place.ino}, why);
}

/* A whole mount is a device, which costs nothing to compare; deeper the kernel side walks up. */
static int resolve_path(struct ior_options *o, const char *text, struct reason *why)
{
	struct file_place place;
	int r;

	r = resolve_place("--path", text, &place, why);
	if (r < 0)
		return r;
	if (!place.is_directory)
		return resolve_inode(o, text, why);
	if (place.is_mount_root && !o->paths_count)
		return add_dev(o, place.sb_dev, why);
	if (o->paths_count == IOR_FILTER_PATHS_MAX)
		return too_many("--path", IOR_FILTER_PATHS_MAX, why);
	o->paths[o->paths_count++] = (struct ior_inode_id){.ino = place.ino, .dev = place.sb_dev};
	return 0;
}

static const struct {
	const char *name;
	uint64_t magic;
} fs_types[] = {
	{"btrfs", IOR_MAGIC_BTRFS},
	{"ext4", IOR_MAGIC_EXT4},
	{"f2fs", IOR_MAGIC_F2FS},
	{"xfs", IOR_MAGIC_XFS},
};

static int resolve_fs(struct ior_options *o, const char *text, struct reason *why)
{
	for (size_t i = 0; i < sizeof(fs_types) / sizeof(fs_types[0]); i++) {
		if (strcmp(fs_types[i].name, text))
			continue;
		if (o->magics_count == IOR_FS_COUNT_)
			return too_many("--fs", IOR_FS_COUNT_, why);
		o->magics[o->magics_count++] = fs_types[i].magic;
		return 0;
	}
	return reason_fail(why, -EINVAL,
			   "--fs %s: unknown file system; these are known: btrfs, ext4, "
			   "f2fs, xfs",
			   text);
}

static int resolve_pid(struct ior_options *o, const char *text, struct reason *why)
{
	struct stat st;
	uint64_t pid;
	int r;

	if (o->pids_count == IOR_FILTER_PIDS_MAX)
		return too_many("--pid", IOR_FILTER_PIDS_MAX, why);
	r = parse_unsigned(text, "--pid", why, &pid);
	if (r < 0)
		return r;
	if (!pid || pid > INT_MAX)
		return reason_fail(why, -EINVAL, "--pid %s is no process id", text);
	/* PROC_PID_INIT_INO, include/linux/proc_ns.h: the kernel side sees pids as init does. */
	if (stat("/proc/self/ns/pid", &st) || st.st_ino != 0xEFFFFFFCU)
		return reason_fail(why, -EINVAL,
				   "--pid: process ids of this container are not the "
				   "kernel's; use --comm or --cgroup, or run on the host");
	o->pids[o->pids_count++] = pid;
	return 0;
}

static int resolve_comm(struct ior_options *o, const char *text, struct reason *why)
{
	size_t len = strlen(text);

	if (!len || len >= IOR_COMM_LEN)
		return reason_fail(
			why, -EINVAL,
			"--comm %s: the kernel keeps program names of 1 to %d bytes; give "
			"the name as ps -o comm shows it",
			text, IOR_COMM_LEN - 1);
	memcpy(o->comm, text, len);
	return 0;
}

/* An open directory of cgroup v2, or -1. */
static int open_cgroup(const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	return fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC ? take_fd(fd) : -1;
}

/* As a path, or as reports name it: below where cgroup v2 is mounted. */
static int resolve_cgroup(struct tracer_opts *tracer, const char *text, struct reason *why)
{
	char path[PATH_MAX], point[PATH_MAX / 2];

	tracer->cgroup_fd = *text ? open_cgroup(text) : -1;
	if (*text && tracer->cgroup_fd < 0 && !cgroup2_mount_point(point, sizeof(point)) &&
	    (size_t)snprintf(path, sizeof(path), "%s/%s", point, text) < sizeof(path))
		tracer->cgroup_fd = open_cgroup(path);
	if (tracer->cgroup_fd < 0)
		return reason_fail(why, -ENOENT, "--cgroup %s: no such directory of cgroup v2",
				   text);
	tracer->options.want_cgroup = 1;
	return 0;
}

typedef int (*resolve_fn)(struct ior_options *o, const char *text, struct reason *why);

static int resolve_list(struct ior_options *o, const struct cli_list *list, resolve_fn fn,
			struct reason *why)
{
	for (size_t i = 0; i < list->len; i++) {
		int r = fn(o, list->items[i], why);

		if (r < 0)
			return r;
	}
	return 0;
}

static void resolve_pairs(struct ior_options *o, const struct filter_opts *f)
{
	o->kind_ww = !f->kinds || (f->kinds & 1);
	o->kind_rw = !f->kinds || (f->kinds & 2);
	o->min_overlap_bytes = f->min_overlap_bytes;
}

int filters_resolve(const struct filter_opts *f, struct tracer_opts *tracer, struct reason *why)
{
	struct ior_options *o = &tracer->options;
	const struct {
		const struct cli_list *list;
		resolve_fn fn;
	} lists[] = {
		{&f->paths, resolve_path}, {&f->inodes, resolve_inode}, {&f->devs, resolve_dev},
		{&f->fs, resolve_fs},	   {&f->pids, resolve_pid},
	};
	int r;

	tracer->cgroup_fd = -1;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		r = resolve_list(o, lists[i].list, lists[i].fn, why);
		if (r < 0)
			return r;
	}
	if (f->comm) {
		r = resolve_comm(o, f->comm, why);
		if (r < 0)
			return r;
	}
	if (f->cgroup) {
		r = resolve_cgroup(tracer, f->cgroup, why);
		if (r < 0)
			return r;
	}
	resolve_pairs(o, f);
	return 0;
}

void filters_done(struct filter_opts *f)
{
	cli_list_done(&f->paths);
	cli_list_done(&f->inodes);
	cli_list_done(&f->devs);
	cli_list_done(&f->fs);
	cli_list_done(&f->pids);
}
