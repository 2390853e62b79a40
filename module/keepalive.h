/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_KEEPALIVE_H
#define VGW_KEEPALIVE_H

#include "vgw.h"

void vgw_keepalive_init(struct vgw_tunnel *t);
void vgw_keepalive_start(struct vgw_tunnel *t);
void vgw_keepalive_stop(struct vgw_tunnel *t);
void vgw_keepalive_arm(struct vgw_tunnel *t);
bool vgw_keepalive_asks(const struct vgw_tunnel *t, const struct sk_buff *skb);
bool vgw_keepalive_receive(struct vgw_tunnel *t, struct sk_buff *skb);

#endif /* VGW_KEEPALIVE_H */
