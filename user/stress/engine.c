// SPDX-License-Identifier: GPL-2.0
#include "stress/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/macro.h"

const char *const stress_engine_names[] = {
	[STRESS_ENGINE_SYNC] = "sync",
	[STRESS_ENGINE_LIBAIO] = "libaio",
	[STRESS_ENGINE_URING] = "uring",
	[STRESS_ENGINE_COUNT_] = NULL,
};
_Static_assert(ARRAY_SIZE(stress_engine_names) == STRESS_ENGINE_COUNT_ + 1,
	       "every engine has a name");

static const struct engine_ops *const engines[] = {
	[STRESS_ENGINE_SYNC] = &engine_sync,
	[STRESS_ENGINE_LIBAIO] = &engine_libaio,
	[STRESS_ENGINE_URING] = &engine_uring,
};
_Static_assert(ARRAY_SIZE(engines) == STRESS_ENGINE_COUNT_, "every engine is there");

const struct engine_ops *engine_ops_of(enum stress_engine engine)
{
	return engines[engine];
}

int engine_try(enum stress_engine engine, struct reason *why)
{
	struct engine tried = {.ops = engines[engine]};
	int r;

	r = tried.ops->open(&tried, 1);
	if (r < 0)
		return reason_fail(
			why, r,
			"--engine %s: %s; it may be switched off here (sysctl "
			"kernel.io_uring_disabled, fs.aio-max-nr, seccomp): --engine sync "
			"works everywhere",
			stress_engine_names[engine], strerror(-r));
	tried.ops->close(&tried);
	return 0;
}

/* ---- sync: done when it has been submitted -------------------------------------------------- */

static int sync_open(struct engine *engine, unsigned int depth)
{
	(void)depth;
	engine->own = NULL;
	return 0;
}

static int sync_submit(struct engine *engine, struct stress_io *io)
{
	uint64_t len = ior_range_len(io->step.range);

	if (io->step.kind == IOR_OP_READ)
		io->result = pread(io->fd, io->buf, len, (off_t)io->step.range.start);
	else if (io->step.append)
		io->result = write(io->fd, io->buf, len);
	else
		io->result = pwrite(io->fd, io->buf, len, (off_t)io->step.range.start);
	if (io->result < 0)
		io->result = -errno;
	engine->own = io;
	return 0;
}

static int sync_reap(struct engine *engine, struct stress_io **ret)
{
	*ret = engine->own;
	engine->own = NULL;
	return *ret ? 0 : -ENOENT;
}

static void sync_close(struct engine *engine)
{
	engine->own = NULL;
}

const struct engine_ops engine_sync = {
	.open = sync_open,
	.submit = sync_submit,
	.reap = sync_reap,
	.close = sync_close,
};
