/* SPDX-License-Identifier: GPL-2.0 */
#define OPS 4
