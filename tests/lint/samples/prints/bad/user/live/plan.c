// SPDX-License-Identifier: GPL-2.0
void plan_show(void)
{
	printf("plan\n");
}
