// SPDX-License-Identifier: GPL-2.0
#include "live/forgetter.h"

#define INFLIGHT_LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define INFLIGHT_OR(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define INFLIGHT_CMPXCHG(p, old, new) __sync_val_compare_and_swap(p, old, new)

#include <iorace/forget.h>

#include <stdlib.h>
#include <sys/mman.h>

#define IDLE_TICKS 64		 /* after so many, files that are idle just then forget all */
#define WINDOW_BYTES (1UL << 20) /* of the lines at a time, so that few are resident */

struct forgetter {
	struct forgetter_table table;
	struct ior_forget forget;
	unsigned int ticks;
};

struct forgetter *forgetter_new(const struct forgetter_table *table)
{
	struct forgetter *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->table = *table;
	f->forget.noted = table->noted;
	f->forget.slots_count = table->slots;
	return f;
}

void forgetter_free(struct forgetter *f)
{
	free(f);
}

static const void *map_part(int fd, size_t from, size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, from);

	return p == MAP_FAILED ? NULL : p;
}

static void unmap_part(const void *p, size_t bytes)
{
	munmap((void *)p, bytes);
}

/* False: not all of them. */
static bool look_at_lines(struct forgetter *f, int fd, size_t lines, bool wide)
{
	size_t all = lines * sizeof(struct ior_line);

	for (size_t from = 0; from < all; from += WINDOW_BYTES) {
		size_t bytes = all - from < WINDOW_BYTES ? all - from : WINDOW_BYTES;
		const struct ior_line *part = map_part(fd, from, bytes);

		if (!part)
			return false;
		for (size_t i = 0; i < bytes / sizeof(*part); i++)
			ior_forget_look_at(&f->forget, &part[i], wide);
		unmap_part(part, bytes);
	}
	return true;
}

/* A mark that is left behind goes with the next op that sees it, or the next time. */
void forgetter_tick(struct forgetter *f)
{
	size_t bytes = f->table.slots * sizeof(struct ior_slot);

	f->forget.idle_too = ++f->ticks % IDLE_TICKS == 0;
	if (!ior_forget_begin(&f->forget))
		return;
	f->forget.slots = map_part(f->table.slots_fd, 0, bytes);
	if (!f->forget.slots)
		return;
	if (look_at_lines(f, f->table.lines_fd, f->table.lines, false) &&
	    look_at_lines(f, f->table.wide_fd, f->table.wide, true))
		ior_forget_end(&f->forget);
	unmap_part(f->forget.slots, bytes);
}
