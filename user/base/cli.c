// SPDX-License-Identifier: GPL-2.0
#include "base/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/macro.h"
#include "base/units.h"

#define WHAT_BYTES 64
#define NEAREST_MAX_BYTES 32

void cli_list_done(struct cli_list *list)
{
	free(list->items);
	*list = (struct cli_list){};
}

static int cli_list_add(struct cli_list *list, const char *item)
{
	const char **items;

	items = realloc(list->items, (list->len + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[list->len] = item;
	list->items = items;
	list->len++;
	return 0;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/*
 * Insertions, deletions, changes and swaps of neighbours ("paht") that make `b` of `a`. Words are
 * short; longer ones are no typing mistakes.
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_MAX_BYTES + 1], len = strlen(b);

	if (len > NEAREST_MAX_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= len; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= strlen(a); i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];
		const size_t *swapped = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			row[j] = least(above[j] + 1, row[j - 1] + 1,
				       above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    swapped[j - 2] + 1 < row[j])
				row[j] = swapped[j - 2] + 1;
		}
	}
	return rows[strlen(a) % 3][len];
}

static void nearer(const char *word, const char *name, const char **best, size_t *best_distance)
{
	size_t distance = edit_distance(word, name);

	/* "--colour" for "--color", but not "--foo" for "--fs". */
	if (distance < *best_distance && distance <= (strlen(name) + 1) / 3) {
		*best = name;
		*best_distance = distance;
	}
}

const char *cli_nearest(const char *word, const char *const *names)
{
	size_t distance = SIZE_MAX;
	const char *best = NULL;

	for (; *names; names++)
		nearer(word, *names, &best, &distance);
	return best;
}

static const char *nearest_opt(const char *word, const struct opt *opts)
{
	size_t distance = SIZE_MAX;
	const char *best = NULL;

	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		const char *name = opt->name;

		if (opt->kind == OPT_KIND_GROUP)
			name = nearest_opt(word, opt->group);
		if (name)
			nearer(word, name, &best, &distance);
	}
	return best;
}

static const char *nearest_command(const char *word, const struct cli *cli)
{
	size_t distance = SIZE_MAX;
	const char *best = NULL;

	for (const struct command *const *command = cli->commands; *command; command++)
		nearer(word, (*command)->name, &best, &distance);
	return best;
}

static const struct command *find_command(const struct cli *cli, const char *name)
{
	for (const struct command *const *command = cli->commands; *command; command++) {
		if (strcmp((*command)->name, name) == 0)
			return *command;
	}
	return NULL;
}

static int unknown_command(const struct cli *cli, const char *word, struct reason *why)
{
	const char *near = nearest_command(word, cli);

	if (near)
		return reason_fail(why, -EINVAL,
				   "unknown command \"%s\", did you mean \"%s\"? (see %s --help)",
				   word, near, cli->name);
	return reason_fail(why, -EINVAL, "unknown command \"%s\" (see %s --help)", word, cli->name);
}

static int resolve_completion(const char *shell, struct reason *why, struct cli_call *call)
{
	if (!shell || strcmp(shell, "bash") != 0)
		return reason_fail(why, -EINVAL, "--completion knows one shell: bash");
	call->request = CLI_COMPLETION;
	return 0;
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* "watch --path x --help": help wins over everything but what belongs to the user's command. */
static bool asks_for_help(const struct cli_call *call)
{
	for (int i = 1; i < call->argc && strcmp(call->argv[i], "--") != 0; i++) {
		if (is_help(call->argv[i]))
			return true;
	}
	return false;
}

static int resolve_command(const char *name, struct reason *why, struct cli_call *call)
{
	call->command = find_command(call->cli, name);
	if (!call->command)
		return unknown_command(call->cli, name, why);
	call->request = asks_for_help(call) ? CLI_HELP : CLI_RUN;
	return 0;
}

static int resolve_help(const char *name, struct reason *why, struct cli_call *call)
{
	if (name) {
		call->command = find_command(call->cli, name);
		if (!call->command)
			return unknown_command(call->cli, name, why);
	}
	call->request = CLI_HELP;
	return 0;
}

int cli_resolve(const struct cli *cli, int argc, char **argv, struct reason *why,
		struct cli_call *ret)
{
	struct cli_call call = {.cli = cli, .argc = argc - 1, .argv = argv + 1};
	const char *word = argc > 1 ? argv[1] : NULL;
	const char *second = argc > 2 ? argv[2] : NULL;
	int r = 0;

	if (!word)
		return reason_fail(why, -EINVAL, "which command? (see %s --help)", cli->name);
	if (is_help(word) || strcmp(word, "help") == 0)
		r = resolve_help(second, why, &call);
	else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		call.request = CLI_VERSION;
	else if (strcmp(word, "--completion") == 0)
		r = resolve_completion(second, why, &call);
	else if (strcmp(word, "--completion=bash") == 0)
		call.request = CLI_COMPLETION;
	else if (word[0] == '-')
		r = reason_fail(why, -EINVAL, "unknown option %s (see %s --help)", word, cli->name);
	else
		r = resolve_command(word, why, &call);
	if (r < 0)
		return r;
	*ret = call;
	return 0;
}

/* An option and the struct its offset counts from: groups nest. */
struct found_opt {
	const struct opt *opt;
	char *base;
};

/* By long name of `len` bytes, or by short name when `name` is NULL. */
static bool find_opt(const struct opt *opts, char *base, const char *name, size_t len,
		     char short_name, struct found_opt *ret)
{
	for (const struct opt *opt = opts; opt && opt->kind; opt++) {
		if (opt->kind == OPT_KIND_GROUP) {
			if (find_opt(opt->group, base + opt->offset, name, len, short_name, ret))
				return true;
			continue;
		}
		if (name ? strncmp(opt->name, name, len) == 0 && !opt->name[len]
			 : opt->short_name == short_name) {
			*ret = (struct found_opt){opt, base};
			return true;
		}
	}
	return false;
}

/* `len` bytes of `name`, for people who typed "a,b". */
static int choice_index(const char *const *choices, const char *name, size_t len)
{
	for (int i = 0; choices[i]; i++) {
		if (strncmp(choices[i], name, len) == 0 && !choices[i][len])
			return i;
	}
	return -1;
}

static int bad_choice(const struct opt *opt, const char *what, const char *value, size_t len,
		      struct reason *why)
{
	char list[256] = "";

	for (size_t i = 0; opt->choices[i]; i++) {
		size_t used = strlen(list);

		snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
			 opt->choices[i]);
	}
	return reason_fail(why, -EINVAL, "%s does not know \"%.*s\"; it knows %s", what, (int)len,
			   value, list);
}

static int set_choice(const struct opt *opt, const char *what, const char *value,
		      struct reason *why, unsigned int *field)
{
	int i = choice_index(opt->choices, value, strlen(value));

	if (i < 0)
		return bad_choice(opt, what, value, strlen(value), why);
	*field = i;
	return 0;
}

static int set_mask(const struct opt *opt, const char *what, const char *value, struct reason *why,
		    uint32_t *field)
{
	const char *at = value;
	uint32_t mask = 0;

	for (;;) {
		size_t len = strcspn(at, ",");
		int i = choice_index(opt->choices, at, len);

		if (i < 0)
			return bad_choice(opt, what, at, len, why);
		mask |= 1U << i;
		if (!at[len])
			break;
		at += len + 1;
	}
	*field |= mask;
	return 0;
}

static int opt_set(const struct found_opt *found, const char *value, struct reason *why)
{
	const struct opt *opt = found->opt;
	void *field = found->base + opt->offset;
	char what[WHAT_BYTES];

	snprintf(what, sizeof(what), "--%s", opt->name);
	switch (opt->kind) {
	case OPT_KIND_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_KIND_STRING:
		*(const char **)field = value;
		return 0;
	case OPT_KIND_LIST:
		return cli_list_add(field, value);
	case OPT_KIND_UNSIGNED:
		return parse_unsigned(value, what, why, field);
	case OPT_KIND_DURATION:
		return parse_duration(value, what, why, field);
	case OPT_KIND_SIZE:
		return parse_size(value, what, why, field);
	case OPT_KIND_CHOICE:
		return set_choice(opt, what, value, why, field);
	case OPT_KIND_SET:
		return set_mask(opt, what, value, why, field);
	case OPT_KIND_PARSE:
		return opt->parse(value, what, why, field);
	case OPT_KIND_GROUP:
		break;
	}
	return -EINVAL;
}

struct parser {
	const struct cli_call *call;
	char *base;
	struct reason *why;
	int next; /* index into argv */
};

static int unknown_option(const struct parser *parser, const char *word)
{
	const struct command *command = parser->call->command;
	const char *program = parser->call->cli->name, *near = NULL;
	size_t len = strcspn(word, "=");
	char name[NEAREST_MAX_BYTES + 1];

	if (word[1] == '-' && len - 2 < sizeof(name)) {
		memcpy(name, word + 2, len - 2);
		name[len - 2] = '\0';
		near = nearest_opt(name, command->opts);
	}
	if (near)
		return reason_fail(parser->why, -EINVAL,
				   "unknown option %.*s, did you mean --%s? (see %s %s --help)",
				   (int)len, word, near, program, command->name);
	return reason_fail(parser->why, -EINVAL, "unknown option %.*s (see %s %s --help)", (int)len,
			   word, program, command->name);
}

/* The value of an option: behind "=", the rest of "-xVALUE", or the next word. */
static int take_value(struct parser *parser, const struct opt *opt, const char *attached,
		      const char **ret)
{
	const struct cli_call *call = parser->call;

	if (attached) {
		*ret = attached;
		return 0;
	}
	if (parser->next >= call->argc)
		return reason_fail(parser->why, -EINVAL, "--%s wants %s (see %s %s --help)",
				   opt->name, opt->arg ? opt->arg : "a value", call->cli->name,
				   call->command->name);
	*ret = call->argv[parser->next++];
	return 0;
}

static int parse_long(struct parser *parser, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const char *value = NULL, *attached = word[2 + len] ? word + 2 + len + 1 : NULL;
	struct found_opt found;
	int r;

	if (!find_opt(parser->call->command->opts, parser->base, word + 2, len, 0, &found))
		return unknown_option(parser, word);
	if (found.opt->kind == OPT_KIND_FLAG) {
		if (attached)
			return reason_fail(parser->why, -EINVAL, "--%s takes no value",
					   found.opt->name);
		return opt_set(&found, NULL, parser->why);
	}
	r = take_value(parser, found.opt, attached, &value);
	if (r < 0)
		return r;
	return opt_set(&found, value, parser->why);
}

/* "-v", "-vd5s", "-d 5s" */
static int parse_short(struct parser *parser, const char *word)
{
	int r;

	for (const char *at = word + 1; *at; at++) {
		struct found_opt found;
		const char *value = NULL;

		if (!find_opt(parser->call->command->opts, parser->base, NULL, 0, *at, &found))
			return unknown_option(parser, (char[]){'-', *at, '\0'});
		if (found.opt->kind == OPT_KIND_FLAG) {
			r = opt_set(&found, NULL, parser->why);
			if (r < 0)
				return r;
			continue;
		}
		r = take_value(parser, found.opt, at[1] ? at + 1 : NULL, &value);
		if (r < 0)
			return r;
		return opt_set(&found, value, parser->why);
	}
	return 0;
}

static int check_words(const struct parser *parser, const struct cli_words *words)
{
	const struct cli_call *call = parser->call;
	const struct command *command = call->command;
	const char *args = command->args ? command->args : "";

	if (words->operands_len > command->operands_max)
		return reason_fail(parser->why, -EINVAL,
				   "unexpected argument \"%s\"%s (see %s %s --help)",
				   words->operands[command->operands_max],
				   command->dashdash != CLI_NO_COMMAND && !words->command
					   ? ": a command to run stands behind --"
					   : "",
				   call->cli->name, command->name);
	if (words->operands_len < command->operands_min ||
	    (command->dashdash == CLI_COMMAND_REQUIRED && !words->command))
		return reason_fail(parser->why, -EINVAL, "%s %s wants %s (see %s %s --help)",
				   call->cli->name, command->name, args, call->cli->name,
				   command->name);
	return 0;
}

/* What is left behind "--": the user's command, or plain operands. */
static int parse_rest(struct parser *parser, struct cli_words *words)
{
	const struct cli_call *call = parser->call;
	const struct command *command = call->command;

	if (command->dashdash == CLI_NO_COMMAND) {
		while (parser->next < call->argc)
			words->operands[words->operands_len++] = call->argv[parser->next++];
		return 0;
	}
	if (parser->next >= call->argc)
		return reason_fail(parser->why, -EINVAL, "no command behind -- (see %s %s --help)",
				   call->cli->name, command->name);
	words->command = call->argv + parser->next;
	return 0;
}

int cli_parse(const struct cli_call *call, void *opts, struct cli_words *ret, struct reason *why)
{
	struct parser parser = {.call = call, .base = opts, .why = why, .next = 1};
	/* Operands move to the front: never past the word that is read next. */
	struct cli_words words = {.operands = call->argv + 1};
	int r = 0;

	while (r == 0 && parser.next < call->argc) {
		char *word = call->argv[parser.next++];

		if (strcmp(word, "--") == 0) {
			r = parse_rest(&parser, &words);
			break;
		}
		if (word[0] != '-' || word[1] == '\0')
			words.operands[words.operands_len++] = word;
		else if (word[1] == '-')
			r = parse_long(&parser, word);
		else
			r = parse_short(&parser, word);
	}
	if (r == 0)
		r = check_words(&parser, &words);
	if (r < 0)
		return r;
	*ret = words;
	return 0;
}
