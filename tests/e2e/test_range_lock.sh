# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# A range lock under test, given by name: one of our own around direct IO (range_test), right, or
# wrong in one way. A is held in the device, holding its range, and B comes.

LOCK=acquire=range_test_acquire,trylock=range_test_try,release=range_test_release,shared=shared:1
FIRST="off=0 len=64K"
SAME=$FIRST
HALF="off=32K len=64K"
LAST_BLOCK="off=65024 len=512"
FAR="off=1M len=64K"

# range_lock_new FLAW [inside]: the module and a file system to use it on
range_lock_new() {
	local module=$BUILD/range_test/$(uname -r)/range_test.ko
	[ -e "$module" ] || skip "no range_test.ko for this kernel"
	exec 8>/run/iorace-e2e-range-test.lock
	flock 8
	rmmod range_test 2>/dev/null
	"$E2E/range_test/load" "$module" || fail "insmod range_test"
	on_exit rmmod range_test
	echo "$1" >/sys/module/range_test/parameters/flaw
	[ -z "${2-}" ] || echo 1 >/sys/module/range_test/parameters/inside
	scratch_new "${RANGE_LOCK_FS:-xfs}" gate
}

# locked FLAW OUTCOME "A" "B" [CLAIM...]: as pair_is, with the range lock named
locked() {
	local flaw=$1 outcome=$2 a=$3 b=$4
	shift 4
	range_lock_new "$flaw" "${RANGE_LOCK_INSIDE-}"
	CHECK_OPTS="--range-lock ${RANGE_LOCK:-$LOCK} ${CHECK_OPTS-}"
	pair_is "${RANGE_LOCK_FS:-xfs}" "$outcome" written direct "$a" "$b" "$@"
}

# What a lock that does its work says of itself.
SOUND="--summary range_lock.early_releases=0 --summary range_lock.overrun=0
	--summary range_lock.never_released=0 --summary range_lock.acquired_late=0
	--summary range_lock.unmatched_releases=0 --summary range_lock.untracked=0"
BY_LOCK="--summary pairs.serialized_by.range_lock=1 --summary range_lock.waits=1
	--summary range_lock.wait_ns.needed>=1 --summary range_lock.wait_ns.needless=0 --needed"

# shellcheck disable=SC2086 # lists of claims
{
	define_test xfs_write_over_write_under_a_range_lock_is_serialized \
		locked none serialized "write $FIRST" "write $HALF" $SOUND $BY_LOCK
	define_test xfs_read_under_write_under_a_range_lock_is_serialized \
		locked none serialized "write $FIRST" "read $SAME" $SOUND $BY_LOCK
	define_test xfs_libaio_write_over_write_under_a_range_lock_is_serialized \
		locked none serialized "write $FIRST engine=libaio" "write $HALF engine=libaio" \
		$SOUND $BY_LOCK
	define_test xfs_reads_that_share_a_range_lock_is_silent \
		locked none silent "read $FIRST" "read $SAME" $SOUND --overlapping 0 \
		--summary range_lock.waits=0
	define_test xfs_disjoint_writes_under_a_range_lock_is_silent \
		locked none silent "write $FIRST" "write $FAR" $SOUND --overlapping 0 \
		--summary range_lock.waits=0 --summary range_lock.wait_ns.needless=0
	define_test xfs_disjoint_writes_under_a_coarse_range_lock_is_serialized \
		kept_apart_for_nothing coarse "write $FIRST" "write $FAR"

	# What is wrong with a lock shows in the pairs, and in what each held.
	define_test xfs_writes_under_a_range_lock_that_excludes_nobody_is_reported \
		locked through reported "write $FIRST" "write $HALF" --range-locks 0:65536,32768:98304 \
		--summary range_lock.slipped.both_held=1 --summary range_lock.overrun=1
	define_test xfs_write_into_the_block_that_a_range_lock_leaves_out_is_reported \
		locked short reported "write $FIRST" "write off=65024 len=64K" \
		--range-locks 0:65024,65024:130048 --overlap 65024:65536 \
		--summary range_lock.slipped.ranges_apart=1 --summary range_lock.overrun=0
	define_test xfs_write_into_what_a_short_range_lock_covers_is_serialized \
		locked short serialized "write $FIRST" "write $HALF" $SOUND $BY_LOCK
	define_test xfs_write_under_a_range_lock_released_before_the_io_is_reported \
		locked early reported "write $FIRST" "write $HALF" --range-locks none,none \
		--summary range_lock.slipped.none_held=1
	define_test xfs_libaio_write_under_a_range_lock_released_at_submission_is_reported \
		locked early reported "write $FIRST engine=libaio" "write $HALF engine=libaio" \
		--range-locks 0:65536,32768:98304 --summary range_lock.early_releases=2 \
		--summary range_lock.slipped.both_held=1
	define_test xfs_read_without_the_range_lock_of_a_write_is_reported \
		locked reads reported "write $FIRST" "read $HALF" --range-locks 0:65536,none \
		--summary range_lock.slipped.one_held=1

	# Taken where the data is looked up: the window opens behind it.
	define_test xfs_write_over_write_under_an_inner_range_lock_is_serialized \
		locked_inside ,where=inside none serialized "write $FIRST" "write $HALF" $SOUND $BY_LOCK
	define_test xfs_inner_range_lock_that_excludes_nobody_is_reported \
		locked_inside ,where=inside through reported "write $FIRST" "write $HALF" \
		--range-locks 0:65536,32768:98304 --summary range_lock.slipped.both_held=1
	define_test xfs_inner_range_lock_called_an_outer_one_is_reported \
		locked_late "write $FIRST" "write $HALF"

	# The other way to attach, and the other way to know the range.
	define_test xfs_range_lock_by_kprobe_is_serialized \
		locked_as ",attach=kprobe" none serialized "write $FIRST" "write $HALF" $SOUND $BY_LOCK
	define_test xfs_range_lock_by_kprobe_that_excludes_nobody_is_reported \
		locked_as ",attach=kprobe" through reported "write $FIRST" "write $HALF" \
		--summary range_lock.slipped.both_held=1
	define_test xfs_range_lock_by_offsets_is_serialized \
		locked_as ",range=+0..+8,shared=+16:1" none serialized "write $FIRST" "write $HALF" \
		$SOUND $BY_LOCK
	define_test xfs_range_lock_of_unknown_range_is_unclaimed_and_serialized \
		locked_unclaimed ",range=none"
	define_test ext4_write_over_write_under_a_range_lock_is_serialized \
		locked_on ext4 none serialized "write $FIRST" "write $HALF" $SOUND $BY_LOCK
}

