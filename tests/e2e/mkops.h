/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mkops: does file operations as told, and says what it did and when.
 *
 *   mkops_io.c      one operation, by system call, libaio or io_uring
 *   mkops_remap.c   operations that move blocks or pages, not bytes
 *   mkops_hold.c    operations of a stream, held by a page of their buffer
 *   mkops_worker.c  named operations, each in a thread or process of its own
 *   mkops_watch.c   where a task sleeps in the kernel; what the gate holds
 *   mkops_script.c  the script language
 *   mkops_random.c  a stream of random operations
 *   mkops_say.c     events: one JSON object per line, one write(2) each
 */
#ifndef MKOPS_H
#define MKOPS_H

#include <libaio.h>
#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NAME_BYTES 32
#define PATH_BYTES 512
#define IOVS_MAX 64
#define PAGE_BYTES 4096

/* ---- mkops_io.c ---- */

enum io_kind {
	IO_READ,
	IO_WRITE,
	IO_TRUNCATE,
	IO_PUNCH,
	IO_FALLOC,
	IO_ZERO,
	IO_COLLAPSE,
	IO_INSERT,
	IO_UNSHARE,
	IO_CLONE,
	IO_DEDUPE,
	IO_EXCHANGE,
	IO_SWAPEXT,
	IO_COPY,
	IO_SPLICE,
	IO_FSYNC,
	IO_MSTORE,
	IO_MLOAD,
	IO_KIND_COUNT_,
};

enum io_engine {
	ENGINE_SYNC,
	ENGINE_LIBAIO,
	ENGINE_URING,
	ENGINE_URING_WORKER,
	ENGINE_URING_SQPOLL,
	ENGINE_COUNT_,
};

struct io_spec {
	enum io_kind kind;
	enum io_engine engine;
	int fd;
	uint64_t off;
	uint64_t len;
	uint64_t from; /* the other range of clone, dedupe, exchange and copy */
	unsigned iovs;
	int rwf;     /* RWF_ flags beside nowait */
	bool append; /* the kernel chooses the offset */
	bool nowait;
	bool retry;   /* after -EAGAIN, once more without nowait */
	bool empties; /* a vector of no bytes before each other one */
	bool fixed;   /* io_uring: a buffer that is registered */
	bool linked;  /* io_uring: after another request */
	int fill;
};

/* All times CLOCK_MONOTONIC. [before, done] is a superset of the data window. */
struct io_result {
	int64_t before_ns; /* read just before the system call that starts it */
	int64_t return_ns; /* that call is back; an async op may be in flight still */
	int64_t done_ns;   /* its completion has been seen */
	int64_t res;
	unsigned attempts;
};

struct io {
	struct io_spec spec;
	struct io_result result;
	char *buf; /* borrowed, spec.len bytes */
	struct iovec iov[IOVS_MAX];
	struct iocb iocb;
};

struct queue {
	enum io_engine engine;
	io_context_t aio;
	struct io_uring ring;
	bool has_buffer; /* registered with the ring */
};

extern const char *const io_kind_names[];
extern const char *const io_engine_names[];

int64_t now_ns(void);
int io_kind_parse(const char *name, enum io_kind *ret);
int io_engine_parse(const char *name, enum io_engine *ret);
bool io_kind_moves(enum io_kind kind); /* its result is a number of bytes */
int queue_init(struct queue *queue, enum io_engine engine, unsigned depth);
void queue_done(struct queue *queue);
/* A sync io is complete on return, an async one by queue_reap(). */
int queue_submit(struct queue *queue, struct io *io);
int queue_reap(struct queue *queue, struct io **ret);

/* ---- mkops_remap.c ---- */

/* clone, dedupe, exchange, swapext, copy and splice: the result or -errno */
int64_t remap_call(const struct io_spec *spec);

/* ---- mkops_hold.c ---- */

#define HOLD_BYTES (1U << 18)

