// SPDX-License-Identifier: GPL-2.0
/*
 * gatedisk: a disk whose IO can be held open.
 *
 * A FUSE file system with one file, "disk", in memory. A loop device with
 * --direct-io=on on it turns bios into asynchronous FUSE requests. Requests
 * that match a hold rule are parked: not answered until released. Whoever
 * wants two IOs in flight at once holds both, waits until both are parked
 * (an event, not a time), and then knows.
 *
 * One thread, one poll loop, no locks: FUSE requests, control clients and
 * the deadlines of waiting clients all arrive here. Parking a request is
 * putting it on a list, so any number can be held while others pass.
 *
 * Control is a line protocol over a Unix socket, one reply line per line:
 *
 *   hold KIND [FILTER]      park what matches, from now on (rules add up)
 *   pass                    no rules; what is parked stays parked
 *   wait N [KIND] [FILTER]  reply when at least N matching requests are parked
 *   count [KIND] [FILTER]   how many are parked now, and their bytes
 *   list                    what is parked, in order of arrival
 *   release N|all [KIND] [FILTER]   answer the oldest N, or all, that match
 *   open                    pass, then release all
 *   stats                   totals
 *   quit                    open, then end (unmount the loop device first)
 *
 *   KIND    read | write | flush | all
 *   FILTER  [OFFSET LENGTH] [fill=HEX] [bytes=N] [timeout=MS]
 *
 * fill= matches a write with a whole 512-byte sector of that one byte value:
 * that tells a test's data from the journal's and needs no knowledge of the
 * block map. bytes= (wait only) also wants that many bytes parked, for IO
 * that the block layer splits.
 *
 * A held flush stops its loop worker and, in fuse_fsync(), holds the inode
 * lock of "disk": no later write can pass it. Held reads and writes do not
 * stop anything.
 */
#define FUSE_USE_VERSION 34
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

#define DISK_INO 2
#define DISK_NAME "disk"
#define SECTOR 512
#define RULES_MAX 32
#define CLIENTS_MAX 32
#define LINE_MAX_BYTES 512
#define REPLY_MAX_BYTES 65536
#define WAIT_DEFAULT_MS 20000
#define BACKGROUND_MAX 8192 /* the kernel's default, 12, would stall the disk */
#define WRITE_MAX_BYTES (1U << 20)
#define FILL_ANY (-1)

enum req_kind {
	REQ_READ,
	REQ_WRITE,
	REQ_FLUSH,
	REQ_KIND_COUNT_,
};

static const char *const req_kind_names[] = {"read", "write", "flush"};
_Static_assert(sizeof(req_kind_names) / sizeof(req_kind_names[0]) == REQ_KIND_COUNT_,
	       "one name per kind");

struct filter {
	unsigned kinds; /* bit per enum req_kind */
	uint64_t start;
	uint64_t end;
	int fill;
	uint64_t bytes;
	int timeout_ms;
};

struct parked {
	struct parked *next;
	fuse_req_t req;
	enum req_kind kind;
	uint64_t start;
	uint64_t end;
	char *written; /* what a write brought; NULL for the others */
};

struct client {
	int fd;
	size_t used;
	char line[LINE_MAX_BYTES];
	bool waiting;
	size_t want;
	int64_t deadline_ms;
	struct filter filter;
};

struct disk {
	char *bytes;
	int memfd;
	uint64_t size;
	struct filter rules[RULES_MAX];
	size_t rules_len;
	struct parked *parked;
	struct parked **parked_tail;
	struct client clients[CLIENTS_MAX];
	uint64_t served[REQ_KIND_COUNT_];
	uint64_t held[REQ_KIND_COUNT_];
	int listen_fd;
	bool quitting;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* ---- filters ---- */

static bool sector_is_filled(const char *sector, int fill)
{
	return (unsigned char)sector[0] == fill && !memcmp(sector, sector + 1, SECTOR - 1);
}

static bool bytes_have_fill(const char *bytes, uint64_t len, int fill)
{
	for (uint64_t at = 0; at + SECTOR <= len; at += SECTOR)
		if (sector_is_filled(bytes + at, fill))
			return true;
	return false;
}

/* A flush has no range and no content: only its kind is asked for. */
static bool filter_matches(const struct filter *filter, const struct parked *io)
{
	if (!(filter->kinds & (1U << io->kind)))
		return false;
	if (io->kind == REQ_FLUSH)
		return true;
	if (io->start >= filter->end || filter->start >= io->end)
		return false;
	if (filter->fill == FILL_ANY)
		return true;
	return io->kind == REQ_WRITE &&
	       bytes_have_fill(io->written, io->end - io->start, filter->fill);
}

static int parse_u64(const char *text, uint64_t *ret)
{
	unsigned shift = 0;
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text)
		return -EINVAL;
	if (*end == 'K')
		shift = 10;
	else if (*end == 'M')
		shift = 20;
	else if (*end == 'G')
		shift = 30;
	if (shift)
		end++;
	if (*end)
		return -EINVAL;
	*ret = value << shift;
	return 0;
}

