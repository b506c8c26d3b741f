// SPDX-License-Identifier: GPL-2.0
#include "guard/programs.h"

#include "base/cleanup.h"

#include <iorace/records.h>
#include <iorace/slot.h>

#include "iorace.skel.h" /* for where the variables lie; the bytes come from a file */

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

unsigned long long symbol_address(const char *symbol)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char line[256], name[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %*c %127s", &address, name) == 2 && !strcmp(name, symbol))
			return address;
	}
	return 0;
}

/* Filters that one op can pass, or the verifier would see that none does and stop there. */
static void filter_by_all(struct ior_options *o)
{
	o->has_spans = o->want_stacks = 1;
	o->has_range_lock = o->locks_inside = 1;
	o->inodes_count = o->paths_count = o->magics_count = o->pids_count = 1;
	o->inodes[0] = o->paths[0] = (struct ior_inode_id){.ino = 5, .dev = o->devs[0]};
	o->magics[0] = IOR_MAGIC_XFS;
	o->tree_pid = o->want_cgroup = 1;
	o->comm[0] = 'a';
	o->filters_tasks = 1;
}

static void check_a_command(struct ior_options *o)
{
	o->has_spans = o->reads_locks = o->has_range_lock = 1;
	o->opens_at_submit = 1U << IOR_FS_BTRFS;
	o->filters_tasks = o->want_cgroup = 1;
}

static void set_options(struct ior_options *o, enum programs_as as)
{
	o->line_mask = GUARD_LINES - 1;
	o->slot_mask = GUARD_SLOTS - 1;
	o->packed_mask = IOR_PACKED_LINES - 1;
	o->wide_mask = GUARD_LINES - 1;
	o->kind_ww = o->kind_rw = 1;
	o->stale_ns = 60000000000ULL;
	o->max_records = UINT64_MAX;
	o->sees_submit = 1;
	o->modes = ~0U;
	o->dio_bio_end_io = symbol_address("iomap_dio_bio_end_io");
	for (int i = 0; i < IOR_MODE_COUNT_; i++)
		o->covered_fs[i] = ~0U;
	o->exact_times = as == AS_CHECK || as == AS_COMMAND;
	o->closes_late = as != AS_CHECK && as != AS_COMMAND && as != AS_ALL;
	o->devs_count = as == AS_FILTERED || as == AS_WANTED || as == AS_ALL;
	o->inodes_count = as == AS_INODE;
	o->filters_files = o->devs_count || o->inodes_count;
	o->opens_at_submit = as == AS_BTRFS ? 1U << IOR_FS_BTRFS : 0;
	o->devs[0] = as == AS_WANTED ? GUARD_DEV : 9 << 20;
	if (as == AS_COMMAND)
		check_a_command(o);
	if (as == AS_ALL)
		filter_by_all(o);
	o->only = ior_options_only(o);
	o->no_extras = ior_options_have_no_extras(o);
}

static const struct {
	const char *map;
	unsigned int entries;
} sizes[] = {
	{"ior_lines", GUARD_LINES},
	{"ior_wide", GUARD_LINES},
	{"ior_slots", GUARD_SLOTS},
	{"ior_races", GUARD_SLOTS},
	{"ior_spans", GUARD_SLOTS},
	{"ior_ring", 1 << 16},
	{"ior_range_lock_spans", GUARD_SLOTS},
	{"ior_range_lock_entries", GUARD_LINES},
};

/* The memory a section of variables starts with, or NULL. */
static void *variables(struct bpf_object *obj, const char *section)
{
	struct bpf_map *map;
	size_t size;

	bpf_object__for_each_map(map, obj)
	{
		const char *name = bpf_map__name(map);

		if (strlen(name) >= strlen(section) &&
		    !strcmp(name + strlen(name) - strlen(section), section))
			return (void *)bpf_map__initial_value(map, &size);
	}
	return NULL;
}

/* The function that these are for is the user's to name; here any will do. */
static int aim_range_lock(struct bpf_object *obj)
{
	struct bpf_program *prog;
	int r = 0;

	bpf_object__for_each_program(prog, obj)
	{
		if (bpf_program__autoload(prog) &&
		    bpf_program__type(prog) == BPF_PROG_TYPE_TRACING &&
		    !strncmp(bpf_program__name(prog), "range_lock_", strlen("range_lock_")))
			r |= bpf_program__set_attach_target(prog, 0, "vfs_fsync_range");
	}
	return r ? -ENOENT : 0;
}

static int set_up(struct bpf_object *obj, enum programs_as as, wants_program wanted,
		  const void *arg)
{
	struct iorace_bpf__rodata *rodata = variables(obj, ".rodata");
	struct iorace_bpf__data_state *state = variables(obj, ".data.state");
	struct bpf_program *prog;
	int r = 0;

	if (!rodata || !state)
		return -ENOENT;
	set_options((struct ior_options *)&rodata->ior_options, as);
	state->ior_state.armed = 1;
	state->ior_state.submit_is_seen = 1;
	bpf_object__for_each_program(prog, obj)
		bpf_program__set_autoload(prog, wanted(bpf_program__name(prog), arg));
	r = aim_range_lock(obj);
	for (size_t i = 0; !r && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		r = bpf_map__set_max_entries(bpf_object__find_map_by_name(obj, sizes[i].map),
					     sizes[i].entries);
	return r;
}

struct bpf_object *programs_load(const char *path, enum programs_as as, wants_program wanted,
				 const void *arg, int *error, struct reason *why)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	if (!obj) {
		*error = reason_fail(why, -errno, "%s: %s", path, strerror(errno));
		return NULL;
	}
	*error = set_up(obj, as, wanted, arg);
	if (!*error)
		*error = bpf_object__load(obj);
	if (!*error)
		return obj;
	reason_fail(why, *error, "%s: the kernel refused it: %s", path, strerror(-*error));
	bpf_object__close(obj);
	return NULL;
}
