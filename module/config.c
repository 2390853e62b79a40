// SPDX-License-Identifier: GPL-2.0
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ipv6.h>
#include <net/netlink.h>

#include "bundle.h"
#include "config.h"
#include "conn.h"
#include "link.h"
#include "mss.h"
#include "netlink_gen.h"
#include "todo.h"
#include "tunnels.h"

#define DEFAULT_REVERT		30000
#define DEFAULT_INTERVAL	2000
#define DEFAULT_MISSES		3
#define DEFAULT_PREFERENCE	100

static int refuse(struct netlink_ext_ack *extack, const struct nlattr *attr,
		  const char *why, int err)
{
	NL_SET_BAD_ATTR(extack, attr);
	if (extack)
		extack->_msg = why;
	return err;
}

static bool unicast(const struct vgw_addr *addr)
{
	if (addr->family == AF_INET)
		return !ipv4_is_zeronet(addr->a.a4) && !ipv4_is_multicast(addr->a.a4) &&
		       !ipv4_is_lbcast(addr->a.a4) && !ipv4_is_loopback(addr->a.a4);
	return ipv6_addr_type(&addr->a.in6) & IPV6_ADDR_UNICAST &&
	       !ipv6_addr_loopback(&addr->a.in6) &&
	       !ipv6_addr_v4mapped(&addr->a.in6);
}

static int get_addr(struct vgw_addr *addr, const struct nlattr *attr,
		    struct netlink_ext_ack *extack)
{
	struct vgw_addr new = {};

	switch (nla_len(attr)) {
	case 0:		/* takes the address away */
		*addr = new;
		return 0;
	case sizeof(struct in_addr):
		new.family = AF_INET;
		break;
	case sizeof(struct in6_addr):
		new.family = AF_INET6;
		break;
	default:
		return refuse(extack, attr, "Address must have 4 or 16 bytes", -EINVAL);
	}
	memcpy(&new.a, nla_data(attr), nla_len(attr));
	if (!unicast(&new))
		return refuse(extack, attr, "Address must be a unicast address, not loopback",
			      -EADDRNOTAVAIL);
	*addr = new;
	return 0;
}

static bool same(const struct vgw_addr *a, const struct vgw_addr *b)
{
	return a->family == b->family &&
	       (a->family == AF_UNSPEC || xfrm_addr_equal(&a->a, &b->a, a->family));
}

/* The other host address of a /30, /31, /126 or /127. */
static bool default_peer(struct vgw_tunnel_config *config)
{
	__be32 *word;
	u32 host;

	if (config->inside.family == AF_INET) {
		word = &config->inside.a.a4;
		host = ntohl(*word) & 3;
		if (config->inside_len != 30 && config->inside_len != 31)
			return false;
	} else if (config->inside.family == AF_INET6) {
		word = &config->inside.a.a6[3];
		host = ntohl(*word) & 3;
		if (config->inside_len != 126 && config->inside_len != 127)
			return false;
	} else {
		return false;
	}
	if (config->inside_len == 30 || config->inside_len == 126) {
		if (host != 1 && host != 2)
			return false;
		host = 3;
	} else {
		host = 1;
	}
	config->peer = config->inside;
	word = config->inside.family == AF_INET ? &config->peer.a.a4 :
						  &config->peer.a.a6[3];
	*word ^= htonl(host);
	return true;
}

