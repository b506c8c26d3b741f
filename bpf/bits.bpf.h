/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A bit for each inode, by a hash of its address: two may share one. Verbs: inflight.bpf.h.
 */
#ifndef IORACE_BITS_BPF_H
#define IORACE_BITS_BPF_H

#include <iorace/slot.h>

#ifndef INODE_BITS /* fewer where a test tries every schedule */
#define INODE_BITS (1U << 16)
#endif
#define INODE_WORDS (INODE_BITS / 64)

static __always_inline __u32 inode_bit(__u64 inode)
{
	return ior_mix(inode) >> 48;
}

static __always_inline __u64 bit_test(const __u64 *bits, __u64 inode)
{
	__u32 bit = inode_bit(inode);

	return INFLIGHT_LOAD(&bits[(bit >> 6) & (INODE_WORDS - 1)]) >> (bit & 63) & 1;
}

/* True if it was set before. Mostly it was: then nobody's cache line is written. */
static __always_inline bool bit_set(__u64 *bits, __u64 inode)
{
	__u32 bit = inode_bit(inode);
	__u64 mask = 1ULL << (bit & 63);
	__u64 *word = &bits[(bit >> 6) & (INODE_WORDS - 1)];

	return (INFLIGHT_LOAD(word) & mask) || (INFLIGHT_OR(word, mask) & mask);
}

#endif
