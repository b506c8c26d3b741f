/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A range lock under test: how the functions that the user names are read, what an op holds of it,
 * and when two that hold it cannot both be moving data. Pure arithmetic: bpf/range_lock.bpf.h
 * writes it down.
 */
#ifndef IORACE_RANGE_LOCK_H
#define IORACE_RANGE_LOCK_H

#include "range.h"
#include "verdict.h"

#define IOR_RANGE_LOCK_FUNCTIONS_MAX 8
#define IOR_RANGE_LOCK_ARGS_MAX 6

enum ior_range_lock_role {
	IOR_RANGE_LOCK_ACQUIRE,
	IOR_RANGE_LOCK_ACQUIRE_SHARED,
	IOR_RANGE_LOCK_TRY,
	IOR_RANGE_LOCK_TRY_SHARED,
	IOR_RANGE_LOCK_RELEASE,
	IOR_RANGE_LOCK_ROLE_COUNT_
};

/* What a function returns when it did not get the lock. */
enum ior_range_lock_fails {
	IOR_FAILS_NEVER,
	IOR_FAILS_ZERO,
	IOR_FAILS_NEGATIVE,
	IOR_FAILS_COUNT_
};

/* Where a number is found when a function is entered. */
enum ior_range_lock_from {
	IOR_FROM_NOWHERE,
	IOR_FROM_ARG,
	IOR_FROM_LOCK, /* a member of the lock object */
};

struct ior_range_lock_value {
	__u8 from;  /* enum ior_range_lock_from */
	__u8 arg;   /* 0 is the first */
	__u8 bytes; /* 1, 2, 4 or 8 */
	__u8 pad;
	__u32 offset; /* in the lock object */
};
IOR_SIZE_IS(struct ior_range_lock_value, 8);

#define IOR_RANGE_LOCK_NO_ARG 0xff

struct ior_range_lock_function {
	__u8 role;	/* enum ior_range_lock_role */
	__u8 fails;	/* enum ior_range_lock_fails */
	__u8 lock_arg;	/* the lock object, or IOR_RANGE_LOCK_NO_ARG */
	__u8 tree_arg;	/* what the ranges are ranges of, or IOR_RANGE_LOCK_NO_ARG */
	__u8 inclusive; /* `end` is the last byte, page ... of the range */
	__u8 shift;	/* start and end count units of 1 << shift bytes */
	__u8 pad[2];
	struct ior_range_lock_value start;
	struct ior_range_lock_value end;
	struct ior_range_lock_value shared; /* held shared where it is `shared_value` */
	__u64 shared_value;
};
IOR_SIZE_IS(struct ior_range_lock_function, 40);

/* Read-only from load on. */
struct ior_range_lock_options {
	struct ior_range_lock_function functions[IOR_RANGE_LOCK_FUNCTIONS_MAX];
};

static inline bool ior_range_lock_role_is_shared(__u8 role)
{
	return role == IOR_RANGE_LOCK_ACQUIRE_SHARED || role == IOR_RANGE_LOCK_TRY_SHARED;
}

static inline bool ior_range_lock_role_tries(__u8 role)
{
	return role == IOR_RANGE_LOCK_TRY || role == IOR_RANGE_LOCK_TRY_SHARED;
}

/* `ret` as the register has it; the functions return int, bool or nothing. */
static inline bool ior_range_lock_has_failed(__u8 fails, __u64 ret)
{
	if (fails == IOR_FAILS_ZERO)
		return !(ret & 0xff); /* a bool is one byte, what is above it is anything */
	return fails == IOR_FAILS_NEGATIVE && (__s32)ret < 0;
}

/* What cannot be counted in bytes ends at the end of all bytes: a lock on everything has ~0UL. */
static inline __u64 ior_range_lock_bytes(__u64 units, __u8 shift)
{
	if (shift > 63 || units > IOR_RANGE_MAX >> shift)
		return IOR_RANGE_MAX;
	return units << shift;
}

static inline struct ior_range ior_range_lock_range(__u64 start, __u64 end, bool inclusive,
						    __u8 shift)
{
	if (inclusive && end != IOR_RANGE_MAX)
		end++;
	return (struct ior_range){
		.start = ior_range_lock_bytes(start, shift),
		.end = ior_range_lock_bytes(end, shift),
	};
}

#define IOR_RLF_HELD (1U << 0)
#define IOR_RLF_SHARED (1U << 1)
#define IOR_RLF_KNOWS_RANGE (1U << 2)
#define IOR_RLF_EARLY (1U << 3) /* released before the data of its op had moved */

/* What an op has of the range lock when its window opens. */
struct ior_range_lock_held {
	struct ior_range range; /* bytes, as the lock has it: not what the op moves */
	__u64 tree;
	__u64 waited_ns; /* before it was held */
	__u32 flags;	 /* IOR_RLF_* */
	__u32 pad;
};
IOR_SIZE_IS(struct ior_range_lock_held, 40);

/*
 * Can only one of the two be held at a time? Told from what they *hold*: a lock that ends a byte
 * early excludes nobody from that byte. Where a range is not known nothing is claimed.
 */
static inline bool ior_range_locks_exclude(const struct ior_range_lock_held *a,
					   const struct ior_range_lock_held *b)
{
	__u32 both = a->flags & b->flags, needed = IOR_RLF_HELD | IOR_RLF_KNOWS_RANGE;

	return (both & needed) == needed && !(both & IOR_RLF_SHARED) && a->tree == b->tree &&
	       ior_range_overlaps(a->range, b->range);
}

