// SPDX-License-Identifier: GPL-2.0
#include <linux/icmpv6.h>
#include <linux/netdevice.h>
#include <net/dst_metadata.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/ip_tunnels.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "bundle.h"
#include "keyless.h"
#include "mss.h"
#include "todo.h"
#include "tx.h"
#include "vgw.h"

/* Tunnels in tunnels: IP_TUNNEL_RECURSION_LIMIT, which 6.1 does not have. */
#define DEPTH_LIMIT	5

/* Every drop on this side goes through here: one counter each. */
static void drop(struct vgw_stats __percpu *stats, unsigned int counter,
		 struct sk_buff *skb)
{
	vgw_count(stats, counter);
	kfree_skb(skb);
}

/*
 * A route for a packet that comes without one (AF_PACKET). Apart, since stacks are
 * zeroed: a flow's zeroes would cost every packet.
 */
static noinline_for_stack int route4(struct sk_buff *skb, struct net_device *dev)
{
	struct net *net = dev_net(dev);
	struct rtable *rt;
	struct flowi fl;

	memset(&fl, 0, sizeof(fl));
	if (__vgw_decode_session(net, skb, &fl, AF_INET) < 0)
		return -EINVAL;
	fl.u.ip4.flowi4_oif = dev->ifindex;
	fl.u.ip4.flowi4_flags |= FLOWI_FLAG_ANYSRC;
	rt = __ip_route_output_key(net, &fl.u.ip4);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	skb_dst_drop(skb);
	skb_dst_set(skb, &rt->dst);
	return 0;
}

static noinline_for_stack int route6(struct sk_buff *skb, struct net_device *dev)
{
	struct net *net = dev_net(dev);
	struct flowi fl;

	memset(&fl, 0, sizeof(fl));
	if (__vgw_decode_session(net, skb, &fl, AF_INET6) < 0)
		return -EINVAL;
	/* An error route serves: only its family is asked for. */
	fl.u.ip6.flowi6_oif = dev->ifindex;
	fl.u.ip6.flowi6_flags |= FLOWI_FLAG_ANYSRC;
	skb_dst_drop(skb);
	skb_dst_set(skb, ip6_route_output(net, NULL, &fl.u.ip6));
	return 0;
}

/* A whole IP header, and a route. */
static __always_inline int prepare(struct sk_buff *skb, struct net_device *dev)
{
	if (!pskb_inet_may_pull(skb))
		return -EINVAL;

	switch (skb->protocol) {
	case htons(ETH_P_IP):
		if (ip_hdr(skb)->version != 4 || ip_hdr(skb)->ihl < 5)
			return -EINVAL;
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
		return skb_valid_dst(skb) ? 0 : route4(skb, dev);
	case htons(ETH_P_IPV6):
		if (ipv6_hdr(skb)->version != 6)
			return -EINVAL;
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
		return skb_valid_dst(skb) ? 0 : route6(skb, dev);
	default:
		return -EPROTONOSUPPORT;
	}
}

/* The same for what IP sends by a device. */
static int prepare_user(struct vgw_conn *conn, struct sk_buff *skb, struct net_device *dev)
{
	if (unlikely(vgw_keyless_blocked(conn, XFRM_POLICY_OUT))) {
		/* IP asks from now on; this packet it would have dropped. */
		vgw_keyless_default(conn->net);
		return -EPERM;
	}
	return prepare(skb, dev);
}

static unsigned int unprepared(int err)
{
	switch (err) {
	case -EPERM:
		return VGW_A_STATS_TX_BLOCKED;
	case -EINVAL:
	case -EPROTONOSUPPORT:
		return VGW_A_STATS_TX_NOT_IP;
	default:
		return VGW_A_STATS_TX_NO_ROUTE;
	}
}

static unsigned int counter_of(int err)
{
	switch (err) {
	case -ENOENT:
		return VGW_A_STATS_TX_NO_POLICY;
	case -EPERM:
		return VGW_A_STATS_TX_BLOCKED;
	case -ENETUNREACH:
	case -EHOSTUNREACH:
	case -EINVAL:
		return VGW_A_STATS_TX_NO_ROUTE;
	case -ELOOP:
		return VGW_A_STATS_TX_LOOP;
	default:
		return VGW_A_STATS_TX_NO_SA;
	}
}

/* A policy has decided; another tunnel may not decide otherwise. */
static bool final(int err)
{
	return err == -ENOENT || err == -EPERM;
}

/* Tell the sender what fits. As xfrmi_xmit2(). Returns true when it does not. */
static bool too_big(struct vgw_tunnel *t, struct sk_buff *skb, struct dst_entry *dst)
{
	/* Of a bundle it is a metric: xfrm_mtu() looks there first. */
	int mtu = dst_metric_raw(dst, RTAX_MTU) ?: dst_mtu(dst);

	if (skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu)
		return false;

	vgw_mss_learn(t, dst);
	skb_dst_update_pmtu_no_confirm(skb, mtu);
	if (skb->protocol == htons(ETH_P_IPV6)) {
		if (skb->len <= IPV6_MIN_MTU)
			return false;
		icmpv6_ndo_send(skb, ICMPV6_PKT_TOOBIG, 0, max(mtu, IPV6_MIN_MTU));
	} else {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)))
			return false;
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
	}
	return true;
}

