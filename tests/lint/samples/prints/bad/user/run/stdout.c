// SPDX-License-Identifier: GPL-2.0
void run_show(const char *text)
{
	fputs(text, stdout);
}
