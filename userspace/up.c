// SPDX-License-Identifier: GPL-2.0
/*
 * vgwctl up - everything around a connection, in an order in which nothing
 * leaves in clear: networks are unreachable before they are routed, and routed
 * before there are keys; the other way round on the way down.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "up.h"

static int find_vrf(struct up *up, struct link_info *vrf, struct nl_error *err)
{
	int ret;

	memset(vrf, 0, sizeof(*vrf));
	if (!up->around.vrf[0])
		return 0;
	up_now(up, "vrf %s", up->around.vrf);
	ret = link_get(&up->rtnl, up->around.vrf, vrf, err);
	if (ret == -ENODEV)
		return nl_error_set(err, ENODEV, "there is no such device; ip link add %s type vrf table N makes one",
				    up->around.vrf);
	if (!ret && !vrf->table)
		ret = nl_error_set(err, EINVAL, "this device is no VRF");
	up->table = vrf->table;
	return ret;
}

/* To the device, or to none with the metric of a guard: unreachable until then. */
static int set_routes(struct up *up, const char *how, uint32_t guard, const struct prefix *route,
		      unsigned int n, struct nl_error *err)
{
	struct undo undo = { .step = STEP_ROUTE, .guard = guard };
	char text[ADDR_LEN];
	struct set have;
	unsigned int i;
	int ret;

	undo.ifindex = guard ? 0 : up->link.ifindex;
	ret = route_list(&up->rtnl, undo.ifindex, guard, up->table, &have, err);
	for (i = 0; i < n && !ret; i++) {
		undo.prefix = route[i];
		if (set_has(&have, &undo.prefix))
			continue;
		up_now(up, "%s %s", how, format_prefix(text, sizeof(text), &undo.prefix));
		ret = route_change(&up->rtnl, true, undo.ifindex, guard, up->table, &undo.prefix,
				   err);
		if (!ret)
			up_did(up, &undo);
		else if (ret == -EEXIST)
			ret = nl_error_set(err, EEXIST,
					   "there is another route to it already; remove that first");
	}
	set_free(&have);
	return ret;
}

/* The device is there already: only what differs is changed. */
static int change_device(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_OPTIONS };
	static struct conn_config diff;
	struct connection *list;
	struct problem p;
	struct nl nl;
	int ret;

	up_now(up, "changing the device");
	ret = nl_open_vgw(&nl, err);
	if (ret)
		return ret;
	ret = model_get(&nl, up->name, &list, err);
	if (!ret) {
		model_config(list, &up->before);
		model_free(list);
		if (conf_same_tunnels(&up->before, &up->config, up->path, &p))
			ret = nl_error_set(err, EINVAL, "%s", p.text);
	}
	if (!ret && config_diff(&up->before, &up->config, &diff)) {
		ret = conf_apply(&nl, up->name, &diff, err);
		if (!ret)
			up_did(up, &undo);
	}
	nl_close(&nl);
	return ret;
}

static int make_device(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_DEVICE };
	int ret;

	up_now(up, "the device");
	ret = connection_find(&up->rtnl, up->name, &up->link, err);
	if (!ret)
		return change_device(up, err);
	if (ret != -ENODEV)
		return ret;
	up_now(up, "creating the device");
	ret = connection_add(&up->rtnl, &up->config, err);
	if (ret)
		return ret;
	up_did(up, &undo);
	return connection_find(&up->rtnl, up->name, &up->link, err);
}

static int set_vrf(struct up *up, const struct link_info *vrf, struct nl_error *err)
{
	struct undo undo = { .step = STEP_VRF, .ifindex = up->link.ifindex };
	int ret;

	if (up->link.master == vrf->ifindex)
		return 0;
	up_now(up, "vrf %s", up->around.vrf[0] ? up->around.vrf : "none");
	ret = link_enslave(&up->rtnl, up->link.ifindex, vrf->ifindex, err);
	if (!ret)
		up_did(up, &undo);
	return ret;
}

/* The inside addresses, then the others; returns how many. */
static unsigned int wanted_addrs(const struct up *up, struct prefix *addrs)
{
	const struct tunnel_config *t;
	unsigned int i, n = 0;

	for (i = 0; i < up->config.n_tunnels; i++) {
		t = &up->config.tunnel[i];
		if (!t->inside.len)
			continue;
		addrs[n].addr = t->inside;
		addrs[n++].len = t->inside_len;
	}
	for (i = 0; i < up->around.n_addrs; i++)
		addrs[n++] = up->around.addr[i];
	return n;
}

static int set_addrs(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_ADDR, .ifindex = up->link.ifindex };
	struct prefix addrs[VGW_MAX_TUNNELS + UP_ADDRS];
	unsigned int i, n = wanted_addrs(up, addrs);
	char text[ADDR_LEN];
	struct set have;
	int ret;

	ret = addr_list(&up->rtnl, undo.ifindex, &have, err);
	for (i = 0; i < n && !ret; i++) {
		if (set_has(&have, &addrs[i]))
			continue;
		up_now(up, "address %s", format_prefix(text, sizeof(text), &addrs[i]));
		ret = addr_change(&up->rtnl, true, undo.ifindex, &addrs[i], err);
		/* Given by hand before: so it stays when we go. */
		if (ret == -EEXIST) {
			ret = 0;
			continue;
		}
		undo.prefix = addrs[i];
		if (!ret)
			up_did(up, &undo);
	}
	set_free(&have);
	return ret;
}

