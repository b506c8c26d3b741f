// SPDX-License-Identifier: GPL-2.0
#include "symbol/mounts.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct mount_line {
	unsigned long long id;
	unsigned int major, minor;
	char root[PATH_MAX];  /* what of the file system is mounted */
	char point[PATH_MAX]; /* where */
	char fs[64];
	char source[PATH_MAX];
};

/* "36 35 98:0 /root /point rw,... optional - ext4 source options"; blanks in names are \040. */
static bool parse_line(const char *line, struct mount_line *m)
{
	const char *tail = strstr(line, " - ");

	if (sscanf(line, "%llu %*u %u:%u %4095s %4095s", &m->id, &m->major, &m->minor, m->root,
		   m->point) != 5)
		return false;
	return tail && sscanf(tail, " - %63s %4095s", m->fs, m->source) == 2;
}

typedef bool (*mount_match_fn)(const struct mount_line *m, const void *arg);

static int find_mount(mount_match_fn match, const void *arg, struct mount_line *ret)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_(freep) char *line = NULL;
	size_t room = 0;

	if (!f)
		return -errno;
	while (getline(&line, &room, f) > 0) {
		if (parse_line(line, ret) && match(ret, arg))
			return 0;
	}
	return -ENOENT;
}

static bool has_id(const struct mount_line *m, const void *arg)
{
	return m->id == *(const unsigned long long *)arg;
}

static bool is_cgroup2(const struct mount_line *m, const void *arg)
{
	(void)arg;
	return !strcmp(m->fs, "cgroup2");
}

int place_of_path(const char *path, struct file_place *ret, struct reason *why)
{
	struct mount_line m;
	struct statx stx;
	unsigned long long id;
	int r;

	if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_MNT_ID, &stx))
		return reason_fail(why, -errno, "%s: %s", path, strerror(errno));
	id = stx.stx_mnt_id;
	r = find_mount(has_id, &id, &m);
	if (r < 0)
		return reason_fail(why, r, "%s: its mount is not in /proc/self/mountinfo", path);
	/* The kernel side meets the files of the layers, never this one: nothing would match. */
	if (!strcmp(m.fs, "overlay"))
		return reason_fail(
			why, -EINVAL,
			"%s is on overlayfs, which does its IO on the files of its layers; "
			"give the place below upperdir= or lowerdir= that "
			"/proc/self/mountinfo shows",
			path);
	*ret = (struct file_place){
		.ino = stx.stx_ino,
		.sb_dev = kernel_dev(m.major, m.minor),
		.is_mount_root =
			(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) && !strcmp(m.root, "/"),
		.is_directory = S_ISDIR(stx.stx_mode),
		.is_file = S_ISREG(stx.stx_mode),
	};
	return 0;
}

static bool is_of_sb(const struct mount_line *m, const void *arg)
{
	return kernel_dev(m->major, m->minor) == *(const uint32_t *)arg;
}

/* btrfs gives its super block a number of its own. */
static bool is_from_device(const struct mount_line *m, const void *arg)
{
	struct stat st;

	return m->source[0] == '/' && !stat(m->source, &st) && S_ISBLK(st.st_mode) &&
	       kernel_dev(major(st.st_rdev), minor(st.st_rdev)) == *(const uint32_t *)arg;
}

int sb_dev_of_device(uint32_t dev, uint32_t *ret_sb_dev)
{
	char path[64];
	struct mount_line m;

	*ret_sb_dev = dev;
	if (!find_mount(is_of_sb, &dev, &m))
		return 0;
	if (!find_mount(is_from_device, &dev, &m)) {
		*ret_sb_dev = kernel_dev(m.major, m.minor);
		return 0;
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", dev >> 20, dev & 0xfffff);
	return access(path, F_OK) ? -errno : 0;
}

int cgroup2_mount_point(char *ret, size_t size)
{
	struct mount_line m;
	int r = find_mount(is_cgroup2, NULL, &m);

	if (r < 0)
		return r;
	if ((size_t)snprintf(ret, size, "%s", m.point) >= size)
		return -ENAMETOOLONG;
	return 0;
}