static int parse_kind(const char *word, unsigned *ret)
{
	if (!strcmp(word, "all")) {
		*ret = (1U << REQ_KIND_COUNT_) - 1;
		return 0;
	}
	for (int kind = 0; kind < REQ_KIND_COUNT_; kind++) {
		if (strcmp(word, req_kind_names[kind]))
			continue;
		*ret = 1U << kind;
		return 0;
	}
	return -EINVAL;
}

static int parse_option(const char *word, struct filter *filter)
{
	uint64_t value;
	char *end;

	if (!strncmp(word, "fill=", 5)) {
		filter->fill = (int)strtol(word + 5, &end, 16);
		return *end || end == word + 5 || filter->fill < 0 || filter->fill > 255 ? -EINVAL
											 : 0;
	}
	if (!strncmp(word, "bytes=", 6))
		return parse_u64(word + 6, &filter->bytes);
	if (!strncmp(word, "timeout=", 8)) {
		if (parse_u64(word + 8, &value) < 0)
			return -EINVAL;
		filter->timeout_ms = (int)value;
		return 0;
	}
	return -EINVAL;
}

static int parse_range(const char *first, char **save, struct filter *filter)
{
	const char *second = strtok_r(NULL, " ", save);
	uint64_t len;

	if (!second || parse_u64(first, &filter->start) < 0 || parse_u64(second, &len) < 0)
		return -EINVAL;
	filter->end = filter->start + len;
	return 0;
}

/* Words left in *save: [KIND] [OFFSET LENGTH] [name=value ...] */
static int parse_filter(char **save, struct filter *ret)
{
	struct filter filter = {.kinds = (1U << REQ_KIND_COUNT_) - 1,
				.end = UINT64_MAX,
				.fill = FILL_ANY,
				.timeout_ms = WAIT_DEFAULT_MS};
	const char *word;
	int r;

	while ((word = strtok_r(NULL, " ", save))) {
		if (strchr(word, '='))
			r = parse_option(word, &filter);
		else if (*word >= '0' && *word <= '9')
			r = parse_range(word, save, &filter);
		else
			r = parse_kind(word, &filter.kinds);
		if (r < 0)
			return r;
	}
	*ret = filter;
	return 0;
}

/* ---- the disk ---- */

static void parked_free(struct parked *io)
{
	free(io->written);
	free(io);
}

static int disk_sync_reply(fuse_req_t req)
{
	return fuse_reply_err(req, 0);
}

/* Data moves here, at the moment of release, not when the request came in. */
static void disk_answer(struct disk *disk, struct parked *io)
{
	disk->served[io->kind]++;
	switch (io->kind) {
	case REQ_READ:
		fuse_reply_buf(io->req, disk->bytes + io->start, io->end - io->start);
		break;
	case REQ_WRITE:
		memcpy(disk->bytes + io->start, io->written, io->end - io->start);
		fuse_reply_write(io->req, io->end - io->start);
		break;
	case REQ_FLUSH:
	case REQ_KIND_COUNT_:
		disk_sync_reply(io->req);
		break;
	}
	parked_free(io);
}

static bool disk_holds(const struct disk *disk, const struct parked *io)
{
	for (size_t i = 0; i < disk->rules_len; i++)
		if (filter_matches(&disk->rules[i], io))
			return true;
	return false;
}

static size_t disk_count(const struct disk *disk, const struct filter *filter, uint64_t *ret_bytes)
{
	uint64_t bytes = 0;
	size_t count = 0;

	for (const struct parked *io = disk->parked; io; io = io->next) {
		if (!filter_matches(filter, io))
			continue;
		count++;
		bytes += io->end - io->start;
	}
	*ret_bytes = bytes;
	return count;
}

