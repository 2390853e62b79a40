/* SPDX-License-Identifier: GPL-2.0 */
/* strongSwan's files and its swanctl(8). */
#ifndef VGWCTL_SWANCTL_H
#define VGWCTL_SWANCTL_H

#include <limits.h>
#include <stdbool.h>

#include "netlink.h"

/* Those of a file, and those of earlier ones that went wrong. */
#define PLACED_MAX	(4 * UP_FILES)

/**
 * struct placed - files of a connection that swanctl finds
 * @n: of @name
 * @name: their names without a directory
 */
struct placed {
	unsigned int n;
	char name[PLACED_MAX][NAME_MAX + 1];
};

int swanctl_place(const char *file, bool *placed, struct nl_error *err);
int swanctl_hide(const char *file, bool *hidden, struct nl_error *err);
int swanctl_restore(const char *file, struct nl_error *err);
void swanctl_settle(const char *file);
int swanctl_remove(const char *file, bool *removed, struct nl_error *err);
void swanctl_placed(const char *conn, struct placed *placed);
int swanctl_set_placed(const char *conn, const struct placed *placed, struct nl_error *err);
void placed_add(struct placed *placed, const char *file);
bool placed_has(const struct placed *placed, const char *base);
int swanctl_load(struct nl_error *err);
void swanctl_terminate(const char *conn);

#endif /* VGWCTL_SWANCTL_H */