/* What the two parties of a conflict held. */
enum ior_slip {
	IOR_SLIP_BOTH,	/* ranges that exclude each other: the lock let one of them through */
	IOR_SLIP_APART, /* ranges that do not: other trees, both shared, or not what they move */
	IOR_SLIP_ONE,
	IOR_SLIP_NONE,
	IOR_SLIP_COUNT_
};

static inline bool ior_range_lock_was_held(const struct ior_range_lock_held *held)
{
	return held->flags & (IOR_RLF_HELD | IOR_RLF_EARLY);
}

static inline enum ior_slip ior_range_locks_slip(const struct ior_range_lock_held *a,
						 const struct ior_range_lock_held *b)
{
	struct ior_range_lock_held x = *a, y = *b;

	if (!ior_range_lock_was_held(a) || !ior_range_lock_was_held(b))
		return ior_range_lock_was_held(a) || ior_range_lock_was_held(b) ? IOR_SLIP_ONE
										: IOR_SLIP_NONE;
	x.flags |= IOR_RLF_HELD;
	y.flags |= IOR_RLF_HELD;
	return ior_range_locks_exclude(&x, &y) ? IOR_SLIP_BOTH : IOR_SLIP_APART;
}

/* One that opened before the op that waits. */
struct ior_range_lock_peer {
	struct ior_range_lock_held held;
	__u32 slot, seq; /* which op it is */
	__u32 hold;	 /* enum ior_hold: under what the pair is noted in struct ior_span */
	__u32 pad;
};
IOR_SIZE_IS(struct ior_range_lock_peer, 56);

#define IOR_RANGE_LOCK_LIST 6

/* Beside struct ior_span: what is remembered of the range lock of one op. */
struct ior_range_lock_span {
	struct ior_range_lock_held held;   /* when its window opened */
	struct ior_range_lock_held wanted; /* what it asked for last; HELD not set: nothing yet */
	__u64 doubts;			   /* ior_range_lock_doubts when it entered */
	__u64 waited_ns;		   /* for the range lock alone */
	__u64 pos, len_bytes;		   /* of a window that opens when the lock is held */
	__u32 listed;			   /* how many went to the list, or found no room there */
	__u16 flags;			   /* IOR_OPF_* of that window */
	__u8 mode;			   /* enum ior_mode of it */
	__u8 opens_at_lock;
	__s32 excluded[IOR_HOLD_COUNT_]; /* those without room whose range excludes `wanted` */
	struct ior_range_lock_peer peers[IOR_RANGE_LOCK_LIST];
};
IOR_SIZE_IS(struct ior_range_lock_span, 472);

/* A lock that is held, by whomever. */
struct ior_range_lock_entry {
	__u64 key; /* identity of the lock; 0: free */
	struct ior_range_lock_held held;
	__u64 since_ns;
	__u32 tid;   /* who acquired it */
	__u32 owner; /* slot + 1 of the op it is held for; 0: none is known */
	__u32 owner_seq;
	__u32 selected; /* that op is one that is reported */
};
IOR_SIZE_IS(struct ior_range_lock_entry, 72);

enum ior_range_lock_stat {
	IOR_RL_ACQUIRES,
	IOR_RL_WAITS,  /* acquires that slept */
	IOR_RL_FAILED, /* tries, and acquires that gave up */
	IOR_RL_RELEASES,
	IOR_RL_EARLY,	       /* released before the data of its op had moved */
	IOR_RL_OVERRUN,	       /* acquired while another op held a range that excludes it */
	IOR_RL_NEVER_RELEASED, /* acquired again without having been released */
	IOR_RL_LATE,	       /* acquired when the window of the op was open already */
	IOR_RL_UNMATCHED,      /* released, but not seen to be acquired */
	IOR_RL_UNTRACKED,      /* found no room, or its return was not seen */
	IOR_RL_WAIT_NEEDED_NS,
	IOR_RL_WAIT_NEEDLESS_NS,
	IOR_RL_SLIPS, /* by enum ior_slip */
	IOR_RL_SLIPS_LAST = IOR_RL_SLIPS + IOR_SLIP_COUNT_ - 1,
	IOR_RL_STAT_COUNT_
};

/* Waits by the logarithm of their length: bucket i has those of 2^i to 2^(i+1) - 1 ns. */
#define IOR_WAIT_BUCKETS 40

enum ior_wait_kind {
	IOR_WAIT_NEEDED,   /* of ops that met an overlapping one */
	IOR_WAIT_NEEDLESS, /* of ops that met none */
	IOR_WAIT_KIND_COUNT_
};

/* By arithmetic alone: each branch would be two paths for the BPF verifier to walk. */
static inline __u32 ior_wait_bucket(__u64 ns)
{
	__u32 bucket = 0;

	for (__u32 step = 32; step; step >>= 1) {
		__u64 above = ns >> step;
		__u32 shift;

		asm("" : "+r"(above)); /* hides from the compiler that it could branch */
		shift = (__u32)((above | -above) >> 63) * step;
		ns >>= shift;
		bucket += shift;
	}
	return bucket < IOR_WAIT_BUCKETS ? bucket : IOR_WAIT_BUCKETS - 1;
}

/* Per CPU, like all counters. */
struct ior_wait_counters {
	__u64 buckets[IOR_WAIT_KIND_COUNT_][IOR_WAIT_BUCKETS];
	__u64 range_lock[IOR_RL_STAT_COUNT_];
};

#endif
