# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Programs that know nothing of us: dd, xfs_io and fio, held in the device at the same time.

# tools_meet FS OUTCOME COMMAND COMMAND: two commands on @, both parked before either goes on.
tools_meet() {
	local fs=$1 outcome=$2 a=$3 b=$4

	scratch_new "$fs" gate
	dd if=/dev/zero of="$SCRATCH_MNT/file" bs=1M count=16 oflag=direct conv=fsync status=none
	tr '\0' '\241' </dev/zero | head -c 64K >"$TEST_TMP/a1"
	a=${a//@/$SCRATCH_MNT\/file} a=${a//%/$TEST_TMP\/a1}
	b=${b//@/$SCRATCH_MNT\/file} b=${b//%/$TEST_TMP\/a1}
	# What is written is all 0xa1: told by that from the journal, which must not be held.
	gate hold write fill=a1
	gate hold read
	(
		gate wait 2 all && gate open
		echo "$?" >"$TEST_TMP/met"
	) &
	check_cmd sh -c "$a & $b & wait" >"$TEST_TMP/out" 2>&1
	wait
	[ "$(cat "$TEST_TMP/met")" = 0 ] || fail "they did not meet: $(tail -n 1 "$TEST_TMP/out")"
	[ -n "$IORACE" ] || return 0
	if [ "$outcome" = reported ]; then
		"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 1 --verdict conflicts ||
			fail "not one conflict"
	else
		"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 0 --verdict clean ||
			fail "not clean"
	fi
}

DD_WRITE="dd if=% of=@ bs=64K count=1 oflag=direct conv=notrunc status=none"
DD_READ="dd if=@ of=/dev/null bs=64K count=1 iflag=direct status=none"
DD_NEXT="$DD_WRITE seek=1"
XFS_IO_WRITE="xfs_io -d -c 'pwrite -S 0xa1 -b 128K 32K 128K' @"
XFS_IO_VECTOR="xfs_io -d -c 'pwrite -S 0xa1 -V 4 -b 4K 48K 16K' @"
XFS_IO_READ="xfs_io -d -c 'pread -b 64K 0 64K' @"
FIO="fio --name=a --filename=@ --direct=1 --size=64K --bs=64K --rw=write --buffer_pattern=0xa1 --output=/dev/null"

for fs in xfs ext4; do
	define_test ${fs}_dd_over_dd_is_reported tools_meet $fs reported "$DD_WRITE" "$DD_WRITE"
	define_test ${fs}_dd_beside_dd_is_silent tools_meet $fs silent "$DD_WRITE" "$DD_NEXT"
	define_test ${fs}_dd_read_under_xfs_io_is_reported \
		tools_meet $fs reported "$DD_READ" "$XFS_IO_WRITE"
	define_test ${fs}_dd_read_beside_xfs_io_read_is_silent \
		tools_meet $fs silent "$DD_READ" "$XFS_IO_READ"
	define_test ${fs}_xfs_io_vectors_over_dd_is_reported \
		tools_meet $fs reported "$XFS_IO_VECTOR" "$DD_WRITE"
	for engine in psync libaio io_uring; do
		define_test ${fs}_fio_${engine}_over_dd_is_reported \
			tools_meet $fs reported "$FIO --ioengine=$engine" "$DD_WRITE"
		define_test ${fs}_fio_${engine}_beside_dd_is_silent \
			tools_meet $fs silent "$FIO --ioengine=$engine" "$DD_NEXT"
	done
done

# Interrupts complete reads on top of tasks that complete their own: the kernel skips programs then,
# and no op is hidden by it.
for fs in xfs ext4; do
	define_test ${fs}_busy_fio_on_ranges_of_their_own_is_silent busy_fio $fs
done

busy_fio() {
	need_command fio
	scratch_new "$1" file
	losetup --direct-io=on "$SCRATCH_DEV"
	fio --name=lay --filename="$SCRATCH_MNT/file" --size=32M --rw=write --bs=1M \
		--output=/dev/null || fail "cannot lay out"
	check_cmd fio --filename="$SCRATCH_MNT/file" --direct=1 --bs=4K --iodepth=32 \
		--time_based --runtime=3 --output="$TEST_TMP/out" \
		--name=a --rw=write --ioengine=libaio --size=16M \
		--name=b --rw=read --ioengine=io_uring --offset=16M --size=16M ||
		fail "fio: $(tail -n 1 "$TEST_TMP/out")"
	: >"$TEST_TMP/events.jsonl"
	claim_silence
}
