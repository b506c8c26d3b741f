/* SPDX-License-Identifier: GPL-2.0 */
/* What a pair of ops is called and which finding it belongs to. */
#ifndef IORACE_MODEL_CONFLICT_H
#define IORACE_MODEL_CONFLICT_H

#include "model/view.h"

struct conflict_traits {
	struct ior_range overlap;
	const char *kind; /* "read/write" */
	enum ior_shape shape;
	enum ior_tear tear;
};

struct conflict_traits conflict_traits(const struct ior_op *a, const struct ior_op *b);

/*
 * The key of the finding a pair belongs to: the same whichever op comes first. Sides are sorted by
 * program name, and nothing stands behind the NUL of one (task->comm keeps the tail of a longer
 * name that it once had).
 */
struct ior_finding_key finding_key_of(const struct ior_file *file, const struct ior_op *a,
				      const struct ior_op *b);

/* The same form for a key that the kernel side made. */
void finding_key_normalize(struct ior_finding_key *key);

/*
 * The same on every machine and in every run for the same file, programs, kinds, modes and lock
 * states: made of names, not of numbers that a later version may deal out differently. Without
 * `path` the file is its device and inode, which hold on one machine only.
 */
uint64_t conflict_fingerprint(const struct ior_finding_key *key, const char *path);

/* Had anybody the file mapped shared and writable? Stores through a mapping are not seen. */
bool conflict_is_mapped(const struct conflict_view *conflict);

/* Record to view, without what only the system knows (path, stacks, cgroup). Borrows nothing. */
struct conflict_view conflict_view_of(const struct ior_rec_conflict *record, uint64_t id,
				      int64_t real_minus_mono_ns);

/* A copy that owns all it points to, in one piece: free with conflict_view_free(). NULL: no room.
 */
struct conflict_view *conflict_view_dup(const struct conflict_view *view);
void conflict_view_free(struct conflict_view *view);

#endif
