# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Who comes to a file by another way: through overlayfs, or as the kernel's own thread behind a loop
# device on it. What moves data is the file below, and that is the file of the report.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

# two_ways PATH-OF-A PATH-OF-B RANGE-OF-B: A is held, then B
two_ways() {
	check_ops <<-EOS
		open P $SCRATCH_MNT/upper/file creat direct
		prep P 1M written
		open A $1 direct
		open B $2 direct
		op A write A $FIRST fill=a1 engine=libaio
		op B write B $3 fill=b2 engine=libaio
		$(both_held)
	EOS
}

# The file of overlayfs has a device of its own, which the independent judge would look for.
claim_below() {
	[ -n "$IORACE" ] || return 0
	"$E2E/check_report.py" "$TEST_TMP/report.json" --conflicts "$1" \
		--dev "$(mountpoint -d "$SCRATCH_MNT")" 2>"$TEST_TMP/claim" ||
		fail "$(tail -n 1 "$TEST_TMP/claim")"
}

overlay_new() {
	scratch_new xfs gate
	mkdir "$SCRATCH_MNT"/{lower,upper,work} "$TEST_TMP/merged"
	(cd "$SCRATCH_MNT" && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none \
		"$TEST_TMP/merged") || fail "no overlay here"
	on_exit umount "$TEST_TMP/merged"
}

# through_overlay PATH-OF-B RANGE-OF-B CONFLICTS
through_overlay() {
	overlay_new
	touch "$SCRATCH_MNT/upper/file"
	two_ways "$TEST_TMP/merged/file" "${1/#upper/$SCRATCH_MNT/upper}" "$2"
	claim_below "$3"
}

for place in merged upper; do
	where=$([ $place = merged ] && echo "$TEST_TMP/merged/file" || echo upper/file)
	define_test xfs_writes_through_overlay_and_${place}_is_reported through_overlay "$where" "$HALF" 1
	define_test xfs_writes_through_overlay_and_${place}_is_silent through_overlay "$where" "$NEXT" 0
done

# The loop device writes by a thread of the kernel.
behind_a_loop_device() {
	local loop
	scratch_new xfs gate
	mkdir "$SCRATCH_MNT/upper"
	truncate -s 1M "$SCRATCH_MNT/upper/file"
	loop=$(losetup --show --find --direct-io=on "$SCRATCH_MNT/upper/file") || fail "losetup"
	on_exit losetup -d "$loop"
	two_ways "$loop" "$SCRATCH_MNT/upper/file" "$1"
	claim_below "$2"
	[ "$2" = 0 ] || [ -z "$IORACE" ] || grep -q '"kthread": *true\|"comm": *"\(kworker\|loop\)' \
		"$TEST_TMP/report.json" || fail "no kernel thread in the report"
}

xfs_write_behind_a_loop_device_is_reported() {
	behind_a_loop_device "$HALF" 1
}

xfs_write_behind_a_loop_device_is_silent() {
	behind_a_loop_device "$NEXT" 0
}

# ---- more than two ----

three() {
	scratch_new "$1" gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		prep F 1M written
		op A write F $FIRST fill=a1
		op B write F $2 fill=b2 engine=libaio
		op C read F $3 engine=uring
		gate hold write fill=a1
		gate hold write fill=b2
		gate hold read
		start A
		held A
		start B
		held B
		start C
		held C
		gate open
		expect A ok
		expect B ok
		expect C ok
	EOS
}

# Each pair once: three meet in three pairs, a chain of three in two.
for fs in xfs ext4; do
	define_test "${fs}_three_at_once_are_reported" claim_three $fs "$HALF" "off=48K len=4K" 3
	define_test "${fs}_chain_of_three_is_reported" claim_three $fs "$HALF" "off=64K len=64K" 2
	define_test "${fs}_three_side_by_side_are_silent" claim_three $fs "$NEXT" "off=128K len=64K" 0
done

claim_three() {
	three "$1" "$2" "$3"
	if [ "$4" -gt 0 ]; then
		claim_conflicts "$4"
	else
		claim_silence
	fi
}

# ---- file systems laid out otherwise ----

# laid_out OUTCOME FS "MKFS OPTIONS" "B RANGE"
laid_out() {
	local options
	read -ra options <<<"$3"
	scratch_new "$2" gate "${options[@]}"
	pair_is "$2" "$1" written direct "write $FIRST engine=libaio" "write $4 engine=libaio"
}

# define_laid_out NAME FS "MKFS OPTIONS" BLOCK-IN-K
define_laid_out() {
	define_test "$1_writes_is_reported" laid_out reported "$2" "$3" "off=$((64 - $4))K len=$4K"
	define_test "$1_writes_is_silent" laid_out silent "$2" "$3" "off=64K len=$4K"
}

define_laid_out ext4_small_blocks ext4 "-b 1024" 1
define_laid_out ext4_without_journal ext4 "-O ^has_journal" 4
define_laid_out ext4_clusters ext4 "-O bigalloc" 4
define_laid_out ext4_inline_data ext4 "-O inline_data" 4
define_laid_out xfs_small_blocks xfs "-b size=1024" 1
define_laid_out xfs_reverse_map xfs "-m rmapbt=1,reflink=1" 4
