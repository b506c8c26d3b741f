// SPDX-License-Identifier: GPL-2.0
/*
 * The script language, one command per line, # begins a comment:
 *
 *   open FILE PATH [FLAG...]      direct dsync sync append creat trunc rdonly
 *   close FILE
 *   prep FILE SIZE written|unwritten|hole    lay out, flush, warm up S_NOSEC
 *   drop FILE                     write back, then forget the page cache
 *   flush FILE                    write back, whatever comes of it (-EIO after stale pages)
 *   op NAME KIND FILE [OPTION...] declare; its thread waits to be started
 *       KIND     read write truncate punch falloc zero collapse insert unshare
 *                fsync mstore mload splice (into a pipe) swapext, and within
 *                the file, to off=N and from=N: clone dedupe exchange copy
 *       OPTION   off=N len=N engine=sync|libaio|uring|uring-worker|uring-sqpoll
 *                iovs=N empties (a vector of no bytes before each) align=N
 *                (buffer misaligned by N) fill=HEX nowait retry hipri
 *                rwf_dsync rwf_append rwf_atomic fixed (io_uring: registered buffer)
 *                linked (io_uring: after another request)
 *                fault=PAGE (that page of the buffer is missing until fed)
 *                comm=TEXT proc=1 (a process of its own)
 *                leave=exit|close (async: its thread, told to "leave", ends,
 *                before or after io_destroy() or the closing of the ring)
 *   start NAME...     submitted NAME...   returned NAME...   wait NAME...
 *   held NAME...      wait until its IO is parked in the gate, or its page is missed
 *   blocked NAME...   wait until it sleeps on a lock or a drain, no data moved
 *   asleep NAME FRAME...  wait until it sleeps with one of these kernel functions
 *                     (or prefixes) on its stack
 *   settle NAME...    wait until it is held, blocked or done, and say which
 *   feed NAME...      give the missing page
 *   kill NAME...      end its process, which must be its own; an async op stays in flight
 *   exec NAME...      its process, the same way, executes another program
 *   leave NAME...     see leave=          gone NAME...      its thread is no more
 *   gate LINE         ask the gate (--gate, or $MKOPS_GATE); "error" ends the script
 *   parked N [FILTER] exactly N requests are parked now
 *   expect NAME ok|RESULT|-ERRNAME
 *   barrier           wait for all that were started
 *   say TEXT   sh COMMAND   timeout MS
 *
 * "submitted" only says that the thread is about to call: use held, blocked
 * or returned for certainty. For held, a write is known by its fill byte,
 * which must be its own; a read, and what a change of size reads of the block
 * it cuts, by its place on the disk.
 *
 * Exit status: 0; 1 an expectation or a wait failed; 2 bad script.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#ifndef RWF_ATOMIC
#define RWF_ATOMIC 0x40 /* since 6.11, include/uapi/linux/fs.h */
#endif

#define FILES_MAX 32
#define WORDS_MAX (OPS_MAX + 1) /* "start" of all of them */
#define LINE_BYTES 1024
#define REPLY_BYTES 65536
#define PREP_CHUNK (1U << 20)
#define POLL_NS 200000
#define WAIT_DEFAULT_MS 20000

enum {
	SCRIPT_FAILED = 1,
	SCRIPT_WRONG = 2,
};

struct script {
	struct board *board;
	const char *gate;
	struct op_file files[FILES_MAX];
	unsigned files_len;
	int timeout_ms;
};

/* A line, cut into words; rest[i] is the text from word i on. */
struct words {
	unsigned len;
	const char *word[WORDS_MAX];
	const char *rest[WORDS_MAX];
};

int parse_size(const char *text, uint64_t *ret)
{
	unsigned shift = 0;
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text)
		return -EINVAL;
	switch (*end) {
	case 'K':
		shift = 10;
		break;
	case 'M':
		shift = 20;
		break;
	case 'G':
		shift = 30;
		break;
	default:
		break;
	}
	end += shift != 0;
	if (*end)
		return -EINVAL;
	*ret = value << shift;
	return 0;
}

static int wrong(const char *what, const char *word)
{
	say("{\"ev\":\"error\",\"what\":\"%s\",\"word\":\"%s\"}", what, word);
	return SCRIPT_WRONG;
}

static int failed(const char *what, const char *name, int res)
{
	say("{\"ev\":\"fail\",\"what\":\"%s\",\"op\":\"%s\",\"res\":%d}", what, name, res);
	return SCRIPT_FAILED;
}

