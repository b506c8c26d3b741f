/* SPDX-License-Identifier: GPL-2.0 */
/* Median and quartiles of some measurements of one thing. */
#ifndef IORACE_BENCH_SPREAD_H
#define IORACE_BENCH_SPREAD_H

#include <stdlib.h>

#define SAMPLES_MAX 1024

struct samples {
	double values[SAMPLES_MAX];
	size_t len;
};

struct spread {
	double median;
	double low; /* first and third quartile */
	double high;
	size_t len;
};

static inline void samples_add(struct samples *s, double value)
{
	if (s->len < SAMPLES_MAX)
		s->values[s->len++] = value;
}

static inline int samples_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Between the two nearest when `share` falls between. */
static inline double samples_quantile(const struct samples *s, double share)
{
	double at = share * (s->len - 1);
	size_t below = (size_t)at;

	if (below + 1 >= s->len)
		return s->values[s->len - 1];
	return s->values[below] + (at - below) * (s->values[below + 1] - s->values[below]);
}

/* Sorts the samples. */
static inline struct spread samples_spread(struct samples *s)
{
	if (!s->len)
		return (struct spread){};
	qsort(s->values, s->len, sizeof(s->values[0]), samples_order);
	return (struct spread){
		.median = samples_quantile(s, 0.5),
		.low = samples_quantile(s, 0.25),
		.high = samples_quantile(s, 0.75),
		.len = s->len,
	};
}

#endif