/*
 * Consumes the packet and the reference to the bundle. Returns 0 or the counter
 * of the drop, for the caller to count. @conn is NULL for what did not come by
 * the connection; @why, where it is not NULL, is told what dst_output() said.
 */
static __always_inline unsigned int output(struct vgw_tunnel *t, struct vgw_conn *conn,
					   struct sk_buff *skb, struct dst_entry *dst, int *why)
{
	struct net_device *dev = t->dev;
	unsigned int len = skb->len;
	unsigned int packets = max_t(u16, 1, skb_shinfo(skb)->gso_segs);
	/* Its own netns may be another for a moment: it follows its connection. */
	bool xnet = !net_eq(t->net, dev_net(t->conn->dev));
	int err;

	/* By way of other tunnels; its own devices have no bundle. */
	if (dev_recursion_level() > DEPTH_LIMIT) {
		dst_release(dst);
		kfree_skb(skb);
		net_warn_ratelimited("%s: the far end of %s is routed through too many tunnels\n",
				     t->conn->dev->name, dev->name);
		return VGW_A_STATS_TX_LOOP;
	}
	if (too_big(t, skb, dst)) {
		dst_release(dst);
		kfree_skb(skb);
		return VGW_A_STATS_TX_TOO_BIG;
	}

	vgw_mss_out(t, skb, dst);

	/* A tap on the tunnel sees what the connection sends by it. */
	if (skb->dev != dev) {
		skb->dev = dev;
		if (dev_nit_active_rcu(dev))
			dev_queue_xmit_nit(skb, dev);
	}

	skb_scrub_packet(skb, xnet);
	skb_dst_set(skb, dst);
	skb->dev = dst_dev(dst);
	if (READ_ONCE(t->used) != jiffies)
		WRITE_ONCE(t->used, jiffies);

	dev_xmit_recursion_inc();
	err = dst_output(t->net, skb_to_full_sk(skb), skb);
	dev_xmit_recursion_dec();
	if (net_xmit_eval(err)) {
		if (why)
			*why = err;
		return VGW_A_STATS_TX_OUTPUT;
	}
	vgw_count_bytes(t->stats, VGW_A_STATS_TX_PACKETS, packets, len);
	if (conn)
		vgw_count_bytes(conn->stats, VGW_A_STATS_TX_PACKETS, packets, len);
	return 0;
}

/* What does not come by the connection; one copy of output() is for that alone. */
static noinline unsigned int
output_aside(struct vgw_tunnel *t, struct sk_buff *skb, struct dst_entry *dst, int *why)
{
	return output(t, NULL, skb, dst, why);
}

/* Traffic to an inside peer goes by that peer's tunnel, standby or not. */
static struct vgw_tunnel *pinned(const struct vgw_conn *conn, const struct sk_buff *skb)
{
	__be32 to = skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->daddr : 0;
	unsigned int i;

	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];
		const struct vgw_addr *peer = &t->config.peer;

		if (skb->protocol == htons(ETH_P_IP)) {
			if (peer->a.a4 == to && peer->family == AF_INET)
				return t;
		} else if (peer->family == AF_INET6 &&
			   ipv6_addr_equal(&peer->a.in6, &ipv6_hdr(skb)->daddr)) {
			return t;
		}
	}
	return NULL;
}

/* The most preferred usable tunnel that was not tried yet. */
static struct vgw_tunnel *another(const struct vgw_conn *conn, unsigned long tried)
{
	struct vgw_tunnel *found = NULL;
	unsigned int i;

	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];

		if ((tried & BIT(i)) || !netif_running(t->dev) ||
		    !netif_carrier_ok(t->dev) ||
		    /* One packet by a tunnel just drained does no harm. */
		    data_race(conn->fo.tunnels[i].drained))
			continue;
		if (!found || t->config.preference > found->config.preference)
			found = t;
	}
	return found;
}

/* No tunnel takes it: tell the sender at once rather than let it time out. */
static void no_way(struct vgw_stats __percpu *stats, unsigned int counter,
		   struct sk_buff *skb)
{
	dst_link_failure(skb);
	drop(stats, counter, skb);
}

/*
 * No tunnel at all. Those without keepalives of their own have nothing else
 * that would make XFRM ask the IKE daemon for an SA.
 */
static void ask_for_sas(struct vgw_conn *conn, struct sk_buff *skb)
{
	struct dst_entry *dst;
	unsigned int i;

	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];

		if (vgw_fo_asks(t->config.keepalive) || !netif_running(t->dev))
			continue;
		dst = vgw_bundle_get(t, skb);
		if (!IS_ERR(dst))
			dst_release(dst);
	}
}

