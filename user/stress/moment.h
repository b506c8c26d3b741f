/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IORACE_STRESS_MOMENT_H
#define IORACE_STRESS_MOMENT_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC: of two moments the smaller one was earlier, whichever CPU they were taken on. */
static inline uint64_t moment_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

#endif
