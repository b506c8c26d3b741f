/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Conflicts become findings. Counts come from the kernel's table, read as often as one likes;
 * samples say where and who. Bounded: conflicts that find no place are counted.
 */
#ifndef IORACE_MODEL_TALLY_H
#define IORACE_MODEL_TALLY_H

#include "model/view.h"

struct tally;

/* At most `findings_max` findings. NULL: no memory. */
struct tally *tally_new(size_t findings_max, int64_t real_minus_mono_ns);
void tally_free(struct tally *tally);
void tally_freep(struct tally **tally);

/*
 * The kernel's table counts from the start of the run, so each reading of it replaces the last:
 * tally_recount(), then tally_add_row() for every row. Samples stay.
 */
void tally_recount(struct tally *tally);

/* 0 or -ENOMEM. */
int tally_add_row(struct tally *tally, const struct ior_finding_key *key,
		  const struct ior_finding_value *value);

/*
 * One pair that was seen whole. It is copied; the richest one (both stacks, then one, then none;
 * the earlier of two equals) stands for its finding. Samples also count where no row does: in a
 * recording, or when the kernel's table was full.
 */
int tally_add_sample(struct tally *tally, const struct conflict_view *sample);

/* The latest path of a file, if it is known: false leaves the sample's. */
typedef bool (*tally_path_fn)(const struct ior_file *file, const char **path,
			      enum path_state *state, void *arg);

struct finding_list {
	struct finding_view *items; /* most conflicts first, then by fingerprint */
	size_t len;
};
void finding_list_done(struct finding_list *list);

/*
 * The views borrow from the tally and from path_of (may be NULL): read them before the next
 * tally_*(). `ret` is the caller's to finding_list_done(). 0 or -ENOMEM.
 */
int tally_findings(struct tally *tally, tally_path_fn path_of, void *arg, struct finding_list *ret);

/* Sum of the counts of all findings. */
uint64_t tally_conflicts(const struct tally *tally);

/*
 * Conflicts that are in no finding: IOR_LOSS_FINDINGS_FULL. `without_row`: those that the kernel
 * side had no row for; samples of them may have come all the same.
 */
uint64_t tally_overflow(const struct tally *tally, uint64_t without_row);

#endif
