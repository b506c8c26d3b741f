// SPDX-License-Identifier: GPL-2.0
#include "cmd/commands.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cmd/exit.h"
#include "run/outputs.h"
#include "stress/stress.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#define ALIGN_BYTES 4096 /* no direct IO wants more, and no page cache has smaller pages */
#define SHOWN_AS_TEXT 5	 /* findings, one by one, on a terminal */
#define WORKERS_MAX 256

struct stress_words {
	const char *dir;
	unsigned int mode;
	unsigned int engine;
	unsigned int shape;
	uint64_t block;
	uint64_t size;
	uint64_t writers;
	uint64_t readers;
	uint64_t depth;
	uint64_t rate;
	uint64_t ops;
	uint64_t seed;
	uint64_t duration_ns;
	uint64_t max_records;
	const char *format;
	struct cli_list reports;
	bool processes;
	bool keep;
};

static const struct opt stress_opts[] = {
	{"dir", 0, "DIR", "where the scratch file is made (.)",
	 OPT_STRING(struct stress_words, dir)},
	{"mode", 0, "MODE", "direct (default), dax, buffered, or mixed: direct and buffered",
	 OPT_CHOICE(struct stress_words, mode, stress_mode_names)},
	{"engine", 0, "ENGINE", "sync (default), libaio or uring",
	 OPT_CHOICE(struct stress_words, engine, stress_engine_names)},
	{"shape", 0, "SHAPE",
	 "how ops lie: identical (default), nested, partial, sliding, append, log,\n"
	 "pages, truncate, punch; disjoint is the control",
	 OPT_CHOICE(struct stress_words, shape, stress_shape_names)},
	{"block", 0, "BYTES", "of one op (64K; pages: 256K, of a read of the backup)",
	 OPT_SIZE(struct stress_words, block)},
	{"size", 0, "BYTES", "of the file; the larger, the less often ops meet",
	 OPT_SIZE(struct stress_words, size)},
	{"writers", 0, "N", "workers that write (2)", OPT_UNSIGNED(struct stress_words, writers)},
	{"readers", 0, "N", "workers that read and judge (2)",
	 OPT_UNSIGNED(struct stress_words, readers)},
	{"processes", 0, NULL, "workers are processes, not threads",
	 OPT_FLAG(struct stress_words, processes)},
	{"depth", 0, "N", "ops in flight of each worker, libaio and uring (4)",
	 OPT_UNSIGNED(struct stress_words, depth)},
	{"rate", 0, "N", "ops per second, all workers together (no limit)",
	 OPT_UNSIGNED(struct stress_words, rate)},
	{"duration", 0, "T", "end after T (10s, unless --ops is given)",
	 OPT_DURATION(struct stress_words, duration_ns)},
	{"ops", 0, "N", "end after N ops", OPT_UNSIGNED(struct stress_words, ops)},
	{"seed", 0, "N", "of what each worker does; printed at the end",
	 OPT_UNSIGNED(struct stress_words, seed)},
	{"keep", 0, NULL, "leave the scratch file where it is",
	 OPT_FLAG(struct stress_words, keep)},
	{"format", 0, "FORMAT", "text or json, one object per line",
	 OPT_STRING(struct stress_words, format)},
	{"report", 0, "FILE",
	 "also write a report; the ending chooses the format: .json, .txt,\n.html, .csv, .xml (JUnit), .tap, .sarif",
	 OPT_LIST(struct stress_words, reports)},
	{"max-records", 0, "N", "write at most N findings, then count (100000)",
	 OPT_UNSIGNED(struct stress_words, max_records)},
	{},
};

static void stress_words_done(struct stress_words *words)
{
	cli_list_done(&words->reports);
}

/* What is told while it runs. */
struct teller {
	struct outputs *outputs;
	FILE *terminal; /* where progress goes; NULL: nowhere */
};

static void clear_line(const struct teller *teller)
{
	if (teller->terminal)
		fprintf(teller->terminal, "\r\033[K");
}

static void on_torn(const struct torn_view *torn, void *arg)
{
	const struct teller *teller = arg;

	struct output *first = &teller->outputs->items[0];

	clear_line(teller);
	/* A person has seen enough after a few; files and machines get all. */
	if (torn->id > SHOWN_AS_TEXT && first->conflicts &&
	    !strcmp(first->reporter->name, "text")) {
		first->conflicts = false;
		fprintf(first->file, "More like that: --report FILE.txt or FILE.json has all of "
				     "it.\n\n");
	}
	outputs_torn(teller->outputs, torn);
}

static void on_progress(const struct stress_view *view, void *arg)
{
	_cleanup_(buf_done) struct buf line = {};
	const struct teller *teller = arg;

	units_append_duration(&line, view->duration_ns);
	buf_puts(&line, ": ");
	units_append_grouped(&line, view->ops[IOR_OP_READ]);
	buf_puts(&line, " reads, ");
	units_append_grouped(&line, view->ops[IOR_OP_WRITE]);
	buf_puts(&line, " writes, torn ");
	units_append_grouped(&line, view->found[STRESS_TORN_READ]);
	buf_puts(&line, ", mixed ");
	units_append_grouped(&line, view->found[STRESS_MIXED_WRITE]);
	buf_puts(&line, ", lost ");
	units_append_grouped(&line, view->found[STRESS_LOST_WRITE]);
	clear_line(teller);
	fputs(buf_text(&line), teller->terminal);
	fflush(teller->terminal);
}

