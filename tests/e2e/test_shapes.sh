# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# How two ranges can lie: every shape, its silent neighbour, and the borders
# where a table kept in chunks may look in the wrong one. A pair counts once,
# however many chunks it shares.

# name, A, B, shape, overlap
while read -r name off_a len_a off_b len_b shape overlap; do
	case $name in "" | "#"*) continue ;; esac
	define_test "writes_${name}_is_reported" pair_is xfs reported written direct \
		"write off=$off_a len=$len_a" "write off=$off_b len=$len_b" \
		--shape "$shape" --overlap "$overlap"
	define_test "read_${name}_of_write_is_reported" pair_is ext4 reported written direct \
		"write off=$off_a len=$len_a" "read off=$off_b len=$len_b" \
		--shape "$shape" --overlap "$overlap"
done <<'EOS'
identical               0     64K   0     64K   identical  0:65536
overlapping_the_end     0     64K   60K   64K   partial    61440:65536
overlapping_the_start   64K   64K   32K   64K   partial    65536:98304
nested_inside           0     64K   16K   16K   nested     16384:32768
nested_around           16K   16K   0     64K   nested     16384:32768
nested_at_the_start     0     64K   0     4K    nested     0:4096
nested_at_the_end       0     64K   60K   4K    nested     61440:65536
sharing_one_sector      0     4K    3584  4K    partial    3584:4096
across_64k              32K   64K   60K   8K    nested     61440:69632
meeting_before_64k      0     64K   61440 8K    partial    61440:65536
across_1m               960K  128K  1020K 8K    nested     1044480:1052672
sharing_two_1m_chunks   512K  1M    768K  1M    partial    786432:1572864
wide_nested             0     8M    4M    4K    nested     4194304:4198400
wide_nested_around      4M    4K    0     8M    nested     4194304:4198400
wide_identical          0     8M    0     8M    identical  0:8388608
wide_partial            0     8M    4M    8M    partial    4194304:8388608
wide_at_the_last_sector 0     8M    8388096 512 nested     8388096:8388608
EOS

# ranges that touch or miss: both in flight, no conflict
while read -r name off_a len_a off_b len_b; do
	case $name in "" | "#"*) continue ;; esac
	for fs in xfs ext4; do
		define_test "${fs}_writes_${name}_is_silent" pair_is "$fs" silent written direct \
			"write off=$off_a len=$len_a" "write off=$off_b len=$len_b"
	done
done <<'EOS'
meeting_at_64k          0     64K   64K   64K
meeting_at_1m           960K  64K   1M    64K
meeting_across_order    64K   64K   0     64K
in_one_chunk_apart      0     4K    8K    4K
at_the_same_place_in_two_64k_chunks  0 4K 64K 4K
at_the_same_place_in_two_1m_chunks   0 4K 1M 4K
wide_meeting            0     8M    8M    8M
wide_meeting_small      0     8M    8M    4K
small_meeting_wide      0     4K    4K    8M
EOS

# One sector apart inside a block, where the file system lets both in.
xfs_writes_one_sector_apart_is_silent() {
	pair_is xfs silent written direct "write off=0 len=512" "write off=1024 len=512"
}

# A reads across the end of the file: it moves nothing beyond it.
xfs_read_beyond_the_end_is_silent() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 64K written
		op A write F off=0 len=64K fill=a1
		op B read F off=64K len=64K
		gate hold write fill=a1
		start A
		held A
		start B
		wait B
		expect B 0
		gate open
		expect A ok
	EOS
	claim_silence
}

# Three at once are three pairs.
xfs_three_writes_at_once_is_reported() {
	scratch_new xfs gate
	check_ops < <(many_script 3)
	claim_conflicts 3 --kind write/write
}

# Sixteen on one block are 120 pairs, each once: more than a line of the table holds.
xfs_sixteen_writes_at_once_is_reported() {
	scratch_new xfs gate
	check_ops < <(many_script 16)
	claim_conflicts 120 --kind write/write
}

ext4_sixteen_writes_at_once_is_reported() {
	scratch_new ext4 gate
	check_ops < <(many_script 16)
	claim_conflicts 120 --kind write/write
}

# An op that found no room is that loss, and no other when it ends.
xfs_writes_without_room_in_the_table_is_confessed_once() {
	scratch_new xfs gate
	CHECK_OPTS="--table-size 16" check_ops < <(many_script 80)
	[ -n "$IORACE" ] || return 0
	claim 1 --conflicts-min 1 --verdict conflicts --loss untracked
	grep -q '"before_attach":0,' "$TEST_TMP/report.json" ||
		fail "ops without room are counted as begun before attach, too"
}

many_script() {
	local i names=()
	echo "open F $SCRATCH_MNT/file creat direct"
	echo "prep F 16M written"
	echo "gate hold write 0 1G"
	for ((i = 0; i < $1; i++)); do
		printf 'op W%d write F off=0 len=4K fill=%x\n' "$i" $((0xa0 + i))
		names+=("W$i")
	done
	echo "start ${names[*]}"
	echo "held ${names[*]}"
	echo "gate open"
	echo "wait ${names[*]}"
}

# Ops of two CPUs that meet many at a time, of one finding: each pair is written.
each_pair_of_many() {
	local CHECK_OPTS="--max-records 10000000"
	need_command fio
	scratch_new "$1" file
	check_cmd fio --name=race --filename="$SCRATCH_MNT/file" --size=4K --io_size=48M \
		--bs=4K --rw=randwrite --direct=1 --ioengine=libaio --iodepth=8 --numjobs=4 \
		--output="$TEST_TMP/fio" ||
		fail "fio: $(tail -n 1 "$TEST_TMP/fio")"
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts-min 100 --max-records 10000000 \
		2>"$TEST_TMP/claim" || fail "$(tail -n 1 "$TEST_TMP/claim")"
}

for fs in xfs ext4; do
	define_test ${fs}_every_pair_of_many_at_once_is_reported each_pair_of_many $fs
done
