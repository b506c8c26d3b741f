# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Buffered windows are copies; fault= holds one open: the kernel sleeps on a
# page of the caller's buffer in the middle of it.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

# mixed_script SETTLE "A" "B": A by a direct descriptor unless it says "buffered:"
mixed_script() {
	local settle=$1 spec_a=$2 spec_b=$3 hold=
	echo "open D $SCRATCH_MNT/file creat direct"
	echo "open F $SCRATCH_MNT/file"
	echo "prep D 16M written"
	mixed_op A a1 "$spec_a"
	mixed_op B b2 "$spec_b"
	case $spec_a in *fault=*) ;; write*) hold="write fill=a1" ;; read*) hold="read" ;; esac
	[ -z "$hold" ] || echo "gate hold $hold"
	echo "start A"
	echo "held A"
	case $spec_b in buffered:* | *fault=*) ;; write*) echo "gate hold write fill=b2" ;; esac
	echo "start B"
	echo "$settle B"
	echo "gate open"
	echo "feed A B"
	echo "${END_OF_A:-expect A ok}"
	echo "expect B ok"
}

mixed_op() {
	local name=$1 fill=$2 spec=$3 file=D
	case $spec in buffered:*) file=F ;; esac
	spec=${spec#buffered:}
	echo "op $name ${spec%% *} $file fill=$fill ${spec#* }"
}

# mixed_is FS reported|passed|serialized|needless|silent|observed "A" "B" [CLAIM...]
mixed_is() {
	local fs=$1 outcome=$2 settle=held
	shift 2
	case $outcome in
	serialized | needless) settle=blocked ;;
	passed) settle="wait" ;;
	observed) settle=settle ;;
	esac
	scratch_new "$fs" gate
	case $1$2 in
	*buffered:*) CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT" ;;
	esac
	check_ops < <(mixed_script $settle "$1" "$2")
	shift 2
	if [ "$outcome" = observed ]; then
		outcome=serialized
		[ "$(op_settled B)" = blocked ] || outcome=reported
		echo "observed: B $(op_settled B), hence $outcome" >&2
	fi
	case $outcome in
	reported | passed) claim_conflicts 1 "$@" ;;
	serialized) claim_kept_apart "$@" ;;
	needless) claim_silence --needless "$@" ;;
	*) claim_silence "$@" ;;
	esac
}

ext4_buffered_write_during_buffered_read_is_reported() {
	mixed_is ext4 reported "buffered:read $FIRST fault=0" "buffered:write $HALF fault=0" \
		--kind read/write --mode buffered,buffered
}

ext4_buffered_read_during_buffered_write_is_reported() {
	mixed_is ext4 reported "buffered:write $FIRST fault=0" "buffered:read $HALF fault=0" \
		--kind read/write --mode buffered,buffered
}

xfs_buffered_write_during_buffered_read_is_serialized() {
	mixed_is xfs serialized "buffered:read $FIRST fault=0" "buffered:write $HALF"
}

xfs_buffered_read_during_buffered_write_is_serialized() {
	mixed_is xfs serialized "buffered:write $FIRST fault=0" "buffered:read $HALF"
}

for fs in xfs ext4; do
	define_test "${fs}_two_buffered_writes_is_serialized" \
		mixed_is $fs serialized "buffered:write $FIRST fault=0" "buffered:write $HALF"
	# One inode lock for all ranges: the price of it, not a conflict.
	define_test "${fs}_two_disjoint_buffered_writes_is_serialized" \
		mixed_is $fs needless "buffered:write $FIRST fault=0" "buffered:write off=1M len=64K"
	define_test "${fs}_two_buffered_reads_is_silent" \
		mixed_is $fs silent "buffered:read $FIRST fault=0" "buffered:read $HALF fault=0"
	define_test "${fs}_buffered_read_during_direct_write_is_reported" \
		mixed_is $fs reported "write $FIRST" "buffered:read $HALF fault=0" \
		--kind read/write --mode direct,buffered
	define_test "${fs}_direct_read_during_buffered_write_is_serialized" \
		mixed_is $fs serialized "buffered:write $FIRST fault=0" "read $HALF"
	define_test "${fs}_direct_write_during_buffered_write_is_serialized" \
		mixed_is $fs serialized "buffered:write $FIRST fault=0" "write $HALF"
	define_test "${fs}_buffered_write_during_sync_direct_write_is_serialized" \
		mixed_is $fs serialized "write $FIRST" "buffered:write $HALF"
	# Drains since the fix of 2026 on ext4, never on XFS.
	define_test "${fs}_buffered_write_during_libaio_write_is_as_observed" \
		mixed_is $fs observed "write $FIRST engine=libaio" "buffered:write $HALF fault=0"
	define_test "${fs}_buffered_write_during_libaio_read_is_as_observed" \
		mixed_is $fs observed "read $FIRST engine=libaio" "buffered:write $HALF fault=0"
