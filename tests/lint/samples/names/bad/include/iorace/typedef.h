/* SPDX-License-Identifier: GPL-2.0 */
typedef unsigned int u32;
