// SPDX-License-Identifier: GPL-2.0
/*
 * The MSS clamp, as xt_TCPMSS does it: of a SYN (and SYN+ACK) of TCP, in either
 * direction, so that both hosts of a TCP connection send no more than fits. An
 * option is lowered, never raised. None is added: who announces nothing is sent
 * 536 bytes (IPv4) or 1220 (IPv6) at most, RFC 9293 3.7.1. What cannot be read
 * whole passes as it is.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/tcp.h>
#include <net/xfrm.h>

#include "mss.h"

/* TCP-AO signs the options (RFC 5925 5.1): who changes one breaks the connection. */
#define OPT_AO	29

/*
 * The next option of a kind, from @at on, that a receiver would see: as
 * tcp_parse_options(), which reads nothing behind what is malformed.
 */
static unsigned int find(const u8 *tcp, unsigned int at, unsigned int end, u8 kind)
{
	unsigned int size;

	for (; at < end; at += size) {
		if (tcp[at] == TCPOPT_EOL)
			break;
		if (tcp[at] == TCPOPT_NOP) {
			size = 1;
			continue;
		}
		if (end - at < 2)
			break;
		size = tcp[at + 1];
		if (size < 2 || size > end - at)
			break;
		if (tcp[at] == kind)
			return at;
	}
	return 0;
}

/**
 * vgw_mss_lower - lower the MSS that a TCP header announces
 * @tcp: the header
 * @len: bytes that are there
 * @mss: the most that it may announce
 * @sum: its checksum covers the options; else it is yet to be computed
 *
 * As inet_proto_csum_replace2() without pseudo header, also where the option is
 * not aligned. Of several options all are lowered.
 *
 * Return: something was changed.
 */
bool vgw_mss_lower(u8 *tcp, unsigned int len, u16 mss, bool sum)
{
	struct tcphdr *th = (struct tcphdr *)tcp;
	unsigned int at, end;
	bool changed = false;

	if (len < sizeof(*th))
		return false;
	end = th->doff * 4;
	if (end < sizeof(*th) || end > len ||
	    find(tcp, sizeof(*th), end, OPT_AO))
		return false;

	for (at = find(tcp, sizeof(*th), end, TCPOPT_MSS); at;
	     at = find(tcp, at + tcp[at + 1], end, TCPOPT_MSS)) {
		u16 old, new = mss;

		if (tcp[at + 1] != TCPOLEN_MSS)
			continue;
		old = tcp[at + 2] << 8 | tcp[at + 3];
		if (old <= new)
			continue;
		tcp[at + 2] = new >> 8;
		tcp[at + 3] = new & 0xff;
		changed = true;
		if (!sum)
			continue;
		/* The checksum's words have it the other way round at an odd offset. */
		if (at & 1) {
			old = swab16(old);
			new = swab16(new);
		}
		csum_replace2(&th->check, htons(old), htons(new));
	}
	return changed;
}

/**
 * vgw_mss_syn - is this a SYN of TCP, alone or with an ACK?
 * @skb: inner packet
 *
 * Return: offset of the TCP header from skb->data; 0 for anything else, later
 * fragments among it.
 */
unsigned int vgw_mss_syn(const struct sk_buff *skb)
{
	unsigned int off = skb_network_offset(skb);
	const struct tcphdr *th;
	struct tcphdr _th;

	if (skb->protocol == htons(ETH_P_IP)) {
		const struct iphdr *ip;
		struct iphdr _ip;

		ip = skb_header_pointer(skb, off, sizeof(_ip), &_ip);
		if (!ip || ip->protocol != IPPROTO_TCP || ip->ihl < 5 ||
		    (ip->frag_off & htons(IP_OFFSET)))
			return 0;
		off += ip->ihl * 4;
	} else {
		const struct ipv6hdr *ip6;
		struct ipv6hdr _ip6;
		__be16 frag_off;
		int skipped;
		u8 nexthdr;

		ip6 = skb_header_pointer(skb, off, sizeof(_ip6), &_ip6);
		if (!ip6)
			return 0;
		nexthdr = ip6->nexthdr;
		off += sizeof(_ip6);
		if (nexthdr != IPPROTO_TCP) {
			if (!ipv6_ext_hdr(nexthdr))
				return 0;
			/* Stops at a later fragment. */
			skipped = ipv6_skip_exthdr(skb, off, &nexthdr, &frag_off);
			if (skipped < 0 || nexthdr != IPPROTO_TCP)
				return 0;
			off = skipped;
		}
	}

	th = skb_header_pointer(skb, off, sizeof(_th), &_th);
	return th && th->syn ? off : 0;
}

