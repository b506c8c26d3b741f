// SPDX-License-Identifier: GPL-2.0
#include "report/markup.h"

#include <string.h>

#include "base/buf.h"
#include "base/escape.h"

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* U+FFFE and U+FFFF: characters to UTF-8, an error to every XML parser. */
static const char *forbidden(const char *text)
{
	if (!strncmp(text, "\xef\xbf\xbe", 3))
		return "\\xef\\xbf\\xbe";
	if (!strncmp(text, "\xef\xbf\xbf", 3))
		return "\\xef\\xbf\\xbf";
	return NULL;
}

int markup_puts(struct buf *out, const char *text)
{
	for (; *text; text++) {
		const char *instead = entity(*text);

		if (instead) {
			buf_puts(out, instead);
			continue;
		}
		instead = forbidden(text);
		if (instead) {
			buf_puts(out, instead);
			text += 2;
			continue;
		}
		buf_putc(out, *text);
	}
	return out->error;
}

int markup_take(struct buf *out, struct buf *from)
{
	if (from->error < 0)
		out->error = from->error;
	else
		markup_puts(out, buf_text(from));
	buf_done(from);
	return out->error;
}

int markup_bytes(struct buf *out, const char *bytes, size_t len)
{
	struct buf text = {};

	escape_append(&text, bytes, len);
	return markup_take(out, &text);
}

int markup_stranger(struct buf *out, const char *text)
{
	return text ? markup_bytes(out, text, strlen(text)) : out->error;
}