static struct op_file *file_find(struct script *script, const char *name)
{
	for (unsigned i = 0; i < script->files_len; i++)
		if (!strcmp(script->files[i].name, name))
			return &script->files[i];
	return NULL;
}

static struct op *op_find(struct script *script, const char *name)
{
	for (unsigned i = 0; i < script->board->ops_len; i++)
		if (!strcmp(script->board->ops[i].name, name))
			return &script->board->ops[i];
	return NULL;
}

/* ---- files ---- */

static const struct {
	const char *name;
	int flag;
} open_flags[] = {
	{"direct", O_DIRECT}, {"dsync", O_DSYNC}, {"sync", O_SYNC},
	{"append", O_APPEND}, {"creat", O_CREAT}, {"trunc", O_TRUNC},
};

static int parse_open_flags(const struct words *words, unsigned from, int *ret)
{
	int flags = O_RDWR | O_CLOEXEC;

	for (unsigned w = from; w < words->len; w++) {
		bool known = !strcmp(words->word[w], "rdonly");

		if (known)
			flags &= ~O_ACCMODE;
		for (size_t i = 0; i < ARRAY_SIZE(open_flags); i++) {
			if (strcmp(words->word[w], open_flags[i].name))
				continue;
			flags |= open_flags[i].flag;
			known = true;
		}
		if (!known)
			return -EINVAL;
	}
	*ret = flags;
	return 0;
}

static int cmd_open(struct script *script, const struct words *words)
{
	struct op_file *file = &script->files[script->files_len];
	struct stat st;
	int flags;

	if (words->len < 3 || script->files_len == FILES_MAX ||
	    parse_open_flags(words, 3, &flags) < 0)
		return wrong("usage: open FILE PATH [FLAG...]", words->rest[0]);
	*file = (struct op_file){.fd = open(words->word[2], flags, 0600)};
	if (file->fd < 0 || fstat(file->fd, &st) < 0)
		return failed("open", words->word[1], -errno);
	snprintf(file->name, sizeof(file->name), "%s", words->word[1]);
	snprintf(file->path, sizeof(file->path), "%s", words->word[2]);
	file->ino = st.st_ino;
	file->dev_major = major(st.st_dev);
	file->dev_minor = minor(st.st_dev);
	file->direct = flags & O_DIRECT;
	file->append = flags & O_APPEND;
	script->files_len++;
	return 0;
}

static int cmd_close(struct script *script, const struct words *words)
{
	struct op_file *file = words->len == 2 ? file_find(script, words->word[1]) : NULL;

	if (!file)
		return wrong("usage: close FILE", words->rest[0]);
	close(file->fd);
	*file->name = '\0';
	return 0;
}

static int write_zeroes(int fd, uint64_t size)
{
	char *buf = aligned_alloc(PAGE_BYTES, PREP_CHUNK);
	int r = buf ? 0 : -ENOMEM;

	if (buf)
		memset(buf, 0, PREP_CHUNK);
	for (uint64_t at = 0; !r && at < size; at += PREP_CHUNK) {
		size_t len = size - at < PREP_CHUNK ? size - at : PREP_CHUNK;

		if (pwrite(fd, buf, len, (off_t)at) != (ssize_t)len)
			r = errno ? -errno : -EIO;
	}
	free(buf);
	return r;
}

/*
 * The warm-up write comes first: it sets S_NOSEC, without which the next
 * write takes the lock exclusive, whatever it is.
 */
