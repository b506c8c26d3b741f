/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Layout of the in-flight table: pure packing and hashing, no atomics (bpf/inflight.bpf.h) and no
 * meaning (verdict.h).
 *
 * A file is cut into chunks of 64 KiB, and these into granules of 16 KiB. An op within one granule
 * stands by that, any other by each of its chunks: (inode, granule) or (inode, chunk) leads to a
 * line of one cache line, see ior_home_of(): an overflow count and seven ways. In a way an op is
 * one word:
 *
 *   63      62     61      60..54       53..47        46..27       26..25  24..0
 *   in use  write  moving  last sector  first sector  slot index   place   tag of (inode, unit)
 *
 * Sectors count from the start of the chunk, whatever the unit.
 *
 * Words alone rule most pairs out. Sectors are rounded outwards and tags collide, so words never
 * rule a pair in: inode and exact bytes are compared in the slot.
 */
#ifndef IORACE_SLOT_H
#define IORACE_SLOT_H

#include "op.h"

#define IOR_CHUNK_SHIFT 16   /* 64 KiB: 17 lines at most for 1 MiB */
#define IOR_GRANULE_SHIFT 14 /* 16 KiB: four ops of 4 KiB side by side leave their line room */
#define IOR_SECTOR_SHIFT 9
#define IOR_CHUNK_SECTORS (1U << (IOR_CHUNK_SHIFT - IOR_SECTOR_SHIFT))

#define IOR_WAYS 7
#ifndef IOR_NARROW_CHUNKS_MAX	 /* fewer where a test tries every schedule */
#define IOR_NARROW_CHUNKS_MAX 17 /* an op over more chunks is wide */
#endif
#define IOR_PROBE_LINES_MAX 256 /* how far a full line spills: 1 792 ops in one chunk */
#define IOR_PROBE_SLOTS_MAX 32	/* at the limit of ops none stood more than 9 from home */
#define IOR_RACES 16		/* ops that may start on one range at the very same time */

#define IOR_SLOT_BITS 20
#define IOR_TAG_BITS 27
#define IOR_SLOTS_MAX (1U << IOR_SLOT_BITS)

#define IOR_WORD_IN_USE (1ULL << 63)
#define IOR_WORD_WRITE (1ULL << 62)
#define IOR_WORD_MOVING (1ULL << 61)
#define IOR_WORD_LAST_SHIFT 54
#define IOR_WORD_FIRST_SHIFT 47
#define IOR_WORD_SECTOR_MASK 0x7fULL
#define IOR_WORD_SLOT_SHIFT IOR_TAG_BITS
#define IOR_WORD_SLOT_MASK ((1ULL << IOR_SLOT_BITS) - 1)
#define IOR_WORD_OF_OP (IOR_WORD_IN_USE | IOR_WORD_SLOT_MASK << IOR_WORD_SLOT_SHIFT)
#define IOR_WORD_TAG_MASK ((1ULL << IOR_TAG_BITS) - 1)
_Static_assert(IOR_WORD_SECTOR_MASK == IOR_CHUNK_SECTORS - 1, "sectors of a chunk fit their bits");
_Static_assert(IOR_TAG_BITS + IOR_SLOT_BITS == IOR_WORD_FIRST_SHIFT, "word fields do not overlap");

struct ior_line {
	/*
	 * Low half: how many ops passed this line because it was full, so that look-ups follow
	 * them. High half, in lines of wide ops only: how many have their home here.
	 */
	__u64 header;
	__u64 ways[IOR_WAYS];
};
IOR_SIZE_IS(struct ior_line, 64);

#define IOR_LINE_PASSED_MASK 0xffffffffULL
#define IOR_LINE_HOME 0x100000000ULL

/*
 * No more ops pass a line than words stand in the table, and there are never more lines than slots:
 * the highest byte of the low half is always 0, and is stored as that by whoever wants the line to
 * himself (INFLIGHT_FETCH).
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define IOR_LINE_STILL_BYTE 3
#else
#define IOR_LINE_STILL_BYTE 4
#endif
_Static_assert(IOR_SLOTS_MAX *IOR_WAYS < 1U << 24, "no count of a header reaches that byte");

enum ior_slot_state {
	IOR_SLOT_IDLE,	    /* claimed, nothing in the lines */
	IOR_SLOT_PENDING,   /* begun, its window opens later (btrfs) */
	IOR_SLOT_WAITING,   /* has words in the lines; its window is not open yet */
	IOR_SLOT_PUBLISHED, /* has words in the lines; its window is open */
	IOR_SLOT_DONE,	    /* window closed, the op itself not yet over */
};

