/* SPDX-License-Identifier: GPL-2.0 */
#include "types.h"

#include <linux/types.h>
