/* SPDX-License-Identifier: GPL-2.0 */
/* Which path a file was last seen under. Filled from path records; may answer "unknown". */
#ifndef IORACE_SYMBOL_PATHS_H
#define IORACE_SYMBOL_PATHS_H

#include <iorace/records.h>

#include "model/view.h"

struct paths {
	void *tree; /* of struct path_entry, by file */
};

void paths_done(struct paths *paths);

/* 0, -ENOMEM, or -EBADMSG when the record is not what it says. */
int paths_add(struct paths *paths, const struct ior_rec_path *record);

/* The path lives until the next paths_add() of the same file. */
struct file_view paths_resolve(const struct paths *paths, const struct ior_file *file);

#endif
