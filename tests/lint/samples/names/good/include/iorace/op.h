/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IORACE_OP_H
#define IORACE_OP_H

#ifndef __always_inline
#define __always_inline inline
#endif
#define IOR_OPS 4

enum ior_kind {
	IOR_READ, /* of a file */
	IOR_WRITE = 1 << 2,
};

struct ior_op {
	int kind;
};

static __always_inline int ior_op_writes(const struct ior_op *op)
{
	return op->kind == IOR_WRITE;
}

#endif
