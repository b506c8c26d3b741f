// SPDX-License-Identifier: GPL-2.0
enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_COUNT_
};

static const char *const names[KIND_COUNT_] = {
	[KIND_READ] = "read",
};
_Static_assert(ARRAY_SIZE(names) == KIND_COUNT_, "says nothing");
