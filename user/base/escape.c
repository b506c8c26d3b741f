// SPDX-License-Identifier: GPL-2.0
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/macro.h"

struct code_points {
	uint32_t first;
	uint32_t last;
};

/* Not to be shown as they are; ascending. */
static const struct code_points unsafe[] = {
	{0x0000, 0x001f},   /* C0 */
	{0x007f, 0x009f},   /* DEL, C1: CSI is 0x9b */
	{0x061c, 0x061c},   /* Arabic letter mark */
	{0x200b, 0x200b},   /* zero width space */
	{0x200e, 0x200f},   /* left-to-right and right-to-left mark */
	{0x2028, 0x202e},   /* line and paragraph separator, bidi embeddings and overrides */
	{0x2060, 0x206f},   /* word joiner, invisible operators, bidi isolates */
	{0xfeff, 0xfeff},   /* zero width no-break space */
	{0xfff9, 0xfffb},   /* interlinear annotation */
	{0xe0000, 0xe007f}, /* tags */
};

static bool code_point_is_unsafe(uint32_t point)
{
	for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++) {
		if (point >= unsafe[i].first && point <= unsafe[i].last)
			return true;
	}
	return false;
}

struct utf8_form {
	uint8_t mask;	/* of the lead byte */
	uint8_t lead;	/* what the masked lead byte looks like */
	uint32_t least; /* smallest code point that needs this form */
};

static const struct utf8_form utf8_forms[] = {
	{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

/*
 * Bytes of the code point at `bytes`, or 0 when it is not UTF-8. Overlong forms, surrogates and
 * what lies beyond U+10FFFF are not: decoders disagree about them, which is how filters are fooled.
 */
static size_t utf8_next(const uint8_t *bytes, size_t len, uint32_t *ret)
{
	const struct utf8_form *form = NULL;
	uint32_t point;
	size_t used = 0;

	while (!form && used < ARRAY_SIZE(utf8_forms)) {
		if ((bytes[0] & utf8_forms[used].mask) == utf8_forms[used].lead)
			form = &utf8_forms[used];
		used++;
	}
	if (!form || used > len)
		return 0;
	point = bytes[0] & (uint8_t)~form->mask;
	for (size_t i = 1; i < used; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (point < form->least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret = point;
	return used;
}

static int append_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_printf(out, "\\x%02x", bytes[i]);
	return out->error;
}

int escape_append(struct buf *out, const char *bytes, size_t len)
{
	const uint8_t *at = (const uint8_t *)bytes, *end = at + len;

	while (at < end) {
		uint32_t point = 0;
		size_t used = utf8_next(at, end - at, &point);

		if (used == 0)
			append_hex(out, at, used = 1);
		else if (code_point_is_unsafe(point))
			append_hex(out, at, used);
		else if (point == '\\')
			buf_puts(out, "\\\\");
		else
			buf_append(out, at, used);
		at += used;
	}
	return out->error;
}

int escape_puts(struct buf *out, const char *text)
{
	return escape_append(out, text, strlen(text));
}

size_t escape_width(const char *escaped)
{
	size_t width = 0;

	for (; *escaped; escaped++)
		width += ((uint8_t)*escaped & 0xc0) != 0x80;
	return width;
}
