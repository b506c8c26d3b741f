// SPDX-License-Identifier: GPL-2.0
int watch(void)
{
	perror("watch");
	return 0;
}
