# SPDX-License-Identifier: GPL-2.0
"""The rules. Each looks at one Source and yields (line, what is wrong).

A rule that takes a stated reason says with which word: a comment that starts `word: reason`, on
the line or the one above. samples/ holds for every rule what it must accept and what it must
refuse; ./selftest proves that it does.
"""
import fnmatch
import re
from collections import namedtuple

Rule = namedtuple("Rule", "name applies check")


# ---- layers: who may include whom ---------------------------------------------------------------

class Layers:
    """layers.txt, read."""

    def __init__(self, text):
        self.level = {}   # room: how high
        self.apart = {}   # room: the rooms it may include
        self.only = []    # (rooms, patterns): no other room may include these
        self.never = []   # (rooms, patterns)
        self.system = {}  # room: the system headers it may include
        for number, line in enumerate(text.splitlines()):
            words = line.split("#")[0].replace(":", " : ").split()
            if words:
                self.read(number, words[0], words[1:])

    def read(self, number, verb, words):
        if verb == "room":
            self.level.update({room: number for room in words})
            return
        cut = words.index(":")
        rooms, rest = words[:cut], words[cut + 1:]
        if verb in ("only", "never"):
            getattr(self, verb).append((rooms, rest))
        elif verb in ("apart", "system"):
            for room in rooms:
                getattr(self, verb).setdefault(room, []).extend(rest)
        else:
            raise ValueError(f"layers.txt: no such verb: {verb}")

    def knows(self, room):
        return room in self.level or room in self.apart

    def may_include(self, room, other):
        if room == other:
            return True
        if room in self.apart:
            return other in self.apart[room]
        return self.level.get(other, 1 << 30) < self.level[room]


INCLUDE = re.compile(r'^\s*#\s*include\s*(<[^>]*>|"[^"]*")', re.M)


def includes(source):
    """(line, name, is_quoted) of each; from the text, since names are quoted."""
    for match in INCLUDE.finditer(source.text):
        line = source.line_of(match.start(1))
        yield line, match.group(1)[1:-1], match.group(1)[0] == '"'


def room_of_include(source, name, is_quoted):
    """The room a header is in; None: a system header. LookupError: there is no saying."""
    if name.startswith("iorace/"):
        return "include/iorace"
    if name == "vmlinux.h":
        return "vmlinux"
    if not is_quoted or fnmatch.fnmatch(name, "*.skel.h"):
        return None
    if ".." in name:
        raise LookupError
    if "/" not in name:
        if source.path.startswith("user/"):
            raise LookupError
        return source.room
    return "user/" + name.split("/")[0]


def check_layers(source, layers):
    room = source.room
    if not layers.knows(room):
        yield 1, f"{room} is not in layers.txt"
        return
    for line, name, is_quoted in includes(source):
        try:
            other = room_of_include(source, name, is_quoted)
        except LookupError:
            yield line, f'"{name}": write the room and the file, "room/file.h"'
            continue
        if other and not layers.may_include(room, other):
            yield line, f"{room} may not include {other} ({name})"
        for rooms, patterns in layers.only:
            if matches(name, patterns) and room not in rooms:
                yield line, f"{name} belongs to {', '.join(rooms)}"
        for rooms, patterns in layers.never:
            if matches(name, patterns) and room in rooms:
                yield line, f"{room} may not include {name}"
        if not other and room in layers.system and not matches(name, layers.system[room]):
            yield line, f"{room} may not include <{name}>, see layers.txt"


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)


# ---- length of functions ------------------------------------------------------------------------

FUNCTION_LINES_MAX = 60


def check_length(source):
    for function in source.functions():
        lines = function.last - function.first + 1
        if lines > FUNCTION_LINES_MAX and not source.is_excused("long", *function[1:]):
            yield function.first, (f"{function.name}() has {lines} lines, {FUNCTION_LINES_MAX} is "
                                   "the limit; a table says /* long: reason */")


# ---- printing and failing -----------------------------------------------------------------------

ERROR_OUTPUT = (r"\b(?:fprintf|vfprintf|fputs|fputc|putc|fwrite|fflush)\s*\([^;]*\bstderr\b"
                r"|\bdprintf\s*\(\s*(?:2|STDERR_FILENO)\b"
                r"|\b(?:perror|v?warnx?|v?errx?|psignal|error)\s*\(")
ANY_OUTPUT = (r"\bstd(?:out|err)\b"
              r"|\b(?:v?printf|puts|putchar|perror|v?warnx?|v?errx?|psignal)\s*\(")
ANY_FILE = (r"\bFILE\b|\b(?:fopen|fdopen|popen|fclose|v?[fd]?printf|f?puts|fread|fwrite|fgets"
            r"|getline|f?scanf)\s*\(")


def check_prints(source):
    """cmd/exit.c alone speaks to standard error; rooms below serve never do, nor to output."""
    if source.room == "user/model":
        for line, match in source.find(ANY_FILE):
            yield line, f"{source.room} does no IO: {match.group()}"
    if source.room not in ("user/cmd", "user/serve", "user/top"):
        for line, match in source.find(ANY_OUTPUT):
            yield line, f"{source.room} never prints: {match.group()}"
    elif source.path != "user/cmd/exit.c":
        for line, _ in source.find(ERROR_OUTPUT):
            yield line, "prints to standard error and goes on: return fail(...)"


