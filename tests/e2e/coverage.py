#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""coverage.py [--check PAGE] < doctor.jsonl: what this plan sees, as a table; with --check it must
stand in PAGE, line for line."""
import json
import sys

HEAD = ["| file system | mode | op | coverage | hook | why |", "|---|---|---|---|---|---|"]


def rows(lines):
    """One row for synchronous and asynchronous ops where they are the same."""
    for line in lines:
        if line.get("type") != "coverage":
            continue
        yield ("| {fs} | {mode} | {op} | {level} | {flavour} | {reason} |"
               .format(**{**line, "flavour": line["flavour"] or "-"}))


def table(stream):
    lines = [json.loads(line) for line in stream if line.strip()]
    return HEAD + list(dict.fromkeys(rows(lines)))


def main(args):
    have = table(sys.stdin)
    if len(have) == len(HEAD):
        print("coverage.py: doctor printed no coverage", file=sys.stderr)
        return 1
    if args[:1] != ["--check"]:
        print("\n".join(have))
        return 0
    with open(args[1], encoding="utf-8") as page:
        if "\n".join(have) + "\n" in page.read():
            return 0
    print(f"coverage.py: this table is not in {args[1]}:", *have, sep="\n", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
