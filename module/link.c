// SPDX-License-Identifier: GPL-2.0
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/ip_tunnels.h>
#include <net/neighbour.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>
#include <net/sch_generic.h>
#include <net/xfrm.h>

#include "bundle.h"
#include "config.h"
#include "conn.h"
#include "keepalive.h"
#include "keyless.h"
#include "link.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "rx.h"
#include "todo.h"
#include "tunnels.h"
#include "tx.h"
#include "underlay.h"
#include "xfrm_watch.h"

#define FEATURES	(NETIF_F_SG | NETIF_F_FRAGLIST | NETIF_F_GSO_SOFTWARE | \
			 NETIF_F_HW_CSUM)

/*
 * For those who allocate: outer headers, and a trailer. No more than the
 * NET_SKB_PAD that drivers leave, or ip_forward() would copy every packet; what
 * an SA needs beyond that, xfrm_output() makes room for.
 */
#define HEADROOM	(sizeof(struct ipv6hdr) + sizeof(struct ip_esp_hdr) + 8)
#define TAILROOM	48

/**
 * struct vgw_net - what a netns knows of connections
 * @conns: connections whose underlay it is; RTNL, RCU for readers
 * @keyless: its policies without an if_id
 */
struct vgw_net {
	struct list_head conns;
	struct vgw_keyless keyless;
};

static unsigned int vgw_net_id __read_mostly;
static struct rtnl_link_ops conn_link_ops;
static struct rtnl_link_ops tunnel_link_ops;
static const struct net_device_ops conn_netdev_ops;
static const struct net_device_ops tunnel_netdev_ops;

/**
 * vgw_link_conns - connections whose underlay is a netns
 * @net: netns
 *
 * Return: list of &vgw_conn.list.
 */
struct list_head *vgw_link_conns(struct net *net)
{
	return &((struct vgw_net *)net_generic(net, vgw_net_id))->conns;
}

/**
 * vgw_link_keyless - what is known of a netns' policies without an if_id
 * @net: netns
 *
 * Return: its &struct vgw_keyless.
 */
struct vgw_keyless *vgw_link_keyless(struct net *net)
{
	return &((struct vgw_net *)net_generic(net, vgw_net_id))->keyless;
}

/**
 * vgw_conn_of - the connection whose device this is
 * @dev: any device
 *
 * Return: the connection or NULL.
 */
struct vgw_conn *vgw_conn_of(const struct net_device *dev)
{
	return dev->netdev_ops == &conn_netdev_ops ? netdev_priv(dev) : NULL;
}

/**
 * vgw_tunnel_of - the tunnel whose device this is
 * @dev: any device
 *
 * Return: the tunnel or NULL.
 */
struct vgw_tunnel *vgw_tunnel_of(const struct net_device *dev)
{
	return dev->netdev_ops == &tunnel_netdev_ops ? netdev_priv(dev) : NULL;
}

/**
 * vgw_link_remove - have a connection and its tunnels unregistered
 * @conn: connection
 * @head: list for unregister_netdevice_many()
 *
 * Context: process, RTNL.
 */
void vgw_link_remove(struct vgw_conn *conn, struct list_head *head)
{
	unsigned int i;

	for (i = 0; i < conn->n; i++)
		if (conn->tunnels[i])
			unregister_netdevice_queue(conn->tunnels[i]->dev, head);
	unregister_netdevice_queue(conn->dev, head);
}

static void dellink(struct net_device *dev, struct list_head *head)
{
	vgw_link_remove(netdev_priv(dev), head);
}

static void conn_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *link)
{
	u64 sum[VGW_STATS_N], tx, rx;

	vgw_stats_conn(netdev_priv(dev), sum);
	/* The core adds its own drops itself. */
	vgw_stats_core(dev, &tx, &rx);
	sum[VGW_A_STATS_TX_NO_TUNNEL] -= tx;
	sum[VGW_A_STATS_RX_QUEUE] -= rx;
	vgw_stats_link(sum, link);
}

static void tunnel_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *link)
{
	struct vgw_tunnel *t = netdev_priv(dev);
	u64 sum[VGW_STATS_N] = {};

	/* Likewise. */
	vgw_stats_sum(t->stats, sum);
	vgw_stats_link(sum, link);
}