def check_fail(source):
    """fail() prints and gives the exit status: if nobody returns it, the tool fails with 0."""
    for line, match in source.find(r"(?<![\w.>])fail\s*\("):
        statement = re.split(r"[;{}]", source.code[:match.start()])[-1]
        if re.search(r"\breturn\b|=", statement) or re.search(r"\bint\s+$", statement):
            continue
        if not source.is_excused("unreturned", line):
            yield line, "the status of fail() goes nowhere; /* unreturned: reason */ if meant"


# ---- names in the contract ----------------------------------------------------------------------

DECLARED = (
    (r"^(?:struct|union) (\w+) \{", "ior_", "struct"),
    (r"^enum (\w+) \{", "ior_", "enum"),
    (r"^typedef [^;]*?\b(\w+);", "ior_", "type"),
    (r"^#\s*define (\w+)", "IOR", "macro"),
)


def check_names(source):
    for pattern, prefix, kind in DECLARED:
        for line, match in source.find(pattern):
            name = match.group(1)
            if not name.startswith(prefix) and not stands_in(source, line, name):
                yield line, f"{kind} {name}: what is in include/ starts with {prefix}"
    for function in source.functions():
        if not function.name.startswith("ior_"):
            yield function.first, f"{function.name}(): what is in include/ starts with ior_"
    for line, name in enumerators(source):
        if not name.startswith("IOR_"):
            yield line, f"{name}: enumerators in include/ start with IOR_"


def stands_in(source, line, name):
    """A macro the compiler's headers may lack: #ifndef X, #define X."""
    above = source.code_lines[line - 2] if line > 1 else ""
    return re.fullmatch(r"\s*#\s*ifndef " + name + r"\s*", above) is not None


def enumerators(source):
    for line, match in source.find(r"^enum\b[^;{]*\{([^}]*)\}"):
        for name in re.finditer(r"(?:^|,)\s*(\w+)", match.group(1)):
            yield source.line_of(match.start(1) + name.start(1)), name.group(1)


# ---- one truth ----------------------------------------------------------------------------------

END = r"(?:\w|\.|->|\[[^]]*\]|\(\))*"
OVERLAP = (END + r"(?:\.|->)start\s*<=?\s*" + END + r"(?:\.|->)end\b|" +
           END + r"(?:\.|->)end\s*>=?\s*" + END + r"(?:\.|->)start\b|" +
           END + r"(?:\.|->)end\s*<=?\s*" + END + r"(?:\.|->)start\b|" +
           END + r"(?:\.|->)start\s*>=?\s*" + END + r"(?:\.|->)end\b")


def check_range(source):
    for line, match in source.find(OVERLAP):
        if not source.is_excused("range", line):
            yield line, (f"{match.group().strip()}: whether ranges meet is said by iorace/range.h; "
                         "/* range: reason */ if this is another question")


# ---- kernel differences -------------------------------------------------------------------------

def check_compat(source):
    for line, match in source.find(r"\bbpf_core_(?:field_exists|type_exists|type_matches"
                                   r"|enum_value(?:_exists)?)\b"):
        if source.path != "bpf/compat.bpf.h":
            yield line, f"{match.group()} belongs into bpf/compat.bpf.h"
    for line, match in source.find(r"\b(?:LINUX_VERSION_CODE|(?:LINUX_)?KERNEL_VERSION)\b"):
        yield line, f"{match.group()}: ask for the feature, never the version"


# ---- where kernel types come from ---------------------------------------------------------------

def check_vmlinux(source, readme):
    """vmlinux/README.md has a row for each type, and in it each field that is relocated."""
    rows = dict(re.findall(r"^\| `(\w+)` (\|[^|]*\|)", readme, re.M))
    pushed = source.code.find("#pragma clang attribute push")
    for line, match in source.find(r"^(?:typedef )?struct (\w*) ?\{([^}]*)\} ?(\w*);"):
        name = match.group(1) or match.group(3)
        if match.start() < pushed:
            continue
        for field in re.findall(r"(\w+)(?:\[\w*\])?;", match.group(2)):
            if f"`{field}`" not in rows.get(name, ""):
                yield line, f"{name}.{field} is not in vmlinux/README.md"


# ---- enums --------------------------------------------------------------------------------------

def counted_enumerators(sources):
    """Enumerators of the enums that end in X_COUNT_: those have texts."""
    names = set()
    for source in sources:
        for _, match in source.find(r"^enum\b[^;{]*\{([^}]*_COUNT_\b[^}]*)\}"):
            names.update(re.findall(r"(?:^|,)\s*(\w+)", match.group(1)))
    return names


