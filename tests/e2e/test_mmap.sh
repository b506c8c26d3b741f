# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Mappings: the fault that allows a store is seen, as an op of its own kind; the
# stores after it are not, and a report on a file that is mapped says so.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"

# fault_during FS "STORE RANGE" MODE "A": A is held, then a page is stored to
fault_during() {
	local fs=$1 mode=$3 flags=
	if [ "$mode" = dax ]; then
		dax_new "$fs"
	else
		scratch_new "$fs" gate
	fi
	[ "$mode" != direct ] || flags=direct
	CHECK_OPTS="--mode direct,dax,buffered,size --path $SCRATCH_MNT"
	check_ops <<-EOS
		open D $SCRATCH_MNT/file creat $flags
		open M $SCRATCH_MNT/file
		prep D 16M written
		op A $4 fill=a1
		op B mstore M $2 fill=b2
		$([ "$mode" = dax ] || echo "gate hold write fill=a1")
		start A
		held A
		start B
		wait B
		$([ "$mode" = dax ] || echo "gate open")
		feed A
		expect A ok
		expect B ok
	EOS
}

# What it says of the file is of the moment: the mapping of the store itself.
fault_reported() {
	fault_during "$1" "off=32K len=4K" "$3" "$4"
	claim_conflicts 1 --kind "$2" --mapped true
}

fault_silent() {
	fault_during "$1" "off=1M len=4K" "$3" "$4"
	claim_silence
}

declare -A where=([reported]=within [silent]=beside)
for fs in xfs ext4; do
	for outcome in reported silent; do
		define_test "${fs}_fault_${where[$outcome]}_a_direct_write_is_$outcome" \
			fault_$outcome $fs write/mmap direct "write D $FIRST"
		define_test "${fs}_fault_${where[$outcome]}_a_buffered_read_is_$outcome" \
			fault_$outcome $fs read/mmap buffered "read D $FIRST fault=15"
		define_test "${fs}_fault_${where[$outcome]}_a_dax_write_is_$outcome" \
			fault_$outcome $fs write/mmap dax "write D $FIRST fault=15"
	done
done

# mapped_by FS KIND: two direct writes meet, while another process has a page mapped elsewhere.
# Where the file is open for writing, a mapping for loads may become one for stores.
mapped_by() {
	local flags=
	[ "$2" != mload ] || flags=rdonly
	scratch_new "$1" gate
	check_ops <<-EOS
		open F $SCRATCH_MNT/file creat direct
		open M $SCRATCH_MNT/file $flags
		prep F 16M written
		op M $2 M off=1M len=8K proc=1 fault=1
		op A write F $FIRST fill=a1
		op B write F $HALF fill=b2
		gate hold write fill=a1
		gate hold write fill=b2
		start M
		held M
		start A
		held A
		start B
		held B
		gate open
		feed M
		expect A ok
		expect B ok
		expect M ok
	EOS
}

for fs in xfs ext4; do
	define_test "${fs}_mapping_for_stores_is_told" mapping_told $fs mstore true
	define_test "${fs}_mapping_for_loads_is_not_told" mapping_told $fs mload false
done

mapping_told() {
	mapped_by "$1" "$2"
	claim_conflicts 1 --mode direct,direct --mapped "$3"
}
