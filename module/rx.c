// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "keepalive.h"
#include "keyless.h"
#include "mss.h"
#include "policy.h"
#include "rx.h"
#include "tunnels.h"
#include "vgw.h"

/*
 * Between vti (100) and xfrm_interface (10): equal priorities are refused, and
 * an SA of ours is ours before an xfrm interface of the same if_id sees it.
 */
#define PRIORITY	50

/* Once a jiffy, so that a busy tunnel writes no shared line for each packet. */
static void stamp(struct vgw_tunnel *t, const struct sk_buff *skb)
{
	if (READ_ONCE(t->heard) == jiffies)
		return;
	/* Passive tunnels have nothing but what is heard. */
	if (t->config.keepalive != VGW_KEEPALIVE_PASSIVE && vgw_keepalive_asks(t, skb))
		return;
	WRITE_ONCE(t->heard, jiffies);
}

static unsigned int counter_of(enum vgw_verdict verdict)
{
	switch (verdict) {
	case VGW_NO_POLICY:
		return VGW_A_STATS_RX_NO_POLICY;
	case VGW_BLOCKED:
		return VGW_A_STATS_RX_BLOCKED;
	case VGW_TEMPLATE:
		return VGW_A_STATS_RX_TEMPLATE;
	default:
		return VGW_A_STATS_RX_NOT_IP;
	}
}

static enum vgw_verdict check(struct vgw_tunnel *t, struct sk_buff *skb,
			      unsigned short family)
{
	const struct vgw_key *key = &t->config.key;

	if (READ_ONCE(t->stale))
		return VGW_NO_POLICY;
	if (key->if_id)
		return vgw_policy_check_if_id(rcu_dereference(t->policies),
					      t->net, skb, family, key->if_id);
	return vgw_policy_check_mark(t->net, skb, family, key->mark.v);
}

/* Returns the counter of the drop, 0 to let it in. */
static unsigned int judge(struct vgw_tunnel *t, struct sk_buff *skb,
			  const struct xfrm_state *x)
{
	enum vgw_verdict verdict;

	if (!netif_running(t->dev) || !netif_running(t->conn->dev))
		return VGW_A_STATS_RX_DOWN;
	/* A transport-mode SA of this key is no tunnel's. */
	if (!vgw_sa_tunnels(x))
		return VGW_A_STATS_RX_TEMPLATE;

	if (unlikely(vgw_keyless_blocked(t->conn, XFRM_POLICY_IN)))
		vgw_keyless_default(t->net);
	stamp(t, skb);
	/* Conntrack of the outer packet says nothing on the inner one. */
	nf_reset_ct(skb);
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		verdict = check(t, skb, AF_INET);
		break;
	case htons(ETH_P_IPV6):
		verdict = check(t, skb, AF_INET6);
		break;
	default:
		return VGW_A_STATS_RX_NOT_IP;
	}
	return verdict == VGW_PASS ? 0 : counter_of(verdict);
}

/*
 * May it skip the tunnel's device? That is where GRO merges and where keepalives end:
 * UDP is neither, as long as GRO is not asked to merge what is forwarded, and nobody
 * looks there. XFRM's GRO cells then hand it over by netif_rx(), since a connection has
 * no GRO of its own.
 */
static bool straight(const struct vgw_tunnel *t, const struct sk_buff *skb)
{
	u8 proto = skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->protocol :
						      ipv6_hdr(skb)->nexthdr;

	return proto == IPPROTO_UDP &&
	       !(t->dev->features & (NETIF_F_GRO_UDP_FWD | NETIF_F_GRO_FRAGLIST)) &&
	       !vgw_dev_watched(t->dev);
}

/*
 * XFRM's callback after decapsulation, and after a failure of it (@err). As
 * with xfrmi_rcv_cb() a positive return means: not ours, ask the next one. A
 * negative one makes xfrm_input() call again with @err set and free the packet;
 * skb->dev tells that second call that the packet was counted by the first.
 */
