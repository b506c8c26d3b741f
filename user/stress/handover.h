/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From `iorace stress` to the `iorace check` above it, however many shells stand between: records
 * behind one another in a memory file that is inherited. The environment says which descriptor it
 * is, and which file that must be.
 */
#ifndef IORACE_STRESS_HANDOVER_H
#define IORACE_STRESS_HANDOVER_H

#include <stddef.h>

#include "stress/evidence.h"

#define HANDOVER_ENV "IORACE_EVIDENCE"
#define HANDOVER_MAGIC 0x31736e74U
#define HANDOVER_TORN_MAX 10000 /* of one run; more are counted */

enum handover_type {
	HANDOVER_BEGIN = 1,
	HANDOVER_TORN,
	HANDOVER_END
};

struct handover_head {
	uint32_t magic;
	uint32_t type;	/* enum handover_type */
	uint64_t bytes; /* of the record */
	uint64_t run;	/* which all records of one run have */
};

struct handover_begin {
	struct handover_head head;
	struct ior_file file;
	uint64_t pid_ns; /* inode number: who is numbered how */
	uint64_t is_mixed;
};

struct handover_torn {
	struct handover_head head;
	uint64_t id;
	struct stress_evidence evidence; /* without its runs */
};

struct handover_end {
	struct handover_head head;
	uint64_t torn; /* with those that were not written */
};

/* ---- the side of check ---- */

/* A memory file that children get when they are told to keep it; -errno. */
int handover_create(int *ret);

/* Between fork and exec: the environment of the command, and the descriptor stays open. */
int handover_export(int fd);

struct handover_reader {
	void (*begin)(const struct handover_begin *begin, void *arg);
	void (*torn)(const struct handover_torn *torn, void *arg);
	void (*end)(const struct handover_end *end, void *arg);
	void *arg;
};

/*
 * Bytes of anybody who has the descriptor: what does not hold together is not told, and counted.
 * Records are told in the order they were written.
 */
size_t handover_read(const void *bytes, size_t len, const struct handover_reader *reader);

/* ---- the side of stress ---- */

struct handover {
	int fd; /* -1: nobody asked */
	uint64_t run;
	uint64_t torn;
	int error; /* the first one: from then on nothing is written */
};

#define HANDOVER_NONE                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Nobody asked: 0 and fd -1. -EBADF with the reason when the way is broken. */
int handover_find(struct handover *handover, struct reason *why);

void handover_begin(struct handover *handover, uint64_t run, const struct ior_file *file,
		    bool is_mixed);
void handover_torn(struct handover *handover, const struct stress_evidence *evidence);
void handover_end(struct handover *handover);

#endif
