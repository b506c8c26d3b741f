// SPDX-License-Identifier: GPL-2.0
enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_COUNT_
};

static const char *const names[] = {
	[KIND_READ] = "read",
};
