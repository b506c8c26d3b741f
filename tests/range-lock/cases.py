# SPDX-License-Identifier: GPL-2.0
"""The variants and the cases, as values; and is what came out what must come out?"""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = {"clean": ("verdict", "clean"), "conflicts": ("verdict", "conflicts")}
FIGURES = ("conflicts", "overlapping", "serialized", "unproven", "range_lock", "i_rwsem", "needless",
           "early", "flaws", "both_held", "ranges_apart", "one_held")

INODE_LOCK = ("i_rwsem_exclusive", "i_rwsem_shared_exclusive", "inode_dio_wait")
FLAWS = ("early_releases", "overrun", "never_released", "acquired_late", "unmatched_releases",
         "untracked")
SLIPPED = ("both_held", "ranges_apart", "one_held")


class Wrong(Exception):
    """A line that nobody can mean."""


class Variant:
    """One module: a file system and its patches."""

    def __init__(self, fields):
        self.name, self.fs, patches, self.what = fields
        self.patches = patches.split()


class Case:
    """One stress of one variant, and what must come out."""

    def __init__(self, fields, variants):
        self.variant, self.title, self.way, options, expected = fields
        if self.variant not in variants:
            raise Wrong(f"no variant {self.variant}")
        if self.way not in ("dax", "direct", "async"):
            raise Wrong(f"no such way: {self.way}")
        self.fs = variants[self.variant].fs
        self.name = f"{self.variant}/{self.title}"
        self.options = options.split()
        self.expected = expected.split()
        for word in self.expected:
            failure(word, dict.fromkeys(FIGURES, 0) | {"verdict": "", "torn": 0})

    @property
    def is_luck(self):
        """Whether two ops meet in the middle, so that it shows, is."""
        return "torn" in self.expected or "conflicts" in self.expected

    def option(self, name, otherwise):
        return self.options[self.options.index(name) + 1] if name in self.options else otherwise

    @property
    def workers(self):
        return int(self.option("--writers", 2)) + int(self.option("--readers", 2))


def lines_of(name, fields):
    with open(os.path.join(HERE, name), encoding="utf-8") as stream:
        for line in stream:
            if line.strip() and not line.startswith("#"):
                parts = [part.strip() for part in line.split("|")]
                if len(parts) != fields:
                    raise Wrong(f"{name}: not {fields} fields: {line.strip()}")
                yield parts


def read_variants():
    return {v.name: v for v in (Variant(fields) for fields in lines_of("variants", 4))}


def read_cases():
    variants = read_variants()
    cases = [Case(fields, variants) for fields in lines_of("cases", 5)]
    if len({case.name for case in cases}) != len(cases):
        raise Wrong("two cases of one name")
    for name in set(variants) - {case.variant for case in cases}:
        raise Wrong(f"no case of {name}")
    return cases


def percent_needless(summary, workers):
    needless = summary["wait_ns"]["needless"]
    if needless is None:
        return None
    return round(100 * int(needless) / (int(summary["duration_ns"]) * workers), 3)


def figures(summary, workers):
    """What a case is judged by; None: not measured."""
    pairs, lock, stress = summary["pairs"], summary.get("range_lock"), summary["stress"] or {}
    return {"verdict": summary["verdict"], "reason": summary["reason"],
            "ops": summary["ops"]["read"] + summary["ops"]["write"],
            "conflicts": pairs["conflicts"], "overlapping": pairs["overlapping"],
            "serialized": pairs["serialized"], "unproven": pairs["unproven"],
            "range_lock": pairs["serialized_by"].get("range_lock", 0),
            "i_rwsem": sum(pairs["serialized_by"].get(name, 0) for name in INODE_LOCK),
            "needless": percent_needless(summary, workers),
            "early": lock["early_releases"] if lock else 0,
            "flaws": sum(lock[name] for name in FLAWS) if lock else 0,
            **({name: lock["slipped"][name] if lock else 0 for name in SLIPPED}),
            "torn": stress.get("torn", 0), "contradicted": stress.get("contradicted", 0),
            "losses": {k: n for k, n in summary["losses"].items() if n}}


def failure(word, got):
    """What is wrong about one expectation; None: nothing."""
    if word in WORDS:
        name, wanted = WORDS[word]
        return None if got[name] == wanted else f"{name} is {got[name]}"
    if word in ("torn", "whole"):
        return None if (got["torn"] > 0) == (word == "torn") else f"{got['torn']} torn results"
    match = re.fullmatch(r"([a-z_]+)([<=>])(\d+)", word)
    if not match or match[1] not in FIGURES:
        raise Wrong(f"no expectation: {word}")
    value = got[match[1]]
    if value is None:
        return f"{match[1]} is not measured"
    right = {"<": value < int(match[3]), "=": value == int(match[3]), ">": value > int(match[3])}
    return None if right[match[2]] else f"{match[1]} is {value}, not {match[2]}{match[3]}"


def failures(case, got):
    wrong = [text for text in (failure(word, got) for word in case.expected) if text]
    if got["contradicted"]:
        wrong.append(f"{got['contradicted']} torn results without a conflict")
    # With conflicts, more of them may have been missed: that is said, and is no contradiction.
    if got["losses"] and got["verdict"] != "conflicts":
        wrong.append(f"lost: {got['losses']}")
    return wrong