static int conn_init(struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);

	conn->stats = vgw_stats_alloc();
	return conn->stats ? 0 : -ENOMEM;
}

static void conn_uninit(struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);

	conn->dying = true;
	vgw_conn_stop(conn);
	if (list_empty(&conn->list))
		return;
	list_del_rcu(&conn->list);
	vgw_netlink_event(conn, &(struct vgw_notice){
		.event = VGW_EVENT_DELETED, .reason = VGW_REASON_REMOVED,
	});
}

static void conn_free(struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < conn->n; i++)
		if (conn->tunnels[i])
			netdev_put(conn->tunnels[i]->dev, &conn->tunnels[i]->tracker);
	free_percpu(conn->stats);
}

/* Up with the connection, down with it; one tunnel may be set down by itself. */
static int conn_open(struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);
	unsigned int i;
	int err;

	vgw_conn_start(conn);
	for (i = 0; i < conn->n; i++) {
		err = dev_open(conn->tunnels[i]->dev, NULL);
		if (err) {
			while (i--)
				dev_close(conn->tunnels[i]->dev);
			vgw_conn_stop(conn);
			return err;
		}
	}
	return 0;
}

static int conn_stop(struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];

		/* Whoever closes many devices at once may have both in its list. */
		if (t && list_empty(&t->dev->close_list))
			dev_close(t->dev);
	}
	vgw_conn_stop(conn);
	return 0;
}

/* NETDEV_CHANGEMTU comes if nobody refuses it; otherwise the old one is set once more. */
static int conn_change_mtu(struct net_device *dev, int mtu)
{
	struct vgw_conn *conn = netdev_priv(dev);

	conn->asked_mtu = !conn->asked_mtu && !conn->setting_mtu;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static int tunnel_init(struct net_device *dev)
{
	struct vgw_tunnel *t = netdev_priv(dev);
	int err;

	t->stats = vgw_stats_alloc();
	if (!t->stats)
		return -ENOMEM;
	err = vgw_bundles_init(t);
	if (err) {
		free_percpu(t->stats);
		t->stats = NULL;
	}
	return err;
}

/* After the last packet of a process or softirq that found it. */
static void tunnel_uninit(struct net_device *dev)
{
	struct vgw_tunnel *t = netdev_priv(dev);

	/* Not when its registration failed: nobody knows it yet. */
	if (t->conn->tunnels[t->index] == t)
		vgw_keepalive_stop(t);
	vgw_tunnels_remove(t);
	vgw_underlay_forget(t);
	if (rcu_access_pointer(dev->rx_handler))
		netdev_rx_handler_unregister(dev);
	if (netdev_master_upper_dev_get(dev))
		netdev_upper_dev_unlink(dev, t->conn->dev);
}

static void tunnel_free(struct net_device *dev)
{
	struct vgw_tunnel *t = netdev_priv(dev);

	vgw_watch_free(t);
	vgw_bundles_free(t);
	free_percpu(t->stats);
}

static int tunnel_open(struct net_device *dev)
{
	vgw_keepalive_start(netdev_priv(dev));
	return 0;
}

static int tunnel_stop(struct net_device *dev)
{
	vgw_keepalive_stop(netdev_priv(dev));
	return 0;
}

/* What comes here went through the tunnel's GRO, or has nothing to gain from it. */
static netdev_features_t conn_fix_features(struct net_device *dev,
					   netdev_features_t features)
{
	return features & ~NETIF_F_GRO;
}

/*
 * As neigh_direct_output(), which arp_constructor() gives to devices without header_ops.
 * Ours have them to tell packet sockets the protocol, and no header. A neighbour that
 * outlives its device sends no more.
 */
static int neigh_direct(struct neighbour *n, struct sk_buff *skb)
{
	return dev_queue_xmit(skb);
}

static int neigh_construct(struct net_device *dev, struct neighbour *n)
{
	if (n->nud_state == NUD_NOARP)
		n->output = neigh_direct;
	return 0;
}

static const struct net_device_ops conn_netdev_ops = {
	.ndo_init		= conn_init,
	.ndo_uninit		= conn_uninit,
	.ndo_open		= conn_open,
	.ndo_stop		= conn_stop,
	.ndo_start_xmit		= vgw_tx_conn,
	.ndo_get_stats64	= conn_get_stats64,
	.ndo_change_mtu		= conn_change_mtu,
	.ndo_fix_features	= conn_fix_features,
	.ndo_neigh_construct	= neigh_construct,
};

static const struct net_device_ops tunnel_netdev_ops = {
	.ndo_init		= tunnel_init,
	.ndo_uninit		= tunnel_uninit,
	.ndo_open		= tunnel_open,
	.ndo_stop		= tunnel_stop,
	.ndo_start_xmit		= vgw_tx_tunnel,
	.ndo_get_stats64	= tunnel_get_stats64,
	.ndo_neigh_construct	= neigh_construct,
};

static void get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	strscpy(info->driver, vgw_conn_of(dev) ? "vgw" : "vgw_tunnel", sizeof(info->driver));
}

