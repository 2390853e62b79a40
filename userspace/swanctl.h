/* SPDX-License-Identifier: GPL-2.0 */
/* strongSwan's files and its swanctl(8). */
#ifndef VGWCTL_SWANCTL_H
#define VGWCTL_SWANCTL_H

#include <stdbool.h>

#include "netlink.h"

int swanctl_place(const char *file, bool *placed, struct nl_error *err);
void swanctl_restore(const char *file);
void swanctl_settle(const char *file);
int swanctl_remove(const char *file, bool *removed, struct nl_error *err);
int swanctl_load(struct nl_error *err);
void swanctl_terminate(const char *conn);

#endif /* VGWCTL_SWANCTL_H */
