// SPDX-License-Identifier: GPL-2.0
#include "load.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define NS_PER_SEC 1000000000.0

struct job {
	const struct load *load;
	atomic_bool *stop;
	pthread_barrier_t *start;
	pthread_t thread;
	const struct load_files *files;
	unsigned int cpu;
	uint64_t random;
	char *buffer;
	off_t at; /* of the next block in turn */
	uint64_t ops;
	double wall_ns;
	double cpu_ns;
	int error;
};

static double clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* xorshift64: a few cycles, and good enough to choose blocks. */
static uint64_t xorshift(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static uint64_t next_random(struct job *job)
{
	return xorshift(&job->random);
}

static int next_fd(struct job *job)
{
	switch (job->load->on) {
	case FILE_OF_THE_JOB:
		return job->files->fds[job->cpu];
	case FILE_OF_ALL:
		return job->files->fds[0];
	case FILE_LARGE:
		return job->files->large[0];
	case FILE_CACHED:
		return job->files->cached[job->cpu];
	case FILE_LOG:
		return job->files->logs[job->cpu];
	case FILES_MANY:
		break;
	}
	return job->files->many[(next_random(job) >> 16) % job->files->many_len];
}

static void fill_random(uint64_t *random, char *buffer, size_t bytes)
{
	uint64_t *words = (uint64_t *)buffer;

	for (size_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = xorshift(random);
}

static off_t next_in_turn(struct job *job)
{
	off_t at = job->at;

	if ((size_t)at >= job->load->region_bytes) {
		at = 0;
		if (job->load->on == FILE_LOG && ftruncate(next_fd(job), 0))
			job->error = -errno;
	}
	job->at = at + job->load->block_bytes;
	return at;
}

static off_t random_offset(struct job *job, size_t block_bytes)
{
	uint64_t blocks = job->load->region_bytes / block_bytes;

	return (next_random(job) >> 16) % blocks * block_bytes;
}

static off_t next_offset(struct job *job)
{
	return job->load->sequential ? next_in_turn(job)
				     : random_offset(job, job->load->block_bytes);
}

static bool next_is_write(struct job *job)
{
	return (next_random(job) >> 16) % 100 < job->load->write_percent;
}

/* ---- engines --------------------------------------------------------------------------------- */

static int run_psync(struct job *job)
{
	while (!atomic_load_explicit(job->stop, memory_order_relaxed)) {
		bool larger = job->load->larger_bytes && job->ops & 1;
		size_t len = larger ? job->load->larger_bytes : job->load->block_bytes;
		off_t at = larger ? random_offset(job, len) : next_offset(job);
		int fd = next_fd(job);
		ssize_t n = next_is_write(job) ? pwrite(fd, job->buffer, len, at)
					       : pread(fd, job->buffer, len, at);

		if (n != (ssize_t)len)
			return n < 0 ? -errno : -EIO;
		job->ops++;
	}
	return job->error;
}

static void aim(struct job *job, struct iocb *iocb)
{
	*iocb = (struct iocb){
		.aio_lio_opcode = next_is_write(job) ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
		.aio_fildes = next_fd(job),
		.aio_buf = (uintptr_t)job->buffer,
		.aio_nbytes = job->load->block_bytes,
		.aio_offset = next_offset(job),
		.aio_data = (uintptr_t)iocb,
	};
}

/* What came back is aimed anew and goes out again, until it is time to stop; then drain. */
static int turn_around(struct job *job, aio_context_t context, unsigned int *in_flight)
{
	struct io_event events[LOAD_DEPTH_MAX];
	struct iocb *again[LOAD_DEPTH_MAX];
	long n = syscall(SYS_io_getevents, context, 1L, (long)*in_flight, events, NULL);

	if (n < 0)
		return -errno;
	for (long i = 0; i < n; i++) {
		if (events[i].res != job->load->block_bytes)
			return -EIO;
		again[i] = (struct iocb *)(uintptr_t)events[i].data;
		aim(job, again[i]);
	}
	job->ops += n;
	*in_flight -= n;
	if (atomic_load_explicit(job->stop, memory_order_relaxed))
		return 0;
	if (syscall(SYS_io_submit, context, n, again) != n)
		return -EIO;
	*in_flight += n;
	return 0;
}

static int run_aio(struct job *job)
{
	unsigned int depth = job->load->depth, in_flight = 0;
	struct iocb iocbs[LOAD_DEPTH_MAX], *first[LOAD_DEPTH_MAX];
	aio_context_t context = 0;
	int r = 0;

	if (syscall(SYS_io_setup, depth, &context))
		return -errno;
	for (unsigned int i = 0; i < depth; i++) {
		first[i] = &iocbs[i];
		aim(job, first[i]);
	}
	if (syscall(SYS_io_submit, context, (long)depth, first) != (long)depth)
		r = -EIO;
	else
		in_flight = depth;
	while (!r && in_flight)
		r = turn_around(job, context, &in_flight);
	syscall(SYS_io_destroy, context);
	return r;
}

/* False: the ring is full. */
static bool uring_aim(struct job *job, struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	size_t len = job->load->block_bytes;
	off_t at = next_offset(job);

	if (!sqe)
		return false;
	if (next_is_write(job))
		io_uring_prep_write(sqe, next_fd(job), job->buffer, len, at);
	else
		io_uring_prep_read(sqe, next_fd(job), job->buffer, len, at);
	return true;
}

/* As turn_around(). */
static int uring_turn_around(struct job *job, struct io_uring *ring, unsigned int *in_flight)
{
	bool stop = atomic_load_explicit(job->stop, memory_order_relaxed);
	struct io_uring_cqe *cqe;
	unsigned int head, n = 0;
	int r = io_uring_submit_and_wait(ring, 1);

	if (r < 0)
		return r;
	io_uring_for_each_cqe(ring, head, cqe)
	{
		if (cqe->res != (int)job->load->block_bytes)
			return cqe->res < 0 ? cqe->res : -EIO;
		n++;
	}
	io_uring_cq_advance(ring, n);
	job->ops += n;
	*in_flight -= n;
	for (; !stop && n && uring_aim(job, ring); n--)
		++*in_flight;
	return 0;
}

static int run_uring(struct job *job)
{
	unsigned int in_flight = 0;
	struct io_uring ring;
	int r = io_uring_queue_init(job->load->depth, &ring, 0);

	if (r < 0)
		return r;
	while (in_flight < job->load->depth && uring_aim(job, &ring))
		in_flight++;
	while (!r && in_flight)
		r = uring_turn_around(job, &ring, &in_flight);
	io_uring_queue_exit(&ring);
	return r;
}

static int run_engine(struct job *job)
{
	switch (job->load->engine) {
	case LOAD_PSYNC:
		return run_psync(job);
	case LOAD_AIO:
		return run_aio(job);
	case LOAD_URING:
		break;
	}
	return run_uring(job);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void *job_main(void *arg)
{
	struct job *job = arg;
	cpu_set_t cpus;
	double wall, cpu;

	CPU_ZERO(&cpus);
	CPU_SET(job->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	pthread_barrier_wait(job->start);
	wall = clock_ns(CLOCK_MONOTONIC);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	job->error = run_engine(job);
	job->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	job->wall_ns = clock_ns(CLOCK_MONOTONIC) - wall;
	return NULL;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

/* "reads writes", as /sys/block/DEVICE/inflight has it. */
static double requests_in_flight(const char *path)
{
	_cleanup_(fclosep) FILE *f = path ? fopen(path, "re") : NULL;
	unsigned int reads, writes;

	return f && fscanf(f, "%u %u", &reads, &writes) == 2 ? reads + writes : 0;
}

static int sum_up(const struct job *jobs, unsigned int count, struct load_result *ret)
{
	struct load_result sum = {};

	for (unsigned int i = 0; i < count; i++) {
		if (jobs[i].error)
			return jobs[i].error;
		sum.ops += jobs[i].ops;
		sum.wall_ns += jobs[i].wall_ns / count;
		sum.job_ns += jobs[i].cpu_ns;
	}
	*ret = sum;
	return 0;
}

int load_run(const struct load *load, const struct load_files *files, unsigned int run_ms,
	     struct load_result *ret)
{
	static char buffers[LOAD_JOBS_MAX][LOAD_BLOCK_BYTES_MAX] __attribute__((aligned(4096)));
	static uint64_t seed = 0x9E3779B97F4A7C15ULL;
	struct job jobs[LOAD_JOBS_MAX] = {};
	pthread_barrier_t start;
	atomic_bool stop = false;
	double cpu, in_flight;
	int r;

	pthread_barrier_init(&start, NULL, files->jobs + 1);
	for (unsigned int i = 0; i < files->jobs; i++) {
		jobs[i] = (struct job){
			.load = load,
			.stop = &stop,
			.start = &start,
			.files = files,
			.cpu = i,
			.random = seed += 0x9E3779B97F4A7C15ULL,
			.buffer = buffers[i],
		};
		memset(buffers[i], 0, load->block_bytes);
		if (load->on == FILE_LARGE)
			fill_random(&jobs[i].random, buffers[i], load->block_bytes);
		r = pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]);
		if (r)
			abort(); /* the others wait at the barrier for ever */
	}
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	pthread_barrier_wait(&start);
	sleep_ms(run_ms / 2);
	in_flight = requests_in_flight(files->in_flight);
	sleep_ms(run_ms - run_ms / 2);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < files->jobs; i++)
		pthread_join(jobs[i].thread, NULL);
	cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	pthread_barrier_destroy(&start);
	r = sum_up(jobs, files->jobs, ret);
	if (!r) {
		ret->cpu_ns = cpu;
		ret->in_flight = in_flight;
	}
	return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Written once, so that later IO finds written extents and the inode's S_NOSEC set. */
static int make_file(const char *dir, const char *name, unsigned int i, off_t bytes, bool random)
{
	static char data[1 << 20] __attribute__((aligned(4096)));
	static uint64_t seed = 0x9E3779B97F4A7C15ULL;
	_cleanup_(closep) int fd = -1;
	char path[4096];

	memset(data, 0, sizeof(data));

	snprintf(path, sizeof(path), "%s/%s.%u", dir, name, i);
	fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (off_t at = 0; at < bytes; at += sizeof(data)) {
		if (random)
			fill_random(&seed, data, sizeof(data));
		if (pwrite(fd, data, sizeof(data), at) != (ssize_t)sizeof(data))
			return errno ? -errno : -EIO;
	}
	if (fsync(fd))
		return -errno;
	return take_fd(fd);
}

static int make_files(const char *dir, const char *name, unsigned int count, off_t bytes,
		      bool random, int *fds, unsigned int *len)
{
	for (; *len < count; ++*len) {
		int fd = make_file(dir, name, *len, bytes, random);

		if (fd < 0)
			return fd;
		fds[*len] = fd;
	}
	return 0;
}

/* All of it in the page cache. */
static int open_cached(const char *dir, struct load_files *files)
{
	static char block[1 << 20];
	char path[4096];

	for (unsigned int i = 0; i < files->jobs; i++) {
		int fd = make_file(dir, "cached", i, LOAD_CACHED_BYTES, false);

		if (fd < 0)
			return fd;
		close(fd);
		snprintf(path, sizeof(path), "%s/cached.%u", dir, i);
		files->cached[i] = open(path, O_RDWR | O_CLOEXEC);
		if (files->cached[i] < 0)
			return -errno;
		while (read(files->cached[i], block, sizeof(block)) > 0)
			;
	}
	return 0;
}

int load_open(const char *dir, unsigned int jobs, bool with_large, const char *in_flight,
	      struct load_files *ret)
{
	struct load_files files = {.in_flight = in_flight};
	unsigned int logs = 0;
	int r;

	if (jobs > LOAD_JOBS_MAX)
		jobs = LOAD_JOBS_MAX;
	r = make_files(dir, "load", jobs, LOAD_FILE_BYTES, false, files.fds, &files.jobs);
	if (!r && with_large)
		r = make_files(dir, "large", 1, LOAD_LARGE_BYTES, true, files.large,
			       &files.large_len);
	if (!r)
		r = make_files(dir, "many", LOAD_MANY, LOAD_MANY_BYTES, false, files.many,
			       &files.many_len);
	if (!r)
		r = make_files(dir, "log", jobs, 0, false, files.logs, &logs);
	if (!r)
		r = open_cached(dir, &files);
	if (r)
		load_close(&files);
	else
		*ret = files;
	return r;
}

void load_close(struct load_files *files)
{
	while (files->jobs) {
		close(files->fds[--files->jobs]);
		if (files->logs[files->jobs] > 0)
			close(files->logs[files->jobs]);
		if (files->cached[files->jobs] > 0)
			close(files->cached[files->jobs]);
	}
	while (files->large_len)
		close(files->large[--files->large_len]);
	while (files->many_len)
		close(files->many[--files->many_len]);
}
