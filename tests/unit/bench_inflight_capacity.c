// SPDX-License-Identifier: GPL-2.0
/*
 * What the in-flight table holds at its default size: ops that find no room, and lines read per
 * look. No timing: the figures are the same on every machine.
 */
#include <stdio.h>

#define HOST_COUNTS_LINES
#include "inflight_host.h"

#define LINES 16384
#define WIDE_LINES 256
#define SLOTS 65536
#define TRIES 20000
#define OPS_MAX 65536

static const struct {
	const char *name;
	__u32 ops;
	__u64 region_bytes;
	__u32 op_bytes;
} crowds[] = {
	{ "16384 x 4 KiB in 64 MiB", 16384, 64 << 20, 4096 },
	{ "16384 x 4 KiB in 256 MiB", 16384, 256 << 20, 4096 },
	{ "16384 x 4 KiB in 1 GiB", 16384, 1 << 30, 4096 },
	{ "16384 x 64 KiB in 1 GiB", 16384, 1 << 30, 65536 },
	{ "16384 x 256 KiB in 16 GiB", 16384, 16ULL << 30, 262144 },
	{ "256 x 4 KiB in 256 KiB", 256, 256 << 10, 4096 },
	{ "4096 x 4 KiB in 1 MiB", 4096, 1 << 20, 4096 },
	{ "1792 x 4 KiB in 64 KiB", 1792, 64 << 10, 4096 },
	{ "4096 x 4 KiB in 64 KiB", 4096, 64 << 10, 4096 },
	{ "32768 x 4 KiB in 1 GiB", 32768, 1 << 30, 4096 },
	{ "65536 x 4 KiB in 1 GiB", 65536, 1 << 30, 4096 },
	{ "1 x 4 KiB in 1 GiB", 1, 1 << 30, 4096 },
};

static void host_count_pair(__u64 self_id, __u64 peer_id, enum inflight_stage stage)
{
	(void)self_id, (void)peer_id, (void)stage;
}

static void host_count_unattributed(__u64 self_id, __u64 peer_id)
{
	(void)self_id, (void)peer_id;
}

static __u64 rng = 88172645463325252ULL;

static __u64 rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545F4914F6CDD1DULL >> 16;
}

/* Reads do not meet: only room and ways are measured. Keys lie as kiocbs in a slab do. */
static int random_op(__u64 i, __u64 region_bytes, __u32 op_bytes, bool *slot_failed)
{
	__u64 key = 0xffff888100000000ULL + i * 0x140;
	__u64 start = rnd() % (region_bytes / op_bytes) * op_bytes;
	struct ior_op op = { .range = { start, start + op_bytes }, .kind = IOR_OP_READ };
	int at = host_begin(key, 0xffff888012345678ULL, &op, true);

	*slot_failed = false;
	if (at >= 0)
		return at;
	at = inflight_claim(key);
	*slot_failed = at < 0;
	if (at >= 0)
		inflight_release(at, slot_at(at));
	return -1;
}

static void report(int n)
{
	static int at[OPS_MAX];
	__u32 no_slot = 0, no_line = 0, looks = 0;
	__u64 lines = 0, worst = 0;
	bool slot_failed;

	host_table_init(LINES, WIDE_LINES, SLOTS);
	for (__u32 i = 0; i < crowds[n].ops; i++) {
		at[i] = random_op(i, crowds[n].region_bytes, crowds[n].op_bytes, &slot_failed);
		no_slot += slot_failed;
		no_line += at[i] < 0 && !slot_failed;
	}
	for (__u32 i = 0; i < TRIES; i++) { /* one goes, one comes */
		__u32 k = rnd() % crowds[n].ops;
		__u64 before;

		if (at[k] >= 0)
			host_end(at[k]);
		at[k] = random_op(k, crowds[n].region_bytes, crowds[n].op_bytes, &slot_failed);
		if (at[k] < 0)
			continue;
		before = host.lines_read;
		inflight_look_slow(at[k], slot_at(at[k]));
		before = host.lines_read - before;
		lines += before;
		worst = before > worst ? before : worst;
		looks++;
	}
	printf("%-28s untracked %5u (no slot %u, no line %u); lines per look %.2f, worst %llu\n",
	       crowds[n].name, no_slot + no_line, no_slot, no_line,
	       looks ? (double)lines / looks : 0, worst);
	host_table_done();
}

int main(void)
{
	for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++)
		report(i);
	return 0;
}
