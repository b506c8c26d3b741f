// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that move blocks or pages of a file about, not bytes of a caller:
 * reflink, dedupe, the exchange of blocks, copies and pipes within the kernel.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Of XFS, fs/xfs/libxfs/xfs_fs.h. The first is of 6.10 and in no header of Debian 12; the others
 * would need xfslibs-dev for them alone. What the kernel says of an inode goes back to it unread.
 */
struct xfs_exchange_range {
	int32_t file1_fd;
	uint32_t pad;
	uint64_t file1_offset;
	uint64_t file2_offset;
	uint64_t length;
	uint64_t flags;
};

struct xfs_fsop_bulkreq {
	uint64_t *lastip;
	int32_t icount;
	void *ubuffer;
	int32_t *ocount;
};

struct xfs_swapext {
	int64_t sx_version;
	int64_t sx_fdtarget;
	int64_t sx_fdtmp;
	int64_t sx_offset;
	int64_t sx_length;
	char sx_pad[16];
	uint64_t sx_stat[17]; /* struct xfs_bstat */
};
_Static_assert(sizeof(struct xfs_swapext) == 192, "its size is in its number");

#define XFS_IOC_EXCHANGE_RANGE _IOW('X', 129, struct xfs_exchange_range)
#define XFS_IOC_FSBULKSTAT_SINGLE _IOWR('X', 102, struct xfs_fsop_bulkreq)
#define XFS_IOC_SWAPEXT _IOWR('X', 109, struct xfs_swapext)

static int64_t result_of(int r)
{
	return r < 0 ? -errno : 0;
}

static int64_t reflink(const struct io_spec *spec)
{
	struct file_clone_range range = {.src_fd = spec->fd,
					 .src_offset = spec->from,
					 .src_length = spec->len,
					 .dest_offset = spec->off};

	return result_of(ioctl(spec->fd, FICLONERANGE, &range));
}

static int64_t dedupe(const struct io_spec *spec)
{
	struct file_dedupe_range *range =
		calloc(1, sizeof(*range) + sizeof(struct file_dedupe_range_info));
	int64_t res;

	if (!range)
		return -ENOMEM;
	range->src_offset = spec->from;
	range->src_length = spec->len;
	range->dest_count = 1;
	range->info[0].dest_fd = spec->fd;
	range->info[0].dest_offset = spec->off;
	res = result_of(ioctl(spec->fd, FIDEDUPERANGE, range));
	if (!res)
		res = range->info[0].status;
	free(range);
	return res;
}

static int64_t exchange(const struct io_spec *spec)
{
	struct xfs_exchange_range range = {.file1_fd = spec->fd,
					   .file1_offset = spec->from,
					   .file2_offset = spec->off,
					   .length = spec->len};

	return result_of(ioctl(spec->fd, XFS_IOC_EXCHANGE_RANGE, &range));
}

/* An unnamed file beside the one that is open, as large and of one extent. */
static int donor_open(int fd, const struct stat *st)
{
	char link[64];
	char path[PATH_BYTES];
	ssize_t len;
	int donor;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	donor = open(dirname(path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (donor < 0 || fallocate(donor, 0, 0, st->st_size) < 0)
		return -errno;
	return donor;
}

/* All blocks of the file for those of another. */
static int64_t swapext(const struct io_spec *spec)
{
	struct xfs_swapext swap = {.sx_fdtarget = spec->fd};
	struct stat st;
	uint64_t ino;
	struct xfs_fsop_bulkreq ask = {.lastip = &ino, .icount = 1, .ubuffer = swap.sx_stat};
	int64_t res;

	if (fstat(spec->fd, &st) < 0)
		return -errno;
	ino = st.st_ino;
	swap.sx_length = st.st_size;
	swap.sx_fdtmp = donor_open(spec->fd, &st);
	if (swap.sx_fdtmp < 0)
		return swap.sx_fdtmp;
	res = result_of(ioctl(spec->fd, XFS_IOC_FSBULKSTAT_SINGLE, &ask));
	if (!res)
		res = result_of(ioctl(spec->fd, XFS_IOC_SWAPEXT, &swap));
	close((int)swap.sx_fdtmp);
	return res;
}

static int64_t copy(const struct io_spec *spec)
{
	off_t from = (off_t)spec->from;
	off_t to = (off_t)spec->off;
	ssize_t res = copy_file_range(spec->fd, &from, spec->fd, &to, spec->len, 0);

	return res < 0 ? -errno : res;
}

/* The pages into a pipe of its own, which nobody reads. */
static int64_t into_a_pipe(const struct io_spec *spec)
{
	off_t from = (off_t)spec->off;
	int ends[2];
	ssize_t res;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	res = splice(spec->fd, &from, ends[1], NULL, spec->len, 0);
	if (res < 0)
		res = -errno;
	close(ends[0]);
	close(ends[1]);
	return res;
}

int64_t remap_call(const struct io_spec *spec)
{
	if (spec->kind == IO_CLONE)
		return reflink(spec);
	if (spec->kind == IO_DEDUPE)
		return dedupe(spec);
	if (spec->kind == IO_EXCHANGE)
		return exchange(spec);
	if (spec->kind == IO_SWAPEXT)
		return swapext(spec);
	if (spec->kind == IO_COPY)
		return copy(spec);
	return into_a_pipe(spec);
}
