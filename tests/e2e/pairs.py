#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Independent judge of reported conflicts: what mkops recorded against what iorace says.

  pairs.py REPORT.json LOG.jsonl...      exit 0: nothing disproved; 1: disproved; 2: usage
  pairs.py --selftest

It shares no code with iorace. What it can prove, and what it cannot:

The recorder knows, for each op, an interval [before_ns, done_ns] read in user
space around it. The op's data window lies inside that interval, but where in
it nobody outside the kernel can say. Hence

  impossible  A reported conflict that contradicts the records is wrong for
              certain: no recorded op fits one side (file, kind, range, process,
              time), or one op had completed before the other's window opened,
              or the report contradicts itself (ranges, windows, a pair twice).
              Complete for ops of recorded processes only: a side whose pid is
              in no log is a stranger, counted and not judged (--closed: wrong).
  missed      A pair must be reported if both ops were *held* at one moment:
              parked in the device, or asleep on a page of their own buffer
              that the kernel touched while moving data. mkops says "held"
              after, and "release" or "feed" before, so the moment is certain;
              or if one ran from beginning to successful end while the other
              was held. Only deterministic tests have such pairs. Not proof, so ignored:
              gate-held buffered writes (that is write-back, not the op) and
              mmap. A missed pair is excused, and counted, if the report
              confesses a loss or suppressed records (--no-losses: not excused).
  likely      For streams without holds: pairs whose intervals overlap by more
              than --likely percent of the shorter one. No proof, no influence
              on the exit status; the share of them that was reported is
              printed, to be compared between runs.
  possible    All pairs whose intervals and ranges intersect: an upper bound.
              More distinct conflicts than that between recorded ops is wrong,
              and is found as "no recorded op fits" or "reported twice".
