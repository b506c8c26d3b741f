/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the text reporter share. */
#ifndef IORACE_REPORT_TEXT_PARTS_H
#define IORACE_REPORT_TEXT_PARTS_H

#include <iorace/records.h>

#include <stdint.h>

struct buf;
struct file_view;
struct op_view;
struct file_sums_view;
struct report_style;
struct stress_view;
struct summary_view;
struct torn_view;

enum paint {
	PAINT_BAD,
	PAINT_DOUBTFUL,
	PAINT_GOOD,
	PAINT_COUNT_
};

/* Plain where the style allows no escape sequences. */
void text_painted(const struct report_style *style, enum paint paint, const char *text,
		  struct buf *out);

/* "1 204 conflicts" */
void text_count(uint64_t count, const char *one, const char *many, struct buf *out);

/* "write/write  fio ↔ postgres   /data/file": programs sorted, so that one can grep for it. */
void text_headline(const char *kind, const struct ior_finding_side sides[2],
		   const struct file_view *file, struct buf *out);

/* The path and what is known of it; else the device and the inode. */
void text_path(const struct file_view *file, struct buf *out);

/* "xfs 259:3 inode 2619" */
void text_file_id(const struct file_view *file, struct buf *out);

/* "write direct"; a truncate is "size" and needs no mode of the same name. */
void text_what(uint8_t kind, uint8_t mode, struct buf *out);

/*
 * All locks of an op: "i_rwsem shared, invalidate_lock exclusive by another, range lock x". `magic`
 * is that of the file system, which names one of them.
 */
void text_locks(uint64_t magic, const struct op_view *view, struct buf *out);

/* "i_rwsem exclusive by another" */
void text_lock(uint8_t i_rwsem, uint8_t self, struct buf *out);
int text_file(const struct file_sums_view *sums, const struct report_style *style, struct buf *out);

int text_summary(const struct summary_view *summary, const struct report_style *style,
		 struct buf *out);

int text_torn(const struct torn_view *torn, const struct report_style *style, struct buf *out);
int text_stress(const struct stress_view *stress, const struct report_style *style,
		struct buf *out);

#endif
