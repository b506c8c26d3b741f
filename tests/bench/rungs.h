/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rungs of the ladder: sets of BPF programs that are loaded once and then attached and detached
 * in turn, within one process.
 */
#ifndef IORACE_BENCH_RUNGS_H
#define IORACE_BENCH_RUNGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNGS_MAX 24

enum rung_source {
	RUNG_NOTHING,
	RUNG_RIVAL,   /* programs of rivals.bpf.c whose names begin with `programs` */
	RUNG_SHIPPED, /* what the tool embeds, opened by user/live/tracer.c */
	RUNG_PIECES,  /* the same with parts taken out: pieces.bpf.c */
	RUNG_OTHER,   /* the same, of another build: an object given by the user */
	RUNG_PROCESS, /* another tool, run beside the load */
};

enum rung_setup {
	SETUP_WATCH, /* as `iorace watch` without filters, after what was in flight has drained */
	SETUP_CHECK, /* as `iorace check`: the command's cgroup, every pair recorded, draining */
	SETUP_DEV,   /* watch --dev that matches */
	SETUP_OTHER_DEV, /* watch --dev that does not */
	SETUP_BUFFERED,	 /* watch --mode buffered */
};

struct rung_spec {
	const char *name;
	const char *text;
	enum rung_source source;
	enum rung_setup setup;
	const char *programs; /* RUNG_RIVAL: name prefix; PIECES: object; PROCESS: command */
	unsigned int groups;  /* mask of enum load_group: on which loads */
	bool may_be_refused;  /* then the ladder says so and goes on without it */
};

extern const struct rung_spec rung_specs[];
extern const size_t rung_specs_len;

#define RUNG_PROGRAMS_MAX 16

/* What the kernel counted of one program. */
struct rung_usage {
	char hook[64];
	uint64_t runs;
	uint64_t time_ns;
};

struct rung_env {
	const char *objects; /* folder of the pieces */
	const char *other;   /* RUNG_OTHER, or NULL: no such rung */
	const char *dir;     /* a directory of the file system under load */
};

struct rung;

/* Loads the programs; NULL in *ret when this rung is not asked for. */
int rung_open(const struct rung_spec *spec, const struct rung_env *env, struct rung **ret,
	      struct reason *why);
void rung_free(struct rung *rung);

/*
 * `gives_up`: ops of the load may give up before their first bio (io_uring). Without such ops
 * `watch` detaches its program there after a minute, and that is what is timed.
 */
int rung_attach(struct rung *rung, bool gives_up, struct reason *why);
void rung_detach(struct rung *rung);

bool rung_is_process(const struct rung *rung);

/* CPU time of a process that belongs to it, so far; 0 if there is none. */
double rung_cpu_ns(const struct rung *rung);

/* Since the programs were loaded; the number of programs. */
size_t rung_usage(const struct rung *rung, struct rung_usage usage[RUNG_PROGRAMS_MAX]);

/* Something it should have seen and did not: the measurement is then of something else. */
uint64_t rung_losses(const struct rung *rung);

#endif