"""
import argparse
import bisect
import collections
import copy
import heapq
import json
import sys

NEVER_NS = 1 << 63
TICK_NS = 10_000_000  # the longest there is, HZ=100: how early an inexact begin may be
WORKER_ENGINES = ("uring", "uring-worker", "uring-sqpoll")  # other tids may do the work
SIZE_KINDS = ("truncate", "punch", "falloc", "zero", "collapse", "insert", "size", "fallocate")
UNJUDGED_KINDS = ("mload", "fsync", "copy", "splice")


def op_class(kind):
    if kind in ("mstore", "mmap"):
        return "mmap"
    return kind if kind in ("read", "write") else "size"


class Op:
    """One recorded operation."""

    def __init__(self, record):
        self.name = record.get("op", "?")
        self.kind = op_class(record["kind"])
        self.mode = record["mode"]
        self.engine = record["engine"]
        self.file = (record["dev"], int(record["ino"]))
        self.start = 0 if record["start"] is None else record["start"]
        self.end = NEVER_NS if record["end"] is None else record["end"]
        self.certain = (self.start, self.end)  # what it touched, if it succeeded
        self.cuts = record["kind"] == "truncate"
        if self.cuts:
            self.certain = (self.start, NEVER_NS)
        if self.kind == "size":
            self.start, self.end = 0, NEVER_NS
        self.pid = record["pid"]
        self.tid = record["tid"]
        self.comm = record.get("comm", "")
        self.before_ns = record["before_ns"]
        self.done_ns = record["done_ns"]
        self.succeeded = record["res"] > 0 or (self.kind == "size" and record["res"] == 0)
        self.held = []  # [from_ns, to_ns]
        self.moved = max(record["res"], 0)

    def covers(self, side):
        """A fault is of pages, small or huge, a store within them."""
        if self.kind == "mmap":
            return ranges_intersect(self, side)
        return self.start <= side.start and side.end <= self.end

    def fits(self, side):
        """May this be the op that the report means?"""
        return (self.kind == side.kind and self.pid == side.pid and
                (self.tid == side.tid or self.engine in WORKER_ENGINES) and
                self.covers(side) and
                self.before_ns - side.early_ns <= side.begin_ns <= self.done_ns and
                (side.end_ns is None or side.end_ns <= self.done_ns) and
                not (self.mode == "buffered" and side.mode == "direct"))


class Side:
    """One op of a reported conflict."""

    def __init__(self, op):
        self.kind = op_class(op["op"])
        self.mode = op["mode"]
        self.start = int(op["start"])
        self.end = NEVER_NS if op["end"] is None else min(int(op["end"]), NEVER_NS)
        self.pid = op["pid"]
        self.tid = op["tid"]
        self.begin_ns = int(op["begin_ns"])
        self.early_ns = 0 if op.get("begin_exact", True) else TICK_NS
        self.end_ns = None if op["end_ns"] is None else int(op["end_ns"])

    def identity(self):
        return (self.pid, self.tid, self.begin_ns, self.start, self.end, self.kind)


class Conflict:
    """One reported conflict."""

    def __init__(self, record):
        self.id = record.get("id")
        self.file = (record["file"]["dev"], int(record["file"]["ino"]))
        self.sides = [Side(op) for op in record["ops"]]
        self.matches = []  # pairs of recorded ops that it may mean


def ranges_intersect(a, b):
    return a.start < b.end and b.start < a.end


def may_conflict(a, b):
    return a is not b and (a.kind != "read" or b.kind != "read") and ranges_intersect(a, b)


# ---- reading ----

def read_lines(path):
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def load_log(records):
    """Ops of one log, with the intervals in which each was certainly held."""
    ops, since, held = [], {}, collections.defaultdict(list)
    releases = []
    for record in records:
        event = record.get("ev")
        if event == "held":
            since.setdefault(record["op"], (record["ns"], record["by"]))
        elif event == "release":
            releases.append(record["ns"])
            for name in [n for n, (_, by) in since.items() if by == "gate"]:
                held[name].append((*since.pop(name), record["ns"]))
        elif event == "feed" and record["op"] in since:
            name = record["op"]
            held[name].append((*since.pop(name), record["ns"]))
        elif event == "done" and record["kind"] not in UNJUDGED_KINDS:
            ops.append(Op(record))
    for name, (start, by) in since.items():  # ended by a release in another log, if at all
        held[name].append((start, by, NEVER_NS))
    for op in ops:
        op.held = [(max(start, op.before_ns), end) for start, by, end in held[op.name]
                   if op.before_ns <= start <= op.done_ns and proves_window(op, by)]
    return ops, releases


def proves_window(op, by):
    return by == "fault" or op.mode == "direct" or op.kind == "read"


def cut_at_releases(ops, releases):
    """Another process may have opened the gate: nothing is held beyond that.

    A hold without any end proves nothing: who ended it was not recorded.
    """
    for op in ops:
        cut = [(start, min([end] + [r for r in releases if r >= start]))
               for start, end in op.held]
        op.held = [(start, end) for start, end in cut if end != NEVER_NS]


def load_logs(logs):
    ops, releases = [], []
    for records in logs:
        more_ops, more_releases = load_log(records)
        ops += more_ops
        releases += more_releases
    cut_at_releases(ops, releases)
    return ops


def load_report(records):
    conflicts, summary = [], None
    for record in records:
        if record["type"] == "conflict":
            conflicts.append(Conflict(record))
        elif record["type"] == "summary":
            summary = record
    return conflicts, summary


# ---- judging ----

class OpIndex:
    """Recorded ops of a file and process, by time."""

    def __init__(self, ops):
        groups = collections.defaultdict(list)
        for op in ops:
            groups[op.file, op.pid].append(op)
        self.pids = {op.pid for op in ops}
        self.groups = {}
        for key, group in groups.items():
            group.sort(key=lambda op: op.before_ns)
            longest = max(op.done_ns - op.before_ns for op in group)
            self.groups[key] = (group, [op.before_ns for op in group], longest)

    def fitting(self, file, side):
        group, befores, longest = self.groups.get((file, side.pid), ([], [], 0))
        first = bisect.bisect_left(befores, side.begin_ns - longest)
        last = bisect.bisect_right(befores, side.begin_ns + side.early_ns)
        return [op for op in group[first:last] if op.fits(side)]


def contradiction(conflict):
    """What is wrong with it by its own words."""
    first, second = conflict.sides
    if first.kind == "read" and second.kind == "read":
        return "two reads"
    if not ranges_intersect(first, second):
        return "the ranges do not intersect"
    if first.begin_ns > second.begin_ns:
        return "the later window comes first"
    if first.end_ns is not None and first.end_ns < second.begin_ns:
        return "the windows do not intersect"
    if first.identity() == second.identity():
        return "an op conflicts with itself"
    return None


def refutation(conflict, index, closed):
    """Why it cannot have happened; None if it can; "stranger" if unknown."""
    wrong = contradiction(conflict)
    if wrong:
        return wrong
    unknown = [side for side in conflict.sides if side.pid not in index.pids]
    if unknown and not closed:
        return "stranger"
    first, second = (index.fitting(conflict.file, side) for side in conflict.sides)
    for side, found in zip(conflict.sides, (first, second)):
        if not found:
            return (f"no recorded op fits {side.kind} [{side.start}, {side.end}) "
                    f"by {side.pid}/{side.tid} at {side.begin_ns}")
    opened_ns = conflict.sides[1].begin_ns
    alive = [op for op in first if op.done_ns >= opened_ns]
    if not alive:
        return f"{first[0].name} had completed before {second[0].name}'s window opened"
    conflict.matches = [(a, b) for a in alive for b in second if may_conflict(a, b)]
    return None if conflict.matches else "the ops it means cannot conflict"


def find_impossible(conflicts, index, closed):
    impossible, strangers, seen = [], 0, set()
    for conflict in conflicts:
        why = refutation(conflict, index, closed)
        key = (conflict.file, frozenset(side.identity() for side in conflict.sides))
        if why != "stranger" and not why and key in seen:
            why = "this pair was reported twice"
        seen.add(key)
        if why == "stranger":
            strangers += 1
        elif why:
            impossible.append(f"conflict {conflict.id}: {why}")
    return impossible, strangers


def held_together(a, b):
    return any(max(x[0], y[0]) < min(x[1], y[1]) for x in a.held for y in b.held)


def ran_inside(a, b):
    """Did b begin and succeed while a was held?"""
    return b.succeeded and any(start <= b.before_ns and b.done_ns <= end for start, end in a.held)


def settle_certain(group):
    """What of their ranges the ops of one file touched for certain.

    A read ends where the file does. Where its size changes, it had one byte at least when the read
    began, if the read moved any; and a hole punched beyond the end changes nothing.
    """
    sizes = [op for op in group if op.kind == "size"]
    for op in group:
        start, end = op.certain
        if op.kind == "read":
            op.certain = (start, start + (min(op.moved, 1) if sizes else op.moved))
        elif op.kind == "mmap" or (op.kind == "size" and len(sizes) > 1 and not op.cuts):
            op.certain = (start, start)


def by_file(ops):
    files = collections.defaultdict(list)
    for op in ops:
        files[op.file].append(op)
    return list(files.values())


def certainly_meet(a, b):
    return a is not b and (a.kind != "read" or b.kind != "read") and \
        max(a.certain[0], b.certain[0]) < min(a.certain[1], b.certain[1])


def find_must(ops):
    must = {}
    for group in by_file(ops):
        settle_certain(group)
        for a in group:
            for b in group if a.held else ():
                if certainly_meet(a, b) and (held_together(a, b) or ran_inside(a, b)):
                    must[frozenset((id(a), id(b)))] = (a, b)
    return list(must.values())


def reported_pairs(conflicts):
    return {frozenset((id(a), id(b))) for conflict in conflicts for a, b in conflict.matches}


def overlapping_pairs(ops):
    """All pairs with intersecting intervals and ranges that may conflict, by sweep."""
    for group in by_file(ops):
        group.sort(key=lambda op: op.before_ns)
        live = []
        for number, op in enumerate(group):
            while live and live[0][0] < op.before_ns:
                heapq.heappop(live)
            for _, _, other in live:
                if may_conflict(op, other):
                    yield other, op
            heapq.heappush(live, (op.done_ns, number, op))


def is_likely(a, b, percent):
    shared = min(a.done_ns, b.done_ns) - max(a.before_ns, b.before_ns)
    shorter = max(1, min(a.done_ns - a.before_ns, b.done_ns - b.before_ns))
    return shared * 100 > percent * shorter


def confesses_loss(summary):
    if summary is None:
        return False
    return any(int(n) for n in summary["losses"].values()) or \
        int(summary["records"]["suppressed"]) > 0


def judge(report, logs, closed=False, no_losses=False, likely_percent=50):
    """Returns (lines to print, is anything disproved)."""
    lines, disproved, _ = count_all(report, logs, closed, no_losses, likely_percent)
    return lines, disproved


def count_all(report, logs, closed, no_losses, likely_percent):
    """The same, and the counts by name."""
    ops = load_logs(logs)
    conflicts, summary = load_report(report)
    impossible, strangers = find_impossible(conflicts, OpIndex(ops), closed)
    reported = reported_pairs(conflicts)
    must = find_must(ops)
    missed = [f"{a.name} and {b.name} were certainly in flight together and not reported"
              for a, b in must if frozenset((id(a), id(b))) not in reported]
    excused = confesses_loss(summary) and not no_losses
    possible = likely = likely_reported = 0
    for a, b in overlapping_pairs(ops):
        possible += 1
        if is_likely(a, b, likely_percent):
            likely += 1
            likely_reported += frozenset((id(a), id(b))) in reported
    lines = [f"ops {len(ops)}, conflicts {len(conflicts)}, with strangers {strangers}",
             f"possible pairs {possible}, likely {likely}, of which reported {likely_reported}",
             f"must {len(must)}, missed {len(missed)}{' (loss confessed)' if excused else ''}",
             f"impossible {len(impossible)}"]
    disproved = impossible + ([] if excused else missed)
    counts = {"ops": len(ops), "conflicts": len(conflicts), "impossible": len(impossible),
              "must": len(must), "missed": len(missed), "possible": possible, "likely": likely,
              "likely_reported": likely_reported,
              "bytes": sum(op.moved for op in ops if op.kind != "size"),
              "losses": {name: int(n) for name, n in summary["losses"].items() if int(n)}
              if summary else {}}
    return lines + disproved[:20], bool(disproved), counts


# ---- self-test: it must pass the good and fail each kind of bad ----

def sample_done(name, kind, start, end, before, done, **more):
    record = {"ev": "done", "op": name, "kind": kind, "engine": "sync", "mode": "direct",
              "dev": "7:0", "ino": 12, "start": start, "end": end, "pid": 100, "tid": 100,
              "before_ns": before, "return_ns": done, "done_ns": done, "res": end - start, "attempts": 1}
    record.update(more)
    return record


def sample_log():
    """A and B held at once from 30 to 40; C reads elsewhere; D writes later."""
    return [{"ev": "held", "op": "A", "by": "gate", "ns": 20},
            {"ev": "held", "op": "B", "by": "gate", "ns": 30},
            {"ev": "release", "ns": 40},
            sample_done("A", "write", 0, 4096, 10, 50, tid=101),
            sample_done("B", "read", 2048, 8192, 15, 60, tid=102),
            sample_done("C", "read", 65536, 69632, 10, 60, tid=103),
            sample_done("D", "write", 0, 4096, 70, 90, tid=101)]


def sample_side(kind, start, end, tid, begin, close):
    return {"op": kind, "mode": "direct", "start": start, "end": end, "async": False,
            "pid": 100, "tid": tid, "comm": "t", "begin_ns": begin, "end_ns": close}


def sample_conflict():
    return {"type": "conflict", "id": 1, "file": {"dev": "7:0", "ino": 12},
            "ops": [sample_side("write", 0, 4096, 101, 12, 45),
                    sample_side("read", 2048, 8192, 102, 17, 55)]}


def sample_summary():
    return {"type": "summary", "losses": {"untracked": 0}, "records": {"suppressed": 0}}


def change_side(number, **fields):
    def change(report, _log):
        report[0]["ops"][number].update(fields)
    return change


def change_op(name, **fields):
    def change(_report, log):
        next(r for r in log if r.get("op") == name and r["ev"] == "done").update(fields)
    return change


def drop_report(report, _log):
    del report[0]


def drop_report_with_loss(report, _log):
    del report[0]
    report[0]["losses"]["untracked"] = 1


def report_twice(report, _log):
    report.insert(1, copy.deepcopy(report[0]))



def swap_sides(report, _log):
    report[0]["ops"].reverse()


def no_holds(_report, log):
    log[:] = [r for r in log if r["ev"] == "done"]


def drop_report_without_holds(report, log):
    drop_report(report, log)
    no_holds(report, log)


def release_between(_report, log):
    log.insert(1, {"ev": "release", "ns": 25})


def drop_report_released_between(report, log):
    drop_report(report, log)
    release_between(report, log)


def drop_report_never_released(report, log):
    drop_report(report, log)
    del log[2]


def drop_report_buffered_write(report, log):
    drop_report(report, log)
    change_op("A", mode="buffered")(report, log)


def drop_report_fault_held(report, log):
    drop_report(report, log)
    change_op("A", mode="buffered")(report, log)
    log[0]["by"] = "fault"
    log.insert(2, {"ev": "feed", "op": "A", "ns": 39})


def uring_worker_tid(report, log):
    change_op("B", engine="uring-worker")(report, log)
    report[0]["ops"][1]["tid"] = 999


def append_somewhere(report, log):
    change_op("A", start=None, end=None)(report, log)
    report[0]["ops"][0].update(start=4096, end=8192)


def ran_inside_held(report, log):
    """B completes within A's hold and is not reported."""
    drop_report(report, log)
    del log[1]
    change_op("B", before_ns=25, done_ns=35)(report, log)


