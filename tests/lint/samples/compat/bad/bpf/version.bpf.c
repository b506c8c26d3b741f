// SPDX-License-Identifier: GPL-2.0
static bool has(void)
{
	return LINUX_KERNEL_VERSION > KERNEL_VERSION(6, 1, 0);
}