static int get_key(struct vgw_tunnel_config *config, struct nlattr *tb[],
		   const struct nlattr *nest, bool new, struct netlink_ext_ack *extack)
{
	struct vgw_key key = {};

	if (tb[VGW_A_TUNNEL_IF_ID] && tb[VGW_A_TUNNEL_MARK])
		return refuse(extack, tb[VGW_A_TUNNEL_MARK],
			      "A tunnel has one key: if_id or mark, not both", -EINVAL);
	if (tb[VGW_A_TUNNEL_MARK_MASK] && !tb[VGW_A_TUNNEL_MARK])
		return refuse(extack, tb[VGW_A_TUNNEL_MARK_MASK],
			      "A mask needs a mark", -EINVAL);
	if (tb[VGW_A_TUNNEL_IF_ID]) {
		key.if_id = nla_get_u32(tb[VGW_A_TUNNEL_IF_ID]);
	} else if (tb[VGW_A_TUNNEL_MARK]) {
		key.mark.v = nla_get_u32(tb[VGW_A_TUNNEL_MARK]);
		key.mark.m = U32_MAX;
		if (tb[VGW_A_TUNNEL_MARK_MASK])
			key.mark.m = nla_get_u32(tb[VGW_A_TUNNEL_MARK_MASK]);
		if (!key.mark.m)
			return refuse(extack, tb[VGW_A_TUNNEL_MARK_MASK],
				      "A mask of 0 would match every SA", -EINVAL);
		if (!(key.mark.v & key.mark.m) || key.mark.v & ~key.mark.m)
			return refuse(extack, tb[VGW_A_TUNNEL_MARK],
				      "The mark must be non-zero and within its mask", -EINVAL);
	} else if (new) {
		return refuse(extack, nest, "A tunnel needs a key: if_id or mark", -EINVAL);
	} else {
		return 0;
	}

	if (!new && (key.if_id != config->key.if_id ||
		     key.mark.v != config->key.mark.v || key.mark.m != config->key.mark.m))
		return refuse(extack, tb[VGW_A_TUNNEL_IF_ID] ?: tb[VGW_A_TUNNEL_MARK],
			      "A tunnel keeps its key: delete the connection and add it anew",
			      -EOPNOTSUPP);
	config->key = key;
	return 0;
}

static int get_outer(struct vgw_tunnel_config *config, struct nlattr *tb[],
		     const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	int err;

	if (tb[VGW_A_TUNNEL_LOCAL]) {
		err = get_addr(&config->local, tb[VGW_A_TUNNEL_LOCAL], extack);
		if (err)
			return err;
	}
	if (tb[VGW_A_TUNNEL_REMOTE]) {
		err = get_addr(&config->remote, tb[VGW_A_TUNNEL_REMOTE], extack);
		if (err)
			return err;
	}
	if (config->local.family && config->remote.family) {
		const struct nlattr *attr = tb[VGW_A_TUNNEL_REMOTE] ?:
					    tb[VGW_A_TUNNEL_LOCAL] ?: nest;

		if (config->local.family != config->remote.family)
			return refuse(extack, attr,
				      "local and remote must be of one address family", -EINVAL);
		if (same(&config->local, &config->remote))
			return refuse(extack, attr, "local and remote must differ", -EINVAL);
	}
	if (config->key.mark.m && !config->remote.family)
		return refuse(extack, nest,
			      "A mark key needs remote: inbound SAs are found by it", -EINVAL);
	return 0;
}

static int get_inside(struct vgw_tunnel_config *config, struct nlattr *tb[],
		      const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	unsigned int max;
	int err;

	if (tb[VGW_A_TUNNEL_INSIDE]) {
		err = get_addr(&config->inside, tb[VGW_A_TUNNEL_INSIDE], extack);
		if (err)
			return err;
		/* The peer follows, unless the request names one. */
		config->peer = (struct vgw_addr){};
		config->inside_len = config->inside.family == AF_INET6 ? 128 : 32;
	}
	if (tb[VGW_A_TUNNEL_INSIDE_LEN]) {
		max = config->inside.family == AF_INET6 ? 128 : 32;
		config->inside_len = nla_get_u8(tb[VGW_A_TUNNEL_INSIDE_LEN]);
		if (!config->inside.family)
			return refuse(extack, tb[VGW_A_TUNNEL_INSIDE_LEN],
				      "A prefix length needs an inside address", -EINVAL);
		if (!config->inside_len || config->inside_len > max)
			return refuse(extack, tb[VGW_A_TUNNEL_INSIDE_LEN],
				      "The prefix length must be 1 to 32 (IPv4) or 128 (IPv6)",
				      -ERANGE);
	}
	if (tb[VGW_A_TUNNEL_PEER]) {
		err = get_addr(&config->peer, tb[VGW_A_TUNNEL_PEER], extack);
		if (err)
			return err;
	} else if (tb[VGW_A_TUNNEL_INSIDE]) {
		default_peer(config);
	}
	if (!config->peer.family)
		return 0;

	attr = tb[VGW_A_TUNNEL_PEER] ?: tb[VGW_A_TUNNEL_INSIDE] ?: nest;
	if (!config->inside.family)
		return refuse(extack, attr, "peer needs an inside address", -EINVAL);
	if (config->inside.family != config->peer.family)
		return refuse(extack, attr,
			      "inside and peer must be of one address family", -EINVAL);
	if (same(&config->inside, &config->peer))
		return refuse(extack, attr, "inside and peer must differ", -EINVAL);
	return 0;
}

