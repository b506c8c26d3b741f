# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# DAX: the copy is the IO, and always under the lock: shared for reads,
# exclusive for writes.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"

# dax_is FS serialized|silent "A" "B": A is held by its buffer
dax_is() {
	local fs=$1 outcome=$2 settle=held
	[ "$outcome" = silent ] || settle=blocked
	dax_new "$fs"
	CHECK_OPTS="--mode direct,dax,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat
		prep F 16M written
		op A ${3%% *} F fill=a1 ${3#* } fault=0
		op B ${4%% *} F fill=b2 ${4#* }
		start A
		held A
		start B
		$settle B
		feed A B
		expect A ok
		expect B ok
	EOS
	if [ "$outcome" = serialized ]; then
		claim_kept_apart
	else
		claim_silence
	fi
}

for fs in xfs ext4; do
	define_test "${fs}_two_dax_writes_is_serialized" \
		dax_is $fs serialized "write $FIRST" "write $HALF"
	define_test "${fs}_dax_read_during_dax_write_is_serialized" \
		dax_is $fs serialized "write $FIRST" "read $HALF"
	define_test "${fs}_dax_write_during_dax_read_is_serialized" \
		dax_is $fs serialized "read $FIRST" "write $HALF"
	define_test "${fs}_two_dax_reads_is_silent" \
		dax_is $fs silent "read $FIRST" "read $HALF fault=0"
done
