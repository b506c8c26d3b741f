// SPDX-License-Identifier: GPL-2.0
enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_COUNT_
};

const char *name(enum kind kind)
{
	switch (kind) {
	case KIND_READ:
		return "read";
	default:
		return "?";
	}
}
