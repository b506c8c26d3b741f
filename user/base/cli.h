/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Command lines as tables: parsing, help and completion all come from the same rows. Nothing here
 * prints; errors are one sentence in a `struct reason`.
 *
 *	struct watch_opts {
 *		uint64_t duration_ns;
 *		struct filter_opts filters;
 *	};
 *	static const struct opt watch_opts[] = {
 *		{ "duration", 'd', "T", "stop after T",
 *		  OPT_DURATION(struct watch_opts, duration_ns) },
 *		{ .help = "Filters", OPT_GROUP(struct watch_opts, filters, filter_opts) },
 *		{},
 *	};
 *	const struct command watch_command = {
 *		.name = "watch", .summary = "conflicts as they happen",
 *		.opts = watch_opts, .run = cmd_watch,
 *	};
 */
#ifndef IORACE_BASE_CLI_H
#define IORACE_BASE_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct reason;

enum opt_kind {
	OPT_KIND_FLAG = 1,
	OPT_KIND_STRING,
	OPT_KIND_LIST,
	OPT_KIND_UNSIGNED,
	OPT_KIND_DURATION,
	OPT_KIND_SIZE,
	OPT_KIND_CHOICE,
	OPT_KIND_SET,
	OPT_KIND_PARSE,
	OPT_KIND_GROUP,
};

/* Values of a repeatable option in their order; the texts are argv's. Empty: {}. */
struct cli_list {
	const char **items;
	size_t len;
};
void cli_list_done(struct cli_list *list);

/* A table of options ends with an empty row. */
struct opt {
	const char *name; /* long, without dashes */
	char short_name;  /* 0: none */
	const char *arg;  /* name of the value in help; NULL for flags */
	const char *help; /* may hold '\n'; title of a group */

	/* Filled by the OPT_*() macros, which check the type of the field. */
	enum opt_kind kind;
	size_t offset;
	const char *const *choices; /* NULL-terminated */
	int (*parse)(const char *value, const char *what, struct reason *why, void *field);
	const struct opt *group;
};

#define OPT_TYPE_CHECK_(s, f, t)                                                                   \
	(0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((s *)0)->f), t) ? 1 : -1]))
#define OPT_FIELD_(s, f, t) .offset = offsetof(s, f) + OPT_TYPE_CHECK_(s, f, t)

/* bool, set to true */
#define OPT_FLAG(s, f) .kind = OPT_KIND_FLAG, OPT_FIELD_(s, f, bool)
/* const char *: the last one wins */
#define OPT_STRING(s, f) .kind = OPT_KIND_STRING, OPT_FIELD_(s, f, const char *)
/* struct cli_list: repeatable; free with cli_list_done() */
#define OPT_LIST(s, f) .kind = OPT_KIND_LIST, OPT_FIELD_(s, f, struct cli_list)
/* uint64_t */
#define OPT_UNSIGNED(s, f) .kind = OPT_KIND_UNSIGNED, OPT_FIELD_(s, f, uint64_t)
/* uint64_t, nanoseconds */
#define OPT_DURATION(s, f) .kind = OPT_KIND_DURATION, OPT_FIELD_(s, f, uint64_t)
/* uint64_t, bytes */
#define OPT_SIZE(s, f) .kind = OPT_KIND_SIZE, OPT_FIELD_(s, f, uint64_t)
/* unsigned int: index into `names` */
#define OPT_CHOICE(s, f, names)                                                                    \
	.kind = OPT_KIND_CHOICE, .choices = (names), OPT_FIELD_(s, f, unsigned int)
/* uint32_t: bit mask over `names`, "a,b" or given again; stays as it was (0: all) when not given */
#define OPT_SET(s, f, names) .kind = OPT_KIND_SET, .choices = (names), OPT_FIELD_(s, f, uint32_t)
/* any type: fn(value, "--name", why, &field) returns 0 or -EINVAL; repeatable if fn likes */
#define OPT_PARSE(s, f, fn) .kind = OPT_KIND_PARSE, .parse = (fn), .offset = offsetof(s, f)
/* another table, for a struct that is the field */
#define OPT_GROUP(s, f, table) .kind = OPT_KIND_GROUP, .group = (table), .offset = offsetof(s, f)

enum cli_dashdash {
	CLI_NO_COMMAND,	      /* words after "--" are operands */
	CLI_COMMAND_OPTIONAL, /* "[-- CMD...]" */
	CLI_COMMAND_REQUIRED, /* "-- CMD..." */
};

struct cli;
struct cli_call;

struct command {
	const char *name;
	const char *summary;	/* half a sentence */
	const char *args;	/* usage of what is no option: "FILE", "-- CMD [ARG...]"; or NULL */
	const char *help;	/* paragraphs below the options, or NULL */
	const struct opt *opts; /* or NULL */
	unsigned int operands_min;
	unsigned int operands_max;
	enum cli_dashdash dashdash;
	int (*run)(const struct cli_call *call); /* returns the exit status */
};

struct cli {
	const char *name; /* of the program */
	const char *summary;
	const struct command *const *commands; /* NULL-terminated */
};

enum cli_request {
	CLI_RUN,  /* call->command->run(call) */
	CLI_HELP, /* cli_help(): of call->command, or of the whole when it is NULL */
	CLI_VERSION,
	CLI_COMPLETION, /* cli_completion_bash() */
};

/* One invocation. */
struct cli_call {
	const struct cli *cli;
	enum cli_request request;
	const struct command *command;
	int argc;    /* argv[0] is the command's name */
	char **argv; /* cli_parse() permutes it */
};

/*
 * Which command is meant: "watch ...", "--help", "help watch", "watch --help", "--version",
 * "--completion bash". -EINVAL with the reason when none is.
 */
int cli_resolve(const struct cli *cli, int argc, char **argv, struct reason *why,
		struct cli_call *ret);

struct cli_words {
	char **operands; /* what is neither an option nor a value of one */
	size_t operands_len;
	char **command; /* behind "--", NULL-terminated; NULL: there was none */
};

/*
 * Options into `*opts` (which holds the defaults), the other words into `*ret`. -EINVAL with the
 * reason, or -ENOMEM; lists that were filled so far are the caller's to free either way.
 */
int cli_parse(const struct cli_call *call, void *opts, struct cli_words *ret, struct reason *why);

/* Both return 0 or -ENOMEM. `command` may be NULL: an overview of all. */
int cli_help(const struct cli *cli, const struct command *command, struct buf *out);
int cli_completion_bash(const struct cli *cli, struct buf *out);

/* The name in `names` (NULL-terminated) that `word` was probably meant to be, or NULL. */
const char *cli_nearest(const char *word, const char *const *names);

#endif
