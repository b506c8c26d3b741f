// SPDX-License-Identifier: GPL-2.0
/*
 * A stream of random reads and writes on one file by many threads, each
 * recorded by who did it. It judges nothing: pairs.py does. Direct or through
 * the page cache or now so, now so; with truncates and holes punched between.
 * Some are held in the middle (mkops_hold.c), so that some pairs are certain.
 *
 * Sizes are log-uniform. The bytes left are for all the ops left: none takes
 * more than a part of them, so the number of ops is as told, whatever the sizes.
 *
 * The choices depend on the seed alone (each thread has its own generator),
 * the interleaving does not. Records stay in memory until the end, so that
 * writing them does not space the operations out.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "mkops.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define DEPTH_MAX 64
#define THREADS_MAX 256
#define BYTES_PART 16 /* of those that are left, for one op */
#define CROWDED_BYTES (256ULL << 10)

struct random_opts {
	uint64_t seed;
	uint64_t ops;
	uint64_t bytes;
	uint64_t file_bytes;
	uint64_t len_min;
	uint64_t len_max;
	unsigned threads;
	unsigned depth;
	unsigned write_percent;
	unsigned engines;	   /* bit per enum io_engine */
	unsigned buffered_percent; /* the rest is direct */
	unsigned size_percent;	   /* of the sync ones */
	unsigned hold_percent;	   /* of those that can be */
	bool partition;		   /* each thread keeps to its own part of the file */
	const char *path;
	const char *log;
};

struct random_run {
	const struct random_opts *opts;
	struct op_file files[2]; /* direct and buffered, or twice the same */
	_Atomic uint64_t ops_left;
	_Atomic uint64_t bytes_left;
	struct holds holds;
	char *out; /* what all write */
	char *in;  /* where all read to: nobody looks */
};

struct random_record {
	struct io_spec spec;
	struct io_result result;
	int64_t held_ns; /* 0: never */
	int64_t fed_ns;
};

struct random_thread {
	struct random_run *run;
	unsigned number;
	pthread_t thread;
	uint64_t rng;
	uint64_t first; /* its part of the file */
	uint64_t room;
	pid_t tid;
	struct queue queues[ENGINE_COUNT_];
	unsigned queues_ready; /* bit per engine */
	struct io *ios;
	struct random_record *records;
	size_t records_len;
	size_t records_room;
	int res;
};

/* splitmix64, Sebastiano Vigna, public domain */
static uint64_t rng_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t rng_below(uint64_t *state, uint64_t bound)
{
	return rng_next(state) % bound;
}

static unsigned log2_floor(uint64_t value)
{
	return 63U - (unsigned)__builtin_clzll(value);
}

/* Log-uniform: an octave first, then a multiple of the unit inside it. */
static uint64_t pick_len(uint64_t *rng, uint64_t least, uint64_t most, uint64_t unit)
{
	unsigned low = log2_floor(least < unit ? unit : least);
	unsigned high = log2_floor(most);
	uint64_t octave = 1ULL << (low + (high > low ? rng_below(rng, high - low + 1) : 0));
	uint64_t len = (octave + rng_below(rng, octave)) / unit * unit;

	if (len > most)
		len = most / unit * unit;
	return len < unit ? unit : len;
}

/* Direct IO goes by sectors, of the rest every other by bytes. */
static uint64_t pick_unit(struct random_thread *thread, bool direct, bool hold)
{
	const struct random_opts *opts = thread->run->opts;
	uint64_t dice = rng_below(&thread->rng, 4);

	if (opts->len_min >= PAGE_BYTES || (direct && (hold || dice)))
		return PAGE_BYTES;
	return direct ? 512 : dice & 1 ? 1 : dice ? 512 : PAGE_BYTES;
}

static enum io_engine pick_engine(uint64_t *rng, unsigned engines)
{
	unsigned nth = (unsigned)rng_below(rng, (uint64_t)__builtin_popcount(engines));

	for (unsigned engine = 0; engine < ENGINE_COUNT_; engine++)
		if (engines & (1U << engine) && !nth--)
			return (enum io_engine)engine;
	return ENGINE_SYNC;
}

static enum io_kind pick_kind(struct random_thread *thread, enum io_engine engine, bool hold)
{
	static const enum io_kind of_size[] = {IO_PUNCH, IO_ZERO, IO_TRUNCATE, IO_COLLAPSE};
	const struct random_opts *opts = thread->run->opts;

	if (!hold && engine == ENGINE_SYNC && rng_below(&thread->rng, 100) < opts->size_percent)
		return of_size[rng_below(&thread->rng, ARRAY_SIZE(of_size))];
	return rng_below(&thread->rng, 100) < opts->write_percent ? IO_WRITE : IO_READ;
}

