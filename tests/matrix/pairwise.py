# SPDX-License-Identifier: GPL-2.0
"""Is each pair of file system, mode, engine and shape in some cell? What cannot be is in
pairwise.txt, with the reason."""
import fnmatch
import itertools

import table

PLACES = {"written": "written", "unwritten": "unwritten", "hole": "hole",
          "two-extents": "several extents", "shared": "shared"}
BORDER = 64 << 10
LIMITS = {1 << 63: "at the limit", 16 << 40: "at the limit"}


def relation(cell):
    """How the two ranges lie to each other."""
    a, b = cell.a.range(cell.size), cell.b.range(cell.size)
    start, end = cell.overlap()
    if a == b:
        return "identical"
    if start == end:
        return "adjacent"
    if start > end:
        return "disjoint"
    if end - start == 1:
        return "one byte"
    return "nested" if (start, end) in (a, b) else "partial"


def places(cell):
    """What there is to say of the place, beside what the blocks are."""
    for spec in (cell.a, cell.b):
        start, end = spec.range(cell.size)
        if end in LIMITS or cell.size >= 1 << 40:
            yield "at the limit"
        elif spec.moves and start >= cell.size and spec.offset is not None:
            yield "beyond the end"
        elif spec.moves == "write" and end > cell.size or spec.offset is None:
            yield "extending"
        if spec.moves and spec.offset is not None and (start % 4096 or end % 4096):
            yield "unaligned by position"
        if any(option.startswith("align=") for option in spec.options):
            yield "unaligned by buffer"
        if spec.moves and start // BORDER != (end - 1) // BORDER and end - start <= 2 * BORDER:
            yield "across a border"


def mode_of(cell):
    modes = {cell.a.mode, cell.b.mode}
    for one in ("mmap", "size"):
        if one in modes:
            return one
    return "mixed" if len(modes) > 1 else modes.pop()


def properties(cell):
    """All that this cell has of each property."""
    yield "fs", {cell.fs}
    yield "mode", {mode_of(cell)}
    yield "engine", {spec.engine for spec in (cell.a, cell.b) if spec.is_data}
    yield "shape", {relation(cell), PLACES[cell.layout], *places(cell)}


def seen_pairs(cells):
    seen = set()
    twins = [cell.twin("6.12") for cell in cells]
    for cell in cells + [twin for twin in twins if twin]:
        have = list(properties(cell))
        for (key, values), (other, others) in itertools.combinations(have, 2):
            seen |= {(key, value, other, another) for value in values for another in others}
    return seen


def all_pairs(cells):
    """Whatever occurs at all, with whatever else occurs."""
    values = {}
    for cell in cells:
        for key, have in properties(cell):
            values.setdefault(key, set()).update(have)
    for (key, one), (other, another) in itertools.combinations(values.items(), 2):
        for value, with_value in itertools.product(sorted(one), sorted(another)):
            yield key, value, other, with_value


def impossible():
    """[(value, value, reason)]: globs, in either order."""
    for where, line in table.lines_of("pairwise.txt"):
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != 3 or not fields[2]:
            raise table.Wrong(f"{where}: not VALUE | VALUE | REASON")
        yield fields


def is_impossible(pair, rules):
    _, one, _, other = pair
    return any(fnmatch.fnmatchcase(one, a) and fnmatch.fnmatchcase(other, b) or
               fnmatch.fnmatchcase(other, a) and fnmatch.fnmatchcase(one, b)
               for a, b, _ in rules)


def missing(cells):
    """(pairs that no cell has, rules that are not needed)"""
    seen, rules = seen_pairs(cells), list(impossible())
    lacking = [pair for pair in all_pairs(cells) if pair not in seen]
    idle = [rule for rule in rules if not any(is_impossible(pair, [rule]) for pair in lacking)]
    return [pair for pair in lacking if not is_impossible(pair, rules)], idle
