// SPDX-License-Identifier: GPL-2.0
#include "loads.h"

#include "base/macro.h"
#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SHAPE_WORD_BYTES 64
#define DIRECT_GRAIN 4096 /* of the devices' logical blocks, the largest */

static const struct load loads[] = {
	{"4k", "4 KiB random, half writes, psync, one job and file per CPU", GROUP_FIRST,
	 LOAD_PSYNC, 4096, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"64k", "64 KiB random, half writes, psync, one job and file per CPU", GROUP_DIRECT,
	 LOAD_PSYNC, 65536, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"128k", "128 KiB random, half writes, psync, one job and file per CPU", GROUP_DIRECT,
	 LOAD_PSYNC, 128 << 10, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"1m", "1 MiB random, half writes, psync, one job and file per CPU", GROUP_DIRECT,
	 LOAD_PSYNC, 1 << 20, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"read", "4 KiB random reads, psync, one job and file per CPU", GROUP_DIRECT, LOAD_PSYNC,
	 4096, 1, 0, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"write", "4 KiB random writes, psync, one job and file per CPU", GROUP_DIRECT, LOAD_PSYNC,
	 4096, 1, 100, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"log", "4 KiB appends, psync, one job and file per CPU", GROUP_DIRECT, LOAD_PSYNC, 4096, 1,
	 100, LOAD_FILE_BYTES, FILE_LOG, true, 0},
	{"libaio32", "4 KiB random, half writes, libaio, 32 per call, one job and file per CPU",
	 GROUP_DIRECT, LOAD_AIO, 4096, 32, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"uring32", "4 KiB random, half writes, io_uring, 32 per call, one job and file per CPU",
	 GROUP_DIRECT, LOAD_URING, 4096, 32, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 0},
	{"one", "4 KiB random, half writes, psync, every job on one file", GROUP_DIRECT, LOAD_PSYNC,
	 4096, 1, 50, LOAD_FILE_BYTES, FILE_OF_ALL, false, 0},
	{"large", "4 KiB random, half writes, psync, all over 256 MiB of random data", GROUP_FIRST,
	 LOAD_PSYNC, 4096, 1, 50, LOAD_LARGE_BYTES, FILE_LARGE, false, 0},
	{"many", "4 KiB random, half writes, psync, every job on 64 files in turn", GROUP_DIRECT,
	 LOAD_PSYNC, 4096, 1, 50, LOAD_MANY_BYTES, FILES_MANY, false, 0},
	{"mixed", "4 and 32 KiB random in turn, half writes, psync, one job and file per CPU",
	 GROUP_DIRECT, LOAD_PSYNC, 4096, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, false, 32768},
	{"hot", "4 KiB random, half writes, psync, every job in the same 256 KiB: conflicts",
	 GROUP_DIRECT, LOAD_PSYNC, 4096, 1, 50, 256 << 10, FILE_OF_ALL, false, 0},
	{"cached", "4 KiB random, half writes, buffered, in the page cache", GROUP_BUFFERED,
	 LOAD_PSYNC, 4096, 1, 50, LOAD_CACHED_BYTES, FILE_CACHED, false, 0},
	{"depth1", "4 KiB sequential, half writes, libaio, loop device, up to 1 in flight per job",
	 GROUP_DEPTH, LOAD_AIO, 4096, 1, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, true, 0},
	{"depth8", "4 KiB sequential, half writes, libaio, loop device, up to 8 in flight per job",
	 GROUP_DEPTH, LOAD_AIO, 4096, 8, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, true, 0},
	{"depth64",
	 "4 KiB sequential, half writes, libaio, loop device, up to 64 in flight per job",
	 GROUP_DEPTH | GROUP_REQUESTS, LOAD_AIO, 4096, 64, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB,
	 true, 0},
	{"depth512",
	 "4 KiB sequential, half writes, libaio, loop device, up to 512 in flight per job",
	 GROUP_DEPTH, LOAD_AIO, 4096, 512, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, true, 0},
	{"depth4096",
	 "4 KiB sequential, half writes, libaio, loop device, up to 4 096 in flight per job",
	 GROUP_DEPTH, LOAD_AIO, 4096, 4096, 50, LOAD_FILE_BYTES, FILE_OF_THE_JOB, true, 0},
};

_Static_assert(ARRAY_SIZE(loads) < LOADS_MAX, "a report has room for all and one more");

/* ---- a shape of one's own -------------------------------------------------------------------- */

static const char *const engines[] = {
	[LOAD_PSYNC] = "psync", [LOAD_AIO] = "aio", [LOAD_URING] = "uring"};

