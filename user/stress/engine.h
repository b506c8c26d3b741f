/* SPDX-License-Identifier: GPL-2.0 */
/* Ways to hand an op to the kernel. An engine belongs to one worker. */
#ifndef IORACE_STRESS_ENGINE_H
#define IORACE_STRESS_ENGINE_H

#include <sys/types.h>

#include "stress/shape.h"

struct engine;
struct reason;

enum stress_engine {
	STRESS_ENGINE_SYNC,
	STRESS_ENGINE_LIBAIO,
	STRESS_ENGINE_URING,
	STRESS_ENGINE_COUNT_
};

/* One op on its way. */
struct stress_io {
	struct stress_step step;
	int fd;
	void *buf;
	unsigned int slot; /* which of the `depth` ones of the worker */
	uint8_t mode;	   /* enum ior_mode */
	uint64_t seq;
	uint64_t begin_ns;
	ssize_t result; /* bytes or -errno, once it was reaped */
};

struct engine_ops {
	bool is_async;
	int (*open)(struct engine *engine, unsigned int depth);
	int (*submit)(struct engine *engine, struct stress_io *io); /* reads and writes */
	/* Waits until one is done. */
	int (*reap)(struct engine *engine, struct stress_io **ret);
	void (*close)(struct engine *engine);
};

struct engine {
	const struct engine_ops *ops;
	void *own; /* of the engine */
};

extern const struct engine_ops engine_sync;
extern const struct engine_ops engine_libaio;
extern const struct engine_ops engine_uring;

const struct engine_ops *engine_ops_of(enum stress_engine engine);

/* Is it there, on this kernel and for this user? -errno with the reason and a way out. */
int engine_try(enum stress_engine engine, struct reason *why);

/* In the order of the enum, NULL-terminated: a table for options. */
extern const char *const stress_engine_names[];

#endif
