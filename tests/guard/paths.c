// SPDX-License-Identifier: GPL-2.0
/*
 * paths OBJECT: what one direct IO executes in the programs of the `tp` flavour, hook by hook (see
 * machine.h), one "what.hook.figure count" a line. The same on every machine, busy or not.
 */
#include "guard/machine.h"
#include "guard/programs.h"

#include "base/cleanup.h"
#include "base/macro.h"

#include <iorace/records.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define OBJECT_BYTES 16384
#define FILE_BYTES (1ULL << 30)

/* Always here: slots and lines are found by hashes of addresses. */
#define OBJECTS_AT ((void *)0x200000000000)

/* The kernel objects of one IO, each in a room of its own. */
enum object {
	OBJ_KIOCB,
	OBJ_OTHER_KIOCB,
	OBJ_ITER,
	OBJ_FILE,
	OBJ_INODE,
	OBJ_SB,
	OBJ_TASK,
	OBJ_CSS_SET,
	OBJ_CGROUP,
	OBJ_KERNFS,
	OBJ_BIO,
	OBJ_DIO,
	OBJ_COUNT_
};

struct world {
	struct machine machine;
	struct bpf_object *obj;
	struct btf *btf;
	const char *begins, *completes; /* programs */
	struct reason why;
};

/* ---- kernel objects, where the BTF of this kernel has their fields --------------------------- */

static uint64_t object_at(struct world *w, enum object which)
{
	return (uintptr_t)w->machine.kernel + (size_t)which * OBJECT_BYTES;
}

static int member_offset(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++) {
		const struct btf_type *inner;
		int offset = btf_member_bit_offset(t, i) / 8, r;

		if (!strcmp(btf__name_by_offset(btf, m[i].name_off), name))
			return offset;
		if (m[i].name_off)
			continue;
		inner = btf__type_by_id(btf, btf__resolve_type(btf, m[i].type));
		r = btf_is_composite(inner) ? member_offset(btf, inner, name) : -ENOENT;
		if (r >= 0)
			return offset + r;
	}
	return -ENOENT;
}

static void *field(struct world *w, enum object which, const char *type, const char *name)
{
	int id = btf__find_by_name_kind(w->btf, type, BTF_KIND_STRUCT);
	int offset = id < 0 ? id : member_offset(w->btf, btf__type_by_id(w->btf, id), name);

	if (offset < 0 || offset + sizeof(uint64_t) > OBJECT_BYTES) {
		fprintf(stderr, "paths: no %s.%s in the BTF of this kernel\n", type, name);
		exit(3);
	}
	return (char *)(uintptr_t)object_at(w, which) + offset;
}

