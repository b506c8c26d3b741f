// SPDX-License-Identifier: GPL-2.0
#include "stress/engine.h"

#include <errno.h>
#include <libaio.h>
#include <stdlib.h>

struct libaio {
	io_context_t context;
	struct iocb iocbs[]; /* by slot */
};

static int libaio_open(struct engine *engine, unsigned int depth)
{
	struct libaio *aio = calloc(1, sizeof(*aio) + depth * sizeof(aio->iocbs[0]));
	int r;

	if (!aio)
		return -ENOMEM;
	r = io_setup((int)depth, &aio->context);
	if (r < 0) {
		free(aio);
		return r;
	}
	engine->own = aio;
	return 0;
}

static int libaio_submit(struct engine *engine, struct stress_io *io)
{
	struct libaio *aio = engine->own;
	struct iocb *iocb = &aio->iocbs[io->slot];
	uint64_t len = ior_range_len(io->step.range);
	int r;

	if (io->step.kind == IOR_OP_READ)
		io_prep_pread(iocb, io->fd, io->buf, len, (long long)io->step.range.start);
	else
		io_prep_pwrite(iocb, io->fd, io->buf, len, (long long)io->step.range.start);
	iocb->data = io;
	do
		r = io_submit(aio->context, 1, &iocb);
	while (r == -EAGAIN || r == -EINTR);
	return r < 0 ? r : 0;
}

static int libaio_reap(struct engine *engine, struct stress_io **ret)
{
	struct libaio *aio = engine->own;
	struct io_event event;
	int r;

	do
		r = io_getevents(aio->context, 1, 1, &event, NULL);
	while (r == 0 || r == -EINTR);
	if (r < 0)
		return r;
	*ret = event.data;
	(*ret)->result = (ssize_t)event.res;
	return 0;
}

static void libaio_close(struct engine *engine)
{
	struct libaio *aio = engine->own;

	io_destroy(aio->context);
	free(aio);
	engine->own = NULL;
}

const struct engine_ops engine_libaio = {
	.is_async = true,
	.open = libaio_open,
	.submit = libaio_submit,
	.reap = libaio_reap,
	.close = libaio_close,
};
