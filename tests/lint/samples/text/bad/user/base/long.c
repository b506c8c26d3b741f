// SPDX-License-Identifier: GPL-2.0
/* long long long long long long long long long long long long long long long long long long long long  */
