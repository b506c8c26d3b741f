// SPDX-License-Identifier: GPL-2.0
#include "run/proofs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "live/plan.h"
#include "model/names.h"
#include "stress/handover.h"

#define RUNS_MAX 64
#define BYTES_MAX (256ULL << 20)
#define TOLD_MAX 10		   /* contradictions, one by one */
#define INIT_PID_NS 0xEFFFFFFCULL  /* PROC_PID_INIT_INO, include/linux/proc_ns.h */
#define SUPPRESSED_NS 100000000ULL /* a program may be late with the last record that it sends */

int proofs_open(struct proofs *proofs)
{
	return handover_create(&proofs->fd);
}

void proofs_done(struct proofs *proofs)
{
	closep(&proofs->fd);
	free(proofs->conflicts);
	*proofs = (struct proofs)PROOFS_NONE;
}

static bool has_runs(struct proofs *proofs)
{
	struct stat st;

	if (!proofs->has_runs && proofs->fd >= 0)
		proofs->has_runs = fstat(proofs->fd, &st) == 0 && st.st_size > 0;
	return proofs->has_runs;
}

static bool has_room(struct proofs *proofs)
{
	size_t room = proofs->room ? 2 * proofs->room : 1024;
	struct agreement_conflict *conflicts;

	if (proofs->len < proofs->room)
		return true;
	conflicts = realloc(proofs->conflicts, room * sizeof(*conflicts));
	if (!conflicts)
		return false;
	proofs->conflicts = conflicts;
	proofs->room = room;
	return true;
}

void proofs_add_conflict(struct proofs *proofs, const struct ior_rec_conflict *record)
{
	if (!has_runs(proofs))
		return;
	if (!has_room(proofs)) {
		proofs->is_cut = true;
		return;
	}
	proofs->conflicts[proofs->len++] = agreement_conflict_of(record);
	proofs->told_ns = record->time_ns;
}

/* ---- the comparison ------------------------------------------------------------------------- */

struct comparison {
	struct proofs *proofs;
	const struct proofs_basis *basis;
	const struct proofs_listener *listener;
	struct agreement_view *view;
	struct handover_begin runs[RUNS_MAX];
	uint64_t torn[RUNS_MAX]; /* of each run */
	size_t runs_len;
	uint64_t broken;
};

static int run_of(const struct comparison *comparison, uint64_t run)
{
	for (size_t i = 0; i < comparison->runs_len; i++) {
		if (comparison->runs[i].head.run == run)
			return (int)i;
	}
	return -1;
}

static void on_begin(const struct handover_begin *begin, void *arg)
{
	struct comparison *comparison = arg;

	if (comparison->runs_len == RUNS_MAX) {
		comparison->broken++;
		return;
	}
	comparison->runs[comparison->runs_len++] = *begin;
	comparison->view->runs++;
	comparison->view->unfinished++;
}

static bool has_conflict_on(const struct proofs *proofs, const struct ior_file *file)
{
	for (size_t i = 0; i < proofs->len; i++) {
		if (proofs->conflicts[i].ino == file->ino && proofs->conflicts[i].dev == file->dev)
			return true;
	}
	return false;
}

static uint64_t complete_until_ns(const struct comparison *comparison, const struct ior_file *file)
{
	const struct proofs *proofs = comparison->proofs;
	const struct proofs_basis *basis = comparison->basis;

	if (basis->is_lossy || proofs->is_cut)
		return 0;
	if (basis->is_filtered && !has_conflict_on(proofs, file))
		return 0;
	if (!basis->is_suppressed)
		return UINT64_MAX;
	return proofs->told_ns > SUPPRESSED_NS ? proofs->told_ns - SUPPRESSED_NS : 0;
}

static void fill_covers(const struct plan *plan, const char *fs, struct agreement_traced *traced)
{
	for (size_t i = 0; i < plan->coverage_len; i++) {
		const struct coverage_view *row = &plan->coverage[i];

		if (!strcmp(row->fs, fs))
			traced->covers[row->mode][row->kind][row->async] =
				row->level == COVERAGE_FULL;
	}
}

