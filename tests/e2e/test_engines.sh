# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The same windows by every way in: libaio, io_uring (inline, io-wq, SQPOLL),
# vectors. Async windows outlive the system call and the lock.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

for fs in xfs ext4; do
	for engine in libaio uring uring-worker uring-sqpoll; do
		by="engine=$engine"
		name=${engine//-/_}
		define_test "${fs}_${name}_write_over_write_is_reported" \
			pair_is $fs reported written direct "write $FIRST $by" "write $HALF $by" \
			--kind write/write --shape partial --overlap 32768:65536
		define_test "${fs}_${name}_read_under_write_is_reported" \
			pair_is $fs reported written direct "write $FIRST $by" "read $HALF $by" \
			--kind read/write
		define_test "${fs}_sync_write_over_${name}_read_is_reported" \
			pair_is $fs reported written direct "read $FIRST $by" "write $HALF" \
			--kind read/write
		define_test "${fs}_adjacent_${name}_writes_is_silent" \
			pair_is $fs silent written direct "write $FIRST $by" "write $NEXT $by"
		define_test "${fs}_two_${name}_reads_is_silent" \
			pair_is $fs silent written direct "read $FIRST $by" "read $HALF $by"
		define_test "${fs}_truncate_during_${name}_write_is_serialized" \
			pair_is $fs serialized written direct "write $FIRST $by" "truncate off=0"
	done

	by=engine=libaio
	define_test "${fs}_libaio_writes_know_they_are_async_is_reported" \
		pair_is $fs reported written direct "write $FIRST $by" "write $HALF" \
		--async true,false
	# No bio: the zeros a hole reads as may be older or younger than the write.
	for how in "" engine=uring nowait; do
		how_name=${how#engine=}
		define_test "${fs}_${how_name:-sync}_read_of_a_hole_under_libaio_write_is_reported" \
			pair_is $fs passed hole direct "write $FIRST $by" "read $HALF $how" \
			--kind read/write --overlap 32768:65536
		define_test "${fs}_${how_name:-sync}_read_of_a_hole_next_to_libaio_write_is_silent" \
			pair_is $fs refused hole direct "write $FIRST $by" "read $NEXT $how"
	done
	# The exclusive lock of the first is gone once it has been submitted.
	define_test "${fs}_libaio_writes_into_one_hole_is_reported" \
		pair_is $fs reported hole direct "write $FIRST $by" "write $FIRST $by"
	define_test "${fs}_libaio_writes_to_unwritten_is_reported" \
		pair_is $fs reported unwritten direct "write $FIRST $by" "write $FIRST $by"
	define_test "${fs}_extending_write_during_libaio_overwrite_is_reported" \
		pair_is $fs reported written direct "write off=16320K len=64K $by" \
		"write off=16320K len=128K $by"
	define_test "${fs}_libaio_writes_beyond_the_end_is_serialized" \
		pair_is $fs serialized written direct "write off=17M len=64K $by" \
		"write off=17M len=64K $by"
	# Here the second waits for the device, in inode_dio_wait(), not for a lock.
	define_test "${fs}_unaligned_write_during_libaio_write_to_unwritten_is_serialized" \
		pair_is $fs serialized unwritten direct "write $FIRST $by" "write off=512 len=512"
	define_test "${fs}_punch_during_libaio_read_is_serialized" \
		pair_is $fs serialized written direct "read $FIRST $by" "punch $FIRST"

	for iovs in 2 16; do
		define_test "${fs}_write_of_${iovs}_vectors_is_reported" \
			pair_is $fs reported written direct "write $FIRST iovs=$iovs" \
			"read $HALF iovs=$iovs" --kind read/write --overlap 32768:65536
	done
	define_test "${fs}_adjacent_vectored_writes_is_silent" \
		pair_is $fs silent written direct "write $FIRST iovs=4" "write $NEXT iovs=4"
	# Refused when the time stamps are a tick old, and tried again: one pair.
	define_test "${fs}_nowait_overwrite_is_reported" \
		pair_is $fs reported written direct "write $FIRST" "write $HALF nowait retry"
	define_test "${fs}_libaio_nowait_overwrite_is_reported" \
		pair_is $fs reported written direct "write $FIRST $by" "write $HALF nowait retry $by"
done

# Refused before it moved anything; and when it tries again, it waits.
ext4_nowait_write_into_held_hole_is_refused() {
	PAIR_EXPECT_B=-EAGAIN pair_is ext4 refused hole direct "write $FIRST" "write $HALF nowait"
}

ext4_nowait_write_into_held_hole_tried_again_is_serialized() {
	pair_is ext4 serialized hole direct "write $FIRST" "write $HALF nowait retry"
}

xfs_nowait_unaligned_write_to_unwritten_is_refused() {
	PAIR_EXPECT_B=-EAGAIN pair_is xfs refused unwritten direct "write $FIRST" \
		"write off=512 len=512 nowait"
}

xfs_nowait_unaligned_write_tried_again_is_serialized() {
	pair_is xfs serialized unwritten direct "write $FIRST" "write off=512 len=512 nowait retry"
}

# XFS takes the shared lock for both and gives both the old end of the file:
# one append is lost. ext4 lets them in one by one.
xfs_two_direct_appends_is_reported() {
	pair_is xfs reported written "direct append" "write len=64K" "write len=64K" \
		--kind write/write --overlap 16777216:16842752
}

ext4_two_direct_appends_is_serialized() {
	KEPT_APART=0 pair_is ext4 serialized written "direct append" "write len=64K" "write len=64K"
}
