# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A server that is busy with other things: processes that die with IO in flight, file systems that
# are mounted anew, and iorace that comes and goes, or is there twice.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

# B while A, whose process was killed or is another program, is in flight still.
killed_is() {
	local outcome=$1 engine=$2 range=$3
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1 proc=1 engine=$engine comm=alice
		op B write F $range fill=b2 comm=bob
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		held A
		returned A
		${4:-kill} A
		start B
		held B
		parked 1 write fill=a1
		gate open
		expect B ok
	EOS
	if [ "$outcome" = reported ]; then
		claim_conflicts 1 --comm alice,bob
	else
		claim_silence
	fi
}

for engine in libaio uring; do
	define_test xfs_write_over_${engine}_write_of_the_killed_is_reported \
		killed_is reported $engine "$HALF"
	define_test xfs_write_beside_${engine}_write_of_the_killed_is_silent \
		killed_is silent $engine "$NEXT"
	define_test ext4_write_over_${engine}_write_of_another_program_is_reported \
		killed_is reported $engine "$HALF" exec
	define_test ext4_write_beside_${engine}_write_of_another_program_is_silent \
		killed_is silent $engine "$NEXT" exec
done

# B while A, whose thread has gone or lets go of its context, is in flight still. io_destroy() waits
# for what is in flight.
left_is() {
	local outcome=$1 engine=$2 leave=$3 range=$4
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1 engine=$engine leave=$leave
		op B write F $range fill=b2
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		held A
		returned A
		leave A
		$5
		start B
		held B
		parked 1 write fill=a1
		gate open
		expect B ok
		gone A
	EOS
	if [ "$outcome" = reported ]; then
		claim_conflicts 1
	else
		claim_silence
	fi
}

define_left() {
	define_test "xfs_write_over_$1_is_reported" left_is reported "$2" "$3" "$HALF" "$4"
	define_test "xfs_write_beside_$1_is_silent" left_is silent "$2" "$3" "$NEXT" "$4"
}

define_left libaio_write_of_a_thread_gone libaio exit "gone A"
define_left uring_write_of_a_thread_gone uring exit "gone A"
define_left libaio_write_being_destroyed libaio close "asleep A __x64_sys_io_destroy"
define_left uring_write_of_a_ring_closed uring close "gone A"

# Two writes with something in between, A in flight all the time.
around() {
	cat <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1 engine=libaio
		op B write F $1 fill=b2 engine=libaio
		$(both_held "returned A" "sh $2")
	EOS
}

ext4_remounted_while_in_flight_is_reported() {
	scratch_new ext4 gate
	check_ops < <(around "$HALF" "mount -o remount,noatime,commit=7 $SCRATCH_MNT")
	claim_conflicts 1
}

ext4_remounted_beside_in_flight_is_silent() {
	scratch_new ext4 gate
	check_ops < <(around "$NEXT" "mount -o remount,noatime,commit=7 $SCRATCH_MNT")
	claim_silence
}

xfs_unmounted_lazily_while_in_flight_is_reported() {
	scratch_new xfs gate
	check_ops < <(around "$HALF" "umount -l $SCRATCH_MNT")
	claim_conflicts 1
}

xfs_unmounted_lazily_beside_in_flight_is_silent() {
	scratch_new xfs gate
	check_ops < <(around "$NEXT" "umount -l $SCRATCH_MNT")
	claim_silence
}

# One inode number after the other, "number" says for which file: C meets nothing of the old one.
inode_used_again() {
	scratch_new ext4 gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/old creat direct
		prep F 16M written
		op A write F $FIRST fill=a1 engine=libaio
		op B write F $1 fill=b2 engine=libaio
		$(both_held)
		close F
		sh stat -c %i $SCRATCH_MNT/old >$TEST_TMP/number
		sh rm $SCRATCH_MNT/old
		sh touch $SCRATCH_MNT/new
		sh stat -c %i $SCRATCH_MNT/new | cmp - $TEST_TMP/number
		open G $SCRATCH_MNT/new direct
		prep G 16M written
		op C write G $FIRST fill=c3 engine=libaio
		op D write G $1 fill=d4 engine=libaio
		gate hold write fill=c3
		gate hold write fill=d4
		start C
		held C
		start D
		held D
		gate open
		expect C ok
		expect D ok
	EOS
}

inode_number_used_again_is_reported() {
	inode_used_again "$HALF"
	claim_conflicts 2
	[ -z "$IORACE" ] || [ "$(paths_of conflict)" = "$SCRATCH_MNT/new $SCRATCH_MNT/old" ] ||
		fail "conflicts on $(paths_of conflict)"
	[ -z "$IORACE" ] || [ "$(paths_of finding | wc -w)" = 2 ] ||
		fail "findings on $(paths_of finding)"
}

