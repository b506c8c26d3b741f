/* SPDX-License-Identifier: GPL-2.0 */
/* Every command, one file each. */
#ifndef IORACE_CMD_COMMANDS_H
#define IORACE_CMD_COMMANDS_H

#include "base/cli.h"

extern const struct command check_command;
extern const struct command doctor_command;
extern const struct command report_command;
extern const struct command stress_command;
extern const struct command watch_command;

#endif
