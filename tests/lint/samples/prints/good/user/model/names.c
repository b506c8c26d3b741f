// SPDX-License-Identifier: GPL-2.0
void fill(char *text, size_t size)
{
	snprintf(text, size, "%s", "printf(1)");
}
