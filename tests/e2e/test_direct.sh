# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Direct IO by system call: what each file system serializes, and what not.
# Every test holds A in the device and starts B: "reported" means both were
# there at once, "serialized" that B slept on a lock meanwhile.

FIRST="off=0 len=64K"
SAME=$FIRST
HALF="off=32K len=64K"
NEXT="off=64K len=64K"
FAR="off=1M len=64K"

for fs in xfs ext4; do
	define_test "${fs}_direct_write_over_direct_write_is_reported" \
		pair_is $fs reported written direct "write $FIRST" "write $SAME" \
		--kind write/write --shape identical --overlap 0:65536 --mode direct,direct \
		--async false,false
	define_test "${fs}_direct_read_under_direct_write_is_reported" \
		pair_is $fs reported written direct "write $FIRST" "read $HALF" \
		--kind read/write --shape partial --overlap 32768:65536
	define_test "${fs}_direct_write_over_direct_read_is_reported" \
		pair_is $fs reported written direct "read $FIRST" "write $HALF" \
		--kind read/write --shape partial --overlap 32768:65536
	define_test "${fs}_two_direct_reads_of_one_range_is_silent" \
		pair_is $fs silent written direct "read $FIRST" "read $SAME"
	define_test "${fs}_adjacent_direct_writes_is_silent" \
		pair_is $fs silent written direct "write $FIRST" "write $NEXT"
	define_test "${fs}_adjacent_direct_write_and_read_is_silent" \
		pair_is $fs silent written direct "write $FIRST" "read $NEXT"
	define_test "${fs}_disjoint_direct_writes_is_silent" \
		pair_is $fs silent written direct "write $FIRST" "write $FAR"
	define_test "${fs}_unaligned_write_into_hole_is_serialized" \
		pair_is $fs serialized hole direct "write off=512 len=512" "write off=512 len=512"
	define_test "${fs}_unaligned_write_into_unwritten_is_serialized" \
		pair_is $fs serialized unwritten direct "write off=512 len=512" "write off=512 len=512"
	define_test "${fs}_two_writes_beyond_the_end_is_serialized" \
		pair_is $fs serialized written direct "write off=17M len=64K" "write off=17M len=64K"
	define_test "${fs}_truncate_during_direct_write_is_serialized" \
		pair_is $fs serialized written direct "write $FIRST" "truncate off=0"
	define_test "${fs}_punch_during_direct_write_is_serialized" \
		pair_is $fs serialized written direct "write $FIRST" "punch $FIRST"
	define_test "${fs}_zero_range_during_direct_read_is_serialized" \
		pair_is $fs serialized written direct "read $FIRST" "zero $FIRST"
done

xfs_direct_writes_into_one_hole_is_reported() {
	pair_is xfs reported hole direct "write $FIRST" "write $SAME" --kind write/write
}

ext4_direct_writes_into_one_hole_is_serialized() {
	pair_is ext4 serialized hole direct "write $FIRST" "write $SAME"
}

xfs_direct_writes_to_unwritten_is_reported() {
	pair_is xfs reported unwritten direct "write $FIRST" "write $SAME"
}

# 6.6 learnt to overwrite unwritten blocks under the shared lock.
ext4_direct_writes_to_unwritten_is_as_observed() {
	local outcome=serialized
	kernel_at_least 6.6 && outcome=reported
	pair_is ext4 $outcome unwritten direct "write $FIRST" "write $SAME"
}

xfs_unaligned_overwrites_is_reported() {
	pair_is xfs reported written direct "write off=512 len=512" "write off=512 len=512" \
		--overlap 512:1024
}

ext4_unaligned_overwrites_is_as_observed() {
	local outcome=serialized
	kernel_at_least 6.6 && outcome=reported
	pair_is ext4 $outcome written direct "write off=512 len=512" "write off=512 len=512"
}

# One file system block, different sectors: never an overlap.
xfs_two_sectors_of_one_block_is_silent() {
	pair_is xfs silent written direct "write off=512 len=512" "write off=1024 len=512"
}

ext4_two_sectors_of_one_block_is_silent() {
	kernel_at_least 6.6 || {
		pair_is ext4 serialized written direct "write off=512 len=512" \
			"write off=1024 len=512"
		return
	}
	pair_is ext4 silent written direct "write off=512 len=512" "write off=1024 len=512"
}

xfs_write_from_misaligned_buffer_is_reported() {
	pair_is xfs reported written direct "write $FIRST align=512" "write $SAME align=512"
}

# 6.1 counts an unaligned buffer as unaligned IO.
ext4_write_from_misaligned_buffer_is_as_observed() {
	local outcome=serialized
	kernel_at_least 6.6 && outcome=reported
	pair_is ext4 $outcome written direct "write $FIRST align=512" "write $SAME align=512"
}

xfs_read_during_extending_write_is_reported() {
	pair_is xfs reported written direct "write off=16320K len=128K" "read off=16320K len=64K" \
		--kind read/write
}

ext4_read_during_extending_write_is_serialized() {
	pair_is ext4 serialized written direct "write off=16320K len=128K" \
		"read off=16320K len=64K"
}

xfs_extending_write_during_overwrite_is_reported() {
	pair_is xfs reported written direct "write off=16320K len=64K" "write off=16320K len=128K"
}

ext4_extending_write_during_overwrite_is_serialized() {
	pair_is ext4 serialized written direct "write off=16320K len=64K" \
		"write off=16320K len=128K"
}

# The data is on the disk; only the flush that O_DSYNC asks for is still out.
xfs_write_during_the_flush_of_a_dsync_write_is_silent() {
	dsync_flush_case xfs
}

ext4_write_during_the_flush_of_a_dsync_write_is_silent() {
	dsync_flush_case ext4
}

# A kernel that has less room for what the programs put on the stack takes the others, which read
# fields by helper. Where it has no cast these come first, and nothing is refused here.
object_that_is_refused_is_replaced_is_reported() {
	local refused=0
	! grep -qw bpf_rdonly_cast /proc/kallsyms || refused=1
	scratch_new xfs gate
	LD_PRELOAD=$BUILD/refuse.so REFUSE=$refused pair_is xfs reported written direct \
		"write $FIRST" "write $HALF"
}

# Said before anything is loaded, and not as a verifier that refused a program. Its twin is every
# test that comes by tracepoints.
policy_against_trusted_arguments_is_reported() {
	local rc=0
	LD_PRELOAD=$BUILD/refuse.so REFUSE_TYPED=1 "$IORACE" check --flavour tp -- true \
		>"$TEST_TMP/out" 2>&1 || rc=$?
	grep -qE "tp: (refused by a security policy|not in this kernel)" "$TEST_TMP/out" ||
		fail "another reason: $(cat "$TEST_TMP/out")"
	[ "$rc" = 3 ] || fail "exit status $rc"
}