static const struct {
	const char *name;
	size_t bytes;
} files[] = {
	[FILE_OF_THE_JOB] = {"own", LOAD_FILE_BYTES},  [FILE_OF_ALL] = {"one", LOAD_FILE_BYTES},
	[FILE_LARGE] = {"large", LOAD_LARGE_BYTES},    [FILES_MANY] = {"many", LOAD_MANY_BYTES},
	[FILE_CACHED] = {"cached", LOAD_CACHED_BYTES}, [FILE_LOG] = {"log", LOAD_FILE_BYTES},
};

enum shape_number {
	SHAPE_BYTES,
	SHAPE_DEPTH,
	SHAPE_WRITES,
	SHAPE_REGION,
	SHAPE_NUMBERS_
};

static const struct {
	const char *name;
	uint64_t least, most, otherwise;
	int (*parse)(const char *text, const char *what, struct reason *why, uint64_t *ret);
} numbers[SHAPE_NUMBERS_] = {
	[SHAPE_BYTES] = {"bytes", 512, LOAD_BLOCK_BYTES_MAX, 4096, parse_size},
	[SHAPE_DEPTH] = {"depth", 1, LOAD_DEPTH_MAX, 1, parse_unsigned},
	[SHAPE_WRITES] = {"writes", 0, 100, 50, parse_unsigned},
	[SHAPE_REGION] = {"region", 512, LOAD_LARGE_BYTES, 0, parse_size},
};

/* What the words said; the rest is as `otherwise`, and the first of its kind. */
struct shape {
	struct load load;
	bool has_engine, has_file, has_number[SHAPE_NUMBERS_];
	uint64_t number[SHAPE_NUMBERS_];
};

static int take_once(bool *has, const char *word, struct reason *why)
{
	if (*has)
		return reason_fail(why, -EINVAL, "'%s': another word said that already", word);
	*has = true;
	return 0;
}

/* 1: the word is none of these. */
static int take_name(const char *word, struct shape *shape, struct reason *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(word, engines[i])) {
			shape->load.engine = i;
			return take_once(&shape->has_engine, word, why);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!strcmp(word, files[i].name)) {
			shape->load.on = i;
			return take_once(&shape->has_file, word, why);
		}
	}
	if (!strcmp(word, "sequential"))
		shape->load.sequential = true;
	else if (!strcmp(word, "queue"))
		shape->load.groups = GROUP_DEPTH | GROUP_REQUESTS;
	else
		return 1;
	return 0;
}

/* `value`: what follows the sign in "name=value". */
static int take_number(const char *name, const char *value, struct shape *shape, struct reason *why)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t number;
		int r;

		if (strcmp(name, numbers[i].name) != 0)
			continue;
		r = numbers[i].parse(value, name, why, &number);
		if (r)
			return r;
		if (number < numbers[i].least || number > numbers[i].most)
			return reason_fail(why, -EINVAL, "%s=%s: %llu to %llu", name, value,
					   (unsigned long long)numbers[i].least,
					   (unsigned long long)numbers[i].most);
		shape->number[i] = number;
		return take_once(&shape->has_number[i], name, why);
	}
	return reason_fail(why, -EINVAL, "%s: bytes, depth, writes and region have a value", name);
}

static int take_word(char *word, struct shape *shape, struct reason *why)
{
	char *value = strchr(word, '=');
	int r;

	if (value) {
		*value++ = '\0';
		return take_number(word, value, shape, why);
	}
	r = take_name(word, shape, why);
	if (r <= 0)
		return r;
	return reason_fail(why, -EINVAL,
			   "'%s': psync, aio, uring; own, one, large, many, cached, log; "
			   "sequential; queue; bytes=, depth=, writes=, region=",
			   word);
}

static int take_words(const char *words, struct shape *shape, struct reason *why)
{
	for (const char *at = words; *at;) {
		size_t len = strcspn(at, ",");
		char word[SHAPE_WORD_BYTES];
		int r;

		if (len >= sizeof(word))
			return reason_fail(why, -EINVAL, "%s: a word this long is none", at);
		snprintf(word, sizeof(word), "%.*s", (int)len, at);
		r = take_word(word, shape, why);
		if (r)
			return r;
		at += len + (at[len] == ',');
	}
	return 0;
}

