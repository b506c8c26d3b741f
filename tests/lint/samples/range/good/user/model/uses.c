// SPDX-License-Identifier: GPL-2.0
/* a.start < b.end is what ior_range_overlaps() says. */
bool meet(struct ior_range a, struct ior_range b, unsigned long size)
{
	if (a.end > size || a.start < b.start || a.end == b.start)
		return false;
	return ior_range_overlaps(a, b);
}

bool touch(struct ior_range a, struct ior_range b)
{
	/* range: neighbours count too */
	return a.start <= b.end;
}