static size_t disk_release(struct disk *disk, const struct filter *filter, size_t limit)
{
	struct parked **link = &disk->parked;
	size_t released = 0;

	while (*link && released < limit) {
		struct parked *io = *link;

		if (!filter_matches(filter, io)) {
			link = &io->next;
			continue;
		}
		*link = io->next;
		if (!*link)
			disk->parked_tail = link;
		disk_answer(disk, io);
		released++;
	}
	return released;
}

static void clients_check(struct disk *disk);

static void disk_take(struct disk *disk, fuse_req_t req, enum req_kind kind, uint64_t start,
		      uint64_t len, const char *written)
{
	struct parked *io = calloc(1, sizeof(*io));

	if (!io || start + len > disk->size || (written && !(io->written = malloc(len)))) {
		fuse_reply_err(req, io ? EIO : ENOMEM);
		free(io);
		return;
	}
	io->req = req;
	io->kind = kind;
	io->start = start;
	io->end = start + len;
	if (written)
		memcpy(io->written, written, len);
	if (!disk_holds(disk, io)) {
		disk_answer(disk, io);
		return;
	}
	disk->held[kind]++;
	*disk->parked_tail = io;
	disk->parked_tail = &io->next;
	clients_check(disk);
}

/* ---- FUSE: a root directory and one file ---- */

static struct disk *disk_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static bool stat_fill(const struct disk *disk, fuse_ino_t ino, struct stat *st)
{
	*st = (struct stat){.st_ino = ino, .st_nlink = 1, .st_blksize = SECTOR};
	if (ino == FUSE_ROOT_ID) {
		st->st_mode = S_IFDIR | 0755;
		return true;
	}
	st->st_mode = S_IFREG | 0600;
	st->st_size = (off_t)disk->size;
	st->st_blocks = (blkcnt_t)(disk->size / SECTOR);
	return ino == DISK_INO;
}

static void gate_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX;
	conn->max_write = WRITE_MAX_BYTES;
	conn->want |= conn->capable & FUSE_CAP_ASYNC_DIO;
	conn->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE);
}

static void gate_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {
		.ino = DISK_INO, .attr_timeout = 3600, .entry_timeout = 3600};

	if (parent != FUSE_ROOT_ID || strcmp(name, DISK_NAME)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	stat_fill(disk_of(req), DISK_INO, &entry.attr);
	fuse_reply_entry(req, &entry);
}

static void gate_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (stat_fill(disk_of(req), ino, &st))
		fuse_reply_attr(req, &st, 3600);
	else
		fuse_reply_err(req, ENOENT);
}

static void gate_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == DISK_INO)
		fuse_reply_open(req, fi);
	else
		fuse_reply_err(req, EISDIR);
}

static void gate_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	struct disk *disk = disk_of(req);
	uint64_t start = (uint64_t)off < disk->size ? (uint64_t)off : disk->size;
	uint64_t len = size < disk->size - start ? size : disk->size - start;

	(void)ino;
	(void)fi;
	disk_take(disk, req, REQ_READ, start, len, NULL);
}

static void gate_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	disk_take(disk_of(req), req, REQ_WRITE, (uint64_t)off, size, buf);
}

static void gate_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	disk_take(disk_of(req), req, REQ_FLUSH, 0, 0, NULL);
}

/* Discard and write-zeroes of the loop device end here. */
static void gate_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
			   struct fuse_file_info *fi)
{
	struct disk *disk = disk_of(req);
	int r = 0;

	(void)ino;
	(void)fi;
	if ((uint64_t)off + (uint64_t)len > disk->size)
		r = EFBIG;
	else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		r = fallocate(disk->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len)
			    ? errno
			    : 0;
	fuse_reply_err(req, r);
}

static const struct fuse_lowlevel_ops gate_ops = {
	.init = gate_init,
	.lookup = gate_lookup,
	.getattr = gate_getattr,
	.open = gate_open,
	.read = gate_read,
	.write = gate_write,
	.fsync = gate_fsync,
	.fallocate = gate_fallocate,
};

/* ---- control ---- */

static void client_close(struct client *client)
{
	close(client->fd);
	*client = (struct client){.fd = -1};
}