#define IOR_UNIT_ANY (~0ULL)

struct ior_slot {
	__u64 key;  /* identity of the op: its kiocb, or its task and what it is in; 0: free */
	__u32 seq;  /* odd while the slot is filled */
	__u32 away; /* of those whose home is this slot, see ior_away_count() */
	__u64 inode;
	__u32 where;	/* its single word, see ior_where(); 0: to be searched for */
	__u8 spanned;	/* entered the table before it had its locks */
	__u8 tell_path; /* its file had its first conflict: a path record is due */
	__u8 settled;	/* it has looked at everybody who was there before it */
	__u8 state;	/* enum ior_slot_state */
	struct ior_op op;
	__u8 moving;
	__u8 wide;
	__u8 fs;	/* enum ior_fs */
	__u8 drained;	/* no direct IO was in flight when its window opened */
	__u8 tentative; /* waits for its first bio to open its window */
	__u8 extends;	/* was to end beyond i_size when it began; see peer_may_be_over() */
	__u8 undecided; /* may give up yet, and its first bio will not be seen */
	__u8 place;	/* where its words are to be searched for, see IOR_PLACES */
	__u64 file;	/* struct file, for the path of a report */
	__u64 looking;	/* ior_unit_pack() of what it is looking at, while it goes unit by unit */
	struct ior_stacks stacks; /* where it was begun */
};
IOR_SIZE_IS(struct ior_slot, 128);

/* Who was met while neither had finished looking; see inflight_pair_is_mine(). */
struct ior_races {
	__u64 cells[IOR_RACES];
};

/* Hides from the compiler what it knows about a number, so that it does not branch on it. */
static __always_inline __u64 ior_opaque(__u64 x)
{
	asm("" : "+r"(x));
	return x;
}

#define IOR_MIX_FACTOR 0x9E3779B97F4A7C15ULL

/* The high bits of this product are a hash as well, and all that a few lines or bits need. */
static __always_inline __u64 ior_mix_product(__u64 product)
{
	__u64 x = product ^ product >> 32;

	x *= 0xD6E8FEB86659FD93ULL;
	x ^= x >> 29;
	return x;
}

static __always_inline __u64 ior_mix(__u64 x)
{
	return ior_mix_product(x * IOR_MIX_FACTOR);
}

/* Multiplied once for all that is found by an inode: what it has noted, its page, its lines. */
static __always_inline __u64 ior_inode_product(__u64 inode)
{
	return ior_opaque(inode * IOR_MIX_FACTOR);
}

/* Where the ops of one unit of one inode stand, in one place. */
struct ior_home {
	__u32 line;   /* home line, not yet masked */
	__u32 stride; /* odd: visits every line of a power of two */
	__u32 within; /* mask of the lines that are visited, in what is not yet masked */
	__u64 tag;
};

#define IOR_WITHIN_TABLE (~0U)

/* The line at a step of the walk from home, not yet masked. */
static __always_inline __u32 ior_home_line(struct ior_home home, __u32 depth)
{
	return (home.line & ~home.within) | ((home.line + depth * home.stride) & home.within);
}

static __always_inline struct ior_home ior_home_from_hash(__u64 hash)
{
	return (struct ior_home){
		.line = (__u32)(hash >> 32),
		.stride = (__u32)(hash >> 46) | 1,
		.within = IOR_WITHIN_TABLE,
		.tag = hash & IOR_WORD_TAG_MASK,
	};
}

/*
 * The places where words of a file may be, two bits that go together. A looker looks where it is
 * noted that somebody stands (bpf/places.bpf.h): for most files that is one.
 *
 * Fine: an op in one granule, whose line is that of the granule. Otherwise it stands by its chunks.
 * Were all to stand by chunks, 16 ops of 4 KiB side by side would fill the line and have to go on
 * to others; were all to stand by granules, large ops would be in four times as many lines.
 *
 * Spread: see ior_packed_line().
 *
 * A word says its place, and so no looker takes one for another: where the lines of two places are
 * the same he would count a pair twice.
 */
#define IOR_PLACE_SPREAD 1ULL
#define IOR_PLACE_FINE 2ULL
#define IOR_PLACES 4U
#ifndef IOR_PLACES_ENTRIES	      /* fewer where a test tries every schedule */
#define IOR_PLACES_ENTRIES (1U << 15) /* what is noted, by a hash of the inode */
#endif

/*
 * An entry has one bit for each place, and above them one for wide ops. Then, that somebody goes
 * through the table to forget some of these, and which he is to keep: see forget.h.
 */
