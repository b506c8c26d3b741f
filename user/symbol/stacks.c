// SPDX-License-Identifier: GPL-2.0
#include "symbol/stacks.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <elfutils/libdwfl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* There are a hundred thousand of them. */
struct ksym {
	uint64_t address;
	size_t name; /* in ksym_names */
};

/* Opening what a process mapped takes milliseconds, and conflicts come in crowds of a few. */
#define PROCESSES 16

struct process {
	pid_t pid;
	Dwfl *dwfl; /* NULL: could not be opened, it is gone */
};

struct stacks {
	struct ksym *ksyms; /* by address */
	size_t ksyms_len;
	struct buf ksym_names; /* each with its NUL */
	bool ksyms_read;
	void *names; /* tree of texts that frames point to */
	struct process processes[PROCESSES];
	size_t next_process; /* whose place is taken next */
};

struct stacks *stacks_new(void)
{
	return calloc(1, sizeof(struct stacks));
}

void stacks_free(struct stacks *stacks)
{
	if (!stacks)
		return;
	free(stacks->ksyms);
	buf_done(&stacks->ksym_names);
	for (size_t i = 0; i < PROCESSES; i++)
		dwfl_end(stacks->processes[i].dwfl);
	tdestroy(stacks->names, free);
	free(stacks);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* One copy of each text, kept until the end: symbols repeat. NULL: no memory. */
static const char *keep(struct stacks *stacks, const char *text)
{
	char *copy = strdup(text), **node;

	if (!copy)
		return NULL;
	node = tsearch(copy, &stacks->names, by_text);
	if (!node || *node != copy)
		free(copy);
	return node ? *node : NULL;
}

/* ---- kernel --------------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static bool add_ksym(struct stacks *stacks, size_t *room, uint64_t address, const char *name)
{
	if (stacks->ksyms_len == *room) {
		size_t more = *room ? *room * 2 : 1 << 16;
		struct ksym *ksyms = realloc(stacks->ksyms, more * sizeof(*ksyms));

		if (!ksyms)
			return false;
		stacks->ksyms = ksyms;
		*room = more;
	}
	stacks->ksyms[stacks->ksyms_len++] =
		(struct ksym){.address = address, .name = stacks->ksym_names.len};
	return buf_append(&stacks->ksym_names, name, strlen(name) + 1) == 0;
}

static void read_ksyms(struct stacks *stacks)
{
	_cleanup_(fclosep) FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], type, name[256];
	unsigned long long address;
	size_t room = 0;

	stacks->ksyms_read = true;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llx %c %255s", &address, &type, name) != 3 || !address)
			continue;
		if ((type == 't' || type == 'T') && !add_ksym(stacks, &room, address, name))
			break;
	}
	qsort(stacks->ksyms, stacks->ksyms_len, sizeof(*stacks->ksyms), by_address);
}

void stacks_prepare(struct stacks *stacks)
{
	if (!stacks->ksyms_read)
		read_ksyms(stacks);
}

static const struct ksym *find_ksym(const struct stacks *stacks, uint64_t address)
{
	size_t low = 0, high = stacks->ksyms_len;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (stacks->ksyms[mid].address <= address)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &stacks->ksyms[low - 1] : NULL;
}

void stacks_name_kernel(struct stacks *stacks, struct frame_view *frames, size_t len)
{
	if (len)
		stacks_prepare(stacks);
	for (size_t i = 0; i < len; i++) {
		const struct ksym *sym = find_ksym(stacks, frames[i].address);

		if (!sym)
			continue;
		frames[i].symbol = stacks->ksym_names.text + sym->name;
		frames[i].offset = frames[i].address - sym->address;
	}
}

/* ---- processes ------------------------------------------------------------------------------ */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "function" when there is a symbol, else "file" with the offset in it. */
static void name_user_frame(struct stacks *stacks, Dwfl *dwfl, struct frame_view *frame)
{
	Dwfl_Module *module = dwfl_addrmodule(dwfl, frame->address);
	const char *file, *symbol;
	GElf_Off offset = 0;
	Dwarf_Addr start = 0;
	GElf_Sym sym;

	if (!module)
		return;
	file = dwfl_module_info(module, NULL, &start, NULL, NULL, NULL, NULL, NULL);
	symbol = dwfl_module_addrinfo(module, frame->address, &offset, &sym, NULL, NULL, NULL);
	if (symbol) {
		frame->symbol = keep(stacks, symbol);
		frame->offset = offset;
	} else if (file) {
		frame->symbol = keep(stacks, base_name(file));
		frame->offset = frame->address - start;
	}
}

static Dwfl *open_process(pid_t pid)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (dwfl && (dwfl_linux_proc_report(dwfl, pid) || dwfl_report_end(dwfl, NULL, NULL))) {
		dwfl_end(dwfl);
		return NULL;
	}
	return dwfl;
}

static Dwfl *process_of(struct stacks *stacks, pid_t pid)
{
	struct process *process;

	for (size_t i = 0; i < PROCESSES; i++) {
		if (stacks->processes[i].pid == pid)
			return stacks->processes[i].dwfl;
	}
	process = &stacks->processes[stacks->next_process++ % PROCESSES];
	dwfl_end(process->dwfl);
	*process = (struct process){pid, open_process(pid)};
	return process->dwfl;
}

void stacks_name_user(struct stacks *stacks, pid_t pid, struct frame_view *frames, size_t len)
{
	Dwfl *dwfl = process_of(stacks, pid);

	for (size_t i = 0; dwfl && i < len; i++)
		name_user_frame(stacks, dwfl, &frames[i]);
}