done

xfs_buffered_write_during_libaio_write_is_reported() {
	mixed_is xfs reported "write $FIRST engine=libaio" "buffered:write $HALF fault=0" \
		--mode direct,buffered
}

# Locks of both file systems are read where they are, and where they are not, they are not unknown.
# PREEMPT_RT has them in another form.
for fs in xfs ext4; do
	define_test "${fs}_other_locks_of_two_direct_writes_is_reported" other_locks $fs
done

other_locks() {
	local mine="none:false,none:false" locks
	locks="--ilock $mine --i_data_sem absent,absent"
	[ "$1" = xfs ] || locks="--i_data_sem $mine --ilock absent,absent"
	# shellcheck disable=SC2086 # a list of claims
	mixed_is "$1" reported "write $FIRST" "write $HALF" $locks --invalidate_lock "$mine" \
		--i_rwsem shared:null,shared:null
}

# A direct write ends on pages that were made dirty meanwhile: they keep what the file no longer
# has, and the kernel says so in its log. On ext4 the buffered write waits.
xfs_stale_buffered_pages_behind_a_direct_write_is_reported() {
	local before
	before=$(kernel_complaints)
	dirty_during_direct xfs "$HALF"
	claim_conflicts 1 --mode direct,buffered --admission stale_pages:0:65536:32768:98304 \
		--admission-comms alice,bob
	# Not more than ten a day, include/linux/ratelimit_types.h.
	[ "$before" -ge 10 ] || [ "$(kernel_complaints)" -gt "$before" ] ||
		fail "the kernel did not say what it was to be asked about"
}

kernel_complaints() {
	dmesg | grep -c "Page cache invalidation failure on direct I/O"
}

xfs_buffered_pages_beside_a_direct_write_is_silent() {
	dirty_during_direct xfs "$NEXT"
	claim_silence --admission none
}

# dirty_during_direct FS RANGE: a buffered write there, while a direct one is in the device
dirty_during_direct() {
	scratch_new "$1" gate
	CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		open D $SCRATCH_MNT/file creat direct
		open F $SCRATCH_MNT/file
		prep D 16M written
		op A write D $FIRST fill=a1 engine=libaio proc=1 comm=alice
		op B write F $2 fill=b2 proc=1 comm=bob
		gate hold write fill=a1
		start A
		held A
		start B
		wait B
		gate open
		expect A ok
		expect B ok
	EOS
}

xfs_adjacent_buffered_write_during_libaio_write_is_silent() {
	mixed_is xfs silent "write $FIRST engine=libaio" "buffered:write $NEXT fault=0"
}

ext4_adjacent_buffered_write_during_buffered_read_is_silent() {
	mixed_is ext4 silent "buffered:read $FIRST fault=0" "buffered:write $NEXT fault=0"
}

# A direct op whose own buffer is missing has its window open, on any device.
for fs in xfs ext4; do
	define_test "${fs}_direct_writes_held_by_their_buffers_is_reported" \
		mixed_is $fs reported "write $FIRST fault=3" "write $HALF fault=15" --mode direct,direct
	define_test "${fs}_adjacent_writes_held_by_their_buffers_is_silent" \
		mixed_is $fs silent "write $FIRST fault=3" "write $NEXT fault=15"
done

xfs_truncate_during_buffered_read_is_serialized() {
	mixed_is xfs serialized "buffered:read $FIRST fault=0" "truncate off=0"
}

# ext4 reads the page cache under no lock at all. How much is left to read depends on how much had
# come into the page cache.
ext4_truncate_during_buffered_read_is_reported() {
	END_OF_A="wait A" mixed_is ext4 passed "buffered:read $FIRST fault=0" "truncate off=0" \
		--kind read/size --invalidate_lock none:false,exclusive:true --ilock absent,absent \
		--i_rwsem none:false,exclusive:true
}

ext4_punch_during_buffered_read_is_reported() {
	mixed_is ext4 passed "buffered:read $FIRST fault=0" "punch $HALF" --kind read/size
}

xfs_punch_during_buffered_read_is_serialized() {
	mixed_is xfs serialized "buffered:read $FIRST fault=0" "punch $HALF"
}

# The truncate drops what the first append wrote, and the second begins anew at 0: two pairs. Where
# an append lands is settled under the lock, so the two appends never overlap; but the second had to
# wait for the first.
for fs in xfs ext4; do
	define_test "${fs}_truncate_between_two_appends_is_serialized" \
		appends_around_truncate $fs
	define_test "${fs}_two_buffered_appends_is_serialized" two_appends $fs
done

