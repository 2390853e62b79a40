// SPDX-License-Identifier: GPL-2.0
/* vgwctl down - what vgwctl up did, in the other order. */

#include <string.h>

#include "up.h"

/* First the daemon forgets, else it would bring the SAs back. */
static int unload_keys(struct up *up, bool *any, struct nl_error *err)
{
	bool removed, changed = false;
	unsigned int i;
	int ret = 0;

	up_now(up, "strongSwan's file");
	for (i = 0; i < up->around.n_files && !ret; i++) {
		ret = swanctl_remove(up->files[i], &removed, err);
		changed |= removed;
	}
	/* And those that the file no longer says. */
	swanctl_placed(up->name, &up->placed);
	for (i = 0; i < up->placed.n && !ret; i++) {
		ret = swanctl_remove(up->placed.name[i], &removed, err);
		changed |= removed;
	}
	up->placed.n = 0;
	if (!ret)
		ret = swanctl_set_placed(up->name, &up->placed, err);
	if (ret || !changed)
		return ret;
	*any = true;
	up_now(up, "strongSwan");
	ret = swanctl_load(err);
	for (i = 0; i < up->config.n_tunnels && !ret; i++)
		swanctl_terminate(up->config.tunnel[i].ifname);
	return ret;
}

static int take_down(struct up *up, bool keep_guards, bool *any, struct nl_error *first)
{
	struct nl_error err;
	int ret;

	/* What is gone needs no taking down; what fails hinders nothing that follows. */
	ret = unload_keys(up, any, first);
	if (!connection_find(&up->rtnl, up->name, &up->link, &err)) {
		*any = true;
		up_now(up, "deleting the device");
		if (connection_del(&up->rtnl, &up->link, &err) && !ret) {
			*first = err;
			ret = -err.code;
		}
	}
	/* Last: until here nothing found another way. */
	if (!keep_guards)
		*any |= up_remove_guards(up, false);
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
	bool any = false, keep_guards = false;
	struct nl_error err;
	struct up *up;
	int rc;

	if (argc > 1 && argv[1][0] == '-' && argv[1][1]) {
		if (strcmp(argv[1], "--keep-guards"))
			return usage_error(cmd, "%s: there is --keep-guards", argv[1]);
		keep_guards = true;
		argc--;
		argv++;
	}
	up = up_begin(cmd, argc, argv, &rc);
	if (!up)
		return rc;
	rc = RC_OK;
	if (take_down(up, keep_guards, &any, &err)) {
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
