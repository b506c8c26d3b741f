/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the type of a function says about the range lock: where the lock object, the tree and the
 * range are, and how it fails. Pure: reads the types it is given.
 */
#ifndef IORACE_LIVE_RANGE_LOCK_TYPE_H
#define IORACE_LIVE_RANGE_LOCK_TYPE_H

#include "model/range_lock.h"

struct btf;
struct reason;

/*
 * `btf` NULL: no type is known, and all is as the user says. -EINVAL with the reason where what he
 * says is not there, or where it does not say enough.
 */
int range_lock_read_type(const struct range_lock_spec *spec,
			 const struct range_lock_function *function, const struct btf *btf, int id,
			 struct ior_range_lock_function *ret, struct reason *why);

/* "--range-lock acquire=f: ...", and returns `error`. */
int range_lock_fails(const struct range_lock_function *function, int error, const char *what,
		     struct reason *why);

#endif
