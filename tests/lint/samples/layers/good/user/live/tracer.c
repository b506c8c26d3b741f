// SPDX-License-Identifier: GPL-2.0
#include "live/tracer.h"

#include "iorace.skel.h"

#include <bpf/libbpf.h>
