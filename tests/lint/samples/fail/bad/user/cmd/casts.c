// SPDX-License-Identifier: GPL-2.0
int watch(int r)
{
	(void)fail(3, "cannot trace");
	return 0;
}