static int file_lay_out(int fd, uint64_t size, const char *kind)
{
	if (ftruncate(fd, 0) < 0 || write_zeroes(fd, PAGE_BYTES) < 0 || fsync(fd) < 0 ||
	    ftruncate(fd, 0) < 0)
		return -errno;
	if (!strcmp(kind, "hole"))
		return ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0 ? -errno : 0;
	if (fallocate(fd, 0, 0, (off_t)size) < 0)
		return -errno;
	if (!strcmp(kind, "written") && write_zeroes(fd, size) < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Not through the file's own descriptor, which may be append, dsync or read-only. */
static int cmd_prep(struct script *script, const struct words *words)
{
	struct op_file *file = words->len == 4 ? file_find(script, words->word[1]) : NULL;
	uint64_t disk_off = 0;
	uint64_t disk_len = 0;
	unsigned extents = 0;
	char link[64];
	uint64_t size;
	int fd;
	int r;

	if (!file || parse_size(words->word[2], &size) < 0 ||
	    (strcmp(words->word[3], "written") && strcmp(words->word[3], "unwritten") &&
	     strcmp(words->word[3], "hole")))
		return wrong("usage: prep FILE SIZE written|unwritten|hole", words->rest[0]);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
	fd = open(link, O_RDWR | O_CLOEXEC | (file->direct ? O_DIRECT : 0));
	if (fd < 0)
		return failed("prep", file->name, -errno);
	r = file_lay_out(fd, size, words->word[3]);
	if (!r && !file->direct)
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	file_map(fd, 0, size, &disk_off, &disk_len, &extents);
	close(fd);
	if (r < 0)
		return failed("prep", file->name, r);
	say("{\"ev\":\"prep\",\"file\":\"%s\",\"dev\":\"%u:%u\",\"ino\":%llu,\"extents\":%u,"
	    "\"disk\":%llu}",
	    file->name, file->dev_major, file->dev_minor, (unsigned long long)file->ino, extents,
	    (unsigned long long)disk_off);
	return 0;
}

static int cmd_drop(struct script *script, const struct words *words)
{
	struct op_file *file = words->len == 2 ? file_find(script, words->word[1]) : NULL;

	if (!file)
		return wrong("usage: drop FILE", words->rest[0]);
	if (fsync(file->fd) < 0)
		return failed("drop", file->name, -errno);
	posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED);
	return 0;
}

static int cmd_flush(struct script *script, const struct words *words)
{
	struct op_file *file = words->len == 2 ? file_find(script, words->word[1]) : NULL;

	if (!file)
		return wrong("usage: flush FILE", words->rest[0]);
	fsync(file->fd);
	return 0;
}

/* ---- ops ---- */

static int parse_number_option(const char *key, size_t key_len, uint64_t number, struct op *op)
{
	const struct {
		const char *name;
		uint64_t *wide;
		unsigned *narrow;
	} numbers[] = {
		{"off", &op->spec.off, NULL},	{"len", &op->spec.len, NULL},
		{"from", &op->spec.from, NULL}, {"iovs", NULL, &op->spec.iovs},
		{"align", NULL, &op->misalign},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strlen(numbers[i].name) != key_len || strncmp(key, numbers[i].name, key_len))
			continue;
		if (numbers[i].wide)
			*numbers[i].wide = number;
		else
			*numbers[i].narrow = (unsigned)number;
		return 0;
	}
	return -EINVAL;
}

static int parse_switch(const char *word, struct op *op)
{
	const struct {
		const char *name;
		bool *set;
		int rwf;
	} switches[] = {
		{"nowait", &op->spec.nowait, 0},
		{"retry", &op->spec.retry, 0},
		{"empties", &op->spec.empties, 0},
		{"fixed", &op->spec.fixed, 0},
		{"linked", &op->spec.linked, 0},
		{"hipri", NULL, RWF_HIPRI},
		{"rwf_dsync", NULL, RWF_DSYNC},
		{"rwf_atomic", NULL, RWF_ATOMIC},
		{"rwf_append", &op->spec.append, RWF_APPEND},
	};

	for (size_t i = 0; i < ARRAY_SIZE(switches); i++) {
		if (strcmp(word, switches[i].name))
			continue;
		if (switches[i].set)
			*switches[i].set = true;
		op->spec.rwf |= switches[i].rwf;
		return 0;
	}
	return -EINVAL;
}

static int parse_op_option(const char *word, struct op *op)
{
	const char *value = strchr(word, '=');
	uint64_t number;

	if (!value)
		return parse_switch(word, op);
	if (!strcmp(word, "leave=exit"))
		op->leave = LEAVE_EXIT;
	else if (!strcmp(word, "leave=close"))
		op->leave = LEAVE_CLOSE;
	else if (!strncmp(word, "comm=", 5))
		snprintf(op->comm, sizeof(op->comm), "%s", value + 1);
	else if (!strncmp(word, "engine=", 7))
		return io_engine_parse(value + 1, &op->spec.engine);
	else if (!strncmp(word, "fill=", 5))
		op->spec.fill = (int)strtol(value + 1, NULL, 16) & 0xff;
	else if (parse_size(value + 1, &number) < 0)
		return -EINVAL;
	else if (!strncmp(word, "fault=", 6))
		op->fault_page = (int)number;
	else if (!strncmp(word, "proc=", 5))
		op->own_process = number != 0;
	else
		return parse_number_option(word, (size_t)(value - word), number, op);
	return 0;
}