def failed_inside_held(report, log):
    ran_inside_held(report, log)
    change_op("B", res=-11)(report, log)


def add_op(log, name, kind, start, end, before, done, **more):
    log.append(sample_done(name, kind, start, end, before, done, **{"tid": 105, "res": 0, **more}))


def reads_to_a_moving_end(report, log):
    """A writes behind the first byte that B reads, and the file was cut once."""
    drop_report(report, log)
    change_op("A", start=4096, end=8192)(report, log)
    add_op(log, "T", "truncate", 1 << 20, 1 << 20, 1, 2)


def held_read_of_first_byte(report, log):
    reads_to_a_moving_end(report, log)
    change_op("A", start=0, end=4096)(report, log)


def short_read(report, log):
    drop_report(report, log)
    change_op("B", res=0)(report, log)


def cut_while_held(report, log):
    """A truncate runs while B, a read, is held: it must be reported."""
    drop_report(report, log)
    change_op("A", start=1 << 20, end=(1 << 20) + 4096)(report, log)
    add_op(log, "T", "truncate", 0, 0, 32, 38)


def punched_twice_while_held(report, log):
    """Of the second nobody knows whether the file still was that long."""
    drop_report(report, log)
    change_op("A", start=1 << 20, end=(1 << 20) + 4096)(report, log)
    add_op(log, "T", "truncate", 1 << 16, 1 << 16, 1, 2)
    add_op(log, "U", "punch", 0, 4096, 32, 38)