inode_number_used_again_is_silent() {
	inode_used_again "$NEXT"
	claim_silence
}

# paths_of TYPE: those that its lines name, sorted
paths_of() {
	sed -n "/\"type\": *\"$1\"/s/.*\"path\": *\"\([^\"]*\)\".*/\1/p" "$TEST_TMP/report.json" |
		sort | paste -sd' '
}

# mounted_again "RANGE OF C": A, then the file system is mounted anew, then B and C together.
mounted_again() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1
		start A
		wait A
		close F
		sh umount $SCRATCH_MNT && mount $SCRATCH_DEV $SCRATCH_MNT
		open G $SCRATCH_MNT/file direct
		op B write G $FIRST fill=b2 engine=libaio
		op C write G $1 fill=c3 engine=libaio
		gate hold write fill=b2
		gate hold write fill=c3
		start B
		held B
		start C
		held C
		gate open
		expect B ok
		expect C ok
	EOS
}

xfs_mounted_again_is_reported() {
	mounted_again "$HALF"
	claim_conflicts 1
}

xfs_mounted_again_is_silent() {
	mounted_again "$NEXT"
	claim_silence
}

# ---- iorace twice ----

# The inner one's exit status is the outer one's command's.
within_another() {
	local range=$1 status=$2
	scratch_new xfs gate
	around "$range" true >"$TEST_TMP/script"
	check_cmd "${IORACE:-env}" ${IORACE:+check --report "$TEST_TMP/inner.json" --} \
		"$MKOPS" run "$TEST_TMP/script" >"$TEST_TMP/events.jsonl" || _ops_failed $?
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/inner.json" --conflicts "$status" ||
		fail "the inner one saw something else"
}

two_at_once_is_reported() {
	within_another "$HALF" 1
	claim_conflicts 1
}

two_at_once_is_silent() {
	within_another "$NEXT" 0
	claim_silence
}

# ---- iorace comes and goes ----

writes_done() {
	awk '{ print $5 }' "/sys/block/${SCRATCH_DEV#/dev/}/stat"
}

# ended PID: tells it to, and waits until it has, so that its files are closed
ended() {
	kill "$1" 2>/dev/null
	while grep -qs '^State:.[^ZX]' "/proc/$1/status"; do sleep 0.1; done
}
export -f ended

# under_load OFFSET-OF-THE-SECOND-JOB DEPTH COMMAND: four times watch, while two jobs write
under_load() {
	local second=$1 depth=$2 i pid before
	need_command fio
	# Its requests wait in a queue: two jobs are in flight together even when one CPU has to do.
	scratch_new xfs file
	cat >"$TEST_TMP/job" <<-EOS
		[global]
		filename=$SCRATCH_MNT/file
		size=256K
		rw=randwrite
		bs=16k
		direct=1
		ioengine=libaio
		iodepth=$depth
		time_based
		runtime=60
		[first]
		offset=0
		[second]
		offset=$second
	EOS
	dd if=/dev/zero of="$SCRATCH_MNT/file" bs=1M count=1 conv=fsync status=none
	before=$(writes_done)
	fio --output="$TEST_TMP/fio.log" "$TEST_TMP/job" &
	pid=$!
	on_exit ended "$pid"
	until [ $(($(writes_done) - before)) -gt 1000 ]; do sleep 0.1; done
	for i in 1 2 3 4; do
		[ -n "$IORACE" ] || break
		CHECK_STATUS=0
		"$IORACE" watch --dev "$SCRATCH_DEV" --duration 700ms \
			--report "$TEST_TMP/$i.json" >/dev/null 2>&1 || CHECK_STATUS=$?
		echo "$i: exit status $CHECK_STATUS" >&2
		"${@:3}" "$TEST_TMP/$i.json"
	done
	kill -0 "$pid" || fail "fio ended before its time: $(tail -n 1 "$TEST_TMP/fio.log")"
	ended "$pid"
}

load_conflicts() {
	"$E2E/check_report.py" "$1" --conflicts-min 1 --verdict conflicts --losses-allowed ||
		fail "not seen: $1"
	[ "$CHECK_STATUS" = 1 ] || fail "exit status $CHECK_STATUS, not 1"
}

# What was in flight when it came is a loss, and no conflict.
load_stays_clean() {
	"$E2E/check_report.py" "$1" --conflicts 0 --losses-allowed || fail "seen: $1"
	case $CHECK_STATUS in
	0 | 4) ;;
	*) fail "exit status $CHECK_STATUS, not 0 or 4" ;;
	esac
}

attached_and_detached_under_load_is_reported() {
	under_load 0 16 load_conflicts
}

attached_and_detached_under_load_is_silent() {
	# One at a time: deeper, a job's own writes meet.
	under_load 256K 1 load_stays_clean
}
