// SPDX-License-Identifier: GPL-2.0
int put(FILE *file, const char *text)
{
	return fputs(text, file) < 0 ? -errno : 0;
}
