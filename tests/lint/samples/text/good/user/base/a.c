// SPDX-License-Identifier: GPL-2.0
/* See /proc/self/ns/mnt, user/model/names.c and mktemp's /tmp/x.XXXXXX. */
int a(void)
{
	return 1;
}