static uint64_t pick_most(const struct random_run *run, bool hold)
{
	uint64_t most = atomic_load(&run->bytes_left) / BYTES_PART;

	if (most > run->opts->len_max)
		most = run->opts->len_max;
	if (hold && most > HOLD_BYTES)
		most = HOLD_BYTES;
	return most ? most : 1;
}

/* Mostly where others are, too. */
static uint64_t pick_off(struct random_thread *thread, uint64_t len, uint64_t unit)
{
	uint64_t span = thread->room - len;

	if (rng_below(&thread->rng, 4) && span > CROWDED_BYTES)
		span = CROWDED_BYTES;
	return thread->first + rng_below(&thread->rng, span / unit + 1) * unit;
}

static void pick_io(struct random_thread *thread, enum io_engine engine, bool hold, struct io *io)
{
	struct random_run *run = thread->run;
	const struct random_opts *opts = run->opts;
	bool buffered = rng_below(&thread->rng, 100) < opts->buffered_percent;
	uint64_t unit = pick_unit(thread, run->files[buffered].direct, hold);
	uint64_t len = pick_len(&thread->rng, opts->len_min, pick_most(run, hold), unit);

	io->spec = (struct io_spec){
		.kind = pick_kind(thread, engine, hold),
		.engine = engine,
		.fd = run->files[buffered].fd,
		.len = len,
		.off = pick_off(thread, len, unit),
		.iovs = rng_below(&thread->rng, 8) ? 1 : 4,
	};
	io->buf = io->spec.kind == IO_WRITE ? run->out : run->in;
}

/* May this thread do one more? */
static bool run_take(struct random_run *run)
{
	uint64_t ops = atomic_load(&run->ops_left);

	do
		if (!ops)
			return false;
	while (!atomic_compare_exchange_weak(&run->ops_left, &ops, ops - 1));
	return true;
}

/* Changes of size move no bytes. */
static void run_charge(struct random_run *run, const struct io_spec *spec)
{
	uint64_t bytes = atomic_load(&run->bytes_left);

	if (spec->kind != IO_READ && spec->kind != IO_WRITE)
		return;
	while (!atomic_compare_exchange_weak(&run->bytes_left, &bytes,
					     bytes > spec->len ? bytes - spec->len : 0))
		;
}

static int record(struct random_thread *thread, const struct io *io)
{
	if (thread->records_len == thread->records_room) {
		size_t room = thread->records_room ? 2 * thread->records_room : 1024;
		void *grown = realloc(thread->records, room * sizeof(*thread->records));

		if (!grown)
			return -ENOMEM;
		thread->records = grown;
		thread->records_room = room;
	}
	thread->records[thread->records_len++] =
		(struct random_record){.spec = io->spec, .result = io->result};
	holds_count_op(&thread->run->holds);
	return 0;
}

static struct queue *thread_queue(struct random_thread *thread, enum io_engine engine)
{
	struct queue *queue = &thread->queues[engine];

	if (thread->queues_ready & (1U << engine))
		return queue;
	thread->res = queue_init(queue, engine, DEPTH_MAX);
	if (thread->res < 0)
		return NULL;
	thread->queues_ready |= 1U << engine;
	return queue;
}

/*
 * What io_uring tries without waiting opens its window with its first bio only, and what is not
 * aligned may on XFS: pick_unit() sees to that.
 */
static bool pick_hold(struct random_thread *thread, enum io_engine engine)
{
	return (engine == ENGINE_SYNC || engine == ENGINE_LIBAIO ||
		engine == ENGINE_URING_WORKER) &&
	       rng_below(&thread->rng, 100) < thread->run->opts->hold_percent;
}

static void hold_io(struct random_thread *thread, struct io *io)
{
	struct holds *holds = &thread->run->holds;
	uint64_t pages = (io->spec.len + PAGE_BYTES - 1) / PAGE_BYTES;

	io->buf = hold_buffer(holds, thread->number);
	hold_begin(holds, thread->number, rng_below(&thread->rng, pages));
}

static void reap_all(struct random_thread *thread, struct queue *queue, unsigned submitted)
{
	for (unsigned i = 0; i < submitted; i++) {
		struct io *io = &thread->ios[0];
		int r = queue->engine == ENGINE_SYNC ? 0 : queue_reap(queue, &io);

		if (r < 0 || (r = record(thread, io)) < 0)
			thread->res = r;
	}
}

