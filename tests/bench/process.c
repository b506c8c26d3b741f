// SPDX-License-Identifier: GPL-2.0
#include "process.h"

#include "base/cleanup.h"

#include <bpf/bpf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_MS 10000 /* LLVM takes its time */
#define IDLE_MS 40     /* no CPU time for so long: it waits for events */
#define END_MS 10000

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

double process_cpu_ns(const struct rung_process *p)
{
	struct timespec ts;
	clockid_t clock;

	if (!p->pid || clock_getcpuclockid(p->pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

/* ---- what it has open ------------------------------------------------------------------------ */

typedef void (*fd_fn)(struct rung_process *p, int fd, void *arg);

static void each_fd(struct rung_process *p, fd_fn fn, void *arg)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", p->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			fn(p, atoi(entry->d_name), arg);
	}
	if (dir)
		closedir(dir);
}

static void look_for_events(struct rung_process *p, int fd, void *arg)
{
	char path[64], target[64] = "";
	bool *traces = arg;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", p->pid, fd);
	if (readlink(path, target, sizeof(target) - 1) > 0 &&
	    (strstr(target, "[perf_event]") || strstr(target, "bpf_link") ||
	     strstr(target, "bpf-raw-tracepoint")))
		*traces = true;
}

static struct rung_usage *usage_named(struct rung_process *p, const char *name)
{
	struct rung_usage *u;

	for (size_t i = 0; i < p->usage_len; i++) {
		if (!strcmp(p->usage[i].hook, name))
			return &p->usage[i];
	}
	if (p->usage_len == RUNG_PROGRAMS_MAX)
		return NULL;
	u = &p->usage[p->usage_len++];
	snprintf(u->hook, sizeof(u->hook), "%s", name);
	return u;
}

/* Programs themselves only: links name them once more. */
static void add_program(struct rung_process *p, int fd, void *arg)
{
	_cleanup_(fclosep) FILE *f = NULL;
	_cleanup_(closep) int prog = -1;
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	char path[64], line[128];
	struct rung_usage *u;
	unsigned int id = 0;
	bool is_program = false;

	(void)arg;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", p->pid, fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		is_program |= !strncmp(line, "prog_jited:", 11);
		sscanf(line, "prog_id: %u", &id);
	}
	prog = is_program ? bpf_prog_get_fd_by_id(id) : -1;
	if (prog < 0 || bpf_obj_get_info_by_fd(prog, &info, &len))
		return;
	u = usage_named(p, info.name);
	if (!u)
		return;
	u->runs += info.run_cnt;
	u->time_ns += info.run_time_ns;
}

size_t process_usage(const struct rung_process *p, struct rung_usage usage[RUNG_PROGRAMS_MAX])
{
	memcpy(usage, p->usage, p->usage_len * sizeof(usage[0]));
	return p->usage_len;
}

/* ---- its life -------------------------------------------------------------------------------- */

static int run_command(const char *command, int errors)
{
	char line[1024];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	snprintf(line, sizeof(line), "exec %s", command);
	execl("/bin/sh", "sh", "-c", line, (char *)NULL);
	return 127;
}

/* The line that says most: the first that speaks of an error, or the first there is. */
static void first_words(int errors, char *out, size_t size)
{
	_cleanup_(fclosep) FILE *f = fdopen(dup(errors), "r");
	char line[256];

	out[0] = '\0';
	if (f)
		rewind(f);
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!out[0] || strstr(line, "failed") || strstr(line, "not permitted"))
			snprintf(out, size, "%s", line);
		if (strstr(out, "failed") || strstr(out, "not permitted"))
			return;
	}
}

static int has_ended(struct rung_process *p, int errors, struct reason *why)
{
	char words[256];
	int status;

	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return 0;
	p->pid = 0;
	first_words(errors, words, sizeof(words));
	return reason_fail(why, -ECHILD, "%s", words[0] ? words : "it ended at once");
}

/* It has opened its events, and is at rest. */
static int wait_until_it_traces(struct rung_process *p, int errors, struct reason *why)
{
	double used = -1;

	for (unsigned int ms = 0; ms < READY_MS; ms += IDLE_MS) {
		bool traces = false;
		double now = process_cpu_ns(p);
		int r = has_ended(p, errors, why);

		if (r)
			return r;
		each_fd(p, look_for_events, &traces);
		if (traces && now == used)
			return 0;
		used = now;
		sleep_ms(IDLE_MS);
	}
	return 0; /* busy with what others do: so be it */
}

int process_start(struct rung_process *p, struct reason *why)
{
	_cleanup_(fclosep) FILE *errors = tmpfile();

	if (!errors)
		return reason_fail(why, -errno, "no temporary file: %s", strerror(errno));
	p->pid = fork();
	if (!p->pid)
		_exit(run_command(p->command, fileno(errors)));
	if (p->pid < 0) {
		p->pid = 0;
		return reason_fail(why, -errno, "fork: %s", strerror(errno));
	}
	return wait_until_it_traces(p, fileno(errors), why);
}

void process_stop(struct rung_process *p)
{
	int signal = SIGINT;

	if (!p->pid)
		return;
	each_fd(p, add_program, NULL);
	kill(p->pid, signal);
	for (unsigned int ms = 0; waitpid(p->pid, NULL, WNOHANG) == 0; ms += 5) {
		if (ms == END_MS)
			kill(p->pid, SIGKILL);
		sleep_ms(5);
	}
	p->pid = 0;
}

int process_try(struct rung_process *p, const char *command, struct reason *why)
{
	int r;

	p->command = command;
	r = process_start(p, why);
	process_stop(p);
	return r;
}
