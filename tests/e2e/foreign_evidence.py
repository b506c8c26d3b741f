#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""foreign_evidence.py contradict|garbage: what iorace stress would hand over to iorace check, made up.

contradict: a torn read that no conflict explains; garbage: bytes that are no record. The layout is
that of user/stress/handover.h.
"""
import os
import struct
import sys
import time

MAGIC, BEGIN, TORN, END = 0x31736E74, 1, 2, 3
RUN, INO, DEV = 77, 4711, (254 << 20) | 9
XFS, INIT_PID_NS = 0x58465342, 0xEFFFFFFC
OPS_MAX, RUNS_MAX, PAIRS_MAX = 24, 32, 16
READ, WRITE, DIRECT = 0, 1, 0
TORN_READ, MIX = 1, 0


def record(kind, body):
    return struct.pack("=IIQQ", MAGIC, kind, 24 + len(body), RUN) + body


def operation(worker, kind, begin_ns, end_ns):
    return struct.pack("=QQQQQIIIBB??", 0, 65536, 1, begin_ns, end_ns, worker, 1, worker,
                       kind, DIRECT, False, False)


def torn(now_ns):
    operations = operation(1, READ, now_ns - 2000, now_ns - 1000) + \
        operation(2, WRITE, now_ns - 3000, now_ns - 1500)
    evidence = struct.pack("=II??6xQQQ", TORN_READ, MIX, False, False, 2, 0, 1)
    evidence += operations.ljust(OPS_MAX * 56, b"\0")
    evidence += bytes(RUNS_MAX * 24)
    evidence += struct.pack("=ii", 0, 1).ljust(PAIRS_MAX * 8, b"\0")
    return record(TORN, struct.pack("=Q", 1) + evidence)


def main():
    fd = int(os.environ["IORACE_EVIDENCE"].split(":")[0])
    if sys.argv[1] == "garbage":
        os.write(fd, b"no record at all, and longer than the head of one")
        return
    file = struct.pack("=QQIIQ", INO, 0, DEV, 0, XFS)
    os.write(fd, record(BEGIN, file + struct.pack("=QQ", INIT_PID_NS, False)))
    os.write(fd, torn(time.monotonic_ns()))
    os.write(fd, record(END, struct.pack("=Q", 1)))


main()
