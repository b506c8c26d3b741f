/* SPDX-License-Identifier: GPL-2.0 */
struct not_relocated {
	int field;
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct file {
	int *f_inode; /* a comment; with a semicolon */
	char name[16];
};
