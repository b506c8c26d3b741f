// SPDX-License-Identifier: GPL-2.0
#include "report/facts.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "model/names.h"

/* A place in a report, for errors. */
struct place {
	const char *name;
	unsigned int line;
	struct reason *why;
};

static int wrong(const struct place *place, const char *what)
{
	return reason_fail(place->why, -EINVAL,
			   "%s:%u: %s; a report written by --report FILE.json "
			   "is needed",
			   place->name, place->line, what);
}

static json_t *member(const json_t *object, const char *outer, const char *key)
{
	return json_object_get(outer ? json_object_get(object, outer) : object, key);
}

/* Larger numbers are decimal strings. -1: null, where that is allowed. */
static int number(const struct place *place, const json_t *value, const char *key, bool nullable,
		  int64_t *ret)
{
	const char *text = json_string_value(value);
	char *end = NULL;

	*ret = -1;
	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
	} else if (text && *text >= '0' && *text <= '9') {
		errno = 0;
		*ret = strtoll(text, &end, 10);
		if (errno || *end)
			*ret = -2;
	} else if (nullable && json_is_null(value)) {
		return 0;
	}
	if (*ret >= 0)
		return 0;
	return reason_fail(place->why, -EINVAL, "%s:%u: \"%s\" is no count", place->name,
			   place->line, key);
}

static int take(const struct place *place, const json_t *line, const char *outer, const char *key,
		uint64_t *ret)
{
	int64_t value;
	int r = number(place, member(line, outer, key), key, false, &value);

	if (!r)
		*ret = (uint64_t)value;
	return r;
}

static int take_or_null(const struct place *place, const json_t *line, const char *outer,
			const char *key, int64_t *ret)
{
	return number(place, member(line, outer, key), key, true, ret);
}

/* The sum of all members; "filtered" is not among what was compared. */
static int sum(const struct place *place, const json_t *line, const char *outer, uint64_t *ret)
{
	json_t *object = json_object_get(line, outer), *value;
	const char *key;

	if (!json_is_object(object))
		return wrong(place, "a member of the summary is missing");
	json_object_foreach(object, key, value)
	{
		int64_t one;
		int r = number(place, value, key, false, &one);

		if (r < 0)
			return r;
		if (strcmp(key, "filtered") == 0)
			continue;
		if ((uint64_t)one > INT64_MAX - *ret)
			return wrong(place, "counts that add up to more than there can be");
		*ret += (uint64_t)one;
	}
	return 0;
}

