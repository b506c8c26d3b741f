/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Findings: how many pairs of each, and when a record of one is due.
 *
 * They stand in a hash map for all CPUs. In a storm that is a look-up for each pair, and a cache
 * line that every CPU writes. So each CPU counts the few it had last for itself, as pending, until
 * a record is due or another finding wants the place; what is left at the end the tool adds up.
 */
#ifndef IORACE_FINDING_BPF_H
#define IORACE_FINDING_BPF_H

#include "count.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ior_finding_key);
	__type(value, struct ior_finding_value);
} ior_findings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, IOR_PENDING_FINDINGS);
	__type(key, __u32);
	__type(value, struct ior_pending);
} ior_pending SEC(".maps");

/* Conflict records sent in all, against ior_options.max_records. */
__u64 ior_records_sent;

/* ---- those of all CPUs ----------------------------------------------------------------------- */

static const struct ior_finding_value finding_fresh = {.span_start = ~0ULL};

/* The finding of this key; *is_new when this pair is its first. NULL: the table is full. */
static __always_inline struct ior_finding_value *finding_of(const struct ior_finding_key *key,
							    bool *is_new)
{
	struct ior_finding_value *value = bpf_map_lookup_elem(&ior_findings, key);

	*is_new = false;
	if (value)
		return value;
	*is_new = bpf_map_update_elem(&ior_findings, key, &finding_fresh, BPF_NOEXIST) == 0;
	return bpf_map_lookup_elem(&ior_findings, key);
}

/* Spans and times may lose a race by one pair; counts and bytes may not. */
static __always_inline void finding_add(struct ior_finding_value *value,
					const struct ior_finding_value *more)
{
	__sync_fetch_and_add(&value->count, more->count);
	__sync_fetch_and_add(&value->bytes, more->bytes);
	if (!value->first_ns)
		value->first_ns = more->first_ns;
	value->last_ns = more->last_ns;
	if (more->span_start < value->span_start)
		value->span_start = more->span_start;
	if (more->span_end > value->span_end)
		value->span_end = more->span_end;
}

static __always_inline void finding_count(struct ior_finding_value *value, struct ior_range common,
					  __u64 now_ns)
{
	struct ior_finding_value one = {
		.count = 1,
		.bytes = ior_range_len(common),
		.first_ns = now_ns,
		.last_ns = now_ns,
		.span_start = common.start,
		.span_end = common.end,
	};

	finding_add(value, &one);
}

/*
 * Is one more record of this finding due? NULL: there was no room for it, so nobody can tell how
 * many of it were sent. Races by one are harmless: the counts are elsewhere. Of two CPUs one may be
 * a little behind, hence the signs.
 */
static __always_inline bool record_is_due(const struct ior_finding_value *finding, __u64 now_ns)
{
	if (ior_options.sample_ns &&
	    (!finding || (finding->samples &&
			  (__s64)(now_ns - finding->sampled_ns) < (__s64)ior_options.sample_ns)))
		return false;
	if (ior_records_sent >= ior_options.max_records)
		return false;
	return __sync_fetch_and_add(&ior_records_sent, 1) < ior_options.max_records;
}

/* ---- those of this CPU ----------------------------------------------------------------------- */

_Static_assert((IOR_PENDING_FINDINGS & (IOR_PENDING_FINDINGS - 1)) == 0, "places are masked");

/*
 * The place of a finding. Programs stay on their CPU but may preempt each other there, so only
 * whoever holds the first meeting of the CPU comes here (pair.bpf.h).
 */
static __always_inline struct ior_pending *pending_of(const struct ior_finding_key *key)
{
	const __u64 *a = (const __u64 *)&key->sides[0], *b = (const __u64 *)&key->sides[1];
	__u32 at = ior_mix(key->file.ino + ior_mix(a[0] + a[2]) + (b[0] ^ b[2])) >> 32;

	at &= IOR_PENDING_FINDINGS - 1;
	return bpf_map_lookup_elem(&ior_pending, &at);
}

static __always_inline bool finding_key_is(const struct ior_finding_key *x,
					   const struct ior_finding_key *y)
{
	const __u64 *a = (const __u64 *)x, *b = (const __u64 *)y;
	__u64 differ = 0;

	for (int i = 0; i < (int)(sizeof(*x) / sizeof(*a)); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static __always_inline void pending_add(struct ior_finding_value *value, struct ior_range common,
					__u64 now_ns)
{
	value->count++;
	value->bytes += ior_range_len(common);
	value->last_ns = now_ns;
	if (common.start < value->span_start)
		value->span_start = common.start;
	if (common.end > value->span_end)
		value->span_end = common.end;
}

/* True: counted here, in all that is counted, and no record is due. */
static __always_inline bool pending_count(const struct ior_finding_key *key,
					  struct ior_range common, __u64 now_ns)
{
	struct ior_pending *pending = pending_of(key);

	if (!pending || !finding_key_is(&pending->key, key) ||
	    (__s64)(now_ns - pending->due_ns) >= 0)
		return false;
	pending_add(&pending->value, common, now_ns);
	pending->untold++;
	return true;
}

/*
 * Where each is due, no time can say so: another CPU may have just sent one of an op that began
 * after ours. So nothing is pending then.
 */
static __always_inline bool record_is_always_due(void)
{
	return !ior_options.sample_ns && ior_records_sent < ior_options.max_records;
}

/* When the next record of a finding is due, as far as is known; mostly it has just been sent. */
static __always_inline __u64 record_due_ns(const struct ior_finding_value *finding, __u64 now_ns)
{
	if (ior_records_sent >= ior_options.max_records)
		return now_ns + (1ULL << 62);
	return finding->samples ? finding->sampled_ns + ior_options.sample_ns : now_ns;
}

/* Whoever had the place is added to his finding, which is there since it was pending. */
static __always_inline void pending_give_up(struct ior_pending *pending)
{
	struct ior_finding_value *finding;

	if (!pending->value.count)
		return;
	finding = bpf_map_lookup_elem(&ior_findings, &pending->key);
	if (finding)
		finding_add(finding, &pending->value);
	else
		loss_add(IOR_LOSS_FINDINGS_FULL, pending->value.count);
}

/* From now on this CPU counts this one for itself, until a record is due. */
static __always_inline int pending_begin(const struct ior_finding_key *key,
					 const struct ior_finding_value *finding, __u64 now_ns)
{
	struct ior_pending *pending = pending_of(key);

	if (!pending)
		return 0;
	if (!finding_key_is(&pending->key, key)) {
		pending_give_up(pending);
		pending->key = *key;
		pending->value = finding_fresh;
		pending->value.first_ns = now_ns;
	}
	pending->due_ns = record_due_ns(finding, now_ns);
	return 0;
}

#endif
