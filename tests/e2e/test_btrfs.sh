# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# btrfs lets overlapping direct writes pass the inode lock together, and then
# makes one wait for the other's ordered extent, inside __iomap_dio_rw: a
# window must not open before the first bio, or this is a false alarm.
# Without checksums, for with them newer kernels write through the page cache.
# Where S_NOSEC is never set on btrfs (seen on 6.12), sync writers already wait
# at the inode lock; libaio writers have dropped it.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

# btrfs_is serialized|silent "A" "B"
btrfs_is() {
	local settle="asleep B btrfs_direct_ btrfs_file_ btrfs_do_write_iter btrfs_inode_lock"
	[ "$1" = serialized ] || settle="held B"
	SCRATCH_MOUNT_OPTS=nodatasum,nodatacow scratch_new btrfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A ${2%% *} F fill=a1 ${2#* }
		op B ${3%% *} F fill=b2 ${3#* }
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		held A
		start B
		$settle
		parked $([ "$1" = serialized ] && echo 0 || echo 1) write fill=b2
		gate open
		expect A ok
		expect B ok
	EOS
	claim_silence
}

btrfs_direct_write_over_direct_write_is_serialized() {
	btrfs_is serialized "write $FIRST" "write $HALF"
}

btrfs_direct_read_under_direct_write_is_serialized() {
	btrfs_is serialized "write $FIRST" "read $HALF"
}

btrfs_libaio_write_over_libaio_write_is_serialized() {
	btrfs_is serialized "write $FIRST engine=libaio" "write $HALF engine=libaio"
}

btrfs_adjacent_direct_writes_is_silent() {
	btrfs_is silent "write $FIRST engine=libaio" "write $NEXT engine=libaio"
}

# The files of a btrfs are known by another number than its block device.
btrfs_write_seen_by_device_node_is_silent() {
	SCRATCH_MOUNT_OPTS=nodatasum,nodatacow scratch_new btrfs ram
	# shellcheck disable=SC2034 # read by check_cmd
	CHECK_OPTS="--dev $SCRATCH_DEV"
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		op A write F $FIRST fill=a1
		start A
		wait A
		expect A ok
	EOS
	claim_silence
	[ -z "$IORACE" ] || grep -q '"ops":{"read":0,"write":1' "$TEST_TMP/report.json" ||
		fail "the write was not seen"
}

_writes_were_seen() {
	[ -z "$IORACE" ] || grep -q '"ops":{"read":[0-9]*,"write":[1-9]' "$TEST_TMP/report.json" ||
		fail "no write was seen"
}

# Under watch there are hooks for it only where one is mounted.
btrfs_direct_write_over_direct_write_is_serialized_for_watch() {
	UNDER_WATCH=1 btrfs_is serialized "write $FIRST" "write $HALF"
	_writes_were_seen
}

btrfs_libaio_write_over_libaio_write_is_serialized_for_watch() {
	UNDER_WATCH=1 btrfs_is serialized "write $FIRST engine=libaio" "write $HALF engine=libaio"
}

btrfs_mounted_after_watch_of_any_file_began_is_a_loss() {
	local later=
	scratch_new xfs ram # a device to begin with
	[ -z "$IORACE" ] || ! "$IORACE" doctor | sed '1,/^Under watch/d' | grep -q dio-data-end ||
		later=1
	WATCH_ALL=1 watch_begin
	SCRATCH_MOUNT_OPTS=nodatasum,nodatacow scratch_new btrfs ram
	run_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		op A write F $FIRST fill=a1
		start A
		wait A
		expect A ok
	EOS
	watch_end
	if [ -z "$later" ]; then
		_writes_were_seen
	else
		grep -q '"uncovered":[1-9]' "$TEST_TMP/report.json" ||
			fail "a write that cannot be seen is no loss"
	fi
}