def met_a_store(report, log):
    """A stores to a page of B's range."""
    change_op("A", kind="mstore", start=4000, end=4096)(report, log)
    report[0]["ops"][0].update(op="mmap", start=0, end=4096)


def met_a_store_elsewhere(report, log):
    met_a_store(report, log)
    change_op("A", start=1 << 20, end=(1 << 20) + 8)(report, log)


def store_not_reported(report, log):
    met_a_store(report, log)
    drop_report(report, log)


def other_file(report, _log):
    report[0]["file"]["ino"] = 13


def stay(_report, _log):
    pass


SELFTEST = (
    # what is changed, is it disproved, a word of the reason
    ("the good sample", stay, False, ""),
    ("no holds, still possible", no_holds, False, ""),
    ("nothing reported, nothing held", drop_report_without_holds, False, ""),
    ("missed, but loss confessed", drop_report_with_loss, False, ""),
    ("held one after the other", drop_report_released_between, False, ""),
    ("held, and no end of it recorded", drop_report_never_released, False, ""),
    ("write-back held, not the write", drop_report_buffered_write, False, ""),
    ("a stranger's op", change_side(1, pid=5, tid=5), True, "not reported"),
    ("an io_uring worker did it", uring_worker_tid, False, ""),
    ("an append is anywhere", append_somewhere, False, ""),
    ("window still open", change_side(1, end_ns=None), False, ""),
    ("missed", drop_report, True, "not reported"),
    ("missed buffered write, held by fault", drop_report_fault_held, True, "not reported"),
    ("ran while the other was held", ran_inside_held, True, "not reported"),
    ("failed while the other was held", failed_inside_held, False, ""),
    ("a read of nothing", short_read, False, ""),
    ("a read below a moving end", reads_to_a_moving_end, False, ""),
    ("its first byte was there", held_read_of_first_byte, True, "not reported"),
    ("cut while the other was held", cut_while_held, True, "not reported"),
    ("punched, but beyond the end perhaps", punched_twice_while_held, False, ""),
    ("a store to one of its pages", met_a_store, False, ""),
    ("a store elsewhere", met_a_store_elsewhere, True, "no recorded op"),
    ("a store, not reported", store_not_reported, False, ""),
    ("reported twice", report_twice, True, "twice"),
    ("sides in the wrong order", swap_sides, True, "later window"),
    ("two reads", change_side(0, op="read"), True, "two reads"),
    ("no such range", change_side(0, end=12288), True, "no recorded op"),
    ("ranges apart", change_side(1, start=4096), True, "ranges"),
    ("no such thread", change_side(0, tid=104), True, "no recorded op"),
    ("no such file", other_file, True, "no recorded op"),
    ("window before its op", change_side(0, begin_ns=9), True, "no recorded op"),
    ("before its op, and said to be", change_side(0, begin_ns=9, begin_exact=False), False, ""),
    ("a tick before its op", change_side(0, begin_ns=9 - TICK_NS, begin_exact=False), True,
     "no recorded op"),
    ("window ends after its op", change_side(0, end_ns=51), True, "no recorded op"),
    ("windows apart", change_side(0, end_ns=16), True, "windows"),
    ("had completed", change_op("A", done_ns=16), True, "no recorded op"),
    ("had completed, end unknown",
     lambda r, l: (change_op("A", done_ns=16)(r, l), change_side(0, end_ns=None)(r, l)),
     True, "had completed"),
    ("direct, but it was buffered", change_op("B", mode="buffered"), True, "no recorded op"),
    ("an op with itself",
     lambda r, l: r[0]["ops"].__setitem__(1, copy.deepcopy(r[0]["ops"][0])), True, "itself"),
)


