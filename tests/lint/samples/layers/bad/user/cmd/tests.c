// SPDX-License-Identifier: GPL-2.0
#include "../../tests/unit/inflight_host.h"
