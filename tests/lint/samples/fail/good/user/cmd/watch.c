// SPDX-License-Identifier: GPL-2.0
int fail(int status, const char *text)
{
	return status;
}

int watch(int r, int status)
{
	if (r < -1)
		status = r < -2 ? fail(3, "one") : 0;
	/* unreturned: the first error already gave the status */
	fail(2, "two");
	return status ? status :
			fail(4,
			     "fail(later)");
}

int other(struct reason *why)
{
	reason_fail(why, "not the same function");
	return 0;
}
