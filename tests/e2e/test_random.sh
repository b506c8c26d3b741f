# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Random streams. What is claimed of them is only what is certain: no reported
# pair contradicts the recorder, none that it proves (some ops are held in the
# middle) is missing, and where no two ops can overlap none is reported. How many
# of the likely pairs were found goes to the log, and with E2E_RANDOM_RESULTS, a
# file, there in a line of JSON.

OPS=${E2E_RANDOM_OPS:-10000}
BYTES=${E2E_RANDOM_BYTES:-1G}
ALL_ENGINES=sync,libaio,uring,uring-worker,uring-sqpoll

# From 1 byte to 64 MiB, and from 1 to 64 threads, both log-uniform: "any" is chosen by the seed.
ANY="--size 96M --max-len 64M --threads any"

# any_threads SEED: in each octave as often, but 64 twice
any_threads() {
	local octave=$((1 << $1 % 8))
	echo $((octave >= 64 ? 64 : octave + $1 / 8 % octave))
}

# stream SEED OPTION...: under the tool, on $SCRATCH_MNT/file
stream() {
	local seed=$1
	shift
	echo "seed $seed" >&2
	check_cmd "$MKOPS" random --file "$SCRATCH_MNT/file" --size 16M --seed "$seed" \
		--log "$TEST_TMP/events.jsonl" --ops "$OPS" --bytes "$BYTES" \
		"${@/#any/$(any_threads "$seed")}" >&2 || fail "mkops random, seed $seed"
}

# judge_streams LOG...: what the report says against what the streams recorded
judge_streams() {
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --losses-allowed 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
	"$E2E/pairs.py" --closed --counts "$TEST_NAME" "$TEST_TMP/report.json" "$@" \
		>"$TEST_TMP/judged" ||
		fail "pairs.py: $(grep -v '^{' "$TEST_TMP/judged" | tail -n 1)"
	cat "$TEST_TMP/judged" >&2
}

# possible_stream FS DEVICE OPTION...
possible_stream() {
	local fs=$1 device=$2 seed=${E2E_SEED:-$RANDOM}
	shift 2
	if [ "$device" = dax ]; then
		dax_new "$fs"
	else
		scratch_new "$fs" "$device"
	fi
	CHECK_OPTS="--max-records 1000000 ${RANDOM_MODES:+--mode $RANDOM_MODES}"
	stream "$seed" "$@"
	judge_streams "$TEST_TMP/events.jsonl"
	[ -z "$IORACE" ] || [ -z "${E2E_RANDOM_RESULTS:-}" ] ||
		sed -n "s/^{/{\"seed\": $seed, \"threads\": $(any_threads "$seed"), /p" \
			"$TEST_TMP/judged" >>"$E2E_RANDOM_RESULTS"
}

# modes_stream MODE,... FS DEVICE OPTION...
modes_stream() {
	RANDOM_MODES=$1 possible_stream "${@:2}"
}

# quiet_stream FS OPTION...
quiet_stream() {
	local fs=$1
	shift
	scratch_new "$fs" ram
	stream "${E2E_SEED:-$RANDOM}" "$@"
	claim_silence
}

# streams_of_every_mode SEED XFS EXT4 DAX: a line of options each, but for what all have
streams_of_every_mode() {
	local seed=$1 xfs=$2 ext4=$3 dax=$4 number=0 file options
	while read -r file options; do
		echo "--file $file --log $TEST_TMP/events$number.jsonl --seed $((seed + number))" \
			"--size 96M --max-len 64M --threads $(any_threads $((seed + number)))" \
			"$options"
		number=$((number + 1))
	done <<-EOS
		$xfs/direct --engines $ALL_ENGINES
		$ext4/buffered --buffered 100 --sizes 10 --engines sync,libaio,uring
		$xfs/mixed --buffered 50 --sizes 10 --engines $ALL_ENGINES
		$ext4/mixed --buffered 50 --sizes 10 --engines $ALL_ENGINES
		$dax/dax --buffered 100 --sizes 10 --engines sync,libaio,uring
		$ext4/sizes --sizes 60 --engines sync,sync,libaio
	EOS
}