static int take_keepers(const struct place *place, const json_t *line, struct run_facts *facts)
{
	const json_t *by = member(line, "pairs", "serialized_by");

	for (int keeper = 0; keeper < IOR_KEEPER_COUNT_; keeper++) {
		const char *name = keeper_name(keeper);
		const json_t *value = name ? json_object_get(by, name) : NULL;
		int r = 0;

		facts->serialized_by[keeper] = -1;
		if (value)
			r = number(place, value, name, false, &facts->serialized_by[keeper]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_stress(const struct place *place, const json_t *line, struct run_facts *facts)
{
	facts->torn = -1;
	if (!json_is_object(json_object_get(line, "stress")))
		return 0;
	return take_or_null(place, line, "stress", "torn", &facts->torn);
}

/* What an earlier version wrote has neither of the two below. */
static int take_buckets(const struct place *place, const json_t *line, const char *key,
			uint64_t buckets[IOR_WAIT_BUCKETS])
{
	const json_t *array = member(line, "wait_histogram", key);

	if (!json_is_array(array) || json_array_size(array) > IOR_WAIT_BUCKETS)
		return wrong(place, "a histogram of waits that is none");
	for (size_t i = 0; i < json_array_size(array); i++) {
		int64_t value;
		int r = number(place, json_array_get(array, i), key, false, &value);

		if (r < 0)
			return r;
		buckets[i] = (uint64_t)value;
	}
	return 0;
}

static int take_waits(const struct place *place, const json_t *line, struct run_facts *facts)
{
	int r;

	if (!json_is_object(json_object_get(line, "wait_histogram")))
		return 0;
	facts->has_waits = true;
	r = take_buckets(place, line, "overlapping", facts->waits[IOR_WAIT_NEEDED]);
	return r ? r : take_buckets(place, line, "disjoint", facts->waits[IOR_WAIT_NEEDLESS]);
}

static int take_range_lock(const struct place *place, const json_t *line, struct run_facts *facts)
{
	static const char *const flaws[] = {"early_releases", "overrun", "never_released"};
	const json_t *lock = json_object_get(line, "range_lock");
	int r;

	facts->lock_needless_ns = facts->lock_needed_ns = -1;
	if (!json_is_object(lock))
		return 0;
	facts->has_range_lock = true;
	for (size_t i = 0; i < ARRAY_SIZE(flaws); i++) {
		uint64_t count = 0;

		r = take(place, lock, NULL, flaws[i], &count);
		if (r < 0)
			return r;
		facts->lock_flaws += count;
	}
	r = take_or_null(place, lock, "wait_ns", "needless", &facts->lock_needless_ns);
	return r ? r : take_or_null(place, lock, "wait_ns", "needed", &facts->lock_needed_ns);
}

/* As check judges it: one that was ended at --duration is not told from one that was killed. */
static bool command_failed(const json_t *line)
{
	const json_t *command = json_object_get(line, "command");

	if (!json_is_object(command))
		return false;
	return json_is_integer(json_object_get(command, "signal")) ||
	       json_integer_value(json_object_get(command, "exit")) != 0 ||
	       !json_is_integer(json_object_get(command, "exit"));
}

static int take_pairs(const struct place *place, const json_t *line, struct run_facts *facts)
{
	int r = take(place, line, "pairs", "conflicts", &facts->conflicts);

	if (!r)
		r = take_or_null(place, line, "pairs", "overlapping", &facts->overlapping);
	if (!r)
		r = take_or_null(place, line, "pairs", "serialized", &facts->serialized);
	if (!r)
		r = take_or_null(place, line, "pairs", "unproven", &facts->unproven);
	if (!r)
		r = take_or_null(place, line, "wait_ns", "needless", &facts->needless_wait_ns);
	if (!r)
		r = take_or_null(place, line, "wait_ns", "needed", &facts->needed_wait_ns);
	return r;
}

/* It is printed as it stands: one of ours, not whatever a file says. */
static const char *known_verdict(const json_t *value)
{
	const char *text = json_string_value(value);

	for (uint8_t verdict = 0; text && verdict < VERDICT_COUNT_; verdict++) {
		if (strcmp(text, verdict_name(verdict)) == 0)
			return verdict_name(verdict);
	}
	return NULL;
}

static int take_summary(const struct place *place, json_t *line, struct facts_file *ret)
{
	struct run_facts *facts = &ret->facts;
	int r;

	if (ret->summary)
		return wrong(place, "a second summary");
	ret->summary = json_incref(line);
	facts->verdict = known_verdict(json_object_get(line, "verdict"));
	facts->reason = json_string_value(json_object_get(line, "reason"));
	if (!facts->verdict)
		return wrong(place, "a summary without a verdict");
	facts->command_failed = command_failed(line);
	r = take(place, line, NULL, "duration_ns", &facts->duration_ns);
	if (!r)
		r = sum(place, line, "ops", &facts->ops);
	if (!r)
		r = take_pairs(place, line, facts);
	if (!r)
		r = take_keepers(place, line, facts);
	if (!r)
		r = sum(place, line, "losses", &facts->losses);
	if (!r)
		r = take_waits(place, line, facts);
	if (!r)
		r = take_range_lock(place, line, facts);
	return r ? r : take_stress(place, line, facts);
}

static int take_line(const struct place *place, json_t *line, struct facts_file *ret)
{
	const char *schema = json_string_value(json_object_get(line, "schema"));
	const char *type = json_string_value(json_object_get(line, "type"));

	if (!schema || !type)
		return wrong(place, "no line of iorace");
	if (strcmp(schema, "iorace/1") != 0)
		return wrong(place, "written by another version of iorace");
	if (!strcmp(type, "stress"))
		return wrong(place, "a report of iorace stress alone, which saw no pairs");
	if (!strcmp(type, "finding"))
		ret->facts.findings++;
	return strcmp(type, "summary") ? 0 : take_summary(place, line, ret);
}

int facts_read(FILE *file, const char *name, struct facts_file *ret, struct reason *why)
{
	struct place place = {.name = name, .why = why};
	_cleanup_(freep) char *text = NULL;
	size_t room = 0;
	ssize_t len;
	int r = 0;

	*ret = (struct facts_file){};
	while (!r && (len = getline(&text, &room, file)) > 0) {
		json_t *line = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES, NULL);

		place.line++;
		r = line ? take_line(&place, line, ret) : wrong(&place, "no JSON");
		json_decref(line);
	}
	if (!r && ferror(file))
		r = reason_fail(why, -EIO, "%s: cannot be read", name);
	if (!r && !ret->summary)
		r = reason_fail(why, -ENODATA,
				"%s ends without a summary: it was cut off, or the run "
				"did not end",
				name);
	return r;
}

void facts_done(struct facts_file *file)
{
	json_decref(file->summary);
	file->summary = NULL;
}
