/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is remembered of inodes, a bit each. First of all: is direct IO under way there that is
 * older than we are?
 */
#ifndef IORACE_OLDER_BPF_H
#define IORACE_OLDER_BPF_H

#include "bits.bpf.h"
#include "count.bpf.h"
#include "verbs.bpf.h"

/*
 * Direct IO that began before we were armed and that a selected op may meet unseen. Bit arrays by a
 * hash of the inode, needed only until what is older has drained:
 *
 *	seen       had any op since arming
 *	older      i_dio_count was not zero when its first op came, so something older was in flight
 *	selected   had an op that is reported
 *	confessed  the loss was counted
 */
__u64 ior_seen[INODE_WORDS];
__u64 ior_older[INODE_WORDS];
__u64 ior_selected[INODE_WORDS];
__u64 ior_confessed[INODE_WORDS];

/* Inodes that had a conflict: ops on them record their stacks, for the next report to show both. */
__u64 ior_escalated[INODE_WORDS];

/* Those that had a pair or a wait: their path was told. */
__u64 ior_told[INODE_WORDS];

static __always_inline bool dio_is_under_way(__u64 inode)
{
	return KREAD(struct inode, inode, i_dio_count.counter) > 0;
}

/* What outlives us never ends here, so it is confessed now. */
static __noinline int inode_touch_slow(__u64 inode, bool selected)
{
	bool busy = dio_is_under_way(inode);

	if (!bit_set(ior_seen, inode) && busy)
		bit_set(ior_older, inode);
	if (!selected)
		return 0;
	bit_set(ior_selected, inode);
	if (busy && bit_test(ior_older, inode) && !bit_set(ior_confessed, inode))
		return loss_count(IOR_LOSS_BEFORE_ATTACH);
	return 0;
}

/*
 * At each begin while draining. Mostly all is known of the inode; its count of direct IO, which
 * every CPU that works on the file writes, is left alone then.
 */
static __always_inline int inode_touch(__u64 inode, bool selected, bool direct)
{
	if (!direct)
		return selected && bit_set(ior_selected, inode);
	if (bit_test(ior_seen, inode) && !bit_test(ior_older, inode) &&
	    (!selected || bit_test(ior_selected, inode)))
		return 0;
	return inode_touch_slow(inode, selected);
}

/* Its end will look like that of an op begun before attach: not to be counted as that, too. */
static __noinline int op_without_room(__u64 inode)
{
	if (ior_state.draining)
		bit_set(ior_confessed, inode);
	return loss_count(IOR_LOSS_UNTRACKED);
}

#endif
