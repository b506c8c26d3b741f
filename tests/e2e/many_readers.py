#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""many_readers.py FILE COUNT: direct reads of its first 4 KiB, each under another comm."""
import mmap
import os
import sys

PAGE = mmap.mmap(-1, 4096)


def main(path, count):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    for i in range(count):
        with open("/proc/self/comm", "w", encoding="ascii") as comm:
            comm.write(f"reader-{i}")
        if os.preadv(fd, [PAGE], 0) != 4096:
            sys.exit("short read")


main(sys.argv[1], int(sys.argv[2]))