static void client_reply(struct client *client, const char *text)
{
	size_t len = strlen(text);

	client->waiting = false;
	if (send(client->fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		client_close(client);
}

static void client_check(struct disk *disk, struct client *client)
{
	uint64_t bytes;
	char text[128];
	size_t count = disk_count(disk, &client->filter, &bytes);

	if (count >= client->want && bytes >= client->filter.bytes)
		snprintf(text, sizeof(text), "ok %zu parked, %llu bytes\n", count,
			 (unsigned long long)bytes);
	else if (now_ms() >= client->deadline_ms)
		snprintf(text, sizeof(text), "error timeout: %zu parked, %llu bytes\n", count,
			 (unsigned long long)bytes);
	else
		return;
	client_reply(client, text);
}

/* Called whenever a request was parked, and when a deadline may have passed. */
static void clients_check(struct disk *disk)
{
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		if (disk->clients[i].fd >= 0 && disk->clients[i].waiting)
			client_check(disk, &disk->clients[i]);
}

static const char *cmd_hold(struct disk *disk, struct client *client, char **save)
{
	(void)client;
	if (disk->rules_len == RULES_MAX)
		return "error too many rules\n";
	if (parse_filter(save, &disk->rules[disk->rules_len]) < 0)
		return "error bad filter\n";
	disk->rules_len++;
	return "ok\n";
}

static const char *cmd_pass(struct disk *disk, struct client *client, char **save)
{
	(void)client;
	(void)save;
	disk->rules_len = 0;
	return "ok\n";
}

static const char *cmd_wait(struct disk *disk, struct client *client, char **save)
{
	const char *number = strtok_r(NULL, " ", save);
	uint64_t want;

	if (!number || parse_u64(number, &want) < 0 || parse_filter(save, &client->filter) < 0)
		return "error usage: wait N [KIND] [FILTER]\n";
	client->want = want;
	client->waiting = true;
	client->deadline_ms = now_ms() + client->filter.timeout_ms;
	client_check(disk, client);
	return NULL;
}

static const char *cmd_count(struct disk *disk, struct client *client, char **save)
{
	struct filter filter;
	uint64_t bytes;
	size_t count;
	char text[128];

	if (parse_filter(save, &filter) < 0)
		return "error bad filter\n";
	count = disk_count(disk, &filter, &bytes);
	snprintf(text, sizeof(text), "ok %zu %llu\n", count, (unsigned long long)bytes);
	client_reply(client, text);
	return NULL;
}

static const char *cmd_list(struct disk *disk, struct client *client, char **save)
{
	static char text[REPLY_MAX_BYTES];
	size_t used = (size_t)snprintf(text, sizeof(text), "ok");

	(void)save;
	for (const struct parked *io = disk->parked; io && used < sizeof(text) - 128; io = io->next)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s:%llu+%llu:%02x",
					 req_kind_names[io->kind], (unsigned long long)io->start,
					 (unsigned long long)(io->end - io->start),
					 io->written ? (unsigned char)io->written[0] : 0);
	snprintf(text + used, sizeof(text) - used, "\n");
	client_reply(client, text);
	return NULL;
}

static const char *cmd_release(struct disk *disk, struct client *client, char **save)
{
	const char *number = strtok_r(NULL, " ", save);
	uint64_t limit = UINT64_MAX;
	struct filter filter;
	char text[64];

	if (!number || (strcmp(number, "all") && parse_u64(number, &limit) < 0) ||
	    parse_filter(save, &filter) < 0)
		return "error usage: release N|all [KIND] [FILTER]\n";
	snprintf(text, sizeof(text), "ok %zu\n", disk_release(disk, &filter, limit));
	client_reply(client, text);
	return NULL;
}

static void disk_open_gate(struct disk *disk)
{
	const struct filter all = {
		.kinds = (1U << REQ_KIND_COUNT_) - 1, .end = UINT64_MAX, .fill = FILL_ANY};

	disk->rules_len = 0;
	disk_release(disk, &all, SIZE_MAX);
}

static const char *cmd_open(struct disk *disk, struct client *client, char **save)
{
	(void)client;
	(void)save;
	disk_open_gate(disk);
	return "ok\n";
}

static const char *cmd_stats(struct disk *disk, struct client *client, char **save)
{
	char text[256];

	(void)save;
	snprintf(text, sizeof(text),
		 "ok served read=%llu write=%llu flush=%llu held read=%llu write=%llu flush=%llu\n",
		 (unsigned long long)disk->served[REQ_READ],
		 (unsigned long long)disk->served[REQ_WRITE],
		 (unsigned long long)disk->served[REQ_FLUSH],
		 (unsigned long long)disk->held[REQ_READ],
		 (unsigned long long)disk->held[REQ_WRITE],
		 (unsigned long long)disk->held[REQ_FLUSH]);
	client_reply(client, text);
	return NULL;
}

static const char *cmd_quit(struct disk *disk, struct client *client, char **save)
{
	(void)client;
	(void)save;
	disk_open_gate(disk);
	disk->quitting = true;
	return "ok\n";
}

static const struct {
	const char *name;
	const char *(*run)(struct disk *disk, struct client *client, char **save);
} commands[] = {
	{"hold", cmd_hold},   {"pass", cmd_pass},   {"wait", cmd_wait},
	{"count", cmd_count}, {"list", cmd_list},   {"release", cmd_release},
	{"open", cmd_open},   {"stats", cmd_stats}, {"quit", cmd_quit},
};

static void client_line(struct disk *disk, struct client *client, char *line)
{
	char *save = NULL;
	const char *word = strtok_r(line, " ", &save);
	const char *reply = "error unknown command\n";

	for (size_t i = 0; word && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(word, commands[i].name))
			reply = commands[i].run(disk, client, &save);
	if (reply)
		client_reply(client, reply);
}

static void client_input(struct disk *disk, struct client *client)
{
	ssize_t got = recv(client->fd, client->line + client->used,
			   sizeof(client->line) - 1 - client->used, 0);
	char *end;

	if (got <= 0) {
		client_close(client);
		return;
	}
	client->used += (size_t)got;
	client->line[client->used] = '\0';
	while (client->fd >= 0 && (end = strchr(client->line, '\n'))) {
		char line[LINE_MAX_BYTES];
		size_t len = (size_t)(end - client->line);

		memcpy(line, client->line, len);
		line[len] = '\0';
		client->used -= len + 1;
		memmove(client->line, end + 1, client->used + 1);
		client_line(disk, client, line);
	}
	if (client->used == sizeof(client->line) - 1)
		client_close(client);
}

static void client_accept(struct disk *disk)
{
	int fd = accept4(disk->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (disk->clients[i].fd >= 0)
			continue;
		disk->clients[i] = (struct client){.fd = fd};
		return;
	}
	close(fd);
}

/* ---- the one loop ---- */

static int next_timeout_ms(const struct disk *disk)
{
	int64_t left = -1;

	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *client = &disk->clients[i];
		int64_t ms;

		if (client->fd < 0 || !client->waiting)
			continue;
		ms = client->deadline_ms - now_ms();
		if (ms < 0)
			ms = 0;
		if (left < 0 || ms < left)
			left = ms;
	}
	return (int)left;
}

