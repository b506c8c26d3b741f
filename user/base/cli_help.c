// SPDX-License-Identifier: GPL-2.0
/* What people and shells read about the tables of cli.h. */
#include "base/cli.h"

#include <string.h>

#include "base/buf.h"
#include "base/escape.h"

#define HELP_COLUMN_MAX 30

static int help_left(const struct opt *opt, struct buf *out)
{
	buf_reset(out);
	if (opt->short_name)
		buf_printf(out, "  -%c, --%s", opt->short_name, opt->name);
	else
		buf_printf(out, "      --%s", opt->name);
	if (opt->arg)
		buf_printf(out, " %s", opt->arg);
	return out->error;
}

static size_t left_width(const struct opt *opts)
{
	struct buf left = {};
	size_t width = strlen("  -h, --help");

	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		size_t here;

		if (opt->kind == OPT_KIND_GROUP) {
			here = left_width(opt->group);
		} else {
			help_left(opt, &left);
			here = escape_width(buf_text(&left));
		}
		if (here > width && here <= HELP_COLUMN_MAX)
			width = here;
	}
	buf_done(&left);
	return width;
}

/* `left`, then `text` in its column; more lines of it below each other. */
static void help_row(const char *left, const char *text, size_t width, struct buf *out)
{
	size_t used = escape_width(left);

	buf_puts(out, left);
	if (used > width) {
		buf_putc(out, '\n');
		used = 0;
	}
	while (text) {
		const char *end = strchr(text, '\n');

		buf_fill(out, ' ', width + 2 - used);
		buf_append(out, text, end ? (size_t)(end - text) : strlen(text));
		buf_putc(out, '\n');
		text = end ? end + 1 : NULL;
		used = 0;
	}
}

static void help_choices(const struct opt *opt, struct buf *out)
{
	buf_puts(out, opt->kind == OPT_KIND_SET ? " (any of " : " (");
	for (size_t i = 0; opt->choices[i]; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", opt->choices[i]);
	buf_putc(out, ')');
}

static void help_opt(const struct opt *opt, size_t width, struct buf *out)
{
	struct buf left = {}, text = {};

	help_left(opt, &left);
	buf_puts(&text, opt->help ? opt->help : "");
	if (opt->choices)
		help_choices(opt, &text);
	if (opt->kind == OPT_KIND_LIST)
		buf_puts(&text, "; may be given more than once");
	help_row(buf_text(&left), buf_text(&text), width, out);
	if (left.error < 0 || text.error < 0)
		out->error = left.error < 0 ? left.error : text.error;
	buf_done(&text);
	buf_done(&left);
}

/* Own rows first: a group's title would swallow rows that stood behind it. */
static void help_opts(const struct opt *opts, size_t width, struct buf *out)
{
	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		if (opt->kind != OPT_KIND_GROUP)
			help_opt(opt, width, out);
	}
	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		if (opt->kind != OPT_KIND_GROUP)
			continue;
		buf_printf(out, "\n%s:\n", opt->help);
		help_opts(opt->group, width, out);
	}
}

static int help_command(const struct cli *cli, const struct command *command, struct buf *out)
{
	size_t width = left_width(command->opts);

	buf_printf(out, "Usage: %s %s", cli->name, command->name);
	if (command->opts)
		buf_puts(out, " [OPTION...]");
	if (command->args)
		buf_printf(out, " %s", command->args);
	buf_printf(out, "\n\n%s\n\nOptions:\n", command->summary);
	help_row("  -h, --help", "this text", width, out);
	help_opts(command->opts, width, out);
	if (command->help)
		buf_printf(out, "\n%s\n", command->help);
	return out->error;
}

static int help_overview(const struct cli *cli, struct buf *out)
{
	size_t width = strlen("  --completion bash");

	buf_printf(out, "Usage: %s COMMAND [OPTION...]\n\n%s\n\nCommands:\n", cli->name,
		   cli->summary);
	for (const struct command *const *command = cli->commands; *command; command++) {
		struct buf left = {};

		buf_printf(&left, "  %s", (*command)->name);
		help_row(buf_text(&left), (*command)->summary, width, out);
		buf_done(&left);
	}
	buf_puts(out, "\nOptions:\n");
	help_row("  --help", "this text; with a command: about that command", width, out);
	help_row("  --version", "version and licence", width, out);
	help_row("  --completion bash", "completion for the shell, to be sourced", width, out);
	return out->error;
}

int cli_help(const struct cli *cli, const struct command *command, struct buf *out)
{
	return command ? help_command(cli, command, out) : help_overview(cli, out);
}

static void completion_names(const struct opt *opts, struct buf *out)
{
	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		if (opt->kind == OPT_KIND_GROUP)
			completion_names(opt->group, out);
		else
			buf_printf(out, " --%s", opt->name);
	}
}

static bool takes_file(const struct opt *opt)
{
	return opt->arg &&
	       (strstr(opt->arg, "FILE") || strstr(opt->arg, "DIR") || strstr(opt->arg, "PATH"));
}

/* One case for each option whose values are known; others complete to nothing. */
static void completion_values(const struct command *command, const struct opt *opts,
			      struct buf *out)
{
	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		if (opt->kind == OPT_KIND_GROUP) {
			completion_values(command, opt->group, out);
			continue;
		}
		if (!opt->arg)
			continue;
		buf_printf(out, "\t%s:--%s", command->name, opt->name);
		if (opt->short_name)
			buf_printf(out, "|%s:-%c", command->name, opt->short_name);
		buf_puts(out, ") ");
		if (opt->choices) {
			buf_puts(out, "COMPREPLY=($(compgen -W '");
			for (size_t i = 0; opt->choices[i]; i++)
				buf_printf(out, "%s%s", i > 0 ? " " : "", opt->choices[i]);
			buf_puts(out, "' -- \"$cur\")); ");
		} else if (takes_file(opt)) {
			buf_puts(out, "COMPREPLY=($(compgen -f -- \"$cur\")); ");
		}
		buf_puts(out, "return ;;\n");
	}
}

int cli_completion_bash(const struct cli *cli, struct buf *out)
{
	buf_printf(out, "# bash completion for %s\n_%s() {\n", cli->name, cli->name);
	buf_puts(out, "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		      "\tlocal command=${COMP_WORDS[1]}\n"
		      "\tCOMPREPLY=()\n"
		      "\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
		      "\t\tCOMPREPLY=($(compgen -W '");
	for (const struct command *const *command = cli->commands; *command; command++)
		buf_printf(out, "%s ", (*command)->name);
	buf_puts(out, "help --help --version --completion' -- \"$cur\"))\n"
		      "\t\treturn\n\tfi\n"
		      "\tcase $command:$prev in\n");
	for (const struct command *const *command = cli->commands; *command; command++)
		completion_values(*command, (*command)->opts, out);
	buf_puts(out, "\tesac\n\tcase $command in\n");
	for (const struct command *const *command = cli->commands; *command; command++) {
		buf_printf(out, "\t%s) COMPREPLY=($(compgen -W '--help", (*command)->name);
		completion_names((*command)->opts, out);
		buf_puts(out, "' -- \"$cur\")) ;;\n");
	}
	buf_printf(out, "\tesac\n}\ncomplete -o default -F _%s %s\n", cli->name, cli->name);
	return out->error;
}