static int get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? VGW_STATS_N - 1 : -EOPNOTSUPP;
}

static void get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	unsigned int i;

	if (sset != ETH_SS_STATS)
		return;
	for (i = 1; i < VGW_STATS_N; i++)
		ethtool_sprintf(&data, "%s", vgw_stats_names[i]);
}

static void get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct vgw_conn *conn = vgw_conn_of(dev);
	u64 sum[VGW_STATS_N];

	if (conn)
		vgw_stats_conn(conn, sum);
	else
		vgw_stats_tunnel(netdev_priv(dev), sum);
	memcpy(data, sum + 1, (VGW_STATS_N - 1) * sizeof(*data));
}

static const struct ethtool_ops ethtool_ops = {
	.get_drvinfo		= get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_sset_count		= get_sset_count,
	.get_strings		= get_strings,
	.get_ethtool_stats	= get_ethtool_stats,
};

static void setup(struct net_device *dev)
{
	dev->header_ops = &ip_tunnel_header_ops;
	dev->ethtool_ops = &ethtool_ops;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->mtu = ETH_DATA_LEN;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = IP_MAX_MTU;
	dev->hard_header_len = 0;
	dev->addr_len = 0;
	dev->needed_headroom = HEADROOM;
	dev->needed_tailroom = TAILROOM;
	dev->features |= FEATURES;
	dev->hw_features |= FEATURES;
	dev->needs_free_netdev = true;
	vgw_dev_set_lltx(dev);
	netif_keep_dst(dev);
}

static void conn_setup(struct net_device *dev)
{
	setup(dev);
	dev->netdev_ops = &conn_netdev_ops;
	dev->priv_destructor = conn_free;
}

static void tunnel_setup(struct net_device *dev)
{
	setup(dev);
	dev->netdev_ops = &tunnel_netdev_ops;
	dev->priv_destructor = tunnel_free;
	vgw_dev_no_addrconf(dev);
	/* It goes where its connection goes, and only there. */
	vgw_dev_set_immutable(dev, true);
}

/* One tunnel, registered and tied to its connection. Unwinds itself. */
static int add_tunnel(struct vgw_conn *conn, unsigned int i,
		      const struct vgw_conn_config *config, struct netlink_ext_ack *extack)
{
	char name[IFNAMSIZ];
	struct net_device *dev;
	struct vgw_tunnel *t;
	int err;

	if (*config->names[i]) {
		strscpy(name, config->names[i], sizeof(name));
	} else if (snprintf(name, sizeof(name), "%s-%u", conn->dev->name, i + 1) >=
		   sizeof(name)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "No room in the name to add -1 for a tunnel: name the tunnels");
		return -ENAMETOOLONG;
	}

	dev = alloc_netdev(sizeof(*t), name, NET_NAME_USER, tunnel_setup);
	if (!dev)
		return -ENOMEM;
	dev_net_set(dev, dev_net(conn->dev));
	dev->rtnl_link_ops = &tunnel_link_ops;
	t = netdev_priv(dev);
	t->dev = dev;
	t->conn = conn;
	t->net = conn->net;
	t->index = i;
	t->config = config->tunnels[i];
	INIT_LIST_HEAD(&t->sas);
	vgw_keepalive_init(t);

	err = register_netdevice(dev);
	if (err < 0) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG_MOD(extack,
					   "A device has the name of a tunnel: name the tunnels");
		else
			NL_SET_ERR_MSG_MOD(extack, "A tunnel's device could not be registered");
		free_netdev(dev);
		return err;
	}
	netdev_hold(dev, &t->tracker, GFP_KERNEL);
	netif_carrier_off(dev);
	/* With its counters; nothing else looks for it yet. */
	smp_store_release(&conn->tunnels[i], t);

	err = netdev_rx_handler_register(dev, vgw_rx_handler, t);
	if (err)
		return err;
	err = netdev_master_upper_dev_link(dev, conn->dev, NULL, NULL, extack);
	if (err)
		return err;
	return vgw_tunnels_add(t);
}

