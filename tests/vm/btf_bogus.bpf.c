// SPDX-License-Identifier: GPL-2.0
/* What btf-fields must complain about, and a little that it must not; see test_btf_fields.sh. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct file___flavour {
	struct inode *f_inode;
};

struct inode___bogus {
	int no_such_field;
};

struct super_block___kind {
	struct inode *s_magic; /* a number, in truth */
};

struct no_such_type {
	int field;
};

#pragma clang attribute pop

__u64 sum;

SEC("raw_tp/sys_enter")
int read_all(struct bpf_raw_tracepoint_args *ctx)
{
	const void *at = (const void *)ctx->args[0];

	sum += (__u64)BPF_CORE_READ((struct file___flavour *)at, f_inode);
	sum += BPF_CORE_READ((struct inode *)at, i_rwsem.owner.counter);
	sum += BPF_CORE_READ((struct inode___bogus *)at, no_such_field);
	sum += (__u64)BPF_CORE_READ((struct super_block___kind *)at, s_magic);
	sum += BPF_CORE_READ((struct no_such_type *)at, field);
	return 0;
}
