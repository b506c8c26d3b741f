# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What end-to-end tests stand on: scratch file systems, the gate, mkops under
# iorace, and claims about the report. Sourced by "run", once per test, in a
# process of its own.
#
# Set by the runner: TEST_NAME, TEST_TMP (a private folder), BUILD (where mkops
# and gatedisk are), E2E (this folder), IORACE (the tool; empty under
# --drivers-only, where a test proves its set-up and claims nothing about a
# report).

set -u

GATEDISK=$BUILD/gatedisk
MKOPS=$BUILD/mkops
SCRATCH_BYTES=${SCRATCH_BYTES:-512M} # mkfs.xfs wants 300M; memory is used as written

# ---- clean-up: a file of commands, undone last to first ----
#
# A file and not only a trap: when a test is killed, the runner, which is not,
# still knows what is left to do. "undo" does it.

on_exit() {
	printf '%q ' "$@" >>"$TEST_TMP/undo"
	printf '\n' >>"$TEST_TMP/undo"
}

# ---- how a test ends ----

fail() {
	echo "$*" >"$TEST_TMP/reason"
	echo "FAIL: $*" >&2
	exit 1
}

skip() {
	echo "$*" >"$TEST_TMP/reason"
	exit 77
}

need_command() {
	command -v "$1" >/dev/null || skip "no $1 here"
}

# kernel_at_least 6.6
kernel_at_least() {
	local have
	have=$(uname -r)
	[ "$(printf '%s\n%s\n' "$1" "${have%%-*}" | sort -V | head -n 1)" = "$1" ]
}

# ---- scratch file systems ----
#
# scratch_new FS [gate|ram|file] [MKFS OPTION...]
# Sets SCRATCH_MNT, SCRATCH_DEV and, on a gate, SCRATCH_GATE (control socket;
# also exported as MKOPS_GATE). Mounted with SCRATCH_MOUNT_OPTS, if set, after
# SCRATCH_FORMATTED, a command, was run on the device, if set.