static bool op_is_sound(const struct op *op)
{
	bool rw = op->spec.kind == IO_READ || op->spec.kind == IO_WRITE;

	return op->spec.iovs <= IOVS_MAX / (op->spec.empties ? 2 : 1) &&
	       (rw || op->spec.engine == ENGINE_SYNC) &&
	       (op->fault_page < 0 || (uint64_t)op->fault_page * PAGE_BYTES < op->spec.len);
}

/* What it reads first of the disk. */
static uint64_t op_reads_at(const struct op *op)
{
	bool from = op->spec.kind == IO_COPY || op->spec.kind == IO_DEDUPE;

	return from ? op->spec.from : op->spec.off;
}

static int cmd_op(struct script *script, const struct words *words)
{
	struct op *op = &script->board->ops[script->board->ops_len];
	struct op_file *file = words->len >= 4 ? file_find(script, words->word[3]) : NULL;
	unsigned extents;
	int r;

	if (!file || script->board->ops_len == OPS_MAX || op_find(script, words->word[1]))
		return wrong("usage: op NAME KIND FILE [OPTION...]", words->rest[0]);
	*op = (struct op){.file = *file, .fault_page = -1, .disk_off = UINT64_MAX};
	snprintf(op->name, sizeof(op->name), "%s", words->word[1]);
	op->spec.fd = file->fd;
	op->spec.append = file->append;
	if (io_kind_parse(words->word[2], &op->spec.kind) < 0)
		return wrong("kind", words->word[2]);
	for (unsigned w = 4; w < words->len; w++)
		if (parse_op_option(words->word[w], op) < 0)
			return wrong("option", words->word[w]);
	if (!op_is_sound(op))
		return wrong("op", op->name);
	if (op->spec.kind != IO_WRITE)
		file_map(file->fd, op_reads_at(op), op->spec.len ? op->spec.len : 1, &op->disk_off,
			 &op->disk_len, &extents);
	r = op_launch(script->board, op);
	if (r < 0)
		return failed("launch", op->name, r);
	script->board->ops_len++;
	return 0;
}

/* ---- what is done to ops ---- */

static int op_do_start(struct script *script, struct op *op)
{
	return op_start(script->board, op);
}

static int op_do_submitted(struct script *script, struct op *op)
{
	return board_wait_state(script->board, op, OP_SUBMITTING, script->timeout_ms);
}

static int op_do_returned(struct script *script, struct op *op)
{
	return board_wait_state(script->board, op, OP_RETURNED, script->timeout_ms);
}

static int op_do_wait(struct script *script, struct op *op)
{
	int r = board_wait_state(script->board, op, OP_DONE, script->timeout_ms);

	return r < 0 ? r : op->state == OP_EXIT ? -EIO : 0;
}

/* The gate's filter for this op's own IO. */
static int op_gate_filter(const struct op *op, char *filter, size_t size)
{
	if (op->spec.kind == IO_WRITE)
		snprintf(filter, size, "write fill=%x", op->spec.fill);
	else if (op->disk_off != UINT64_MAX)
		snprintf(filter, size, "read %llu %llu", (unsigned long long)op->disk_off,
			 (unsigned long long)(op->spec.len ? op->spec.len : 1));
	else
		return -ENODATA;
	return 0;
}

static int op_wait_parked(struct script *script, const struct op *op)
{
	char filter[96];
	char line[160];
	char reply[256];
	int r = op_gate_filter(op, filter, sizeof(filter));

	if (r < 0 || !script->gate)
		return r < 0 ? r : -ENOTCONN;
	snprintf(line, sizeof(line), "wait 1 %s timeout=%d", filter, script->timeout_ms);
	return gate_ask(script->gate, line, reply, sizeof(reply));
}

static void say_held(const struct op *op)
{
	say("{\"ev\":\"held\",\"op\":\"%s\",\"by\":\"%s\",\"ns\":%lld}", op->name,
	    op->fault_page < 0 ? "gate" : "fault", (long long)now_ns());
}

static int op_do_held(struct script *script, struct op *op)
{
	int r = op->fault_page < 0 ? op_wait_parked(script, op)
				   : board_wait_fault(script->board, op, script->timeout_ms);

	if (!r)
		say_held(op);
	return r;
}

