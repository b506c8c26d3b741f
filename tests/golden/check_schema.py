#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""check_schema.py [FILE...]: do the JSON reports (default: the golden ones) follow
docs/schema.json, and does the schema turn down lines that are broken? A schema that accepts
everything proves nothing.
"""
import copy
import json
import pathlib
import sys

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent.parent / "docs" / "schema.json"

# what is broken, in which type of line, by which change
BREAKS = [
    ("schema of another version", "conflict", lambda l: l.update(schema="iorace/2")),
    ("unknown type", "conflict", lambda l: l.update(type="conflicts")),
    ("unknown key", "conflict", lambda l: l.update(extra=1)),
    ("one op", "conflict", lambda l: l["ops"].pop()),
    ("two reads", "conflict", lambda l: l.update(kind="read/read")),
    ("unsorted kind", "conflict", lambda l: l.update(kind="write/read")),
    ("unknown shape", "conflict", lambda l: l.update(shape="adjacent")),
    ("missing end_ns", "conflict", lambda l: l["ops"][0].pop("end_ns")),
    ("end_ns zero as text", "conflict", lambda l: l["ops"][0].update(end_ns="0")),
    ("negative offset", "conflict", lambda l: l["overlap"].update(start=-1)),
    ("inexact number", "conflict", lambda l: l["overlap"].update(end=2**53 + 1)),
    ("fraction", "conflict", lambda l: l["overlap"].update(bytes=0.5)),
    ("small number as text", "conflict", lambda l: l["overlap"].update(bytes="4096")),
    ("lock state as a number", "conflict", lambda l: l["ops"][1]["lock"].update(i_rwsem=2)),
    ("unknown lock holder left out", "conflict", lambda l: l["ops"][1]["lock"].pop("self")),
    ("another lock as a word", "conflict",
     lambda l: l["ops"][0]["lock"].update(invalidate_lock="none")),
    ("another lock left out", "conflict", lambda l: l["ops"][0]["lock"].pop("ilock")),
    ("escape byte in a name", "conflict", lambda l: l["ops"][0].update(comm="\033[2J")),
    ("newline in a path", "conflict", lambda l: l["file"].update(path="/a\nb")),
    ("bidi override in a path", "conflict", lambda l: l["file"].update(path="/a\u202eb")),
    ("path left out", "conflict", lambda l: l["file"].pop("path")),
    ("dev as a number", "conflict", lambda l: l["file"].update(dev=2049)),
    ("time of day in another zone", "conflict",
     lambda l: l.update(time="2026-03-01T12:00:00.000000000+01:00")),
    ("time in milliseconds", "conflict", lambda l: l.update(time="2026-03-01T12:00:00.000Z")),
    ("fingerprint as a number", "finding", lambda l: l.update(fingerprint=17)),
    ("one program", "finding", lambda l: l["programs"].pop()),
    ("seventeen ranges", "finding", lambda l: l.update(ranges=[{"start": 0, "end": 1}] * 17)),
    ("level in words of its own", "coverage", lambda l: l.update(level="most")),
    ("sums of a file without its pairs", "file", lambda l: l.pop("pairs")),
    ("unproven pairs left out", "file", lambda l: l["pairs"].pop("unproven")),
    ("pairs of a file as null", "file", lambda l: l["pairs"].update(serialized=None)),
    ("an admission in words of its own", "admission", lambda l: l.update(what="failed")),
    ("an admission without its op", "admission", lambda l: l.update(direct=None)),
    ("admissions left out", "summary", lambda l: l["admissions"].pop("stale_pages")),
    ("a loss left out", "summary", lambda l: l["losses"].pop("before_attach")),
    ("a loss as null", "summary", lambda l: l["losses"].update(untracked=None)),
    ("a loss nobody knows", "summary", lambda l: l["losses"].update(dropped=0)),
    ("verdict in words of its own", "summary", lambda l: l.update(verdict="ok")),
    ("not measured as minus one", "summary", lambda l: l["pairs"].update(overlapping=-1)),
    ("a histogram of waits as text", "summary",
     lambda l: l["wait_histogram"].update(disjoint="1 2")),
    ("a wait of less than none", "summary", lambda l: l["wait_histogram"]["disjoint"].append(-1)),
    ("range lock left out", "summary", lambda l: l.pop("range_lock")),
    ("a range lock without its slips", "summary", lambda l: l["range_lock"].pop("slipped")),
    ("a range lock as a name", "conflict",
     lambda l: l["ops"][0]["lock"].update(range_lock="xfs_range_lock")),
    ("outcome in words of its own", "comparison", lambda l: l.update(outcome="better")),
    ("a compared run without its histogram", "comparison",
     lambda l: l["before"].pop("wait_histogram")),
    ("records left out", "summary", lambda l: l.pop("records")),
    ("stress left out", "summary", lambda l: l.pop("stress")),
    ("torn without the read", "torn", lambda l: l["ops"].clear()),
    ("whole as a kind of torn", "torn", lambda l: l.update(kind="whole")),
    ("in flight as zero text", "torn", lambda l: l["ops"][1].update(end_ns="0")),
    ("pair of three", "torn", lambda l: l["pairs"][0].append(1)),
    ("pair with nobody", "torn", lambda l: l["pairs"][0].__setitem__(0, -2)),
    ("state of a run in words of its own", "torn", lambda l: l["runs"][0].update(state="torn")),
    ("result in words of its own", "stress", lambda l: l.update(result="clean")),
    ("lost writes left out", "stress", lambda l: l["found"].pop("lost_writes")),
    ("seed left out", "stress", lambda l: l["load"].pop("seed")),
]


def main():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    paths = [pathlib.Path(arg) for arg in sys.argv[1:]] or sorted(HERE.glob("*.json"))
    samples, lines, failures = {}, 0, 0

    for path in paths:
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            line = json.loads(text)
            lines += 1
            samples.setdefault(line.get("type"), line)
            for error in validator.iter_errors(line):
                print(f"{path.name}:{number}: {error.message}")
                failures += 1

    for what, kind, spoil in BREAKS if not sys.argv[1:] else []:
        broken = copy.deepcopy(samples[kind])
        spoil(broken)
        if validator.is_valid(broken):
            print(f"schema accepts a {kind} with: {what}")
            failures += 1

    if not lines:
        print("no line to check")
        failures += 1
    print(f"schema: {lines} lines, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
