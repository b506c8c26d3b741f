// SPDX-License-Identifier: GPL-2.0
int watch(void)
{
	fprintf(stderr, "cannot trace\n");
	return 0;
}
