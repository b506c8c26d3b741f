// SPDX-License-Identifier: GPL-2.0
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "cmd/commands.h"
#include "cmd/exit.h"

#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const struct command *const commands[] = {
	&watch_command, &check_command, &report_command, &stress_command, &doctor_command, NULL,
};

static const struct cli iorace_cli = {
	.name = "iorace",
	.summary = "finds file IO that overlaps and that nothing keeps apart",
	.commands = commands,
};

static int print_buf(int r, struct buf *text)
{
	return r < 0 ? fail(EXIT_CANNOT_TRACE, r, NULL) : print(buf_text(text));
}

/* Where one of the first three is closed, the next file would take its place and get its text. */
static void open_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static void stay(int signo)
{
	(void)signo;
}

/*
 * A write that fails is an error to report, not a death. By a handler, since the command under
 * check would inherit SIG_IGN, and a pipeline of it might never end; a handler goes with exec().
 */
static void outlive(int signo)
{
	struct sigaction now;

	if (!sigaction(signo, NULL, &now) && now.sa_handler == SIG_DFL)
		sigaction(signo, &(struct sigaction){.sa_handler = stay, .sa_flags = SA_RESTART},
			  NULL);
}

/*
 * The types of the kernel, megabytes of them, are needed to start and then no more. Without a fixed
 * threshold glibc keeps what is freed of them, and we are resident for hours.
 */
#define GIVE_BACK_BYTES (128 << 10)

int main(int argc, char **argv)
{
	_cleanup_(buf_done) struct buf text = {};
	struct reason why = {};
	struct cli_call call;
	int r;

	mallopt(M_MMAP_THRESHOLD, GIVE_BACK_BYTES);
	open_standard_fds();
	setlocale(LC_CTYPE, "");
	outlive(SIGPIPE);
	outlive(SIGXFSZ);
	r = cli_resolve(&iorace_cli, argc, argv, &why, &call);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	switch (call.request) {
	case CLI_RUN:
		return call.command->run(&call);
	case CLI_HELP:
		return print_buf(cli_help(&iorace_cli, call.command, &text), &text);
	case CLI_VERSION:
		return print_buf(buf_printf(&text, "iorace %s\n", IORACE_VERSION), &text);
	case CLI_COMPLETION:
		return print_buf(cli_completion_bash(&iorace_cli, &text), &text);
	}
	return EXIT_WRONG_USAGE;
}