static int newlink(vgw_newlink_args)
{
	struct vgw_conn *conn = netdev_priv(dev);
	struct vgw_conn_config *config;
	LIST_HEAD(kill);
	unsigned int i;
	int err;

	config = kzalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return -ENOMEM;

	conn->dev = dev;
	conn->net = vgw_newlink_net;
	INIT_LIST_HEAD(&conn->list);
	vgw_todo_init(conn);
	err = vgw_config_new(config, vgw_newlink_data, conn->net, extack);
	if (err)
		goto free_config;
	conn->n = config->n;
	vgw_conn_init(conn);
	if (vgw_newlink_tb[IFLA_MTU] && !config->mtu)
		config->mtu = nla_get_u32(vgw_newlink_tb[IFLA_MTU]);

	err = register_netdevice(dev);
	if (err)
		goto free_config;
	netif_carrier_off(dev);

	for (i = 0; i < config->n; i++) {
		err = add_tunnel(conn, i, config, extack);
		if (err)
			goto unregister;
	}
	/* From here on XFRM's notifications and the work find it whole. */
	list_add_tail_rcu(&conn->list, vgw_link_conns(conn->net));
	vgw_config_apply(conn, config);
	vgw_watch_resync(conn);
	for (i = 0; i < conn->n; i++)
		vgw_underlay_check(conn->tunnels[i]);
	vgw_underlay_set_mtu(conn);
	vgw_keyless_add(conn);
	vgw_netlink_event(conn, &(struct vgw_notice){ .event = VGW_EVENT_CREATED });
	kfree(config);
	return 0;

unregister:
	dellink(dev, &kill);
	unregister_netdevice_many(&kill);
free_config:
	kfree(config);
	return err;
}

static int validate(struct nlattr *tb[], struct nlattr *data[], struct netlink_ext_ack *extack)
{
	if (tb[IFLA_ADDRESS] || tb[IFLA_BROADCAST]) {
		NL_SET_ERR_MSG_MOD(extack, "A connection has no link-layer address");
		return -EINVAL;
	}
	return 0;
}

static int changelink(struct net_device *dev, struct nlattr *tb[],
		      struct nlattr *data[], struct netlink_ext_ack *extack)
{
	return vgw_netlink_change(netdev_priv(dev), NULL, data, extack);
}

static int tunnel_changelink(struct net_device *dev, struct nlattr *tb[],
			     struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct vgw_tunnel *t = netdev_priv(dev);

	return vgw_netlink_change(t->conn, t, data, extack);
}

static int slave_changelink(struct net_device *dev, struct net_device *slave,
			    struct nlattr *tb[], struct nlattr *data[],
			    struct netlink_ext_ack *extack)
{
	return vgw_netlink_change(netdev_priv(dev), netdev_priv(slave), data, extack);
}

static size_t get_size(const struct net_device *dev)
{
	return VGW_NETLINK_CONN_SIZE;
}

static int fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	return vgw_netlink_put_config(skb, netdev_priv(dev));
}

static size_t tunnel_get_size(const struct net_device *dev)
{
	return VGW_NETLINK_TUNNEL_SIZE;
}

