#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# compare.sh GOLDEN-PROGRAM: does it still write what stands in this directory?
set -eu

program=$1
here=$(cd "$(dirname "$0")" && pwd)
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT INT TERM

"$program" "$fresh"
status=0
for path in "$fresh"/*; do
	name=${path##*/}
	diff -u --label "golden/$name" --label "now/$name" "$here/$name" "$path" || status=1
done
# A fixture that is gone from the program must not go on looking tested.
for path in "$here"/*.txt "$here"/*.json "$here"/*.html "$here"/*.csv "$here"/*.xml \
	"$here"/*.tap "$here"/*.sarif; do
	[ -e "$fresh/${path##*/}" ] || { echo "golden/${path##*/}: nothing writes it"; status=1; }
done
[ "$status" = 0 ] || echo "golden: differs; if that is meant: make golden, and read the diff"
exit "$status"
