// SPDX-License-Identifier: GPL-2.0
#include "model/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/conflict.h"
#include "model/names.h"
#include "model/range_set.h"

struct finding {
	struct finding *next; /* in its bucket */
	size_t bucket;
	struct ior_finding_key key;
	struct ior_finding_value counted; /* sum of the kernel's rows */
	struct ior_finding_value sampled; /* the same, of the samples alone */
	struct range_set ranges;
	struct conflict_view *sample;
	char fs[FS_TEXT_BYTES];
};

struct tally {
	int64_t real_minus_mono_ns;
	size_t findings_max;
	size_t len;
	uint64_t overflow_rows;	   /* pairs counted in rows that found no place */
	uint64_t overflow_samples; /* samples that found none: mostly the same pairs */
	size_t bucket_mask;
	struct finding *buckets[];
};

struct tally *tally_new(size_t findings_max, int64_t real_minus_mono_ns)
{
	struct tally *tally;
	size_t buckets = 1;

	while (buckets < findings_max)
		buckets *= 2;
	tally = calloc(1, sizeof(*tally) + buckets * sizeof(tally->buckets[0]));
	if (!tally)
		return NULL;
	tally->findings_max = findings_max;
	tally->real_minus_mono_ns = real_minus_mono_ns;
	tally->bucket_mask = buckets - 1;
	return tally;
}

/* Steps through all findings: tally_next(tally, NULL) is the first, NULL comes after the last. */
static struct finding *tally_next(const struct tally *tally, const struct finding *after)
{
	size_t bucket = 0;

	if (after && after->next)
		return after->next;
	if (after)
		bucket = after->bucket + 1;
	for (; bucket <= tally->bucket_mask; bucket++) {
		if (tally->buckets[bucket])
			return tally->buckets[bucket];
	}
	return NULL;
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	for (size_t i = 0; i <= tally->bucket_mask; i++) {
		struct finding *finding = tally->buckets[i];

		while (finding) {
			struct finding *next = finding->next;

			conflict_view_free(finding->sample);
			free(finding);
			finding = next;
		}
	}
	free(tally);
}

void tally_freep(struct tally **tally)
{
	tally_free(*tally);
}

void tally_recount(struct tally *tally)
{
	tally->overflow_rows = 0;
	for (struct finding *f = tally_next(tally, NULL); f; f = tally_next(tally, f))
		f->counted = (struct ior_finding_value){};
}

/* -ENOSPC when all places are taken. `key` is in normal form. */
static int tally_find(struct tally *tally, const struct ior_finding_key *key, struct finding **ret)
{
	size_t bucket = conflict_fingerprint(key, NULL) & tally->bucket_mask;
	struct finding *finding;

	for (finding = tally->buckets[bucket]; finding; finding = finding->next) {
		if (memcmp(&finding->key, key, sizeof(*key)) == 0) {
			*ret = finding;
			return 0;
		}
	}
	if (tally->len >= tally->findings_max)
		return -ENOSPC;
	finding = calloc(1, sizeof(*finding));
	if (!finding)
		return -ENOMEM;
	finding->key = *key;
	fs_text(key->file.magic, finding->fs);
	finding->bucket = bucket;
	finding->next = tally->buckets[bucket];
	tally->buckets[bucket] = finding;
	tally->len++;
	*ret = finding;
	return 0;
}

static void value_add(struct ior_finding_value *sum, const struct ior_finding_value *value)
{
	if (value->count == 0)
		return;
	if (sum->count == 0) {
		*sum = *value;
		return;
	}
	sum->count += value->count;
	sum->bytes += value->bytes;
	if (value->first_ns < sum->first_ns)
		sum->first_ns = value->first_ns;
	if (value->last_ns > sum->last_ns)
		sum->last_ns = value->last_ns;
	if (value->span_start < sum->span_start)
		sum->span_start = value->span_start;
	if (value->span_end > sum->span_end)
		sum->span_end = value->span_end;
}

int tally_add_row(struct tally *tally, const struct ior_finding_key *key,
		  const struct ior_finding_value *value)
{
	struct ior_finding_key normal = *key;
	struct finding *finding;
	int r;

	finding_key_normalize(&normal);
	r = tally_find(tally, &normal, &finding);
	if (r == -ENOSPC) {
		tally->overflow_rows += value->count;
		return 0;
	}
	if (r < 0)
		return r;
	value_add(&finding->counted, value);
	return 0;
}

