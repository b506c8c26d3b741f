/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the text reporter share. */
#ifndef IORACE_REPORT_TEXT_PARTS_H
#define IORACE_REPORT_TEXT_PARTS_H

#include <stdint.h>

struct buf;
struct report_style;
struct stress_view;
struct summary_view;
struct torn_view;

enum paint { PAINT_BAD, PAINT_DOUBTFUL, PAINT_GOOD, PAINT_COUNT_ };

/* Plain where the style allows no escape sequences. */
void text_painted(const struct report_style *style, enum paint paint, const char *text,
		  struct buf *out);

/* "1 204 conflicts" */
void text_count(uint64_t count, const char *one, const char *many, struct buf *out);

int text_summary(const struct summary_view *summary, const struct report_style *style,
		 struct buf *out);

int text_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out);
int text_stress(const struct stress_view *stress, const struct report_style *style,
		struct buf *out);

#endif