/* Submits up to depth ops one by one, then takes them all back. */
static bool run_batch(struct random_thread *thread)
{
	const struct random_opts *opts = thread->run->opts;
	enum io_engine engine = pick_engine(&thread->rng, opts->engines);
	bool hold = pick_hold(thread, engine);
	unsigned depth = engine == ENGINE_SYNC || hold
				 ? 1
				 : 1 + (unsigned)rng_below(&thread->rng, opts->depth);
	struct queue *queue = thread_queue(thread, engine);
	unsigned submitted = 0;

	while (queue && submitted < depth && run_take(thread->run)) {
		struct io *io = &thread->ios[submitted];

		pick_io(thread, engine, hold, io);
		run_charge(thread->run, &io->spec);
		if (hold)
			hold_io(thread, io);
		thread->res = queue_submit(queue, io);
		if (thread->res < 0)
			break;
		submitted++;
	}
	if (submitted)
		reap_all(thread, queue, submitted);
	if (hold && submitted && thread->res >= 0) {
		struct random_record *last = &thread->records[thread->records_len - 1];

		hold_end(&thread->run->holds, thread->number, &last->held_ns, &last->fed_ns);
	}
	return submitted == depth && thread->res >= 0;
}

static void *thread_main(void *arg)
{
	struct random_thread *thread = arg;

	thread->tid = (pid_t)syscall(SYS_gettid);
	thread->ios = calloc(thread->run->opts->depth, sizeof(*thread->ios));
	if (!thread->ios)
		thread->res = -ENOMEM;
	else
		while (run_batch(thread))
			;
	for (unsigned engine = 0; engine < ENGINE_COUNT_; engine++)
		if (thread->queues_ready & (1U << engine))
			queue_done(&thread->queues[engine]);
	free(thread->ios);
	return NULL;
}

static void log_hold(FILE *log, const char *name, const struct random_record *record)
{
	if (!record->held_ns)
		return;
	fprintf(log, "{\"ev\":\"held\",\"op\":\"%s\",\"by\":\"fault\",\"ns\":%lld}\n", name,
		(long long)record->held_ns);
	fprintf(log, "{\"ev\":\"feed\",\"op\":\"%s\",\"ns\":%lld}\n", name,
		(long long)record->fed_ns);
}

static void log_thread(FILE *log, const struct random_run *run, unsigned number,
		       const struct random_thread *thread)
{
	struct op op = {.pid = getpid(), .tid = thread->tid};
	char line[1024];

	for (size_t i = 0; i < thread->records_len; i++) {
		struct io io = {.spec = thread->records[i].spec,
				.result = thread->records[i].result};

		op.file = run->files[io.spec.fd == run->files[1].fd];
		snprintf(op.name, sizeof(op.name), "%u.%zu", number, i);
		log_hold(log, op.name, &thread->records[i]);
		fwrite(line, 1, say_record(line, sizeof(line), &op, &io), log);
	}
}

static int file_open(const struct random_opts *opts, bool direct, struct op_file *ret)
{
	struct stat st;

	*ret = (struct op_file){.direct = direct};
	ret->fd = open(opts->path, O_RDWR | O_CREAT | O_CLOEXEC | (direct ? O_DIRECT : 0), 0600);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size < opts->file_bytes &&
	    (fallocate(ret->fd, 0, 0, (off_t)opts->file_bytes) < 0 || fsync(ret->fd) < 0))
		return -errno;
	ret->ino = st.st_ino;
	ret->dev_major = major(st.st_dev);
	ret->dev_minor = minor(st.st_dev);
	return 0;
}

static int files_open(struct random_run *run)
{
	int r = file_open(run->opts, run->opts->buffered_percent < 100, &run->files[0]);

	return r < 0 ? r : file_open(run->opts, false, &run->files[1]);
}

static int buffers_new(struct random_run *run)
{
	run->out = aligned_alloc(PAGE_BYTES, run->opts->len_max);
	run->in = aligned_alloc(PAGE_BYTES, run->opts->len_max);
	if (!run->out || !run->in)
		return -ENOMEM;
	memset(run->out, 0x5a, run->opts->len_max);
	return 0;
}

static uint64_t part_bytes(const struct random_opts *opts)
{
	return opts->file_bytes / opts->threads / PAGE_BYTES * PAGE_BYTES;
}

static int run_all(struct random_run *run, struct random_thread *threads)
{
	const struct random_opts *opts = run->opts;
	uint64_t room = opts->partition ? part_bytes(opts) : opts->file_bytes;
	int res = 0;

	for (unsigned i = 0; i < opts->threads; i++) {
		threads[i] = (struct random_thread){.run = run,
						    .number = i,
						    .rng = opts->seed * 1000003 + i,
						    .first = opts->partition ? i * room : 0,
						    .room = room};
		if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]))
			return -EAGAIN;
	}
	for (unsigned i = 0; i < opts->threads; i++) {
		pthread_join(threads[i].thread, NULL);
		if (threads[i].res < 0)
			res = threads[i].res;
	}
	return res;
}

