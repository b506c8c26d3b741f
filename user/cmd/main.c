// SPDX-License-Identifier: GPL-2.0
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "cmd/commands.h"
#include "cmd/exit.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

static const struct command *const commands[] = {
	&watch_command,
	&check_command,
	&doctor_command,
	NULL,
};

static const struct cli iorace_cli = {
	.name = "iorace",
	.summary = "finds file IO that overlaps and that nothing keeps apart",
	.commands = commands,
};

static int print(int r, struct buf *text)
{
	if (r < 0)
		return fail(EXIT_CANNOT_TRACE, r, NULL);
	if (fputs(buf_text(text), stdout) < 0 || fflush(stdout))
		return EXIT_CANNOT_TRACE;
	return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	_cleanup_(buf_done) struct buf text = {};
	struct reason why = {};
	struct cli_call call;
	int r;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	r = cli_resolve(&iorace_cli, argc, argv, &why, &call);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	switch (call.request) {
	case CLI_RUN:
		return call.command->run(&call);
	case CLI_HELP:
		return print(cli_help(&iorace_cli, call.command, &text), &text);
	case CLI_VERSION:
		return print(buf_printf(&text, "iorace %s\n", IORACE_VERSION), &text);
	case CLI_COMPLETION:
		return print(cli_completion_bash(&iorace_cli, &text), &text);
	}
	return EXIT_WRONG_USAGE;
}
