# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# iorace stress by itself, without the kernel side: torn where the kernel lets results tear, whole
# where it does not, and never a result that it has not seen.

STRESS_JSON='import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
torn, last = lines[:-1], lines[-1]
found = last["found"]
assert last["type"] == "stress", "the last line is the result"
assert all(line["type"] == "torn" for line in torn), "torn results come before it"
assert last["records"]["written"] == len(torn), "every finding is written or counted"
assert sum(found.values()) - found["torn_inside_a_write"] == \
    len(torn) + last["records"]["suppressed"], "findings sum up"
assert (last["result"] == "torn") == (len(torn) > 0), "torn is what was found"
assert last["reads"]["judged"] >= last["ops"]["read"], "every read was judged"
'

# stress_run OPTION...: the result in $TEST_TMP/stress.json; exit status in STRESS_STATUS
stress_run() {
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	STRESS_STATUS=0
	timeout -k 5 60 "$IORACE" stress --format json "$@" >"$TEST_TMP/stress.json" ||
		STRESS_STATUS=$?
	stress_claim True
	case $STRESS_STATUS:$(stress_result) in
	0:whole | 1:torn | 4:inconclusive) ;;
	*) fail "exit status $STRESS_STATUS, but $(stress_result)" ;;
	esac
	[ -z "$(find "$SCRATCH_MNT" -name 'iorace-stress.*')" ] || fail "the scratch file is left"
}

stress_result() {
	sed -n '$s/.*"result":"\([a-z]*\)".*/\1/p' "$TEST_TMP/stress.json"
}

# stress_claim EXPRESSION: of torn (findings), last (the result) and found (its counts)
stress_claim() {
	python3 -c "${STRESS_JSON}assert $1, '$1 ' + json.dumps(last)" "$TEST_TMP/stress.json" \
		2>"$TEST_TMP/claim" || fail "$(tail -n 1 "$TEST_TMP/claim")"
}

# Whether two ops meet in the middle is a matter of luck: several runs are one try.
torn_stress() {
	local fs=$1 claim=$2 try
	shift 2
	scratch_new "$fs" ram
	for try in 1 2 3 4 5 6 7 8; do
		stress_run --dir "$SCRATCH_MNT" --duration 2s --max-records 500 --seed "$try" "$@"
		[ "$(stress_result)" = torn ] || continue
		python3 -c "${STRESS_JSON}assert $claim" "$TEST_TMP/stress.json" || continue
		stress_claim 'all(t["pairs"] or t["pairs_cut"] or t["kind"] == "lost_write" \
			for t in torn)'
		return 0
	done
	fail "not torn: $(tail -n 1 "$TEST_TMP/stress.json")"
}

whole_stress() {
	local fs=$1
	shift
	[ -n "${SCRATCH_MNT:-}" ] || scratch_new "$fs" ram
	stress_run --dir "$SCRATCH_MNT" --duration 2s "$@"
	[ "$STRESS_STATUS" = 0 ] || fail "not whole: $(head -n 1 "$TEST_TMP/stress.json")"
	case " $* " in
	*" disjoint "*) stress_claim 'last["reads"]["contended"] == 0' ;;
	*) stress_claim 'last["reads"]["contended"] > 0' ;;
	esac
}

TORN='found["torn_reads"] > 0'
LOST='found["lost_writes"] > 0'

# Direct IO under the shared lock: reads and overwrites move their data side by side.
for fs in xfs ext4; do
	for engine in sync libaio uring; do
		define_test stress_${fs}_direct_${engine}_is_torn \
			torn_stress $fs "$TORN" --block 16K --engine $engine
	done
	define_test stress_${fs}_direct_of_processes_is_torn \
		torn_stress $fs "$TORN" --block 16K --processes
	for engine in sync libaio uring; do
		define_test stress_${fs}_direct_${engine}_disjoint_is_whole \
			whole_stress $fs --block 16K --shape disjoint --engine $engine
	done
done

# Buffered reads take the lock on XFS alone; elsewhere they race with writes page by page.
for shape in identical partial append pages truncate punch; do
	define_test stress_xfs_buffered_${shape}_is_whole \
		whole_stress xfs --mode buffered --shape $shape
done
for shape in identical nested sliding log; do
	define_test stress_ext4_buffered_${shape}_is_torn \
		torn_stress ext4 "$TORN" --mode buffered --shape $shape
done
define_test stress_ext4_buffered_disjoint_is_whole \
	whole_stress ext4 --mode buffered --shape disjoint

