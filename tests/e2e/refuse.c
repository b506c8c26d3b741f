// SPDX-License-Identifier: GPL-2.0
/*
 * To be preloaded: the kernel refuses the first $REFUSE BPF objects, as a verifier does that has
 * less room for frames than this one; or, with $REFUSE_TYPED, every program that trusts the
 * arguments of a tracepoint, as a policy may.
 */
#include <bpf/bpf.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

struct bpf_object_skeleton;

int bpf_prog_load(enum bpf_prog_type type, const char *name, const char *license,
		  const struct bpf_insn *insns, size_t insns_len,
		  const struct bpf_prog_load_opts *opts)
{
	int (*load)(enum bpf_prog_type, const char *, const char *, const struct bpf_insn *, size_t,
		    const struct bpf_prog_load_opts *) = NULL;

	if (getenv("REFUSE_TYPED") && type == BPF_PROG_TYPE_TRACING && opts &&
	    opts->expected_attach_type == BPF_TRACE_RAW_TP) {
		errno = EPERM;
		return -EPERM;
	}
	*(void **)&load = dlsym(RTLD_NEXT, "bpf_prog_load");
	return load ? load(type, name, license, insns, insns_len, opts) : -ENOSYS;
}

int bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton);

int bpf_object__load_skeleton(struct bpf_object_skeleton *skeleton)
{
	static int refused;
	const char *wanted = getenv("REFUSE");
	int (*load)(struct bpf_object_skeleton *) = NULL;

	if (wanted && refused < atoi(wanted)) {
		refused++;
		errno = EACCES;
		return -EACCES;
	}
	*(void **)&load = dlsym(RTLD_NEXT, "bpf_object__load_skeleton");
	return load ? load(skeleton) : -ENOSYS;
}
