// SPDX-License-Identifier: GPL-2.0
/*
 * verifier OBJECT [PREFIX]: how many instructions this kernel's verifier processes for each program
 * (whose name begins so), one "name count" a line. Each is loaded alone, with all that can be asked
 * of it, and before that as `watch` and `check` mostly do: what is asked of it leaves other code
 * dead, and with it what that takes of the stack.
 * One that the verifier refuses says "refused"; one that has nothing to attach to here, or that a
 * policy forbids, nothing.
 */
#include "guard/programs.h"

#include "base/macro.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_named(const char *name, const void *arg)
{
	return !strcmp(name, arg);
}

static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

/* The verifier's own errors; others come before it. */
static bool is_refusal(int error)
{
	return error == -EINVAL || error == -EACCES || error == -E2BIG;
}

static bool is_hot(const char *name)
{
	return !strncmp(name, "dio_", strlen("dio_"));
}

/* 1: told. */
static int show(const char *path, const char *name)
{
	static const struct {
		enum programs_as as;
		bool hot; /* there is something of its own on the hot path only */
	} ways[] = {
		{AS_WATCH, false}, {AS_FILTERED, true}, {AS_INODE, true},
		{AS_BTRFS, true},  {AS_COMMAND, false}, {AS_ALL, false}, /* the last is told */
	};
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct bpf_object *obj = NULL;
	struct reason why;
	int r, fd;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].hot && !is_hot(name))
			continue;
		bpf_object__close(obj);
		obj = programs_load(path, ways[i].as, is_named, name, &r, &why);
		if (!obj)
			break;
	}
	if (!obj) {
		if (is_refusal(r))
			printf("%s refused\n", name);
		return is_refusal(r);
	}
	fd = bpf_program__fd(bpf_object__find_program_by_name(obj, name));
	r = !bpf_obj_get_info_by_fd(fd, &info, &len);
	if (r)
		printf("%s %u\n", name, info.verified_insns);
	bpf_object__close(obj);
	return r;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj =
		argc == 2 || argc == 3 ? bpf_object__open_file(argv[1], NULL) : NULL;
	const char *prefix = argc == 3 ? argv[2] : "";
	struct bpf_program *prog;
	int told = 0;

	if (!obj) {
		fprintf(stderr, "usage: verifier OBJECT [PREFIX]\n");
		return 2;
	}
	libbpf_set_print(say_nothing);
	bpf_object__for_each_program(prog, obj)
	{
		const char *name = bpf_program__name(prog);

		if (!strncmp(name, prefix, strlen(prefix)))
			told += show(argv[1], name);
	}
	bpf_object__close(obj);
	if (!told)
		fprintf(stderr, "verifier: this kernel takes none of the programs\n");
	return told ? 0 : 77;
}
