// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "bundle.h"
#include "conn.h"
#include "keepalive.h"
#include "todo.h"
#include "tx.h"
#include "vgw.h"

#include "trace.h"

/* DSCP CS6, network control, as RFC 4594 3.1 asks of such traffic. */
#define KEEPALIVE_TOS	0xc0

#define ECHO_LEN	(sizeof(struct icmphdr) + VGW_PROBE_LEN)

static void build4(struct sk_buff *skb, const struct vgw_tunnel_config *config,
		   u16 id, u16 seq, const u8 *payload)
{
	struct icmphdr *icmp;
	struct iphdr *ip;

	skb_reset_network_header(skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tos = KEEPALIVE_TOS;
	ip->tot_len = htons(sizeof(*ip) + sizeof(*icmp) + VGW_PROBE_LEN);
	ip->frag_off = htons(IP_DF);
	ip->ttl = 255;
	ip->protocol = IPPROTO_ICMP;
	ip->saddr = config->inside.a.a4;
	ip->daddr = config->peer.a.a4;
	ip_send_check(ip);

	skb_set_transport_header(skb, sizeof(*ip));
	icmp = skb_put_zero(skb, sizeof(*icmp));
	icmp->type = ICMP_ECHO;
	icmp->un.echo.id = htons(id);
	icmp->un.echo.sequence = htons(seq);
	skb_put_data(skb, payload, VGW_PROBE_LEN);
	icmp->checksum = ip_compute_csum(icmp, sizeof(*icmp) + VGW_PROBE_LEN);
	skb->protocol = htons(ETH_P_IP);
}

static void build6(struct sk_buff *skb, const struct vgw_tunnel_config *config,
		   u16 id, u16 seq, const u8 *payload)
{
	const unsigned int len = sizeof(struct icmp6hdr) + VGW_PROBE_LEN;
	struct icmp6hdr *icmp;
	struct ipv6hdr *ip6;

	skb_reset_network_header(skb);
	ip6 = skb_put_zero(skb, sizeof(*ip6));
	ip6_flow_hdr(ip6, KEEPALIVE_TOS, 0);
	ip6->payload_len = htons(len);
	ip6->nexthdr = IPPROTO_ICMPV6;
	ip6->hop_limit = 255;
	ip6->saddr = config->inside.a.in6;
	ip6->daddr = config->peer.a.in6;

	skb_set_transport_header(skb, sizeof(*ip6));
	icmp = skb_put_zero(skb, sizeof(*icmp));
	icmp->icmp6_type = ICMPV6_ECHO_REQUEST;
	icmp->icmp6_identifier = htons(id);
	icmp->icmp6_sequence = htons(seq);
	skb_put_data(skb, payload, VGW_PROBE_LEN);
	icmp->icmp6_cksum = csum_ipv6_magic(&ip6->saddr, &ip6->daddr, len,
					    IPPROTO_ICMPV6,
					    csum_partial(icmp, len, 0));
	skb->protocol = htons(ETH_P_IPV6);
}

/* Caller holds no lock: ESP takes its own. */
static void send(struct vgw_tunnel *t)
{
	unsigned int room = LL_MAX_HEADER + t->dev->needed_headroom;
	struct vgw_conn *conn = t->conn;
	struct vgw_tunnel_config config;
	u8 payload[VGW_PROBE_LEN];
	struct sk_buff *skb;
	u16 seq = 0;
	int err = -ENOMEM;
	bool doubt;

	skb = alloc_skb(room + sizeof(struct ipv6hdr) +
			sizeof(struct icmp6hdr) + VGW_PROBE_LEN +
			t->dev->needed_tailroom, GFP_ATOMIC);
	if (skb) {
		skb_reserve(skb, room);
		spin_lock_bh(&conn->lock);
		config = t->config;
		seq = vgw_probe_encode(&t->probes, get_random_u64(), ktime_get_ns(),
				       payload);
		spin_unlock_bh(&conn->lock);

		if (config.peer.family == AF_INET6)
			build6(skb, &config, t->probes.id, seq, payload);
		else
			build4(skb, &config, t->probes.id, seq, payload);
		skb->dev = conn->dev;
		skb->priority = TC_PRIO_CONTROL;
		err = vgw_tx_keepalive(t, skb);
	}

	trace_vgw_keepalive(t, seq, err, 0);
	if (!err) {
		vgw_count(t->stats, VGW_A_STATS_KEEPALIVE_SENT);
		return;
	}
	vgw_count(t->stats, VGW_A_STATS_KEEPALIVE_UNSENT);
	spin_lock_bh(&conn->lock);
	if (t->timer_on)
		vgw_conn_event_locked(conn, t->index, VGW_FO_UNSENT, 0);
	/*
	 * SAs can go without a word, as xfrm_migrate() lets them. Policies cannot, and what
	 * is read anew is all that the netns has: not for each keepalive.
	 */
	doubt = conn->fo.tunnels[t->index].sa && (err == -EAGAIN || err == -EREMOTE) &&
		time_after_eq(jiffies, conn->doubt_at);
	if (doubt)
		conn->doubt_at = jiffies + nsecs_to_jiffies(VGW_FO_ACQUIRE_NS);
	spin_unlock_bh(&conn->lock);
	if (vgw_bundle_no_path(err))
		vgw_todo(conn, VGW_TODO_PATH);
	else if (doubt)
		vgw_todo(conn, VGW_TODO_RESYNC);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct vgw_tunnel *t = container_of(timer, struct vgw_tunnel, timer);
	struct vgw_conn *conn = t->conn;
	bool probe = false, path = false;

	spin_lock(&conn->lock);
	if (t->timer_on) {
		probe = vgw_conn_event_locked(conn, t->index, VGW_FO_TICK, 0);
		path = !conn->fo.tunnels[t->index].path;
	}
	spin_unlock(&conn->lock);

	/* A route may have come back without any notice. */
	if (path)
		vgw_todo(conn, VGW_TODO_PATH);
	if (probe && t->config.peer.family != AF_UNSPEC)
		send(t);
	return HRTIMER_NORESTART;
}

/**
 * vgw_keepalive_arm - set the timer as the state machine wants it
 * @t: tunnel
 *
 * Context: any but hard interrupts, &vgw_conn.lock held.
 */
void vgw_keepalive_arm(struct vgw_tunnel *t)
{
	const struct vgw_fo_tunnel *fo = &t->conn->fo.tunnels[t->index];

	lockdep_assert_held(&t->conn->lock);

	if (!t->timer_on)
		return;
	if (fo->timer)
		hrtimer_start_range_ns(&t->timer, ns_to_ktime(fo->timer), vgw_fo_leeway(fo),
				       HRTIMER_MODE_ABS_SOFT);
	else
		hrtimer_try_to_cancel(&t->timer);
}

/**
 * vgw_keepalive_init - prepare the timer
 * @t: tunnel
 *
 * Context: process, before the device is registered.
 */
void vgw_keepalive_init(struct vgw_tunnel *t)
{
	t->probes.id = get_random_u32();
	t->probes.seq = get_random_u32();
	hrtimer_setup(&t->timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
}

/**
 * vgw_keepalive_start - the tunnel's device is up
 * @t: tunnel
 *
 * Context: process, RTNL.
 */
void vgw_keepalive_start(struct vgw_tunnel *t)
{
	spin_lock_bh(&t->conn->lock);
	t->timer_on = true;
	vgw_conn_event_locked(t->conn, t->index, VGW_FO_DEV_UP, 0);
	spin_unlock_bh(&t->conn->lock);
}

/**
 * vgw_keepalive_stop - the tunnel's device goes down; no timer runs or is
 *	armed any more when this returns
 * @t: tunnel
 *
 * Context: process, RTNL; waits for the timer.
 */
void vgw_keepalive_stop(struct vgw_tunnel *t)
{
	spin_lock_bh(&t->conn->lock);
	t->timer_on = false;
	vgw_conn_event_locked(t->conn, t->index, VGW_FO_DEV_DOWN, 0);
	spin_unlock_bh(&t->conn->lock);
	hrtimer_cancel(&t->timer);
}

/* From the peer to the inside address, an echo of this type? Its header, else NULL. */
static const struct icmphdr *echo(const struct vgw_tunnel *t, const struct sk_buff *skb,
				  bool reply, u8 buf[ECHO_LEN])
{
	const struct icmphdr *icmp;
	unsigned int off;
	u8 type;

	if (skb->protocol == htons(ETH_P_IP)) {
		const struct iphdr *ip;
		struct iphdr _ip;

		ip = skb_header_pointer(skb, 0, sizeof(_ip), &_ip);
		if (!ip || ip->protocol != IPPROTO_ICMP || ip->ihl != 5 ||
		    ip_is_fragment(ip) ||
		    t->config.peer.family != AF_INET ||
		    ip->saddr != t->config.peer.a.a4 ||
		    ip->daddr != t->config.inside.a.a4)
			return NULL;
		off = sizeof(_ip);
		type = reply ? ICMP_ECHOREPLY : ICMP_ECHO;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip6;
		struct ipv6hdr _ip6;

		ip6 = skb_header_pointer(skb, 0, sizeof(_ip6), &_ip6);
		if (!ip6 || ip6->nexthdr != IPPROTO_ICMPV6 ||
		    t->config.peer.family != AF_INET6 ||
		    !ipv6_addr_equal(&ip6->saddr, &t->config.peer.a.in6) ||
		    !ipv6_addr_equal(&ip6->daddr, &t->config.inside.a.in6))
			return NULL;
		off = sizeof(_ip6);
		type = reply ? ICMPV6_ECHO_REPLY : ICMPV6_ECHO_REQUEST;
	} else {
		return NULL;
	}

	/* Echo headers of both families have the same layout. */
	icmp = skb_header_pointer(skb, off, ECHO_LEN, buf);
	return icmp && icmp->type == type && !icmp->code ? icmp : NULL;
}

/* Nearly every packet is none: told without a copy of its headers. */
static bool no_echo(const struct sk_buff *skb)
{
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return skb_headlen(skb) >= sizeof(struct iphdr) &&
		       ((const struct iphdr *)skb->data)->protocol != IPPROTO_ICMP;
	case htons(ETH_P_IPV6):
		return skb_headlen(skb) >= sizeof(struct ipv6hdr) &&
		       ((const struct ipv6hdr *)skb->data)->nexthdr != IPPROTO_ICMPV6;
	default:
		return true;
	}
}

/* Apart, since stacks are zeroed: a buffer's zeroes would cost every packet. */
static noinline_for_stack bool is_request(const struct vgw_tunnel *t, const struct sk_buff *skb)
{
	u8 buf[ECHO_LEN];

	return echo(t, skb, false, buf);
}

/**
 * vgw_keepalive_asks - is this the far end's own keepalive?
 * @t: tunnel whose SA brought the packet
 * @skb: inner packet, skb->data at its IP header
 *
 * Who asks says that he hears nothing: no reason for us not to ask. Else a path
 * that loses what we send would look alive as long as the far end asks for us.
 *
 * Context: softirq, RCU.
 * Return: true when it is.
 */
bool vgw_keepalive_asks(const struct vgw_tunnel *t, const struct sk_buff *skb)
{
	return !no_echo(skb) && is_request(t, skb);
}

/* Likewise. */
static noinline_for_stack bool receive(struct vgw_tunnel *t, struct sk_buff *skb)
{
	struct vgw_conn *conn = t->conn;
	const struct icmphdr *icmp;
	enum vgw_probe_match match;
	u8 buf[ECHO_LEN];
	u64 rtt = 0;

	icmp = echo(t, skb, true, buf);
	if (!icmp)
		return false;

	spin_lock(&conn->lock);
	match = vgw_probe_match(&t->probes, ntohs(icmp->un.echo.id),
				ntohs(icmp->un.echo.sequence),
				(const u8 *)(icmp + 1), VGW_PROBE_LEN,
				ktime_get_ns(), &rtt);
	if (match == VGW_PROBE_ANSWER && t->timer_on)
		vgw_conn_event_locked(conn, t->index, VGW_FO_REPLY, rtt);
	spin_unlock(&conn->lock);

	if (match == VGW_PROBE_FOREIGN)
		return false;
	vgw_count_keepalive(t->stats, match == VGW_PROBE_ANSWER ?
			    VGW_A_STATS_KEEPALIVE_RECEIVED : VGW_A_STATS_RX_KEEPALIVE_BAD,
			    skb->len);
	trace_vgw_keepalive(t, ntohs(icmp->un.echo.sequence),
			    match == VGW_PROBE_ANSWER ? 0 : -EBADMSG, rtt);
	return true;
}

/**
 * vgw_keepalive_receive - is this the answer to one of our keepalives?
 * @t: tunnel whose SA brought the packet and whose policy allows it
 * @skb: inner packet, skb->data at its IP header
 *
 * Context: softirq, RCU.
 * Return: true when the packet has served its purpose; the caller frees it.
 */
bool vgw_keepalive_receive(struct vgw_tunnel *t, struct sk_buff *skb)
{
	return !no_echo(skb) && receive(t, skb);
}
