/* SPDX-License-Identifier: GPL-2.0 */
/* Records for the tool: conflicting pairs and the path of a file. */
#ifndef IORACE_EMIT_BPF_H
#define IORACE_EMIT_BPF_H

#include "count.bpf.h"
#include "walk.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 12); /* set before load */
} ior_ring SEC(".maps");

#define MNT_NS_NONE 0

/* Returns the state bits of one name, or -1 when the walk is over. */
static __always_inline void path_finish(struct ior_rec_path *rec, const struct path_walk *w,
					enum walk_result result)
{
	__u64 ns;

	if (result == WALK_DETACHED) {
		rec->state |= IOR_PATH_DETACHED;
		return;
	}
	ns = KPTR(struct mount, w->mount, mnt_ns);
	if (KREAD(struct mnt_namespace, ns, ns.inum) != ior_options.mnt_ns_inum)
		rec->state |= IOR_PATH_FOREIGN;
}

static __always_inline bool path_take_name(struct ior_rec_path *rec, __u64 dentry)
{
	__u32 used = rec->used;
	long len;

	if (used >= IOR_PATH_BYTES_MAX) {
		rec->state |= IOR_PATH_TRUNCATED;
		return false;
	}
	used &= IOR_PATH_BYTES_MAX - 1;
	len = bpf_probe_read_kernel_str(&rec->names[used], IOR_NAME_MAX,
					(const void *)KPTR(struct dentry, dentry, d_name.name));
	if (len <= 0 || len > IOR_NAME_MAX) {
		rec->state |= IOR_PATH_TRUNCATED;
		return false;
	}
	rec->used = used + len;
	return true;
}

struct names_walk {
	struct path_walk walk;
	struct ior_rec_path *rec;
	__u64 ended;
};

static int names_step(__u32 i, struct names_walk *n)
{
	enum walk_result result = walk_look(&n->walk);

	if (result == WALK_CROSSED)
		return 0;
	if (result == WALK_NAME && path_take_name(n->rec, n->walk.dentry)) {
		walk_up(&n->walk);
		return 0;
	}
	if (result != WALK_NAME)
		path_finish(n->rec, &n->walk, result);
	n->ended = 1;
	return 1;
}

static __always_inline void path_walk_names(struct ior_rec_path *rec, __u64 file)
{
	struct names_walk n = {.rec = rec};

	walk_from_file(&n.walk, file);
	if (!KPTR(struct dentry, n.walk.dentry, d_hash.pprev))
		rec->state |= IOR_PATH_DELETED;
	bpf_loop(IOR_PATH_NAMES_MAX, names_step, &n, 0);
	if (!n.ended)
		rec->state |= IOR_PATH_TRUNCATED;
}

static __noinline int emit_path(const struct ior_file *id, __u64 file)
{
	struct ior_rec_path *rec = bpf_ringbuf_reserve(&ior_ring, sizeof(*rec), 0);

	if (!rec)
		return loss_count(IOR_LOSS_RING_FULL);
	rec->header.type = IOR_REC_PATH;
	rec->header.size = sizeof(*rec);
	rec->file = *id;
	rec->state = 0;
	rec->used = 0;
	path_walk_names(rec, file);
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

#endif
