// SPDX-License-Identifier: GPL-2.0
static bool has(void)
{
	return bpf_core_field_exists(struct file, f_inode);
}
