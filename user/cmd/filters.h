/* SPDX-License-Identifier: GPL-2.0 */
/* The filters that all commands share, from words to what the kernel side compares. */
#ifndef IORACE_CMD_FILTERS_H
#define IORACE_CMD_FILTERS_H

#include "base/cli.h"
#include "base/err.h"
#include "live/tracer.h"

struct filter_opts {
	struct cli_list paths;
	struct cli_list inodes;
	struct cli_list devs;
	struct cli_list fs;
	struct cli_list pids;
	const char *comm;
	const char *cgroup;
	uint32_t modes; /* bit mask of enum ior_mode, 0: all */
	uint32_t kinds; /* bit mask: ww, rw; 0: all */
	uint64_t min_overlap_bytes;
};

extern const struct opt filter_opts[];

/*
 * Fills the filter fields of tracer->options, and tracer->cgroup_fd, which the caller closes.
 * -errno with the reason, which names the option.
 */
int filters_resolve(const struct filter_opts *filters, struct tracer_opts *tracer,
		    struct reason *why);
void filters_done(struct filter_opts *filters);

#endif
