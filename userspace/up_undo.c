// SPDX-License-Identifier: GPL-2.0
/* What vgwctl up did, taken back. */

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

/**
 * up_undo - take back every step
 * @up: what is brought up
 *
 * The best that can be done: what fails here does not hide why it is done.
 */
void up_undo(struct up *up)
{
	struct nl_error err;
	struct undo *u;

	while (up->n_done) {
		u = &up->done[--up->n_done];
		switch (u->step) {
		case STEP_DEVICE:
			if (!up->link.ifindex)
				connection_find(&up->rtnl, up->name, &up->link, &err);
			connection_del(&up->rtnl, &up->link, &err);
			break;
		case STEP_OPTIONS:
			restore_options(up, &err);
			break;
		case STEP_VRF:
			link_enslave(&up->rtnl, u->ifindex, up->link.master, &err);
			break;
		case STEP_ADDR:
			addr_change(&up->rtnl, false, u->ifindex, &u->prefix, &err);
			break;
		case STEP_FLAGS:
			link_change(&up->rtnl, u->ifindex, 0, IFF_UP, &err);
			break;
		case STEP_ROUTE:
			route_change(&up->rtnl, false, u->ifindex, u->guard, up->table,
				     &u->prefix, &err);
			break;
		case STEP_PLACED:
			swanctl_set_placed(up->name, &up->placed, &err);
			break;
		case STEP_FILE:
			swanctl_restore(u->file, &err);
			break;
		case STEP_LOAD:
			swanctl_load(&err);
			break;
		}
	}
}