def check_switches(source, counted):
    """With a default the compiler says nothing when an enum that has texts grows."""
    for line, match in source.find(r"\bswitch\s*\("):
        body = balanced(source.code, source.code.index("{", match.end()))
        cases = set(re.findall(r"\bcase\s+(\w+)\s*:", body))
        if cases & counted and re.search(r"\bdefault\s*:", body):
            if not source.is_excused("default", line):
                yield line, f"switch over {sorted(cases & counted)[0]}... has a default"


def balanced(code, brace):
    depth = 0
    for at in range(brace, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return code[brace:at]
    return code[brace:]


def check_tables(source, counted):
    """A table with a row for each enumerator: a static assert says that none is missing."""
    for line, match in source.find(r"(\w+)\[(\w*)\](?:\[\w+\])*\s*=\s*\{\s*\[(\w+)\]"):
        name, size, first = match.groups()
        if first not in counted:
            continue
        if size:
            yield line, f"{name}[{size}]: write {name}[], or a row that is missing goes unseen"
        elif not re.search(r"_Static_assert\s*\(\s*ARRAY_SIZE\(" + name + r"\)", source.code):
            yield line, f"{name}: no _Static_assert says that every enumerator has its row"


# ---- macros -------------------------------------------------------------------------------------

def check_macros(source):
    for line, match in source.find(r"^[ \t]*#[ \t]*define\b(?:[^\n]*\\\n)*[^\n]*"):
        hidden = re.search(r"\b(return|goto|continue)\b", match.group())
        if hidden:
            yield line, f"a macro hides `{hidden.group()}`"


# ---- text ---------------------------------------------------------------------------------------

COLUMNS_MAX = 100
# Spelled so that this line does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
SHARED_TOPS = "bin dev etc home lib media mnt opt proc root run sbin srv sys tmp usr var".split()


def machine_path(home):
    """What gives away where this tree stands: its path, and the top of it unless all have that."""
    top = home.split("/")[1]
    paths = [home] + ([] if top in SHARED_TOPS else ["/" + top])
    return re.compile(r"(?<![\w.$}/])(?:%s)(?![\w.-])" % "|".join(map(re.escape, paths)))


def check_spdx(source):
    head = source.lines[:2]
    at = 1 if head and head[0].startswith("#!") else 0
    if len(head) <= at or "SPDX-License-Identifier: GPL-2.0" not in head[at]:
        yield at + 1, "the first line says SPDX-License-Identifier: GPL-2.0"


def may_be_wide(source, line):
    """A text that somebody may search for stays in one piece, and so does a row of a table."""
    is_row = not source.is_c and line.count(" | ") >= 3
    return source.path.endswith(".md") or '"' in line or "'" in line or is_row


def check_text(source, path_of_machine):
    for number, line in enumerate(source.lines, 1):
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
        if len(line.expandtabs(8)) > COLUMNS_MAX and not may_be_wide(source, line):
            yield number, f"more than {COLUMNS_MAX} columns"
        if source.is_c and re.match(r" {8}| +\t", line):
            yield number, "indented by blanks, not tabs"
        if UNFINISHED.search(line):
            yield number, "unfinished: " + UNFINISHED.search(line).group()
        if path_of_machine.search(line):
            yield number, "a path of this machine"
    if source.text and not source.text.endswith("\n"):
        yield len(source.lines), "no newline at the end of the file"


# ---- which rule looks where ---------------------------------------------------------------------

def in_rooms(*tops):
    return lambda source: source.is_c and source.path.split("/")[0] in tops


def is_source(source):
    name = source.path.rsplit("/", 1)[-1]
    return source.is_c or source.path.endswith((".py", ".sh")) or name == "Makefile" or \
        source.text.startswith("#!")


def everywhere(_):
    return True


def all_rules(layers, sources, home):
    """`sources`: the whole tree, for rules that must know what is declared elsewhere. `home`: its
    absolute path."""
    path_of_machine = machine_path(home)
    readme = "".join(source.text for source in sources if source.path == "vmlinux/README.md")
    counted = counted_enumerators(source for source in sources if source.is_c)
    return [
        Rule("layers", in_rooms("user", "include", "bpf"), lambda s: check_layers(s, layers)),
        Rule("length", in_rooms("user", "include", "bpf", "tests"), check_length),
        Rule("prints", in_rooms("user"), check_prints),
        Rule("fail", in_rooms("user"), check_fail),
        Rule("names", in_rooms("include"), check_names),
        Rule("range", lambda s: in_rooms("user", "include", "bpf")(s) and
             s.path != "include/iorace/range.h", check_range),
        Rule("compat", in_rooms("user", "include", "bpf", "vmlinux", "tests"), check_compat),
        Rule("vmlinux", lambda s: s.path == "vmlinux/vmlinux.h",
             lambda s: check_vmlinux(s, readme)),
        Rule("switches", in_rooms("user", "include", "bpf"), lambda s: check_switches(s, counted)),
        Rule("tables", in_rooms("user", "include", "bpf"), lambda s: check_tables(s, counted)),
        Rule("macros", in_rooms("user", "include", "bpf", "tests"), check_macros),
        Rule("spdx", is_source, check_spdx),
        Rule("text", everywhere, lambda s: check_text(s, path_of_machine)),
    ]
