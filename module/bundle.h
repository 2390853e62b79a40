/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_BUNDLE_H
#define VGW_BUNDLE_H

/*
 * The XFRM bundle for an inner packet, looked up or kept from an earlier one.
 *
 * Owner: the tunnel has an array of slots for each CPU; ndo_init allocates it,
 * vgw_bundles_free() frees it. A slot holds a reference to its bundle, and so to
 * SAs, policies and the underlay's device: whoever changes one of these drops
 * what was kept. Slots are filled by senders under RCU and emptied by anybody;
 * no lock.
 */

#include "vgw.h"

int vgw_bundles_init(struct vgw_tunnel *t);
void vgw_bundles_free(struct vgw_tunnel *t);
void vgw_bundles_drop(struct vgw_tunnel *t);
struct dst_entry *vgw_bundle_get(struct vgw_tunnel *t, struct sk_buff *skb);
void vgw_bundle_route(struct vgw_tunnel *t, struct sk_buff *skb);

/**
 * vgw_bundle_no_path - does an error of vgw_bundle_get() say that there is no path?
 * @err: the error
 *
 * Context: any.
 * Return: it does.
 */
static inline bool vgw_bundle_no_path(int err)
{
	return err == -ENETUNREACH || err == -EHOSTUNREACH || err == -ELOOP;
}

#endif /* VGW_BUNDLE_H */
