// SPDX-License-Identifier: GPL-2.0
#include <sqlite3.h>
