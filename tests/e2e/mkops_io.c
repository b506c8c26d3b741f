// SPDX-License-Identifier: GPL-2.0
/* One operation, by system call, libaio or io_uring. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x08
#endif

#define SQPOLL_IDLE_MS 50

const char *const io_kind_names[] = {"read",   "write",	   "truncate", "punch",	  "falloc",
				     "zero",   "collapse", "insert",   "unshare", "clone",
				     "dedupe", "exchange", "swapext",  "copy",	  "splice",
				     "fsync",  "mstore",   "mload"};
_Static_assert(ARRAY_SIZE(io_kind_names) == IO_KIND_COUNT_, "one name per kind");

const char *const io_engine_names[] = {"sync", "libaio", "uring", "uring-worker", "uring-sqpoll"};
_Static_assert(ARRAY_SIZE(io_engine_names) == ENGINE_COUNT_, "one name per engine");

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

static int name_find(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return i;
	return -EINVAL;
}

int io_kind_parse(const char *name, enum io_kind *ret)
{
	int found = name_find(io_kind_names, IO_KIND_COUNT_, name);

	if (found < 0)
		return found;
	*ret = (enum io_kind)found;
	return 0;
}

int io_engine_parse(const char *name, enum io_engine *ret)
{
	int found = name_find(io_engine_names, ENGINE_COUNT_, name);

	if (found < 0)
		return found;
	*ret = (enum io_engine)found;
	return 0;
}

bool io_kind_moves(enum io_kind kind)
{
	return kind == IO_READ || kind == IO_WRITE || kind == IO_MSTORE || kind == IO_MLOAD ||
	       kind == IO_COPY || kind == IO_SPLICE;
}

/* Cuts the buffer into spec.iovs pieces, each a multiple of 512 bytes but the last. */
static unsigned io_slice(struct io *io)
{
	unsigned pieces = io->spec.iovs ? io->spec.iovs : 1;
	uint64_t piece = io->spec.len / pieces / 512 * 512;
	unsigned iovs = 0;
	uint64_t at = 0;

	if (!piece)
		pieces = 1;
	for (unsigned i = 0; i < pieces; i++) {
		uint64_t len = i == pieces - 1 ? io->spec.len - at : piece;

		if (io->spec.empties)
			io->iov[iovs++] = (struct iovec){.iov_base = io->buf + at};
		io->iov[iovs++] = (struct iovec){.iov_base = io->buf + at, .iov_len = len};
		at += len;
	}
	return iovs;
}

static int64_t sync_rw(struct io *io, int rwf)
{
	const struct io_spec *spec = &io->spec;
	int iovs = (int)io_slice(io);
	ssize_t res;

	if (spec->kind == IO_READ)
		res = preadv2(spec->fd, io->iov, iovs, (off_t)spec->off, rwf);
	else
		res = pwritev2(spec->fd, io->iov, iovs, (off_t)spec->off, rwf);
	return res < 0 ? -errno : res;
}

static int64_t sync_mmap(const struct io_spec *spec, char *buf)
{
	uint64_t base = spec->off & ~(uint64_t)(PAGE_BYTES - 1);
	size_t lead = (size_t)(spec->off - base);
	int prot = spec->kind == IO_MSTORE ? PROT_READ | PROT_WRITE : PROT_READ;
	char *map = mmap(NULL, spec->len + lead, prot, MAP_SHARED, spec->fd, (off_t)base);

	if (map == MAP_FAILED)
		return -errno;
	if (spec->kind == IO_MSTORE)
		memcpy(map + lead, buf, spec->len);
	else
		memcpy(buf, map + lead, spec->len);
	munmap(map, spec->len + lead);
	return (int64_t)spec->len;
}

static int64_t sync_fallocate(const struct io_spec *spec, int mode)
{
	return fallocate(spec->fd, mode, (off_t)spec->off, (off_t)spec->len) < 0 ? -errno : 0;
}

