// SPDX-License-Identifier: GPL-2.0
#include "symbol/cgroups.h"

#include "base/cleanup.h"
#include "symbol/mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cgroup_entry {
	uint64_t id;
	char *path; /* NULL: unknown */
};

static int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct cgroup_entry *)a)->id, y = ((const struct cgroup_entry *)b)->id;

	return x < y ? -1 : x > y;
}

static void entry_free(void *ptr)
{
	struct cgroup_entry *entry = ptr;

	free(entry->path);
	free(entry);
}

void cgroups_init(struct cgroups *cgroups)
{
	char point[PATH_MAX];

	*cgroups = (struct cgroups){.root_fd = -1};
	if (cgroup2_mount_point(point, sizeof(point)))
		return;
	cgroups->root_fd = open(point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cgroups->mount_point = strdup(point);
}

void cgroups_done(struct cgroups *cgroups)
{
	tdestroy(cgroups->tree, entry_free);
	closep(&cgroups->root_fd);
	free(cgroups->mount_point);
	*cgroups = (struct cgroups){.root_fd = -1};
}

/* The id of a cgroup is the file handle of its directory: kernfs_fh_to_dentry(). */
#define FILEID_KERNFS 0xfe

static char *path_of_id(const struct cgroups *cgroups, uint64_t id)
{
	struct {
		struct file_handle handle;
		uint64_t id;
	} fh = {.handle = {.handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS}};
	_cleanup_(closep) int fd = -1;
	char link[64], path[PATH_MAX];
	size_t skip;
	ssize_t len;

	if (cgroups->root_fd < 0 || !cgroups->mount_point)
		return NULL;
	memcpy(fh.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(cgroups->root_fd, &fh.handle, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return NULL;
	path[len] = '\0';
	skip = strlen(cgroups->mount_point);
	if (strncmp(path, cgroups->mount_point, skip))
		return NULL;
	return strdup(path[skip] ? path + skip : "/");
}

const char *cgroups_resolve(struct cgroups *cgroups, uint64_t id)
{
	struct cgroup_entry key = {.id = id}, *entry, **node;

	if (!id)
		return NULL;
	node = tfind(&key, &cgroups->tree, by_id);
	if (node)
		return (*node)->path;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = id;
	entry->path = path_of_id(cgroups, id);
	if (!tsearch(entry, &cgroups->tree, by_id)) {
		entry_free(entry);
		return NULL;
	}
	return entry->path;
}
