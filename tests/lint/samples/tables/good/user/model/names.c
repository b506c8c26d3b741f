// SPDX-License-Identifier: GPL-2.0
enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_COUNT_
};

static const char *const names[] = {
	[KIND_READ] = "read",
	[KIND_WRITE] = "write",
};
_Static_assert(ARRAY_SIZE(names) == KIND_COUNT_, "every kind has a name");

static const int by_hand[4] = { 1, 2 };
