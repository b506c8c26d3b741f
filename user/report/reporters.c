// SPDX-License-Identifier: GPL-2.0
#include "model/reporter.h"

#include <string.h>

#include "report/csv.h"
#include "report/html.h"
#include "report/jsonl.h"
#include "report/junit.h"
#include "report/sarif.h"
#include "report/tap.h"
#include "report/text.h"

const struct reporter_ops *const reporters[] = {
	&text_reporter,	 &jsonl_reporter, &html_reporter,  &csv_reporter,
	&junit_reporter, &tap_reporter,	  &sarif_reporter, NULL,
};

void report_doc_done(struct report_doc *doc)
{
	buf_done(&doc->held);
	buf_done(&doc->more);
	buf_done(&doc->aside);
	buf_done(&doc->compared);
}

const struct reporter_ops *reporter_by_name(const char *name)
{
	for (const struct reporter_ops *const *reporter = reporters; *reporter; reporter++) {
		if (!(*reporter)->is_document && strcmp((*reporter)->name, name) == 0)
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
