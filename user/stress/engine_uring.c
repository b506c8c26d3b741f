// SPDX-License-Identifier: GPL-2.0
#include "stress/engine.h"

#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#define AT_FILE_POSITION UINT64_MAX /* with O_APPEND: the end of the file, and the position moves */

static int uring_open(struct engine *engine, unsigned int depth)
{
	struct io_uring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	r = io_uring_queue_init(depth, ring, 0);
	if (r < 0) {
		free(ring);
		return r;
	}
	engine->own = ring;
	return 0;
}

static int uring_submit(struct engine *engine, struct stress_io *io)
{
	struct io_uring *ring = engine->own;
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	unsigned int len = (unsigned int)ior_range_len(io->step.range);
	int r;

	if (!sqe)
		return -EBUSY;
	if (io->step.kind == IOR_OP_READ)
		io_uring_prep_read(sqe, io->fd, io->buf, len, io->step.range.start);
	else
		io_uring_prep_write(sqe, io->fd, io->buf, len,
				    io->step.append ? AT_FILE_POSITION : io->step.range.start);
	io_uring_sqe_set_data(sqe, io);
	do
		r = io_uring_submit(ring);
	while (r == -EINTR || r == -EAGAIN);
	return r < 0 ? r : 0;
}

static int uring_reap(struct engine *engine, struct stress_io **ret)
{
	struct io_uring *ring = engine->own;
	struct io_uring_cqe *cqe;
	int r;

	do
		r = io_uring_wait_cqe(ring, &cqe);
	while (r == -EINTR);
	if (r < 0)
		return r;
	*ret = io_uring_cqe_get_data(cqe);
	(*ret)->result = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return 0;
}

static void uring_close(struct engine *engine)
{
	io_uring_queue_exit(engine->own);
	free(engine->own);
	engine->own = NULL;
}

const struct engine_ops engine_uring = {
	.is_async = true,
	.open = uring_open,
	.submit = uring_submit,
	.reap = uring_reap,
	.close = uring_close,
};
