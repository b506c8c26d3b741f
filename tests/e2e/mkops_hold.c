// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of a stream that are held for a while in the middle: a page of
 * their buffer is missing, and whoever moves the data sleeps until a thread of
 * ours has seen some other operations end. A page for each thread at a time.
 *
 * It is given back after some time in any case: others may wait for a lock of
 * the one that is held. What is certain does not depend on that time: it lies
 * between held_ns and fed_ns, which are read while the page is missing.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HELD_FOR_OPS 8
#define HELD_FOR_NS 20000000LL

static char *hold_page(const struct holds *holds, const struct hold *hold)
{
	return hold_buffer(holds, (unsigned)(hold - holds->hold)) + hold->page * PAGE_BYTES;
}

/* The page is there from now on; it may be already. */
static void hold_feed(struct holds *holds, struct hold *hold)
{
	struct uffdio_zeropage zero = {
		.range = {.start = (uintptr_t)hold_page(holds, hold), .len = PAGE_BYTES}};

	ioctl(holds->uffd, UFFDIO_ZEROPAGE, &zero);
}

static bool hold_is_over(const struct holds *holds, struct hold *hold, int64_t at_ns)
{
	return atomic_load(&holds->ops_done) - hold->ops_done >= HELD_FOR_OPS ||
	       at_ns - atomic_load(&hold->held_ns) > HELD_FOR_NS;
}

static void hold_missed(struct holds *holds, uint64_t address)
{
	struct hold *hold = &holds->hold[(address - (uintptr_t)holds->buffers) / HOLD_BYTES];

	hold->ops_done = atomic_load(&holds->ops_done);
	atomic_store(&hold->held_ns, now_ns());
}

static void *holds_serve(void *arg)
{
	struct holds *holds = arg;
	struct pollfd wait = {.fd = holds->uffd, .events = POLLIN};

	while (!atomic_load(&holds->stop)) {
		struct uffd_msg msg;

		if (poll(&wait, 1, 1) == 1 && read(holds->uffd, &msg, sizeof(msg)) == sizeof(msg))
			hold_missed(holds, msg.arg.pagefault.address);
		for (unsigned i = 0; i < holds->count; i++) {
			struct hold *hold = &holds->hold[i];

			if (!atomic_load(&hold->held_ns) || atomic_load(&hold->fed_ns) ||
			    !hold_is_over(holds, hold, now_ns()))
				continue;
			atomic_store(&hold->fed_ns, now_ns());
			hold_feed(holds, hold);
		}
	}
	return NULL;
}

int holds_init(struct holds *holds, unsigned count)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register reg = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	size_t bytes = (size_t)count * HOLD_BYTES;

	*holds = (struct holds){.count = count};
	holds->hold = calloc(count, sizeof(*holds->hold));
	holds->buffers =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	holds->uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (!holds->hold || holds->buffers == MAP_FAILED)
		return -ENOMEM;
	memset(holds->buffers, 1, bytes);
	reg.range.start = (uintptr_t)holds->buffers;
	reg.range.len = bytes;
	if (holds->uffd < 0 || ioctl(holds->uffd, UFFDIO_API, &api) < 0 ||
	    ioctl(holds->uffd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	return -pthread_create(&holds->thread, NULL, holds_serve, holds);
}

void holds_done(struct holds *holds)
{
	atomic_store(&holds->stop, true);
	pthread_join(holds->thread, NULL);
	close(holds->uffd);
	munmap(holds->buffers, (size_t)holds->count * HOLD_BYTES);
	free(holds->hold);
}

char *hold_buffer(const struct holds *holds, unsigned number)
{
	return holds->buffers + (size_t)number * HOLD_BYTES;
}

void hold_begin(struct holds *holds, unsigned number, uint64_t page)
{
	struct hold *hold = &holds->hold[number];

	hold->page = page;
	atomic_store(&hold->held_ns, 0); /* first: who is fed but not held is not looked at */
	atomic_store(&hold->fed_ns, 0);
	madvise(hold_page(holds, hold), PAGE_BYTES, MADV_DONTNEED);
}

/* The operation is over; both are 0 if it never touched the page. */
void hold_end(struct holds *holds, unsigned number, int64_t *ret_held_ns, int64_t *ret_fed_ns)
{
	struct hold *hold = &holds->hold[number];

	*ret_held_ns = atomic_load(&hold->held_ns);
	*ret_fed_ns = atomic_load(&hold->fed_ns);
	if (!*ret_held_ns)
		hold_feed(holds, hold);
}

void holds_count_op(struct holds *holds)
{
	atomic_fetch_add(&holds->ops_done, 1);
}
