/* SPDX-License-Identifier: GPL-2.0 */
/* What vgwctl up and down share. */
#ifndef VGWCTL_UP_H
#define VGWCTL_UP_H

#include <limits.h>

#include "swanctl.h"
#include "vgwctl.h"

enum step {
	STEP_DEVICE,
	STEP_OPTIONS,
	STEP_VRF,
	STEP_ADDR,
	STEP_FLAGS,
	STEP_ROUTE,
	STEP_PLACED,
	STEP_FILE,
	STEP_LOAD,
};

/**
 * struct undo - how to take back a step
 * @step: which
 * @ifindex: of the device
 * @guard: of a route: 0, or metric of one that makes a network unreachable
 * @prefix: of the address or route
 * @file: of swanctl
 */
struct undo {
	enum step step;
	unsigned int ifindex;
	uint32_t guard;
	struct prefix prefix;
	const char *file;
};

/* A guard and a route each, guards, addresses, devices set up, files, each other kind once. */
#define UP_STEPS	(2 * UP_ROUTES + UP_GUARDS + UP_ADDRS + 2 * VGW_MAX_TUNNELS + 1 + \
			 UP_FILES + PLACED_MAX + STEP_LOAD)

/**
 * struct up - what is brought up or down
 * @name: of the connection and its device
 * @path: its file
 * @dir: of the file, with a slash
 * @config: what the file says of the devices
 * @around: what the file says of the rest
 * @rtnl: a socket of rtnetlink
 * @link: the device; of no ifindex while it is not there
 * @table: of its routes, 0 for the main one
 * @before: options that it had
 * @files: paths of swanctl's files
 * @listed: their names
 * @placed: those that an earlier up placed
 * @n_done: of @done
 * @done: steps that were taken
 * @at: what is being done, for messages
 */
struct up {
	char name[IFNAMSIZ];
	char path[PATH_MAX];
	char dir[PATH_MAX];
	struct conn_config config;
	struct up_config around;
	struct nl rtnl;
	struct link_info link;
	uint32_t table;
	struct conn_config before;
	char files[UP_FILES][PATH_MAX];
	struct placed listed;
	struct placed placed;
	unsigned int n_done;
	struct undo done[UP_STEPS];
	char at[256];
};

struct up *up_begin(const struct command *cmd, int argc, char **argv, int *rc);
void up_end(struct up *up);
void up_now(struct up *up, const char *fmt, ...)
	__printf(2, 3);
uint32_t up_guard(const struct up *up);
bool up_remove_guards(struct up *up, bool keep);

void up_did(struct up *up, const struct undo *undo);
void up_undo(struct up *up, const struct nl_error *why, char *left, size_t size);

#endif /* VGWCTL_UP_H */
