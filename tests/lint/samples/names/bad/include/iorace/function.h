/* SPDX-License-Identifier: GPL-2.0 */
static inline int op_writes(int kind)
{
	return kind;
}