locked_as() {
	local more=$1
	shift
	RANGE_LOCK=$LOCK$more locked "$@"
}

locked_inside() {
	local more=$1
	shift
	RANGE_LOCK=$LOCK$more RANGE_LOCK_INSIDE=1 locked "$@"
}

locked_on() {
	local fs=$1
	shift
	RANGE_LOCK_FS=$fs locked "$@"
}

# B waits although nothing overlaps: the price is shown.
kept_apart_for_nothing() {
	KEPT_APART=0
	# shellcheck disable=SC2086
	locked "$1" serialized "$2" "$3" --overlapping 0 --needless \
		--summary "range_lock.wait_ns.needless>=1" --summary range_lock.wait_ns.needed=0
}

# Told that the lock is taken outside, iorace opens the window before it: it says so itself.
locked_late() {
	range_lock_new none 1
	CHECK_OPTS="--range-lock $LOCK"
	check_ops < <(pair_script written direct blocked "$1" "$2")
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 1 \
		--summary "range_lock.acquired_late>=2" 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
}

# Whose range is not known may have excluded anything: the pair is luck.
locked_unclaimed() {
	KEPT_APART=0
	locked_as "$1" none serialized "write $FIRST" "write $HALF" \
		--summary pairs.unproven=1 --summary pairs.serialized=0 --summary range_lock.waits=1
}

# The silent twin is each test above that claims SOUND.
xfs_range_lock_that_is_never_released_is_reported() {
	range_lock_new leak
	CHECK_OPTS="--range-lock $LOCK"
	check_ops <<-END
		open F $SCRATCH_MNT/file creat direct
		prep F 1M written
		op A write F fill=a1 $FIRST
		start A
		expect A ok
	END
	claim 4 --conflicts 0 --verdict inconclusive --summary "range_lock.never_released>=1"
}

# Its functions are there, and what was done needs none of them.
xfs_range_lock_that_nobody_takes_is_confessed() {
	range_lock_new none
	CHECK_OPTS="--mode direct,buffered --range-lock $LOCK"
	check_ops <<-END
		open F $SCRATCH_MNT/file creat
		prep F 1M written
		op A write F fill=a1 $FIRST
		start A
		expect A ok
	END
	claim 4 --conflicts 0 --verdict inconclusive --summary range_lock.acquires=0
}

# Two runs beside each other, the text for a cover letter and the page.
xfs_gap_that_a_range_lock_closes_is_reported() {
	range_lock_new through
	CHECK_OPTS="--range-lock $LOCK"
	check_ops < <(pair_script written direct held "write $FIRST" "write $HALF")
	claim_conflicts 1
	mv "$TEST_TMP/report.json" "$TEST_TMP/before.json"
	echo none >/sys/module/range_test/parameters/flaw
	rm "$SCRATCH_MNT/file"
	CHECK_OPTS="--range-lock $LOCK --baseline $TEST_TMP/before.json --report $TEST_TMP/cmp.html"
	check_ops < <(pair_script written direct blocked "write $FIRST" "write $HALF") \
		2>"$TEST_TMP/err"
	[ -n "$IORACE" ] || return 0
	claim_kept_apart
	grep -q '^COMPARISON the gap is closed: 1 conflicts before, none after' "$TEST_TMP/err" ||
		fail "no comparison: $(tail -n 30 "$TEST_TMP/err")"
	grep -q '"type":"comparison","outcome":"closed"' "$TEST_TMP/report.json" ||
		fail "no comparison in the JSON"
	grep -q '<td>overlapping pairs met</td>' "$TEST_TMP/cmp.html" || fail "none in the page"
}