# One after the other under one tool: in a virtual machine most of a test's time comes before its
# first op.
random_io_of_every_mode_is_never_disproved() {
	local seed=${E2E_SEED:-$RANDOM} xfs ext4
	scratch_new xfs ram
	xfs=$SCRATCH_MNT
	scratch_new ext4 ram
	ext4=$SCRATCH_MNT
	dax_new xfs
	streams_of_every_mode "$seed" "$xfs" "$ext4" "$SCRATCH_MNT" >"$TEST_TMP/streams"
	cat "$TEST_TMP/streams" >&2
	CHECK_OPTS="--max-records 1000000 --mode direct,buffered,dax,size"
	# shellcheck disable=SC2016 # for the inner shell
	check_cmd bash -c '
		while read -ra options; do
			"$0" random --hold 6 --ops "$1" --bytes "$2" "${options[@]}" || exit
		done' "$MKOPS" "$OPS" "$BYTES" <"$TEST_TMP/streams" >&2 ||
		fail "mkops random, seed $seed"
	judge_streams "$TEST_TMP"/events?.jsonl
}

# What the matrix keeps: one for each mode.
for fs in xfs ext4; do
	# shellcheck disable=SC2086 # a list of options
	{
		define_test "${fs}_random_direct_io_is_never_disproved" \
			possible_stream $fs ram $ANY --hold 6 --engines $ALL_ENGINES
		define_test "${fs}_random_buffered_io_is_never_disproved" \
			modes_stream buffered,size $fs ram $ANY --hold 6 --buffered 100 \
			--sizes 10 --engines sync,libaio,uring
		define_test "${fs}_random_direct_and_buffered_io_is_never_disproved" \
			modes_stream direct,buffered,size $fs ram $ANY --hold 6 --buffered 50 \
			--sizes 10 --engines $ALL_ENGINES
		define_test "${fs}_random_dax_io_is_never_disproved" \
			modes_stream dax,size $fs dax $ANY --hold 6 --buffered 100 --sizes 10 \
			--engines sync,libaio,uring
		define_test "${fs}_random_direct_io_and_sizes_is_never_disproved" \
			modes_stream direct,size $fs ram $ANY --hold 6 --sizes 60 \
			--engines sync,sync,libaio
	}
done
# Not held by pages: both look at their buffers before their windows open.
for fs in f2fs btrfs; do
	# shellcheck disable=SC2086 # a list of options
	define_test "${fs}_random_direct_io_is_never_disproved" \
		possible_stream $fs ram $ANY --engines $ALL_ENGINES
done

# Ops that follow each other closely share a reading of the clock under watch, and it says so. Few
# of its pairs are written down: a second apart for each finding.
watched_stream() {
	check_cmd() {
		watch_cmd "$@"
	}
	for _ in {1..20}; do
		possible_stream "$@"
		[ -n "$IORACE" ] || return 0
		! grep -q '"begin_exact": *false' "$TEST_TMP/report.json" || return 0
		[ "$(nproc)" -gt 1 ] || return 0 # who meets another was scheduled in since that began
	done
	fail "each op asked the clock"
}

for fs in xfs ext4; do
	define_test "${fs}_random_direct_io_under_watch_is_never_disproved" \
		watched_stream $fs ram --threads 4 --depth 16 --max-len 64K --engines libaio
	define_test "${fs}_random_direct_io_on_file_is_never_disproved" \
		possible_stream $fs file --threads 8 --engines $ALL_ENGINES
	define_test "${fs}_random_small_direct_io_is_never_disproved" \
		possible_stream $fs ram --threads 8 --max-len 4096 --engines $ALL_ENGINES
	define_test "${fs}_random_deep_libaio_is_never_disproved" \
		possible_stream $fs ram --threads 4 --depth 64 --max-len 64K --engines libaio
	define_test "${fs}_random_direct_reads_is_silent" \
		quiet_stream $fs --threads 8 --writes 0 --engines $ALL_ENGINES
	# Each thread in its own part, one op at a time: nothing can overlap.
	define_test "${fs}_random_direct_io_in_parts_is_silent" \
		quiet_stream $fs --threads 8 --partition --depth 1 --engines $ALL_ENGINES
done
