# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Who and which file: processes inside and outside the checked command, one
# inode under many names, and different inodes that look alike.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"

for fs in xfs ext4; do
	define_test "${fs}_writes_of_two_processes_is_reported" \
		pair_is $fs reported written direct "write $FIRST proc=1 comm=alice" \
		"write $HALF proc=1 comm=bob" --pids-differ --comm alice,bob
	define_test "${fs}_libaio_writes_of_two_processes_is_reported" \
		pair_is $fs reported written direct "write $FIRST proc=1 comm=alice engine=libaio" \
		"read $HALF proc=1 comm=bob engine=libaio" --pids-differ --comm alice,bob
	define_test "${fs}_adjacent_writes_of_two_processes_is_silent" \
		pair_is $fs silent written direct "write $FIRST proc=1" "write off=64K len=64K proc=1"
done

# ---- one inode, other names ----

# name_script PREPARE [NAME]: B opens what PREPARE (run while A is in flight) made.
# A is async: rename and link take the inode lock, which a sync op would hold.
name_script() {
	cat <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1 engine=libaio
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		held A
		returned A
		sh $1
		open G ${2:-$SCRATCH_MNT/other} direct
		op B write G $HALF fill=b2
		start B
		held B
		gate open
		expect A ok
		expect B ok
	EOS
}

renamed_file_is_reported() {
	scratch_new xfs gate
	check_ops < <(name_script "mv $SCRATCH_MNT/file $SCRATCH_MNT/other")
	claim_conflicts 1
}

hard_linked_file_is_reported() {
	scratch_new xfs gate
	check_ops < <(name_script "ln $SCRATCH_MNT/file $SCRATCH_MNT/other")
	claim_conflicts 1
}

file_under_a_bind_mount_is_reported() {
	scratch_new ext4 gate
	mkdir "$TEST_TMP/bind"
	mount --bind "$SCRATCH_MNT" "$TEST_TMP/bind" || fail "bind mount"
	on_exit umount "$TEST_TMP/bind"
	check_ops < <(name_script true "$TEST_TMP/bind/file")
	claim_conflicts 1
}

deleted_file_is_reported() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1
		op B write F $HALF fill=b2
		sh rm $SCRATCH_MNT/file
		$(both_held)
	EOS
	claim_conflicts 1
}

# B is a child of the checked command in a mount namespace of its own, where
# the file has another path.
file_in_another_mount_namespace_is_reported() {
	scratch_new xfs gate
	mkdir "$TEST_TMP/elsewhere"
	cat >"$TEST_TMP/inner" <<-EOS
		open F $TEST_TMP/elsewhere/file direct
		op B write F $HALF fill=b2
		start B
		held B
		gate open
		expect B ok
	EOS
	cat >"$TEST_TMP/enter" <<-EOS
		mount --bind "$SCRATCH_MNT" "$TEST_TMP/elsewhere" &&
		umount "$SCRATCH_MNT" &&
		exec "$MKOPS" run "$TEST_TMP/inner" >"$TEST_TMP/inner.jsonl"
	EOS
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		held A
		sh unshare -m --propagation private bash $TEST_TMP/enter
		expect A ok
	EOS
	CLAIM_LOGS=$TEST_TMP/inner.jsonl claim_conflicts 1
}

# ---- other inodes that look alike ----

two_files_of_one_file_system_is_silent() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/one creat direct
		open G $SCRATCH_MNT/two creat direct
		prep F 16M written
		prep G 16M written
		op A write F $FIRST fill=a1
		op B write G $FIRST fill=b2
		$(both_held)
	EOS
	claim_silence
}

# Same inode number, other device; held by their buffers, so no gate is needed.
same_inode_number_on_two_file_systems_is_silent() {
	local one two
	scratch_new xfs ram
	one=$SCRATCH_MNT/file
	scratch_new xfs ram
	two=$SCRATCH_MNT/file
	same_number_case "$one" "$two"
}

same_inode_number_in_two_btrfs_subvolumes_is_silent() {
	scratch_new btrfs ram
	need_command btrfs
	btrfs -q subvolume create "$SCRATCH_MNT/one" || fail "subvolume"
	btrfs -q subvolume create "$SCRATCH_MNT/two" || fail "subvolume"
	same_number_case "$SCRATCH_MNT/one/file" "$SCRATCH_MNT/two/file"
}

