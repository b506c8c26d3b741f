#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Claims about one JSON report of iorace (schema iorace/1, one object per line).

Exits 0 if every claim holds, else 1 with the first broken one on stderr.
"""
import argparse
import json
import re
import sys

CONFLICT_KEYS = {"id", "time", "file", "kind", "shape", "overlap", "tear", "ops"}
OP_KEYS = {"op", "mode", "start", "end", "async", "pid", "tid", "comm", "begin_ns", "end_ns"}
LOCKS = ("i_rwsem", "i_data_sem", "ilock", "invalidate_lock")
SUMMARY_KEYS = {"verdict", "duration_ns", "ops", "pairs", "losses", "records"}


class Broken(Exception):
    """A claim that does not hold."""


def claim(holds, text):
    if not holds:
        raise Broken(text)


def number(value):
    """Integers above 2^53 are written as decimal strings."""
    return int(value)


def load(path):
    objects = []
    with open(path, encoding="utf-8") as lines:
        for at, line in enumerate(lines, 1):
            try:
                objects.append(json.loads(line))
            except ValueError as error:
                raise Broken(f"line {at}: {error}") from error
            claim(objects[-1].get("schema") == "iorace/1", f"line {at}: schema")
    claim(objects and objects[-1].get("type") == "summary", "the last line is the summary")
    claim(sum(o["type"] == "summary" for o in objects) == 1, "one summary")
    return objects


def check_form(conflicts, summary):
    claim(SUMMARY_KEYS <= summary.keys(), f"summary lacks {SUMMARY_KEYS - summary.keys()}")
    for conflict in conflicts:
        missing = CONFLICT_KEYS - conflict.keys()
        claim(not missing, f"conflict lacks {missing}")
        claim(len(conflict["ops"]) == 2, "a conflict has two ops")
        for op in conflict["ops"]:
            claim(not OP_KEYS - op.keys(), f"op lacks {OP_KEYS - op.keys()}")
        first, second = conflict["ops"]
        claim(number(first["begin_ns"]) <= number(second["begin_ns"]), "earlier window first")
        start = max(number(first["start"]), number(second["start"]))
        end = min(number(first["end"]), number(second["end"]))
        overlap = conflict["overlap"]
        claim((number(overlap["start"]), number(overlap["end"])) == (start, end) and
              number(overlap["bytes"]) == end - start > 0,
              f"overlap {overlap} is not the intersection [{start}, {end})")


def check_counts(args, conflicts, summary):
    pairs = summary["pairs"]
    records = summary["records"]
    if args.conflicts_min is not None:
        claim(len(conflicts) >= args.conflicts_min,
              f"{len(conflicts)} conflicts reported, fewer than {args.conflicts_min}")
    if args.conflicts is not None:
        claim(len(conflicts) == args.conflicts,
              f"{len(conflicts)} conflicts reported, not {args.conflicts}")
    claim(number(pairs["conflicts"]) == len(conflicts) + number(records["suppressed"]),
          "pairs.conflicts is what was written and suppressed")
    claim(summary.get("command") is None or not number(records["suppressed"]) or
          number(records["written"]) >= args.max_records,
          f"{records} though check writes every pair")
    if pairs.get("overlapping") is not None:
        total = sum(number(pairs[key]) for key in ("conflicts", "serialized", "unproven"))
        claim(number(pairs["overlapping"]) == total,
              "overlapping = conflicts + serialized + unproven")
        if args.serialized is not None:
            claim(number(pairs["serialized"]) >= args.serialized,
                  f"{pairs['serialized']} pairs serialized, fewer than {args.serialized}")
        if args.overlapping is not None:
            claim(number(pairs["overlapping"]) == args.overlapping,
                  f"{pairs['overlapping']} pairs overlapping, not {args.overlapping}")
    if args.needed and summary["wait_ns"]["needed"] is not None:
        claim(number(summary["wait_ns"]["needed"]) > 0, f"waits {summary['wait_ns']}")
    if args.needless and summary["wait_ns"]["needless"] is not None:
        claim(number(pairs["overlapping"]) == 0 and number(summary["wait_ns"]["needless"]) > 0,
              f"waits {summary['wait_ns']} of {pairs['overlapping']} overlapping pairs")
    if args.verdict:
        claim(summary["verdict"] == args.verdict,
              f"verdict {summary['verdict']} ({summary.get('reason')}), not {args.verdict}")
    if args.loss:
        claim(number(summary["losses"].get(args.loss, 0)) > 0, f"no loss {args.loss}")
    elif not args.losses_allowed:
        lost = {key: n for key, n in summary["losses"].items() if number(n)}
        claim(not lost, f"losses {lost}")


def at(summary, path):
    """ "range_lock.wait_ns.needed" """
    value = summary
    for key in path.split("."):
        claim(isinstance(value, dict) and key in value, f"no {path} in the summary")
        value = value[key]
    return value


def check_summary(args, summary):
    for wanted in args.summary:
        path, op, value = re.fullmatch(r"([\w.]+)(>=|=)(\w+)", wanted).groups()
        have = at(summary, path)
        if value == "null":
            holds = have is None
        else:
            holds = have is not None and (number(have) >= int(value) if op == ">=" else
                                          number(have) == int(value))
        claim(holds, f"{path} is {have}, wanted {wanted}")
    lock = summary.get("range_lock")
    if lock:
        slipped = sum(map(number, lock["slipped"].values()))
        claim(number(summary["pairs"]["conflicts"]) == slipped,
              f"{slipped} conflicts slipped past the range lock: {lock['slipped']}")


def check_findings(findings, summary):
    """Every pair is in one."""
    total = sum(number(finding["count"]) for finding in findings)
    claim(number(summary["losses"].get("findings_full", 0)) or
          number(summary["pairs"]["conflicts"]) == total,
          f"the findings count {total} of {summary['pairs']['conflicts']} conflicts")


def check_files(files, summary):
    """What the files say adds up: each in itself, and all of them to the run."""
    if summary["pairs"].get("overlapping") is None:
        claim(not files, "sums of a file where the run has none")
        return
    for line in files:
        pairs = line["pairs"]
        total = sum(number(pairs[key]) for key in ("conflicts", "serialized", "unproven"))
        claim(number(pairs["overlapping"]) == total,
              f"overlapping = conflicts + serialized + unproven: {line}")
        claim(number(pairs["serialized"]) == sum(map(number, pairs["serialized_by"].values())),
              f"serialized_by adds up to serialized: {line}")
    for key in ("conflicts", "overlapping", "serialized", "unproven"):
        total = sum(number(line["pairs"][key]) for line in files)
        claim(number(summary["pairs"][key]) == total,
              f"{summary['pairs'][key]} pairs {key}, {total} of them on files")


def lock_text(op, name):
    """ "exclusive:true" of an op that holds the lock itself, "absent" where no such lock is """
    lock = op["lock"][name]
    if name == "i_rwsem":
        lock = {"state": lock, "self": op["lock"]["self"]}
    return "absent" if lock is None else f"{lock['state']}:{json.dumps(lock['self'])}"


def range_lock_text(op):
    """ "0:4096" of an op that holds it, "none" of one that does not """
    lock = op["lock"]["range_lock"]
    return "none" if lock is None else f"{lock['start']}:{lock['end']}"


def check_admissions(args, admissions, summary):
    """Each names its parties; --admission WHAT:START:END:START:END is the only one, or none."""
    for line in admissions:
        direct, other = line["direct"], line["other"]
        claim(direct["op"] == "write" and direct["mode"] == "direct", f"direct op {direct}")
        claim(other is None or other["mode"] == "buffered", f"other op {other}")
    for what, told in summary["admissions"].items():
        claim(number(told) == sum(line["what"] == what for line in admissions),
              f"{told} admissions {what}")
    if args.admission:
        have = [":".join([line["what"]] + [str(op[key]) for op in (line["direct"], line["other"])
                                           if op for key in ("start", "end")])
                for line in admissions]
        claim(have == [args.admission] if args.admission != "none" else not have,
              f"admissions {have}, not {args.admission}")
    if args.admission_comms:
        parties = [op for line in admissions for op in (line["direct"], line["other"]) if op]
        have = ",".join(op["comm"] for op in parties)
        claim(have == args.admission_comms and len({op["pid"] for op in parties}) == len(parties),
              f"admitted of {have} (pids {[op['pid'] for op in parties]})")


def check_each(args, conflict):
    first, second = conflict["ops"]
    wanted = (("kind", args.kind, conflict["kind"]),
              ("shape", args.shape, conflict["shape"]),
              ("tear", args.tear, conflict["tear"]),
              ("mode", args.mode, f"{first['mode']},{second['mode']}"),
              ("mapped", args.mapped, json.dumps(conflict.get("mapped"))),
              ("async", args.is_async, f"{first['async']},{second['async']}".lower()),
              ("comm", args.comm, f"{first['comm']},{second['comm']}"),
              ("path", args.path, conflict["file"].get("path")),
              ("path_state", args.path_state, conflict["file"].get("path_state")),
              ("ino", args.ino, str(conflict["file"].get("ino"))),
              ("dev", args.dev, conflict["file"].get("dev")),
              ("range locks", args.range_locks,
               ",".join(range_lock_text(op) for op in conflict["ops"])),
              *((name, getattr(args, name), ",".join(lock_text(op, name) for op in conflict["ops"]))
                for name in LOCKS))
    for name, want, have in wanted:
        claim(want is None or want == have, f"{name} {have}, not {want}")
    if args.overlap:
        have = f"{conflict['overlap']['start']}:{conflict['overlap']['end']}"
        claim(have == args.overlap, f"overlap {have}, not {args.overlap}")
    if args.pids_differ:
        claim(first["pid"] != second["pid"], f"both ops by pid {first['pid']}")


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report")
    parser.add_argument("--conflicts", type=int)
    parser.add_argument("--conflicts-min", type=int)
    parser.add_argument("--max-records", type=int, default=100000, metavar="N",
                        help="what check was told, or its default")
    parser.add_argument("--needless", action="store_true", help="somebody waited for nothing")
    parser.add_argument("--needed", action="store_true", help="somebody had to wait")
    parser.add_argument("--overlapping", type=int, metavar="N", help="exactly, where known")
    parser.add_argument("--serialized", type=int, metavar="N", help="at least, where known")
    for name in ("verdict", "kind", "shape", "tear", "mode", "comm", "path", "path-state",
                 "ino", "dev", "overlap", "loss", "admission", "admission-comms", "mapped", *LOCKS):
        parser.add_argument(f"--{name}")
    parser.add_argument("--async", dest="is_async", metavar="BOOL,BOOL")
    parser.add_argument("--range-locks", metavar="START:END,none", help="what each op held")
    parser.add_argument("--summary", action="append", default=[], metavar="KEY.KEY=N",
                        help="a number of the summary, or null; >= too")
    parser.add_argument("--pids-differ", action="store_true")
    parser.add_argument("--losses-allowed", action="store_true")
    return parser.parse_args()


def main():
    args = parse_args()
    try:
        objects = load(args.report)
        conflicts = [o for o in objects if o["type"] == "conflict"]
        check_form(conflicts, objects[-1])
        check_counts(args, conflicts, objects[-1])
        check_summary(args, objects[-1])
        check_admissions(args, [o for o in objects if o["type"] == "admission"], objects[-1])
        check_findings([o for o in objects if o["type"] == "finding"], objects[-1])
        check_files([o for o in objects if o["type"] == "file"], objects[-1])
        for conflict in conflicts:
            check_each(args, conflict)
    except (Broken, OSError, KeyError) as broken:
        print(f"{args.report}: {broken!r}" if isinstance(broken, KeyError) else broken,
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