static bool op_is_held(struct script *script, const struct op *op)
{
	unsigned long count;
	char filter[96];
	char line[160];
	char reply[256];

	if (op->fault_page >= 0)
		return op->faulted && !op->fed;
	/* What another reads at the same place is no sign of this one. */
	if (op->spec.kind != IO_READ && op->spec.kind != IO_WRITE && op->spec.kind != IO_SPLICE)
		return false;
	if (!script->gate || op_gate_filter(op, filter, sizeof(filter)) < 0)
		return false;
	snprintf(line, sizeof(line), "count %s", filter);
	return !gate_ask(script->gate, line, reply, sizeof(reply)) &&
	       sscanf(reply, "ok %lu", &count) == 1 && count;
}

static bool op_is_blocked(const struct op *op)
{
	char where[160];

	if (!task_is_blocked(op->pid, op->tid, where, sizeof(where)))
		return false;
	say("{\"ev\":\"blocked\",\"op\":\"%s\",\"where\":\"%s\",\"ns\":%lld}", op->name, where,
	    (long long)now_ns());
	return true;
}

static void poll_pause(void)
{
	nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
}

/* Polls, but for a state that lasts: the time only bounds a failure. */
static int op_do_blocked(struct script *script, struct op *op)
{
	int64_t deadline_ns = now_ns() + script->timeout_ms * 1000000LL;

	while (!op_is_blocked(op)) {
		if (now_ns() > deadline_ns)
			return -ETIMEDOUT;
		if (op->state >= OP_DONE)
			return -EALREADY;
		poll_pause();
	}
	return 0;
}

/* For kernels of which it is not known beforehand what they do. */
static int op_do_settle(struct script *script, struct op *op)
{
	int64_t deadline_ns = now_ns() + script->timeout_ms * 1000000LL;
	const char *as = NULL;

	while (!as) {
		if (op->state >= OP_DONE)
			as = "done";
		else if (op_is_held(script, op))
			as = "held";
		else if (op_is_blocked(op))
			as = "blocked";
		else if (now_ns() > deadline_ns)
			return -ETIMEDOUT;
		else
			poll_pause();
	}
	if (!strcmp(as, "held"))
		say_held(op);
	say("{\"ev\":\"settled\",\"op\":\"%s\",\"as\":\"%s\",\"ns\":%lld}", op->name, as,
	    (long long)now_ns());
	return 0;
}

static int op_do_feed(struct script *script, struct op *op)
{
	say("{\"ev\":\"feed\",\"op\":\"%s\",\"ns\":%lld}", op->name, (long long)now_ns());
	board_feed(script->board, op);
	return 0;
}

/* The process ends only when the kernel has seen its async IO to the end: not waited for here. */
static int op_signal(struct script *script, struct op *op, int number)
{
	if (!op->own_process)
		return -EINVAL;
	if (kill(op->child, number))
		return -errno;
	say("{\"ev\":\"signal\",\"op\":\"%s\",\"number\":%d,\"ns\":%lld}", op->name, number,
	    (long long)now_ns());
	board_give_up(script->board, op);
	return 0;
}

static int op_do_kill(struct script *script, struct op *op)
{
	return op_signal(script, op, SIGKILL);
}

static int op_do_exec(struct script *script, struct op *op)
{
	return op_signal(script, op, SIGUSR1);
}

static int op_do_leave(struct script *script, struct op *op)
{
	say("{\"ev\":\"leave\",\"op\":\"%s\",\"ns\":%lld}", op->name, (long long)now_ns());
	board_feed(script->board, op);
	return 0;
}

static int op_do_gone(struct script *script, struct op *op)
{
	int64_t deadline_ns = now_ns() + script->timeout_ms * 1000000LL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)op->pid, (int)op->tid);
	while (!access(path, F_OK)) {
		if (now_ns() > deadline_ns)
			return -ETIMEDOUT;
		poll_pause();
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct script *script, struct op *op);
} op_verbs[] = {
	{"start", op_do_start}, {"submitted", op_do_submitted}, {"returned", op_do_returned},
	{"wait", op_do_wait},	{"held", op_do_held},		{"blocked", op_do_blocked},
	{"feed", op_do_feed},	{"settle", op_do_settle},	{"kill", op_do_kill},
	{"exec", op_do_exec},	{"gone", op_do_gone},		{"leave", op_do_leave},
};

