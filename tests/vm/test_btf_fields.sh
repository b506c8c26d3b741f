#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# test_btf_fields.sh BUILD: does btf-fields find what is wrong with btf_bogus.bpf.c?
set -eu

build=$1
said=$(mktemp)
table=$(mktemp)
trap 'rm -f "$said" "$table"' EXIT INT TERM
wrong=0

says() {
	grep -Eq "^$1\$" "$said" || {
		echo "btf-fields does not say: $1"
		wrong=1
	}
}

run() {
	want=$1
	got=0
	"$build/btf-fields" "$build/btf_bogus.bpf.o" "$table" >"$said" 2>&1 || got=$?
	[ "$got" = "$want" ] || {
		echo "btf-fields exits with $got, not $want"
		wrong=1
	}
}

: >"$table"
run 1
says 'file___flavour.f_inode +vmlinux'
says 'inode.i_rwsem.owner.counter +(vmlinux|MISSING)'
says 'inode___bogus.no_such_field +MISSING'
says 'super_block___kind.s_magic +MISSING'
says 'no_such_type.field +MISSING'

cat >"$table" <<'END'
inode.i_rwsem		-			PREEMPT_RT
inode___bogus		-			declared
super_block___kind	file___flavour		declared, and what stands in is there
no_such_type.field	-			declared
END
run 0
says 'no_such_type.field +- +declared'

echo 'super_block.s_dev - nobody reads it' >>"$table"
run 1
says 'super_block.s_dev +DECLARED, but nobody reads it'

echo 'no_such_type inode___bogus what stands in is missing too' >"$table"
run 1
says 'no_such_type.field +MISSING'

echo 'one-word' >"$table"
run 2

[ "$wrong" = 0 ] && echo "btf-fields finds what it must"
exit "$wrong"
