// SPDX-License-Identifier: GPL-2.0
/*
 * vgwctl up and down - everything around a connection, in an order in which
 * nothing leaves in clear: networks are unreachable before they are routed, and
 * routed before there are keys; the other way round on the way down.
 */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swanctl.h"
#include "vgwctl.h"

enum step {
	STEP_DEVICE,
	STEP_OPTIONS,
	STEP_VRF,
	STEP_ADDR,
	STEP_FLAGS,
	STEP_ROUTE,
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
			 UP_FILES + STEP_LOAD)

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
	unsigned int n_done;
	struct undo done[UP_STEPS];
	char at[256];
};

/* NAME, or a path to NAME.conf. */
static int find_file(struct up *up, const char *arg, struct problem *p)
{
	const char *base = strrchr(arg, '/');
	char name[NAME_MAX + 1];
	size_t len;

	snprintf(name, sizeof(name), "%s", base ? base + 1 : arg);
	len = strlen(name);
	if (base && len > 5 && !strcmp(name + len - 5, ".conf"))
		name[len - 5] = '\0';
	if (parse_ifname(name, up->name, p))
		return -EINVAL;
	if (base) {
		snprintf(up->path, sizeof(up->path), "%s", arg);
		snprintf(up->dir, sizeof(up->dir), "%.*s", (int)(base + 1 - arg), arg);
	} else {
		snprintf(up->path, sizeof(up->path), VGW_DIR "/%s.conf", up->name);
		snprintf(up->dir, sizeof(up->dir), VGW_DIR "/");
	}
	return 0;
}

static int read_file(struct up *up, const char *arg, struct problem *p)
{
	unsigned int i;
	FILE *f;
	int ret;

	ret = find_file(up, arg, p);
	if (ret)
		return ret;
	f = fopen(up->path, "re");
	if (!f)
		return problem(p, "%.200s: %s", up->path, strerror(errno));
	ret = config_read(f, up->path, &up->config, &up->around, p);
	fclose(f);
	if (ret)
		return ret;
	snprintf(up->config.ifname, sizeof(up->config.ifname), "%s", up->name);
	for (i = 0; i < up->around.n_files; i++) {
		ret = snprintf(up->files[i], PATH_MAX, "%s%s",
			       up->around.file[i][0] == '/' ? "" : up->dir, up->around.file[i]);
		if (ret >= PATH_MAX)
			return problem(p, "%.80s: the name is too long", up->around.file[i]);
	}
	return 0;
}

__printf(2, 3)
static void now(struct up *up, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(up->at, sizeof(up->at), fmt, ap);
	va_end(ap);
}

static void did(struct up *up, const struct undo *undo)
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

/* The best that can be done: what fails here does not hide why it is done. */
static void undo_all(struct up *up)
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
		case STEP_FILE:
			swanctl_restore(u->file);
			break;
		case STEP_LOAD:
			swanctl_load(&err);
			break;
		}
	}
}

static int find_vrf(struct up *up, struct link_info *vrf, struct nl_error *err)
{
	int ret;

	memset(vrf, 0, sizeof(*vrf));
	if (!up->around.vrf[0])
		return 0;
	now(up, "vrf %s", up->around.vrf);
	ret = link_get(&up->rtnl, up->around.vrf, vrf, err);
	if (ret == -ENODEV)
		return nl_error_set(err, ENODEV, "there is no such device; ip link add %s type vrf table N makes one",
				    up->around.vrf);
	if (!ret && !vrf->table)
		ret = nl_error_set(err, EINVAL, "this device is no VRF");
	up->table = vrf->table;
	return ret;
}

/* Several connections may guard one network: the metric says whose a guard is. */
static uint32_t own_guard(const struct up *up)
{
	const char *c;
	uint32_t hash = 0;

	for (c = up->name; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	return GUARD_FIRST + hash % (GUARD_METRIC - GUARD_FIRST);
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
		now(up, "%s %s", how, format_prefix(text, sizeof(text), &undo.prefix));
		ret = route_change(&up->rtnl, true, undo.ifindex, guard, up->table, &undo.prefix,
				   err);
		if (!ret)
			did(up, &undo);
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

	now(up, "changing the device");
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
			did(up, &undo);
	}
	nl_close(&nl);
	return ret;
}

static int make_device(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_DEVICE };
	int ret;

	now(up, "the device");
	ret = connection_find(&up->rtnl, up->name, &up->link, err);
	if (!ret)
		return change_device(up, err);
	if (ret != -ENODEV)
		return ret;
	now(up, "creating the device");
	ret = connection_add(&up->rtnl, &up->config, err);
	if (ret)
		return ret;
	did(up, &undo);
	return connection_find(&up->rtnl, up->name, &up->link, err);
}

