/* SPDX-License-Identifier: GPL-2.0 */
static bool has_count(void)
{
	return bpf_core_field_exists(struct rw_semaphore, count);
}
