// SPDX-License-Identifier: GPL-2.0
#include "stress/sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "stress/history.h"
#include "stress/moment.h"
#include "stress/scratch.h"
#include "stress/worker.h"

#define BUFFER_ALIGN 4096
#define AT_LEAST (256U << 10)

static uint64_t step_bytes(const struct sweep_job *job)
{
	return job->longest > AT_LEAST ? job->longest : AT_LEAST;
}

static int open_way(struct sweep *sweep, unsigned int way, int flags)
{
	struct stat st;

	sweep->fds[way] = scratch_open(sweep->job->path, O_RDONLY | flags);
	if (sweep->fds[way] < 0 || fstat(sweep->fds[way], &st) < 0)
		return -errno;
	/* What was filled and is gone must be missed. */
	sweep->sizes[way] = (uint64_t)st.st_size;
	if (!sweep->job->starts_empty && sweep->sizes[way] < sweep->job->size)
		sweep->sizes[way] = sweep->job->size;
	return 0;
}

int sweep_init(struct sweep *sweep, const struct sweep_job *job)
{
	bool direct = job->mode == STRESS_MODE_DIRECT || job->mode == STRESS_MODE_MIXED;
	int r;

	*sweep = (struct sweep){.job = job, .fds = {-1, -1}};
	r = stress_reader_init(&sweep->reader, job->history, job->run,
			       job->starts_empty ? 0 : job->size, 2 * step_bytes(job));
	if (r == 0 && posix_memalign(&sweep->buffer, BUFFER_ALIGN, 2 * step_bytes(job)))
		r = -ENOMEM;
	if (r == 0)
		r = open_way(sweep, 0, direct ? O_DIRECT : 0);
	if (r == 0 && job->mode == STRESS_MODE_MIXED)
		r = open_way(sweep, 1, 0);
	return r;
}

static int read_piece(struct sweep *sweep, struct ior_range range, uint64_t *ret_got)
{
	uint64_t got = 0, len = ior_range_len(range);

	while (got < len) {
		ssize_t n = pread(sweep->fds[sweep->way], (char *)sweep->buffer + got, len - got,
				  (off_t)(range.start + got));

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		got += n > 0 ? (uint64_t)n : 0;
	}
	*ret_got = got;
	return 0;
}

static int judge_piece(struct sweep *sweep, struct ior_range range, bool *found,
		       struct stress_evidence *evidence)
{
	struct stress_op op = {.range = range,
			       .seq = ++sweep->seq,
			       .begin_ns = moment_ns(),
			       .worker = (uint32_t)sweep->job->history->lanes_len,
			       .pid = (uint32_t)getpid(),
			       .tid = (uint32_t)gettid(),
			       .kind = IOR_OP_READ};
	struct stress_judgement judgement;
	uint64_t got = 0;
	int r;

	op.mode = sweep->way == 0 && sweep->job->mode != STRESS_MODE_BUFFERED ? IOR_MODE_DIRECT
									      : IOR_MODE_BUFFERED;
	if (sweep->job->mode == STRESS_MODE_DAX)
		op.mode = IOR_MODE_DAX;
	r = read_piece(sweep, range, &got);
	if (r < 0)
		return r;
	op.end_ns = moment_ns();
	r = stress_reader_judge(&sweep->reader, &op, sweep->buffer, got, &judgement, evidence);
	if (r < 0)
		return r;
	atomic_fetch_add(&sweep->job->shared->judged, 1);
	atomic_fetch_add(&sweep->job->shared->undecided, judgement.verdict.undecided);
	*found = judgement.verdict.kind != STRESS_WHOLE;
	return 0;
}

int sweep_next(struct sweep *sweep, bool *found, struct stress_evidence *evidence)
{
	uint64_t step = step_bytes(sweep->job), size;
	struct ior_range range = {sweep->at, sweep->at + 2 * step};
	int r = 0;

	if (sweep->way == 2 || sweep->fds[sweep->way] < 0)
		return SWEEP_OVER;
	size = sweep->sizes[sweep->way];
	sweep->at += step;
	if (range.end >= size) {
		range.end = size;
		sweep->at = 0;
	}
	if (!ior_range_is_empty(range))
		r = judge_piece(sweep, range, found, evidence);
	if (sweep->at == 0)
		sweep->way++;
	return r;
}

void sweep_done(struct sweep *sweep)
{
	stress_reader_done(&sweep->reader);
	free(sweep->buffer);
	closep(&sweep->fds[0]);
	closep(&sweep->fds[1]);
}
