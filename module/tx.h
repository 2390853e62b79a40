/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_TX_H
#define VGW_TX_H

#include "vgw.h"

netdev_tx_t vgw_tx_conn(struct sk_buff *skb, struct net_device *dev);
netdev_tx_t vgw_tx_tunnel(struct sk_buff *skb, struct net_device *dev);
int vgw_tx_keepalive(struct vgw_tunnel *t, struct sk_buff *skb);

#endif /* VGW_TX_H */
