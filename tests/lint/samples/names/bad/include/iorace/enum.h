/* SPDX-License-Identifier: GPL-2.0 */
enum kind {
	IOR_READ,
};