append_script() {
	echo "open F $SCRATCH_MNT/file creat append"
	echo "prep F 1M written"
	echo "op A write F len=64K fill=a1 fault=0"
	echo "op C write F len=64K fill=c3"
	echo "start A"
	echo "held A"
}

append_script_end() {
	echo "start C"
	echo "blocked C"
	echo "feed A"
	echo "expect A ok"
	echo "expect C ok"
}

appends_around_truncate() {
	scratch_new "$1" gate
	CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		$(append_script)
		op B truncate F off=0
		start B
		blocked B
		$(append_script_end)
		expect B ok
	EOS
	claim_silence --serialized 2 --overlapping 2 --needed
}

two_appends() {
	scratch_new "$1" gate
	CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT"
	check_ops < <(append_script && append_script_end)
	claim_silence --overlapping 0 --needed
}

# An append is known by where it lands, to those that wait for it, too.
for fs in xfs ext4; do
	define_test "${fs}_write_to_where_an_append_lands_is_serialized" \
		write_during_append $fs 1088K
	define_test "${fs}_write_beyond_an_append_is_silent" write_during_append $fs 2M
done

# write_during_append FS OFF: what the append fills is [1M, 1M + 128K)
write_during_append() {
	scratch_new "$1" gate
	CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat append
		open G $SCRATCH_MNT/file
		prep G 1M written
		op A write F len=128K fill=a1 fault=0
		op B write G off=$2 len=64K fill=b2
		start A
		held A
		start B
		blocked B
		feed A
		expect A ok
		expect B ok
	EOS
	case $2 in
	2M) claim_silence --needless ;;
	*) claim_silence --serialized 1 --overlapping 1 --needed ;;
	esac
}

# The blocks of the one range come to the other, which is the one that changes: met, and kept apart.
xfs_clone_over_libaio_write_is_serialized() {
	cloned "$HALF"
	claim_silence --serialized 1 --overlapping 1 --needed
}

xfs_clone_beside_libaio_write_is_silent() {
	cloned "$NEXT"
	claim_silence --overlapping 0
}

# cloned RANGE: to there, while a direct write is in flight at the begin of the file
cloned() {
	scratch_new xfs gate -m reflink=1
	CHECK_OPTS="--mode direct,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		open D $SCRATCH_MNT/file creat direct
		prep D 1M written
		op A write D $FIRST fill=a1 engine=libaio
		op B clone D $1 from=512K
		gate hold write fill=a1
		start A
		held A
		returned A
		start B
		blocked B
		gate open
		expect A ok
		expect B ok
	EOS
}

# growing_read SETTLE OFFSET: A reads on beyond the end of the file, B appends while A is held
growing_read() {
	cat <<-EOS
		open F $SCRATCH_MNT/file creat
		prep F 512K written
		op A read F off=$2 len=640K fault=0
		op B write F off=512K len=128K fill=b2
		start A
		held A
		start B
		$1 B
		feed A
		wait A
		expect B ok
	EOS
}

# The kernel asks for the size again at each batch of pages: A sees B, or what there is of it.
ext4_buffered_read_into_an_append_is_confessed() {
	scratch_new ext4 ram
	CHECK_OPTS="--mode buffered --path $SCRATCH_MNT"
	check_ops < <(growing_read wait 0)
	claim 4 --conflicts 0 --verdict inconclusive --loss grown
}

xfs_buffered_read_before_an_append_is_serialized() {
	scratch_new xfs ram
	CHECK_OPTS="--mode buffered --path $SCRATCH_MNT"
	check_ops < <(growing_read blocked 0)
	claim_silence
}

# It had the last page of the file in its hands when B came: it ends there.
ext4_buffered_read_up_to_an_append_is_silent() {
	scratch_new ext4 ram
	CHECK_OPTS="--mode buffered --path $SCRATCH_MNT"
	check_ops < <(growing_read wait 504K)
	claim_silence
}

# A read of no bytes, by the task and in the place of one that had ended before.
for fs in xfs ext4; do
	define_test ${fs}_buffered_reads_at_an_end_an_append_left_is_silent at_the_end $fs
done

at_the_end() {
	scratch_new "$1" ram
	CHECK_OPTS="--mode buffered --path $SCRATCH_MNT"
	dd if=/dev/zero of="$SCRATCH_MNT/file" bs=64K count=8 conv=fsync 2>/dev/null
	check_cmd python3 -c "
import os
fd = os.open('$SCRATCH_MNT/file', os.O_RDONLY)
for _ in range(50):
    assert len(os.pread(fd, 4096, 0)) == 4096
    assert os.pread(fd, 4096, 512 << 10) == b''"
	[ -z "$IORACE" ] ||
		"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 0 --verdict clean ||
		fail "no bytes were taken for more than there had been"
}
