// SPDX-License-Identifier: GPL-2.0
/*
 * Does a kernel have what the programs read? Every type and field that the BPF object wants to have
 * relocated (CO-RE) is looked up in the BTF of the kernel and, where that lacks the type, of its
 * modules. libbpf does the same at load, but a field whose absence is asked for, or that only a
 * dead branch reads, is missed in silence there: here every miss must be declared.
 *
 * Usage: btf-fields OBJECT TABLE [VMLINUX [MODULE...]]
 *
 * TABLE: lines `NAME INSTEAD REASON`. NAME, and what is below it, may be missing, if INSTEAD is "-"
 * or is there. Without VMLINUX: the running kernel and all its modules.
 *
 * Exit: 0 all there or declared, 1 a miss that is not, or a declaration of what nobody reads,
 * 2 cannot tell.
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYS_BTF "/sys/kernel/btf"
#define MODULES_MAX 512
#define WANTS_MAX 1024
#define DECLARED_MAX 64
#define NAME_BYTES 160

enum {
	CANNOT_TELL = 2
};

/* One thing the programs want: a type, or a field some steps below a type. */
struct want {
	char name[NAME_BYTES]; /* "file.f_path.mnt", flavours as the programs spell them */
	const char *access;    /* "0:1:2" */
	__u32 type;	       /* in the object */
	bool is_field;
	const char *found_in; /* NULL: nowhere */
};

struct declared {
	char name[NAME_BYTES];
	char instead[NAME_BYTES];
	char reason[NAME_BYTES];
};

struct kernel {
	struct btf *btfs[MODULES_MAX]; /* vmlinux first */
	char names[MODULES_MAX][64];
	int count;
};

static struct want wants[WANTS_MAX];
static int wants_count;
static struct declared declared[DECLARED_MAX];
static int declared_count;

static void die(const char *what, const char *which)
{
	fprintf(stderr, "btf-fields: %s: %s\n", which, what);
	exit(CANNOT_TELL);
}

/* ---- types ----------------------------------------------------------------------------------- */

