// SPDX-License-Identifier: GPL-2.0
int tally_save(const char *path)
{
	return fopen(path, "w") ? 0 : -errno;
}
