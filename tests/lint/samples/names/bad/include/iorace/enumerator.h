/* SPDX-License-Identifier: GPL-2.0 */
enum ior_kind {
	IOR_READ,
	OP_WRITE,
};
