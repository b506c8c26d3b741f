// SPDX-License-Identifier: GPL-2.0
bool meet(struct x a, struct x b)
{
	return s->ranges[i].end <= op.range.start;
}
