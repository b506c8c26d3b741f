# SPDX-License-Identifier: GPL-2.0
"""What became of a cell: what mkops saw of the two ops, and what iorace said about their file."""
import json
import os
import sys

import table
from table import INFINITY

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import pairs  # noqa: E402  (the independent judge of the end-to-end tests)


def read_events(path):
    with open(path, encoding="utf-8", errors="replace") as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


def find(events, kind, **fields):
    for event in events:
        if event.get("ev") == kind and all(event.get(k) == v for k, v in fields.items()):
            return event
    return None


class Report:
    """The report of one run over many files, asked file by file."""

    def __init__(self, path):
        objects = [json.loads(line) for line in open(path, encoding="utf-8")]
        self.summary = objects[-1]
        self.by_file = {}
        for each in objects:
            if each["type"] == "conflict":
                key = each["file"]["dev"], int(each["file"]["ino"])
                self.by_file.setdefault(key, []).append(each)

    def of(self, file):
        return self.by_file.get(file, [])

    def losses(self):
        return {name: n for name, n in self.summary["losses"].items() if int(n)}

    def serialized(self):
        """None where spans are not seen."""
        count = self.summary["pairs"].get("serialized")
        return None if count is None else int(count)


def answer_of(settled, conflicts):
    """In the words of the table."""
    if settled == "blocked":
        return "conflict" if conflicts else "serialized"
    return "conflict" if conflicts else "silent"


def side_matches(side, cell, spec):
    kinds = {"mstore": ("mmap", "write"), "mload": ("mmap", "read")}
    want = kinds.get(spec.kind, (spec.moves or "size",))
    if side["op"] not in want or (spec.moves and side["mode"] != spec.seen_as):
        return False
    if not spec.moves:
        return True
    end = INFINITY if side["end"] is None else int(side["end"])
    return (int(side["start"]), end) == spec.range(cell.size)


def conflict_trouble(cell, conflicts):
    """Why what was reported is not this pair, once."""
    if len(conflicts) != 1:
        return f"reported {len(conflicts)} times"
    sides = conflicts[0]["ops"]
    if not any(side_matches(one, cell, cell.a) and side_matches(other, cell, cell.b)
               for one, other in (sides, reversed(sides))):
        said = "; ".join(f"{s['mode']} {s['op']} {s['start']}..{s['end']}" for s in sides)
        return f"reported as {said}"
    return None


def disproof(report, conflicts, events, cell):
    if not (cell.a.is_data and cell.b.is_data):
        return None  # of stores and changes of size it knows no ranges
    for name, spec in (("A", cell.a), ("B", cell.b)):  # where an append lands is no secret here
        done = find(events, "done", op=name)
        if done and done["start"] is None:
            done["start"], done["end"] = spec.range(cell.size)
    lines, disproved = pairs.judge(conflicts + [report.summary], [events], closed=True,
                                   no_losses=True)
    return lines[-1] if disproved else None


def driver_trouble(events):
    trouble = find(events, "fail") or find(events, "error")
    if trouble:
        return " ".join(str(trouble.get(key, "")) for key in ("what", "op", "word", "res"))
    if find(events, "settled", op="B"):
        return None
    last = events[-1] if events else {"ev": "nothing"}
    return f"B never came to anything; last was {last['ev']} {last.get('op', '')}".rstrip()


def matches(cell, expected, got, settled):
    if expected == "unseen":  # both in flight, and the tool cannot know
        return got == "silent"
    if expected == "refused":
        return got == "silent" and settled == "done"
    return got == expected


def record(cell, events, report, kernel):
    """One line of results."""
    result = {"cell": cell.name}
    wrong = driver_trouble(events)
    if wrong:
        return {**result, "got": "trouble", "ok": False, "wrong": wrong}
    settled = find(events, "settled", op="B")["as"]
    prep = find(events, "prep")
    conflicts = report.of((prep["dev"], prep["ino"])) if report else []
    got = answer_of(settled, conflicts)
    if not report and cell.answer(kernel) == "conflict" and settled != "blocked":
        got = "conflict"  # without the tool: what its report would have to say
    result.update(got=got, b=settled)
    blocked = find(events, "blocked", op="B")
    if settled == "blocked" and blocked:
        result["where"] = blocked["where"]
    if not matches(cell, cell.answer(kernel), got, settled):
        wrong = f"{got}, not {cell.answer(kernel)}"
    elif report:
        wrong = (got == "conflict" and conflict_trouble(cell, conflicts)) or \
            disproof(report, conflicts, events, cell)
    result["ok"] = not wrong
    if wrong:
        result["wrong"] = wrong
    return result


def must_be_met(cell):
    """Spans are seen on two file systems only: elsewhere pairs are not known before they move."""
    start, end = cell.overlap()
    return cell.fs not in ("btrfs", "f2fs") and start < end and \
        all(spec.is_data and spec.offset is not None for spec in (cell.a, cell.b))


def run_trouble(report, records, cells, kernel):
    """What no single cell can show: losses, and pairs kept apart that were not met."""
    lost = set(report.losses()) - set(table.LOSSES_KNOWN.get(kernel, ()))
    if lost:
        return f"losses: {report.losses()}"
    kept = sum(1 for r in records if r["got"] == "serialized" and r["ok"] and
               must_be_met(cells[r["cell"]]))
    met = report.serialized()
    if met is not None and met < kept:
        return f"{met} pairs serialized by the report, {kept} were"
    return None


def is_excused(row, losses, kernel):
    """Did a loss that is known there, and was confessed, take what this cell should have shown?"""
    return not row.get("ok", True) and row.get("got") == "silent" and \
        any(int(losses.get(name, 0)) for name in table.LOSSES_KNOWN.get(kernel, ()))
