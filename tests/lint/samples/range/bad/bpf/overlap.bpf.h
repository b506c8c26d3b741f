// SPDX-License-Identifier: GPL-2.0
bool meet(struct x a, struct x b)
{
	return a.start < b.end;
}
