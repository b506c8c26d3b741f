# SPDX-License-Identifier: GPL-2.0
"""A file as the rules read it: lines, the same without comments and strings, its functions."""
import os
import re
from collections import namedtuple

Function = namedtuple("Function", "name first last")  # lines count from 1, signature included

# Comments first: a quote in a comment opens no string, a comment in a string is none.
COMMENT_OR_STRING = re.compile(
    r"""/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.S | re.X)
BPF_NAME = re.compile(r"\bBPF_\w*(?:PROG|PROBE)\w*\(\s*(\w+)")
PLAIN_NAME = re.compile(r"\b(?!SEC\b|__attribute__\b|_cleanup_\b)(\w+)\s*\(")


class Source:
    def __init__(self, root, path):
        with open(os.path.join(root, path), encoding="utf-8") as stream:
            self.text = stream.read()
        self.path = path
        self.lines = self.text.split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.code = without_comments_and_strings(self.text)
        self.code_lines = self.code.split("\n")[:len(self.lines)]

    @property
    def room(self):
        """`user/live` of user/live/plan.c, `bpf` of bpf/op.bpf.c."""
        parts = os.path.dirname(self.path).split("/")
        depth = 2 if parts[0] in ("user", "include", "tests") else 1
        return "/".join(parts[:depth])

    @property
    def is_c(self):
        return self.path.endswith((".c", ".h"))

    def line_of(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def find(self, pattern):
        """(line, match) of every place in the code, not in comments or strings."""
        for match in re.finditer(pattern, self.code, re.M):
            yield self.line_of(match.start()), match

    def is_excused(self, key, first, last=None):
        """Is there a comment `key: reason` on these lines or the one above?"""
        near = self.lines[max(first - 2, 0):last or first]
        return any(re.search(r"/\* " + key + r": \w", line) for line in near)

    def functions(self):
        for at, line in enumerate(self.code_lines):
            if line.rstrip() == "{" and self.code_lines[at - 1].rstrip().endswith(")"):
                first = signature_start(self.code_lines, at)
                name = function_name(" ".join(self.code_lines[first:at]))
                yield Function(name, first + 1, body_end(self.code_lines, at) + 1)


def without_comments_and_strings(text):
    """The same text, same length, same lines; what was quoted or commented is blank."""
    def blank(match):
        found = match.group()
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)
    return COMMENT_OR_STRING.sub(blank, text)


def signature_start(lines, brace):
    first = brace
    while first > 0:
        above = lines[first - 1].rstrip()
        if above == "" or above[0] == "#" or above[-1] in ";}":
            break
        first -= 1
    return first


def function_name(signature):
    match = BPF_NAME.search(signature) or PLAIN_NAME.search(signature)
    return match.group(1) if match else "?"


def body_end(lines, brace):
    for at in range(brace, len(lines)):
        if lines[at].startswith("}"):
            return at
    return len(lines) - 1


def walk(root, folders, wanted):
    """Paths below `folders` of `root` that `wanted` accepts, sorted."""
    found = []
    for folder in folders:
        top = os.path.join(root, folder)
        if os.path.isfile(top):
            found.append(folder)
        for place, _, names in os.walk(top):
            found += [os.path.relpath(os.path.join(place, name), root) for name in names]
    return sorted(path for path in found if wanted(path))