static void serve_fuse(struct disk *disk, struct fuse_session *session, struct fuse_buf *buf)
{
	int r = fuse_session_receive_buf(session, buf);

	if (r > 0)
		fuse_session_process_buf(session, buf);
	else if (r != -EINTR && r != -EAGAIN)
		disk->quitting = true;
}

static int serve_loop(struct disk *disk, struct fuse_session *session)
{
	struct pollfd fds[2 + CLIENTS_MAX];
	struct fuse_buf buf = {0};

	while (!disk->quitting && !fuse_session_exited(session)) {
		fds[0] = (struct pollfd){.fd = fuse_session_fd(session), .events = POLLIN};
		fds[1] = (struct pollfd){.fd = disk->listen_fd, .events = POLLIN};
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			fds[2 + i] = (struct pollfd){.fd = disk->clients[i].fd, .events = POLLIN};
		if (poll(fds, 2 + CLIENTS_MAX, next_timeout_ms(disk)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			serve_fuse(disk, session, &buf);
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			if (fds[2 + i].revents && disk->clients[i].fd == fds[2 + i].fd)
				client_input(disk, &disk->clients[i]);
		if (fds[1].revents)
			client_accept(disk);
		clients_check(disk);
	}
	free(buf.mem);
	return 0;
}

/* ---- life ---- */

static int disk_init(struct disk *disk, uint64_t size)
{
	*disk = (struct disk){.size = size, .memfd = -1, .listen_fd = -1};
	disk->parked_tail = &disk->parked;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		disk->clients[i].fd = -1;
	disk->memfd = memfd_create("gatedisk", MFD_CLOEXEC);
	if (disk->memfd < 0 || ftruncate(disk->memfd, (off_t)size) < 0)
		return -errno;
	disk->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, disk->memfd, 0);
	return disk->bytes == MAP_FAILED ? -errno : 0;
}

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	strcpy(ret->sun_path, path);
	return 0;
}

