// SPDX-License-Identifier: GPL-2.0
#include "stress/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "model/stress_block.h"
#include "stress/history.h"
#include "stress/moment.h"

#define FILL_BYTES (1U << 20)

static bool has_direct(enum stress_mode mode)
{
	return mode == STRESS_MODE_DIRECT || mode == STRESS_MODE_MIXED;
}

static int no_direct_io(const struct stress_opts *opts, const char *what, struct reason *why)
{
	return reason_fail(why, -EOPNOTSUPP,
			   "--dir %s: %s has no direct IO; give a directory on a disk, or --mode "
			   "buffered",
			   opts->dir, what);
}

/* tmpfs takes O_DIRECT since 6.6 and uses the page cache all the same. */
static int check_direct(const struct stress_opts *opts, const struct scratch *scratch,
			struct reason *why)
{
	_cleanup_(closep) int fd = -1;

	if (scratch->id.magic == TMPFS_MAGIC || scratch->id.magic == RAMFS_MAGIC)
		return no_direct_io(opts, "memory (tmpfs)", why);
	fd = scratch_open(scratch->path, O_RDWR | O_DIRECT);
	if (fd >= 0)
		return 0;
	if (errno == EINVAL)
		return no_direct_io(opts, "this file system", why);
	return reason_fail(why, -errno, "%s: %s", scratch->path, strerror(errno));
}

static int check_dax(const struct stress_opts *opts, const struct scratch *scratch,
		     struct reason *why)
{
	struct statx stx;

	if (statx(scratch->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0)
		return reason_fail(why, -errno, "statx(%s): %s", scratch->path, strerror(errno));
	if (stx.stx_attributes & STATX_ATTR_DAX)
		return 0;
	return reason_fail(
		why, -EOPNOTSUPP,
		"--dir %s: files here are not accessed by DAX; mount a pmem device with -o "
		"dax=always, or choose another --mode",
		opts->dir);
}

static int identify(struct scratch *scratch)
{
	struct statfs fs;
	struct stat st;

	if (fstat(scratch->fd, &st) < 0 || fstatfs(scratch->fd, &fs) < 0)
		return -errno;
	/* As the kernel counts: reports are matched by it. */
	scratch->id = (struct ior_file){
		.ino = st.st_ino,
		.dev = (uint32_t)major(st.st_dev) << 20 | minor(st.st_dev),
		.magic = (uint32_t)fs.f_type,
	};
	return 0;
}

static int create(const struct stress_opts *opts, struct scratch *scratch, struct reason *why)
{
	_cleanup_(freep) char *dir = realpath(opts->dir, NULL);

	if (!dir)
		return reason_fail(why, -errno,
				   "--dir %s: %s; give a directory that you may write to",
				   opts->dir, strerror(errno));
	if (snprintf(scratch->path, sizeof(scratch->path), "%s/iorace-stress.%d.XXXXXX",
		     strcmp(dir, "/") ? dir : "", getpid()) >= (int)sizeof(scratch->path))
		return reason_fail(why, -ENAMETOOLONG, "--dir %s: the name is too long", opts->dir);
	scratch->fd = mkostemp(scratch->path, O_CLOEXEC);
	if (scratch->fd < 0)
		return reason_fail(why, -errno,
				   "--dir %s: %s; give a directory that you may write to",
				   opts->dir, strerror(errno));
	return 0;
}

int scratch_create(const struct stress_opts *opts, struct scratch *ret, struct reason *why)
{
	int r;

	ret->keep = opts->keep;
	r = create(opts, ret, why);
	if (r < 0)
		return r;
	r = identify(ret);
	if (r < 0)
		return reason_fail(why, r, "%s: %s", ret->path, strerror(-r));
	if (has_direct(opts->mode))
		return check_direct(opts, ret, why);
	if (opts->mode == STRESS_MODE_DAX)
		return check_dax(opts, ret, why);
	return 0;
}

static int fill_failed(const struct scratch *scratch, uint64_t size, int error, struct reason *why)
{
	if (error == -EINTR)
		return reason_fail(why, error,
				   "stopped while the file was filled: nothing was "
				   "read");
	if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG)
		return reason_fail(why, error,
				   "%s: no room for %" PRIu64 " bytes: %s; free some, or give a "
				   "smaller --size or another --dir",
				   scratch->path, size, strerror(-error));
	return reason_fail(why, error, "%s: cannot fill it: %s", scratch->path, strerror(-error));
}

static int write_all(int fd, const char *bytes, uint64_t len, uint64_t at)
{
	while (len > 0) {
		ssize_t written = pwrite(fd, bytes, len, (off_t)at);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written == 0)
			return -ENOSPC;
		if (written > 0) {
			bytes += written;
			at += (uint64_t)written;
			len -= (uint64_t)written;
		}
	}
	return 0;
}

static int write_fill(const struct scratch *scratch, const struct scratch_filling *filling,
		      const struct stress_stamp *stamp)
{
	_cleanup_(freep) char *chunk = malloc(FILL_BYTES);

	if (!chunk)
		return -ENOMEM;
	for (uint64_t at = 0; at < stamp->len; at += FILL_BYTES) {
		uint64_t len = stamp->len - at < FILL_BYTES ? stamp->len - at : FILL_BYTES;
		int r;

		if (filling->is_over(filling->arg))
			return -EINTR;
		stress_block_fill(chunk, stamp, at, len);
		r = write_all(scratch->fd, chunk, len, at);
		if (r < 0)
			return r;
	}
	if (fsync(scratch->fd) < 0)
		return -errno;
	posix_fadvise(scratch->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

int scratch_fill(const struct scratch *scratch, const struct scratch_filling *filling,
		 struct reason *why)
{
	struct stress_op op = {.range = {0, filling->size},
			       .seq = 1,
			       .begin_ns = moment_ns(),
			       .pid = (uint32_t)getpid(),
			       .tid = (uint32_t)gettid(),
			       .kind = IOR_OP_WRITE,
			       .mode = IOR_MODE_BUFFERED};
	const struct stress_stamp stamp = {
		.run = filling->run, .seq = 1, .len = filling->size, .begin_ns = op.begin_ns};
	int r = 0;

	history_begin(filling->history, &op);
	if (fallocate(scratch->fd, 0, 0, (off_t)filling->size) < 0 && errno != EOPNOTSUPP)
		r = -errno;
	if (r == 0)
		r = write_fill(scratch, filling, &stamp);
	if (r < 0)
		return fill_failed(scratch, filling->size, r, why);
	history_end(filling->history, 0, 1, 0, moment_ns());
	return 0;
}

int scratch_open(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC);
}

void scratch_done(struct scratch *scratch)
{
	if (scratch->fd < 0)
		return;
	closep(&scratch->fd);
	if (!scratch->keep)
		unlink(scratch->path);
}
