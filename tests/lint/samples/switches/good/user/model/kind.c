// SPDX-License-Identifier: GPL-2.0
enum kind {
	KIND_READ,
	KIND_WRITE,
	KIND_COUNT_
};

const char *name(enum kind kind, int error)
{
	switch (kind) {
	case KIND_READ:
		return "read";
	case KIND_WRITE:
	case KIND_COUNT_:
		break;
	}
	switch (error) {
	case ENOENT:
		return "nothing there";
	default:
		return "?";
	}
}

const char *of_strangers(enum kind kind)
{
	/* default: the number comes from a file and may be anything */
	switch (kind) {
	case KIND_READ:
		return "read";
	default:
		return "?";
	}
}
