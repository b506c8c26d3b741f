# SPDX-License-Identifier: GPL-2.0
"""The table of cells, its skips and its reasons, as values. The files say how they are written."""
import fnmatch
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
KERNELS = ("6.1", "6.12", "6.12-rt", "6.18")
ANSWERS = ("conflict", "serialized", "silent", "refused", "unseen")
MODES = ("direct", "dax", "buffered", "size", "mmap")
ENGINES = ("sync", "libaio", "uring", "uring-worker", "uring-sqpoll")
OPEN_FLAGS = ("append", "dsync")
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40, "E": 60}
INFINITY = 1 << 63
# What the kernel moves without a buffer of the caller: the part of it that the cell is about.
WITHIN = {"splice": "read", "copyread": "read", "copywrite": "write"}
ELSEWHERE = "other file"  # the twin of an op that is about a file as a whole
LAYOUT_BYTES = "256K"
# PREEMPT_RT preempts a BPF program like any other code, and skips it for whoever comes to it on
# that CPU meanwhile: counted, so that such a run is never "clean", and no fault of a cell that came
# out. An op whose begin was skipped ends like one from before attach.
LOSSES_KNOWN = {"6.12-rt": ("missed_runs", "before_attach")}


class Wrong(Exception):
    """A line that nobody can mean."""


def number(text):
    """64K, 8E-4K, 0"""
    total = 0
    for sign, digits, unit in re.findall(r"([-]?)(\d+)([KMGTE]?)", text):
        total += (-1 if sign else 1) * (int(digits) << UNITS[unit])
    if not re.fullmatch(r"\d+[KMGTE]?(-\d+[KMGTE]?)?", text):
        raise Wrong(f"no number: {text}")
    return total


class Spec:
    """One op of a cell: MODE KIND OFFSET+LENGTH [ENGINE] [OPTION...]."""

    def __init__(self, text):
        self.text = text
        words = text.split()
        if len(words) < 3 or words[0] not in MODES:
            raise Wrong(f"not MODE KIND RANGE: {text}")
        self.mode, self.kind, place = words[:3]
        self.seen_as = self.mode
        self.engine, self.flags, self.options = "sync", [], []
        for word in words[3:]:
            self._take(word)
        self.offset, self.length = self._place(place)

    def _take(self, word):
        if word in ENGINES:
            self.engine = word
        elif word in OPEN_FLAGS:
            self.flags.append(word)
        elif word.startswith("as="):
            self.seen_as = word[3:]
        else:
            self.options.append(word)

    def _place(self, place):
        if place.startswith("end+"):  # appended: the kernel chooses
            self.flags.append("append")
            return None, number(place[4:])
        offset, _, length = place.partition("+")
        return number(offset), number(length) if length else 0

    def moved(self, place):
        """The same op elsewhere."""
        words = self.text.split()
        words[2] = place
        return Spec(" ".join(words))

    @property
    def is_data(self):
        return self.kind in ("read", "write")

    @property
    def moves(self):
        """Which way: read or write; None for changes of size and stores."""
        return WITHIN.get(self.kind, self.kind if self.is_data else None)

    @property
    def by_fault(self):
        """Held by a page of its buffer: copies never wait for the gate."""
        if self.mode == "size" or self.kind in WITHIN:
            return False
        return self.seen_as != "direct" or "fault" in self.options

    def range(self, size):
        """[start, end) as the tool should see it."""
        start = size if self.offset is None else self.offset
        if self.kind in ("truncate", "collapse", "insert", "swapext"):
            return start, INFINITY
        end = start + self.length
        return (start, min(end, max(size, start))) if self.moves == "read" else (start, end)


class Cell:
    """One line of the table, on one file system; or its twin."""

    def __init__(self, fields, fs):
        self.title, _, self.layout, a, b, self.twin_place, expected, self.why = fields
        self.fs = fs
        self.name = f"{fs}/{self.title}"
        self.a, self.b = Spec(a), Spec(b)
        self.layout_text = self.layout
        self.layout, _, size = self.layout.partition(":")
        self.size = number(size or LAYOUT_BYTES)
        self.expected = parse_expected(expected)
        self.is_twin = self.elsewhere = False

    def answer(self, kernel):
        return self.expected.get(kernel, self.expected["any"])

    @property
    def modes(self):
        return {self.a.mode, self.b.mode, self.a.seen_as, self.b.seen_as}

    def twin(self, kernel):
        """The same two ops apart from each other; None where they do not conflict anyway."""
        if self.answer(kernel) != "conflict":
            return None
        twin = Cell.__new__(Cell)
        twin.__dict__.update(self.__dict__)
        twin.name += "/twin"
        twin.title += "/twin"
        twin.elsewhere = self.twin_place == ELSEWHERE
        if not twin.elsewhere:
            twin.b = self.b.moved(self.twin_place)
        twin.expected = {"any": "silent"}
        twin.is_twin = True
        return twin

    def overlap(self):
        first, second = self.a.range(self.size), self.b.range(self.size)
        return max(first[0], second[0]), min(first[1], second[1])


def parse_expected(text):
    words = text.split()
    expected = {"any": words[0]}
    for word in words[1:]:
        kernel, _, answer = word.partition("=")
        if kernel not in KERNELS:
            raise Wrong(f"no such kernel: {kernel}")
        expected[kernel] = answer
    if not set(expected.values()) <= set(ANSWERS):
        raise Wrong(f"no such answer: {text}")
    if "6.12" in expected:
        expected.setdefault("6.12-rt", expected["6.12"])
    return expected


def lines_of(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as stream:
        for at, line in enumerate(stream, 1):
            line = line.split("#", 1)[0].rstrip()
            if line:
                yield f"{name}:{at}", line


def read_cells():
    cells = []
    for where, line in lines_of("cells"):
        fields = [field.strip() for field in line.split("|")]
        try:
            if len(fields) != 8:
                raise Wrong(f"{len(fields)} fields, not 8")
            for fs in fields[1].split():
                cells.append(Cell(fields, fs))
            if "conflict" in fields[6] and fields[5] == "-":
                raise Wrong("a conflict without a twin")
        except Wrong as wrong:
            raise Wrong(f"{where}: {wrong}") from wrong
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise Wrong(f"two cells are {name}")
    return cells


def kernel_of(release):
    """6.12.117+deb12-rt-amd64 -> 6.12-rt"""
    version = ".".join(release.split(".")[:2])
    return version + "-rt" if "-rt" in release else version


class Skips:
    """Declared: KERNEL PROPERTY=VALUE REASON."""

    def __init__(self):
        self.rules = [line.split(None, 2) for _, line in lines_of("skips.txt")]

    def reason(self, kernel, cell):
        for pattern, what, reason in self.rules:
            key, _, value = what.partition("=")
            have = {"fs": {cell.fs}, "mode": cell.modes, "name": {cell.name}}[key]
            if fnmatch.fnmatch(kernel, pattern) and fnmatch.filter(have, value):
                return reason
        return None


def read_reasons():
    """{key: (text, [(kernel, place, function)])}"""
    reasons, key = {}, None
    for where, line in lines_of("reasons"):
        if line[0] != "\t":
            key, _, text = line.partition(": ")
            reasons[key] = (text, [])
        elif re.match(r"\t\d", line):
            kernel, place, word = line.split(None, 2)
            reasons[key][1].append((kernel, place, word))
        else:
            reasons[key] = (reasons[key][0] + " " + line.strip(), reasons[key][1])
        if not reasons[key][0]:
            raise Wrong(f"{where}: a reason without words")
    return reasons
