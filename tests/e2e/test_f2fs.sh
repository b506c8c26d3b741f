# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# f2fs: a direct write holds i_rwsem exclusive until it has been queued, a direct read does not take
# it. No spans are seen of it: what is kept apart is not counted.

FIRST="off=0 len=64K"
HALF="off=32K len=64K"
NEXT="off=64K len=64K"

define_f2fs() {
	define_test "f2fs_$1_is_$2" f2fs_pair "$2" "$3" "$4"
}

f2fs_pair() {
	if [ "$1" != serialized ]; then
		pair_is f2fs "$1" written direct "$2" "$3"
		return
	fi
	scratch_new f2fs gate
	check_ops < <(pair_script written direct blocked "$2" "$3")
	claim_silence
}

define_f2fs direct_read_during_direct_write reported "write $FIRST" "read $HALF"
define_f2fs direct_read_beside_direct_write silent "write $FIRST" "read $NEXT"
define_f2fs direct_write_during_direct_read reported "read $FIRST" "write $HALF"
define_f2fs direct_write_beside_direct_read silent "read $FIRST" "write $NEXT"
define_f2fs libaio_write_over_libaio_write reported "write $FIRST engine=libaio" \
	"write $HALF engine=libaio"
define_f2fs libaio_write_beside_libaio_write silent "write $FIRST engine=libaio" \
	"write $NEXT engine=libaio"
define_f2fs uring_read_during_uring_write reported "write $FIRST engine=uring" \
	"read $HALF engine=uring"
define_f2fs direct_write_over_direct_write serialized "write $FIRST" "write $HALF"