# Appends of direct IO on XFS look where the file ends under the shared lock, and share a place.
define_test stress_xfs_direct_append_is_torn torn_stress xfs "$LOST" --shape append
define_test stress_ext4_buffered_append_is_whole \
	whole_stress ext4 --mode buffered --shape append --readers 0

# Both ends of a DAX copy stand under the inode lock.
dax_stress() {
	dax_new "$1"
	whole_stress "$1" --mode dax
}
define_test stress_xfs_dax_is_whole dax_stress xfs
define_test stress_ext4_dax_is_whole dax_stress ext4

# ---- it does not lie ----

# stress_begin OPTION...: in the background, until it has a file
stress_begin() {
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new xfs ram
	"$IORACE" stress --dir "$SCRATCH_MNT" --format json --duration 60s --max-records 5 "$@" \
		>"$TEST_TMP/stress.json" 2>"$TEST_TMP/err" &
	STRESS_PID=$!
	on_exit sh -c "kill $STRESS_PID 2>/dev/null && tail --pid=$STRESS_PID -f /dev/null; :"
	for _ in $(seq 200); do
		[ -z "$(find "$SCRATCH_MNT" -name 'iorace-stress.*' -size +0)" ] || break
		sleep 0.02
	done
}

stress_end() {
	STRESS_STATUS=0
	wait "$STRESS_PID" || STRESS_STATUS=$?
	[ -z "$(find "$SCRATCH_MNT" -name 'iorace-stress.*')" ] || fail "the scratch file is left"
}

signalled_stress() {
	stress_begin "${@:2}"
	sleep 0.5
	kill -"$1" "$STRESS_PID"
	stress_end
	stress_claim 'last["duration_ns"] < 30 * 10**9'
	case $STRESS_STATUS:$(stress_result) in
	0:whole | 1:torn) ;;
	*) fail "exit status $STRESS_STATUS, but $(stress_result)" ;;
	esac
}
for signal in INT TERM HUP; do
	define_test stress_ended_by_${signal}_is_orderly signalled_stress $signal
done
define_test stress_of_processes_ended_by_TERM_is_orderly signalled_stress TERM --processes

stress_ended_before_the_first_op_is_inconclusive() {
	stress_begin --size 400M
	kill -TERM "$STRESS_PID"
	stress_end
	[ "$STRESS_STATUS" = 4 ] || fail "exit status $STRESS_STATUS"
	grep -q "nothing was read" "$TEST_TMP/err" || fail "$(cat "$TEST_TMP/err")"
	[ ! -s "$TEST_TMP/stress.json" ] || fail "a result of nothing"
}

# Its last write may be there in part, and rightly so.
stress_with_a_killed_worker_is_inconclusive() {
	stress_begin --processes --mode buffered --block 1M
	sleep 0.5
	kill -KILL "$(pgrep -n -P "$STRESS_PID")" || fail "no worker to kill"
	stress_end
	[ "$STRESS_STATUS" = 4 ] || fail "exit status $STRESS_STATUS"
	grep -q "killed by signal 9" "$TEST_TMP/err" || fail "$(cat "$TEST_TMP/err")"
	stress_claim 'last["result"] == "inconclusive" and "killed" in last["error"]'
}

stress_of_which_nothing_was_read_is_inconclusive() {
	scratch_new xfs ram
	stress_run --dir "$SCRATCH_MNT" --shape append --mode buffered --ops 1 --readers 0 --writers 1
	[ "$STRESS_STATUS" = 4 ] || fail "exit status $STRESS_STATUS"
}

# No privileges, no kernel side: anybody with a directory can run it.
stress_without_privileges_is_enough() {
	need_command setpriv
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	local tool=${IORACE_REAL:-$IORACE}
	scratch_new xfs ram
	chmod 777 "$SCRATCH_MNT"
	chmod 755 "$TEST_TMP"
	install -m 755 "$tool" "$TEST_TMP/iorace"
	setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all "$TEST_TMP/iorace" \
		stress --dir "$SCRATCH_MNT" --mode buffered --duration 1s --format json \
		>"$TEST_TMP/stress.json" || fail "exit status $?"
	stress_claim 'last["result"] == "whole"'
}

# ---- beside the tracer ----
#
# Each torn result that content proves is among the conflicts; a pair of tests for each cell, one
# with torn results and one without. How many there are is luck, so several runs are one try.

# stressed_check OPTION...: iorace check over iorace stress, the summary in $TEST_TMP/report.json
stressed_check() {
	check_cmd "$IORACE" stress --dir "$SCRATCH_MNT" --max-records 0 "$@" \
		>"$TEST_TMP/out" || [ $? -eq 5 ] || fail "iorace check over iorace stress"
}