struct hold {
	uint64_t page; /* of its buffer */
	uint64_t ops_done;
	_Atomic int64_t held_ns;
	_Atomic int64_t fed_ns;
};

struct holds {
	int uffd;
	unsigned count;
	char *buffers;
	struct hold *hold;
	_Atomic uint64_t ops_done;
	_Atomic bool stop;
	pthread_t thread;
};

int holds_init(struct holds *holds, unsigned count);
void holds_done(struct holds *holds);
char *hold_buffer(const struct holds *holds, unsigned number);
void hold_begin(struct holds *holds, unsigned number, uint64_t page);
void hold_end(struct holds *holds, unsigned number, int64_t *ret_held_ns, int64_t *ret_fed_ns);
void holds_count_op(struct holds *holds);

/* ---- mkops_worker.c ---- */

/* What its thread does with an op that is in flight when it is told to leave. */
enum op_leave {
	LEAVE_NOT,
	LEAVE_EXIT,  /* ends */
	LEAVE_CLOSE, /* io_destroy(), or the ring is closed; then it ends */
};

enum op_state {
	OP_LAUNCHING,
	OP_IDLE,
	OP_STARTED,
	OP_SUBMITTING, /* the next thing the thread does is the system call */
	OP_RETURNED,
	OP_DONE,
	OP_EXIT, /* told to end, or could not begin */
};

struct op_file {
	char name[NAME_BYTES];
	char path[PATH_BYTES];
	int fd;
	uint64_t ino;
	unsigned dev_major;
	unsigned dev_minor;
	bool direct;
	bool append;
};

struct op {
	char name[NAME_BYTES];
	char comm[16];
	struct op_file file;
	struct io_spec spec;
	unsigned misalign;
	int fault_page; /* the page of its buffer that is missing; -1: none */
	bool own_process;
	enum op_leave leave;
	uint64_t disk_off; /* where its first byte lives, for reads; UINT64_MAX: unknown */
	uint64_t disk_len;

	/* below: written by the worker, under the board's lock */
	enum op_state state;
	bool faulted;
	bool fed;
	pid_t pid;
	pid_t tid;
	struct io_result result;

	pthread_t thread; /* the starter's own */
	pid_t child;
};

#define OPS_MAX 128

/* Shared between processes. */
struct board {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned ops_len;
	struct op ops[OPS_MAX];
};

int board_new(struct board **ret);
/* Waits until *state* is at least that; -ETIMEDOUT after timeout_ms. */
int board_wait_state(struct board *board, const struct op *op, enum op_state state, int timeout_ms);
int board_wait_fault(struct board *board, const struct op *op, int timeout_ms);
void board_feed(struct board *board, struct op *op);
/* Its process is gone: nobody will hear of it again. */
void board_give_up(struct board *board, struct op *op);
/* On return the worker waits to be started, and its pid and tid are known. */
int op_launch(struct board *board, struct op *op);
int op_start(struct board *board, struct op *op);
void op_end(struct board *board, struct op *op);

/* ---- mkops_watch.c ---- */

/* Asleep on a lock or a drain, before any data moved? *where* says in what. */
bool task_is_blocked(pid_t pid, pid_t tid, char *where, size_t where_len);
/* Asleep, with a function of that name (or prefix) on its kernel stack? */
bool task_sleeps_in(pid_t pid, pid_t tid, const char *frame);
int gate_ask(const char *socket_path, const char *line, char *reply, size_t reply_len);
int file_map(int fd, uint64_t off, uint64_t len, uint64_t *ret_disk_off, uint64_t *ret_len,
	     unsigned *ret_extents);

/* ---- mkops_say.c ---- */

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_op(const char *event, const struct op *op);
/* Text of one finished operation; returns its length. */
size_t say_record(char *line, size_t size, const struct op *op, const struct io *io);

/* ---- mkops_script.c, mkops_random.c ---- */

int script_run(int argc, char **argv);
int random_run(int argc, char **argv);
int parse_size(const char *text, uint64_t *ret);

#endif
