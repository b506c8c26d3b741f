// SPDX-License-Identifier: GPL-2.0
/* FIXME: later */
