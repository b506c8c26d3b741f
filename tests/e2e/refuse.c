// SPDX-License-Identifier: GPL-2.0
/*
 * To be preloaded: the kernel refuses the first $REFUSE BPF objects, as a verifier does that has
 * less room for frames than this one.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

struct bpf_object_skeleton;

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
