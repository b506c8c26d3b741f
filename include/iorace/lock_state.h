/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a lock looked like when a window opened. Pure decoding: where the words came from is the
 * caller's business. Lock states explain a finding, they never decide one: XFS and ext4 drop
 * i_rwsem when an async direct IO has been queued (fs/xfs/xfs_file.c, fs/ext4/file.c).
 */
#ifndef IORACE_LOCK_STATE_H
#define IORACE_LOCK_STATE_H

#include "types.h"

enum ior_lock {
	IOR_LOCK_UNKNOWN,
	IOR_LOCK_NONE,
	IOR_LOCK_SHARED, /* held shared by somebody: readers of an rwsem are anonymous */
	IOR_LOCK_EXCLUSIVE,
	IOR_LOCK_COUNT_
};

enum ior_lock_self {
	IOR_SELF_UNKNOWN, /* reported as null: a shared holder cannot be named */
	IOR_SELF_NO,
	IOR_SELF_YES,
};

struct ior_lock_state {
	__u8 i_rwsem; /* enum ior_lock */
	__u8 self;    /* enum ior_lock_self: does the task of this op hold it */
};
IOR_SIZE_IS(struct ior_lock_state, 2);

/* Of other locks than i_rwsem only this is kept: both in one byte. */
static inline __u8 ior_lock_pack(struct ior_lock_state st)
{
	return st.i_rwsem | st.self << 4;
}

static inline struct ior_lock_state ior_lock_unpack(__u8 packed)
{
	return (struct ior_lock_state){packed & 15, packed >> 4};
}

/*
 * struct rw_semaphore without PREEMPT_RT, unchanged from 5.4 to 6.18 (kernel/locking/rwsem.c,
 * RWSEM_WRITER_LOCKED, RWSEM_READER_SHIFT): bit 0 of `count` is the writer, readers count from
 * bit 8, bit 63 guards against overflow. `owner` keeps a stale reader after up_read(), so the
 * count decides and the owner only names the writer.
 */
#define IOR_RWSEM_WRITER_LOCKED 1ULL
#define IOR_RWSEM_READER_SHIFT 8
#define IOR_RWSEM_READ_FAIL (1ULL << 63)
#define IOR_RWSEM_OWNER_FLAGS 7ULL

static inline struct ior_lock_state ior_rwsem_decode(__u64 count, __u64 owner, __u64 task)
{
	struct ior_lock_state st = {IOR_LOCK_NONE, IOR_SELF_NO};

	if (count & IOR_RWSEM_WRITER_LOCKED) {
		st.i_rwsem = IOR_LOCK_EXCLUSIVE;
		if ((owner & ~IOR_RWSEM_OWNER_FLAGS) == task)
			st.self = IOR_SELF_YES;
	} else if ((count & ~IOR_RWSEM_READ_FAIL) >> IOR_RWSEM_READER_SHIFT) {
		st.i_rwsem = IOR_LOCK_SHARED;
		st.self = IOR_SELF_UNKNOWN;
	}
	return st;
}

/*
 * PREEMPT_RT: rwbase_rt (kernel/locking/rwbase_rt.c): `readers` is READER_BIAS (the sign bit)
 * plus the number of readers, WRITER_BIAS while a writer holds it; with 0 < readers < WRITER_BIAS
 * a writer waits for the readers to leave. The writer is rtmutex.owner, bit 0 of which says that
 * somebody waits.
 */
#define IOR_RWBASE_READER_BIAS 0x80000000U
#define IOR_RWBASE_WRITER_BIAS 0x40000000U

static inline struct ior_lock_state ior_rwbase_decode(__u32 readers, __u64 owner, __u64 task)
{
	struct ior_lock_state st = {IOR_LOCK_NONE, IOR_SELF_NO};

	if (readers == IOR_RWBASE_WRITER_BIAS) {
		st.i_rwsem = IOR_LOCK_EXCLUSIVE;
		if ((owner & ~1ULL) == task)
			st.self = IOR_SELF_YES;
	} else if (readers & ~IOR_RWBASE_READER_BIAS) {
		st.i_rwsem = IOR_LOCK_SHARED;
		st.self = IOR_SELF_UNKNOWN;
	}
	return st;
}

#endif
