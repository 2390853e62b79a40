// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "conn.h"
#include "link.h"
#include "netlink.h"
#include "todo.h"
#include "tunnels.h"
#include "underlay.h"
#include "xfrm_watch.h"

/*
 * Tunnels whose route leads over a device of ours, by its ifindex; RTNL. Each connection has
 * events all the time: they are told to who is there, whom one lookup finds.
 */
static DEFINE_HASHTABLE(stacked, 8);

/*
 * Tunnels by the local address of their outer packets, as their path was last looked at: it
 * is looked at again after every change. Inside addresses come and go with each connection:
 * they are told to who sends from them. Readers come without RTNL; nothing else is taken
 * under the lock.
 */
static DEFINE_HASHTABLE(senders, 8);
static DEFINE_SPINLOCK(senders_lock);

/* What XFRM asks the routing table for: the flow of a tunnel's outer packets. */
struct outer {
	struct vgw_addr local;
	struct vgw_addr remote;
	u32 mark;
	u8 proto;
	union flowi_uli uli;
};

/* The far end: the SA's word, else the administrator's. */
static bool far_end(struct vgw_tunnel *t, struct outer *o)
{
	const struct vgw_sa *sa;

	spin_lock_bh(&t->conn->lock);
	*o = (struct outer){
		.local = t->config.local,
		.remote = t->config.remote,
		.proto = IPPROTO_ESP,
	};
	sa = vgw_watch_sa(t, true);
	if (sa) {
		o->local.family = sa->family;
		o->local.a = sa->saddr;
		o->remote.family = sa->family;
		o->remote.a = sa->id.daddr;
		/* As xfrm_bundle_create(): the key's own mark routes nothing. */
		if (sa->smark.v || sa->smark.m)
			o->mark = (sa->smark.v & sa->smark.m) |
				  (t->config.key.mark.v & ~sa->smark.m);
		if (sa->encap) {
			o->proto = IPPROTO_UDP;
			o->uli.ports.sport = sa->sport;
			o->uli.ports.dport = sa->dport;
		}
	}
	spin_unlock_bh(&t->conn->lock);
	return o->remote.family != AF_UNSPEC;
}

/* The underlay route to the far end; NULL when there is none. */
static struct dst_entry *route(struct net *net, const struct outer *o)
{
	struct dst_entry *dst;

	if (o->remote.family == AF_INET) {
		struct flowi4 fl4 = {
			.daddr = o->remote.a.a4,
			.saddr = o->local.family == AF_INET ? o->local.a.a4 : 0,
			.flowi4_mark = o->mark,
			.flowi4_proto = o->proto,
			.uli = o->uli,
		};
		/* As XFRM itself: the protocol alone would have it look for policies. */
		struct rtable *rt = __ip_route_output_key(net, &fl4);

		dst = IS_ERR(rt) ? NULL : &rt->dst;
	} else {
		struct flowi6 fl6 = {
			.daddr = o->remote.a.in6,
			.flowi6_mark = o->mark,
			.flowi6_proto = o->proto,
			.uli = o->uli,
		};

		if (o->local.family == AF_INET6)
			fl6.saddr = o->local.a.in6;
		dst = ip6_route_output(net, NULL, &fl6);
		if (dst->error) {
			dst_release(dst);
			dst = NULL;
		}
	}
	return dst;
}

static bool ours(const struct net_device *dev)
{
	return vgw_conn_of(dev) || vgw_tunnel_of(dev);
}

/* A route that went may come back with its device: without one nothing changes. */
static void set_over(struct vgw_tunnel *t, const struct net_device *dev)
{
	int over = dev && ours(dev) && !vgw_underlay_is_own(t, dev) ? dev->ifindex : 0;

	ASSERT_RTNL();
	if (over == t->over)
		return;
	if (t->over)
		hash_del(&t->node_over);
	t->over = over;
	if (over)
		hash_add(stacked, &t->node_over, over);
}

