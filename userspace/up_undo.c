// SPDX-License-Identifier: GPL-2.0
/* What vgwctl up did, taken back. */

#include <errno.h>
#include <string.h>

#include "up.h"

/**
 * up_did - note a step, for up_undo()
 * @up: what is brought up
 * @undo: the step
 */
void up_did(struct up *up, const struct undo *undo)
{
	up->done[up->n_done++] = *undo;
}

/* The options that the device had, by name of its tunnels. */
static int restore_options(struct up *up, struct nl_error *err)
{
	static struct conn_config diff;
	struct nl nl;
	int ret;

	ret = nl_open_vgw(&nl, err);
	if (ret)
		return ret;
	if (config_diff(&up->config, &up->before, &diff))
		ret = conf_apply(&nl, up->name, &diff, err);
	nl_close(&nl);
	return ret;
}

static int take_back(struct up *up, const struct undo *u, struct nl_error *err)
{
	switch (u->step) {
	case STEP_DEVICE:
		if (!up->link.ifindex && connection_find(&up->rtnl, up->name, &up->link, err))
			return -err->code;
		return connection_del(&up->rtnl, &up->link, err);
	case STEP_OPTIONS:
		return restore_options(up, err);
	case STEP_VRF:
		return link_enslave(&up->rtnl, u->ifindex, up->link.master, err);
	case STEP_ADDR:
		return addr_change(&up->rtnl, false, u->ifindex, &u->prefix, err);
	case STEP_FLAGS:
		return link_change(&up->rtnl, u->ifindex, 0, IFF_UP, err);
	case STEP_ROUTE:
		return route_change(&up->rtnl, false, u->ifindex, u->guard, up->table, &u->prefix,
				    err);
	case STEP_PLACED:
		return swanctl_set_placed(up->name, &up->placed, err);
	case STEP_FILE:
		return swanctl_restore(u->file, err);
	case STEP_LOAD:
		return swanctl_load(err);
	}
	return 0;
}

/* Whether what could not be taken back is not there anyway. */
static bool is_gone(const struct undo *u, int code)
{
	if (u->step >= STEP_PLACED)
		return false;
	return code == ENODEV || code == ESRCH || code == EADDRNOTAVAIL;
}

static void say_left(char *left, size_t size, const struct undo *u, const struct nl_error *err)
{
	static const char *const words[] = {
		[STEP_DEVICE] = "the device", [STEP_OPTIONS] = "its options",
		[STEP_VRF] = "the VRF", [STEP_ADDR] = "address ", [STEP_FLAGS] = "a device set up",
		[STEP_ROUTE] = "route ", [STEP_PLACED] = "strongSwan's file",
		[STEP_FILE] = "strongSwan's file", [STEP_LOAD] = "strongSwan",
	};
	bool net = u->step == STEP_ADDR || u->step == STEP_ROUTE;
	size_t len = strlen(left);
	char text[ADDR_LEN];

	snprintf(left + len, size - len, "%s%s%s: %s", len ? "; " : "", words[u->step],
		 net ? format_prefix(text, sizeof(text), &u->prefix) : "", err->text);
}

/**
 * up_undo - take back every step
 * @up: what is brought up
 * @why: why it failed
 * @left: what could not be taken back and why not, empty for nothing
 * @size: of @left
 *
 * The best that can be done: what fails hinders nothing that follows.
 */
void up_undo(struct up *up, const struct nl_error *why, char *left, size_t size)
{
	struct nl_error err = {};
	struct undo *u;

	left[0] = '\0';
	while (up->n_done) {
		u = &up->done[--up->n_done];
		if (!take_back(up, u, &err) || is_gone(u, err.code))
			continue;
		/* A daemon that was told nothing has nothing to unlearn. */
		if (u->step == STEP_LOAD && !strcmp(err.text, why->text))
			continue;
		say_left(left, size, u, &err);
	}
}