static int tunnel_fill_info(struct sk_buff *skb, const struct net_device *dev)
{
	return vgw_netlink_put_tunnel(skb, netdev_priv(dev));
}

static size_t get_slave_size(const struct net_device *dev, const struct net_device *slave)
{
	return VGW_NETLINK_TUNNEL_SIZE;
}

static int fill_slave_info(struct sk_buff *skb, const struct net_device *dev,
			   const struct net_device *slave)
{
	return vgw_netlink_put_tunnel(skb, netdev_priv(slave));
}

static struct net *get_link_net(const struct net_device *dev)
{
	const struct vgw_conn *conn = netdev_priv(dev);

	return READ_ONCE(conn->net);
}

static struct net *tunnel_get_link_net(const struct net_device *dev)
{
	const struct vgw_tunnel *t = netdev_priv(dev);

	return READ_ONCE(t->net);
}

static struct rtnl_link_ops conn_link_ops = {
	.kind			= "vgw",
	.priv_size		= sizeof(struct vgw_conn),
	.setup			= conn_setup,
	.maxtype		= VGW_A_DRAIN,
	.policy			= vgw_nl_policy,
	.validate		= validate,
	.newlink		= newlink,
	.changelink		= changelink,
	.dellink		= dellink,
	.get_size		= get_size,
	.fill_info		= fill_info,
	.get_link_net		= get_link_net,
	.slave_maxtype		= VGW_A_TUNNEL_PAD,
	.slave_policy		= vgw_tunnel_nl_policy,
	.slave_changelink	= slave_changelink,
	.get_slave_size		= get_slave_size,
	.fill_slave_info	= fill_slave_info,
};

/* No setup: created and removed with their connection alone. */
static struct rtnl_link_ops tunnel_link_ops = {
	.kind			= "vgw_tunnel",
	.priv_size		= sizeof(struct vgw_tunnel),
	.maxtype		= VGW_A_TUNNEL_PAD,
	.policy			= vgw_tunnel_nl_policy,
	.changelink		= tunnel_changelink,
	.get_size		= tunnel_get_size,
	.fill_info		= tunnel_fill_info,
	.get_link_net		= tunnel_get_link_net,
};

/*
 * Without carrier the core gives a device the qdisc that drops in silence. Take
 * that back where there is no queue: what no tunnel takes is for us to count
 * and to tell the sender of.
 */
static void keep_xmit(struct net_device *dev)
{
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < dev->num_tx_queues; i++) {
		struct netdev_queue *queue = netdev_get_tx_queue(dev, i);
		struct Qdisc *qdisc = rtnl_dereference(queue->qdisc_sleeping);

		if (qdisc && !qdisc->enqueue)
			rcu_assign_pointer(queue->qdisc, qdisc);
	}
}

static int netdev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct vgw_tunnel *t = vgw_tunnel_of(dev);
	struct vgw_conn *conn = vgw_conn_of(dev);
	unsigned int i;

	if (!conn && !t)
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UP:
	case NETDEV_CHANGE:
		if (netif_running(dev) && !netif_carrier_ok(dev))
			keep_xmit(dev);
		break;
	case NETDEV_CHANGEMTU:
		/* Who sets one by hand wants it kept, and for the tunnels as well. */
		if (conn && conn->asked_mtu) {
			conn->asked_mtu = false;
			conn->mtu = dev->mtu;
			vgw_todo(conn, VGW_TODO_MTU);
		}
		break;
	case NETDEV_GOING_DOWN:
		/* It takes no more from here on, and ndo_stop comes a grace period later. */
		if (t)
			vgw_conn_event(t->conn, t->index, VGW_FO_DEV_DOWN);
		break;
	case NETDEV_UNREGISTER:
		/* It goes or moves; kept bundles refer to routes of the netns that it leaves. */
		if (t)
			vgw_bundles_drop(t);
		for (i = 0; conn && i < conn->n && conn->tunnels[i]; i++)
			vgw_bundles_drop(conn->tunnels[i]);
		break;
	case NETDEV_REGISTER:
		/* Before tunnels exist there is nothing to follow. */
		if (conn && conn->tunnels[0] &&
		    !net_eq(dev_net(conn->tunnels[0]->dev), dev_net(dev)))
			vgw_todo(conn, VGW_TODO_NETNS);
		break;
	}
	return NOTIFY_DONE;
}

