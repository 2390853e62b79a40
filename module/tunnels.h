/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_TUNNELS_H
#define VGW_TUNNELS_H

/* The table of tunnels by key, for whoever holds an SA, a policy or a packet. */

#include <linux/jhash.h>
#include <linux/jump_label.h>
#include <linux/rculist.h>
#include <net/netns/hash.h>

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
 * vgw_hash_addr - hash of an outer address in a netns
 * @net: underlay netns
 * @a: the address
 * @family: its family
 *
 * Context: any.
 * Return: 32 bits.
 */
static inline u32 vgw_hash_addr(const struct net *net, const void *a, u16 family)
{
	return jhash2(a, family == AF_INET6 ? 4 : 1, net_hash_mix(net));
}

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

/**
 * vgw_sa_tunnels - does an SA carry inner packets whole?
 * @x: the SA
 *
 * BEET (draft-nikander-esp-beet-mode) counts as a tunnel for XFRM, but has the inner
 * header's own fields outside, in clear.
 *
 * Context: any.
 * Return: it does.
 */
static inline bool vgw_sa_tunnels(const struct xfrm_state *x)
{
	return x->outer_mode.flags & XFRM_MODE_FLAG_TUNNEL && x->props.mode != XFRM_MODE_BEET;
}

/**
 * vgw_sa_picky - are there flows that an SA does not take?
 * @x: the SA
 *
 * What xfrm_state_look_at() asks of each flow.
 *
 * Context: any.
 * Return: its selector or label may refuse some.
 */
static inline bool vgw_sa_picky(const struct xfrm_state *x)
{
	const struct xfrm_selector *sel = &x->sel;

	return x->security ||
	       (sel->family && (sel->prefixlen_s || sel->prefixlen_d || sel->proto ||
				sel->sport_mask || sel->dport_mask || sel->ifindex));
}

#endif /* VGW_TUNNELS_H */
