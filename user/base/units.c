// SPDX-License-Identifier: GPL-2.0
#include "base/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_H (60 * NS_PER_MIN)
#define NS_PER_D (24 * NS_PER_H)

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit duration_units[] = {
	{"", NS_PER_S},
	{"ns", 1},
	{"us", NS_PER_US},
	{"µs", NS_PER_US},
	{"ms", NS_PER_MS},
	{"s", NS_PER_S},
	{"m", NS_PER_MIN},
	{"min", NS_PER_MIN},
	{"h", NS_PER_H},
	{"d", NS_PER_D},
	{},
};

/* "KB" is left out on purpose: half of its readers take it for 1000. */
static const struct unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"K", 1ULL << 10},
	{"KiB", 1ULL << 10},
	{"k", 1ULL << 10},
	{"M", 1ULL << 20},
	{"MiB", 1ULL << 20},
	{"G", 1ULL << 30},
	{"GiB", 1ULL << 30},
	{"T", 1ULL << 40},
	{"TiB", 1ULL << 40},
	{},
};

static const struct unit no_units[] = {{"", 1}, {}};

static int digit_value(char c, unsigned int base)
{
	int value = -1;

	if (c >= '0' && c <= '9')
		value = c - '0';
	else if (base == 16 && c >= 'a' && c <= 'f')
		value = c - 'a' + 10;
	else if (base == 16 && c >= 'A' && c <= 'F')
		value = c - 'A' + 10;
	return value;
}

/*
 * strtoull() would accept blanks, signs ("-1" is huge) and, in base 0, octal ("010" is 8): none of
 * which anybody means on a command line. *ret_end is left behind the digits.
 */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_end)
{
	unsigned int base = 10;
	uint64_t number = 0;
	int digit;

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
	}
	if (digit_value(*text, base) < 0)
		return -EINVAL;
	for (; (digit = digit_value(*text, base)) >= 0; text++) {
		if (__builtin_mul_overflow(number, base, &number) ||
		    __builtin_add_overflow(number, (uint64_t)digit, &number))
			return -ERANGE;
	}
	*ret = number;
	*ret_end = text;
	return 0;
}

static int parse_with_units(const char *text, const struct unit *units, uint64_t *ret)
{
	const char *end;
	uint64_t number;
	int r;

	r = parse_digits(text, &number, &end);
	if (r < 0)
		return r;
	for (; units->name; units++) {
		if (strcmp(units->name, end) != 0)
			continue;
		if (__builtin_mul_overflow(number, units->factor, &number))
			return -ERANGE;
		*ret = number;
		return 0;
	}
	return -EINVAL;
}

static int explain(int error, const char *text, const char *what, const char *wanted,
		   struct reason *why)
{
	if (error == -ERANGE)
		reason_set(why, "%s: \"%s\" is too large", what, text);
	else if (error < 0)
		reason_set(why, "%s wants %s, not \"%s\"", what, wanted, text);
	return error;
}

int parse_duration(const char *text, const char *what, struct reason *why, uint64_t *ret_ns)
{
	return explain(parse_with_units(text, duration_units, ret_ns), text, what,
		       "a time such as 250ms, 5s, 1m or 2h", why);
}

int parse_size(const char *text, const char *what, struct reason *why, uint64_t *ret_bytes)
{
	return explain(parse_with_units(text, size_units, ret_bytes), text, what,
		       "a size such as 512, 64K, 4M or 1G", why);
}

int parse_unsigned(const char *text, const char *what, struct reason *why, uint64_t *ret)
{
	return explain(parse_with_units(text, no_units, ret), text, what, "a number", why);
}

int units_append_grouped(struct buf *out, uint64_t number)
{
	char digits[24];
	int len;

	len = snprintf(digits, sizeof(digits), "%" PRIu64, number);
	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf_putc(out, ' ');
		buf_putc(out, digits[i]);
	}
	return out->error;
}

/* Exact or not at all: somebody may want to find these bytes with dd. */
int units_append_size(struct buf *out, uint64_t bytes)
{
	static const char *const names[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	size_t i = 0;

	while (bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	units_append_grouped(out, bytes);
	return buf_printf(out, " %s", i == 0 && bytes == 1 ? "byte" : names[i]);
}

/* Three significant digits of the unit, without a tail of zeros: "412 µs", "1.5 s". */
static int append_scaled(struct buf *out, uint64_t ns, uint64_t unit_ns, const char *unit)
{
	uint64_t whole = ns / unit_ns, rest = ns % unit_ns;
	unsigned int hundredths = unit_ns >= 100 ? rest / (unit_ns / 100) : 0;

	if (whole >= 100 || hundredths == 0 || (whole >= 10 && hundredths < 10))
		return buf_printf(out, "%" PRIu64 " %s", whole, unit);
	if (whole >= 10 || hundredths % 10 == 0)
		return buf_printf(out, "%" PRIu64 ".%u %s", whole, hundredths / 10, unit);
	return buf_printf(out, "%" PRIu64 ".%02u %s", whole, hundredths, unit);
}

static int append_two_units(struct buf *out, uint64_t major, const char *major_unit, uint64_t minor,
			    const char *minor_unit)
{
	buf_printf(out, "%" PRIu64 " %s", major, major_unit);
	if (minor > 0)
		buf_printf(out, " %" PRIu64 " %s", minor, minor_unit);
	return out->error;
}

int units_append_duration(struct buf *out, uint64_t ns)
{
	if (ns < NS_PER_US)
		return buf_printf(out, "%" PRIu64 " ns", ns);
	if (ns < NS_PER_MS)
		return append_scaled(out, ns, NS_PER_US, "µs");
	if (ns < NS_PER_S)
		return append_scaled(out, ns, NS_PER_MS, "ms");
	if (ns < NS_PER_MIN)
		return append_scaled(out, ns, NS_PER_S, "s");
	if (ns < NS_PER_H)
		return append_two_units(out, ns / NS_PER_MIN, "min", ns % NS_PER_MIN / NS_PER_S,
					"s");
	if (ns < NS_PER_D)
		return append_two_units(out, ns / NS_PER_H, "h", ns % NS_PER_H / NS_PER_MIN, "min");
	return append_two_units(out, ns / NS_PER_D, "d", ns % NS_PER_D / NS_PER_H, "h");
}

/* RFC 3339, UTC. 64 bits of nanoseconds end in the year 2554, so gmtime_r() does not fail. */
int units_append_time(struct buf *out, uint64_t real_ns)
{
	time_t seconds = real_ns / NS_PER_S;
	char text[sizeof("2026-11-23T17:28:50")];
	struct tm tm = {};

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return buf_printf(out, "%s.%09uZ", text, (unsigned int)(real_ns % NS_PER_S));
}