static void set64(void *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void set32(void *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void make_task(struct world *w)
{
	w->machine.task = object_at(w, OBJ_TASK);
	set32(field(w, OBJ_TASK, "task_struct", "pid"), 77);
	set32(field(w, OBJ_TASK, "task_struct", "tgid"), 76);
	memcpy(field(w, OBJ_TASK, "task_struct", "comm"), "guard\0\0\0\0\0\0\0\0\0\0", 16);
	set64(field(w, OBJ_TASK, "task_struct", "cgroups"), object_at(w, OBJ_CSS_SET));
	set64(field(w, OBJ_CSS_SET, "css_set", "dfl_cgrp"), object_at(w, OBJ_CGROUP));
	set64(field(w, OBJ_CGROUP, "cgroup", "kn"), object_at(w, OBJ_KERNFS));
}

static void make_file(struct world *w)
{
	uint16_t mode = 0100600;

	set64(field(w, OBJ_FILE, "file", "f_inode"), object_at(w, OBJ_INODE));
	set64(field(w, OBJ_INODE, "inode", "i_sb"), object_at(w, OBJ_SB));
	set64(field(w, OBJ_INODE, "inode", "i_size"), FILE_BYTES);
	set64(field(w, OBJ_INODE, "inode", "i_rwsem"), 0x100); /* one reader */
	memcpy(field(w, OBJ_INODE, "inode", "i_mode"), &mode, sizeof(mode));
	set64(field(w, OBJ_SB, "super_block", "s_magic"), IOR_MAGIC_XFS);
	set32(field(w, OBJ_SB, "super_block", "s_dev"), GUARD_DEV);
}

#define IOCB_NOWAIT 8

static void make_kiocb(struct world *w, enum object kiocb, uint64_t pos, bool async)
{
	set64(field(w, kiocb, "kiocb", "ki_filp"), object_at(w, OBJ_FILE));
	set64(field(w, kiocb, "kiocb", "ki_pos"), pos);
	set64(field(w, kiocb, "kiocb", "ki_complete"), async);
}

static void make_io(struct world *w, enum object kiocb, uint64_t len, bool write)
{
	uint8_t source = write;

	set64(field(w, OBJ_ITER, "iov_iter", "count"), len);
	memcpy(field(w, OBJ_ITER, "iov_iter", "data_source"), &source, sizeof(source));
	set64(field(w, OBJ_DIO, "iomap_dio", "iocb"), object_at(w, kiocb));
	set32(field(w, OBJ_DIO, "iomap_dio", "ref"), 1);
	set64(field(w, OBJ_BIO, "bio", "bi_end_io"), symbol_address("iomap_dio_bio_end_io"));
	set64(field(w, OBJ_BIO, "bio", "bi_private"), object_at(w, OBJ_DIO));
	set32(field(w, OBJ_BIO, "bio", "__bi_remaining"), 1);
}

/* ---- the programs and their maps ------------------------------------------------------------- */

static bool is_on_the_path(const char *name, const void *arg)
{
	static const char *const programs[] = {"dio_begin_tp",		"dio_submit_tp",
					       "bio_complete_tp",	"dio_complete_tp",
					       "dio_begin_tp_filtered", "dio_complete_tp_filtered",
					       "dio_begin_tp_plain",	"dio_complete_tp_plain"};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		if (!strcmp(programs[i], name))
			return true;
	}
	return false;
}

static bool is_array(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY ||
	       bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static int copy_map(struct machine_map *m, struct bpf_map *map)
{
	size_t bytes, size;

	m->fd = bpf_map__fd(map);
	m->value_size = (bpf_map__value_size(map) + 7) & ~7U;
	m->max_entries = bpf_map__max_entries(map);
	snprintf(m->name, sizeof(m->name), "%s", bpf_map__name(map));
	if (!is_array(map))
		return 0;
	bytes = ((size_t)m->value_size * m->max_entries + 4095) & ~4095UL;
	m->values = aligned_alloc(4096, bytes);
	if (!m->values)
		return -ENOMEM;
	memset(m->values, 0, bytes);
	if (strchr(m->name, '.') && bpf_map__initial_value(map, &size)) /* variables */
		memcpy(m->values, bpf_map__initial_value(map, &size), bpf_map__value_size(map));
	return 0;
}

static int copy_maps(struct world *w)
{
	struct bpf_map *map;
	int r = 0;

	bpf_object__for_each_map(map, w->obj)
	{
		if (w->machine.maps_len == MACHINE_MAPS_MAX)
			return -E2BIG;
		if (!r)
			r = copy_map(&w->machine.maps[w->machine.maps_len++], map);
	}
	return r;
}

/* ---- ops ------------------------------------------------------------------------------------- */

typedef uint64_t hook_args[4] __attribute__((aligned(64))); /* always one cache line */

/* Without a label: not told. */
static int run_hook(struct world *w, const char *label, const char *hook, const uint64_t *args)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(w->obj, hook);
	const struct machine_counts *n = &w->machine.counts;
	int r = machine_run(&w->machine, bpf_program__insns(prog), bpf_program__insn_cnt(prog),
			    (uintptr_t)args, &w->why);

	if (r < 0 || !label)
		return r;
	printf("%s.%s.insns %u\n", label, hook, n->insns);
	printf("%s.%s.helper_calls %u\n", label, hook, n->calls);
	printf("%s.%s.map_lookups %u\n", label, hook, n->lookups);
	printf("%s.%s.atomics %u\n", label, hook, n->atomics);
	printf("%s.%s.field_reads %u\n", label, hook, n->field_reads);
	printf("%s.%s.cache_lines %u\n", label, hook, n->lines);
	printf("%s.%s.table_lines %u\n", label, hook, n->table_lines);
	return 0;
}

static int begin(struct world *w, const char *label, enum object kiocb)
{
	const hook_args args = {object_at(w, kiocb), object_at(w, OBJ_ITER), 0, 0};

	return run_hook(w, label, w->begins, args);
}

/* Hooks of the block layer between begin and completion. */
enum between {
	BETWEEN_NOTHING,
	BETWEEN_SUBMIT,
	BETWEEN_BIOS
};

static int end(struct world *w, const char *label, enum object kiocb, enum between between)
{
	const hook_args bio = {object_at(w, OBJ_BIO), object_at(w, OBJ_BIO), 0, 0};
	const hook_args complete = {object_at(w, kiocb), 0, 4096, 0};
	int r = 0;

	if (between != BETWEEN_NOTHING)
		r = run_hook(w, label, "dio_submit_tp", bio);
	if (!r && between == BETWEEN_BIOS)
		r = run_hook(w, label, "bio_complete_tp", bio);
	return r ? r : run_hook(w, label, w->completes, complete);
}

static int run_op(struct world *w, const char *label, bool write, bool async, enum between between)
{
	int r;

	make_kiocb(w, OBJ_KIOCB, 1 << 20, async);
	make_io(w, OBJ_KIOCB, 4096, write);
	r = begin(w, label, OBJ_KIOCB);
	return r ? r : end(w, label, OBJ_KIOCB, between);
}

/* The first op of a file notes its place (bpf/places.bpf.h), and is not what counts. */
static int run_second_op(struct world *w, const char *label, enum between between)
{
	int r = run_op(w, NULL, true, false, between);

	return r ? r : run_op(w, label, true, false, between);
}

/* Over several chunks of 64 KiB. */
static int run_large(struct world *w, const char *label, uint64_t pos, uint64_t len)
{
	int r;

	make_kiocb(w, OBJ_KIOCB, pos, false);
	make_io(w, OBJ_KIOCB, len, true);
	r = begin(w, label, OBJ_KIOCB);
	return r ? r : end(w, label, OBJ_KIOCB, BETWEEN_NOTHING);
}

/*
 * io_uring tries without waiting first: the window opens at the first bio. The first such op of all
 * goes another way, and is not what counts.
 */
static int run_uring(struct world *w, const char *label)
{
	int r = 0;

	make_kiocb(w, OBJ_KIOCB, 1 << 20, true);
	set32(field(w, OBJ_KIOCB, "kiocb", "ki_flags"), IOCB_NOWAIT);
	make_io(w, OBJ_KIOCB, 4096, true);
	for (int i = 0; !r && i < 2; i++) {
		r = begin(w, i ? label : NULL, OBJ_KIOCB);
		if (!r)
			r = end(w, i ? label : NULL, OBJ_KIOCB, BETWEEN_SUBMIT);
	}
	set32(field(w, OBJ_KIOCB, "kiocb", "ki_flags"), 0);
	return r;
}

/* The second of two writes of the same bytes. There is no hash map: its finding finds no room. */
static int run_conflict(struct world *w, const char *label)
{
	int r;

	make_kiocb(w, OBJ_KIOCB, 1 << 20, true);
	make_kiocb(w, OBJ_OTHER_KIOCB, 1 << 20, true);
	make_io(w, OBJ_KIOCB, 4096, true);
	r = begin(w, NULL, OBJ_KIOCB);
	return r ? r : begin(w, label, OBJ_OTHER_KIOCB);
}

static void name_programs(struct world *w, enum programs_as as)
{
	bool filters = as == AS_FILTERED || as == AS_WANTED;

	w->begins = filters	     ? "dio_begin_tp_filtered"
		    : as == AS_CHECK ? "dio_begin_tp"
				     : "dio_begin_tp_plain";
	w->completes = filters		? "dio_complete_tp_filtered"
		       : as == AS_CHECK ? "dio_complete_tp"
					: "dio_complete_tp_plain";
}

/* These ask for every option: what is plain for others goes another way here. */
static int run_ops_of_check(struct world *w)
{
	int r = run_second_op(w, "check", BETWEEN_BIOS);

	if (!r)
		r = run_large(w, "check_two_chunks", (1 << 20) + 40960, 61440);
	if (!r)
		r = run_uring(w, "check_uring");
	return r ? r : run_conflict(w, "check_conflict");
}

static int run_ops(struct world *w, enum programs_as as)
{
	int r;

	name_programs(w, as);
	make_task(w);
	make_file(w);
	if (as == AS_FILTERED)
		return run_second_op(w, "filtered", BETWEEN_NOTHING);
	if (as == AS_WANTED)
		return run_second_op(w, "wanted", BETWEEN_NOTHING);
	if (as == AS_CHECK)
		return run_ops_of_check(w);
	r = run_second_op(w, "write", BETWEEN_NOTHING);
	if (!r)
		r = run_op(w, "read", false, false, BETWEEN_NOTHING);
	if (!r)
		r = run_op(w, "async", true, true, BETWEEN_NOTHING);
	if (!r)
		r = run_large(w, "two_chunks", (1 << 20) + 40960, 61440);
	if (!r)
		r = run_large(w, "1mib", 1 << 20, 1 << 20);
	if (!r)
		r = run_large(w, "4mib", 1 << 20, 4 << 20);
	if (!r)
		r = run_uring(w, "uring");
	return r ? r : run_conflict(w, "conflict");
}

static int run_world(struct world *w, const char *path, enum programs_as as)
{
	int r;

	w->btf = btf__load_vmlinux_btf();
	w->machine.kernel_size = (size_t)OBJ_COUNT_ * OBJECT_BYTES;
	w->machine.kernel = mmap(OBJECTS_AT, w->machine.kernel_size, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (!w->btf || w->machine.kernel == MAP_FAILED)
		return reason_fail(&w->why, -errno, "no BTF of this kernel, or no memory");
	w->obj = programs_load(path, as, is_on_the_path, NULL, &r, &w->why);
	if (!w->obj)
		return r;
	r = copy_maps(w);
	return r < 0 ? r : run_ops(w, as);
}

int main(int argc, char **argv)
{
	static struct world worlds[AS_WANTED + 1]; /* large; the process ends right after */
	int r = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: paths OBJECT\n");
		return 2;
	}
	for (enum programs_as as = AS_WATCH; !r && as <= AS_WANTED; as++) {
		r = run_world(&worlds[as], argv[1], as);
		if (r < 0)
			fprintf(stderr, "paths: %s\n",
				worlds[as].why.text[0] ? worlds[as].why.text : strerror(-r));
	}
	return r == -EPERM || r == -EACCES ? 77 : r ? 3 : 0;
}
