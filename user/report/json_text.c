// SPDX-License-Identifier: GPL-2.0
#include "report/json_text.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/escape.h"

static void comma(struct buf *out)
{
	char last = out->len ? out->text[out->len - 1] : '\n';

	if (!strchr("{[:\n", last))
		buf_putc(out, ',');
}

void json_text_open(struct buf *out, char bracket)
{
	comma(out);
	buf_putc(out, bracket);
}

void json_text_close(struct buf *out, char bracket)
{
	buf_putc(out, bracket);
}

void json_text_key(struct buf *out, const char *key)
{
	comma(out);
	buf_putc(out, '"');
	buf_puts(out, key);
	buf_append(out, "\":", 2);
}

void json_text_null(struct buf *out, const char *key)
{
	json_text_key(out, key);
	buf_append(out, "null", 4);
}

void json_text_bool(struct buf *out, const char *key, bool value)
{
	json_text_key(out, key);
	buf_puts(out, value ? "true" : "false");
}

void json_text_name(struct buf *out, const char *key, const char *name)
{
	json_text_key(out, key);
	buf_putc(out, '"');
	buf_puts(out, name);
	buf_putc(out, '"');
}

void json_text_count(struct buf *out, const char *key, uint64_t number)
{
	const char *quote = number > JSON_TEXT_EXACT_MAX ? "\"" : "";
	char digits[20], *at = digits + sizeof(digits);

	do {
		*--at = '0' + number % 10;
		number /= 10;
	} while (number);
	json_text_key(out, key);
	buf_puts(out, quote);
	buf_append(out, at, digits + sizeof(digits) - at);
	buf_puts(out, quote);
}

/* Needs neither escape. */
static bool is_plain(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] < ' ' || bytes[i] > '~' || bytes[i] == '"' || bytes[i] == '\\')
			return false;
	}
	return true;
}

/* What is escaped has no control characters left; of JSON's own only these two. */
static void quoted(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			buf_putc(out, '\\');
		buf_putc(out, text[i]);
	}
}

static void escaped(struct buf *out, const char *bytes, size_t len)
{
	_cleanup_(buf_done) struct buf text = {};

	if (escape_append(&text, bytes, len) < 0)
		out->error = text.error;
	else
		quoted(out, buf_text(&text), text.len);
}

void json_text_bytes(struct buf *out, const char *key, const char *bytes, size_t len)
{
	json_text_key(out, key);
	buf_putc(out, '"');
	if (is_plain(bytes, len))
		buf_append(out, bytes, len);
	else
		escaped(out, bytes, len);
	buf_putc(out, '"');
}

void json_text_string(struct buf *out, const char *key, const char *text)
{
	if (text)
		json_text_bytes(out, key, text, strlen(text));
	else
		json_text_null(out, key);
}
