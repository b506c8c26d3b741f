// SPDX-License-Identifier: GPL-2.0
#include "run/workload.h"

#include "base/cleanup.h"
#include "base/loop.h"
#include "stress/handover.h"
#include "symbol/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP_PREFIX "iorace-check-"

void workload_init(struct workload *workload, char *const *argv)
{
	*workload = (struct workload){.argv = argv,
				      .go_fd = -1,
				      .word_fd = -1,
				      .cgroup_fd = -1,
				      .evidence_fd = -1,
				      .exit = -1};
}

/* ---- a cgroup of its own --------------------------------------------------------------------- */

/* Our own cgroup, as /proc/self/cgroup names it: "0::/path". */
static int own_cgroup_dir(char *ret, size_t size)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/self/cgroup", "re");
	char line[PATH_MAX], point[PATH_MAX / 2];
	int r;

	r = cgroup2_mount_point(point, sizeof(point));
	if (r < 0)
		return r;
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::/", 4))
			continue;
		r = snprintf(ret, size, "%s%s", point, strcmp(line, "0::/") ? line + 3 : "");
		return (size_t)r < size ? 0 : -ENAMETOOLONG;
	}
	return -ENOENT;
}

/* A run that was killed leaves an empty directory: the next one takes it away. */
static void remove_left_behind(const char *parent)
{
	DIR *dir = opendir(parent);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		size_t skip = strlen(CGROUP_PREFIX);

		if (!strncmp(entry->d_name, CGROUP_PREFIX, skip) &&
		    kill(atoi(entry->d_name + skip), 0) && errno == ESRCH)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static int make_cgroup(struct workload *workload)
{
	char parent[PATH_MAX];
	int r;

	r = own_cgroup_dir(parent, sizeof(parent));
	if (r < 0)
		return r;
	remove_left_behind(parent);
	if (asprintf(&workload->cgroup_dir, "%s/" CGROUP_PREFIX "%d", parent, getpid()) < 0) {
		workload->cgroup_dir = NULL;
		return -ENOMEM;
	}
	if (mkdir(workload->cgroup_dir, 0755)) {
		r = -errno;
		free(workload->cgroup_dir);
		workload->cgroup_dir = NULL;
		return r;
	}
	workload->cgroup_fd = open(workload->cgroup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return workload->cgroup_fd < 0 ? -errno : 0;
}

static int write_pid(int cgroup_fd, const char *file, pid_t pid)
{
	_cleanup_(closep) int fd = openat(cgroup_fd, file, O_WRONLY | O_CLOEXEC);
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", pid);

	if (fd < 0)
		return -errno;
	return write(fd, text, len) == len ? 0 : -errno;
}

/* Whatever the command left running goes on, in the cgroup it came from. */
static void release_cgroup(struct workload *workload)
{
	_cleanup_(fclosep) FILE *procs = NULL;
	char path[PATH_MAX];
	int pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", workload->cgroup_dir);
	procs = fopen(path, "re");
	while (procs && fscanf(procs, "%d", &pid) == 1)
		write_pid(workload->cgroup_fd, "../cgroup.procs", pid);
	rmdir(workload->cgroup_dir);
}

/* ---- by descent ------------------------------------------------------------------------------ */

/* Orphans of the command come to us, so we stay the ancestor of everything it started. */
static int follow_by_descent(struct workload *workload, struct reason *why)
{
	struct stat st;

	/* PROC_PID_INIT_INO, include/linux/proc_ns.h: the kernel side sees pids as init does. */
	if (stat("/proc/self/ns/pid", &st) || st.st_ino != 0xEFFFFFFCU)
		return reason_fail(
			why, -EOPNOTSUPP,
			"the command cannot be told from others: no cgroup v2 can be made "
			"here, and process ids of this container are not the kernel's; "
			"mount cgroup2 writable or run on the host");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return reason_fail(why, -errno, "cannot adopt orphans: %s", strerror(errno));
	workload->tree_pid = getpid();
	return 0;
}

int workload_prepare(struct workload *workload, struct reason *why)
{
	if (make_cgroup(workload) == 0)
		return 0;
	closep(&workload->cgroup_fd);
	return follow_by_descent(workload, why);
}

/* ---- life ------------------------------------------------------------------------------------ */

/*
 * In the child: wait for the word, then become the command. Never returns. Tells an errno each
 * time: 0 when it is ready, then that of exec(), or nothing but a closed pipe when that went well.
 */
static void child_main(const struct workload *workload, const struct loop *loop, int go_fd,
		       int word_fd)
{
	char byte;
	int error;

	loop_restore_signals(loop);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (workload->cgroup_fd >= 0) {
		error = -write_pid(workload->cgroup_fd, "cgroup.procs", getpid());
		if (error)
			goto fail;
	}
	error = 0;
	/* No word but a closed pipe means: nobody traces us any more. */
	if (write(word_fd, &error, sizeof(error)) != sizeof(error) || read(go_fd, &byte, 1) != 1)
		_exit(127);
	prctl(PR_SET_PDEATHSIG, 0);
	error = workload->evidence_fd >= 0 ? -handover_export(workload->evidence_fd) : 0;
	if (error)
		goto fail;
	execvp(workload->argv[0], workload->argv);
	error = errno;
fail:
	(void)!write(word_fd, &error, sizeof(error));
	_exit(127);
}

/* An executable of this name, as execvp() would find it. */
static int find_executable(const char *name)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	if (strchr(name, '/'))
		return access(name, X_OK) ? -errno : 0;
	for (path = path ? path : "/bin:/usr/bin"; *path;) {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);
		if (!access(file, X_OK))
			return 0;
		path += len;
		if (*path)
			path++;
	}
	return -ENOENT;
}

