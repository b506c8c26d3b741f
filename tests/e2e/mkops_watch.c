// SPDX-License-Identifier: GPL-2.0
/*
 * Where an operation stands, seen from outside: asleep on a lock (its kernel
 * stack says so), or in the device (the gate says so). Both are states that
 * stay until the test itself ends them; no time is involved.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <dirent.h>
#include <errno.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STACK_BYTES 4096
#define FRAMES_MAX 32
#define EXTENTS_MAX 256

/* A stack with one of these has passed its locks: its data may be moving. */
static const char *const data_path[] = {
	"iomap_dio_rw",	      "__iomap_dio_rw",	       "dax_iomap_rw",
	"filemap_read",	      "generic_perform_write", "iomap_file_buffered_write",
	"iomap_dio_complete", "xfs_free_file_space",   "ext4_punch_hole",
	"ext4_truncate",      "handle_userfault",
};

/*
 * Innermost frame of a task that waits for an inode's lock or for its direct
 * IO to drain. The functions of the lock itself are in .sched.text, which
 * /proc/PID/stack leaves out, so their callers are what is seen.
 */
static const char *const wait_frames[] = {
	"down_read",
	"down_write",
	"xfs_ilock",
	"xfs_file_",
	"ext4_file_",
	"ext4_dio_",
	"ext4_buffered_write_iter",
	"ext4_inode_lock",
	"inode_dio_wait",
	"__inode_dio_wait",
	"inode_lock",
	"do_truncate",
	"ext4_fallocate",
	"btrfs_inode_lock",
	"generic_file_write_iter",
	"xfs_break_",
	"io_wq_worker_hash",
	"btrfs_direct_",
	"btrfs_do_write_iter",
	"btrfs_file_",
	"f2fs_file_",
	"lock_two_nondirectories",
	"xfs_swap_extents", /* that jumps to the lock of the second, and is gone */
};

/*
 * Of the lock itself, where they show: PREEMPT_RT makes it of an rt_mutex, as it does all mutexes,
 * so who called them decides.
 */
static const char *const lock_frames[] = {
	"rwsem_",
	"rwbase_",
	"rt_mutex_",
	"__rt_mutex_",
};

/*
 * btrfs waits for another's extent below __iomap_dio_rw(), before its first bio: anywhere on the
 * stack, these have moved nothing.
 */
static const char *const extent_waits[] = {
	"wait_extent_bit",    "lock_extent", "btrfs_lock_extent", "btrfs_start_ordered_extent",
	"range_test_acquire", /* range_test/range_test.c, taken above that or below */
	"prepare_pages",      /* of btrfs: for what another has under writeback */
};

struct stack {
	unsigned frames_len;
	char frames[FRAMES_MAX][64];
};

