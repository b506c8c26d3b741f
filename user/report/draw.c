// SPDX-License-Identifier: GPL-2.0
#include "report/draw.h"

#include <inttypes.h>

#include "base/buf.h"
#include "model/reporter.h"

#define WIDTH_DEFAULT 40
#define WIDTH_MIN 8
#define WIDTH_MAX 200

#define SEGMENTS 3

/* The bytes before the overlap, the overlap, the bytes behind it. */
struct scale {
	uint64_t edges[SEGMENTS + 1];
	unsigned int columns[SEGMENTS]; /* 0: nothing there */
};

static unsigned int width_of(const struct report_style *style)
{
	unsigned int width = style->width ? style->width : WIDTH_DEFAULT;

	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width > WIDTH_MAX ? WIDTH_MAX : width;
}

/* One column for every segment that is not empty, the others by length, what is left to the last.
 */
static struct scale scale_of(struct ior_range a, struct ior_range b, unsigned int width)
{
	struct ior_range both = ior_range_intersection(a, b);
	struct scale scale = {.edges = {a.start < b.start ? a.start : b.start, both.start, both.end,
					a.end > b.end ? a.end : b.end}};
	unsigned int spare = width, last = 0, given = 0;
	uint64_t total = scale.edges[SEGMENTS] - scale.edges[0];

	for (unsigned int i = 0; i < SEGMENTS; i++)
		spare -= scale.edges[i] < scale.edges[i + 1];
	for (unsigned int i = 0; i < SEGMENTS; i++) {
		uint64_t len = scale.edges[i + 1] - scale.edges[i];
		unsigned int share = (unsigned __int128)len * spare / total;

		if (len == 0)
			continue;
		scale.columns[i] = 1 + share;
		given += share;
		last = i;
	}
	scale.columns[last] += spare - given;
	return scale;
}

static void draw_edge(struct ior_range range, uint64_t at, struct buf *out)
{
	if (at == range.end && at == IOR_RANGE_MAX)
		buf_putc(out, '>');
	else if (at == range.start || at == range.end)
		buf_putc(out, '|');
	else
		buf_putc(out, at > range.start && at < range.end ? '-' : ' ');
}

static void draw_bar(struct ior_range range, const struct scale *scale,
		     const struct report_style *style, struct buf *out)
{
	for (unsigned int i = 0; i < SEGMENTS && scale->edges[i] < range.end; i++) {
		bool inside = scale->edges[i] >= range.start;
		bool common = i == 1;

		if (scale->columns[i] == 0)
			continue;
		draw_edge(range, scale->edges[i], out);
		if (common && style->color)
			buf_puts(out, "\033[31m");
		buf_fill(out, !inside ? ' ' : common ? '#' : '-', scale->columns[i]);
		if (common && style->color)
			buf_puts(out, "\033[m");
	}
	draw_edge(range, range.end, out);
	buf_putc(out, '\n');
}

int draw_overlap(struct ior_range a, struct ior_range b, const struct report_style *style,
		 struct buf *out)
{
	struct scale scale;

	if (!ior_range_overlaps(a, b))
		return out->error;
	scale = scale_of(a, b, width_of(style));
	buf_puts(out, "     A  ");
	draw_bar(a, &scale, style, out);
	buf_puts(out, "     B  ");
	draw_bar(b, &scale, style, out);
	return out->error;
}

int draw_interval(struct ior_range range, struct buf *out)
{
	if (range.end == IOR_RANGE_MAX)
		return buf_printf(out, "[%" PRIu64 ", ∞)", (uint64_t)range.start);
	return buf_printf(out, "[%" PRIu64 ", %" PRIu64 ")", (uint64_t)range.start,
			  (uint64_t)range.end);
}
