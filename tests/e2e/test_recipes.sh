# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What docs/recipes.md says: the jobs of fio that stand there, and a stand-in for xfstests.

# recipe_job NAME: the job file of that name, as it stands on the page
recipe_job() {
	awk -v first="# $1" '$0 == first { on = 1 } /^```$/ { on = 0 } on' \
		"$E2E/../../docs/recipes.md" >"$TEST_TMP/$1"
	[ -s "$TEST_TMP/$1" ] || fail "no $1 on the page"
}

# recipe_fio NAME FS: under iorace check, with every report that machines read
recipe_fio() {
	need_command fio
	[ -n "$IORACE" ] || skip "nothing to run without the tool"
	recipe_job "$1"
	scratch_new "$2" ram
	local CHECK_OPTS="--path $SCRATCH_MNT --report $TEST_TMP/r.xml --report $TEST_TMP/r.tap
		--report $TEST_TMP/r.sarif"
	CHECK_OPTS=${CHECK_OPTS//$'\n'/ }
	check_cmd env DIR="$SCRATCH_MNT" RUNTIME=2 \
		fio --output="$TEST_TMP/fio" "$TEST_TMP/$1" || fail "fio: $(cat "$TEST_TMP/fio")"
}

# recipe_reports FAILED: the reports can be read, and have so many points that failed
recipe_reports() {
	python3 - "$TEST_TMP" "$1" <<-'END' || fail "a report is wrong"
		import json, sys, xml.etree.ElementTree as tree
		base, failed = sys.argv[1], int(sys.argv[2])
		suite = tree.parse(base + "/r.xml").getroot().find("testsuite")
		assert int(suite.get("failures")) == failed == len(suite.findall("testcase/failure"))
		run = json.load(open(base + "/r.sarif"))["runs"][0]
		assert len(run["results"]) == max(0, failed - 1), run["results"]
		tap = open(base + "/r.tap").read().splitlines()
		points = [line for line in tap if line.startswith(("ok ", "not ok "))]
		assert tap[1] == f"1..{len(points)}", tap[1]
		assert sum(line.startswith("not ") for line in points) == failed, points
	END
	! command -v prove >/dev/null || [ "$1" -gt 0 ] ||
		prove -e cat "$TEST_TMP/r.tap" >"$TEST_TMP/prove" 2>&1 || fail "$(cat "$TEST_TMP/prove")"
	! command -v xmllint >/dev/null || xmllint --noout "$TEST_TMP/r.xml" || fail "xmllint"
}

recipe_fio_on_one_file() {
	recipe_fio race.fio "$1"
	[ "$CHECK_STATUS" = 1 ] || fail "exit status $CHECK_STATUS"
	recipe_reports $(($(grep -c '"type":"finding"' "$TEST_TMP/report.json") + 1))
}

recipe_fio_on_parts() {
	recipe_fio parts.fio "$1"
	[ "$CHECK_STATUS" = 0 ] || fail "exit status $CHECK_STATUS"
	recipe_reports 0
}

for fs in xfs ext4; do
	define_test recipe_fio_on_one_file_of_${fs}_is_reported recipe_fio_on_one_file $fs
	define_test recipe_fio_on_parts_of_${fs}_is_silent recipe_fio_on_parts $fs
done

# What is known of the interface of xfstests: options, where results go, tests in sessions of their
# own, and a status of 1 when one fails.
standin_for_xfstests() {
	cat >"$TEST_TMP/check" <<-'END'
		#!/bin/bash
		[ "$1 $2" = "-R xunit" ] || exit 2
		mkdir -p "$RESULT_BASE"
		setsid --wait bash -c "$TEST_BODY"
		status=$?
		printf '<?xml version="1.0"?>\n<testsuite name="xfstests" tests="1" failures="%d" errors="0">\n' \
			$status >"$RESULT_BASE/result.xml"
		printf '<testcase classname="xfstests.global" name="%s" time="1"/>\n</testsuite>\n' "$3" \
			>>"$RESULT_BASE/result.xml"
		exit $status
	END
	chmod +x "$TEST_TMP/check"
}

# recipe_xfstests STATUS BODY: BODY is the test that xfstests runs; STATUS what check ends with
recipe_xfstests() {
	local want=$1 status
	[ -n "$IORACE" ] || skip "nothing to run without the tool"
	scratch_new xfs ram
	standin_for_xfstests
	mkdir "$TEST_TMP/results"
	RESULT_BASE=$TEST_TMP/results TEST_BODY=$2 DIR=$SCRATCH_MNT TOOL=$IORACE \
		timeout 60 "$IORACE" check --dev "$SCRATCH_DEV" --report "$TEST_TMP/results/iorace.json" \
		--report "$TEST_TMP/results/iorace.xml" -- \
		"$TEST_TMP/check" -R xunit generic/091 >"$TEST_TMP/out" 2>&1
	status=$?
	[ "$status" = "$want" ] || fail "exit status $status: $(tail -n 3 "$TEST_TMP/out")"
	python3 - "$TEST_TMP/results" "$want" <<-'END' || fail "the reports do not merge"
		import json, sys, xml.etree.ElementTree as tree
		base, status = sys.argv[1], int(sys.argv[2])
		theirs = tree.parse(base + "/result.xml").getroot()
		ours = tree.parse(base + "/iorace.xml").getroot()
		assert theirs.tag == "testsuite" and [s.tag for s in ours] == ["testsuite"]
		assert (int(ours[0].get("failures")) > 0) == (status == 1)
		summary = json.loads(open(base + "/iorace.json").readlines()[-1])
		assert (summary["command"]["exit"] == 0) == (status != 5), summary["command"]
	END
	command -v junitparser >/dev/null || return 0
	junitparser merge "$TEST_TMP/results/result.xml" "$TEST_TMP/results/iorace.xml" \
		"$TEST_TMP/all.xml" || fail "junitparser"
}

# shellcheck disable=SC2016 # for the inner shell
{
	XFSTESTS_RACE='"$TOOL" stress --dir "$DIR" --engine libaio --duration 3s --max-records 0 >/dev/null; :'
	XFSTESTS_QUIET='dd if=/dev/zero of="$DIR/f" bs=64k count=16 oflag=direct 2>/dev/null'
	XFSTESTS_FAILS='dd if=/dev/zero of="$DIR/f" bs=64k count=16 oflag=direct 2>/dev/null; exit 1'
}
define_test recipe_xfstests_with_a_race_is_reported recipe_xfstests 1 "$XFSTESTS_RACE"
define_test recipe_xfstests_without_one_is_silent recipe_xfstests 0 "$XFSTESTS_QUIET"
define_test recipe_xfstests_that_fails_is_told_apart recipe_xfstests 5 "$XFSTESTS_FAILS"