static bool starts_with_any(const char *frame, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(frame, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Lines like "[<0>] xfs_ilock+0x7b/0x120 [xfs]", innermost first. */
static int stack_read(pid_t pid, pid_t tid, struct stack *ret)
{
	char path[64];
	char line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	ret->frames_len = 0;
	while (ret->frames_len < FRAMES_MAX && fgets(line, sizeof(line), file))
		if (sscanf(line, "[<%*[^>]>] %63[^+]", ret->frames[ret->frames_len]) == 1)
			ret->frames_len++;
	fclose(file);
	return 0;
}

/* Whoever waits for direct IO to drain has not begun, however deep in its work: 6.1 punches so. */
static const char *const drain_frames[] = {"inode_dio_wait", "__inode_dio_wait"};

static bool stack_is_blocked(const struct stack *stack)
{
	unsigned top = 0;

	for (unsigned i = 0; i < stack->frames_len; i++)
		if (starts_with_any(stack->frames[i], extent_waits, ARRAY_SIZE(extent_waits)))
			return true;
	while (top < stack->frames_len &&
	       starts_with_any(stack->frames[top], lock_frames, ARRAY_SIZE(lock_frames)))
		top++;
	if (top == stack->frames_len ||
	    !starts_with_any(stack->frames[top], wait_frames, ARRAY_SIZE(wait_frames)))
		return false;
	if (starts_with_any(stack->frames[top], drain_frames, ARRAY_SIZE(drain_frames)))
		return true;
	for (unsigned i = 0; i < stack->frames_len; i++)
		if (starts_with_any(stack->frames[i], data_path, ARRAY_SIZE(data_path)))
			return false;
	return true;
}

static char task_state(pid_t pid, pid_t tid)
{
	char path[64];
	char state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return state;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state;
}

static bool thread_is_blocked(pid_t pid, pid_t tid, char *where, size_t where_len)
{
	char state = task_state(pid, tid);
	struct stack stack;

	if ((state != 'D' && state != 'S') || stack_read(pid, tid, &stack) < 0 ||
	    !stack_is_blocked(&stack))
		return false;
	snprintf(where, where_len, "%s<%s", stack.frames[0],
		 stack.frames_len > 1 ? stack.frames[1] : "");
	return true;
}

bool task_sleeps_in(pid_t pid, pid_t tid, const char *frame)
{
	char state = task_state(pid, tid);
	struct stack stack;

	if ((state != 'D' && state != 'S') || stack_read(pid, tid, &stack) < 0)
		return false;
	for (unsigned i = 0; i < stack.frames_len; i++)
		if (starts_with_any(stack.frames[i], &frame, 1))
			return true;
	return false;
}

static bool comm_is_worker_of(pid_t pid, pid_t tid, pid_t submitter)
{
	char path[64];
	char comm[32] = "";
	char want[32];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(comm, sizeof(comm), file))
		*comm = '\0';
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
	snprintf(want, sizeof(want), "iou-wrk-%d", (int)submitter);
	if (!strcmp(comm, want))
		return true;
	return !strncmp(comm, "iou-sqp-", 8) || !strncmp(comm, "iou-wrk-", 8);
}

/* io_uring may have handed the operation to one of its own threads. */
bool task_is_blocked(pid_t pid, pid_t tid, char *where, size_t where_len)
{
	bool found = thread_is_blocked(pid, tid, where, where_len);
	struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = found ? NULL : opendir(path);
	if (!dir)
		return found;
	while (!found && (entry = readdir(dir))) {
		pid_t other = (pid_t)atoi(entry->d_name);

		if (other > 0 && other != tid && comm_is_worker_of(pid, other, tid))
			found = thread_is_blocked(pid, other, where, where_len);
	}
	closedir(dir);
	return found;
}

int gate_ask(const char *socket_path, const char *line, char *reply, size_t reply_len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t used = 0;
	int fd;
	int r = 0;

	if (strlen(socket_path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, socket_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    dprintf(fd, "%s\n", line) < 0)
		r = -errno;
	while (!r && used < reply_len - 1 && (!used || reply[used - 1] != '\n')) {
		ssize_t got = recv(fd, reply + used, reply_len - 1 - used, 0);

		if (got <= 0)
			r = got < 0 ? -errno : -EPIPE;
		else
			used += (size_t)got;
	}
	reply[used] = '\0';
	reply[strcspn(reply, "\n")] = '\0';
	close(fd);
	return r < 0 ? r : strncmp(reply, "ok", 2) ? -EPROTO : 0;
}

/* Where on the disk the range begins; takes i_rwsem shared on ext4 and XFS. */
int file_map(int fd, uint64_t off, uint64_t len, uint64_t *ret_disk_off, uint64_t *ret_len,
	     unsigned *ret_extents)
{
	size_t bytes = sizeof(struct fiemap) + EXTENTS_MAX * sizeof(struct fiemap_extent);
	struct fiemap *map = calloc(1, bytes);
	const struct fiemap_extent *first;
	int r = -ENODATA;

	if (!map)
		return -ENOMEM;
	map->fm_start = off;
	map->fm_length = len;
	map->fm_extent_count = EXTENTS_MAX;
	if (ioctl(fd, FS_IOC_FIEMAP, map) < 0) {
		r = -errno;
	} else if (map->fm_mapped_extents) {
		first = &map->fm_extents[0];
		*ret_extents = map->fm_mapped_extents;
		*ret_disk_off = first->fe_physical;
		if (off > first->fe_logical)
			*ret_disk_off += off - first->fe_logical;
		*ret_len = first->fe_physical + first->fe_length - *ret_disk_off;
		r = 0;
	}
	free(map);
	return r;
}
