// SPDX-License-Identifier: GPL-2.0
#include "measure.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

struct rung_samples {
	struct samples kept, kept_cpu, added_ns, net_ns;
	struct samples hook_net[HOOKS_MAX], hook_runs[HOOKS_MAX];
};

struct measure {
	const struct load *load;
	const struct measure_opts *opts;
	size_t which[RUNGS_MAX]; /* index in rung_specs */
	size_t len;
	struct samples iops, cpu_ns, busy, in_flight;
	struct rung_samples rungs[RUNGS_MAX];
	struct rung_usage floor[RUNG_PROGRAMS_MAX]; /* what the empty programs took last */
	size_t floor_len;
};

static bool is_wanted(size_t i, const struct load *load, struct rung *const *rungs)
{
	return rungs[i] && (rung_specs[i].groups & load->groups);
}

static void choose(struct measure *m)
{
	for (size_t i = 0; i < rung_specs_len && m->len < RUNGS_MAX; i++) {
		if (is_wanted(i, m->load, m->opts->rungs))
			m->which[m->len++] = i;
	}
}

unsigned int measure_runs(const struct load *load, struct rung *const *rungs)
{
	unsigned int wanted = 0;

	for (size_t i = 0; i < rung_specs_len; i++)
		wanted += is_wanted(i, load, rungs);
	return 3 * wanted + 1;
}

static double iops(const struct load_result *r)
{
	return r->ops / r->wall_ns * 1e9;
}

static double cpu_per_op(const struct load_result *r)
{
	return r->cpu_ns / r->ops;
}

static int run(struct measure *m, struct load_result *ret, struct reason *why)
{
	int r = load_run(m->load, m->opts->files, m->opts->run_ms, ret);

	return r ? reason_fail(why, r, "load %s: %s", m->load->name, strerror(-r)) : 0;
}

static int run_under(struct measure *m, struct rung *rung, struct load_result *ret,
		     struct reason *why)
{
	int r = rung_attach(rung, m->load->engine == LOAD_URING, why);
	double other_cpu = rung_cpu_ns(rung);

	if (!r)
		r = run(m, ret, why);
	if (!r)
		ret->cpu_ns += rung_cpu_ns(rung) - other_cpu;
	rung_detach(rung);
	return r;
}

/* ---- untraced, traced, untraced, ... --------------------------------------------------------- */

static int run_untraced(struct measure *m, struct load_result *ret, struct reason *why)
{
	int r = run(m, ret, why);

	if (r)
		return r;
	samples_add(&m->iops, iops(ret));
	samples_add(&m->cpu_ns, cpu_per_op(ret));
	samples_add(&m->busy, ret->job_ns / ret->wall_ns / m->opts->files->jobs);
	samples_add(&m->in_flight, ret->in_flight);
	return 0;
}

static int round_of_pairs(struct measure *m, struct reason *why)
{
	struct load_result before, traced, after;
	int r = run_untraced(m, &before, why);

	for (size_t i = 0; !r && i < m->len; i++) {
		struct rung_samples *s = &m->rungs[i];
		double untraced_ns;

		r = run_under(m, m->opts->rungs[m->which[i]], &traced, why);
		if (!r)
			r = run_untraced(m, &after, why);
		if (r)
			return r;
		samples_add(&s->kept, iops(&traced) * 2 / (iops(&before) + iops(&after)));
		untraced_ns = (cpu_per_op(&before) + cpu_per_op(&after)) / 2;
		samples_add(&s->kept_cpu, untraced_ns / cpu_per_op(&traced));
		samples_add(&s->added_ns, cpu_per_op(&traced) - untraced_ns);
		before = after;
	}
	return r;
}

/* ---- the kernel's own statistics ------------------------------------------------------------- */

/* Of another tool's program nobody knows what an empty one at its hook takes: the mean of them. */
static double floor_ns(const struct measure *m, const struct rung *rung, const char *hook)
{
	double time_ns = 0, runs = 0;

	for (size_t i = 0; i < m->floor_len; i++) {
		if (!strcmp(m->floor[i].hook, hook) && m->floor[i].runs)
			return (double)m->floor[i].time_ns / m->floor[i].runs;
		time_ns += m->floor[i].time_ns;
		runs += m->floor[i].runs;
	}
	return rung_is_process(rung) && runs ? time_ns / runs : 0;
}

