/* SPDX-License-Identifier: GPL-2.0 */
/* What workers send to whoever started them: messages that a pipe takes in one piece. */
#ifndef IORACE_STRESS_EVIDENCE_H
#define IORACE_STRESS_EVIDENCE_H

#include <limits.h>

#include "base/err.h"
#include "model/stress_view.h"

enum stress_message_type {
	STRESS_MESSAGE_TORN,
	STRESS_MESSAGE_ERROR,
	STRESS_MESSAGE_ENDED
};

#define EVIDENCE_OPS_MAX 24
#define EVIDENCE_RUNS_MAX 32

/* The read, or whatever showed it, is ops[0]; names in runs and pairs are indices into ops. */
struct stress_evidence {
	enum stress_kind kind;
	enum stress_how how;
	bool runs_cut;
	bool pairs_cut;
	size_t ops_len;
	size_t runs_len;
	size_t pairs_len;
	struct stress_op ops[EVIDENCE_OPS_MAX];
	struct stress_view_run runs[EVIDENCE_RUNS_MAX];
	struct stress_pair pairs[STRESS_PAIRS_MAX];
};

struct stress_message {
	enum stress_message_type type;
	union {
		struct stress_evidence evidence;
		struct reason failure;
	};
};
_Static_assert(sizeof(struct stress_message) <= PIPE_BUF, "written in one piece");

#endif
