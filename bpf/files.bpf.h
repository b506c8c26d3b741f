/* SPDX-License-Identifier: GPL-2.0 */
/* Which file an inode is, and the sums that are kept of each. Nothing here decides anything. */
#ifndef IORACE_FILES_BPF_H
#define IORACE_FILES_BPF_H

#include "count.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set before load where sums are kept: with spans */
	__type(key, struct ior_file);
	__type(value, struct ior_file_sums);
} ior_files SEC(".maps");

/* Files that found no room: their sums in one. */
struct ior_file_sums ior_other_files;

static __always_inline void file_identity(__u64 inode, struct ior_file *file)
{
	__u64 sb = KPTR(struct inode, inode, i_sb);

	file->ino = KREAD(struct inode, inode, i_ino);
	file->generation = KREAD(struct inode, inode, i_generation);
	file->dev = KREAD(struct super_block, sb, s_dev);
	file->magic = KREAD(struct super_block, sb, s_magic);
	file->subvol = 0;
	if (file->magic == IOR_MAGIC_BTRFS)
		compat_btrfs_identity(inode, file);
}

static const struct ior_file_sums file_sums_fresh = {};

static __always_inline struct ior_file_sums *file_sums_of(const struct ior_file *file)
{
	struct ior_file_sums *sums = bpf_map_lookup_elem(&ior_files, file);

	if (sums)
		return sums;
	bpf_map_update_elem(&ior_files, file, &file_sums_fresh, BPF_NOEXIST);
	sums = bpf_map_lookup_elem(&ior_files, file);
	return sums ? sums : &ior_other_files;
}

static __noinline struct ior_file_sums *file_sums_of_inode(__u64 inode)
{
	struct ior_file file;

	file_identity(inode, &file);
	return file_sums_of(&file);
}

/* An op that is reported opened its window. Global: once for all hooks. */
__noinline int file_count_op(__u64 inode, __u32 kind)
{
	struct ior_file_sums *sums = file_sums_of_inode(inode);

	__sync_fetch_and_add(&sums->ops[kind & (IOR_OP_COUNT_ - 1)], 1);
	return 0;
}

static __always_inline void file_count_conflict(const struct ior_file *file)
{
	if (ior_options.has_spans)
		__sync_fetch_and_add(&file_sums_of(file)->conflicts, 1);
}

static __always_inline void file_count_kept_apart(struct ior_file_sums *sums, __u32 keeper,
						  __s32 pairs)
{
	/* The compiler knows its bounds and would drop the mask, which the verifier wants. */
	__sync_fetch_and_add(&sums->kept_apart[ior_opaque(keeper) & (IOR_KEEPER_ROOM - 1)], pairs);
}

#endif
