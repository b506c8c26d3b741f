// SPDX-License-Identifier: GPL-2.0
/*
 * The ladder: what each part of the tool costs, side by side with nothing, with empty programs and
 * with rivals. tests/bench/run prepares the file system and calls this.
 */
#include "loads.h"
#include "measure.h"
#include "show.h"

#include "base/cleanup.h"
#include "base/macro.h"

#include <getopt.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#define SECONDS_DEFAULT 270
#define ROUNDS_DEFAULT 7
#define RUN_MS_MIN 50
#define TURN_MS 30 /* attach, detach and threads, per run */

/*
 * Where thousands are in flight a run must see their queue turn over more than once or twice: at
 * 200 000 IOPS 50 ms are 10 000 ops, and two jobs have 8 192 in flight.
 */
#define DEPTH_RUN_TIMES 4

/* Thousands in flight for each: fs.aio-max-nr is 65 536, and a loop device holds 2 048. */
#define DEPTH_JOBS_MAX 4

struct options {
	struct rung_env env;
	const char *json, *markdown, *only_loads, *only_rungs, *device, *shape;
	const char *queue_dir, *in_flight; /* a file system on a device that holds requests */
	unsigned int seconds, rounds;
	unsigned int jobs; /* 0: one for each CPU */
};

static int usage(void)
{
	fputs("usage: ladder --dir DIR --objects DIR [--other FILE.bpf.o] [--seconds N] [--pairs N]\n"
	      "              [--loads a,b] [--rungs a,b] [--device TEXT] [--json FILE]\n"
	      "              [--markdown FILE] [--queue-dir DIR] [--in-flight FILE] [--jobs N]\n"
	      "              [--shape WORDS]\n",
	      stderr);
	return 2;
}

static const struct option option_table[] = {
	{"dir", 1, NULL, 'd'},	     {"objects", 1, NULL, 'o'},	 {"other", 1, NULL, 'O'},
	{"seconds", 1, NULL, 's'},   {"pairs", 1, NULL, 'p'},	 {"jobs", 1, NULL, 'J'},
	{"loads", 1, NULL, 'l'},     {"rungs", 1, NULL, 'r'},	 {"device", 1, NULL, 'D'},
	{"json", 1, NULL, 'j'},	     {"markdown", 1, NULL, 'm'}, {"queue-dir", 1, NULL, 'q'},
	{"in-flight", 1, NULL, 'i'}, {"shape", 1, NULL, 'S'},	 {},
};

/* Where the text of an option goes, or NULL. */
static const char **text_of(struct options *o, int option)
{
	switch (option) {
	case 'd':
		return &o->env.dir;
	case 'o':
		return &o->env.objects;
	case 'O':
		return &o->env.other;
	case 'l':
		return &o->only_loads;
	case 'r':
		return &o->only_rungs;
	case 'D':
		return &o->device;
	case 'j':
		return &o->json;
	case 'm':
		return &o->markdown;
	case 'q':
		return &o->queue_dir;
	case 'i':
		return &o->in_flight;
	case 'S':
		return &o->shape;
	}
	return NULL;
}

static int parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){.seconds = SECONDS_DEFAULT, .rounds = ROUNDS_DEFAULT, .device = "?"};
	while ((c = getopt_long(argc, argv, "", option_table, NULL)) != -1) {
		if (c == 's')
			o->seconds = atoi(optarg);
		else if (c == 'p')
			o->rounds = atoi(optarg);
		else if (c == 'J')
			o->jobs = atoi(optarg);
		else if (text_of(o, c))
			*text_of(o, c) = optarg;
		else
			return -1;
	}
	return o->env.dir && o->env.objects && o->seconds && o->rounds ? 0 : -1;
}

static int fail(const char *what, const struct reason *why)
{
	fprintf(stderr, "ladder: %s%s%s\n", what, why ? ": " : "", why ? why->text : "");
	return 3;
}

/* ---- what machine is this -------------------------------------------------------------------- */

static void find_cpu(char *out, size_t size)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256], *colon;

	snprintf(out, size, "?");
	while (f && fgets(line, sizeof(line), f)) {
		colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(out, size, "%.100s", colon + 2);
		return;
	}
}