static int receive(struct sk_buff *skb, int err)
{
	const struct sec_path *sp = skb_sec_path(skb);
	struct xfrm_state *x;
	struct vgw_tunnel *t;
	unsigned int counter;

	if (!sp || !sp->len)
		return 1;
	x = sp->xvec[sp->len - 1];
	t = vgw_tunnel_by_sa(xs_net(x), x);
	if (!t)
		return 1;

	if (err) {
		if (skb->dev != t->dev)
			vgw_count(t->stats, VGW_A_STATS_RX_XFRM);
		return 0;
	}

	counter = judge(t, skb, x);
	skb->dev = t->dev;
	if (counter) {
		vgw_count(t->stats, counter);
		return -EPERM;
	}

	if (straight(t, skb))
		skb->dev = t->conn->dev;
	/* The secpath is spent: a later FWD check must not see it. */
	skb_scrub_packet(skb, !net_eq(t->net, dev_net(t->conn->dev)));
	if (t->config.key.mark.m)
		skb->mark = 0;
	vgw_count_bytes(t->stats, VGW_A_STATS_RX_PACKETS, 1, skb->len);
	return 0;
}

/**
 * vgw_rx_handler - what a tunnel received appears on the connection
 * @pskb: packet that was received on a tunnel
 *
 * Context: softirq, RCU.
 * Return: RX_HANDLER_ANOTHER with the connection as its device, or
 * RX_HANDLER_CONSUMED.
 */
