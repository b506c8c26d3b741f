/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load generator: jobs that keep the CPUs busy with direct IO at random blocks. A job is a thread,
 * one per CPU and pinned there, so that a run may be as short as a fraction of a second.
 */
#ifndef IORACE_BENCH_LOAD_H
#define IORACE_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_engine { LOAD_PSYNC, LOAD_AIO, LOAD_URING };

struct load {
	const char *name;
	const char *text;
	enum load_engine engine;
	unsigned int block_bytes;
	unsigned int depth; /* not LOAD_PSYNC: IOs in flight per job */
	unsigned int write_percent;
	size_t region_bytes; /* IOs stay within the first so many bytes of the file */
	enum { FILE_OF_THE_JOB, FILE_OF_ALL, FILES_MANY } on;
};

#define LOAD_JOBS_MAX 64
#define LOAD_FILE_BYTES (32UL << 20)
#define LOAD_MANY 64
#define LOAD_MANY_BYTES (1UL << 20)
#define LOAD_DEPTH_MAX 4096

struct load_files {
	int fds[LOAD_JOBS_MAX]; /* LOAD_FILE_BYTES each */
	unsigned int jobs;
	int many[LOAD_MANY]; /* LOAD_MANY_BYTES each */
	unsigned int many_len;
};

struct load_result {
	uint64_t ops;
	double wall_ns; /* mean of the jobs */
	double job_ns;	/* CPU time of the jobs */
	double cpu_ns;	/* CPU time of the whole process: with whoever consumes events */
};

/* Files written once, opened for direct IO. 0 or -errno. */
int load_open(const char *dir, unsigned int jobs, struct load_files *ret);
void load_close(struct load_files *files);

int load_run(const struct load *load, const struct load_files *files, unsigned int run_ms,
	     struct load_result *ret);

#endif
