// SPDX-License-Identifier: GPL-2.0
/* test_inflight_stress.c where a full line of a page has no next one: inodes are spread at once. */
#define NEAR_LINES 1U
#define ROUNDS 4
#include "test_inflight_stress.c"