static int get_keepalive(struct vgw_tunnel_config *config, struct nlattr *tb[],
			 const struct nlattr *nest, bool new,
			 struct netlink_ext_ack *extack)
{
	bool able = config->peer.family != AF_UNSPEC;

	if (tb[VGW_A_TUNNEL_INTERVAL])
		config->interval = nla_get_u32(tb[VGW_A_TUNNEL_INTERVAL]);
	if (tb[VGW_A_TUNNEL_MISSES])
		config->misses = nla_get_u32(tb[VGW_A_TUNNEL_MISSES]);
	if (tb[VGW_A_TUNNEL_KEEPALIVE])
		config->keepalive = nla_get_u32(tb[VGW_A_TUNNEL_KEEPALIVE]);
	else if (new)
		config->keepalive = able ? VGW_KEEPALIVE_ACTIVE : VGW_KEEPALIVE_PASSIVE;

	if (vgw_fo_asks(config->keepalive) && !able)
		return refuse(extack, tb[VGW_A_TUNNEL_KEEPALIVE] ?:
			      tb[VGW_A_TUNNEL_INTERVAL] ?:
			      tb[VGW_A_TUNNEL_INSIDE] ?: nest,
			      "An active keepalive needs inside and peer", -EINVAL);
	return 0;
}

/* What only the kernel says has no place in a request. */
static int read_only(struct nlattr *tb[], struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = VGW_A_TUNNEL_DRAINED; i <= VGW_A_TUNNEL_MAX; i++)
		if (tb[i])
			return refuse(extack, tb[i], "This attribute is read only", -EINVAL);
	return 0;
}

static int get_tunnel(struct vgw_tunnel_config *config, struct nlattr *tb[],
		      const struct nlattr *nest, bool new, struct netlink_ext_ack *extack)
{
	int err;

	err = read_only(tb, extack);
	if (err)
		return err;
	if (tb[VGW_A_TUNNEL_PREFERENCE])
		config->preference = nla_get_u32(tb[VGW_A_TUNNEL_PREFERENCE]);
	err = get_key(config, tb, nest, new, extack);
	if (err)
		return err;
	err = get_outer(config, tb, nest, extack);
	if (err)
		return err;
	err = get_inside(config, tb, nest, extack);
	if (err)
		return err;
	return get_keepalive(config, tb, nest, new, extack);
}

/* What one connection's tunnels may not share. */
static int cross_check(const struct vgw_conn_config *config, unsigned int i,
		       const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct vgw_tunnel_config *t = &config->tunnels[i];
	unsigned int j;

	for (j = 0; j < config->n; j++) {
		const struct vgw_tunnel_config *o = &config->tunnels[j];

		if (i == j)
			continue;
		if (t->key.if_id == o->key.if_id && t->key.mark.v == o->key.mark.v)
			return refuse(extack, nest, "Two tunnels have the same key", -EEXIST);
		if (t->peer.family && same(&t->peer, &o->peer))
			return refuse(extack, nest, "Two tunnels have the same inside peer",
				      -EEXIST);
		if (*config->names[i] && !strcmp(config->names[i], config->names[j]))
			return refuse(extack, nest, "Two tunnels have the same name", -EEXIST);
	}
	return 0;
}

