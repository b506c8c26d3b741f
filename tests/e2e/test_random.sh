# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Random streams. What is claimed of them is only what is certain: no reported
# pair contradicts the recorder, and where no two ops can overlap none is
# reported. How many of the likely pairs were found goes to the log.

OPS=${E2E_RANDOM_OPS:-20000}
ALL_ENGINES=sync,libaio,uring,uring-worker,uring-sqpoll

# stream SEED OPTION...: under the tool, on $SCRATCH_MNT/file
stream() {
	local seed=$1
	shift
	echo "seed $seed" >&2
	check_cmd "$MKOPS" random --file "$SCRATCH_MNT/file" --size 16M --seed "$seed" \
		--log "$TEST_TMP/events.jsonl" "$@" >&2 || fail "mkops random, seed $seed"
}

# possible_stream FS DEVICE OPTION...
possible_stream() {
	local fs=$1 device=$2
	shift 2
	if [ "$device" = dax ]; then
		dax_new "$fs"
	else
		scratch_new "$fs" "$device"
	fi
	CHECK_OPTS="--max-records 1000000 ${RANDOM_MODES:+--mode $RANDOM_MODES}"
	stream "${E2E_SEED:-$RANDOM}" --ops "$OPS" --bytes 2G "$@"
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --losses-allowed 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
	"$E2E/pairs.py" --closed "$TEST_TMP/report.json" "$TEST_TMP/events.jsonl" \
		>"$TEST_TMP/judged" || fail "pairs.py: $(tail -n 1 "$TEST_TMP/judged")"
	cat "$TEST_TMP/judged" >&2
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
	stream "${E2E_SEED:-$RANDOM}" --ops "$OPS" --bytes 2G "$@"
	claim_silence
}

for fs in xfs ext4; do
	for device in ram file; do
		define_test "${fs}_random_direct_io_on_${device}_is_never_disproved" \
			possible_stream $fs $device --threads 8 --engines $ALL_ENGINES
	done
	define_test "${fs}_random_small_direct_io_is_never_disproved" \
		possible_stream $fs ram --threads 8 --max-len 4096 --engines $ALL_ENGINES
	define_test "${fs}_random_deep_libaio_is_never_disproved" \
		possible_stream $fs ram --threads 4 --depth 64 --max-len 64K --engines libaio
	define_test "${fs}_random_buffered_io_is_never_disproved" \
		modes_stream buffered,size $fs ram --threads 8 --buffered 100 --sizes 10 \
		--engines sync,uring
	define_test "${fs}_random_direct_and_buffered_io_is_never_disproved" \
		modes_stream direct,buffered,size $fs ram --threads 8 --buffered 50 --sizes 10 \
		--engines sync,libaio,uring
	define_test "${fs}_random_dax_io_is_never_disproved" \
		modes_stream dax,size $fs dax --threads 8 --buffered 100 --sizes 10 \
		--engines sync,libaio,uring
	define_test "${fs}_random_direct_reads_is_silent" \
		quiet_stream $fs --threads 8 --writes 0 --engines $ALL_ENGINES
	# Each thread in its own part, one op at a time: nothing can overlap.
	define_test "${fs}_random_direct_io_in_parts_is_silent" \
		quiet_stream $fs --threads 8 --partition --depth 1 --engines $ALL_ENGINES
done
