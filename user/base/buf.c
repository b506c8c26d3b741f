// SPDX-License-Identifier: GPL-2.0
#include "base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_ROOM_MIN 256

/* Room for `more` bytes and a NUL behind them. */
static int buf_reserve(struct buf *out, size_t more)
{
	size_t need, room;
	char *text;

	if (out->error < 0)
		return out->error;
	if (more > SIZE_MAX / 2 - out->len - 1)
		return out->error = -ENOMEM;
	need = out->len + more + 1;
	if (need <= out->room)
		return 0;
	room = out->room ? out->room : BUF_ROOM_MIN;
	while (room < need)
		room *= 2;
	text = realloc(out->text, room);
	if (!text)
		return out->error = -ENOMEM;
	out->text = text;
	out->room = room;
	return 0;
}

int buf_append(struct buf *out, const void *bytes, size_t len)
{
	int r;

	r = buf_reserve(out, len);
	if (r < 0)
		return r;
	if (len > 0)
		memcpy(out->text + out->len, bytes, len);
	out->len += len;
	out->text[out->len] = '\0';
	return 0;
}

int buf_puts(struct buf *out, const char *text)
{
	return buf_append(out, text, strlen(text));
}

int buf_putc(struct buf *out, char c)
{
	return buf_append(out, &c, 1);
}

int buf_fill(struct buf *out, char c, size_t count)
{
	int r;

	r = buf_reserve(out, count);
	if (r < 0)
		return r;
	memset(out->text + out->len, c, count);
	out->len += count;
	out->text[out->len] = '\0';
	return 0;
}

int buf_printf(struct buf *out, const char *fmt, ...)
{
	va_list args;
	int r, len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0)
		return out->error = -ENOMEM;
	r = buf_reserve(out, len);
	if (r < 0)
		return r;
	va_start(args, fmt);
	vsnprintf(out->text + out->len, (size_t)len + 1, fmt, args);
	va_end(args);
	out->len += len;
	return 0;
}

const char *buf_text(const struct buf *out)
{
	return out->text ? out->text : "";
}

void buf_reset(struct buf *out)
{
	out->len = 0;
	out->error = 0;
	if (out->text)
		out->text[0] = '\0';
}

void buf_done(struct buf *out)
{
	free(out->text);
	*out = (struct buf){};
}
