// SPDX-License-Identifier: GPL-2.0
#include "live/forgetter.h"

#define INFLIGHT_LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define INFLIGHT_OR(p, v) __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define INFLIGHT_CMPXCHG(p, old, new) __sync_val_compare_and_swap(p, old, new)

#include <iorace/forget.h>

#include <stdlib.h>
#include <sys/mman.h>

#define IDLE_TICKS 64		 /* after so many, files that are idle just then forget all */
#define PART_BYTES (256UL << 10) /* mapped at a time: all of that is resident */

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
	return f;
}

void forgetter_free(struct forgetter *f)
{
	free(f);
}

/* False: not all of them. */
static bool look_at_slots(struct forgetter *f)
{
	size_t all = f->table.slots * sizeof(struct ior_slot);

	for (size_t from = 0; from < all; from += PART_BYTES) {
		size_t bytes = all - from < PART_BYTES ? all - from : PART_BYTES;
		void *part =
			mmap(NULL, bytes, PROT_READ, MAP_SHARED, f->table.slots_fd, (off_t)from);
		const struct ior_slot *slots = part;

		if (part == MAP_FAILED)
			return false;
		for (size_t i = 0; i < bytes / sizeof(*slots); i++)
			ior_forget_look_at(&f->forget, &slots[i]);
		munmap(part, bytes);
	}
	return true;
}

void forgetter_tick(struct forgetter *f)
{
	f->forget.idle_too = ++f->ticks % IDLE_TICKS == 0;
	if (!ior_forget_begin(&f->forget))
		return;
	if (look_at_slots(f))
		ior_forget_end(&f->forget);
	else
		ior_forget_call_off(&f->forget);
}
