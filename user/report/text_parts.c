// SPDX-License-Identifier: GPL-2.0
#include "report/text_parts.h"

#include "base/buf.h"
#include "base/macro.h"
#include "base/units.h"
#include "model/reporter.h"

static const char *const paints[] = {
	[PAINT_BAD] = "\033[1;31m",
	[PAINT_DOUBTFUL] = "\033[1;33m",
	[PAINT_GOOD] = "\033[1;32m",
};
_Static_assert(ARRAY_SIZE(paints) == PAINT_COUNT_, "every paint has its sequence");

void text_painted(const struct report_style *style, enum paint paint, const char *text,
		  struct buf *out)
{
	if (style->color)
		buf_puts(out, paints[paint]);
	buf_puts(out, text);
	if (style->color)
		buf_puts(out, "\033[m");
}

void text_count(uint64_t count, const char *one, const char *many, struct buf *out)
{
	units_append_grouped(out, count);
	buf_printf(out, " %s", count == 1 ? one : many);
}
