/* SPDX-License-Identifier: GPL-2.0 */
#define CHECK(x)              \
	do {                  \
		if (!(x))     \
			return -1; \
	} while (0)