static int64_t sync_call(struct io *io, bool nowait)
{
	const struct io_spec *spec = &io->spec;

	switch (spec->kind) {
	case IO_READ:
	case IO_WRITE:
		return sync_rw(io, spec->rwf | (nowait ? RWF_NOWAIT : 0));
	case IO_TRUNCATE:
		return ftruncate(spec->fd, (off_t)spec->off) < 0 ? -errno : 0;
	case IO_PUNCH:
		return sync_fallocate(spec, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	case IO_FALLOC:
		return sync_fallocate(spec, 0);
	case IO_ZERO:
		return sync_fallocate(spec, FALLOC_FL_ZERO_RANGE);
	case IO_COLLAPSE:
		return sync_fallocate(spec, FALLOC_FL_COLLAPSE_RANGE);
	case IO_INSERT:
		return sync_fallocate(spec, FALLOC_FL_INSERT_RANGE);
	case IO_UNSHARE:
		return sync_fallocate(spec, FALLOC_FL_UNSHARE_RANGE);
	case IO_CLONE:
	case IO_DEDUPE:
	case IO_EXCHANGE:
	case IO_SWAPEXT:
	case IO_COPY:
	case IO_SPLICE:
		return remap_call(spec);
	case IO_FSYNC:
		return fsync(spec->fd) < 0 ? -errno : 0;
	case IO_MSTORE:
	case IO_MLOAD:
		return sync_mmap(spec, io->buf);
	case IO_KIND_COUNT_:
		break;
	}
	return -EINVAL;
}

static void sync_submit(struct io *io)
{
	bool nowait = io->spec.nowait;

	do {
		io->result.attempts++;
		io->result.res = sync_call(io, nowait);
		if (!nowait)
			break;
		nowait = false;
	} while (io->result.res == -EAGAIN && io->spec.retry);
	io->result.return_ns = io->result.done_ns = now_ns();
}

static int aio_submit(struct queue *queue, struct io *io)
{
	const struct io_spec *spec = &io->spec;
	struct iocb *iocb = &io->iocb;
	int iovs = (int)io_slice(io);
	int r;

	if (spec->kind == IO_READ)
		io_prep_preadv(iocb, spec->fd, io->iov, iovs, (long long)spec->off);
	else
		io_prep_pwritev(iocb, spec->fd, io->iov, iovs, (long long)spec->off);
	iocb->aio_rw_flags = spec->rwf | (spec->nowait && !io->result.attempts ? RWF_NOWAIT : 0);
	iocb->data = io;
	r = io_submit(queue->aio, 1, &iocb);
	return r == 1 ? 0 : r;
}

/* The whole buffer as number 0, once. */
static int uring_register(struct queue *queue, const struct io *io)
{
	struct iovec whole = {.iov_base = io->buf, .iov_len = io->spec.len};
	int r;

	if (!io->spec.fixed || queue->has_buffer)
		return 0;
	r = io_uring_register_buffers(&queue->ring, &whole, 1);
	queue->has_buffer = !r;
	return r;
}

static void uring_prep(struct io_uring_sqe *sqe, struct io *io)
{
	const struct io_spec *spec = &io->spec;
	unsigned iovs = io_slice(io);
	unsigned len = (unsigned)spec->len;
	int rwf = spec->rwf | (spec->nowait && !io->result.attempts ? RWF_NOWAIT : 0);

	if (spec->fixed && spec->kind == IO_READ)
		io_uring_prep_read_fixed(sqe, spec->fd, io->buf, len, spec->off, 0);
	else if (spec->fixed)
		io_uring_prep_write_fixed(sqe, spec->fd, io->buf, len, spec->off, 0);
	else if (spec->kind == IO_READ)
		io_uring_prep_readv2(sqe, spec->fd, io->iov, iovs, spec->off, rwf);
	else
		io_uring_prep_writev2(sqe, spec->fd, io->iov, iovs, spec->off, rwf);
}

static int uring_submit(struct queue *queue, struct io *io)
{
	const struct io_spec *spec = &io->spec;
	struct io_uring_sqe *sqe;
	int r = uring_register(queue, io);

	if (r < 0)
		return r;
	sqe = io_uring_get_sqe(&queue->ring);
	if (sqe && spec->linked) {
		io_uring_prep_nop(sqe);
		sqe->flags |= IOSQE_IO_LINK;
		io_uring_sqe_set_data(sqe, NULL);
		sqe = io_uring_get_sqe(&queue->ring);
	}
	if (!sqe)
		return -EBUSY;
	uring_prep(sqe, io);
	if (spec->engine == ENGINE_URING_WORKER)
		sqe->flags |= IOSQE_ASYNC;
	io_uring_sqe_set_data(sqe, io);
	r = io_uring_submit(&queue->ring);
	return r < 0 ? r : 0;
}

static int async_submit(struct queue *queue, struct io *io)
{
	int r = queue->engine == ENGINE_LIBAIO ? aio_submit(queue, io) : uring_submit(queue, io);

	io->result.attempts++;
	if (r < 0)
		return r;
	io->result.return_ns = now_ns();
	return 0;
}

int queue_init(struct queue *queue, enum io_engine engine, unsigned depth)
{
	struct io_uring_params params = {0};

	*queue = (struct queue){.engine = engine};
	switch (engine) {
	case ENGINE_SYNC:
		return 0;
	case ENGINE_LIBAIO:
		return io_setup((int)depth, &queue->aio);
	case ENGINE_URING_SQPOLL:
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = SQPOLL_IDLE_MS;
		break;
	case ENGINE_URING:
	case ENGINE_URING_WORKER:
	case ENGINE_COUNT_:
		break;
	}
	return io_uring_queue_init_params(depth, &queue->ring, &params);
}

void queue_done(struct queue *queue)
{
	if (queue->engine == ENGINE_LIBAIO)
		io_destroy(queue->aio);
	else if (queue->engine != ENGINE_SYNC)
		io_uring_queue_exit(&queue->ring);
}

int queue_submit(struct queue *queue, struct io *io)
{
	io->result = (struct io_result){.before_ns = now_ns()};
	if (queue->engine != ENGINE_SYNC)
		return async_submit(queue, io);
	sync_submit(io);
	return 0;
}

static int aio_reap(struct queue *queue, struct io **ret)
{
	struct io_event event;
	int r;

	do
		r = io_getevents(queue->aio, 1, 1, &event, NULL);
	while (r == -EINTR);
	if (r != 1)
		return r < 0 ? r : -EIO;
	*ret = event.data;
	(*ret)->result.res = (int64_t)event.res;
	return 0;
}

static int uring_reap(struct queue *queue, struct io **ret)
{
	struct io_uring_cqe *cqe;
	int r;

	for (;;) {
		r = io_uring_wait_cqe(&queue->ring, &cqe);
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		*ret = io_uring_cqe_get_data(cqe);
		if (*ret)
			break;
		io_uring_cqe_seen(&queue->ring, cqe); /* what it was linked to */
	}
	(*ret)->result.res = cqe->res;
	io_uring_cqe_seen(&queue->ring, cqe);
	return 0;
}

int queue_reap(struct queue *queue, struct io **ret)
{
	for (;;) {
		struct io *io;
		int r = queue->engine == ENGINE_LIBAIO ? aio_reap(queue, &io)
						       : uring_reap(queue, &io);

		if (r < 0)
			return r;
		io->result.done_ns = now_ns();
		if (io->result.res != -EAGAIN || !io->spec.nowait || !io->spec.retry ||
		    io->result.attempts > 1) {
			*ret = io;
			return 0;
		}
		r = async_submit(queue, io);
		if (r < 0)
			return r;
	}
}