scratch_new() {
	local fs=$1 kind=${2:-gate}
	shift
	[ $# -eq 0 ] || shift

	need_command "mkfs.$fs"
	grep -qw "$fs" /proc/filesystems || modprobe -q "$fs" || skip "this kernel has no $fs"
	SCRATCH_MNT=$(mktemp -d "$TEST_TMP/mnt.XXXXXX")
	SCRATCH_DEV=
	SCRATCH_GATE=
	"_device_$kind" || fail "no $kind device"
	_format "$fs" "$@" || fail "mkfs.$fs on $SCRATCH_DEV: $(tail -n 1 "$TEST_TMP/mkfs")"
	[ -z "${SCRATCH_FORMATTED:-}" ] || "$SCRATCH_FORMATTED" "$SCRATCH_DEV" >&2 ||
		fail "$SCRATCH_FORMATTED"
	mount -t "$fs" -o "${SCRATCH_MOUNT_OPTS:-defaults}" "$SCRATCH_DEV" "$SCRATCH_MNT" ||
		fail "mount $fs"
	on_exit umount "$SCRATCH_MNT"
	# Undone first: while something is held, unmounting would wait for it.
	[ -z "$SCRATCH_GATE" ] || on_exit "$GATEDISK" ctl "$SCRATCH_GATE" open
}

# mkfs.btrfs follows every mounted loop device to its file, and gives up when one is on a gate that
# has gone: it is shown none of the loop mounts.
_format() {
	local fs=$1 force=-f
	shift
	[ "$fs" != ext4 ] || force=-F
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private bash -c '
		while read -r device where _; do
			[[ $device != /dev/loop* ]] || umount -l "$where"
		done </proc/self/mounts
		exec timeout 60 "$@"' bash \
		"mkfs.$fs" -q "$force" "$@" "$SCRATCH_DEV" >"$TEST_TMP/mkfs" 2>&1
}

_loop_on() {
	SCRATCH_DEV=$(losetup --show --find "$@") || return 1
	on_exit losetup -d "$SCRATCH_DEV"
}

# No merging: an op is at least one request of its own. No readahead either.
_queue_plain() {
	local queue=/sys/block/${SCRATCH_DEV#/dev/}/queue
	echo 2 >"$queue/nomerges"
	echo none >"$queue/scheduler"
}

_device_gate() {
	local dir
	modprobe -qa fuse loop 2>/dev/null
	dir=$(mktemp -d "$TEST_TMP/gate.XXXXXX")
	mkdir "$dir/fuse"
	SCRATCH_GATE=$dir/control
	timeout 20 "$GATEDISK" serve "$dir/fuse" "$SCRATCH_GATE" "$SCRATCH_BYTES" >"$dir/pid" ||
		return 1
	on_exit "$E2E/stop-gate" "$GATEDISK" "$SCRATCH_GATE" "$(cat "$dir/pid")" "$dir/fuse"
	export MKOPS_GATE=$SCRATCH_GATE
	_loop_on --direct-io=on "$dir/fuse/disk" || return 1
	_queue_plain
}

_device_file() {
	local image
	modprobe -q loop 2>/dev/null
	image=$(mktemp "$TEST_TMP/image.XXXXXX")
	truncate -s "$SCRATCH_BYTES" "$image"
	_loop_on "$image"
}

# zram where there is one, else a loop device on a file in memory
_device_ram() {
	local number dir
	modprobe -q zram 2>/dev/null
	if [ -r /sys/class/zram-control/hot_add ]; then
		read -r number </sys/class/zram-control/hot_add || return 1
		SCRATCH_DEV=/dev/zram$number
		on_exit "$E2E/stop-zram" "$number"
		echo "$SCRATCH_BYTES" >"/sys/block/zram$number/disksize"
		return
	fi
	dir=$(mktemp -d "$TEST_TMP/ram.XXXXXX")
	mount -t tmpfs none "$dir" || return 1
	on_exit umount "$dir"
	truncate -s "$SCRATCH_BYTES" "$dir/image"
	modprobe -q loop 2>/dev/null
	_loop_on "$dir/image"
}

# dax_new FS [MOUNT OPTIONS]: a scratch file system on a pmem device (E2E_DAX_DEV, or /dev/pmem0),
# which the tests use one after the other.
dax_new() {
	local device=${E2E_DAX_DEV:-/dev/pmem0}
	[ -b "$device" ] || skip "no pmem device"
	exec 9>/run/iorace-e2e-dax.lock
	flock 9
	SCRATCH_DEV=$device
	SCRATCH_MNT=$(mktemp -d "$TEST_TMP/mnt.XXXXXX")
	case $1 in
	xfs) _format xfs -m reflink=0 || fail "mkfs" ;;
	*) _format "$1" || fail "mkfs" ;;
	esac
	mount -t "$1" -o "${2:-dax=always}" "$SCRATCH_DEV" "$SCRATCH_MNT" || fail "mount with dax"
	on_exit umount "$SCRATCH_MNT"
}

gate() {
	timeout 30 "$GATEDISK" ctl "$SCRATCH_GATE" "$@"
}

# ---- the driver, under the tool ----

# run_ops: script on stdin; events to $TEST_TMP/events.jsonl, no tool involved
run_ops() {
	cat >"$TEST_TMP/script"
	timeout 60 "$MKOPS" run "$TEST_TMP/script" >"$TEST_TMP/events.jsonl" ||
		_ops_failed $?
}

_ops_failed() {
	cat "$TEST_TMP/events.jsonl" >&2
	fail "mkops $1: $(grep -hE '"ev":"(fail|error)"' "$TEST_TMP/events.jsonl" | tail -n 1)"
}

# check_cmd COMMAND...: under "iorace check" ($CHECK_OPTS before the --), report
# in $TEST_TMP/report.json, exit status of the tool in CHECK_STATUS
check_cmd() {
	local opts=()
	read -ra opts <<<"${CHECK_OPTS:-}"
	if [ -z "$IORACE" ]; then
		CHECK_STATUS=0
		"$@"
		return
	fi
	CHECK_STATUS=0
	timeout -k 5 "${CHECK_TIMEOUT:-90}" "$IORACE" check ${opts[@]+"${opts[@]}"} \
		--report "$TEST_TMP/report.json" -- "$@" || CHECK_STATUS=$?
	case $CHECK_STATUS in
	0 | 1 | 4) ;;
	5) return 5 ;;
	*) fail "iorace check: exit status $CHECK_STATUS" ;;
	esac
	! grep -qs '"begin_exact": *false' "$TEST_TMP/report.json" ||
		fail "not each op asked the clock under check"
}