same_number_case() {
	touch "$1" "$2"
	[ "$(stat -c %i "$1")" = "$(stat -c %i "$2")" ] || fail "the inode numbers differ"
	check_ops <<-EOS
		open F $1 direct
		open G $2 direct
		prep F 1M written
		prep G 1M written
		op A write F $FIRST fault=0
		op B write G $FIRST fault=0
		start A
		held A
		start B
		held B
		feed A B
		expect A ok
		expect B ok
	EOS
	claim_silence
}

# ---- inside and outside the checked command ----

# outside SCRIPT: mkops in the background, begun when the command says so by
# writing to $TEST_TMP/go; its log is $TEST_TMP/outside.jsonl. It may write to
# $TEST_TMP/back.
outside() {
	mkfifo "$TEST_TMP/go" "$TEST_TMP/back"
	cat >"$TEST_TMP/outside.script"
	{
		read -r _ <"$TEST_TMP/go"
		timeout 60 "$MKOPS" run "$TEST_TMP/outside.script" >"$TEST_TMP/outside.jsonl"
	} &
	OUTSIDE=$!
}

outside_ended_well() {
	wait "$OUTSIDE" || fail "outside: $(tail -n 1 "$TEST_TMP/outside.jsonl")"
}

writes_inside_and_outside_the_command_is_reported() {
	scratch_new xfs gate
	outside <<-EOS
		open F $SCRATCH_MNT/file direct
		op A write F $FIRST fill=a1 comm=stranger
		start A
		held A
		sh echo held >$TEST_TMP/back
		expect A ok
	EOS
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op B write F $HALF fill=b2 comm=ours
		gate hold write fill=a1
		gate hold write fill=b2
		sh echo go >$TEST_TMP/go
		sh read _ <$TEST_TMP/back
		start B
		held B
		gate open
		expect B ok
	EOS
	outside_ended_well
	CLAIM_LOGS=$TEST_TMP/outside.jsonl claim_conflicts 1 --comm stranger,ours --pids-differ
}

# Tracked all the same, but none of the command's business.
writes_of_two_strangers_is_silent() {
	scratch_new xfs gate
	outside <<-EOS
		open F $SCRATCH_MNT/file direct
		op A write F $FIRST fill=a1
		op B write F $HALF fill=b2
		start A B
		expect A ok
		expect B ok
	EOS
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		gate hold write fill=a1
		gate hold write fill=b2
		sh echo go >$TEST_TMP/go
		gate wait 2 write
		gate open
	EOS
	outside_ended_well
	claim_silence
}

# A was in flight before there was anything to see it: said, not guessed.
write_begun_before_attach_is_confessed() {
	scratch_new xfs gate
	outside <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 16M written
		op A write F $FIRST fill=a1
		gate hold write fill=a1
		gate hold write fill=b2
		start A
		expect A ok
	EOS
	echo go >"$TEST_TMP/go"
	gate wait 1 write fill=a1 || fail "A did not reach the device"
	check_ops <<-EOS
		open F $SCRATCH_MNT/file direct
		op B write F $HALF fill=b2
		start B
		held B
		gate open
		expect B ok
	EOS
	outside_ended_well
	claim 4 --conflicts 0 --verdict inconclusive --loss before_attach
}

# What is remembered of files until older IO has drained goes by a hash of 16 bits: of so many
# files, some that the filter turns away share it with some that it wants.
many_files_beside_those_of_a_filter_is_silent() {
	local wanted dev
	need_command fio
	scratch_new xfs ram
	wanted=$SCRATCH_MNT
	dev=$SCRATCH_DEV
	scratch_new ext4 ram
	CHECK_OPTS="--dev $dev"
	check_cmd fio --direct=1 --rw=write --bs=4k --filesize=4k --nrfiles=700 \
		--output-format=terse --name=wanted --directory="$wanted" \
		--name=other --directory="$SCRATCH_MNT" --stonewall >&2 || fail "fio"
	: >"$TEST_TMP/events.jsonl"
	claim_silence
}

# Each reader goes by a name of its own, so each pair is a finding, and there are too many.
more_findings_than_room_is_reported() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 1M written
		op A write F $FIRST fill=a1
		gate hold write fill=a1
		start A
		held A
		sh python3 $E2E/many_readers.py $SCRATCH_MNT/file 4100
		gate open
		expect A ok
	EOS
	claim 1 --conflicts 4100 --verdict conflicts --loss findings_full
}

# The same readers behind what is written: nothing to find room for.
readers_behind_a_write_is_silent() {
	scratch_new xfs gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 1M written
		op A write F off=64K len=64K fill=a1
		gate hold write fill=a1
		start A
		held A
		sh python3 $E2E/many_readers.py $SCRATCH_MNT/file 4100
		gate open
		expect A ok
	EOS
	claim_silence
}
