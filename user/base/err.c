// SPDX-License-Identifier: GPL-2.0
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void reason_vset(struct reason *why, const char *fmt, va_list args)
{
	static const char cut[] = "...";
	int len;

	if (!why)
		return;
	len = vsnprintf(why->text, sizeof(why->text), fmt, args);
	if (len < 0)
		why->text[0] = '\0';
	else if ((size_t)len >= sizeof(why->text))
		memcpy(why->text + sizeof(why->text) - sizeof(cut), cut, sizeof(cut));
}

void reason_set(struct reason *why, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	reason_vset(why, fmt, args);
	va_end(args);
}

int reason_fail(struct reason *why, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	reason_vset(why, fmt, args);
	va_end(args);
	return error;
}
