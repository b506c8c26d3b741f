// SPDX-License-Identifier: GPL-2.0
#include "model/stress_view.h"

#include "base/macro.h"

static const char *const result_names[] = {
	[STRESS_RESULT_WHOLE] = "whole",
	[STRESS_RESULT_TORN] = "torn",
	[STRESS_RESULT_INCONCLUSIVE] = "inconclusive",
};
_Static_assert(ARRAY_SIZE(result_names) == STRESS_RESULT_COUNT_, "every result has a name");

const char *stress_result_name(enum stress_result result)
{
	return (unsigned int)result < STRESS_RESULT_COUNT_ ? result_names[result] : "unknown";
}
