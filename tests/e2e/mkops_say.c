// SPDX-License-Identifier: GPL-2.0
/* Events: one JSON object per line, one write(2) each, so that lines never mix. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EVENT_BYTES 2048

static void write_line(const char *line, size_t len)
{
	while (len) {
		ssize_t put = write(STDOUT_FILENO, line, len);

		if (put <= 0)
			return;
		line += put;
		len -= (size_t)put;
	}
}

void say(const char *format, ...)
{
	char line[EVENT_BYTES];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(line) - 1)
		len = sizeof(line) - 2;
	line[len] = '\n';
	write_line(line, (size_t)len + 1);
}

/* Where an append landed is the kernel's secret: null. */
static size_t put_range(char *line, size_t size, const struct io_spec *spec)
{
	if (spec->append && spec->kind == IO_WRITE)
		return (size_t)snprintf(line, size, "\"start\":null,\"end\":null,\"len\":%llu",
					(unsigned long long)spec->len);
	return (size_t)snprintf(line, size, "\"start\":%llu,\"end\":%llu",
				(unsigned long long)spec->off,
				(unsigned long long)(spec->off + spec->len));
}

size_t say_record(char *line, size_t size, const struct op *op, const struct io *io)
{
	const struct io_result *result = &io->result;
	size_t used;

	used = (size_t)snprintf(line, size,
				"{\"ev\":\"done\",\"op\":\"%s\",\"kind\":\"%s\",\"engine\":\"%s\","
				"\"mode\":\"%s\",\"dev\":\"%u:%u\",\"ino\":%llu,",
				op->name, io_kind_names[io->spec.kind],
				io_engine_names[io->spec.engine],
				op->file.direct ? "direct" : "buffered", op->file.dev_major,
				op->file.dev_minor, (unsigned long long)op->file.ino);
	used += put_range(line + used, size - used, &io->spec);
	used += (size_t)snprintf(
		line + used, size - used,
		",\"pid\":%d,\"tid\":%d,\"comm\":\"%s\",\"before_ns\":%lld,\"return_ns\":%lld,"
		"\"done_ns\":%lld,\"res\":%lld,\"attempts\":%u}\n",
		(int)op->pid, (int)op->tid, *op->comm ? op->comm : "mkops",
		(long long)result->before_ns, (long long)result->return_ns,
		(long long)result->done_ns, (long long)result->res, result->attempts);
	return used;
}

void say_op(const char *event, const struct op *op)
{
	say("{\"ev\":\"%s\",\"op\":\"%s\",\"pid\":%d,\"tid\":%d,\"ns\":%lld}", event, op->name,
	    (int)op->pid, (int)op->tid, (long long)now_ns());
}
