// SPDX-License-Identifier: GPL-2.0
/* vgwctl down - what vgwctl up did, in the other order. */

#include "swanctl.h"
#include "up.h"

/* First the daemon forgets, else it would bring the SAs back. */
static int unload_keys(struct up *up, bool *any, struct nl_error *err)
{
	bool removed, changed = false;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < up->around.n_files && !ret; i++) {
		up_now(up, "strongSwan's file");
		ret = swanctl_remove(up->files[i], &removed, err);
		changed |= removed;
	}
	if (ret || !changed)
		return ret;
	*any = true;
	up_now(up, "strongSwan");
	ret = swanctl_load(err);
	for (i = 0; i < up->config.n_tunnels && !ret; i++)
		swanctl_terminate(up->config.tunnel[i].ifname);
	return ret;
}

static int take_down(struct up *up, bool *any, struct nl_error *first)
{
	struct nl_error err;
	struct link_info vrf;
	struct set routes = {}, guards, none = {};
	unsigned int i;
	int ret;

	/* What is gone needs no taking down; what fails hinders nothing that follows. */
	up_find_vrf(up, &vrf, &err);
	ret = unload_keys(up, any, first);
	if (!connection_find(&up->rtnl, up->name, &up->link, &err)) {
		*any = true;
		up_now(up, "deleting the device");
		route_list(&up->rtnl, up->link.ifindex, 0, up->table, &routes, &err);
		if (connection_del(&up->rtnl, &up->link, &err) && !ret) {
			*first = err;
			ret = -err.code;
		}
	}
	/* Last: until here nothing found another way. */
	if (!route_list(&up->rtnl, 0, GUARD_METRIC, up->table, &guards, &err)) {
		struct set file = { up->around.n_routes, up->around.route };

		for (i = 0; i < guards.n; i++) {
			if (!set_has(&file, &guards.prefix[i]) &&
			    !set_has(&routes, &guards.prefix[i]))
				continue;
			*any = true;
			route_change(&up->rtnl, false, 0, GUARD_METRIC, up->table,
				     &guards.prefix[i], &err);
		}
	}
	set_free(&guards);
	*any |= up_remove_guards(up, &none);
	set_free(&routes);
	return ret;
}

/**
 * cmd_down - vgwctl down
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_down(const struct command *cmd, int argc, char **argv)
{
	struct nl_error err;
	bool any = false;
	struct up *up;
	int rc;

	up = up_begin(cmd, argc, argv, &rc);
	if (!up)
		return rc;
	rc = RC_OK;
	if (take_down(up, &any, &err)) {
		fprintf(stderr, "vgwctl: down %s: %s: %s; the rest is down\n", up->name, up->at,
			err.text);
		rc = RC_REFUSED;
	} else if (!any) {
		fprintf(stderr, "vgwctl: down %s: it is not up\n", up->name);
		rc = RC_REFUSED;
	}
	up_end(up);
	return rc;
}
