/* SPDX-License-Identifier: GPL-2.0 */
/* Names of control groups (v2) by id. */
#ifndef IORACE_SYMBOL_CGROUPS_H
#define IORACE_SYMBOL_CGROUPS_H

#include <stdint.h>

struct cgroups {
	void *tree; /* id -> path, also of ids that have none */
	int root_fd;
	char *mount_point;
};

/* Never fails: without cgroup v2 every answer is "unknown". */
void cgroups_init(struct cgroups *cgroups);
void cgroups_done(struct cgroups *cgroups);

/* Path below the cgroup root, "/" for the root itself; NULL: unknown or gone. */
const char *cgroups_resolve(struct cgroups *cgroups, uint64_t id);

#endif