static void set_local(struct vgw_tunnel *t, const struct vgw_addr *a)
{
	ASSERT_RTNL();
	if (a->family == t->sends_from.family &&
	    xfrm_addr_equal(&a->a, &t->sends_from.a, a->family))
		return;
	spin_lock_bh(&senders_lock);
	if (t->sends_from.family != AF_UNSPEC)
		hash_del(&t->node_sends);
	t->sends_from = *a;
	if (a->family != AF_UNSPEC)
		hash_add(senders, &t->node_sends, vgw_hash_addr(t->net, &a->a, a->family));
	spin_unlock_bh(&senders_lock);
}

/**
 * vgw_underlay_forget - undo what vgw_underlay_check() keeps of a tunnel
 * @t: tunnel
 *
 * Context: process, RTNL.
 */
void vgw_underlay_forget(struct vgw_tunnel *t)
{
	set_over(t, NULL);
	set_local(t, &(struct vgw_addr){});
}

/**
 * vgw_underlay_check - is there a path to a tunnel's far end?
 * @t: tunnel; its state machine is told when that changed
 *
 * Context: process, RTNL.
 */
void vgw_underlay_check(struct vgw_tunnel *t)
{
	struct dst_entry *dst;
	struct outer outer;
	bool ok = true, known = far_end(t, &outer);

	set_local(t, &outer.local);
	if (known) {
		rcu_read_lock();
		dst = route(t->net, &outer);
		if (dst)
			set_over(t, dst_dev(dst));
		ok = dst && netif_running(dst_dev(dst)) && netif_carrier_ok(dst_dev(dst)) &&
		     !vgw_underlay_is_own(t, dst_dev(dst));
		dst_release(dst);
		rcu_read_unlock();
	}
	spin_lock_bh(&t->conn->lock);
	if (t->conn->fo.tunnels[t->index].path != ok)
		vgw_conn_event_locked(t->conn, t->index,
				      ok ? VGW_FO_PATH_FOUND : VGW_FO_PATH_LOST, 0);
	spin_unlock_bh(&t->conn->lock);
}

/*
 * The largest inner packet of a tunnel: what the underlay's route carries less what the
 * outbound SA adds, 0 while it is unknown. A learned path MTU is left to the errors of
 * the data path.
 */
static unsigned int largest(struct vgw_tunnel *t)
{
	const struct vgw_sa *sa;
	struct xfrm_state *x = NULL;
	unsigned int mtu = 0;
	struct dst_entry *dst;
	struct outer outer;

	spin_lock_bh(&t->conn->lock);
	sa = vgw_watch_sa(t, true);
	if (sa)
		x = xfrm_state_lookup(t->net, sa->mark.v & sa->mark.m, &sa->id.daddr,
				      sa->id.spi, sa->id.proto, sa->family);
	spin_unlock_bh(&t->conn->lock);
	if (!x)
		return 0;
	if (far_end(t, &outer)) {
		rcu_read_lock();
		dst = route(t->net, &outer);
		/* Its own MTU less what the SA adds, again and again: there is no end to that. */
		if (dst && !vgw_underlay_is_own(t, dst_dev(dst))) {
			mtu = dst_metric_raw(dst, RTAX_MTU) ?: READ_ONCE(dst_dev(dst)->mtu);
			mtu = xfrm_state_mtu(x, min(mtu, 65535U));
		}
		dst_release(dst);
		rcu_read_unlock();
	}
	xfrm_state_put(x);
	return mtu;
}

/**
 * vgw_underlay_set_mtu - give a connection and its tunnels the MTUs that they can have
 * @conn: connection
 *
 * Context: process, RTNL.
 */
void vgw_underlay_set_mtu(struct vgw_conn *conn)
{
	unsigned int i, mtu = conn->mtu, old = conn->dev->mtu;
	struct net_device *dev = conn->dev;

	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];
		unsigned int now = largest(t);

		/* What was learned of a path holds for that one. */
		if (now != t->mtu)
			WRITE_ONCE(t->path_mtu, now);
		t->mtu = now;
		if (t->mtu && !conn->mtu && (!mtu || t->mtu < mtu))
			mtu = t->mtu;
		if (conn->mtu || t->mtu)
			dev_set_mtu(t->dev, conn->mtu ?: max(t->mtu, dev->min_mtu));
	}
	/* Until there is an SA nothing is known; keep what was. */
	if (!mtu)
		return;
	mtu = max(mtu, dev->min_mtu);
	conn->setting_mtu = true;
	i = mtu == old || dev_set_mtu(dev, mtu);
	conn->setting_mtu = false;
	if (i)
		return;
	vgw_netlink_event(conn, &(struct vgw_notice){
		.event = VGW_EVENT_MTU, .old = old, .new = mtu,
	});
}

