// SPDX-License-Identifier: GPL-2.0
int show(const char *text)
{
	return fputs(text, stdout) < 0 ? -errno : 0; /* not to stderr */
}
