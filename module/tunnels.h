/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_TUNNELS_H
#define VGW_TUNNELS_H

/* The table of tunnels by key, for whoever holds an SA, a policy or a packet. */

#include <linux/jump_label.h>
#include <linux/rculist.h>

#include "vgw.h"

DECLARE_STATIC_KEY_FALSE(vgw_any_tunnel);
DECLARE_STATIC_KEY_FALSE(vgw_mark_keys);

int vgw_tunnels_add(struct vgw_tunnel *t);
void vgw_tunnels_remove(struct vgw_tunnel *t);
void vgw_tunnels_add_remote(struct vgw_tunnel *t);
void vgw_tunnels_remove_remote(struct vgw_tunnel *t);
struct vgw_tunnel *vgw_tunnel_by_key(struct net *net, u32 if_id,
				     const struct xfrm_mark *mark);
struct vgw_tunnel *vgw_tunnel_by_sa(struct net *net, const struct xfrm_state *x);
struct vgw_tunnel *vgw_tunnel_of_sa(struct net *net, const struct xfrm_state *x);
struct vgw_tunnel *vgw_tunnel_next_of_remote(struct vgw_tunnel *t, struct net *net,
					     const xfrm_address_t *remote, u16 family);

/**
 * vgw_for_each_tunnel_of_remote - tunnels with a mark key and this far end
 * @t: loop variable
 * @net: underlay netns
 * @remote: outer address of the far end
 * @family: its family
 *
 * Context: RCU read side.
 */
#define vgw_for_each_tunnel_of_remote(t, net, remote, family)			\
	for ((t) = vgw_tunnel_next_of_remote(NULL, net, remote, family); (t);	\
	     (t) = vgw_tunnel_next_of_remote(t, net, remote, family))

#endif /* VGW_TUNNELS_H */
