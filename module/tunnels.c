// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/rtnetlink.h>

#include "tunnels.h"

/* Buckets for 10,000 tunnels and some more: 64 KiB, and 32 for what mark keys alone need. */
#define REMOTE_BITS	12

static DEFINE_HASHTABLE(by_key, 13);
static DEFINE_HASHTABLE(by_remote, REMOTE_BITS);

/* Without tunnels, or those of that kind, no packet pays for them. */
DEFINE_STATIC_KEY_FALSE(vgw_any_tunnel);
DEFINE_STATIC_KEY_FALSE(vgw_mark_keys);

static u32 hash_key(const struct net *net, u32 if_id, u32 mark)
{
	/* Of the administrator's making; the table's macros mix it. */
	return (if_id ?: mark) ^ net_hash_mix(net);
}

/**
 * vgw_tunnel_by_key - the tunnel that has this key
 * @net: underlay netns
 * @if_id: if_id of an SA or policy
 * @mark: its mark, asked only when @if_id is 0
 *
 * Context: RCU read side or RTNL.
 * Return: the tunnel or NULL.
 */
struct vgw_tunnel *vgw_tunnel_by_key(struct net *net, u32 if_id,
				     const struct xfrm_mark *mark)
{
	struct vgw_tunnel *t;
	u32 v = if_id ? 0 : mark->v;

	if (!if_id && !mark->m)
		return NULL;
	hash_for_each_possible_rcu(by_key, t, node, hash_key(net, if_id, v),
				   lockdep_rtnl_is_held())
		if (t->config.key.if_id == if_id && net_eq(t->net, net) &&
		    (if_id || t->config.key.mark.v == v))
			return t;
	return NULL;
}

/**
 * vgw_tunnel_next_of_remote - the next tunnel with a mark key and this far end
 * @t: the one before, NULL to begin
 * @net: underlay netns
 * @remote: outer address of the far end
 * @family: its family
 *
 * Context: RCU read side.
 * Return: the tunnel or NULL.
 */
struct vgw_tunnel *vgw_tunnel_next_of_remote(struct vgw_tunnel *t, struct net *net,
					     const xfrm_address_t *remote, u16 family)
{
	struct hlist_node *node;
	struct hlist_head *head;

	head = &by_remote[hash_min(vgw_hash_addr(net, remote, family), REMOTE_BITS)];
	if (t)
		node = rcu_dereference(hlist_next_rcu(&t->node_remote));
	else
		node = rcu_dereference(hlist_first_rcu(head));
	for (; node; node = rcu_dereference(hlist_next_rcu(node))) {
		t = hlist_entry(node, struct vgw_tunnel, node_remote);
		if (net_eq(t->net, net) && t->config.remote.family == family &&
		    xfrm_addr_equal(&t->config.remote.a, remote, family))
			return t;
	}
	return NULL;
}

/* The one tunnel with a mark key between these outer addresses. */
static struct vgw_tunnel *between(struct net *net, const xfrm_address_t *remote,
				  const xfrm_address_t *local, u16 family)
{
	struct vgw_tunnel *t, *found = NULL;

	vgw_for_each_tunnel_of_remote(t, net, remote, family) {
		if (t->config.local.family != AF_UNSPEC &&
		    !xfrm_addr_equal(&t->config.local.a, local, family))
			continue;
		if (found)
			return NULL;
		found = t;
	}
	return found;
}

/**
 * vgw_tunnel_by_sa - the tunnel to which an SA belongs
 * @net: underlay netns
 * @x: an inbound SA, or an outbound one that has a key
 *
 * By its if_id; by its mark; or, for the unmarked inbound SA of a mark key (as
 * IKE daemons install them for vti), by its outer addresses when only one
 * tunnel has these.
 *
 * Context: RCU read side.
 * Return: the tunnel or NULL.
 */
struct vgw_tunnel *vgw_tunnel_by_sa(struct net *net, const struct xfrm_state *x)
{
	if (x->if_id || x->mark.m)
		return vgw_tunnel_by_key(net, x->if_id, &x->mark);
	return between(net, &x->props.saddr, &x->id.daddr, x->props.family);
}

/**
 * vgw_tunnel_of_sa - the same for an SA of either direction
 * @net: underlay netns
 * @x: an SA
 *
 * An unmarked outbound SA serves a mark key as well: the policy has the mark,
 * and an SA without one suits every mark. Not for what was received by it.
 *
 * Context: RCU read side.
 * Return: the tunnel or NULL.
 */
struct vgw_tunnel *vgw_tunnel_of_sa(struct net *net, const struct xfrm_state *x)
{
	struct vgw_tunnel *t = vgw_tunnel_by_sa(net, x);

	if (t || x->if_id || x->mark.m)
		return t;
	return between(net, &x->id.daddr, &x->props.saddr, x->props.family);
}

/**
 * vgw_tunnels_add - let a tunnel be found
 * @t: tunnel with its key
 *
 * Context: process, RTNL.
 * Return: 0, or -EEXIST when another tunnel of the netns has the key.
 */
int vgw_tunnels_add(struct vgw_tunnel *t)
{
	const struct vgw_key *key = &t->config.key;

	ASSERT_RTNL();
	if (vgw_tunnel_by_key(t->net, key->if_id, &key->mark))
		return -EEXIST;
	hash_add_rcu(by_key, &t->node,
		     hash_key(t->net, key->if_id, key->if_id ? 0 : key->mark.v));
	t->hashed = true;
	static_branch_inc(&vgw_any_tunnel);
	if (key->mark.m)
		static_branch_inc(&vgw_mark_keys);
	vgw_tunnels_add_remote(t);
	return 0;
}

/**
 * vgw_tunnels_add_remote - let a tunnel with a mark key be found by its far end
 * @t: tunnel that is in the table of keys
 *
 * Context: process, RTNL.
 */
void vgw_tunnels_add_remote(struct vgw_tunnel *t)
{
	const struct vgw_addr *remote = &t->config.remote;

	ASSERT_RTNL();
	if (t->hashed && t->config.key.mark.m && remote->family != AF_UNSPEC)
		hash_add_rcu(by_remote, &t->node_remote,
			     vgw_hash_addr(t->net, &remote->a, remote->family));
}

/**
 * vgw_tunnels_remove_remote - before its remote changes
 * @t: tunnel; no reader meets it by its old remote when this returns
 *
 * Context: process, RTNL; waits for a grace period.
 */
void vgw_tunnels_remove_remote(struct vgw_tunnel *t)
{
	ASSERT_RTNL();
	if (hlist_unhashed(&t->node_remote))
		return;
	hlist_del_init_rcu(&t->node_remote);
	synchronize_net();
}

/**
 * vgw_tunnels_remove - let a tunnel be found no more
 * @t: tunnel; readers may hold it until a grace period has passed
 *
 * Context: process, RTNL.
 */
void vgw_tunnels_remove(struct vgw_tunnel *t)
{
	ASSERT_RTNL();
	if (!t->hashed)
		return;
	hash_del_rcu(&t->node);
	if (!hlist_unhashed(&t->node_remote))
		hlist_del_init_rcu(&t->node_remote);
	if (t->config.key.mark.m)
		static_branch_dec(&vgw_mark_keys);
	static_branch_dec(&vgw_any_tunnel);
	t->hashed = false;
}
