// SPDX-License-Identifier: GPL-2.0
int fail(int status, const char *text)
{
	fprintf(stderr, "iorace: %s\n", text);
	return status;
}
