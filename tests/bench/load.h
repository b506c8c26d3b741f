/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Load generator: jobs that keep the CPUs busy with IO. A job is a thread, one per CPU and pinned
 * there, so that a run may be as short as a fraction of a second.
 */
#ifndef IORACE_BENCH_LOAD_H
#define IORACE_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_engine {
	LOAD_PSYNC,
	LOAD_AIO,
	LOAD_URING
};

/* Which rungs are measured on it. */
enum load_group {
	GROUP_FIRST = 1, /* every one of direct IO */
	GROUP_DIRECT = 2,
	GROUP_DEPTH = 4,    /* on the device that holds requests: how many are in flight */
	GROUP_REQUESTS = 8, /* there, those that see requests only */
	GROUP_BUFFERED = 16,
};

struct load {
	const char *name;
	const char *text;
	unsigned int groups;
	enum load_engine engine;
	unsigned int block_bytes;
	unsigned int depth; /* not LOAD_PSYNC: IOs in flight per job */
	unsigned int write_percent;
	size_t region_bytes; /* IOs stay within the first so many bytes of the file */
	enum {
		FILE_OF_THE_JOB,
		FILE_OF_ALL,
		FILE_LARGE,
		FILES_MANY,
		FILE_CACHED,
		FILE_LOG
	} on;
	bool sequential; /* one block behind the other; a full region begins anew, a log empty */
	unsigned int larger_bytes; /* LOAD_PSYNC: every other IO is so large; 0: all are alike */
};

#define LOAD_JOBS_MAX 64
#define LOAD_BLOCK_BYTES_MAX (1U << 20)
#define LOAD_FILE_BYTES (32UL << 20)
#define LOAD_LARGE_BYTES (256UL << 20)
#define LOAD_CACHED_BYTES (8UL << 20)
#define LOAD_MANY 64
#define LOAD_MANY_BYTES (1UL << 20)
#define LOAD_DEPTH_MAX 4096

struct load_files {
	int fds[LOAD_JOBS_MAX]; /* LOAD_FILE_BYTES each */
	unsigned int jobs;
	int large[1]; /* LOAD_LARGE_BYTES, used by all, of data that does not compress */
	unsigned int large_len;
	int many[LOAD_MANY]; /* LOAD_MANY_BYTES each */
	unsigned int many_len;
	int logs[LOAD_JOBS_MAX];   /* empty */
	int cached[LOAD_JOBS_MAX]; /* LOAD_CACHED_BYTES, opened for buffered IO */
	const char *in_flight;	   /* a file that says how many requests are, or NULL */
};

struct load_result {
	uint64_t ops;
	double wall_ns;	  /* mean of the jobs */
	double job_ns;	  /* CPU time of the jobs */
	double cpu_ns;	  /* CPU time of the whole process: with whoever consumes events */
	double in_flight; /* requests, half-way; 0: not known */
};

/* Files written once, opened for direct IO. `in_flight` may be NULL. 0 or -errno. */
int load_open(const char *dir, unsigned int jobs, bool with_large, const char *in_flight,
	      struct load_files *ret);
void load_close(struct load_files *files);

int load_run(const struct load *load, const struct load_files *files, unsigned int run_ms,
	     struct load_result *ret);

#endif