static int get_conn(struct vgw_conn_config *config, struct nlattr *data[],
		    struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = VGW_A_TUNNEL_SELECT; i <= VGW_A_DRAIN; i++)
		if (data[i])
			return refuse(extack, data[i],
				      "This attribute has no place in a configuration", -EINVAL);
	if (data[VGW_A_REVERT])
		config->revert = nla_get_u32(data[VGW_A_REVERT]);
	if (data[VGW_A_MTU]) {
		config->mtu = nla_get_u32(data[VGW_A_MTU]);
		if (config->mtu && config->mtu < ETH_MIN_MTU)
			return refuse(extack, data[VGW_A_MTU],
				      "mtu must be 0 (automatic) or 68 to 65535", -ERANGE);
	}
	if (data[VGW_A_MSS]) {
		config->mss = nla_get_u32(data[VGW_A_MSS]);
		if (config->mss != VGW_MSS_OFF && config->mss != VGW_MSS_AUTO &&
		    config->mss < VGW_MSS_MIN)
			return refuse(extack, data[VGW_A_MSS],
				      "mss must be 0 (off), 1 (automatic) or 88 to 65535", -ERANGE);
	}
	return 0;
}

/**
 * vgw_config_new - the configuration of a connection to be created
 * @config: filled in
 * @data: attributes by vgw_nl_policy; NULL for none
 * @net: underlay netns
 * @extack: says what was refused and why
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int vgw_config_new(struct vgw_conn_config *config, struct nlattr *data[],
		   struct net *net, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VGW_A_TUNNEL_MAX + 1];
	struct nlattr *nest, *nests[VGW_MAX_TUNNELS];
	unsigned int i;
	int rem, err;

	*config = (struct vgw_conn_config){ .revert = DEFAULT_REVERT };
	if (!data || !data[VGW_A_TUNNELS]) {
		NL_SET_ERR_MSG_MOD(extack, "A connection needs tunnels: 1 to 8, each with a key");
		return -EINVAL;
	}
	err = get_conn(config, data, extack);
	if (err)
		return err;

	nla_for_each_nested(nest, data[VGW_A_TUNNELS], rem) {
		struct vgw_tunnel_config *t = &config->tunnels[config->n];

		if (config->n == VGW_MAX_TUNNELS)
			return refuse(extack, nest, "A connection has at most 8 tunnels", -E2BIG);
		err = nla_parse_nested(tb, VGW_A_TUNNEL_MAX, nest, vgw_tunnel_nl_policy, extack);
		if (err)
			return err;
		if (tb[VGW_A_TUNNEL_IFINDEX])
			return refuse(extack, tb[VGW_A_TUNNEL_IFINDEX],
				      "The kernel chooses a new tunnel's ifindex", -EINVAL);
		if (tb[VGW_A_TUNNEL_INDEX] && nla_get_u8(tb[VGW_A_TUNNEL_INDEX]) != config->n)
			return refuse(extack, tb[VGW_A_TUNNEL_INDEX],
				      "New tunnels come in the order of their index", -EINVAL);
		if (tb[VGW_A_TUNNEL_IFNAME]) {
			nla_strscpy(config->names[config->n], tb[VGW_A_TUNNEL_IFNAME], IFNAMSIZ);
			if (!dev_valid_name(config->names[config->n]))
				return refuse(extack, tb[VGW_A_TUNNEL_IFNAME],
					      "Not a valid device name", -EINVAL);
		}
		*t = (struct vgw_tunnel_config){
			.preference = DEFAULT_PREFERENCE,
			.interval = DEFAULT_INTERVAL,
			.misses = DEFAULT_MISSES,
		};
		err = get_tunnel(t, tb, nest, true, extack);
		if (err)
			return err;
		if (vgw_tunnel_by_key(net, t->key.if_id, &t->key.mark))
			return refuse(extack, tb[VGW_A_TUNNEL_IF_ID] ?: tb[VGW_A_TUNNEL_MARK],
				      "Another tunnel of this netns has the key", -EEXIST);
		nests[config->n++] = nest;
	}
	if (!config->n)
		return refuse(extack, data[VGW_A_TUNNELS],
			      "A connection needs tunnels: 1 to 8, each with a key", -EINVAL);
	for (i = 0; i < config->n; i++) {
		err = cross_check(config, i, nests[i], extack);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vgw_config_read - the configuration in force
 * @config: filled in
 * @conn: connection
 *
 * Context: process, RTNL.
 */