def selftest():
    failures = 0
    for name, change, want, word in SELFTEST:
        log, report = sample_log(), [sample_conflict(), sample_summary()]
        change(report, log)
        # the release in a log of its own, as from another process
        logs = [[r for r in log if r["ev"] != "release"],
                [r for r in log if r["ev"] == "release"]]
        lines, disproved = judge(report, [log])
        if judge(report, logs) != (lines, disproved):
            failures += 1
            print(f"not ok {name}: two logs and one differ")
        if disproved != want or (want and word not in " ".join(lines[4:])):
            failures += 1
            print(f"not ok {name}: {lines}")
    print(f"selftest: {len(SELFTEST)} samples, {failures} failed")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", nargs="?")
    parser.add_argument("logs", nargs="*")
    parser.add_argument("--selftest", action="store_true")
    parser.add_argument("--closed", action="store_true", help="no strangers touch the files")
    parser.add_argument("--no-losses", action="store_true", help="a loss excuses nothing")
    parser.add_argument("--counts", metavar="NAME", help="a line of JSON under that name, too")
    parser.add_argument("--likely", type=int, default=50, metavar="PERCENT")
    args = parser.parse_args()
    if args.selftest:
        return selftest()
    if not args.report or not args.logs:
        parser.error("a report and at least one log")
    lines, disproved, counts = count_all(read_lines(args.report),
                                         [read_lines(path) for path in args.logs],
                                         args.closed, args.no_losses, args.likely)
    print("\n".join(lines))
    if args.counts:
        print(json.dumps({"stream": args.counts, **counts}))
    return 1 if disproved else 0


if __name__ == "__main__":
    sys.exit(main())
