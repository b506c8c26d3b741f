/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ownership that one can check without opening the callee: an owner is tagged _cleanup_() where it
 * is declared and leaves only through take_ptr() or take_fd(). File descriptors start at -1.
 */
#ifndef IORACE_BASE_CLEANUP_H
#define IORACE_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define take_ptr(ptr)                                                                              \
	({                                                                                         \
		__typeof__(ptr) *from_ = &(ptr);                                                   \
		__typeof__(ptr) taken_ = *from_;                                                   \
		*from_ = NULL;                                                                     \
		taken_;                                                                            \
	})

#define take_fd(fd)                                                                                \
	({                                                                                         \
		int *from_ = &(fd);                                                                \
		int taken_ = *from_;                                                               \
		*from_ = -1;                                                                       \
		taken_;                                                                            \
	})

/* The errno that somebody is about to return must survive the cleaning. */
static inline void closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void freep(void *ptr)
{
	free(*(void **)ptr);
}

static inline void fclosep(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	*file = NULL;
	errno = saved;
}

#endif