void vgw_config_read(struct vgw_conn_config *config, const struct vgw_conn *conn)
{
	unsigned int i;

	ASSERT_RTNL();
	*config = (struct vgw_conn_config){
		.n = conn->n, .revert = conn->revert, .mtu = conn->mtu, .mss = conn->mss,
	};
	for (i = 0; i < conn->n; i++)
		config->tunnels[i] = conn->tunnels[i]->config;
}

/* The tunnel that a nest names, by index, ifindex or name. */
static int select_tb(const struct vgw_conn *conn, struct nlattr *tb[],
		     const struct nlattr *nest, struct netlink_ext_ack *extack)
{
	const struct nlattr *attr = tb[VGW_A_TUNNEL_INDEX] ?: tb[VGW_A_TUNNEL_IFINDEX] ?:
				    tb[VGW_A_TUNNEL_IFNAME];
	unsigned int i;

	if (!attr)
		return refuse(extack, nest, "Which tunnel? Name its index, ifindex or ifname",
			      -EINVAL);
	for (i = 0; i < conn->n; i++) {
		const struct net_device *dev = conn->tunnels[i]->dev;

		if (tb[VGW_A_TUNNEL_INDEX] && nla_get_u8(tb[VGW_A_TUNNEL_INDEX]) != i)
			continue;
		if (tb[VGW_A_TUNNEL_IFINDEX] &&
		    nla_get_u32(tb[VGW_A_TUNNEL_IFINDEX]) != dev->ifindex)
			continue;
		if (tb[VGW_A_TUNNEL_IFNAME] && nla_strcmp(tb[VGW_A_TUNNEL_IFNAME], dev->name))
			continue;
		return i;
	}
	return refuse(extack, attr, "The connection has no such tunnel", -ENOENT);
}

/**
 * vgw_config_select - the tunnel that a request is about
 * @conn: connection
 * @nest: VGW_A_TUNNEL_SELECT, or NULL
 * @extack: says what was refused and why
 *
 * Context: process, RTNL.
 * Return: index or a negative error.
 */
int vgw_config_select(const struct vgw_conn *conn, struct nlattr *nest,
		      struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VGW_A_TUNNEL_MAX + 1];
	int err;

	if (!nest) {
		NL_SET_ERR_MSG_MOD(extack, "Which tunnel? Name its index, ifindex or ifname");
		return -EINVAL;
	}
	err = nla_parse_nested(tb, VGW_A_TUNNEL_MAX, nest, vgw_tunnel_nl_policy, extack);
	if (err)
		return err;
	return select_tb(conn, tb, nest, extack);
}

