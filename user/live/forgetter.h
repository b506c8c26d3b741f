/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Has the programs forget where in the in-flight table nobody stands any more: iorace/forget.h says
 * why, and why that loses nobody. There must be one for a table.
 */
#ifndef IORACE_LIVE_FORGETTER_H
#define IORACE_LIVE_FORGETTER_H

#include <linux/types.h>

struct forgetter;

/* The slots as a map that can be mapped, and how many they are. All stays the caller's. */
struct forgetter_table {
	int slots_fd;
	__u32 slots;
	__u32 *noted; /* IOR_PLACES_ENTRIES of them, those of the programs */
};

/* NULL: no memory. */
struct forgetter *forgetter_new(const struct forgetter_table *table);
void forgetter_free(struct forgetter *forgetter);

/*
 * To be called once a second. Reads each slot of the table if there is anything to be forgotten.
 * Where they cannot be mapped nothing is: ops are slower then, and no less is seen.
 */
void forgetter_tick(struct forgetter *forgetter);

#endif