static int op_verb(struct script *script, const struct words *words, size_t verb)
{
	for (unsigned w = 1; w < words->len; w++) {
		struct op *op = op_find(script, words->word[w]);
		int r;

		if (!op)
			return wrong("no such op", words->word[w]);
		r = op_verbs[verb].run(script, op);
		if (r < 0)
			return failed(op_verbs[verb].name, op->name, r);
	}
	return 0;
}

/* ---- the gate, and the rest ---- */

static bool is_release(const char *line)
{
	return !strncmp(line, "release", 7) || !strncmp(line, "open", 4) ||
	       !strncmp(line, "quit", 4);
}

static int cmd_gate(struct script *script, const struct words *words)
{
	static char reply[REPLY_BYTES];
	int r;

	if (words->len < 2 || !script->gate)
		return wrong("gate: no socket, or nothing to say", words->rest[0]);
	/* Said before it is done: from here on nothing is certainly held. */
	if (is_release(words->rest[1]))
		say("{\"ev\":\"release\",\"ns\":%lld}", (long long)now_ns());
	r = gate_ask(script->gate, words->rest[1], reply, sizeof(reply));
	say("{\"ev\":\"gate\",\"ask\":\"%s\",\"reply\":\"%.1500s\"}", words->rest[1], reply);
	return r < 0 ? failed("gate", words->rest[1], r) : 0;
}

static int cmd_parked(struct script *script, const struct words *words)
{
	char reply[256];
	char line[LINE_BYTES];
	unsigned long count = 0;
	uint64_t want;
	int r;

	if (words->len < 2 || parse_size(words->word[1], &want) < 0 || !script->gate)
		return wrong("usage: parked N [FILTER]", words->rest[0]);
	snprintf(line, sizeof(line), "count %s", words->len > 2 ? words->rest[2] : "");
	r = gate_ask(script->gate, line, reply, sizeof(reply));
	if (r < 0 || sscanf(reply, "ok %lu", &count) != 1 || count != want)
		return failed("parked", reply, (int)count);
	return 0;
}

static const struct {
	const char *name;
	int value;
} result_names[] = {
	{"-EAGAIN", -EAGAIN},	      {"-EINVAL", -EINVAL}, {"-ENOSPC", -ENOSPC},
	{"-EOPNOTSUPP", -EOPNOTSUPP}, {"-EIO", -EIO},	    {"-EFAULT", -EFAULT},
	{"-EBADF", -EBADF},
};

static bool result_is(const struct op *op, const char *want)
{
	if (!strcmp(want, "ok"))
		return op->result.res == (io_kind_moves(op->spec.kind) ? (int64_t)op->spec.len : 0);
	for (size_t i = 0; i < ARRAY_SIZE(result_names); i++)
		if (!strcmp(want, result_names[i].name))
			return op->result.res == result_names[i].value;
	return op->result.res == strtoll(want, NULL, 0);
}

static int cmd_expect(struct script *script, const struct words *words)
{
	struct op *op = words->len == 3 ? op_find(script, words->word[1]) : NULL;

	if (!op)
		return wrong("usage: expect NAME ok|RESULT|-ERRNAME", words->rest[0]);
	if (op_do_wait(script, op) < 0 || !result_is(op, words->word[2]))
		return failed("expect", op->name, (int)op->result.res);
	return 0;
}

static int cmd_asleep(struct script *script, const struct words *words)
{
	struct op *op = words->len >= 3 ? op_find(script, words->word[1]) : NULL;
	int64_t deadline_ns = now_ns() + script->timeout_ms * 1000000LL;

	if (!op)
		return wrong("usage: asleep NAME FRAME...", words->rest[0]);
	for (;;) {
		for (unsigned w = 2; w < words->len; w++) {
			if (!task_sleeps_in(op->pid, op->tid, words->word[w]))
				continue;
			say("{\"ev\":\"asleep\",\"op\":\"%s\",\"where\":\"%s\",\"ns\":%lld}",
			    op->name, words->word[w], (long long)now_ns());
			return 0;
		}
		if (now_ns() > deadline_ns || op->state >= OP_DONE)
			return failed("asleep", op->name, -ETIMEDOUT);
		poll_pause();
	}
}

static int cmd_barrier(struct script *script, const struct words *words)
{
	(void)words;
	for (unsigned i = 0; i < script->board->ops_len; i++) {
		struct op *op = &script->board->ops[i];

		if (op->state != OP_IDLE && !op->leave && op_do_wait(script, op) < 0)
			return failed("barrier", op->name, -ETIMEDOUT);
	}
	return 0;
}