static int set_up(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_FLAGS };
	const char *names[VGW_MAX_TUNNELS + 1];
	struct link_info link;
	unsigned int i, n = 0;
	int ret = 0;

	for (i = 0; i < up->config.n_tunnels; i++)
		names[n++] = up->config.tunnel[i].ifname;
	names[n++] = up->name;
	for (i = 0; i < n && !ret; i++) {
		up_now(up, "setting %s up", names[i]);
		ret = link_get(&up->rtnl, names[i], &link, err);
		if (ret || (link.flags & IFF_UP))
			continue;
		ret = link_change(&up->rtnl, link.ifindex, IFF_UP, IFF_UP, err);
		undo.ifindex = link.ifindex;
		if (!ret)
			up_did(up, &undo);
	}
	return ret;
}

/* Written before they are there: then no crash lets one be forgotten. */
static int remember_files(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_PLACED };
	struct placed all = up->placed;
	unsigned int i;
	int ret;

	for (i = 0; i < up->listed.n; i++)
		placed_add(&all, up->listed.name[i]);
	if (all.n == up->placed.n)
		return 0;
	ret = swanctl_set_placed(up->name, &all, err);
	if (!ret)
		up_did(up, &undo);
	return ret;
}

static int load_keys(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_LOAD };
	unsigned int i;
	bool changed;
	int ret;

	swanctl_placed(up->name, &up->placed);
	if (!up->around.n_files && !up->placed.n)
		return 0;
	/* Taken back last: then with the files that were there before. */
	up_did(up, &undo);
	up_now(up, "strongSwan's file");
	ret = remember_files(up, err);
	undo.step = STEP_FILE;
	for (i = 0; i < up->around.n_files && !ret; i++) {
		undo.file = up->files[i];
		ret = swanctl_place(undo.file, &changed, err);
		if (!ret && changed)
			up_did(up, &undo);
	}
	for (i = 0; i < up->placed.n && !ret; i++) {
		undo.file = up->placed.name[i];
		if (placed_has(&up->listed, undo.file))
			continue;
		ret = swanctl_hide(undo.file, &changed, err);
		if (!ret && changed)
			up_did(up, &undo);
	}
	if (ret)
		return ret;
	up_now(up, "strongSwan");
	return swanctl_load(err);
}

/* Nothing of it will be taken back. */
static void settle_files(struct up *up)
{
	struct nl_error err;
	bool stale = false;
	unsigned int i;

	for (i = 0; i < up->listed.n; i++)
		swanctl_settle(up->listed.name[i]);
	for (i = 0; i < up->placed.n; i++) {
		swanctl_settle(up->placed.name[i]);
		stale |= !placed_has(&up->listed, up->placed.name[i]);
	}
	if (stale)
		swanctl_set_placed(up->name, &up->listed, &err);
}

/* What an earlier up set and the file no longer says. */
static void remove_stale(struct up *up)
{
	struct prefix addrs[VGW_MAX_TUNNELS + UP_ADDRS];
	unsigned int i, ifindex = up->link.ifindex;
	struct set want = { .prefix = addrs }, have;
	struct nl_error err;

	want.n = wanted_addrs(up, addrs);
	if (!addr_list(&up->rtnl, ifindex, &have, &err))
		for (i = 0; i < have.n; i++)
			if (!set_has(&want, &have.prefix[i]))
				addr_change(&up->rtnl, false, ifindex, &have.prefix[i], &err);
	set_free(&have);

	want.n = up->around.n_routes;
	want.prefix = up->around.route;
	if (!route_list(&up->rtnl, ifindex, 0, up->table, &have, &err)) {
		for (i = 0; i < have.n; i++)
			if (!set_has(&want, &have.prefix[i]))
				route_change(&up->rtnl, false, ifindex, 0, up->table,
					     &have.prefix[i], &err);
	}
	set_free(&have);
	up_remove_guards(up, true);
	settle_files(up);
}

static int bring_up(struct up *up, struct nl_error *err)
{
	struct link_info vrf;
	int ret;

	ret = find_vrf(up, &vrf, err);
	if (!ret)
		ret = set_routes(up, "the guard", up_guard(up), up->around.guard,
				 up->around.n_guards, err);
	if (!ret)
		ret = set_routes(up, "the unreachable route", up_guard(up), up->around.route,
				 up->around.n_routes, err);
	if (!ret)
		ret = make_device(up, err);
	if (!ret)
		ret = set_vrf(up, &vrf, err);
	if (!ret)
		ret = set_addrs(up, err);
	if (!ret)
		ret = set_up(up, err);
	if (!ret)
		ret = set_routes(up, "the route", 0, up->around.route, up->around.n_routes, err);
	if (!ret)
		ret = load_keys(up, err);
	if (!ret)
		remove_stale(up);
	return ret;
}

/**
 * cmd_up - vgwctl up
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_up(const struct command *cmd, int argc, char **argv)
{
	struct nl_error err;
	char left[1024];
	struct up *up;
	int rc;

	up = up_begin(cmd, argc, argv, &rc);
	if (!up)
		return rc;
	rc = RC_OK;
	if (bring_up(up, &err)) {
		up_undo(up, &err, left, sizeof(left));
		fprintf(stderr, "vgwctl: up %s: %s: %s; %s%s\n", up->name, up->at, err.text,
			left[0] ? "and this could not be undone: " : "everything is as it was before",
			left);
		rc = RC_REFUSED;
	}
	up_end(up);
	return rc;
}
