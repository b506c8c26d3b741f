// SPDX-License-Identifier: GPL-2.0
bool meet(struct x a, struct x b)
{
	return set[0].start >= b.end;
}