/**
 * vgw_config_change - the configuration after a request to change it
 * @config: filled in
 * @conn: connection
 * @data: attributes by vgw_nl_policy
 * @extack: says what was refused and why
 *
 * Nothing changes before vgw_config_apply().
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int vgw_config_change(struct vgw_conn_config *config, const struct vgw_conn *conn,
		      struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct nlattr *tb[VGW_A_TUNNEL_MAX + 1];
	struct nlattr *nest, *nests[VGW_MAX_TUNNELS];
	unsigned long seen = 0;
	int rem, err, i;

	vgw_config_read(config, conn);
	if (!data)
		return 0;
	err = get_conn(config, data, extack);
	if (err || !data[VGW_A_TUNNELS])
		return err;

	nla_for_each_nested(nest, data[VGW_A_TUNNELS], rem) {
		err = nla_parse_nested(tb, VGW_A_TUNNEL_MAX, nest, vgw_tunnel_nl_policy, extack);
		if (err)
			return err;
		i = select_tb(conn, tb, nest, extack);
		if (i < 0)
			return i;
		if (__test_and_set_bit(i, &seen))
			return refuse(extack, nest, "The same tunnel twice", -EINVAL);
		err = get_tunnel(&config->tunnels[i], tb, nest, false, extack);
		if (err)
			return err;
		nests[i] = nest;
	}
	for_each_set_bit(i, &seen, VGW_MAX_TUNNELS) {
		/* Who changes nothing of it is not to blame. */
		if (same(&config->tunnels[i].peer, &conn->tunnels[i]->config.peer))
			continue;
		err = cross_check(config, i, nests[i], extack);
		if (err)
			return err;
	}
	return 0;
}

/**
 * vgw_config_change_tunnel - the same for one tunnel, by its own device
 * @config: filled in
 * @t: tunnel
 * @data: attributes by vgw_tunnel_nl_policy
 * @extack: says what was refused and why
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int vgw_config_change_tunnel(struct vgw_conn_config *config, const struct vgw_tunnel *t,
			     struct nlattr *data[], struct netlink_ext_ack *extack)
{
	const struct nlattr *any = NULL;
	unsigned int i;
	int err;

	vgw_config_read(config, t->conn);
	if (!data)
		return 0;
	for (i = 1; i <= VGW_A_TUNNEL_MAX; i++)
		any = any ?: data[i];
	err = get_tunnel(&config->tunnels[t->index], data, any, false, extack);
	return err ?: cross_check(config, t->index, any, extack);
}

/**
 * vgw_config_apply - put a configuration in force
 * @conn: connection
 * @config: from vgw_config_new() or vgw_config_change()
 *
 * Keys never change, so that packets find their tunnel all the time.
 *
 * Context: process, RTNL.
 */
void vgw_config_apply(struct vgw_conn *conn, const struct vgw_conn_config *config)
{
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];
		bool moved = t->hashed && !same(&t->config.remote, &config->tunnels[i].remote);
		bool ends = moved || !same(&t->config.local, &config->tunnels[i].local);

		if (!memcmp(&t->config, &config->tunnels[i], sizeof(t->config)) &&
		    conn->fo.tunnels[i].interval)
			continue;
		if (moved)
			vgw_tunnels_remove_remote(t);
		spin_lock_bh(&conn->lock);
		t->config = config->tunnels[i];
		conn->fo.tunnels[i].keepalive = t->config.keepalive;
		conn->fo.tunnels[i].interval = t->config.interval * (u64)NSEC_PER_MSEC;
		conn->fo.tunnels[i].misses = t->config.misses;
		conn->fo.tunnels[i].preference = t->config.preference;
		vgw_conn_event_locked(conn, i, VGW_FO_CONFIG, 0);
		spin_unlock_bh(&conn->lock);
		vgw_bundles_drop(t);
		if (moved)
			vgw_tunnels_add_remote(t);
		/* What happened in between, and whose SAs are between the new ends. */
		if (ends)
			vgw_todo(conn, VGW_TODO_RESYNC);
	}
	spin_lock_bh(&conn->lock);
	conn->revert = config->revert;
	conn->mtu = config->mtu;
	WRITE_ONCE(conn->mss, config->mss);
	conn->fo.revert = config->revert == VGW_FOREVER ? U64_MAX :
			  config->revert * (u64)NSEC_PER_MSEC;
	vgw_conn_event_locked(conn, 0, VGW_FO_REVERT, 0);
	spin_unlock_bh(&conn->lock);
	vgw_todo(conn, VGW_TODO_MTU);
	vgw_todo(conn, VGW_TODO_PATH);
}
