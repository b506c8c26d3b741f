// SPDX-License-Identifier: GPL-2.0
/* see /users/somebody/tree */
