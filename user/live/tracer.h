/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel side as an object: open and size it, load, attach by plan, arm, read, close. Nothing
 * is pinned: when the process goes, however it goes, everything goes with it.
 */
#ifndef IORACE_LIVE_TRACER_H
#define IORACE_LIVE_TRACER_H

#include "live/plan.h"
#include "live/range_lock.h"

#include <iorace/records.h>

#define TRACER_IN_FLIGHT_DEFAULT 16384
#define TRACER_IN_FLIGHT_MIN 4
#define TRACER_IN_FLIGHT_MAX (1U << 18)

struct tracer_opts {
	struct ior_options options; /* filters; table and plan fields are filled in by the tracer */
	unsigned int in_flight;	    /* ops in flight that must find room; 0: default */
	unsigned int ring_bytes;    /* power of two; 0: default */
	unsigned int findings;	    /* findings kept in the kernel; 0: default */
	int cgroup_fd;		    /* directory of options.want_cgroup, else unused */
	const struct range_lock_plan *range_lock; /* under test; NULL: none */
};

struct tracer;

/* Everything up to attached but not yet armed. -errno with the reason; nothing stays behind. */
int tracer_open(const struct plan *plan, const struct kernel *kernel,
		const struct tracer_opts *opts, struct tracer **ret, struct reason *why);
void tracer_arm(struct tracer *tracer);

/* From here on nothing new begins; what is in flight may still end. */
void tracer_disarm(struct tracer *tracer);

/* Detaches and frees; NULL is fine. */
void tracer_free(struct tracer *tracer);
void tracer_freep(struct tracer **tracer);

/*
 * Called by the caller's clock once a second: lets cached path decisions age, detaches what nobody
 * needed for a minute, and has forgotten where no op stands any more.
 */
void tracer_tick(struct tracer *tracer);

/* An op began that may give up before its first bio: from now on that is seen (again). */
void tracer_see_submits(struct tracer *tracer);

/* Ops begun before arming are looked for until told that they have drained. */
void tracer_drained(struct tracer *tracer);

/* Kernel memory of the maps, in bytes. */
struct tracer_memory {
	unsigned long long each;   /* for each op that must find room, of `table` */
	unsigned long long table;  /* always: what is in flight, records and findings */
	unsigned long long spans;  /* and with spans */
	unsigned long long stacks; /* and with stacks */
};
struct tracer_memory tracer_memory(unsigned int in_flight);

struct ring_buffer;
typedef int (*tracer_record_fn)(void *arg, const void *bytes, size_t len);

/* An fd to poll for records, and the call that delivers them; 0 or -errno. */
int tracer_drain_open(struct tracer *tracer, tracer_record_fn fn, void *arg, int *ret_fd);
int tracer_drain(struct tracer *tracer);

/*
 * Addresses of a stack that a record names, innermost first, at most `room` of them. Returns how
 * many, 0 when the id is negative or its place was taken by another stack meanwhile.
 */
size_t tracer_stack(struct tracer *tracer, int id, unsigned long long *ret, size_t room);

/* Sums over all CPUs; losses include program runs that the kernel skipped. */
struct tracer_counters {
	unsigned long long stats[IOR_STAT_COUNT_];
	unsigned long long losses[IOR_LOSS_COUNT_];
	unsigned long long fs_ops[IOR_FS_COUNT_];
};
int tracer_counters(struct tracer *tracer, struct tracer_counters *ret);

/*
 * Waits by their length, and what the range lock did. Locks that are still held although their op
 * is over count as never released; those of an op that has just ended are given a moment.
 */
int tracer_waits(struct tracer *tracer, struct ior_wait_counters *ret);

/*
 * Calls fn for each row of a finding until it returns non-zero, which is then the result. A finding
 * may have one row of all CPUs and one of each. Of a tracer that has been disarmed.
 */
typedef int (*tracer_finding_fn)(void *arg, const struct ior_finding_key *key,
				 const struct ior_finding_value *value);
int tracer_findings(struct tracer *tracer, tracer_finding_fn fn, void *arg);

/*
 * The same for each file of which sums are kept, and at last for all others in one, whose identity
 * is zero; not that one when there are none.
 */
typedef int (*tracer_file_fn)(void *arg, const struct ior_file *file,
			      const struct ior_file_sums *sums);
int tracer_files(struct tracer *tracer, tracer_file_fn fn, void *arg);

#endif