# watch_begin, watch_end: "iorace watch" on the scratch device, or with WATCH_ALL on any, from the one
# to the other, report and exit status as of check_cmd
watch_begin() {
	local which=(--dev "$SCRATCH_DEV")
	[ -n "$IORACE" ] || return 0
	[ -z "${WATCH_ALL:-}" ] || which=()
	rm -f "$TEST_TMP/live.jsonl" # of the watch before
	"$IORACE" watch ${which[@]+"${which[@]}"} --format json --report "$TEST_TMP/report.json" \
		>"$TEST_TMP/live.jsonl" &
	WATCH_PID=$!
	on_exit kill "$WATCH_PID"
	until grep -qs '"coverage"' "$TEST_TMP/live.jsonl"; do
		kill -0 "$WATCH_PID" || fail "iorace watch ended early"
		sleep 0.05
	done
}

watch_end() {
	CHECK_STATUS=0
	[ -n "$IORACE" ] || return 0
	kill -INT "$WATCH_PID"
	wait "$WATCH_PID" || CHECK_STATUS=$?
}

# watch_cmd COMMAND...: as check_cmd, under "iorace watch"
watch_cmd() {
	local status=0
	watch_begin
	"$@" || status=$?
	watch_end
	return $status
}

# check_ops: script on stdin, run by mkops under the tool: as its command, or with UNDER_WATCH set
# beside "iorace watch"
check_ops() {
	local under=check_cmd
	cat >"$TEST_TMP/script"
	[ -z "${UNDER_WATCH:-}" ] || under=watch_cmd
	$under "$MKOPS" run "$TEST_TMP/script" >"$TEST_TMP/events.jsonl" || _ops_failed $?
	if grep -qE '"ev":"(fail|error)"' "$TEST_TMP/events.jsonl"; then
		_ops_failed "in trouble"
	fi
}

# op_settled NAME: held, blocked or done, as the last run saw it
op_settled() {
	sed -n 's/.*"ev":"settled","op":"'"$1"'","as":"\([a-z]*\)".*/\1/p' \
		"$TEST_TMP/events.jsonl" | tail -n 1
}

# ---- claims ----

# PREEMPT_RT preempts a BPF program like any other code, and skips it for whoever comes to it on
# that CPU meanwhile. iorace says so, its verdict is inconclusive, and one has to try again.
again_if_skipped() {
	[ "$(cat /sys/kernel/realtime 2>/dev/null)" = 1 ] || return 0
	! grep -q '"missed_runs": *[1-9]' "$TEST_TMP/report.json" || exit 75
}

# claim EXIT-STATUS OPTION... (of check_report.py); also lets pairs.py judge
# every event log of this test against the report. CLAIM_LOGS adds logs.
claim() {
	local status=$1
	shift
	[ -n "$IORACE" ] || return 0
	again_if_skipped
	"$E2E/check_report.py" "$TEST_TMP/report.json" "$@" 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
	[ "$CHECK_STATUS" -eq "$status" ] || fail "exit status $CHECK_STATUS, not $status"
	# shellcheck disable=SC2086 # a list of files
	"$E2E/pairs.py" "$TEST_TMP/report.json" "$TEST_TMP/events.jsonl" ${CLAIM_LOGS:-} \
		>"$TEST_TMP/judged" || fail "pairs.py: $(tail -n 1 "$TEST_TMP/judged")"
}

claim_conflicts() {
	local count=$1
	shift
	claim 1 --conflicts "$count" --verdict conflicts "$@"
}

claim_silence() {
	claim 0 --conflicts 0 --verdict clean "$@"
}

# Where spans are seen the pair was met and something kept it apart; KEPT_APART=0 where the two do
# not overlap in the end: claim_kept_apart [CLAIM...]
claim_kept_apart() {
	claim_silence --serialized "${KEPT_APART:-1}" "$@"
}

# both_held [LINE...]: lines for mkops: writes A and B (fills a1 and b2) are in flight at one
# moment, A first; LINEs come between
both_held() {
	printf '%s\n' "gate hold write fill=a1" "gate hold write fill=b2" "start A" "held A" "$@" \
		"start B" "held B" "gate open" "expect A ok" "expect B ok"
}

