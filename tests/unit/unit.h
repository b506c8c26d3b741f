/* SPDX-License-Identifier: GPL-2.0 */
/* cmocka wants these in this order, before it. */
#ifndef IORACE_TESTS_UNIT_H
#define IORACE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