static int cmd_say(struct script *script, const struct words *words)
{
	(void)script;
	say("{\"ev\":\"say\",\"text\":\"%s\",\"ns\":%lld}", words->len > 1 ? words->rest[1] : "",
	    (long long)now_ns());
	return 0;
}

static int cmd_sh(struct script *script, const struct words *words)
{
	int status = words->len > 1 ? system(words->rest[1]) : -1;

	(void)script;
	return status ? failed("sh", words->rest[0], status) : 0;
}

static int cmd_timeout(struct script *script, const struct words *words)
{
	uint64_t ms;

	if (words->len != 2 || parse_size(words->word[1], &ms) < 0)
		return wrong("usage: timeout MS", words->rest[0]);
	script->timeout_ms = (int)ms;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct script *script, const struct words *words);
} commands[] = {
	{"open", cmd_open},	{"close", cmd_close},	{"prep", cmd_prep},
	{"drop", cmd_drop},	{"op", cmd_op},		{"gate", cmd_gate},
	{"parked", cmd_parked}, {"expect", cmd_expect}, {"barrier", cmd_barrier},
	{"say", cmd_say},	{"sh", cmd_sh},		{"timeout", cmd_timeout},
	{"asleep", cmd_asleep}, {"flush", cmd_flush},
};

/* ---- reading and running ---- */

static void words_cut(char *line, char *scratch, struct words *ret)
{
	char *save = NULL;

	line[strcspn(line, "#\n")] = '\0';
	memcpy(scratch, line, strlen(line) + 1);
	ret->len = 0;
	for (char *word = strtok_r(scratch, " \t", &save); word && ret->len < WORDS_MAX;
	     word = strtok_r(NULL, " \t", &save)) {
		ret->word[ret->len] = word;
		ret->rest[ret->len] = line + (word - scratch);
		ret->len++;
	}
}

static int script_line(struct script *script, const char *text)
{
	char line[LINE_BYTES];
	char scratch[LINE_BYTES];
	struct words words;

	if (strlen(text) >= sizeof(line))
		return wrong("line too long", "");
	strcpy(line, text);
	words_cut(line, scratch, &words);
	if (!words.len)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(words.word[0], commands[i].name))
			return commands[i].run(script, &words);
	for (size_t i = 0; i < ARRAY_SIZE(op_verbs); i++)
		if (!strcmp(words.word[0], op_verbs[i].name))
			return op_verb(script, &words, i);
	return wrong("no such command", words.word[0]);
}

static int script_stream(struct script *script, FILE *stream)
{
	char line[LINE_BYTES];
	int r = 0;

	while (!r && fgets(line, sizeof(line), stream))
		r = script_line(script, line);
	return r;
}

/* Nothing may stay held, or the workers could not end. */
static void script_end(struct script *script, bool in_trouble)
{
	char reply[256];

	if (in_trouble && script->gate)
		gate_ask(script->gate, "open", reply, sizeof(reply));
	for (unsigned i = 0; i < script->board->ops_len; i++) {
		struct op *op = &script->board->ops[i];

		board_feed(script->board, op);
		if (op->state != OP_IDLE && !op->leave)
			op_do_wait(script, op);
		op_end(script->board, op);
	}
}

/* mkops run [--gate SOCKET] [-c LINE...| FILE | -] */
int script_run(int argc, char **argv)
{
	struct script script = {.gate = getenv("MKOPS_GATE"), .timeout_ms = WAIT_DEFAULT_MS};
	FILE *stream = stdin;
	int r;

	if (argc >= 2 && !strcmp(argv[0], "--gate")) {
		script.gate = argv[1];
		argc -= 2;
		argv += 2;
	}
	if (argc == 1 && strcmp(argv[0], "-"))
		stream = fopen(argv[0], "re");
	if (!stream || (argc > 1 && strcmp(argv[0], "-c")))
		return wrong("usage: mkops run [--gate SOCKET] [FILE | - | -c LINE...]", "");
	r = board_new(&script.board);
	if (r < 0)
		return failed("board", "", r);
	if (argc > 1)
		for (int i = 1; !r && i < argc; i++)
			r = script_line(&script, argv[i]);
	else
		r = script_stream(&script, stream);
	script_end(&script, r != 0);
	return r;
}
