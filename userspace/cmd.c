// SPDX-License-Identifier: GPL-2.0
/* The commands that change something, and show. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "metrics.h"
#include "vgwctl.h"

#define KIND		"vgw"
#define KIND_TUNNEL	"vgw_tunnel"

/**
 * connection_add - create a connection
 * @nl: a socket of rtnetlink
 * @conn: its name and options
 * @err: why not
 */
int connection_add(struct nl *nl, const struct conn_config *conn, struct nl_error *err)
{
	struct nlattr *info, *data;
	struct ifinfomsg *ifi;
	struct nl_req req;
	int note;

	req_init(&req, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	ifi = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(req.hdr, IFLA_IFNAME, conn->ifname);
	note = req_begin(&req);
	info = mnl_attr_nest_start(req.hdr, IFLA_LINKINFO);
	mnl_attr_put_strz(req.hdr, IFLA_INFO_KIND, KIND);
	data = mnl_attr_nest_start(req.hdr, IFLA_INFO_DATA);
	req_put_config(&req, conn, "");
	mnl_attr_nest_end(req.hdr, data);
	mnl_attr_nest_end(req.hdr, info);
	req_end(&req, note, "connection");
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * connection_find - learn about a connection's device
 * @nl: a socket of rtnetlink
 * @ifname: its name
 * @link: the result
 * @err: why not; a device of another kind is refused
 */
int connection_find(struct nl *nl, const char *ifname, struct link_info *link,
		    struct nl_error *err)
{
	int ret = link_get(nl, ifname, link, err);

	if (ret || !strcmp(link->kind, KIND))
		return ret;
	if (!strcmp(link->kind, KIND_TUNNEL))
		return nl_error_set(err, EINVAL,
				    "this is a tunnel; it goes with its connection only");
	return nl_error_set(err, EINVAL, "this is no connection of vgw but %s",
			    link->kind[0] ? link->kind : "another device");
}

/**
 * connection_del - delete a connection
 * @nl: a socket of rtnetlink
 * @link: of connection_find()
 * @err: why not
 */
int connection_del(struct nl *nl, const struct link_info *link, struct nl_error *err)
{
	struct ifinfomsg *ifi;
	struct nl_req req;

	req_init(&req, RTM_DELLINK, 0);
	ifi = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	/* By index: the name may be another device's by now. */
	ifi->ifi_index = link->ifindex;
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * cmd_add - vgwctl add
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_add(const struct command *cmd, int argc, char **argv)
{
	struct conn_config conn = {};
	struct nl_error err;
	struct problem p;
	struct nl nl;
	int ret;

	if (argc < 2)
		return usage_error(cmd, "the device's name is missing");
	if (parse_ifname(argv[1], conn.ifname, &p))
		return usage_error(cmd, "%s", p.text);
	if (parse_connection(argc - 2, argv + 2, &conn, &p))
		return usage_error_of(cmd, conn.ifname, &p);

	if (nl_open(&nl, NETLINK_ROUTE, &err))
		return refused(cmd, conn.ifname, &err);
	ret = connection_add(&nl, &conn, &err);
	nl_close(&nl);
	return ret ? refused(cmd, conn.ifname, &err) : RC_OK;
}

/**
 * cmd_del - vgwctl del
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_del(const struct command *cmd, int argc, char **argv)
{
	char ifname[IFNAMSIZ];
	struct link_info link;
	struct nl_error err;
	struct problem p;
	struct nl nl;
	int ret;

	if (argc < 2)
		return usage_error(cmd, "the device's name is missing");
	if (argc > 2)
		return usage_error(cmd, "%s: one device at a time", argv[2]);
	if (parse_ifname(argv[1], ifname, &p))
		return usage_error(cmd, "%s", p.text);
	if (nl_open(&nl, NETLINK_ROUTE, &err))
		return refused(cmd, ifname, &err);

	ret = connection_find(&nl, ifname, &link, &err);
	if (!ret)
		ret = connection_del(&nl, &link, &err);
	nl_close(&nl);
	return ret ? refused(cmd, ifname, &err) : RC_OK;
}

/* Give an index to each tunnel that was named by its device. */
static int find_tunnels(struct nl *nl, struct conn_config *conn, struct nl_error *err)
{
	struct connection *list = NULL;
	struct tunnel_config *t;
	unsigned int i, j;
	int ret = 0;

	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		if (t->index >= 0)
			continue;
		if (!list) {
			ret = model_get(nl, conn->ifname, &list, err);
			if (ret)
				return ret;
		}
		for (j = 0; j < list->n_tunnels; j++)
			if (!strcmp(t->ifname, list->tunnel[j].config.ifname))
				t->index = list->tunnel[j].config.index;
		if (t->index < 0) {
			ret = nl_error_set(err, ENODEV, "%s: %s has no such tunnel", t->label,
					   conn->ifname);
			break;
		}
	}
	for (i = 0; !ret && i < conn->n_tunnels; i++)
		for (j = 0; j < i; j++)
			if (conn->tunnel[i].index == conn->tunnel[j].index)
				ret = nl_error_set(err, EINVAL, "%s: this tunnel is there twice",
						   conn->tunnel[i].label);
	model_free(list);
	return ret;
}

/**
 * cmd_set - vgwctl set
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_set(const struct command *cmd, int argc, char **argv)
{
	struct conn_config conn = {};
	struct nl_error err;
	struct nl_req req;
	struct problem p;
	struct nl nl;
	int ret;

	if (argc < 2)
		return usage_error(cmd, "the device's name is missing");
	if (parse_ifname(argv[1], conn.ifname, &p))
		return usage_error(cmd, "%s", p.text);
	if (parse_changes(argc - 2, argv + 2, &conn, &p))
		return usage_error_of(cmd, conn.ifname, &p);

	if (nl_open_vgw(&nl, &err))
		return refused(cmd, conn.ifname, &err);
	ret = find_tunnels(&nl, &conn, &err);
	if (!ret) {
		req_init_vgw(&req, &nl, VGW_CMD_SET, 0);
		mnl_attr_put_strz(req.hdr, VGW_A_IFNAME, conn.ifname);
		req_put_config(&req, &conn, "");
		ret = nl_talk(&nl, &req, NULL, NULL, &err);
	}
	nl_close(&nl);
	return ret ? refused(cmd, conn.ifname, &err) : RC_OK;
}

/* The commands whose one argument after the device is a tunnel. */
static int one_tunnel(const struct command *cmd, int argc, char **argv, uint8_t genl_cmd,
		      int drain)
{
	char *tunnel[] = { (char []){ "tunnel" }, NULL,
			   (char []){ "preference" }, (char []){ "0" } };
	struct conn_config conn = {};
	struct nl_error err;
	struct nlattr *nest;
	struct nl_req req;
	struct problem p;
	struct nl nl;
	int note, ret;

	if (argc < 2)
		return usage_error(cmd, "the device's name is missing");
	if (argc < 3)
		return usage_error(cmd, "say which tunnel: its number, from 1, or its device");
	if (argc > 3)
		return usage_error(cmd, "%s: one tunnel at a time", argv[3]);
	if (parse_ifname(argv[1], conn.ifname, &p))
		return usage_error(cmd, "%s", p.text);
	/* Taken as a change, of which only the tunnel matters. */
	tunnel[1] = argv[2];
	if (parse_changes(4, tunnel, &conn, &p))
		return usage_error_of(cmd, conn.ifname, &p);

	if (nl_open_vgw(&nl, &err))
		return refused(cmd, conn.ifname, &err);
	ret = find_tunnels(&nl, &conn, &err);
	if (!ret) {
		req_init_vgw(&req, &nl, genl_cmd, 0);
		mnl_attr_put_strz(req.hdr, VGW_A_IFNAME, conn.ifname);
		note = req_begin(&req);
		nest = mnl_attr_nest_start(req.hdr, VGW_A_TUNNEL_SELECT);
		mnl_attr_put_u8(req.hdr, VGW_A_TUNNEL_INDEX, conn.tunnel[0].index);
		mnl_attr_nest_end(req.hdr, nest);
		req_end(&req, note, "%s", conn.tunnel[0].label);
		if (drain >= 0)
			mnl_attr_put_u8(req.hdr, VGW_A_DRAIN, drain);
		ret = nl_talk(&nl, &req, NULL, NULL, &err);
	}
	nl_close(&nl);
	return ret ? refused(cmd, conn.ifname, &err) : RC_OK;
}

/**
 * cmd_switch - vgwctl switch
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_switch(const struct command *cmd, int argc, char **argv)
{
	return one_tunnel(cmd, argc, argv, VGW_CMD_SWITCH, -1);
}

/**
 * cmd_drain - vgwctl drain and undrain
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_drain(const struct command *cmd, int argc, char **argv)
{
	return one_tunnel(cmd, argc, argv, VGW_CMD_DRAIN, strcmp(argv[0], "undrain") != 0);
}

/**
 * cmd_show - vgwctl show
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_show(const struct command *cmd, int argc, char **argv)
{
	const char *dev = argc > 1 ? argv[1] : NULL;
	struct connection *list, *conn;
	char ifname[IFNAMSIZ];
	struct nl_error err;
	struct problem p;
	int rc = RC_OK;
	struct nl nl;

	if (argc > 2)
		return usage_error(cmd, "%s: one device at a time", argv[2]);
	if (dev && parse_ifname(dev, ifname, &p))
		return usage_error(cmd, "%s", p.text);
	if (nl_open_vgw(&nl, &err))
		return refused(cmd, dev, &err);
	if (model_get(&nl, dev, &list, &err) || model_get_links(list, &err)) {
		nl_close(&nl);
		return refused(cmd, dev, &err);
	}
	nl_close(&nl);

	if (global.json)
		rc = json_connections(list);
	for (conn = list; conn && !global.json; conn = conn->next) {
		if (conn != list)
			putchar('\n');
		show_connection(conn);
	}
	model_free(list);
	return rc;
}

static void count_link(const struct link_info *link, void *data)
{
	(void)link;
	++*(unsigned int *)data;
}

/* All connections; of none, without a module being loaded for it. */
static int get_all(struct connection **list, struct nl_error *err)
{
	unsigned int n = 0;
	struct nl nl;
	int ret;

	*list = NULL;
	ret = nl_open(&nl, NETLINK_ROUTE, err);
	if (ret)
		return ret;
	ret = link_each(&nl, KIND, count_link, &n, err);
	nl_close(&nl);
	if (ret || !n)
		return ret;
	ret = nl_open_vgw(&nl, err);
	if (ret)
		return ret;
	ret = model_get(&nl, NULL, list, err);
	nl_close(&nl);
	return ret;
}

/**
 * cmd_metrics - vgwctl metrics
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_metrics(const struct command *cmd, int argc, char **argv)
{
	struct connection *list;
	struct nl_error err;
	struct timespec now;

	if (argc > 1)
		return usage_error(cmd, "%s: it is always about all connections", argv[1]);
	if (get_all(&list, &err))
		return refused(cmd, NULL, &err);
	clock_gettime(CLOCK_REALTIME, &now);
	metrics_print(stdout, list, now.tv_sec + now.tv_nsec / 1e9);
	model_free(list);
	return RC_OK;
}

static void print_name(const struct link_info *link, void *data)
{
	(void)data;
	puts(link->ifname);
}

/**
 * cmd_complete - what the shell can complete, one word a line
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 *
 * Says nothing about errors, and asks for tunnels of what is known to be a
 * connection only: a Tab shall not load a module.
 */
int cmd_complete(const struct command *cmd, int argc, char **argv)
{
	struct connection *list = NULL;
	struct link_info link;
	struct nl_error err;
	unsigned int i;
	struct nl nl;

	if (argc < 2 || argc > 3)
		return usage_error(cmd, "devices or tunnels DEV");
	if (nl_open(&nl, NETLINK_ROUTE, &err))
		return RC_REFUSED;
	if (argc == 2) {
		link_each(&nl, KIND, print_name, NULL, &err);
		nl_close(&nl);
		return RC_OK;
	}
	if (link_get(&nl, argv[2], &link, &err) || strcmp(link.kind, KIND)) {
		nl_close(&nl);
		return RC_REFUSED;
	}
	nl_close(&nl);

	if (nl_open_vgw(&nl, &err))
		return RC_REFUSED;
	model_get(&nl, argv[2], &list, &err);
	nl_close(&nl);
	for (i = 0; list && i < list->n_tunnels; i++)
		puts(list->tunnel[i].config.ifname);
	model_free(list);
	return RC_OK;
}
