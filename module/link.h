/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_LINK_H
#define VGW_LINK_H

/* The devices: creation and removal of a connection with its tunnels. */

#include "vgw.h"

struct vgw_keyless;

int vgw_link_prepare(void);
void vgw_link_release(void);
int vgw_link_register(void);
void vgw_link_unregister(void);
struct vgw_conn *vgw_conn_of(const struct net_device *dev);
struct vgw_tunnel *vgw_tunnel_of(const struct net_device *dev);
void vgw_link_remove(struct vgw_conn *conn, struct list_head *head);
struct list_head *vgw_link_conns(struct net *net);
struct vgw_keyless *vgw_link_keyless(struct net *net);

/**
 * vgw_for_each_conn_rcu - connections whose underlay is a netns
 * @conn: loop variable
 * @net: underlay netns
 *
 * Context: RCU read side.
 */
#define vgw_for_each_conn_rcu(conn, net) \
	list_for_each_entry_rcu(conn, vgw_link_conns(net), list)

#endif /* VGW_LINK_H */
