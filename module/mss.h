/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_MSS_H
#define VGW_MSS_H

/* What the SYNs of TCP may announce, so that segments fit without an ICMP error. */

#include "vgw.h"

struct dst_entry;
struct sk_buff;

/* &vgw_conn.mss, as the administrator says it; else the figure itself. */
#define VGW_MSS_OFF	0
#define VGW_MSS_AUTO	1
/* TCP_MIN_MSS: Linux sets no socket's MSS below it. */
#define VGW_MSS_MIN	88

bool vgw_mss_lower(u8 *tcp, unsigned int len, u16 mss, bool sum);
unsigned int vgw_mss_syn(const struct sk_buff *skb);
bool vgw_mss_clamp(struct sk_buff *skb, unsigned int off, u16 mss);
void vgw_mss_learn(struct vgw_tunnel *t, const struct dst_entry *dst);
void vgw_mss_clamp_out(struct vgw_tunnel *t, struct sk_buff *skb,
		       const struct dst_entry *dst, u32 conf);
void vgw_mss_clamp_in(struct vgw_conn *conn, struct sk_buff *skb, u32 conf);

/**
 * vgw_mss_out - clamp what leaves, if that is asked for
 * @t: tunnel by which it leaves
 * @skb: inner packet
 * @dst: its bundle
 *
 * Context: RCU read side, BH off.
 */
static inline void vgw_mss_out(struct vgw_tunnel *t, struct sk_buff *skb,
			       const struct dst_entry *dst)
{
	u32 conf = READ_ONCE(t->conn->mss);

	if (conf != VGW_MSS_OFF)
		vgw_mss_clamp_out(t, skb, dst, conf);
}

/**
 * vgw_mss_in - clamp what arrived, if that is asked for
 * @conn: connection on which it is to appear
 * @skb: inner packet, skb->data at its IP header, not shared
 *
 * Context: softirq, RCU.
 */
static inline void vgw_mss_in(struct vgw_conn *conn, struct sk_buff *skb)
{
	u32 conf = READ_ONCE(conn->mss);

	if (conf != VGW_MSS_OFF)
		vgw_mss_clamp_in(conn, skb, conf);
}

#endif /* VGW_MSS_H */
