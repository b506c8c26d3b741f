// SPDX-License-Identifier: GPL-2.0
#include "model/reporter.h"

#include <string.h>

#include "report/jsonl.h"
#include "report/text.h"

const struct reporter_ops *const reporters[] = {
	&text_reporter,
	&jsonl_reporter,
	NULL,
};

const struct reporter_ops *reporter_by_name(const char *name)
{
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		if (strcmp((*reporter)->name, name) == 0)
			return *reporter;
	}
	return NULL;
}

/* A name that is nothing but an ending (".json") is a hidden file without one. */
const struct reporter_ops *reporter_by_ending(const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash ? slash + 1 : file;
	size_t len = strlen(name);

	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		size_t ending_len = strlen((*reporter)->ending);

		if (len > ending_len && strcmp(name + len - ending_len, (*reporter)->ending) == 0)
			return *reporter;
	}
	return NULL;
}
