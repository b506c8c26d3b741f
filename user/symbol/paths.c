// SPDX-License-Identifier: GPL-2.0
#include "symbol/paths.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "model/names.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

struct path_entry {
	struct ior_file file;
	char *path;
	enum path_state state;
};

static int by_file(const void *a, const void *b)
{
	const struct path_entry *x = a, *y = b;

	return memcmp(&x->file, &y->file, sizeof(x->file));
}

static void entry_free(void *ptr)
{
	struct path_entry *entry = ptr;

	free(entry->path);
	free(entry);
}

void paths_done(struct paths *paths)
{
	tdestroy(paths->tree, entry_free);
	paths->tree = NULL;
}

/* Worst news first: it is what a reader must know. */
static enum path_state state_of(const struct ior_rec_path *record)
{
	if (record->state & IOR_PATH_DELETED)
		return PATH_DELETED;
	if (record->state & IOR_PATH_TRUNCATED)
		return PATH_TRUNCATED;
	if (record->state & IOR_PATH_DETACHED)
		return PATH_DETACHED;
	if (record->state & IOR_PATH_FOREIGN)
		return PATH_FOREIGN;
	return PATH_OK;
}

/* Names come leaf first; the path is written from the end of them. */
static int join_names(const struct ior_rec_path *record, struct buf *out)
{
	size_t end = record->used;

	if (record->state & IOR_PATH_TRUNCATED)
		buf_puts(out, "...");
	while (end) {
		size_t start = end - 1; /* the NUL of this name */

		while (start && record->names[start - 1])
			start--;
		buf_putc(out, '/');
		buf_append(out, record->names + start, end - 1 - start);
		end = start;
	}
	return out->error;
}

static struct path_entry *entry_of(struct paths *paths, const struct ior_file *file)
{
	struct path_entry **node, *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->file = *file;
	node = tsearch(entry, &paths->tree, by_file);
	if (!node || *node != entry)
		free(entry);
	return node ? *node : NULL;
}

int paths_add(struct paths *paths, const struct ior_rec_path *record)
{
	_cleanup_(buf_done) struct buf text = {};
	struct path_entry *entry;
	char *path;

	if (!record->used || record->used > sizeof(record->names) ||
	    record->names[record->used - 1])
		return -EBADMSG;
	if (join_names(record, &text))
		return -ENOMEM;
	path = strdup(buf_text(&text));
	entry = path ? entry_of(paths, &record->file) : NULL;
	if (!entry) {
		free(path);
		return -ENOMEM;
	}
	free(entry->path);
	entry->path = path;
	entry->state = state_of(record);
	return 0;
}

struct file_view paths_resolve(const struct paths *paths, const struct ior_file *file)
{
	struct path_entry key = {.file = *file};
	struct path_entry *const *node = tfind(&key, &paths->tree, by_file);
	struct file_view view = {.id = *file, .path_state = PATH_UNKNOWN};

	view.fs = fs_name(file->magic);
	if (node) {
		view.path = (*node)->path;
		view.path_state = (*node)->state;
	}
	return view;
}