# summary_claim EXPRESSION: of s (the summary) and stress (its stress)
summary_claim() {
	python3 -c 'import json, sys
s = [json.loads(line) for line in open(sys.argv[1])][-1]
stress = s["stress"]
assert '"$1, '$1: '"' + json.dumps(s)' "$TEST_TMP/report.json" 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
}

# A torn result with more pairs than its evidence has room for is not compared. A machine that is
# slow or busy keeps more ops in flight at once, so that each try asks for fewer of them.
agreeing_check() {
	local fs=$1 try rate=${AGREE_RATE:-8000} CHECK_OPTS="--max-records 2000000 ${AGREE_OPTS:-}"
	shift
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new "$fs" ram
	for try in 1 2 3 4 5 6 7 8; do
		stressed_check --duration 2s --rate "$rate" --seed "$try" "$@"
		rate=$((rate * 2 / 3))
		summary_claim 'stress["runs"] == 1 and stress["unfinished"] == 0'
		summary_claim 'stress["contradicted"] == 0 == s["losses"]["contradicted"]'
		summary_claim 'stress["torn"] == stress["found"] + stress["not_compared"]'
		summary_claim 'stress["found"] == 0 or s["pairs"]["conflicts"] > 0'
		python3 -c 'import json, sys
stress = json.loads(open(sys.argv[1]).readlines()[-1])["stress"]
sys.exit(not (stress["found"] > 0 and stress["not_compared"] == 0))' \
			"$TEST_TMP/report.json" && return 0
	done
	fail "no run with torn results that were all seen: $(tail -n 1 "$TEST_TMP/report.json")"
}

quiet_check() {
	local fs=$1 CHECK_OPTS=${AGREE_OPTS:-}
	shift
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new "$fs" ram
	stressed_check --duration 2s --rate 8000 "$@"
	summary_claim 'stress["runs"] == 1 and stress["torn"] == 0 and stress["unfinished"] == 0'
}

for fs in xfs ext4; do
	for engine in sync libaio uring; do
		define_test stress_${fs}_direct_${engine}_under_check_is_reported \
			agreeing_check $fs --block 16K --engine $engine
		define_test stress_${fs}_direct_${engine}_disjoint_under_check_is_silent \
			quiet_check $fs --block 16K --engine $engine --shape disjoint
	done
done

# Copies are seen by fentry and kprobe alone, so mostly in a virtual machine, which is slow.
for outcome in "agreeing_check ext4 reported" "quiet_check xfs silent"; do
	read -r check fs twin <<<"$outcome"
	define_test stress_${fs}_buffered_under_check_is_$twin buffered_check $check $fs
done
buffered_check() {
	AGREE_OPTS="--mode buffered" AGREE_RATE=2000 "$@" --mode buffered --shape nested
}

# A torn result of other times than any conflict: it must be said, and nobody may call it clean.
stress_that_no_conflict_explains_is_reported() {
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new xfs ram
	check_cmd "$E2E/foreign_evidence.py" contradict >"$TEST_TMP/out" 2>"$TEST_TMP/err"
	[ "$CHECK_STATUS" = 4 ] || fail "exit status $CHECK_STATUS"
	grep -q "BUG IN IORACE" "$TEST_TMP/err" || fail "nobody said it: $(cat "$TEST_TMP/err")"
	summary_claim 's["verdict"] == "inconclusive"'
	summary_claim 'stress["contradicted"] == 1 == s["losses"]["contradicted"]'
	grep -q '"type":"torn"' "$TEST_TMP/report.json" || fail "the torn result is not shown"
}

stress_of_which_the_evidence_is_broken_is_reported() {
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new xfs ram
	check_cmd "$E2E/foreign_evidence.py" garbage >"$TEST_TMP/out" 2>&1
	[ "$CHECK_STATUS" = 4 ] || fail "exit status $CHECK_STATUS"
	summary_claim 's["losses"]["undecoded"] == 1'
}

stress_that_was_killed_under_check_is_reported() {
	[ -n "$IORACE" ] || skip "nothing to drive without the tool"
	scratch_new xfs ram
	# shellcheck disable=SC2016 # for the inner shell
	check_cmd sh -c '"$0" stress --dir "$1" --shape disjoint --duration 60s &
		sleep 1; kill -9 $!; wait' "$IORACE" "$SCRATCH_MNT" >"$TEST_TMP/out"
	summary_claim 'stress["runs"] == 1 == stress["unfinished"]'
}
