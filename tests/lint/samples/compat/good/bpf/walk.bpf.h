/* SPDX-License-Identifier: GPL-2.0 */
/* Not bpf_core_field_exists(): compat.bpf.h asks that. */
static int offset(void)
{
	return bpf_core_field_offset(struct mount, mnt);
}
