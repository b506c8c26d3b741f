// SPDX-License-Identifier: GPL-2.0
#include "stress/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/macro.h"

/* ---- the side of check ---------------------------------------------------------------------- */

int handover_create(int *ret)
{
	_cleanup_(closep) int fd = memfd_create("iorace-evidence", MFD_CLOEXEC);

	/* Several may write: each record goes behind the last. */
	if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		return -errno;
	*ret = take_fd(fd);
	return 0;
}

int handover_export(int fd)
{
	char text[96];
	struct stat st;

	if (fstat(fd, &st) < 0 || fcntl(fd, F_SETFD, 0) < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d:%" PRIu64 ":%" PRIu64, fd, (uint64_t)st.st_dev,
		 (uint64_t)st.st_ino);
	return setenv(HANDOVER_ENV, text, 1) < 0 ? -errno : 0;
}

/* Other bytes must not even be looked at as a bool. */
static bool is_flag(const bool *flag)
{
	unsigned char byte;

	memcpy(&byte, flag, sizeof(byte));
	return byte <= 1;
}

static bool is_sound_op(const struct stress_op *op)
{
	return op->kind < IOR_OP_COUNT_ && op->mode < IOR_MODE_COUNT_ && is_flag(&op->async) &&
	       is_flag(&op->append);
}

static bool is_sound(const struct stress_evidence *evidence)
{
	if ((unsigned int)evidence->kind >= STRESS_KIND_COUNT_ ||
	    (unsigned int)evidence->how >= STRESS_HOW_COUNT_ || evidence->ops_len == 0 ||
	    evidence->ops_len > EVIDENCE_OPS_MAX || evidence->pairs_len > STRESS_PAIRS_MAX ||
	    evidence->runs_len > 0 || !is_flag(&evidence->runs_cut) ||
	    !is_flag(&evidence->pairs_cut))
		return false;
	for (size_t i = 0; i < evidence->ops_len; i++) {
		if (!is_sound_op(&evidence->ops[i]))
			return false;
	}
	for (size_t i = 0; i < evidence->pairs_len; i++) {
		const struct stress_pair *pair = &evidence->pairs[i];

		if (pair->a < 0 || (size_t)pair->a >= evidence->ops_len || pair->b < 0 ||
		    (size_t)pair->b >= evidence->ops_len)
			return false;
	}
	return true;
}

/* Copied out: nobody says that it is aligned. False: it does not hold together. */
static bool tell_record(const char *bytes, const struct handover_head *head,
			const struct handover_reader *reader)
{
	union {
		struct handover_begin begin;
		struct handover_torn torn;
		struct handover_end end;
	} record;

	if (head->bytes > sizeof(record))
		return false;
	memcpy(&record, bytes, head->bytes);
	if (head->type == HANDOVER_BEGIN && head->bytes == sizeof(record.begin))
		reader->begin(&record.begin, reader->arg);
	else if (head->type == HANDOVER_TORN && head->bytes == sizeof(record.torn) &&
		 is_sound(&record.torn.evidence))
		reader->torn(&record.torn, reader->arg);
	else if (head->type == HANDOVER_END && head->bytes == sizeof(record.end))
		reader->end(&record.end, reader->arg);
	else
		return false;
	return true;
}

size_t handover_read(const void *bytes, size_t len, const struct handover_reader *reader)
{
	const char *at = bytes, *end = at + len;
	size_t broken = 0;

	while (at < end) {
		struct handover_head head;

		if ((size_t)(end - at) < sizeof(head))
			return broken + 1;
		memcpy(&head, at, sizeof(head));
		/* Where the next one begins is not known any more. */
		if (head.magic != HANDOVER_MAGIC || head.bytes < sizeof(head) ||
		    head.bytes > (size_t)(end - at))
			return broken + 1;
		broken += !tell_record(at, &head, reader);
		at += head.bytes;
	}
	return broken;
}

/* ---- the side of stress --------------------------------------------------------------------- */

int handover_find(struct handover *handover, struct reason *why)
{
	const char *text = getenv(HANDOVER_ENV);
	uint64_t dev, ino;
	struct stat st;
	int fd;

	*handover = (struct handover)HANDOVER_NONE;
	if (!text)
		return 0;
	if (sscanf(text, "%d:%" SCNu64 ":%" SCNu64, &fd, &dev, &ino) != 3 || fstat(fd, &st) < 0 ||
	    (uint64_t)st.st_dev != dev || (uint64_t)st.st_ino != ino)
		return reason_fail(why, -EBADF,
				   "iorace check will not hear of it: a program between the two "
				   "closed the file for it (sudo does)");
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	handover->fd = fd;
	return 0;
}

static struct handover_head head_of(const struct handover *handover, enum handover_type type,
				    size_t bytes)
{
	return (struct handover_head){
		.magic = HANDOVER_MAGIC, .type = type, .bytes = bytes, .run = handover->run};
}

static void put(struct handover *handover, const void *record, size_t bytes)
{
	ssize_t written;

	if (handover->fd < 0 || handover->error)
		return;
	written = write(handover->fd, record, bytes);
	if (written < 0)
		handover->error = -errno;
	else if ((size_t)written != bytes)
		handover->error = -ENOSPC;
}

void handover_begin(struct handover *handover, uint64_t run, const struct ior_file *file,
		    bool is_mixed)
{
	struct handover_begin begin;
	struct stat st;

	handover->run = run;
	memset(&begin, 0, sizeof(begin));
	begin.head = head_of(handover, HANDOVER_BEGIN, sizeof(begin));
	begin.file = *file;
	begin.is_mixed = is_mixed;
	if (stat("/proc/self/ns/pid", &st) == 0)
		begin.pid_ns = st.st_ino;
	put(handover, &begin, sizeof(begin));
}

void handover_torn(struct handover *handover, const struct stress_evidence *evidence)
{
	struct handover_torn torn;

	if (handover->fd < 0 || handover->torn++ >= HANDOVER_TORN_MAX)
		return;
	memset(&torn, 0, sizeof(torn));
	torn.head = head_of(handover, HANDOVER_TORN, sizeof(torn));
	torn.id = handover->torn;
	torn.evidence = *evidence;
	torn.evidence.runs_len = 0;
	put(handover, &torn, sizeof(torn));
}

void handover_end(struct handover *handover)
{
	struct handover_end end;

	memset(&end, 0, sizeof(end));
	end.head = head_of(handover, HANDOVER_END, sizeof(end));
	end.torn = handover->torn;
	put(handover, &end, sizeof(end));
}
