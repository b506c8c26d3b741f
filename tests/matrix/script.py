# SPDX-License-Identifier: GPL-2.0
"""What mkops is told to do for one cell: A is held, then B is started, and what becomes of it said."""

import table

FILL_A, FILL_B = "a1", "b2"
FOR_US = ("fault", "waits")  # options that are not mkops's


def open_line(name, path, spec):
    flags = list(spec.flags)
    if spec.mode == "direct":
        flags.append("direct")
    return " ".join(["open", name, path, "creat", *flags])


def lay_out(cell, path, name):
    """Through a descriptor that wants direct IO where an op of the cell does."""
    direct = "direct" if "direct" in cell.modes else ""
    kind = cell.layout if cell.layout in ("unwritten", "hole") else "written"
    yield f"open {name} {path} creat {direct}"
    yield f"prep {name} {cell.size} {kind}"
    if cell.layout == "two-extents":
        yield f"op C{name} collapse {name} off=32K len=32K"
        yield f"start C{name}"
        yield f"expect C{name} ok"
    if cell.layout == "shared":
        yield f"sh cp --reflink=always {path} {path}.twin"
        yield f"drop {name}"


def op_line(name, spec, fill):
    options = [f"off={spec.offset or 0}", f"len={spec.length}", f"engine={spec.engine}",
               f"fill={fill}"]
    kind = spec.kind
    if kind == "copyread":  # named by what it reads, given by where it writes
        to = next(o[3:] for o in spec.options if o.startswith("to="))
        options = [f"off={table.number(to)}", f"len={spec.length}", f"from={spec.offset}"]
    for option in spec.options:
        if option not in FOR_US and not option.startswith(("expect=", "to=")):
            options.append(option)
    if kind.startswith("copy"):
        kind = "copy"
    if spec.kind == "mstore":  # one that has begun; a second one is its fault alone
        options += ["fault=1"] if name == "A" else []
    elif spec.by_fault:
        options.append("fault=0")
    return " ".join(["op", name, kind, name, *options])


def gate_rules(cell):
    """What the gate holds, in order of the ops."""
    rules = []
    for spec, fill in ((cell.a, FILL_A), (cell.b, FILL_B)):
        if spec.by_fault:
            continue
        if spec.kind == "write":
            rules.append(f"gate hold write fill={fill}")
        elif spec.kind == "read" or spec is cell.a:
            rules.append("gate hold read")
    return list(dict.fromkeys(rules))


def result_lines(name, spec):
    want = [option[7:] for option in spec.options if option.startswith("expect=")] or ["ok"]
    yield f"wait {name}" if want == ["any"] else f"expect {name} {want[0]}"


def script(cell, mnt):
    """The lines for this cell, on the file system mounted there."""
    path = f"{mnt}/{cell.title.replace('/', '.')}"
    other = f"{path}.other" if cell.elsewhere else path
    yield from lay_out(cell, path, "P")
    if cell.elsewhere:
        yield from lay_out(cell, other, "O")
    yield open_line("A", path, cell.a)
    yield open_line("B", other, cell.b)
    yield op_line("A", cell.a, FILL_A)
    yield op_line("B", cell.b, FILL_B)
    yield from gate_rules(cell)
    yield "start A"
    # btrfs does not say where on the disk a range is: whatever is read now is A's.
    yield "gate wait 1 read" if cell.fs == "btrfs" and cell.a.kind == "read" else "held A"
    if cell.a.engine != "sync" and not cell.a.by_fault and "waits" not in cell.a.options:
        yield "returned A"  # and with it the lock is dropped
    yield "start B"
    yield "settle B"
    if gate_rules(cell):
        yield "gate open"
    if cell.a.kind == "mstore":  # what it stores later must not meet B by chance
        yield "feed B"
        yield "wait B"
    yield "feed A B"
    yield from result_lines("A", cell.a)
    yield from result_lines("B", cell.b)
    # What is written back later must not be taken for an op of the next cell.
    yield "flush P"