/* How much a sample tells. */
static int sample_worth(const struct conflict_view *sample)
{
	if (!sample)
		return -1;
	return (sample->ops[0].stack != NULL) + (sample->ops[1].stack != NULL);
}

static int finding_keep_sample(struct finding *finding, const struct conflict_view *sample)
{
	struct conflict_view *copy;

	if (sample_worth(sample) <= sample_worth(finding->sample))
		return 0;
	copy = conflict_view_dup(sample);
	if (!copy)
		return -ENOMEM;
	conflict_view_free(finding->sample);
	finding->sample = copy;
	return 0;
}

int tally_add_sample(struct tally *tally, const struct conflict_view *sample)
{
	const struct ior_op *a = &sample->ops[0].op, *b = &sample->ops[1].op;
	struct ior_finding_key key = finding_key_of(&sample->file.id, a, b);
	struct ior_range overlap = ior_range_intersection(a->range, b->range);
	struct finding *finding;
	int r;

	r = tally_find(tally, &key, &finding);
	if (r == -ENOSPC) {
		tally->overflow_samples++;
		return 0;
	}
	if (r < 0)
		return r;
	range_set_add(&finding->ranges, overlap);
	value_add(&finding->sampled, &(struct ior_finding_value){
					     .count = 1,
					     .bytes = ior_range_len(overlap),
					     .first_ns = sample->time_mono_ns,
					     .last_ns = sample->time_mono_ns,
					     .span_start = overlap.start,
					     .span_end = overlap.end,
				     });
	return finding_keep_sample(finding, sample);
}

/* A reading of the table may lag behind the samples that have already come. */
static const struct ior_finding_value *finding_value(const struct finding *finding)
{
	return finding->counted.count >= finding->sampled.count ? &finding->counted
								: &finding->sampled;
}

uint64_t tally_conflicts(const struct tally *tally)
{
	uint64_t sum = 0;

	for (const struct finding *f = tally_next(tally, NULL); f; f = tally_next(tally, f))
		sum += finding_value(f)->count;
	return sum;
}

uint64_t tally_overflow(const struct tally *tally, uint64_t without_row)
{
	uint64_t counted = tally->overflow_rows + without_row;

	return counted > tally->overflow_samples ? counted : tally->overflow_samples;
}

static struct file_view finding_file(const struct finding *finding, tally_path_fn path_of,
				     void *arg)
{
	struct file_view file = {
		.id = finding->key.file, .path_state = PATH_UNKNOWN, .fs = finding->fs};

	if (finding->sample) {
		file.path = finding->sample->file.path;
		file.path_state = finding->sample->file.path_state;
	}
	if (path_of)
		path_of(&finding->key.file, &file.path, &file.path_state, arg);
	return file;
}

static struct finding_view finding_view_of(const struct tally *tally, struct finding *finding,
					   const struct file_view *file)
{
	const struct ior_finding_value *value = finding_value(finding);

	/* Pairs that were counted and not sampled also lie somewhere. */
	range_set_reach(&finding->ranges, (struct ior_range){value->span_start, value->span_end});
	return (struct finding_view){
		.fingerprint = conflict_fingerprint(&finding->key, file->path),
		.file = *file,
		.sides = {finding->key.sides[0], finding->key.sides[1]},
		.count = value->count,
		.bytes = value->bytes,
		.first_real_ns = value->first_ns + tally->real_minus_mono_ns,
		.last_real_ns = value->last_ns + tally->real_minus_mono_ns,
		.ranges = finding->ranges.ranges,
		.ranges_len = finding->ranges.len,
		.sample = finding->sample,
	};
}

static int by_count(const void *a, const void *b)
{
	const struct finding_view *x = a, *y = b;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->fingerprint != y->fingerprint)
		return x->fingerprint < y->fingerprint ? -1 : 1;
	return 0;
}

int tally_findings(struct tally *tally, tally_path_fn path_of, void *arg, struct finding_list *ret)
{
	struct finding_list list = {};

	list.items = calloc(tally->len ? tally->len : 1, sizeof(*list.items));
	if (!list.items)
		return -ENOMEM;
	for (struct finding *f = tally_next(tally, NULL); f; f = tally_next(tally, f)) {
		struct file_view file = finding_file(f, path_of, arg);

		if (finding_value(f)->count > 0)
			list.items[list.len++] = finding_view_of(tally, f, &file);
	}
	qsort(list.items, list.len, sizeof(*list.items), by_count);
	*ret = list;
	return 0;
}

void finding_list_done(struct finding_list *list)
{
	free(list->items);
	*list = (struct finding_list){};
}
