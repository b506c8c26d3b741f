// SPDX-License-Identifier: GPL-2.0
#include "vmlinux.h"

#include "op.bpf.h"

#include <bpf/bpf_helpers.h>
#include <iorace/slot.h>
