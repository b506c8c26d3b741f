// SPDX-License-Identifier: GPL-2.0
/*
 * hammer FILE JOBS BYTES MILLISECONDS: a storm of conflicts whose number is known. One direct write
 * over everything stands still in the middle of its window, since a page of its buffer is not there
 * (userfaultfd); meanwhile every job writes BYTES of its own, as fast as it can, each time over
 * what is being written: as many conflicts as ops. Prints how many and what they took.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 64
#define BYTES_MAX (1U << 20)
#define PATIENCE_MS 10000

struct job {
	pthread_t thread;
	int fd;
	unsigned int number;
	size_t bytes;
	uint64_t ops;
	uint64_t cpu_ns;
	int error;
};

struct parked {
	pthread_t thread;
	int fd;
	int faults; /* userfaultfd */
	char *buffer;
	size_t bytes;
	ssize_t written;
};

static pthread_barrier_t start;
static atomic_bool stop;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void *pages(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* ---- the write that all others meet ---------------------------------------------------------- */

static void *park(void *arg)
{
	struct parked *p = arg;

	p->written = pwrite(p->fd, p->buffer, p->bytes, 0);
	return NULL;
}

/* Back once it stands in the data path: it is there that its buffer is missed. */
static int park_begin(struct parked *p)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct pollfd wait = {.events = POLLIN};

	p->buffer = pages(p->bytes);
	p->faults = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (!p->buffer || p->faults < 0)
		return errno;
	range.range.start = (uintptr_t)p->buffer;
	range.range.len = p->bytes;
	if (ioctl(p->faults, UFFDIO_API, &api) || ioctl(p->faults, UFFDIO_REGISTER, &range))
		return errno;
	if (pthread_create(&p->thread, NULL, park, p))
		return EAGAIN;
	wait.fd = p->faults;
	return poll(&wait, 1, PATIENCE_MS) == 1 ? 0 : ETIMEDOUT;
}

static int park_end(struct parked *p)
{
	struct uffdio_zeropage zero = {.range = {(uintptr_t)p->buffer, p->bytes}};

	if (ioctl(p->faults, UFFDIO_ZEROPAGE, &zero))
		return errno;
	pthread_join(p->thread, NULL);
	return p->written == (ssize_t)p->bytes ? 0 : EIO;
}

/* ---- the others ------------------------------------------------------------------------------ */

static int write_on(struct job *job, const char *buffer)
{
	off_t at = (off_t)job->number * job->bytes;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		if (pwrite(job->fd, buffer, job->bytes, at) != (ssize_t)job->bytes)
			return errno ? errno : EIO;
		job->ops++;
	}
	return 0;
}

static void *job_main(void *arg)
{
	struct job *job = arg;
	char *buffer = pages(job->bytes);
	uint64_t cpu;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(job->number % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
	pthread_barrier_wait(&start);
	cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	job->error = buffer ? write_on(job, buffer) : ENOMEM;
	job->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	return NULL;
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static int hammer(struct job *jobs, unsigned int count, unsigned int ms)
{
	uint64_t ops = 0, cpu_ns = 0, wall_ns;

	pthread_barrier_init(&start, NULL, count + 1);
	for (unsigned int i = 0; i < count; i++) {
		if (pthread_create(&jobs[i].thread, NULL, job_main, &jobs[i]))
			abort(); /* the others wait at the barrier for ever */
	}
	pthread_barrier_wait(&start);
	wall_ns = clock_ns(CLOCK_MONOTONIC);
	sleep_ms(ms);
	atomic_store(&stop, true);
	wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
	for (unsigned int i = 0; i < count; i++) {
		pthread_join(jobs[i].thread, NULL);
		if (jobs[i].error)
			return jobs[i].error;
		ops += jobs[i].ops;
		cpu_ns += jobs[i].cpu_ns;
	}
	printf("{\"ops\":%" PRIu64 ",\"wall_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 "}\n", ops,
	       wall_ns, cpu_ns);
	return 0;
}

static int storm(const char *path, unsigned int count, size_t bytes, unsigned int ms)
{
	static struct job jobs[JOBS_MAX];
	struct parked parked = {.bytes = count * bytes};
	int error;

	parked.fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (parked.fd < 0)
		return errno;
	for (unsigned int i = 0; i < count; i++)
		jobs[i] = (struct job){.fd = parked.fd, .number = i, .bytes = bytes};
	error = park_begin(&parked);
	if (!error)
		error = hammer(jobs, count, ms);
	return error ? error : park_end(&parked);
}

int main(int argc, char **argv)
{
	unsigned int count = argc == 5 ? atoi(argv[2]) : 0;
	size_t bytes = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
	unsigned int ms = argc == 5 ? atoi(argv[4]) : 0;
	int error;

	if (!count || count > JOBS_MAX || !bytes || bytes > BYTES_MAX || !ms) {
		fputs("usage: hammer FILE JOBS BYTES MILLISECONDS\n", stderr);
		return 2;
	}
	error = storm(argv[1], count, bytes, ms);
	if (error)
		fprintf(stderr, "hammer: %s: %s\n", argv[1], strerror(error));
	return error ? 3 : 0;
}
