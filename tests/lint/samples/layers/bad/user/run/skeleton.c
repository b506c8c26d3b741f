// SPDX-License-Identifier: GPL-2.0
#include "iorace.skel.h"