static int set_vrf(struct up *up, const struct link_info *vrf, struct nl_error *err)
{
	struct undo undo = { .step = STEP_VRF, .ifindex = up->link.ifindex };
	int ret;

	if (up->link.master == vrf->ifindex)
		return 0;
	now(up, "vrf %s", up->around.vrf[0] ? up->around.vrf : "none");
	ret = link_enslave(&up->rtnl, up->link.ifindex, vrf->ifindex, err);
	if (!ret)
		did(up, &undo);
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
		now(up, "address %s", format_prefix(text, sizeof(text), &addrs[i]));
		ret = addr_change(&up->rtnl, true, undo.ifindex, &addrs[i], err);
		/* Given by hand before: so it stays when we go. */
		if (ret == -EEXIST) {
			ret = 0;
			continue;
		}
		undo.prefix = addrs[i];
		if (!ret)
			did(up, &undo);
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
		now(up, "setting %s up", names[i]);
		ret = link_get(&up->rtnl, names[i], &link, err);
		if (ret || (link.flags & IFF_UP))
			continue;
		ret = link_change(&up->rtnl, link.ifindex, IFF_UP, IFF_UP, err);
		undo.ifindex = link.ifindex;
		if (!ret)
			did(up, &undo);
	}
	return ret;
}

static int load_keys(struct up *up, struct nl_error *err)
{
	struct undo undo = { .step = STEP_LOAD };
	unsigned int i;
	bool placed;
	int ret = 0;

	if (!up->around.n_files)
		return 0;
	/* Taken back last: then with the files that were there before. */
	did(up, &undo);
	undo.step = STEP_FILE;
	for (i = 0; i < up->around.n_files && !ret; i++) {
		undo.file = up->files[i];
		now(up, "strongSwan's file");
		ret = swanctl_place(undo.file, &placed, err);
		if (!ret && placed)
			did(up, &undo);
	}
	now(up, "strongSwan");
	return ret ? ret : swanctl_load(err);
}

/* This connection's guards, but those that are wanted. */
static bool remove_guards(struct up *up, const struct set *want)
{
	uint32_t guard = own_guard(up);
	struct nl_error err;
	bool any = false;
	struct set have;
	unsigned int i;

	if (!route_list(&up->rtnl, 0, guard, up->table, &have, &err)) {
		for (i = 0; i < have.n; i++) {
			if (set_has(want, &have.prefix[i]))
				continue;
			any = true;
			route_change(&up->rtnl, false, 0, guard, up->table, &have.prefix[i],
				     &err);
		}
	}
	set_free(&have);
	return any;
}

/* What an earlier up set or placed and the file no longer says. */
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
		for (i = 0; i < have.n; i++) {
			if (set_has(&want, &have.prefix[i]))
				continue;
			route_change(&up->rtnl, false, ifindex, 0, up->table, &have.prefix[i],
				     &err);
			route_change(&up->rtnl, false, 0, GUARD_METRIC, up->table,
				     &have.prefix[i], &err);
		}
	}
	set_free(&have);
	want.n = up->around.n_guards;
	want.prefix = up->around.guard;
	remove_guards(up, &want);
	for (i = 0; i < up->around.n_files; i++)
		swanctl_settle(up->files[i]);
}

static int bring_up(struct up *up, struct nl_error *err)
{
	struct link_info vrf;
	int ret;

	ret = find_vrf(up, &vrf, err);
	if (!ret)
		ret = set_routes(up, "the guard", own_guard(up), up->around.guard,
				 up->around.n_guards, err);
	if (!ret)
		ret = set_routes(up, "the unreachable route", GUARD_METRIC, up->around.route,
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
	if (ret)
		undo_all(up);
	else
		remove_stale(up);
	return ret;
}

static struct up *begin(const struct command *cmd, int argc, char **argv, int *rc)
{
	struct nl_error err;
	struct problem p;
	struct up *up;

	*rc = RC_USAGE;
	if (argc != 2) {
		usage_error(cmd, argc < 2 ? "the name is missing" : "one at a time");
		return NULL;
	}
	up = calloc(1, sizeof(*up));
	if (!up)
		return NULL;
	if (read_file(up, argv[1], &p)) {
		fprintf(stderr, "vgwctl: %s %s: %s\n", cmd->name, argv[1], p.text);
		free(up);
		return NULL;
	}
	if (nl_open(&up->rtnl, NETLINK_ROUTE, &err)) {
		*rc = refused(cmd, up->name, &err);
		free(up);
		return NULL;
	}
	return up;
}

static void end(struct up *up)
{
	nl_close(&up->rtnl);
	free(up);
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
	struct up *up;
	int rc;

	up = begin(cmd, argc, argv, &rc);
	if (!up)
		return rc;
	rc = RC_OK;
	if (bring_up(up, &err)) {
		fprintf(stderr, "vgwctl: up %s: %s: %s; everything is as it was before\n",
			up->name, up->at, err.text);
		rc = RC_REFUSED;
	}
	end(up);
	return rc;
}

/* First the daemon forgets, else it would bring the SAs back. */
static int unload_keys(struct up *up, bool *any, struct nl_error *err)
{
	bool removed, changed = false;
	unsigned int i;
	int ret = 0;

	for (i = 0; i < up->around.n_files && !ret; i++) {
		now(up, "strongSwan's file");
		ret = swanctl_remove(up->files[i], &removed, err);
		changed |= removed;
	}
	if (ret || !changed)
		return ret;
	*any = true;
	now(up, "strongSwan");
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
	find_vrf(up, &vrf, &err);
	ret = unload_keys(up, any, first);
	if (!connection_find(&up->rtnl, up->name, &up->link, &err)) {
		*any = true;
		now(up, "deleting the device");
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
	*any |= remove_guards(up, &none);
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

	up = begin(cmd, argc, argv, &rc);
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
	end(up);
	return rc;
}