static int control_listen(struct disk *disk, const char *path)
{
	struct sockaddr_un address;
	int r = unix_address(path, &address);

	if (r < 0)
		return r;
	disk->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (disk->listen_fd < 0)
		return -errno;
	if (bind(disk->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(disk->listen_fd, CLIENTS_MAX) < 0)
		return -errno;
	return 0;
}

/* Ready means: mounted and listening. The parent waits for that byte. */
static void announce_ready(int fd)
{
	if (write(fd, "R", 1) == 1)
		close(fd);
}

/* The disk may be needed to free memory: tell the reclaimer not to wait for us. */
static void detach_from_terminal(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	signal(SIGPIPE, SIG_IGN);
	if (null_fd < 0)
		return;
	dup2(null_fd, STDIN_FILENO);
	dup2(null_fd, STDOUT_FILENO);
	dup2(null_fd, STDERR_FILENO); /* or a pipeline would wait for us */
	close(null_fd);
}

static int serve(const char *mountpoint, const char *socket_path, uint64_t size, int ready_fd)
{
	char *argv[] = {"gatedisk", "-o", "fsname=gatedisk", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session;
	static struct disk disk;
	int r = disk_init(&disk, size);

	if (r < 0)
		return r;
	session = fuse_session_new(&args, &gate_ops, sizeof(gate_ops), &disk);
	fuse_opt_free_args(&args);
	if (!session)
		return -EINVAL;
	r = fuse_session_mount(session, mountpoint) ? -EIO : control_listen(&disk, socket_path);
	if (!r) {
		detach_from_terminal();
		announce_ready(ready_fd);
		r = serve_loop(&disk, session);
		unlink(socket_path);
	}
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return r;
}

static int cmd_serve(const char *mountpoint, const char *socket_path, const char *size_text)
{
	uint64_t size;
	int ready[2];
	char byte;
	pid_t pid;
	int r;

	if (parse_u64(size_text, &size) < 0 || size % SECTOR || pipe2(ready, O_CLOEXEC) < 0) {
		fprintf(stderr, "gatedisk: bad size %s\n", size_text);
		return 2;
	}
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		r = serve(mountpoint, socket_path, size, ready[1]);
		if (r < 0)
			fprintf(stderr, "gatedisk: %s: %s\n", mountpoint, strerror(-r));
		_exit(r < 0);
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &byte, 1) != 1)
		return 1;
	printf("%d\n", (int)pid);
	return 0;
}

static int control_ask(const char *path, const char *line, char *reply, size_t reply_len)
{
	struct sockaddr_un address;
	size_t used = 0;
	int r = unix_address(path, &address);
	int fd = r < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return r < 0 ? r : -errno;
	r = connect(fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	if (!r && send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		r = -errno;
	while (!r && used < reply_len - 1 && (!used || reply[used - 1] != '\n')) {
		ssize_t got = recv(fd, reply + used, reply_len - 1 - used, 0);

		if (got <= 0)
			r = got < 0 ? -errno : -EPIPE;
		else
			used += (size_t)got;
	}
	reply[used] = '\0';
	close(fd);
	return r;
}

static int cmd_ctl(const char *path, int words, char **word)
{
	static char reply[REPLY_MAX_BYTES];
	char line[LINE_MAX_BYTES] = "";
	int r;

	for (int i = 0; i < words; i++) {
		size_t used = strlen(line);

		snprintf(line + used, sizeof(line) - used, "%s%s", i ? " " : "", word[i]);
	}
	if (strlen(line) + 2 > sizeof(line))
		return 2;
	strcat(line, "\n");
	r = control_ask(path, line, reply, sizeof(reply));
	if (r < 0) {
		fprintf(stderr, "gatedisk: %s: %s\n", path, strerror(-r));
		return 1;
	}
	fputs(reply, stdout);
	return strncmp(reply, "ok", 2) != 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "serve"))
		return cmd_serve(argv[2], argv[3], argv[4]);
	if (argc >= 4 && !strcmp(argv[1], "ctl"))
		return cmd_ctl(argv[2], argc - 3, argv + 3);
	fprintf(stderr,
		"usage: gatedisk serve MOUNTPOINT SOCKET SIZE   (prints its pid when ready)\n"
		"       gatedisk ctl SOCKET COMMAND...\n");
	return 2;
}