/* The errno that the child tells next, or `silent` when it closes the pipe without a word. */
static int child_word(int fd, int silent)
{
	int error;

	return read(fd, &error, sizeof(error)) == sizeof(error) ? error : silent;
}

static int wait_ready(int fd, struct reason *why, const char *name)
{
	int error = child_word(fd, EIO);

	if (!error)
		return 0;
	return reason_fail(why, -error, "cannot start %s: its cgroup refused it: %s", name,
			   strerror(error));
}

static int cannot_run(struct reason *why, const char *name, int error)
{
	return reason_fail(why, -error, "cannot run %s: %s", name,
			   error == ENOENT ? "command not found" : strerror(error));
}

int workload_start(struct workload *workload, const struct loop *loop, struct reason *why)
{
	_cleanup_(closep) int go_r = -1, go_w = -1, word_r = -1, word_w = -1;
	int pipes[2], r;

	r = find_executable(workload->argv[0]);
	if (r < 0)
		return cannot_run(why, workload->argv[0], -r);
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	go_r = pipes[0];
	go_w = pipes[1];
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	word_r = pipes[0];
	word_w = pipes[1];
	workload->pid = fork();
	if (workload->pid < 0) {
		workload->pid = 0;
		return -errno;
	}
	if (!workload->pid) {
		close(go_w);
		child_main(workload, loop, go_r, word_w);
	}
	closep(&word_w);
	r = wait_ready(word_r, why, workload->argv[0]);
	if (r < 0)
		return r;
	workload->go_fd = take_fd(go_w);
	workload->word_fd = take_fd(word_r);
	return 0;
}

int workload_go(struct workload *workload, struct reason *why)
{
	int error;

	(void)!write(workload->go_fd, "", 1);
	closep(&workload->go_fd);
	error = child_word(workload->word_fd, 0);
	closep(&workload->word_fd);
	if (!error)
		return 0;
	/* What execvp() did not find is the interpreter that the first line of the file names. */
	if (error == ENOENT && strchr(workload->argv[0], '/'))
		return reason_fail(why, -error, "cannot run %s: its interpreter is not there",
				   workload->argv[0]);
	return cannot_run(why, workload->argv[0], error);
}

bool workload_failed(const struct workload *workload)
{
	if (workload->time_over && workload->signal == SIGTERM)
		return false;
	return workload->exit != 0 || workload->signal;
}

void workload_signal(const struct workload *workload, int signo)
{
	if (workload->pid > 0 && !workload->ended)
		kill(workload->pid, signo);
}

/* ---- what outlives the command --------------------------------------------------------------- */

static unsigned int tasks_in_cgroup(int cgroup_fd)
{
	int fd = openat(cgroup_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	_cleanup_(fclosep) FILE *procs = fd < 0 ? NULL : fdopen(fd, "r");
	unsigned int count = 0;
	int pid;

	while (procs && fscanf(procs, "%d", &pid) == 1)
		count++;
	return count;
}

/* Orphans became our children. How many there are nobody says, only that there is one. */
static unsigned int children_left(void)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	return pid == 0;
}

#define LEFT_STEP_MS 10
#define LEFT_STEPS 50

/* Nobody tells when the last of several processes is gone, so a few looks, and mostly only one. */
unsigned int workload_left_running(const struct workload *workload)
{
	unsigned int left = 0;

	if (!workload->ended)
		return 0;
	for (int i = 0; i < LEFT_STEPS; i++) {
		left = workload->cgroup_fd >= 0 ? tasks_in_cgroup(workload->cgroup_fd)
						: children_left();
		if (!left)
			break;
		poll(NULL, 0, LEFT_STEP_MS);
	}
	return left;
}

void workload_done(struct workload *workload)
{
	if (workload->pid > 0 && !workload->ended) {
		kill(workload->pid, SIGKILL);
		waitpid(workload->pid, NULL, 0);
	}
	closep(&workload->go_fd);
	closep(&workload->word_fd);
	if (workload->cgroup_dir)
		release_cgroup(workload);
	closep(&workload->cgroup_fd);
	free(workload->cgroup_dir);
	workload->cgroup_dir = NULL;
}