static void tell_contradicted(const struct comparison *comparison, const struct handover_begin *run,
			      const struct handover_torn *torn, const char *fs)
{
	const struct stress_evidence *evidence = &torn->evidence;
	const struct torn_view view = {
		.id = torn->id,
		.time_real_ns =
			evidence->ops[0].end_ns + (uint64_t)comparison->basis->real_minus_mono_ns,
		.file = {.id = run->file, .path_state = PATH_UNKNOWN, .fs = fs},
		.kind = evidence->kind,
		.how = evidence->how,
		.ops = evidence->ops,
		.ops_len = evidence->ops_len,
		.pairs = evidence->pairs,
		.pairs_len = evidence->pairs_len,
		.pairs_cut = evidence->pairs_cut,
	};

	if (comparison->view->contradicted <= TOLD_MAX)
		comparison->listener->contradicted(&view, comparison->listener->arg);
}

static void compare(struct comparison *comparison, const struct handover_begin *run,
		    const struct handover_torn *record)
{
	const struct stress_evidence *evidence = &record->evidence;
	struct agreement_traced traced = {
		.conflicts = comparison->proofs->conflicts,
		.len = comparison->proofs->len,
		.complete_until_ns = complete_until_ns(comparison, &run->file),
	};
	const struct agreement_torn torn = {
		.ino = run->file.ino,
		.dev = run->file.dev,
		.is_mixed = run->is_mixed,
		.tids_compare = run->pid_ns == INIT_PID_NS,
		.pairs_cut = evidence->pairs_cut,
		.how = evidence->how,
		.ops = evidence->ops,
		.pairs = evidence->pairs,
		.pairs_len = evidence->pairs_len,
	};
	char fs[FS_TEXT_BYTES];

	fs_text(run->file.magic, fs);
	fill_covers(comparison->basis->plan, fs, &traced);
	switch (agreement_judge(&traced, &torn)) {
	case AGREEMENT_FOUND:
		comparison->view->found++;
		break;
	case AGREEMENT_UNKNOWN:
		comparison->view->not_compared++;
		break;
	case AGREEMENT_CONTRADICTION:
		comparison->view->contradicted++;
		tell_contradicted(comparison, run, record, fs);
		break;
	}
}

static void on_torn(const struct handover_torn *torn, void *arg)
{
	struct comparison *comparison = arg;
	int run = run_of(comparison, torn->head.run);

	if (run < 0) {
		comparison->broken++;
		return;
	}
	comparison->torn[run]++;
	comparison->view->torn++;
	compare(comparison, &comparison->runs[run], torn);
}

static void on_end(const struct handover_end *end, void *arg)
{
	struct comparison *comparison = arg;
	int run = run_of(comparison, end->head.run);

	if (run < 0 || comparison->view->unfinished == 0) {
		comparison->broken++;
		return;
	}
	comparison->view->unfinished--;
	if (end->torn > comparison->torn[run]) {
		uint64_t more = end->torn - comparison->torn[run];

		comparison->view->torn += more;
		comparison->view->not_compared += more;
	}
}

static int read_all(int fd, char **ret, size_t *ret_len)
{
	_cleanup_(freep) char *bytes = NULL;
	size_t len = 0, size;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	size = (uint64_t)st.st_size < BYTES_MAX ? (size_t)st.st_size : BYTES_MAX;
	bytes = malloc(size + 1);
	if (!bytes)
		return -ENOMEM;
	while (len < size) {
		ssize_t got = pread(fd, bytes + len, size - len, (off_t)len);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			break;
		len += got > 0 ? (size_t)got : 0;
	}
	*ret = take_ptr(bytes);
	*ret_len = len;
	return 0;
}

int proofs_judge(struct proofs *proofs, const struct proofs_basis *basis,
		 const struct proofs_listener *listener, struct agreement_view *ret,
		 uint64_t *ret_broken)
{
	struct comparison comparison = {
		.proofs = proofs, .basis = basis, .listener = listener, .view = ret};
	const struct handover_reader reader = {on_begin, on_torn, on_end, &comparison};
	_cleanup_(freep) char *bytes = NULL;
	size_t len = 0;
	int r;

	*ret = (struct agreement_view){};
	*ret_broken = 0;
	if (!has_runs(proofs))
		return 0;
	r = read_all(proofs->fd, &bytes, &len);
	if (r < 0)
		return r;
	agreement_sort(proofs->conflicts, proofs->len);
	*ret_broken = handover_read(bytes, len, &reader);
	*ret_broken += comparison.broken;
	return 0;
}
