// SPDX-License-Identifier: GPL-2.0
#include "mkops.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	if (argc >= 2 && !strcmp(argv[1], "run"))
		return script_run(argc - 2, argv + 2);
	if (argc >= 2 && !strcmp(argv[1], "random"))
		return random_run(argc - 1, argv + 1);
	fprintf(stderr, "usage: mkops run [--gate SOCKET] [FILE | - | -c LINE...]\n"
			"       mkops random --file PATH --size BYTES --log OUT.jsonl ...\n");
	return 2;
}
