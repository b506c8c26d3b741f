# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Filters: one pair that conflicts for certain, seen or not seen through each filter. Those that
# match report it; their twins do not, and track nothing if they are about files.

# filtered OUTCOME OPTION...: write over read in dir/file, after what FIRST says to mkops; @ in an
# option is the scratch mount, @DEV and @ROOT are devices, @INO is the file's number.
filtered() {
	local outcome=$1
	shift
	scratch_new xfs gate
	mkdir -p "$SCRATCH_MNT/dir/deep" "$SCRATCH_MNT/else"
	touch "$SCRATCH_MNT/dir/deep/file" "$SCRATCH_MNT/else/file"
	CHECK_OPTS=$*
	CHECK_OPTS=${CHECK_OPTS//@INO/$(stat -c %i "$SCRATCH_MNT/dir/deep/file")}
	CHECK_OPTS=${CHECK_OPTS//@DEV/$(mountpoint -d "$SCRATCH_MNT")}
	CHECK_OPTS=${CHECK_OPTS//@ROOT/$(mountpoint -d /)}
	CHECK_OPTS=${CHECK_OPTS//@/$SCRATCH_MNT}
	check_ops <<-EOS
		open F $SCRATCH_MNT/dir/deep/file direct
		prep F 16M written
		${FIRST:-}
		op A write F off=0 len=64K fill=a1 proc=1 comm=alice
		op B read F off=32K len=64K proc=1 comm=bob
		gate hold write fill=a1
		gate hold read
		start A
		held A
		start B
		held B
		gate open
		expect A ok
		expect B ok
	EOS
	if [ "$outcome" = reported ]; then
		claim_conflicts 1
	elif [ -n "$IORACE" ]; then
		# Not by claim_silence: the judge knows that the two conflict.
		"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 0 --verdict clean ||
			fail "the pair was not filtered out"
		[ "$CHECK_STATUS" = 0 ] || fail "exit status $CHECK_STATUS, not 0"
	fi
}

define_test path_of_the_mount_is_reported filtered reported --path @
define_test path_of_a_directory_above_is_reported filtered reported --path @/dir
define_test path_of_the_file_is_reported filtered reported --path @/dir/deep/file
define_test path_of_another_directory_is_silent filtered silent --path @/else
define_test path_of_one_of_two_directories_is_reported \
	filtered reported --path @/else --path @/dir/deep
# A truncate does not know in which directory it is: that must not be remembered of the file.
path_of_a_directory_after_a_truncate_is_reported() {
	FIRST="op T truncate F off=8M
start T
expect T ok" filtered reported --path @/dir
}

define_test inode_of_the_file_is_reported filtered reported --inode @/dir/deep/file
define_test inode_of_another_file_is_silent filtered silent --inode @/else/file
define_test device_of_the_file_system_is_reported filtered reported --dev @DEV
define_test device_of_another_file_system_is_silent filtered silent --dev @ROOT
define_test inode_of_that_number_on_another_device_is_silent filtered silent --inode @ROOT:@INO
define_test inode_of_that_number_on_its_device_is_reported filtered reported --inode @DEV:@INO
# A filter that is one question is answered by code of its own, and these are more than one.
define_test inode_of_one_of_two_files_is_reported \
	filtered reported --inode @/else/file --inode @/dir/deep/file
define_test inode_of_the_file_and_its_device_is_reported \
	filtered reported --dev @DEV --inode @/dir/deep/file
define_test inode_of_the_file_and_another_device_is_silent \
	filtered silent --dev @ROOT --inode @/dir/deep/file
define_test device_of_one_of_two_file_systems_is_reported filtered reported --dev @ROOT --dev @DEV
define_test type_of_the_file_system_is_reported filtered reported --fs xfs
define_test type_of_another_file_system_is_silent filtered silent --fs ext4
define_test comm_of_the_writer_is_reported filtered reported --comm alice
define_test comm_of_the_reader_is_reported filtered reported --comm bob
define_test comm_of_nobody_is_silent filtered silent --comm carol
define_test kind_of_the_pair_is_reported filtered reported --kind rw
define_test kind_of_another_pair_is_silent filtered silent --kind ww
define_test overlap_as_large_as_asked_for_is_reported filtered reported --min-overlap 32K
define_test overlap_smaller_than_asked_for_is_silent filtered silent --min-overlap 33K

# Ops that a filter lets in must leave again: a table that has room for few sees many readers, each
# with many places on its stack for what it reads with.
readers_leave_no_slot() {
	need_command fio
	scratch_new xfs ram
	touch "$SCRATCH_MNT/other"
	dd if=/dev/zero of="$SCRATCH_MNT/file" bs=64K count=16 conv=fsync status=none
	CHECK_OPTS="--table-size 128 $*"
	CHECK_OPTS=${CHECK_OPTS//@DEV/$(mountpoint -d "$SCRATCH_MNT")}
	CHECK_OPTS=${CHECK_OPTS//@/$SCRATCH_MNT}
	check_cmd fio --name=read --filename="$SCRATCH_MNT/file" --direct=1 --rw=randread --bs=4K \
		--size=1M --number_ios=250 --numjobs=40 --output="$TEST_TMP/fio" ||
		fail "fio: $(tail -n 1 "$TEST_TMP/fio")"
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts 0 --verdict clean \
		--summary ops.read=10000 2>"$TEST_TMP/claim" || fail "$(tail -n 1 "$TEST_TMP/claim")"
}

define_test readers_behind_no_filter_is_silent readers_leave_no_slot
define_test readers_on_a_device_is_silent readers_leave_no_slot --dev @DEV
define_test readers_of_an_inode_is_silent readers_leave_no_slot --inode @/file
define_test readers_of_one_of_two_inodes_is_silent \
	readers_leave_no_slot --inode @/other --inode @/file
define_test readers_on_a_type_is_silent readers_leave_no_slot --fs xfs
define_test readers_in_a_directory_is_silent readers_leave_no_slot --path @

# says_hidden YES|NO OUTCOME FILTER...: the text owns up to what a filter of pairs hides
says_hidden() {
	local said=$1
	shift
	filtered "$@" --report "$TEST_TMP/report.txt"
	[ -n "$IORACE" ] || return 0
	if grep -q "not seen .*--kind or --min-overlap hides" "$TEST_TMP/report.txt"; then
		[ "$said" = yes ] || fail "something is hidden: $(cat "$TEST_TMP/report.txt")"
	else
		[ "$said" = no ] || fail "not a word: $(cat "$TEST_TMP/report.txt")"
	fi
}
define_test pair_that_kind_hides_is_reported says_hidden yes silent --kind ww
define_test pair_that_min_overlap_hides_is_reported says_hidden yes silent --min-overlap 33K
define_test pair_that_no_filter_hides_is_silent says_hidden no reported --kind rw

define_test mode_direct_is_reported filtered reported --mode direct
