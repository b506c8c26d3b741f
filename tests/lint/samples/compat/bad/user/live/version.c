// SPDX-License-Identifier: GPL-2.0
int is_new(void)
{
	return LINUX_VERSION_CODE >= 0x60100;
}