/**
 * vgw_tx_conn - ndo_start_xmit of a connection
 * @skb: inner packet
 * @dev: the connection's device
 *
 * Chooses the tunnel (pinned, else active; if that one has no usable SA, the
 * next usable one for this very packet). What no bundle takes is dropped.
 *
 * Context: softirq or process with BH off, RCU.
 * Return: NETDEV_TX_OK; the packet is consumed.
 */
netdev_tx_t vgw_tx_conn(struct sk_buff *skb, struct net_device *dev)
{
	struct vgw_conn *conn = netdev_priv(dev);
	struct dst_entry *dst;
	struct vgw_tunnel *t;
	unsigned long tried = 0;
	unsigned int counter;
	bool pin = true;
	int first = 0;
	int err;

	err = prepare_user(conn, skb, dev);
	if (err) {
		drop(conn->stats, unprepared(err), skb);
		return NETDEV_TX_OK;
	}

	t = pinned(conn, skb);
	if (!t) {
		pin = false;
		t = rcu_dereference_bh(conn->active);
	} else if (!netif_running(t->dev)) {
		no_way(t->stats, VGW_A_STATS_TX_DOWN, skb);
		return NETDEV_TX_OK;
	}

	while (t) {
		dst = vgw_bundle_get(t, skb);
		if (!IS_ERR(dst)) {
			if (tried)
				vgw_count(t->stats, VGW_A_STATS_TX_FALLBACK);
			counter = output(t, conn, skb, dst, NULL);
			if (counter)
				vgw_count(t->stats, counter);
			return NETDEV_TX_OK;
		}
		err = PTR_ERR(dst);
		if (!first)
			first = err;
		tried |= BIT(t->index);
		if (vgw_bundle_no_path(err))
			vgw_todo(conn, VGW_TODO_PATH);
		if (pin || final(err))
			break;
		t = another(conn, tried);
	}

	if (!tried)
		ask_for_sas(conn, skb);
	no_way(t ? t->stats : conn->stats,
	       first ? counter_of(first) : VGW_A_STATS_TX_NO_TUNNEL, skb);
	return NETDEV_TX_OK;
}

/**
 * vgw_tx_tunnel - ndo_start_xmit of a tunnel: this one and no other
 * @skb: inner packet
 * @dev: the tunnel's device
 *
 * Context: as vgw_tx_conn().
 * Return: NETDEV_TX_OK; the packet is consumed.
 */
netdev_tx_t vgw_tx_tunnel(struct sk_buff *skb, struct net_device *dev)
{
	struct vgw_tunnel *t = netdev_priv(dev);
	struct dst_entry *dst;
	unsigned int counter;
	int err;

	err = prepare_user(t->conn, skb, dev);
	if (err) {
		drop(t->stats, unprepared(err), skb);
		return NETDEV_TX_OK;
	}
	dst = vgw_bundle_get(t, skb);
	if (IS_ERR(dst)) {
		no_way(t->stats, counter_of(PTR_ERR(dst)), skb);
		return NETDEV_TX_OK;
	}
	counter = output_aside(t, skb, dst, NULL);
	if (counter)
		vgw_count(t->stats, counter);
	return NETDEV_TX_OK;
}

/**
 * vgw_tx_keepalive - send a keepalive by its tunnel
 * @t: tunnel
 * @skb: the echo request; consumed
 *
 * Without an SA the lookup asks XFRM, and so the IKE daemon, for one. What is refused
 * behind the bundle, by a firewall or an SA whose sequence numbers are used up, would
 * happen to every packet: it counts as sent, and so goes unanswered. Want of memory and
 * a queue that is full pass, and say nothing of the tunnel.
 *
 * Context: softirq.
 * Return: 0, or why it was not sent, which no drop counter shows; -ENOBUFS for what
 * passes, else an error of vgw_bundle_get(), -ELOOP or -EMSGSIZE.
 */
int vgw_tx_keepalive(struct vgw_tunnel *t, struct sk_buff *skb)
{
	struct dst_entry *dst;
	int err, why = 0;

	rcu_read_lock_bh();
	vgw_bundle_route(t, skb);
	err = prepare(skb, t->conn->dev);
	if (!err) {
		dst = vgw_bundle_get(t, skb);
		err = PTR_ERR_OR_ZERO(dst);
	}
	if (err) {
		consume_skb(skb);
		goto unlock;
	}
	switch (output_aside(t, skb, dst, &why)) {
	case 0:
		break;
	case VGW_A_STATS_TX_OUTPUT:
		if (why > 0 || why == -ENOMEM || why == -ENOBUFS)
			err = -ENOBUFS;
		break;
	case VGW_A_STATS_TX_LOOP:
		err = -ELOOP;
		break;
	default:
		err = -EMSGSIZE;
	}
unlock:
	rcu_read_unlock_bh();
	return err;
}
