// SPDX-License-Identifier: GPL-2.0
#include "report/text.h"

#include "base/buf.h"
#include "model/names.h"

#include <iorace/op.h>
#include <jansson.h>
#include <string.h>
