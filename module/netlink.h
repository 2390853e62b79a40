/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_NETLINK_H
#define VGW_NETLINK_H

/* Requests, answers and events of the generic netlink family "vgw". */

#include "vgw.h"

struct netlink_ext_ack;
struct nlattr;

/* At most so much configuration in a link message. */
#define VGW_NETLINK_TUNNEL_SIZE	256
#define VGW_NETLINK_CONN_SIZE	(64 + VGW_MAX_TUNNELS * VGW_NETLINK_TUNNEL_SIZE)

/**
 * struct vgw_notice - an event for listeners
 * @event: what happened
 * @tunnel: index of the tunnel that it is about
 * @reason: why
 * @old: as VGW_A_EVENT_OLD
 * @new: as VGW_A_EVENT_NEW
 * @proof_age: since the last proof of life, ns; 0 unknown
 */
struct vgw_notice {
	enum vgw_event event;
	unsigned int tunnel;
	enum vgw_reason reason;
	u32 old;
	u32 new;
	u64 proof_age;
};

int vgw_netlink_register(void);
void vgw_netlink_unregister(void);
void vgw_netlink_event(const struct vgw_conn *conn, const struct vgw_notice *notice);
int vgw_netlink_change(struct vgw_conn *conn, struct vgw_tunnel *t, struct nlattr *data[],
		       struct netlink_ext_ack *extack);
int vgw_netlink_put_config(struct sk_buff *skb, const struct vgw_conn *conn);
int vgw_netlink_put_tunnel(struct sk_buff *skb, struct vgw_tunnel *t);

#endif /* VGW_NETLINK_H */