static int parse_engines(char *list, unsigned *ret)
{
	char *save = NULL;

	*ret = 0;
	for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		enum io_engine engine;

		if (io_engine_parse(name, &engine) < 0)
			return -EINVAL;
		*ret |= 1U << engine;
	}
	return *ret ? 0 : -EINVAL;
}

static const struct option long_options[] = {
	{"file", required_argument, NULL, 'f'},
	{"size", required_argument, NULL, 's'},
	{"seed", required_argument, NULL, 'r'},
	{"ops", required_argument, NULL, 'n'},
	{"bytes", required_argument, NULL, 'b'},
	{"threads", required_argument, NULL, 't'},
	{"depth", required_argument, NULL, 'd'},
	{"writes", required_argument, NULL, 'w'},
	{"min-len", required_argument, NULL, 'm'},
	{"max-len", required_argument, NULL, 'x'},
	{"engines", required_argument, NULL, 'e'},
	{"log", required_argument, NULL, 'l'},
	{"buffered", required_argument, NULL, 'B'},
	{"sizes", required_argument, NULL, 'S'},
	{"hold", required_argument, NULL, 'H'},
	{"partition", no_argument, NULL, 'P'},
	{0},
};

static int parse_narrow(const char *text, unsigned *ret)
{
	uint64_t value;
	int r = parse_size(text, &value);

	if (!r)
		*ret = (unsigned)value;
	return r;
}

static int parse_option(int letter, char *value, struct random_opts *opts)
{
	switch (letter) {
	case 'f':
		opts->path = value;
		return 0;
	case 'l':
		opts->log = value;
		return 0;
	case 'B':
		return parse_narrow(value, &opts->buffered_percent);
	case 'S':
		return parse_narrow(value, &opts->size_percent);
	case 'H':
		return parse_narrow(value, &opts->hold_percent);
	case 'P':
		opts->partition = true;
		return 0;
	case 's':
		return parse_size(value, &opts->file_bytes);
	case 'r':
		return parse_size(value, &opts->seed);
	case 'n':
		return parse_size(value, &opts->ops);
	case 'b':
		return parse_size(value, &opts->bytes);
	case 'm':
		return parse_size(value, &opts->len_min);
	case 'x':
		return parse_size(value, &opts->len_max);
	case 't':
		return parse_narrow(value, &opts->threads);
	case 'd':
		return parse_narrow(value, &opts->depth);
	case 'w':
		return parse_narrow(value, &opts->write_percent);
	case 'e':
		return parse_engines(value, &opts->engines);
	default:
		return -EINVAL;
	}
}

static bool opts_are_sound(const struct random_opts *opts)
{
	return opts->path && opts->log && opts->threads && opts->threads <= THREADS_MAX &&
	       opts->depth && opts->depth <= DEPTH_MAX && opts->len_min >= 1 &&
	       opts->len_min <= opts->len_max && opts->len_max % PAGE_BYTES == 0 &&
	       opts->len_max <= (opts->partition ? part_bytes(opts) : opts->file_bytes);
}

static int random_usage(void)
{
	fprintf(stderr,
		"usage: mkops random --file PATH --size BYTES --log OUT.jsonl [--seed N]\n"
		"         [--ops N] [--bytes N] [--threads N] [--depth N] [--writes PERCENT]\n"
		"         [--min-len N] [--max-len N] [--engines LIST]\n"
		"         [--buffered PERCENT] [--sizes PERCENT] [--hold PERCENT] [--partition]\n");
	return 2;
}

int random_run(int argc, char **argv)
{
	static struct random_thread threads[THREADS_MAX];
	struct random_opts opts = {.seed = 1,
				   .ops = 10000,
				   .bytes = 1ULL << 32,
				   .file_bytes = 16 << 20,
				   .len_min = 1,
				   .len_max = 1 << 20,
				   .threads = 4,
				   .depth = 8,
				   .write_percent = 50,
				   .engines = 1U << ENGINE_SYNC};
	struct random_run run = {.opts = &opts};
	FILE *log;
	int letter;
	int r;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (parse_option(letter, optarg, &opts) < 0)
			return random_usage();
	if (!opts_are_sound(&opts) || optind != argc)
		return random_usage();
	atomic_init(&run.ops_left, opts.ops);
	atomic_init(&run.bytes_left, opts.bytes);
	log = fopen(opts.log, "we");
	r = log ? files_open(&run) : -errno;
	if (!r)
		r = buffers_new(&run);
	if (!r)
		r = holds_init(&run.holds, opts.threads);
	if (!r) {
		r = run_all(&run, threads);
		holds_done(&run.holds);
	}
	for (unsigned i = 0; log && i < opts.threads; i++)
		log_thread(log, &run, i, &threads[i]);
	if (log && fclose(log))
		r = -errno;
	if (r < 0)
		fprintf(stderr, "mkops: %s: %s\n", opts.path, strerror(-r));
	return r < 0;
}
