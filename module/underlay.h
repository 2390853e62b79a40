/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_UNDERLAY_H
#define VGW_UNDERLAY_H

/* What the underlay offers a tunnel: a path to its far end, and how wide it is. */

#include "vgw.h"

int vgw_underlay_register(void);
void vgw_underlay_unregister(void);
void vgw_underlay_check(struct vgw_tunnel *t);
void vgw_underlay_forget(struct vgw_tunnel *t);
void vgw_underlay_set_mtu(struct vgw_conn *conn);

/**
 * vgw_underlay_is_own - would what a tunnel sends by a device come back to it?
 * @t: tunnel
 * @dev: where the route to its far end leads
 *
 * Context: any.
 * Return: it would.
 */
static inline bool vgw_underlay_is_own(const struct vgw_tunnel *t, const struct net_device *dev)
{
	return dev == t->dev || dev == t->conn->dev;
}

#endif /* VGW_UNDERLAY_H */