static void look_again(struct vgw_conn *conn)
{
	vgw_todo(conn, VGW_TODO_PATH);
	vgw_todo(conn, VGW_TODO_MTU);
}

/* The underlay changed: see which tunnels still have a path. */
static void underlay_changed(const struct net_device *dev)
{
	struct vgw_conn *conn;

	rcu_read_lock();
	vgw_for_each_conn_rcu(conn, dev_net(dev))
		look_again(conn);
	rcu_read_unlock();
}

/* An address came or went. */
static void address_changed(const struct net_device *dev, const void *a, u16 family)
{
	struct vgw_tunnel *t;

	if (!ours(dev)) {
		underlay_changed(dev);
		return;
	}
	spin_lock_bh(&senders_lock);
	hash_for_each_possible(senders, t, node_sends, vgw_hash_addr(dev_net(dev), a, family))
		if (net_eq(t->net, dev_net(dev)) && t->sends_from.family == family &&
		    xfrm_addr_equal(&t->sends_from.a, a, family))
			look_again(t->conn);
	spin_unlock_bh(&senders_lock);
}

/* A device of ours did: for whoever is stacked on it. */
static void own_changed(const struct net_device *dev)
{
	struct vgw_tunnel *t;

	hash_for_each_possible(stacked, t, node_over, dev->ifindex)
		if (t->over == dev->ifindex && net_eq(t->net, dev_net(dev)))
			look_again(t->conn);
}

static int netdev_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);

	/* Kept bundles need no word of it: XFRM lists them for rt_flush_dev(). */
	switch (event) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
	case NETDEV_CHANGEMTU:
	case NETDEV_UNREGISTER:
		if (ours(dev))
			own_changed(dev);
		else
			underlay_changed(dev);
		break;
	}
	return NOTIFY_DONE;
}

static int inetaddr_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct in_ifaddr *ifa = ptr;

	address_changed(ifa->ifa_dev->dev, &ifa->ifa_local, AF_INET);
	return NOTIFY_DONE;
}

static int inet6addr_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct inet6_ifaddr *ifa = ptr;

	address_changed(ifa->idev->dev, &ifa->addr, AF_INET6);
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = { .notifier_call = netdev_event };
static struct notifier_block inetaddr_notifier = { .notifier_call = inetaddr_event };
static struct notifier_block inet6addr_notifier = { .notifier_call = inet6addr_event };

/**
 * vgw_underlay_register - hear of devices and addresses
 *
 * Context: process, once netns have their lists of connections.
 * Return: 0 or a negative error; then nothing is registered.
 */
int vgw_underlay_register(void)
{
	int err;

	err = register_netdevice_notifier(&netdev_notifier);
	if (err)
		return err;
	err = register_inetaddr_notifier(&inetaddr_notifier);
	if (err)
		goto unregister_netdev;
	err = register_inet6addr_notifier(&inet6addr_notifier);
	if (err)
		goto unregister_inetaddr;
	return 0;

unregister_inetaddr:
	unregister_inetaddr_notifier(&inetaddr_notifier);
unregister_netdev:
	unregister_netdevice_notifier(&netdev_notifier);
	return err;
}

/**
 * vgw_underlay_unregister - undo vgw_underlay_register()
 *
 * Context: process, once no device is left.
 */
void vgw_underlay_unregister(void)
{
	unregister_inet6addr_notifier(&inet6addr_notifier);
	unregister_inetaddr_notifier(&inetaddr_notifier);
	unregister_netdevice_notifier(&netdev_notifier);
}
