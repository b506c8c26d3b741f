// SPDX-License-Identifier: GPL-2.0
/*
 * What the shipped programs are measured against. `empty_*`: the floor, a program that returns at
 * once at each hook. `hash_*`: in-flight ops in one BPF hash keyed by kiocb, no detection.
 * `stream_*`: an event per begin and end through a ring buffer. These two read what they need by
 * the same means as the shipped programs, and less: no lock, no file system, no size of the file;
 * and they count nothing. `detect_*`: the same pairs as `watch`, see detect.bpf.h.
 */
#include "compat.bpf.h"

#include "detect.bpf.h"

const struct ior_options ior_options __weak = {};

/* ---- the floor ------------------------------------------------------------------------------- */

SEC("raw_tp/iomap_dio_rw_begin")
int empty_begin(void *ctx)
{
	return 0;
}

SEC("raw_tp/block_bio_queue")
int empty_queue(void *ctx)
{
	return 0;
}

SEC("raw_tp/block_bio_complete")
int empty_bio(void *ctx)
{
	return 0;
}

SEC("raw_tp/block_rq_complete")
int empty_rq(void *ctx)
{
	return 0;
}

SEC("raw_tp/iomap_dio_complete")
int empty_complete(void *ctx)
{
	return 0;
}

SEC("raw_tp/iomap_dio_invalidate_fail")
int empty_fail(void *ctx)
{
	return 0;
}

/* The least that any tracer of direct IO pays: to show what each further hook adds. */
SEC("raw_tp/iomap_dio_rw_begin")
int two_begin(void *ctx)
{
	return 0;
}

SEC("raw_tp/iomap_dio_complete")
int two_complete(void *ctx)
{
	return 0;
}

/* ---- what `hash_*` and `stream_*` know of an op ---------------------------------------------- */

struct rival_op {
	__u64 kiocb;
	__u64 inode;
	__u64 start;
	__u64 end;
	__u64 time_ns;
	__u32 tid;
	__u32 write;
};

static __always_inline void rival_fill(struct rival_op *op, struct kiocb *kiocb,
				       struct iov_iter *iter)
{
	op->kiocb = as_number(kiocb);
	op->inode = as_number(compat_kiocb_inode(kiocb));
	op->start = KFIELD(kiocb, ki_pos);
	op->end = op->start + compat_iter_len(iter);
	op->time_ns = bpf_ktime_get_ns();
	op->tid = bpf_get_current_pid_tgid();
	op->write = compat_iter_is_write(iter);
}

/* ---- a hash map of ops in flight ------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct rival_op);
} rival_ops SEC(".maps");

__u64 rival_unfound;

SEC("tp_btf/iomap_dio_rw_begin")
int hash_begin(__u64 *args)
{
	struct rival_op op;

	rival_fill(&op, (struct kiocb *)args[0], (struct iov_iter *)args[1]);
	bpf_map_update_elem(&rival_ops, &op.kiocb, &op, BPF_ANY);
	return 0;
}

SEC("raw_tp/iomap_dio_complete")
int hash_complete(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 kiocb = ctx->args[0];

	if (bpf_map_delete_elem(&rival_ops, &kiocb))
		__sync_fetch_and_add(&rival_unfound, 1);
	return 0;
}

/* ---- two of them, and conflicts -------------------------------------------------------------- */

SEC("tp_btf/iomap_dio_rw_begin")
int detect_begin(__u64 *args)
{
	return detect_op_begins((struct kiocb *)args[0], (struct iov_iter *)args[1]);
}

SEC("raw_tp/iomap_dio_complete")
int detect_complete(struct bpf_raw_tracepoint_args *ctx)
{
	if (!detect_op_ends(ctx->args[0]))
		__sync_fetch_and_add(&rival_unfound, 1);
	return 0;
}

/* ---- everything through a ring buffer -------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} rival_ring SEC(".maps");

__u64 rival_dropped;

static __always_inline struct rival_op *stream_reserve(void)
{
	struct rival_op *op = bpf_ringbuf_reserve(&rival_ring, sizeof(*op), 0);

	if (!op)
		__sync_fetch_and_add(&rival_dropped, 1);
	return op;
}

SEC("tp_btf/iomap_dio_rw_begin")
int stream_begin(__u64 *args)
{
	struct rival_op *op = stream_reserve();

	if (!op)
		return 0;
	rival_fill(op, (struct kiocb *)args[0], (struct iov_iter *)args[1]);
	bpf_ringbuf_submit(op, 0);
	return 0;
}

SEC("raw_tp/iomap_dio_complete")
int stream_complete(struct bpf_raw_tracepoint_args *ctx)
{
	struct rival_op *op = stream_reserve();

	if (!op)
		return 0;
	op->kiocb = ctx->args[0];
	op->time_ns = bpf_ktime_get_ns();
	bpf_ringbuf_submit(op, 0);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