#define IOR_PLACES_WIDE (1U << IOR_PLACES)
#define IOR_PLACES_ALL (IOR_PLACES_WIDE | (IOR_PLACES_WIDE - 1))
#define IOR_PLACES_CLOSING (1U << (IOR_PLACES + 1))
#define IOR_PLACES_KEEP_SHIFT 8

static __always_inline __u32 ior_places_entry(__u64 inode)
{
	return (ior_inode_product(inode) >> 48) & (IOR_PLACES_ENTRIES - 1);
}

#define IOR_TAG_PLACE_SHIFT (IOR_TAG_BITS - 2)
#define IOR_TAG_PLACE_MASK ((__u64)(IOR_PLACES - 1) << IOR_TAG_PLACE_SHIFT)

static __always_inline __u32 ior_place_shift(__u64 place)
{
	return IOR_CHUNK_SHIFT - (__u32)(place & IOR_PLACE_FINE);
}

_Static_assert(IOR_CHUNK_SHIFT - IOR_PLACE_FINE == IOR_GRANULE_SHIFT, "fine is by granules");

/* The granule or chunk, as it is the one or the other in this place. */
static __always_inline __u64 ior_unit_of(__u64 byte, __u64 place)
{
	return byte >> ior_place_shift(place);
}

/* How many of them a non-empty range touches. */
static __always_inline __u64 ior_range_units(struct ior_range r, __u64 place)
{
	return ior_unit_of(r.end - 1, place) - ior_unit_of(r.start, place) + 1;
}

/* IOR_PLACE_FINE or 0, for a non-empty range; by arithmetic, see ior_home_of(). */
static __always_inline __u64 ior_range_fine(struct ior_range r)
{
	__u64 granules_between = ior_opaque((r.start ^ (r.end - 1)) >> IOR_GRANULE_SHIFT);

	return (granules_between - 1) >> 62 & IOR_PLACE_FINE;
}

/* A unit of a place, in one number. */
static __always_inline __u64 ior_unit_pack(__u64 unit, __u64 place)
{
	return unit << 2 | place;
}

/*
 * The tag ends in the low bits of the unit, so that the words of one narrow op all differ: a sweep
 * that cannot see in which chunk a word stands would else count a pair twice.
 */
#define IOR_TAG_UNIT_MASK 0x1fULL
_Static_assert(IOR_NARROW_CHUNKS_MAX <= IOR_TAG_UNIT_MASK + 1, "chunks of an op have own tags");

/*
 * Odd and large: no group of one inode falls on one of another, few bytes away. Groups count from
 * 1, so that what the first is hashed from is not what the page of the inode is.
 */
#define IOR_GROUP_STRIDE 0xC2B2AE3D27D4EB4FULL

/* 32 units side by side are a group, and differ in their tags. */
#define IOR_LINE_GROUP_SHIFT 5
_Static_assert(IOR_TAG_UNIT_MASK + 1 == 1ULL << IOR_LINE_GROUP_SHIFT,
	       "the units of a group differ in their tags");

/*
 * The ops of a file stand packed, in 64 lines side by side, as long as there is room: IO all over a
 * large file finds its line in the caches. A line of a table of megabytes is in none, and costs
 * more than all else that is done for an op. Where that page is too small they stand spread over
 * the table, the 32 units of a group side by side.
 *
 * Many CPUs at one file would take these lines from each other: there the programs are told of more
 * (IOR_PACKED_MASK), which are called its page all the same.
 */
#define IOR_PACKED_LINES 64U
#ifndef IOR_PACKED_MASK
#define IOR_PACKED_MASK (IOR_PACKED_LINES - 1)
#endif

/*
 * Neighbours are neighbours, from a line on that is the inode's. At each turn of 64 they fall back a
 * little, and a little more at each 64 turns, or whoever goes in steps of a power of two has one
 * line for all: so little that a stream, whose last ops come around to where its first are, has two
 * of them in few lines, and never on and on.
 */
#define IOR_TURN_SHIFT 6
#define IOR_TURN_BACK 3

static __always_inline __u32 ior_packed_line(__u64 inode, __u64 unit, __u32 mask)
{
	__u32 page = ior_inode_product(inode) >> 32;
	__u64 turns = unit >> IOR_TURN_SHIFT;
	__u32 turned;

	turns += turns >> IOR_TURN_SHIFT;
	turns += turns >> 2 * IOR_TURN_SHIFT;
	turned = page + unit - turns * IOR_TURN_BACK;
	return (page & ~mask) | (turned & mask);
}

static __always_inline __u64 ior_group_of(__u64 unit)
{
	return unit >> IOR_LINE_GROUP_SHIFT;
}

