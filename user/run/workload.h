/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command under `check`: started stopped, let go when the tracer is armed. It and all it starts
 * live in a cgroup of their own; where none can be made, they are told by descent.
 */
#ifndef IORACE_RUN_WORKLOAD_H
#define IORACE_RUN_WORKLOAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop;

struct workload {
	char *const *argv;
	pid_t pid;     /* 0: not running */
	int go_fd;     /* a byte here lets the child go */
	int word_fd;   /* what the child has to say before it is the command */
	int cgroup_fd; /* -1: followed by descent instead */
	char *cgroup_dir;
	int evidence_fd; /* for iorace stress, should the command start it; -1: none */
	int exit;	 /* -1: none */
	int signal;	 /* 0: none */
	bool ended;
	bool time_over;	   /* told to end because its time is over */
	uint32_t tree_pid; /* when followed by descent: the process everything descends from */
};

void workload_init(struct workload *workload, char *const *argv);

/* Makes the cgroup, or prepares following by descent. */
int workload_prepare(struct workload *workload, struct reason *why);

/* Forks; the child waits. -ENOENT and the like come back here, before anything was let go. */
int workload_start(struct workload *workload, const struct loop *loop, struct reason *why);

/* The child becomes the command. Returns when it has, or why it could not. */
int workload_go(struct workload *workload, struct reason *why);

/* Did it fail or get killed, other than by being told that its time is over? */
bool workload_failed(const struct workload *workload);

/* Passes a signal on. */
void workload_signal(const struct workload *workload, int signo);

/*
 * Of the processes that an ended command started, how many still run? One that is about to end is
 * given a moment. Where the command is followed by descent, 1 stands for any number.
 */
unsigned int workload_left_running(const struct workload *workload);

/* Ends a child that still waits, removes the cgroup; safe at any time. */
void workload_done(struct workload *workload);

#endif
