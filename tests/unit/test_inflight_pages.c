// SPDX-License-Identifier: GPL-2.0
/* test_inflight.c with as many lines to a page as there are with 64 CPUs. */
#define IOR_PACKED_MASK 1023U
#include "test_inflight.c"