static void describe(struct bench_report *report, const struct options *o)
{
	time_t now = time(NULL);
	struct utsname uts;

	strftime(report->date, sizeof(report->date), "%Y-%m-%d", gmtime(&now));
	if (!uname(&uts))
		snprintf(report->kernel, sizeof(report->kernel), "%s", uts.release);
	find_cpu(report->cpu, sizeof(report->cpu));
	snprintf(report->device, sizeof(report->device), "%s", o->device);
	report->cpus = get_nprocs();
	report->rounds = o->rounds;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool rung_is_known(const char *name, size_t len)
{
	for (size_t i = 0; i < rung_specs_len; i++) {
		if (strlen(rung_specs[i].name) == len && !memcmp(rung_specs[i].name, name, len))
			return true;
	}
	return false;
}

static bool rung_is_wanted(const struct options *o, const struct loads *loads, size_t rung)
{
	unsigned int groups = 0;

	for (size_t i = 0; i < loads->len; i++)
		groups |= loads->list[i].groups;
	/* The floor is always there: everything else is counted from it. */
	return (rung_specs[rung].groups & groups) &&
	       (!rung || is_listed(o->only_rungs, rung_specs[rung].name));
}

/* `attach_ms`: what those take to start that are processes of their own. */
static int open_rungs(const struct options *o, const struct loads *loads, struct rung **rungs,
		      struct bench_report *report, double *attach_ms)
{
	for (size_t i = 0; i < rung_specs_len; i++) {
		struct reason why = {};
		struct timespec begin, end;

		if (!rung_is_wanted(o, loads, i))
			continue;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		if (rung_open(&rung_specs[i], &o->env, &rungs[i], &why)) {
			struct refusal *refusal = &report->refusals[report->refusals_len++];

			if (!rung_specs[i].may_be_refused)
				return fail(rung_specs[i].name, &why);
			refusal->spec = &rung_specs[i];
			refusal->why = why;
			continue;
		}
		clock_gettime(CLOCK_MONOTONIC, &end);
		if (rungs[i] && rung_is_process(rungs[i]))
			*attach_ms += (end.tv_sec - begin.tv_sec) * 1e3 +
				      (end.tv_nsec - begin.tv_nsec) / 1e6;
	}
	return 0;
}

static unsigned int run_times(const struct load *load)
{
	return load->groups & GROUP_DEPTH ? DEPTH_RUN_TIMES : 1;
}

/* What remains of the time after attaching and detaching, over all runs. */
static unsigned int run_ms(const struct options *o, const struct loads *loads,
			   struct rung *const *rungs, double attach_ms)
{
	double left = o->seconds * 1000.0 - 2 * o->rounds * attach_ms;
	unsigned int parts = 0;

	for (size_t i = 0; i < loads->len; i++) {
		unsigned int runs = o->rounds * measure_runs(&loads->list[i], rungs);

		left -= (double)runs * TURN_MS;
		parts += runs * run_times(&loads->list[i]);
	}
	return parts && left > parts * RUN_MS_MIN ? left / parts : RUN_MS_MIN;
}

static int measure_all(const struct options *o, const struct loads *loads,
		       struct rung *const *rungs, const struct load_files files[2], unsigned int ms,
		       struct bench_report *report)
{
	struct reason why = {};

	show_head(stdout, report);
	show_refusals(stdout, report);
	for (size_t i = 0; i < loads->len; i++) {
		const struct load *load = &loads->list[i];
		struct load_report *ret = &report->loads[report->loads_len];
		struct measure_opts opts = {
			.files = &files[load->groups & GROUP_DEPTH ? 1 : 0],
			.rungs = rungs,
			.rounds = o->rounds,
			.run_ms = ms * run_times(load),
		};

		if (measure_load(load, &opts, ret, &why))
			return fail("broke off", &why);
		show_load(stdout, ret);
		report->loads_len++;
	}
	return 0;
}

static int write_files(const struct options *o, const struct bench_report *report)
{
	_cleanup_(fclosep) FILE *json = o->json ? fopen(o->json, "we") : NULL;
	_cleanup_(fclosep) FILE *markdown = o->markdown ? fopen(o->markdown, "we") : NULL;

	if ((o->json && !json) || (o->markdown && !markdown))
		return fail("cannot write the results", NULL);
	if (markdown)
		show_markdown(markdown, report);
	if (json && show_json(json, report))
		return fail("cannot write the results", NULL);
	return 0;
}

static int open_files(const char *dir, unsigned int jobs, bool with_large, const char *in_flight,
		      struct load_files *ret)
{
	int r = load_open(dir, jobs, with_large, in_flight, ret);

	if (!r)
		return 0;
	fprintf(stderr, "ladder: cannot make the files to load in %s: %s\n", dir, strerror(-r));
	return 3;
}

static int run_ladder(const struct options *o, const struct loads *loads, struct rung **rungs,
		      struct load_files files[2], struct bench_report *report)
{
	unsigned int jobs = o->jobs ? o->jobs : report->cpus;
	unsigned int deep = jobs < DEPTH_JOBS_MAX ? jobs : DEPTH_JOBS_MAX;
	double attach_ms = 0;
	int status = open_rungs(o, loads, rungs, report, &attach_ms);

	if (!status)
		status = open_files(o->env.dir, jobs, true, NULL, &files[0]);
	if (!status && o->queue_dir)
		status = open_files(o->queue_dir, deep, false, o->in_flight, &files[1]);
	if (status)
		return status;
	return measure_all(o, loads, rungs, files, run_ms(o, loads, rungs, attach_ms), report);
}

int main(int argc, char **argv)
{
	static struct bench_report report;
	struct rung *rungs[RUNGS_MAX] = {};
	struct load_files files[2] = {};
	static struct loads loads;
	struct reason why = {};
	struct options o;
	int status;

	if (parse(argc, argv, &o))
		return usage();
	if (names_check(o.only_rungs, "rung", rung_is_known, &why) ||
	    loads_choose(o.only_loads, o.shape, o.queue_dir, &loads, &why)) {
		fail("what to measure", &why);
		return 2;
	}
	describe(&report, &o);
	status = run_ladder(&o, &loads, rungs, files, &report);
	if (!status)
		status = write_files(&o, &report);
	load_close(&files[0]);
	load_close(&files[1]);
	for (size_t i = 0; i < rung_specs_len; i++)
		rung_free(rungs[i]);
	return status;
}
