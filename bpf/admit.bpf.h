/* SPDX-License-Identifier: GPL-2.0 */
/* Which ops are tracked at all, and what is counted of those that are not. */
#ifndef IORACE_ADMIT_BPF_H
#define IORACE_ADMIT_BPF_H

#include "count.bpf.h"
#include "files.bpf.h"
#include "fill.bpf.h"
#include "older.bpf.h"

static __always_inline bool inode_is_file(struct inode *inode)
{
	return (KFIELD(inode, i_mode) & S_IFMT) == S_IFREG;
}

/* Its file system, -1: not a file. Those that we know have direct IO for files only. */
static __always_inline int inode_fs(struct inode *inode, enum ior_mode mode)
{
	enum ior_fs fs = ior_fs_of_magic(compat_magic(inode));

	if ((mode != IOR_MODE_DIRECT || fs == IOR_FS_OTHER) && !inode_is_file(inode))
		return -1;
	return fs;
}

/* The same, and -1 as well where the file filters do not want it. */
static __always_inline int file_fs(struct inode *inode, __u64 file, enum ior_mode mode)
{
	return file_is_wanted(inode, file) ? inode_fs(inode, mode) : -1;
}

static __always_inline bool mode_is_covered(enum ior_mode mode, int fs)
{
	return ior_options.covered_fs[mode & (IOR_MODE_COUNT_ - 1)] & (1U << fs);
}

/* An op the plan cannot see whole: a loss if it is one of those that are reported. */
static __noinline int op_uncovered(__u8 fs)
{
	struct ior_op op = {};

	if (!(fill_task(&op, compat_current(), true) & IOR_OPF_SELECTED))
		return 0;
	fs_count(fs);
	return loss_count(IOR_LOSS_UNCOVERED);
}

static __always_inline int op_admit_fs(int fs, enum ior_mode mode)
{
	if (fs < 0) {
		stat_count(IOR_STAT_FILTERED);
		return -1;
	}
	if (!mode_is_covered(mode, fs)) {
		op_uncovered(fs);
		return -1;
	}
	return fs;
}

static __always_inline int op_admit_wanted(struct inode *inode, enum ior_mode mode)
{
	return ior_state.armed ? op_admit_fs(inode_fs(inode, mode), mode) : -1;
}

static __always_inline int op_admit(struct inode *inode, __u64 file, enum ior_mode mode)
{
	return ior_state.armed ? op_admit_fs(file_fs(inode, file, mode), mode) : -1;
}

static __always_inline bool op_is_wanted(struct kiocb *kiocb)
{
	if (kiocb_is_wanted(kiocb))
		return true;
	stat_count(IOR_STAT_FILTERED);
	return false;
}

static __always_inline bool fs_is_covered(int fs)
{
	__u32 covered = 0;

	for (int mode = 0; mode < IOR_MODE_COUNT_; mode++)
		covered |= ior_options.covered_fs[mode];
	return covered & (1U << fs);
}

/*
 * Of an op whose begin would have been seen, had it been there to see. Whose begin was turned away
 * ends unbegun as well, and his inode may share its bit with one that is selected.
 */
static __noinline int op_ended_unbegun(__u64 inode)
{
	int fs;

	if (!bit_test(ior_selected, inode) || bit_test(ior_confessed, inode))
		return 0;
	fs = file_fs(KOBJECT(struct inode, inode), 0, IOR_MODE_DIRECT);
	return fs >= 0 && fs_is_covered(fs) ? loss_count(IOR_LOSS_BEFORE_ATTACH) : 0;
}

static __always_inline void op_count(const struct op_run *run, __u64 inode, __u8 kind, __u16 flags,
				     __u8 fs)
{
	if (!(flags & IOR_OPF_SELECTED)) {
		run->cpu->stats[IOR_STAT_OTHERS]++;
		return;
	}
	cpu_count_op(run->cpu, fs, kind);
	if (ior_options.has_spans)
		file_count_op(inode, kind);
}

#endif
