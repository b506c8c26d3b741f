/* SPDX-License-Identifier: GPL-2.0 */
struct range {
	int start;
};