/* The last to hear: nobody refuses after us. */
static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_event,
	.priority = INT_MIN,
};

static int net_init(struct net *net)
{
	INIT_LIST_HEAD(vgw_link_conns(net));
	vgw_keyless_init(vgw_link_keyless(net), net);
	return 0;
}

static void net_exit(struct net *net)
{
	vgw_keyless_exit(vgw_link_keyless(net));
}

/*
 * There before the first device of a netns, lo, and until the last has gone, also where
 * the making of a netns fails half-way: each device is an event for underlay.c.
 */
static struct pernet_operations net_ops = {
	.init	= net_init,
	.exit	= net_exit,
	.id	= &vgw_net_id,
	.size	= sizeof(struct vgw_net),
};

/*
 * The underlay goes: connections whose devices live elsewhere go with it. So do those whose
 * tunnels have not yet followed them from here, which the core would remove alone.
 */
static void devices_exit_batch(struct list_head *nets)
{
	struct net_device *dev;
	struct vgw_conn *conn;
	struct vgw_tunnel *t;
	struct net *net;
	LIST_HEAD(kill);

	rtnl_lock();
	list_for_each_entry(net, nets, exit_list) {
		list_for_each_entry(conn, vgw_link_conns(net), list)
			vgw_link_remove(conn, &kill);
		for_each_netdev(net, dev) {
			t = vgw_tunnel_of(dev);
			if (t && !net_eq(dev_net(t->conn->dev), net))
				vgw_link_remove(t->conn, &kill);
		}
	}
	unregister_netdevice_many(&kill);
	rtnl_unlock();
}

static struct pernet_operations devices_ops = {
	.exit_batch = devices_exit_batch,
};

/**
 * vgw_link_prepare - what devices stand on: lists, work and notifiers
 *
 * Context: process.
 * Return: 0 or a negative error; then nothing is registered.
 */
int vgw_link_prepare(void)
{
	int err;

	err = vgw_todo_prepare();
	if (err)
		return err;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto release_todo;
	err = register_pernet_device(&devices_ops);
	if (err)
		goto unregister_net;
	err = register_netdevice_notifier(&netdev_notifier);
	if (err)
		goto unregister_devices;
	err = vgw_underlay_register();
	if (err)
		goto unregister_netdev;
	return 0;

unregister_netdev:
	unregister_netdevice_notifier(&netdev_notifier);
unregister_devices:
	unregister_pernet_device(&devices_ops);
unregister_net:
	unregister_pernet_subsys(&net_ops);
release_todo:
	vgw_todo_release();
	return err;
}

/**
 * vgw_link_release - undo vgw_link_prepare(), wait for what refers to devices
 *
 * Context: process, after vgw_link_unregister().
 */
void vgw_link_release(void)
{
	vgw_underlay_unregister();
	unregister_netdevice_notifier(&netdev_notifier);
	unregister_pernet_device(&devices_ops);
	unregister_pernet_subsys(&net_ops);
	vgw_todo_release();
	/* Policy sets are freed by call_rcu(). */
	rcu_barrier();
}

/**
 * vgw_link_register - let devices be created
 *
 * Context: process.
 * Return: 0 or a negative error; then nothing is registered.
 */
int vgw_link_register(void)
{
	int err;

	err = rtnl_link_register(&tunnel_link_ops);
	if (err)
		return err;
	err = rtnl_link_register(&conn_link_ops);
	if (err)
		rtnl_link_unregister(&tunnel_link_ops);
	return err;
}

/**
 * vgw_link_unregister - remove every device
 *
 * Context: process.
 */
void vgw_link_unregister(void)
{
	rtnl_link_unregister(&conn_link_ops);
	rtnl_link_unregister(&tunnel_link_ops);
}

MODULE_ALIAS_RTNL_LINK("vgw");
MODULE_ALIAS_RTNL_LINK("vgw_tunnel");