/* Bytes of the packet by its IP header: the device's may be more. */
static unsigned int ip_len(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ntohs(ip_hdr(skb)->tot_len);
	return sizeof(struct ipv6hdr) + ntohs(ipv6_hdr(skb)->payload_len);
}

/**
 * vgw_mss_clamp - lower the MSS that a SYN announces
 * @skb: inner packet, not shared
 * @off: what vgw_mss_syn() said
 * @mss: the most that it may announce
 *
 * Return: something was changed.
 */
bool vgw_mss_clamp(struct sk_buff *skb, unsigned int off, u16 mss)
{
	unsigned int start = skb_network_offset(skb), len;
	const struct tcphdr *th;
	struct tcphdr _th;

	th = skb_header_pointer(skb, off, sizeof(_th), &_th);
	if (!th)
		return false;
	len = th->doff * 4;
	/* Nobody has to write to a header without options. */
	if (len <= sizeof(*th) || skb_ensure_writable(skb, off + len) ||
	    start + ip_len(skb) < off + len)
		return false;
	return vgw_mss_lower(skb->data + off, len, mss,
			     skb->ip_summed != CHECKSUM_PARTIAL);
}

/* The figure, or what an MTU leaves. Options are not in it: RFC 9293 3.7.1. */
static u16 mss_of(u32 conf, const struct sk_buff *skb, unsigned int mtu)
{
	unsigned int head = sizeof(struct tcphdr);

	if (conf != VGW_MSS_AUTO)
		return conf;
	head += skb->protocol == htons(ETH_P_IP) ? sizeof(struct iphdr) :
						    sizeof(struct ipv6hdr);
	return clamp(mtu, VGW_MSS_MIN + head, 65535U) - head;
}

/**
 * vgw_mss_learn - what a tunnel's path carries now
 * @t: tunnel
 * @dst: a bundle of it
 *
 * Unlike the bundle's own MTU this says nothing on the inner route.
 *
 * Context: RCU read side.
 */
void vgw_mss_learn(struct vgw_tunnel *t, const struct dst_entry *dst)
{
	unsigned int mtu = xfrm_state_mtu(dst->xfrm, dst_mtu(xfrm_dst_child(dst)));

	if (READ_ONCE(t->path_mtu) != mtu)
		WRITE_ONCE(t->path_mtu, mtu);
}

/**
 * vgw_mss_clamp_out - clamp what leaves
 * @t: tunnel by which it leaves
 * @skb: inner packet
 * @dst: its bundle
 * @conf: &vgw_conn.mss, not off
 *
 * Context: RCU read side, BH off.
 */
void vgw_mss_clamp_out(struct vgw_tunnel *t, struct sk_buff *skb,
		       const struct dst_entry *dst, u32 conf)
{
	unsigned int off = vgw_mss_syn(skb), mtu;

	if (!off)
		return;
	vgw_mss_learn(t, dst);
	mtu = min(READ_ONCE(t->conn->dev->mtu), dst_mtu(dst));
	vgw_mss_clamp(skb, off, mss_of(conf, skb, mtu));
}

/**
 * vgw_mss_clamp_in - clamp what arrived
 * @conn: connection on which it is to appear
 * @skb: inner packet, not shared
 * @conf: &vgw_conn.mss, not off
 *
 * What is sent to the host that announces this leaves by the active tunnel,
 * whichever tunnel brought it.
 *
 * Context: softirq, RCU.
 */
void vgw_mss_clamp_in(struct vgw_conn *conn, struct sk_buff *skb, u32 conf)
{
	unsigned int off = vgw_mss_syn(skb), mtu = READ_ONCE(conn->dev->mtu), path;
	const struct vgw_tunnel *t;

	if (!off)
		return;
	t = rcu_dereference(conn->active);
	path = t ? READ_ONCE(t->path_mtu) : 0;
	if (path && path < mtu)
		mtu = path;
	vgw_mss_clamp(skb, off, mss_of(conf, skb, mtu));
}
