/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The texts of everything that reaches a person or a machine outside. A number out of range, as a
 * damaged recording may hold, is "unknown", never a crash.
 */
#ifndef IORACE_MODEL_NAMES_H
#define IORACE_MODEL_NAMES_H

#include "model/view.h"

const char *kind_name(uint8_t kind); /* enum ior_op_kind */
/* What kept pairs apart: as JSON has it, and for people. */
const char *keeper_name(enum ior_keeper keeper);
const char *keeper_text(enum ior_keeper keeper);

const char *mode_name(uint8_t mode); /* enum ior_mode */
const char *lock_name(uint8_t lock); /* enum ior_lock */
const char *shape_name(uint8_t shape);
const char *tear_name(uint8_t tear);
const char *path_state_name(uint8_t state);
const char *coverage_level_name(uint8_t level);
const char *verdict_name(uint8_t verdict);

/* The same for tables of options: NULL-terminated, in the order of enum ior_mode. */
extern const char *const mode_names[];

/* "write/write", "read/write", "write/size": the same whichever comes first. */
const char *pair_name(uint8_t kind_a, uint8_t kind_b);

struct admission_text {
	const char *name; /* key in reports */
	const char *meaning;
};

const struct admission_text *admission_text(enum ior_admission what);

struct loss_text {
	const char *name;    /* key in reports */
	const char *meaning; /* what was not seen */
	const char *advice;  /* what to do about it */
};

const struct loss_text *loss_text(enum ior_loss loss);

/* Of the magic of a super block; NULL when it has no name here. */
const char *fs_name(uint64_t magic);

#define FS_TEXT_BYTES 24

/* The name, or "0x..." of the magic. Returns `text`. */
const char *fs_text(uint64_t magic, char text[FS_TEXT_BYTES]);

#endif