# ---- two operations, the second while the first is held ----
#
# pair_script PREP FLAGS HOLD "A SPEC" "B SPEC"
#   PREP   written|unwritten|hole|none     FLAGS  of open
#   HOLD   what B comes to: held | blocked | settle | wait (it ends) | together
#          (held, and the gate cannot tell the two apart: two reads of one range)
#   SPEC   KIND OPTION... of mkops "op"; fills a1 and b2 are added

PAIR_FILE_BYTES=${PAIR_FILE_BYTES:-16M}

pair_script() {
	local prep=$1 flags=$2 hold=$3 spec_a=$4 spec_b=$5

	echo "open F $SCRATCH_MNT/file creat $flags"
	[ "$prep" = none ] || echo "prep F $PAIR_FILE_BYTES $prep"
	echo "op A ${spec_a%% *} F fill=a1 ${spec_a#* }"
	echo "op B ${spec_b%% *} F fill=b2 ${spec_b#* }"
	_pair_hold "$spec_a" "$spec_b"
	echo "start A"
	echo "held A"
	echo "start B"
	case $hold in
	together) echo "gate wait 2 read" ;;
	blocked)
		echo "blocked B"
		case $spec_b in
		write*) echo "parked 0 write fill=b2" ;;
		read*) case $spec_a in write*) echo "parked 0 read" ;; esac ;;
		esac
		;;
	*) echo "$hold B" ;;
	esac
	echo "gate open"
	case "$spec_a $spec_b" in *fault=*) echo "feed A B" ;; esac
	echo "expect A ${PAIR_EXPECT_A:-ok}"
	echo "expect B ${PAIR_EXPECT_B:-ok}"
}

_pair_hold() {
	local spec
	for spec in "$@"; do
		case $spec in
		write*fault=* | read*fault=*) ;;
		*) echo "gate hold write fill=a1" && echo "gate hold write fill=b2" ;;
		esac
		case $spec in
		read*fault=*) ;;
		read*) echo "gate hold read" ;;
		esac
	done | sort -u
}

# pair_is FS OUTCOME PREP FLAGS "A" "B" [CLAIM...]
#   reported    both held at once, and that is a conflict
#   passed      B begins and ends while A is held, and that is a conflict
#   serialized  B waits for a lock while A is held: no conflict
#   silent      both held at once, and no conflict for it
#   refused     B ends with PAIR_EXPECT_B while A is held: no conflict
#   observed    reported, passed or serialized, as this kernel does it
pair_is() {
	local fs=$1 outcome=$2 hold=held
	shift 2
	[ -n "${SCRATCH_MNT:-}" ] || scratch_new "$fs" gate
	case $outcome in
	serialized) hold=blocked ;;
	passed | refused) hold="wait" ;;
	observed) hold=settle ;;
	silent) case "$3:$4" in read*:read*) hold=together ;; esac ;;
	esac
	check_ops < <(pair_script "$1" "$2" "$hold" "$3" "$4")
	shift 4
	if [ "$outcome" = observed ]; then
		outcome=serialized
		[ "$(op_settled B)" = blocked ] || outcome=reported
		echo "observed: B $(op_settled B), hence $outcome" >&2
	fi
	case $outcome in
	reported | passed) claim_conflicts 1 "$@" ;;
	serialized) claim_kept_apart "$@" ;;
	*) claim_silence "$@" ;;
	esac
}

# dsync_flush_case FS: A has written and flushes, B begins on the same bytes.
# B cannot reach the device before the flush is let go (gatedisk.c says why),
# but it is past its lock and its window is open: the window of A must not be.
dsync_flush_case() {
	local all="off=0 len=64K"
	scratch_new "$1" gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		open D $SCRATCH_MNT/file direct dsync
		prep F 16M written
		op A write D $all fill=a1
		op B write F $all fill=b2
		gate hold flush
		start A
		asleep A ext4_sync_file xfs_file_fsync
		start B
		asleep B iomap_dio_rw __iomap_dio_rw
		gate open
		expect A ok
		expect B ok
	EOS
	claim_silence
}

# define_test NAME FUNCTION ARGUMENT...: a test from a table
define_test() {
	local name=$1 body
	shift
	printf -v body '%q ' "$@"
	eval "$name() { $body; }"
}