rx_handler_result_t vgw_rx_handler(struct sk_buff **pskb)
{
	struct vgw_tunnel *t = rcu_dereference((*pskb)->dev->rx_handler_data);
	struct sk_buff *skb = skb_share_check(*pskb, GFP_ATOMIC);

	if (!skb) {
		vgw_count(t->stats, VGW_A_STATS_RX_QUEUE);
		return RX_HANDLER_CONSUMED;
	}
	*pskb = skb;
	if (vgw_keepalive_receive(t, skb)) {
		consume_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	if (unlikely(!netif_running(t->conn->dev))) {
		vgw_count(t->stats, VGW_A_STATS_RX_DOWN);
		kfree_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	vgw_mss_in(t->conn, skb);
	skb->dev = t->conn->dev;
	return RX_HANDLER_ANOTHER;
}

/*
 * The SA of an ESP packet, with a reference. A marked one is found by a mark alone,
 * which the underlay does not carry: the packet gets that of the tunnel whose far end
 * sent it.
 */
static struct xfrm_state *sa_of(struct sk_buff *skb, unsigned int family, __be32 spi)
{
	struct net *net = dev_net(skb->dev);
	const xfrm_address_t *saddr, *daddr;
	struct xfrm_state *x;
	struct vgw_tunnel *t;

	if (family == AF_INET) {
		saddr = (xfrm_address_t *)&ip_hdr(skb)->saddr;
		daddr = (xfrm_address_t *)&ip_hdr(skb)->daddr;
	} else {
		saddr = (xfrm_address_t *)&ipv6_hdr(skb)->saddr;
		daddr = (xfrm_address_t *)&ipv6_hdr(skb)->daddr;
	}

	if (static_branch_unlikely(&vgw_mark_keys)) {
		vgw_for_each_tunnel_of_remote(t, net, saddr, family) {
			x = xfrm_state_lookup(net, t->config.key.mark.v, daddr, spi,
					      IPPROTO_ESP, family);
			if (!x)
				continue;
			if (x->mark.m)
				skb->mark = t->config.key.mark.v;
			return x;
		}
	}
	if (!VGW_INPUT_TAKES_SA)
		return NULL;
	return xfrm_state_lookup(net, skb->mark, daddr, spi, IPPROTO_ESP, family);
}

/*
 * May xfrm_input() be given this SA? Not where it would refuse: without one it audits,
 * and tells our callback, which counts. Nor behind another SA or a device that did the
 * work.
 */
static bool fits(const struct sk_buff *skb, struct xfrm_state *x)
{
	return VGW_INPUT_TAKES_SA && !skb_sec_path(skb) && !vgw_sa_is_out(x) &&
	       READ_ONCE(x->km.state) == XFRM_STATE_VALID &&
	       vgw_sa_tunnels(x) && vgw_tunnel_by_sa(xs_net(x), x);
}

/*
 * An ESP packet: the SA of a tunnel goes to xfrm_input() with it, as it does from
 * esp4_gro_receive(). With all else the next handler goes on.
 */
static int input(struct sk_buff *skb, unsigned int family, int nexthdr, __be32 spi,
		 int encap_type)
{
	struct xfrm_state *x;
	struct sec_path *sp;
	__be32 seq;

	/* Nobody but IPcomp and IPIP knows the SPI before. */
	if (!static_branch_unlikely(&vgw_any_tunnel) || nexthdr != IPPROTO_ESP || spi ||
	    xfrm_parse_spi(skb, nexthdr, &spi, &seq))
		return -EINVAL;
	x = sa_of(skb, family, spi);
	if (!x)
		return -EINVAL;
	if (!fits(skb, x) || !skb_dst_force(skb))
		goto pass;
	sp = secpath_set(skb);
	if (!sp)
		goto pass;

	skb->mark = xfrm_smark_get(skb->mark, x);
	sp->xvec[sp->len++] = x;
	sp->ovec[sp->olen++].flags = XFRM_GRO;
	XFRM_TUNNEL_SKB_CB(skb)->tunnel.ip4 = NULL;
	XFRM_SPI_SKB_CB(skb)->family = family;
	XFRM_SPI_SKB_CB(skb)->daddroff = family == AF_INET ?
		offsetof(struct iphdr, daddr) : offsetof(struct ipv6hdr, daddr);
	XFRM_SPI_SKB_CB(skb)->seq = seq;
	return xfrm_input(skb, nexthdr, spi, encap_type);
pass:
	xfrm_state_put(x);
	return -EINVAL;
}

static int input4(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return input(skb, AF_INET, nexthdr, spi, encap_type);
}

static int input6(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return input(skb, AF_INET6, nexthdr, spi, encap_type);
}

static int handler4(struct sk_buff *skb)
{
	return input4(skb, ip_hdr(skb)->protocol, 0, 0);
}

static int handler6(struct sk_buff *skb)
{
	return input6(skb, skb_network_header(skb)[IP6CB(skb)->nhoff], 0, 0);
}

/*
 * Frag-needed about an ESP packet that we sent: esp4_err() and esp6_err() check
 * the SPI and learn the path MTU. They find a marked SA by the mark alone: that of
 * the tunnel whose SA it is.
 */
static void mark_error(struct sk_buff *skb, const xfrm_address_t *daddr, unsigned int family,
		       unsigned int offset)
{
	const struct ip_esp_hdr *esp = (const struct ip_esp_hdr *)(skb->data + offset);
	struct net *net = dev_net(skb->dev);
	struct xfrm_state *x;
	struct vgw_tunnel *t;

	vgw_for_each_tunnel_of_remote(t, net, daddr, family) {
		x = xfrm_state_lookup(net, t->config.key.mark.v, daddr, esp->spi,
				      IPPROTO_ESP, family);
		if (!x)
			continue;
		skb->mark = t->config.key.mark.v;
		xfrm_state_put(x);
		return;
	}
}

static int err4(struct sk_buff *skb, u32 info)
{
	const struct iphdr *ip = (const struct iphdr *)skb->data;

	mark_error(skb, (xfrm_address_t *)&ip->daddr, AF_INET, ip->ihl * 4);
	return -ENOENT;
}

static int err6(struct sk_buff *skb, struct inet6_skb_parm *opt,
		u8 type, u8 code, int offset, __be32 info)
{
	const struct ipv6hdr *ip6 = (const struct ipv6hdr *)skb->data;

	mark_error(skb, (xfrm_address_t *)&ip6->daddr, AF_INET6, offset);
	return -ENOENT;
}

static struct xfrm4_protocol esp4_protocol __read_mostly = {
	.handler	= handler4,
	.input_handler	= input4,
	.cb_handler	= receive,
	.err_handler	= err4,
	.priority	= PRIORITY,
};

static struct xfrm6_protocol esp6_protocol __read_mostly = {
	.handler	= handler6,
	.input_handler	= input6,
	.cb_handler	= receive,
	.err_handler	= err6,
	.priority	= PRIORITY,
};

/**
 * vgw_rx_register - start to receive
 *
 * Context: process.
 * Return: 0 or the error of xfrm4_protocol_register().
 */
int vgw_rx_register(void)
{
	int err;

	err = xfrm4_protocol_register(&esp4_protocol, IPPROTO_ESP);
	if (err)
		return err;
	err = xfrm6_protocol_register(&esp6_protocol, IPPROTO_ESP);
	if (err)
		xfrm4_protocol_deregister(&esp4_protocol, IPPROTO_ESP);
	return err;
}

/**
 * vgw_rx_unregister - receive no more; waits for who is at it
 *
 * Context: process.
 */
void vgw_rx_unregister(void)
{
	xfrm6_protocol_deregister(&esp6_protocol, IPPROTO_ESP);
	xfrm4_protocol_deregister(&esp4_protocol, IPPROTO_ESP);
}
