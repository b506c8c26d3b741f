/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Has the programs forget where in the in-flight table nobody stands any more: iorace/forget.h says
 * why, and why that loses nobody. There must be one for a table.
 */
#ifndef IORACE_LIVE_FORGETTER_H
#define IORACE_LIVE_FORGETTER_H

#include <linux/types.h>

struct forgetter;

/* The table, as maps that can be mapped and how many entries they have. All stay the caller's. */
struct forgetter_table {
	int lines_fd, wide_fd, slots_fd;
	__u32 lines, wide, slots;
	__u32 *noted; /* IOR_PLACES_ENTRIES of them, those of the programs */
};

/* NULL: no memory. */
struct forgetter *forgetter_new(const struct forgetter_table *table);
void forgetter_free(struct forgetter *forgetter);

/*
 * To be called once a second. Reads each line of the table if there is anything to be forgotten.
 * Where the table cannot be mapped nothing is: ops are slower then, and no less is seen.
 */
void forgetter_tick(struct forgetter *forgetter);

#endif