static __always_inline __u64 ior_group_hash(__u64 inode, __u64 group)
{
	return ior_mix_product(ior_inode_product(inode) + (group + 1) * IOR_GROUP_STRIDE);
}

/*
 * `hash`: of the group of the unit. By arithmetic alone: where it branches the BPF verifier walks
 * whatever comes behind it once for each place.
 */
static __always_inline struct ior_home ior_home_in_group(__u64 inode, __u64 unit, __u64 place,
							 __u64 hash)
{
	__u64 in_group = unit & IOR_TAG_UNIT_MASK;
	struct ior_home home = ior_home_from_hash(hash);
	__u32 mask = IOR_PACKED_MASK;
	__u32 packed = ior_packed_line(inode, unit, mask);
	__u64 all = -ior_opaque(place & IOR_PLACE_SPREAD); /* bits, or none */

	home.line = ((home.line & ~IOR_TAG_UNIT_MASK) | in_group) & all;
	home.line |= packed & ~all;
	home.within = mask | (__u32)all;
	home.tag &= ~(IOR_TAG_UNIT_MASK | IOR_TAG_PLACE_MASK);
	home.tag |= in_group | place << IOR_TAG_PLACE_SHIFT;
	return home;
}

static __always_inline struct ior_home ior_home_of(__u64 inode, __u64 unit, __u64 place)
{
	return ior_home_in_group(inode, unit, place, ior_group_hash(inode, ior_group_of(unit)));
}

/* Wide ops stand by inode alone. */
static __always_inline struct ior_home ior_wide_home_of(__u64 inode)
{
	return ior_home_from_hash(ior_mix(inode));
}

/*
 * Keys are addresses, and neighbours stay neighbours: a page has 32 slots side by side, themselves
 * a page. The kiocb of a synchronous op is on its task's stack, which the kernel shifts by up to 1
 * KiB at each system call (CONFIG_RANDOMIZE_KSTACK_OFFSET); hashed bit by bit it would visit dozens
 * of slots in as many pages in turn, each of them cold. Objects of a slab are 128 bytes or more, so
 * those of asynchronous ops have a slot each, and thousands of them in no more pages than their
 * own.
 */
#define IOR_SLOT_GRAIN_SHIFT 7
#define IOR_SLOT_GROUP_SHIFT 5

/*
 * One multiplication keeps what is regular in its keys: pages so and so far apart would share
 * groups in bits of the product next to each other, for some tables and distances half of them. In
 * the sum of bits this far apart none of those that are tested do (test_inflight_capacity). Keys
 * that are all at one place of their pages, as on stacks, are spread over the group.
 */
static __always_inline __u32 ior_slot_home(__u64 key)
{
	__u64 page = key >> (IOR_SLOT_GRAIN_SHIFT + IOR_SLOT_GROUP_SHIFT);
	__u32 in_group = (1U << IOR_SLOT_GROUP_SHIFT) - 1;
	__u64 product = page * IOR_MIX_FACTOR;

	return (__u32)((product ^ product >> 40) >> 8) ^
	       ((__u32)(key >> IOR_SLOT_GRAIN_SHIFT) & in_group);
}

/*
 * Where a key is looked for that is not at home. Where two pages hash to one group it may be as
 * good as full, and so may be those that regular steps come to next: each step is in a group by a
 * hash of its own. All steps are different: in a table of 32 slots they are all there are.
 */
static __always_inline __u32 ior_slot_away(__u64 key, __u32 home, __u32 step)
{
	__u32 in_group = (1U << IOR_SLOT_GROUP_SHIFT) - 1;
	__u64 hash = ior_mix((key >> IOR_SLOT_GRAIN_SHIFT) + ((__u64)step << 57));

	return (__u32)hash << IOR_SLOT_GROUP_SHIFT | ((home + step) & in_group);
}

/*
 * What a home knows of those that found it taken. Low half: how many ops are away just now, some
 * dozens at worst. High half: one bit for each step at which one of them stands, the last for all
 * that are as far or farther; they go when nobody is away any more.
 */
#define IOR_AWAY_STEPS 15
_Static_assert(16 + IOR_AWAY_STEPS < 32, "the bits of all steps are in the high half");

static __always_inline __u32 ior_away_count(__u32 away)
{
	return away & 0xffff;
}

static __always_inline __u32 ior_away_bit(__u32 step)
{
	return 1U << (16 + (step < IOR_AWAY_STEPS ? step : IOR_AWAY_STEPS));
}

static __always_inline __u64 ior_chunk_of(__u64 byte)
{
	return byte >> IOR_CHUNK_SHIFT;
}

