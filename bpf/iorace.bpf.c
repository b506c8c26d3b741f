// SPDX-License-Identifier: GPL-2.0
/*
 * The one translation unit of the kernel side. Not linked from four objects: the linker of libbpf
 * 1.1 cannot merge a weak kfunc that several of them use ("failed to resolve size of underlying
 * type"), and as one unit the common path of an op inlines into its hook.
 */
#include "op.bpf.c"

#include "hooks_fentry.bpf.c"
#include "hooks_kprobe.bpf.c"
#include "hooks_range_lock.bpf.c"
#include "hooks_tp.bpf.c"

char LICENSE[] SEC("license") = "GPL";