static size_t usage_since(const struct rung *rung, const struct rung_usage *before,
			  struct rung_usage *ret)
{
	size_t len = rung_usage(rung, ret);

	for (size_t i = 0; i < len; i++) {
		ret[i].runs -= before[i].runs;
		ret[i].time_ns -= before[i].time_ns;
	}
	return len;
}

static void take_usage(struct measure *m, size_t at, const struct rung_usage *usage, size_t len,
		       uint64_t ops)
{
	const struct rung *rung = m->opts->rungs[m->which[at]];
	struct rung_samples *s = &m->rungs[at];
	double sum = 0;

	for (size_t i = 0; i < len && i < HOOKS_MAX; i++) {
		double floor = floor_ns(m, rung, usage[i].hook);
		double net = (usage[i].time_ns - usage[i].runs * floor) / ops;

		samples_add(&s->hook_net[i], net);
		samples_add(&s->hook_runs[i], (double)usage[i].runs / ops);
		sum += net;
	}
	samples_add(&s->net_ns, sum);
}

static int round_of_statistics(struct measure *m, struct reason *why)
{
	struct load_result traced;

	for (size_t i = 0; i < m->len; i++) {
		struct rung_usage before[RUNG_PROGRAMS_MAX] = {}, usage[RUNG_PROGRAMS_MAX];
		struct rung *rung = m->opts->rungs[m->which[i]];
		size_t len;
		int r;

		if (!rung_usage(rung, before) && rung_is_process(rung))
			continue; /* it has no programs */
		r = run_under(m, rung, &traced, why);
		if (r)
			return r;
		len = usage_since(rung, before, usage);
		if (!i) { /* the first rung is the floor */
			memcpy(m->floor, usage, sizeof(usage));
			m->floor_len = len;
		}
		take_usage(m, i, usage, len, traced.ops);
	}
	return 0;
}

static int rounds(struct measure *m, struct reason *why)
{
	for (unsigned int i = 0; i < m->opts->rounds; i++) {
		int fd, r = round_of_pairs(m, why);

		if (r)
			return r;
		fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (fd < 0)
			return reason_fail(why, -errno, "no BPF statistics: %s", strerror(errno));
		r = round_of_statistics(m, why);
		close(fd);
		if (r)
			return r;
	}
	return 0;
}

/* ---- results --------------------------------------------------------------------------------- */

static void rung_report(struct measure *m, size_t at, struct rung_result *ret)
{
	struct rung *rung = m->opts->rungs[m->which[at]];
	struct rung_usage usage[RUNG_PROGRAMS_MAX];
	struct rung_samples *s = &m->rungs[at];

	*ret = (struct rung_result){
		.spec = &rung_specs[m->which[at]],
		.kept = samples_spread(&s->kept),
		.kept_cpu = samples_spread(&s->kept_cpu),
		.added_ns = samples_spread(&s->added_ns),
		.net_ns = samples_spread(&s->net_ns),
		.hooks_len = rung_usage(rung, usage),
		.losses = rung_losses(rung),
	};
	if (ret->hooks_len > HOOKS_MAX)
		ret->hooks_len = HOOKS_MAX;
	for (size_t i = 0; i < ret->hooks_len; i++) {
		memcpy(ret->hooks[i].hook, usage[i].hook, sizeof(usage[i].hook));
		ret->hooks[i].net_ns = samples_spread(&s->hook_net[i]);
		ret->hooks[i].runs = samples_spread(&s->hook_runs[i]);
	}
}

int measure_load(const struct load *load, const struct measure_opts *opts, struct load_report *ret,
		 struct reason *why)
{
	struct measure *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	m->load = load;
	m->opts = opts;
	choose(m);
	r = rounds(m, why);
	if (!r) {
		*ret = (struct load_report){
			.load = load,
			.run_ms = opts->run_ms,
			.iops = samples_spread(&m->iops),
			.cpu_ns = samples_spread(&m->cpu_ns),
			.busy = samples_spread(&m->busy),
			.in_flight = samples_spread(&m->in_flight),
			.rungs_len = m->len,
		};
		for (size_t i = 0; i < m->len; i++)
			rung_report(m, i, &ret->rungs[i]);
	}
	free(m);
	return r;
}
