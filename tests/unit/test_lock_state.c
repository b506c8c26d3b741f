// SPDX-License-Identifier: GPL-2.0
#include <iorace/lock_state.h>

#include "base/macro.h"
#include "unit.h"

#define ME 0xffff888012345680ULL
#define OTHER 0xffff888099999980ULL

/* kernel/locking/rwsem.c */
#define WRITER_LOCKED 1ULL
#define WAITERS 2ULL
#define HANDOFF 4ULL
#define READER 0x100ULL
#define READ_FAIL (1ULL << 63)
#define OWNER_READER 1ULL
#define OWNER_NONSPINNABLE 2ULL

static const struct {
	const char *situation;
	__u64 count, owner;
	enum ior_lock lock;
	enum ior_lock_self self;
} rwsems[] = {
	{"free", 0, 0, IOR_LOCK_NONE, IOR_SELF_NO},
	{"free, owner left by a reader", 0, ME | OWNER_READER, IOR_LOCK_NONE, IOR_SELF_NO},
	{"free, waiters on their way", WAITERS | HANDOFF, 0, IOR_LOCK_NONE, IOR_SELF_NO},
	{"one reader", READER, ME | OWNER_READER, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"reader, owner names another", READER, OTHER | OWNER_READER, IOR_LOCK_SHARED,
	 IOR_SELF_UNKNOWN},
	{"many readers and waiters", 900 * READER | WAITERS, 0, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"reader, guard bit set", READER | READ_FAIL, 0, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"guard bit alone", READ_FAIL, 0, IOR_LOCK_NONE, IOR_SELF_NO},
	{"own writer", WRITER_LOCKED, ME, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES},
	{"own writer, flags in owner", WRITER_LOCKED | WAITERS, ME | OWNER_NONSPINNABLE,
	 IOR_LOCK_EXCLUSIVE, IOR_SELF_YES},
	{"another writer", WRITER_LOCKED, OTHER, IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
	{"writer before it has set owner", WRITER_LOCKED, 0, IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
	{"writer, readers queue behind it", WRITER_LOCKED | 3 * READER | WAITERS, OTHER,
	 IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
};

static void rwsem_count_decides_and_owner_names_the_writer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rwsems); i++) {
		struct ior_lock_state got = ior_rwsem_decode(rwsems[i].count, rwsems[i].owner, ME);

		if (got.i_rwsem != rwsems[i].lock || got.self != rwsems[i].self)
			fail_msg("%s: lock %d self %d", rwsems[i].situation, got.i_rwsem, got.self);
	}
}

/* kernel/locking/rwbase_rt.c */
#define READER_BIAS 0x80000000U
#define WRITER_BIAS 0x40000000U
#define RT_HAS_WAITERS 1ULL

static const struct {
	const char *situation;
	__u32 readers;
	__u64 owner;
	enum ior_lock lock;
	enum ior_lock_self self;
} rwbases[] = {
	{"free", READER_BIAS, 0, IOR_LOCK_NONE, IOR_SELF_NO},
	{"free, rtmutex held by a writer that has just begun", READER_BIAS, OTHER, IOR_LOCK_NONE,
	 IOR_SELF_NO},
	{"one reader", READER_BIAS + 1, 0, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"reader, stale owner", READER_BIAS + 1, ME, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"a writer waits for readers to leave", 2, OTHER, IOR_LOCK_SHARED, IOR_SELF_UNKNOWN},
	{"a writer waits, the last reader has left", 0, OTHER, IOR_LOCK_NONE, IOR_SELF_NO},
	{"own writer", WRITER_BIAS, ME, IOR_LOCK_EXCLUSIVE, IOR_SELF_YES},
	{"own writer, somebody waits", WRITER_BIAS, ME | RT_HAS_WAITERS, IOR_LOCK_EXCLUSIVE,
	 IOR_SELF_YES},
	{"another writer", WRITER_BIAS, OTHER, IOR_LOCK_EXCLUSIVE, IOR_SELF_NO},
};

static void rwbase_readers_decide_and_owner_names_the_writer(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rwbases); i++) {
		struct ior_lock_state got =
			ior_rwbase_decode(rwbases[i].readers, rwbases[i].owner, ME);

		if (got.i_rwsem != rwbases[i].lock || got.self != rwbases[i].self)
			fail_msg("%s: lock %d self %d", rwbases[i].situation, got.i_rwsem,
				 got.self);
	}
}

static void packed_state_comes_back_whole(void **state)
{
	(void)state;
	for (__u8 lock = 0; lock < IOR_LOCK_COUNT_; lock++) {
		for (__u8 self = IOR_SELF_UNKNOWN; self <= IOR_SELF_YES; self++) {
			struct ior_lock_state was = {lock, self};
			struct ior_lock_state is = ior_lock_unpack(ior_lock_pack(was));

			assert_memory_equal(&was, &is, sizeof(was));
		}
	}
}

/* An op is filled with zeros first: what nobody read must not look like a free lock. */
static void lock_that_was_not_read_is_unknown(void **state)
{
	struct ior_lock_state lock = ior_lock_unpack(0);

	(void)state;
	assert_int_equal(lock.i_rwsem, IOR_LOCK_UNKNOWN);
	assert_int_equal(lock.self, IOR_SELF_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rwsem_count_decides_and_owner_names_the_writer),
		cmocka_unit_test(rwbase_readers_decide_and_owner_names_the_writer),
		cmocka_unit_test(packed_state_comes_back_whole),
		cmocka_unit_test(lock_that_was_not_read_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