/* A region that nobody asked for is as much of the file as blocks fit in. */
static void shape_settle(struct shape *shape)
{
	struct load *load = &shape->load;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!shape->has_number[i])
			shape->number[i] = numbers[i].otherwise;
	}
	if (load->on == FILE_LOG && !shape->has_number[SHAPE_WRITES])
		shape->number[SHAPE_WRITES] = 100;
	load->block_bytes = shape->number[SHAPE_BYTES];
	load->depth = shape->number[SHAPE_DEPTH];
	load->write_percent = shape->number[SHAPE_WRITES];
	load->sequential |= load->on == FILE_LOG;
	load->region_bytes = shape->number[SHAPE_REGION];
	if (!shape->has_number[SHAPE_REGION])
		load->region_bytes =
			files[load->on].bytes - files[load->on].bytes % load->block_bytes;
}

static int judge_region(const struct load *load, struct reason *why)
{
	if (load->region_bytes > files[load->on].bytes)
		return reason_fail(why, -EINVAL, "region=%zu: a file of '%s' has %zu bytes",
				   load->region_bytes, files[load->on].name, files[load->on].bytes);
	if (load->region_bytes % load->block_bytes || !load->region_bytes)
		return reason_fail(why, -EINVAL, "region=%zu: no multiple of bytes=%u",
				   load->region_bytes, load->block_bytes);
	return 0;
}

/* What the load generator cannot do, or what would be another load than it says. */
static int shape_judge(const struct load *load, bool with_queue, struct reason *why)
{
	bool deep = load->groups & GROUP_DEPTH;

	if (load->depth > 1 && load->engine == LOAD_PSYNC)
		return reason_fail(why, -EINVAL,
				   "depth=%u: psync has one in flight, aio and uring may have more",
				   load->depth);
	if (load->on != FILE_CACHED && load->block_bytes % DIRECT_GRAIN)
		return reason_fail(why, -EINVAL, "bytes=%u: direct IO takes multiples of %u",
				   load->block_bytes, DIRECT_GRAIN);
	if (load->on == FILE_LOG && (load->engine != LOAD_PSYNC || load->write_percent != 100))
		return reason_fail(why, -EINVAL, "log: writes by psync and nothing else");
	if (deep && (load->on == FILE_LARGE || load->on == FILE_CACHED))
		return reason_fail(why, -EINVAL, "queue: not with '%s'", files[load->on].name);
	if (deep && !with_queue)
		return reason_fail(why, -EINVAL, "queue: there is no device for it");
	return judge_region(load, why);
}

static int shape_parse(const char *words, bool with_queue, struct loads *ret, struct reason *why)
{
	struct shape shape = {.load = {.name = "shape", .groups = GROUP_FIRST}};
	struct load *load = &shape.load;
	int r = take_words(words, &shape, why);

	if (r)
		return r;
	shape_settle(&shape);
	r = shape_judge(load, with_queue, why);
	if (r)
		return r;
	if (load->on == FILE_CACHED)
		load->groups = GROUP_BUFFERED;
	snprintf(ret->shape_text, sizeof(ret->shape_text),
		 "%u bytes %s in %zu, %u %% writes, %s, %u in flight per job, files '%s'%s",
		 load->block_bytes, load->sequential ? "sequential" : "random", load->region_bytes,
		 load->write_percent, engines[load->engine], load->depth, files[load->on].name,
		 load->groups & GROUP_DEPTH ? ", loop device" : "");
	load->text = ret->shape_text;
	ret->list[ret->len++] = *load;
	return 0;
}

/* ---- which of all ---------------------------------------------------------------------------- */

bool is_listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	if (!list)
		return true;
	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ','))
			return true;
	}
	return false;
}

int names_check(const char *list, const char *what, bool (*is_known)(const char *name, size_t len),
		struct reason *why)
{
	for (const char *at = list; at && *at;) {
		size_t len = strcspn(at, ",");

		if (!is_known(at, len))
			return reason_fail(why, -EINVAL, "no %s is called '%.*s'", what, (int)len,
					   at);
		at += len + (at[len] == ',');
	}
	return 0;
}

static bool load_is_known(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		if (strlen(loads[i].name) == len && !memcmp(loads[i].name, name, len))
			return true;
	}
	return false;
}

int loads_choose(const char *only, const char *shape, bool with_queue, struct loads *ret,
		 struct reason *why)
{
	int r = names_check(only, "load", load_is_known, why);

	ret->len = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(loads); i++) {
		if ((shape && !only) || !is_listed(only, loads[i].name))
			continue;
		if (with_queue || !(loads[i].groups & GROUP_DEPTH))
			ret->list[ret->len++] = loads[i];
		else if (only)
			r = reason_fail(why, -EINVAL, "%s: there is no device for it",
					loads[i].name);
	}
	if (!r && shape)
		r = shape_parse(shape, with_queue, ret, why);
	return r || ret->len ? r : reason_fail(why, -EINVAL, "no load is named");
}