/* Chunks a non-empty range touches. */
static __always_inline __u64 ior_range_chunks(struct ior_range r)
{
	return ior_chunk_of(r.end - 1) - ior_chunk_of(r.start) + 1;
}

static __always_inline bool ior_range_is_wide(struct ior_range r)
{
	return ior_range_chunks(r) > IOR_NARROW_CHUNKS_MAX;
}

static __always_inline __u64 ior_word_pack(__u64 tag, __u32 slot, __u32 first, __u32 last,
					   bool write, bool moving)
{
	return IOR_WORD_IN_USE | (write ? IOR_WORD_WRITE : 0) | (moving ? IOR_WORD_MOVING : 0) |
	       (__u64)last << IOR_WORD_LAST_SHIFT | (__u64)first << IOR_WORD_FIRST_SHIFT |
	       (__u64)slot << IOR_WORD_SLOT_SHIFT | tag;
}

static __always_inline __u32 ior_word_slot(__u64 word)
{
	return (word >> IOR_WORD_SLOT_SHIFT) & IOR_WORD_SLOT_MASK;
}

static __always_inline __u64 ior_word_place(__u64 word)
{
	return word >> IOR_TAG_PLACE_SHIFT & (IOR_PLACES - 1);
}

static __always_inline __u32 ior_word_first(__u64 word)
{
	return (word >> IOR_WORD_FIRST_SHIFT) & IOR_WORD_SECTOR_MASK;
}

static __always_inline __u32 ior_word_last(__u64 word)
{
	return (word >> IOR_WORD_LAST_SHIFT) & IOR_WORD_SECTOR_MASK;
}

/*
 * The way that holds the one word of an op: which line, which word of it (the header is word 0),
 * and how many full lines it passed on its way there. Never 0.
 */
#define IOR_WHERE_DEPTH_SHIFT 30

static __always_inline __u32 ior_where(__u32 line, __u32 way, __u32 depth)
{
	return depth << IOR_WHERE_DEPTH_SHIFT | line << 3 | (way + 1);
}

static __always_inline __u32 ior_where_depth(__u32 where)
{
	return where >> IOR_WHERE_DEPTH_SHIFT;
}

static __always_inline __u32 ior_where_line(__u32 where)
{
	return (where & ((1U << IOR_WHERE_DEPTH_SHIFT) - 1)) >> 3;
}

static __always_inline __u32 ior_where_word(__u32 where)
{
	return where & 7;
}

_Static_assert(IOR_WAYS < 8, "a way has three bits");

/* The word of an op within one chunk. */
static __always_inline __u64 ior_word_in_one_chunk(struct ior_range r, __u64 tag, __u32 slot,
						   bool write, bool moving)
{
	return ior_word_pack(tag, slot, (r.start >> IOR_SECTOR_SHIFT) & IOR_WORD_SECTOR_MASK,
			     ((r.end - 1) >> IOR_SECTOR_SHIFT) & IOR_WORD_SECTOR_MASK, write,
			     moving);
}

/* The word of an op in one of the units it touches, of the place that its tag is of. */
static __always_inline __u64 ior_word_in_unit(struct ior_range r, __u64 unit, __u64 tag, __u32 slot,
					      bool write, bool moving)
{
	__u32 shift = ior_place_shift(ior_word_place(tag));
	__u64 first = unit << shift, last = first + (1ULL << shift) - 1;

	if (r.start > first)
		first = r.start;
	if (r.end - 1 < last)
		last = r.end - 1;
	return ior_word_in_one_chunk((struct ior_range){first, last + 1}, tag, slot, write, moving);
}

/*
 * Can these two be on common bytes, one of them writing? Never a wrong no. 1 or 0, by arithmetic
 * alone: seven of these stand in a row, and where each is a branch the BPF verifier walks 2^7 paths
 * through whatever comes behind.
 */
static __always_inline __u64 ior_words_may_meet(__u64 w, __u64 mine)
{
	__u64 diff = w ^ mine;
	__u64 slot_diff = ior_opaque(diff & IOR_WORD_SLOT_MASK << IOR_WORD_SLOT_SHIFT);
	__u64 tag_diff = ior_opaque(diff & IOR_WORD_TAG_MASK);
	__u64 after = ior_opaque((__u64)ior_word_last(mine) - ior_word_first(w));
	__u64 before = ior_opaque((__u64)ior_word_last(w) - ior_word_first(mine));

	/* the top bit: in use, a write among them, other slot; and not: other tag, apart */
	return ((w & (w | mine) << 1 & -slot_diff) & ~(-tag_diff | after | before)) >> 63;
}

#endif
