# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# iorace watch does with fewer hooks than check: windows close at completion, later than the last
# bio, and where tracepoints are all there is first bios are seen only while somebody needs them.
# Who waited for an op must not meet it all the same, and who did not must.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

watched() {
	UNDER_WATCH=1 "$@"
}

# Where no option asks for more there are programs of their own; where files are filtered, others.
watched_all() {
	WATCH_ALL=1 watched "$@"
}

for fs in xfs ext4; do
	define_test "${fs}_write_during_the_flush_of_a_dsync_write_is_silent_to_watch" \
		watched dsync_flush_case $fs
	for engine in "" engine=libaio engine=uring engine=uring-worker; do
		name=${engine#engine=}
		name=${name//-/_}
		define_test "${fs}_${name:-sync}_write_over_write_is_reported_by_watch" \
			watched pair_is $fs reported written direct "write $FIRST $engine" \
			"write $HALF $engine" --kind write/write --overlap 32768:65536
		define_test "${fs}_adjacent_${name:-sync}_writes_is_silent_to_watch" \
			watched pair_is $fs silent written direct "write $FIRST $engine" \
			"write $NEXT $engine"
	done
	by=engine=libaio
	define_test "${fs}_read_under_libaio_write_is_reported_by_watch" \
		watched pair_is $fs reported written direct "write $FIRST $by" "read $HALF $by"
	# Both wait for the first in inode_dio_wait(), and XFS goes on under the shared lock.
	define_test "${fs}_libaio_writes_beyond_the_end_is_serialized_for_watch" \
		watched pair_is $fs serialized written direct "write off=17M len=64K $by" \
		"write off=17M len=64K $by"
	define_test "${fs}_unaligned_write_after_libaio_write_is_serialized_for_watch" \
		watched pair_is $fs serialized unwritten direct "write $FIRST $by" \
		"write off=512 len=512"
	define_test "${fs}_nowait_overwrite_is_reported_by_watch" \
		watched pair_is $fs reported written direct "write $FIRST" \
		"write $HALF nowait retry"
	define_test "${fs}_nowait_read_of_a_hole_under_libaio_write_is_reported_by_watch" \
		watched pair_is $fs passed hole direct "write $FIRST $by" "read $HALF nowait"
	for engine in "" engine=libaio engine=uring; do
		name=${engine#engine=}
		define_test "${fs}_${name:-sync}_write_over_write_of_any_file_is_reported_by_watch" \
			watched_all pair_is $fs reported written direct "write $FIRST $engine" \
			"write $HALF $engine" --kind write/write --overlap 32768:65536
		define_test "${fs}_adjacent_${name:-sync}_writes_of_any_file_is_silent_to_watch" \
			watched_all pair_is $fs silent written direct "write $FIRST $engine" \
			"write $NEXT $engine"
	done
	define_test "${fs}_nowait_overwrite_of_any_file_is_reported_by_watch" \
		watched_all pair_is $fs reported written direct "write $FIRST" \
		"write $HALF nowait retry"
	define_test "${fs}_nowait_read_of_a_hole_of_any_file_is_reported_by_watch" \
		watched_all pair_is $fs passed hole direct "write $FIRST $by" "read $HALF nowait"
	define_test "${fs}_libaio_writes_of_any_file_beyond_the_end_is_serialized_for_watch" \
		watched_all pair_is $fs serialized written direct "write off=17M len=64K $by" \
		"write off=17M len=64K $by"
done

ext4_nowait_write_into_held_hole_is_refused_under_watch() {
	PAIR_EXPECT_B=-EAGAIN watched pair_is ext4 refused hole direct "write $FIRST" \
		"write $HALF nowait"
}

xfs_nowait_unaligned_write_tried_again_is_serialized_for_watch() {
	watched pair_is xfs serialized unwritten direct "write $FIRST" \
		"write off=512 len=512 nowait retry"
}

# A minute without such ops, and watch no longer sees first bios; it sees them again when an op
# needs it. What that op meets cannot be judged and is a loss, what comes after is told as ever.
_first_bios_seen() {
	grep -qs block_bio_queue "/proc/$WATCH_PID/fdinfo/"*
}

# The tool has to come to it first, and CPUs may be busy.
_first_bios_come_back() {
	local _

	for _ in {1..100}; do
		! _first_bios_seen || return 0
		sleep 0.1
	done
	return 1
}

xfs_uring_ops_after_a_minute_without_is_reported_by_watch() {
	local loss=unattributed
	scratch_new xfs gate
	watch_begin
	if [ -n "$IORACE" ] && _first_bios_seen; then
		while _first_bios_seen; do sleep 1; done
	else
		loss=
	fi
	# A read may always give up. A write that has to change mtime does so before it is seen, and
	# comes again by a worker that waits.
	run_ops < <(pair_script written direct held "read $FIRST engine=uring" \
		"write $HALF engine=uring")
	[ -z "$loss" ] || _first_bios_come_back || fail "first bios are not seen again"
	run_ops < <(pair_script written direct held "write $FIRST engine=uring" \
		"write $HALF engine=uring")
	watch_end
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" ${loss:+--loss "$loss" --conflicts 1} \
		--conflicts-min 1 || fail "exit status $CHECK_STATUS"
}

# Where the verifier refuses the programs of plain loads the tool takes slower ones: nobody sees
# that but by a clock. Before 6.9 it does refuse them, see open_and_load_either().
programs_of_plain_loads_are_taken_where_they_fit() {
	local status=0
	[ -n "$IORACE" ] && kernel_at_least 6.9 || return 0
	"$IORACE" doctor | grep -q 'fields are read by plain loads' || return 0
	IORACE_DEBUG=1 "$IORACE" watch --duration 1 >"$TEST_TMP/log" 2>&1 || status=$?
	case $status in
	0 | 1 | 4) ;; # what others do on this machine meanwhile is not the question
	*) fail "watch failed: $status" ;;
	esac
	! grep -a 'failed to load' "$TEST_TMP/log" || fail "they are refused"
}

# Each CPU counts the findings it had last for itself, sixteen at most, and these are more: whoever
# has to make room is added up. (What one storm costs: make storm.)
xfs_storms_on_many_files_are_counted_exactly_is_reported_by_watch() {
	local made=0 i ops
	scratch_new xfs ram
	for i in {1..40}; do
		dd if=/dev/zero of="$SCRATCH_MNT/$i" bs=64K count=2 conv=fsync status=none
	done
	watch_begin
	for i in {1..40}; do
		"$BUILD/hammer" "$SCRATCH_MNT/$i" 2 4096 1500 >"$TEST_TMP/hammer.$i" &
	done
	# One after the other: watch itself runs as well.
	for i in $(jobs -p); do
		[ "$i" = "${WATCH_PID:-}" ] || wait "$i" || fail "a hammer failed"
	done
	watch_end
	[ -n "$IORACE" ] || return 0
	for i in {1..40}; do
		ops=$(sed -n 's/.*"ops":\([0-9]*\),.*/\1/p' "$TEST_TMP/hammer.$i")
		made=$((made + ops))
	done
	"$E2E/check_report.py" "$TEST_TMP/report.json" --summary "pairs.conflicts=$made" ||
		fail "$made conflicts were made"
}