static int check_words(const struct stress_words *words, struct reason *why)
{
	if (words->writers > WORKERS_MAX || words->readers > WORKERS_MAX)
		return reason_fail(why, -ERANGE, "--writers and --readers: %d at most",
				   WORKERS_MAX);
	if (words->depth == 0 || words->depth > 1024)
		return reason_fail(why, -ERANGE, "--depth: 1 to 1024");
	if (words->shape == STRESS_SHAPE_APPEND && words->engine == STRESS_ENGINE_LIBAIO)
		return reason_fail(why, -EINVAL,
				   "--shape append: libaio does not tell where an append "
				   "went; --engine sync and uring do");
	return 0;
}

static uint64_t seed_of_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 10;
}

static struct stress_opts opts_of(const struct stress_words *words)
{
	return (struct stress_opts){
		.dir = words->dir,
		.mode = words->mode,
		.engine = words->engine,
		.geometry = {.shape = words->shape,
			     .block = words->block,
			     .size = words->size,
			     .align = ALIGN_BYTES,
			     .workers = {[STRESS_ROLE_WRITER] = (unsigned int)words->writers,
					 [STRESS_ROLE_READER] = (unsigned int)words->readers}},
		.processes = words->processes,
		.keep = words->keep,
		.depth = (unsigned int)words->depth,
		.seed = words->seed ? words->seed : seed_of_time(),
		.duration_ns =
			words->duration_ns || words->ops ? words->duration_ns : 10 * 1000000000ULL,
		.ops_max = words->ops,
		.rate = words->rate,
		.max_records = words->max_records,
	};
}

static int open_outputs(const struct stress_words *words, struct outputs *outputs,
			struct reason *why)
{
	const struct reporter_ops *reporter = reporter_by_name(words->format);
	int r;

	if (!reporter)
		return reason_fail(why, -EINVAL, "--format %s: text and json exist", words->format);
	r = outputs_add_stream(outputs, reporter, stdout, true, false);
	for (size_t i = 0; !r && i < words->reports.len; i++)
		r = outputs_add_file(outputs, words->reports.items[i], why);
	return r;
}

static int exit_status(const struct stress_view *view)
{
	switch (view->result) {
	case STRESS_RESULT_WHOLE:
		return EXIT_CLEAN;
	case STRESS_RESULT_TORN:
		return EXIT_CONFLICTS;
	case STRESS_RESULT_INCONCLUSIVE:
	case STRESS_RESULT_COUNT_:
		break;
	}
	return EXIT_INCONCLUSIVE;
}

/* Not what this command is for: it goes on without. */
static void find_check(struct handover *handover)
{
	struct reason why;

	if (handover_find(handover, &why) < 0)
		fail(EXIT_INCONCLUSIVE, -EBADF, &why); /* unreturned: only check misses it */
}

/* Says what went wrong beside the result; what was proved stays proved. */
static int finish(const struct stress_outcome *outcome, const struct outputs *outputs)
{
	int status = exit_status(&outcome->view), failed;
	struct reason why;

	if (outcome->view.error)
		reason_set(&why, "%s", outcome->view.error);
	else if (outputs->error && outputs->error != -EPIPE)
		reason_set(&why, "%s: cannot write the report: %s", outputs->error_name,
			   strerror(-outputs->error));
	else
		return status;
	failed = fail(EXIT_INCONCLUSIVE, -EIO, &why);
	return status ? status : failed;
}

static int run(const struct stress_words *words)
{
	_cleanup_(outputs_done) struct outputs outputs = {};
	struct teller teller = {.outputs = &outputs};
	struct stress_listener listener = {.torn = on_torn, .arg = &teller};
	struct stress_opts opts = opts_of(words);
	struct stress_outcome outcome;
	struct reason why = {};
	int r;

	r = check_words(words, &why);
	if (!r)
		r = open_outputs(words, &outputs, &why);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	find_check(&opts.handover);
	if (isatty(STDERR_FILENO)) {
		teller.terminal = stderr;
		listener.progress = on_progress;
	}
	r = stress_run(&opts, &listener, &outcome, &why);
	clear_line(&teller);
	if (r < 0)
		return fail(r == -EINTR ? EXIT_INCONCLUSIVE : EXIT_WRONG_USAGE, r, &why);
	outputs_stress(&outputs, &outcome.view);
	outputs_flush(&outputs);
	return finish(&outcome, &outputs);
}

static int cmd_stress(const struct cli_call *call)
{
	_cleanup_(stress_words_done) struct stress_words words = {
		.dir = ".",
		.writers = 2,
		.readers = 2,
		.depth = 4,
		.format = "text",
		.max_records = 100000,
	};
	struct cli_words rest;
	struct reason why = {};
	int r;

	r = cli_parse(call, &words, &rest, &why);
	if (r < 0)
		return fail(EXIT_WRONG_USAGE, r, &why);
	return run(&words);
}

const struct command stress_command = {
	.name = "stress",
	.summary = "make overlapping IO and prove torn results by content",
	.help = "Every 512 bytes that it writes say which op they are from, so every read can be judged:\n"
		"torn when no order of whole ops, one after the other, explains what it shows. Works in\n"
		"a scratch file that it removes; wants neither privileges nor the kernel side.\n"
		"\n"
		"Under iorace check -- iorace stress ..., what it finds is held against the conflicts\n"
		"that were traced: a torn result that is none of them is a bug in iorace.\n"
		"\n"
		"Exit status: 0 none torn, 1 torn, 2 wrong usage or a directory that will not do,\n"
		"4 inconclusive: it could not go on, nothing was read, or no ops met.",
	.opts = stress_opts,
	.run = cmd_stress,
};