static const struct btf_type *real_type(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_mod(t) || btf_is_typedef(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static const char *name_at(const struct btf *btf, __u32 offset)
{
	return btf__name_by_offset(btf, offset);
}

/* "rw_semaphore" of "rw_semaphore___rt". */
static size_t essential_len(const char *name)
{
	const char *flavour = strstr(name, "___");

	return flavour && flavour != name ? (size_t)(flavour - name) : strlen(name);
}

static bool same_name(const char *wanted, const char *theirs)
{
	size_t len = essential_len(wanted);

	return strlen(theirs) == len && !strncmp(wanted, theirs, len);
}

/* As libbpf has it, bpf_core_fields_are_compat(): widths are adapted, kinds are not. */
static bool may_stand_for(const struct btf *ours, const struct btf_type *wanted,
			  const struct btf *theirs, const struct btf_type *found)
{
	if (btf_is_composite(wanted) && btf_is_composite(found))
		return true;
	if (btf_is_any_enum(wanted) && btf_is_any_enum(found))
		return true;
	if (btf_kind(wanted) != btf_kind(found))
		return false;
	if (!btf_is_array(wanted))
		return true;
	return may_stand_for(ours, real_type(ours, btf_array(wanted)->type), theirs,
			     real_type(theirs, btf_array(found)->type));
}

/* The type of a member, looked for in unnamed structs and unions too. */
static const struct btf_type *member_type(const struct btf *btf, const struct btf_type *t,
					  const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *theirs = name_at(btf, m->name_off);
		const struct btf_type *type = real_type(btf, m->type), *inner = NULL;

		if (!strcmp(theirs, name))
			return type;
		if (!*theirs && btf_is_composite(type))
			inner = member_type(btf, type, name);
		if (inner)
			return inner;
	}
	return NULL;
}

/* ---- looking one want up --------------------------------------------------------------------- */

/* Both walk down the same steps: `ours` by number, `theirs` by name. */
static bool has_field(const struct btf *ours, const struct want *w, const struct btf *theirs,
		      const struct btf_type *found)
{
	const struct btf_type *wanted = real_type(ours, w->type);
	const char *step = strchr(w->access, ':');

	for (; step && found; step = strchr(step + 1, ':')) {
		__u32 at = strtoul(step + 1, NULL, 10);
		const struct btf_member *m;

		if (btf_is_array(wanted)) {
			wanted = real_type(ours, btf_array(wanted)->type);
			found = real_type(theirs, btf_array(found)->type);
			continue;
		}
		m = &btf_members(wanted)[at];
		wanted = real_type(ours, m->type);
		if (!btf_is_composite(found))
			return false;
		if (*name_at(ours, m->name_off))
			found = member_type(theirs, found, name_at(ours, m->name_off));
		if (found && !may_stand_for(ours, wanted, theirs, found))
			return false;
	}
	return found;
}

static bool is_in(const struct btf *ours, const struct want *w, const struct btf *theirs,
		  __u32 from)
{
	const struct btf_type *root = btf__type_by_id(ours, w->type);
	const char *name = name_at(ours, root->name_off);

	for (__u32 id = from; id < btf__type_cnt(theirs); id++) {
		const struct btf_type *t = btf__type_by_id(theirs, id);

		if (btf_kind(t) != btf_kind(root) || !same_name(name, name_at(theirs, t->name_off)))
			continue;
		if (!w->is_field || has_field(ours, w, theirs, real_type(theirs, id)))
			return true;
	}
	return false;
}

static void look_up(const struct btf *ours, const struct kernel *kernel, struct want *w)
{
	__u32 vmlinux_types = btf__type_cnt(kernel->btfs[0]);

	for (int i = 0; i < kernel->count && !w->found_in; i++) {
		if (is_in(ours, w, kernel->btfs[i], i ? vmlinux_types : 1))
			w->found_in = kernel->names[i];
	}
}

/* ---- what the object wants ------------------------------------------------------------------- */

static void append(char *name, const char *text)
{
	size_t used = strlen(name);

	snprintf(name + used, NAME_BYTES - used, "%s", text);
}

static void name_want(const struct btf *ours, struct want *w)
{
	const struct btf_type *t = btf__type_by_id(ours, w->type);
	const char *step = strchr(w->access, ':');

	append(w->name, name_at(ours, t->name_off));
	t = real_type(ours, w->type);
	for (; w->is_field && step; step = strchr(step + 1, ':')) {
		const struct btf_member *m;

		if (btf_is_array(t)) {
			t = real_type(ours, btf_array(t)->type);
			continue;
		}
		m = &btf_members(t)[strtoul(step + 1, NULL, 10)];
		if (*name_at(ours, m->name_off)) {
			append(w->name, ".");
			append(w->name, name_at(ours, m->name_off));
		}
		t = real_type(ours, m->type);
	}
}

static void add_want(const struct btf *ours, const struct bpf_core_relo *relo)
{
	struct want w = {.type = relo->type_id, .access = name_at(ours, relo->access_str_off)};

	switch (relo->kind) {
	case BPF_CORE_TYPE_ID_LOCAL:
		return;
	case BPF_CORE_FIELD_BYTE_OFFSET:
	case BPF_CORE_FIELD_BYTE_SIZE:
	case BPF_CORE_FIELD_EXISTS:
	case BPF_CORE_FIELD_SIGNED:
	case BPF_CORE_FIELD_LSHIFT_U64:
	case BPF_CORE_FIELD_RSHIFT_U64:
		w.is_field = true;
		break;
	case BPF_CORE_ENUMVAL_EXISTS:
	case BPF_CORE_ENUMVAL_VALUE:
		die("relocates an enumerator, which this program cannot look up yet", "object");
		break;
	default:
		break;
	}
	name_want(ours, &w);
	for (int i = 0; i < wants_count; i++) {
		if (!strcmp(wants[i].name, w.name))
			return;
	}
	if (wants_count == WANTS_MAX)
		die("wants too much, raise WANTS_MAX", "object");
	wants[wants_count++] = w;
}

/* .BTF.ext: include/uapi/linux/bpf.h has the records, Documentation/bpf/btf.rst the frame. */
struct ext_header {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len, func_info_off, func_info_len, line_info_off, line_info_len;
	__u32 core_relo_off, core_relo_len;
};

struct ext_section {
	__u32 sec_name_off, count;
};

static void read_wants(const struct btf *ours, const struct btf_ext *ext, const char *object)
{
	__u32 size, relo_size;
	const char *bytes = btf_ext__get_raw_data(ext, &size);
	const struct ext_header *header = (const void *)bytes;
	const char *at, *end;

	if (size < sizeof(*header) || header->hdr_len < sizeof(*header) || !header->core_relo_len)
		die("has no CO-RE relocations", object);
	at = bytes + header->hdr_len + header->core_relo_off;
	end = at + header->core_relo_len;
	relo_size = *(const __u32 *)at;
	at += sizeof(relo_size);
	while (at < end) {
		const struct ext_section *section = (const void *)at;

		at += sizeof(*section);
		for (__u32 i = 0; i < section->count; i++, at += relo_size)
			add_want(ours, (const void *)at);
	}
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static void add_btf(struct kernel *kernel, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct btf *base = kernel->count ? kernel->btfs[0] : NULL;
	int i = kernel->count;

	if (i == MODULES_MAX)
		die("too many modules, raise MODULES_MAX", path);
	kernel->btfs[i] = btf__parse_split(path, base);
	if (!kernel->btfs[i])
		die("no BTF that can be read", path);
	snprintf(kernel->names[i], sizeof(kernel->names[i]), "%s", slash ? slash + 1 : path);
	kernel->count++;
}

static void add_running_kernel(struct kernel *kernel)
{
	DIR *dir = opendir(SYS_BTF);
	struct dirent *entry;

	if (!dir)
		die("cannot be read", SYS_BTF);
	add_btf(kernel, SYS_BTF "/vmlinux");
	while ((entry = readdir(dir))) {
		char path[sizeof(SYS_BTF) + sizeof(entry->d_name)];

		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, "vmlinux"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", SYS_BTF, entry->d_name);
		add_btf(kernel, path);
	}
	closedir(dir);
}

/* ---- what may be missing --------------------------------------------------------------------- */

static void read_declared(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (!file)
		die("cannot be read", path);
	while (fgets(line, sizeof(line), file)) {
		struct declared *d = &declared[declared_count];

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (declared_count == DECLARED_MAX)
			die("too many lines, raise DECLARED_MAX", path);
		if (sscanf(line, "%159s %159s %159[^\n]", d->name, d->instead, d->reason) != 3)
			die("a line is not `NAME INSTEAD REASON`", path);
		declared_count++;
	}
	fclose(file);
}

static bool is_at_or_below(const char *name, const char *top)
{
	size_t len = strlen(top);

	return !strncmp(name, top, len) && (name[len] == '\0' || name[len] == '.');
}

static bool is_there(const char *name)
{
	bool any = false;

	for (int i = 0; i < wants_count; i++) {
		if (!is_at_or_below(wants[i].name, name))
			continue;
		if (!wants[i].found_in)
			return false;
		any = true;
	}
	return any;
}

/* Why a miss is no failure; NULL: it is one. */
static const char *excuse(const struct want *w)
{
	for (int i = 0; i < declared_count; i++) {
		const struct declared *d = &declared[i];

		if (is_at_or_below(w->name, d->name) &&
		    (!strcmp(d->instead, "-") || is_there(d->instead)))
			return d->reason;
	}
	return NULL;
}

/* ---- the table that is printed --------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct want *)a)->name, ((const struct want *)b)->name);
}

static int tell(const struct want *w)
{
	const char *why = w->found_in ? NULL : excuse(w);

	if (w->found_in)
		printf("%-44s %s\n", w->name, w->found_in);
	else if (why)
		printf("%-44s -        %s\n", w->name, why);
	else
		printf("%-44s MISSING\n", w->name);
	return !w->found_in && !why;
}

/* A declaration that outlived what it was for would hide the next miss. */
static int tell_unread(void)
{
	int unread = 0;

	for (int i = 0; i < declared_count; i++) {
		bool is_read = false;

		for (int j = 0; j < wants_count; j++)
			is_read |= is_at_or_below(wants[j].name, declared[i].name);
		if (!is_read)
			printf("%-44s DECLARED, but nobody reads it\n", declared[i].name);
		unread += !is_read;
	}
	return unread;
}

static int tell_all(void)
{
	int bad = 0;

	qsort(wants, wants_count, sizeof(wants[0]), by_name);
	for (int i = 0; i < wants_count; i++)
		bad += tell(&wants[i]);
	bad += tell_unread();
	printf("%d wanted, %d wrong\n", wants_count, bad);
	return bad;
}

int main(int argc, char **argv)
{
	static struct kernel kernel;
	struct btf_ext *ext = NULL;
	struct btf *ours;

	if (argc < 3)
		die("btf-fields OBJECT TABLE [VMLINUX [MODULE...]]", "usage");
	libbpf_set_print(NULL);
	ours = btf__parse_elf(argv[1], &ext);
	if (!ours || !ext)
		die("no BPF object with BTF", argv[1]);
	read_declared(argv[2]);
	read_wants(ours, ext, argv[1]);
	if (argc == 3)
		add_running_kernel(&kernel);
	for (int i = 3; i < argc; i++)
		add_btf(&kernel, argv[i]);
	for (int i = 0; i < wants_count; i++)
		look_up(ours, &kernel, &wants[i]);
	for (int i = kernel.count - 1; i >= 0; i--)
		btf__free(kernel.btfs[i]);
	btf_ext__free(ext);
	btf__free(ours);
	return tell_all() ? 1 : 0;
}
