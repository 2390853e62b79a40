// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/dst.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "bundle.h"
#include "link.h"
#include "policy.h"
#include "tunnels.h"
#include "underlay.h"

/* Two families, and classes of traffic that the underlay may route apart. */
#define SLOTS	4

/**
 * struct vgw_bundle - a bundle that is kept
 * @rcu: frees it
 * @dst: the bundle, with a reference
 * @flow: of the packet that it was looked up for
 * @since: the jiffy in which it was kept
 * @family: of that packet
 * @dscp: of that packet, 0 for IPv6: XFRM asks the underlay's routes with it
 * @exact: it serves this very flow only
 */
struct vgw_bundle {
	struct rcu_head rcu;
	struct dst_entry *dst;
	struct flowi flow;
	unsigned long since;
	u16 family;
	u8 dscp;
	bool exact;
};

struct vgw_bundles {
	struct vgw_bundle __rcu *slot[SLOTS];
};

static u16 family_of(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? AF_INET : AF_INET6;
}

static u8 dscp_of(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->tos & ~INET_ECN_MASK : 0;
}

static struct vgw_bundle __rcu **slot_of(const struct vgw_tunnel *t, u16 family, u8 dscp)
{
	unsigned int i = (dscp >> 2) ^ (dscp >> 4) ^ (family == AF_INET6);

	return &this_cpu_ptr(t->bundles)->slot[i % SLOTS];
}

static void forget(struct vgw_bundle *b)
{
	if (!b)
		return;
	dst_release(b->dst);
	kfree_rcu(b, rcu);
}

/*
 * Other flows may use the bundle of a tunnel whose SAs take every flow alike.
 * Policies without if_id are not all in the tunnel's set: those of a mark key
 * may have rivals that bear no mark.
 */
static bool shared(const struct vgw_tunnel *t, const struct xfrm_dst *xdst)
{
	return t->config.key.if_id && !READ_ONCE(t->picky) && !vgw_sa_picky(xdst->u.dst.xfrm) &&
	       xdst->num_pols == 1 && !xdst->pols[0]->security;
}

/*
 * Would a lookup for this packet give this very bundle? XFRM chooses by flow
 * (policy, SA), by DSCP and mark (underlay route), and bounds the MTU by that of
 * the inner route. Without @fl the answer may be no where it could be yes.
 */
static __always_inline bool serves(const struct vgw_tunnel *t, const struct vgw_bundle *b,
				   const struct sk_buff *skb, const struct flowi *fl,
				   u16 family, u8 dscp, u32 mark)
{
	const struct vgw_policies *set = rcu_dereference_bh(t->policies);
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)b->dst;
	u32 mtu, route_mtu;

	if (b->family != family || b->dscp != dscp || b->flow.flowi_mark != mark)
		return false;
	if (b->exact) {
		if (!fl || memcmp(&b->flow, fl, sizeof(*fl)))
			return false;
	} else if (!fl) {
		if (vgw_policies_sole(set, true, skb, family) != xdst->pols[0])
			return false;
	} else if (!vgw_policies_choose(set, fl, family, xdst->pols[0])) {
		return false;
	}

	route_mtu = dst_mtu(skb_dst(skb));
	if (route_mtu == xdst->route_mtu_cached)
		return true;
	mtu = dst_mtu(b->dst);
	return xdst->route_mtu_cached > mtu && route_mtu >= mtu;
}

/*
 * What xfrm_dst_check() would find good, and leave as it is. Nothing is asked twice
 * for a kept bundle, which has one transform; serves() compares the MTU of the inner
 * route, that of the packet itself, @own: IP has checked it for this very packet. After
 * a no the function has to be asked: it brings the MTU up to date.
 */
static bool fresh(const struct dst_entry *dst, const struct dst_entry *own)
{
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)dst;
	const struct xfrm_state *x = dst->xfrm;

	return READ_ONCE(dst->obsolete) < 0 &&
	       READ_ONCE(x->km.state) == XFRM_STATE_VALID &&
	       xdst->xfrm_genid == READ_ONCE(x->genid) &&
	       xdst->policy_genid == atomic_read(&xdst->pols[0]->genid) &&
	       netif_running(dst_dev(dst)) &&
	       dst_check(xdst->path, xdst->path_cookie) &&
	       xdst->child_mtu_cached == dst_mtu(xdst->path) &&
	       (xdst->route == own || dst_check(xdst->route, xdst->route_cookie));
}

/*
 * Is it still good? If not it goes: xfrm_dst_check() may have brought it up to date by
 * halves before it said no, and fresh() must not see that.
 */
static noinline bool check(struct vgw_bundle __rcu **slot, struct vgw_bundle *b)
{
	if (b->dst->ops->check(b->dst, 0))
		return true;
	if (unrcu_pointer(cmpxchg(slot, RCU_INITIALIZER(b), NULL)) == b)
		forget(b);
	return false;
}

/*
 * Keep a bundle that was looked up while the tunnel's generation was @gen. Who
 * changes something bumps that and then empties the slots: either that finds
 * this bundle, or we see the new generation behind our store.
 */
static void keep(struct vgw_tunnel *t, struct dst_entry *dst, const struct flowi *fl,
		 u16 family, u8 dscp, int gen)
{
	struct vgw_bundle __rcu **slot = slot_of(t, family, dscp);
	const struct xfrm_dst *xdst = (const struct xfrm_dst *)dst;
	struct vgw_bundle *b;

	/* Several transforms, a tunnel in a tunnel: rare, and looked up each time. */
	if (xfrm_dst_child(dst)->xfrm || READ_ONCE(t->stale) ||
	    vgw_conn_of(dst_dev(dst)) || vgw_tunnel_of(dst_dev(dst)))
		return;
	b = kmalloc(sizeof(*b), GFP_ATOMIC | __GFP_NOWARN);
	if (!b)
		return;
	b->dst = dst_clone(dst);
	b->flow = *fl;
	b->since = jiffies;
	b->family = family;
	b->dscp = dscp;
	b->exact = !shared(t, xdst);
	forget(unrcu_pointer(xchg(slot, RCU_INITIALIZER(b))));
	if (atomic_read(&t->bundle_gen) != gen &&
	    unrcu_pointer(cmpxchg(slot, RCU_INITIALIZER(b), NULL)) == b)
		forget(b);
}

/* Only a tunnel-mode ESP SA of this very key keeps the promise. */
static bool acceptable(const struct vgw_tunnel *t, const struct xfrm_state *x)
{
	const struct vgw_key *key = &t->config.key;

	if (!x || x->if_id != key->if_id || x->id.proto != IPPROTO_ESP || !vgw_sa_tunnels(x) ||
	    (x->mark.v & x->mark.m) != (key->mark.v & x->mark.m))
		return false;
	return !key->mark.m || t->config.remote.family == AF_UNSPEC ||
	       (x->props.family == t->config.remote.family &&
		xfrm_addr_equal(&x->id.daddr, &t->config.remote.a, x->props.family));
}

static struct dst_entry *use(const struct vgw_bundle *b)
{
	vgw_policy_use(((struct xfrm_dst *)b->dst)->pols[0]);
	return b->dst;
}

/* Apart, since stacks are zeroed: a flow's zeroes would cost every packet. */
static noinline_for_stack struct dst_entry *
look_up(struct vgw_tunnel *t, struct vgw_bundle *b, struct sk_buff *skb,
	u16 family, u8 dscp, u32 mark)
{
	struct dst_entry *dst;
	struct flowi fl;
	int gen;

	gen = atomic_read_acquire(&t->bundle_gen);
	memset(&fl, 0, sizeof(fl));
	if (__vgw_decode_session(t->net, skb, &fl, family) < 0)
		return ERR_PTR(-EPERM);
	/* The route of the inner packet says nothing on that of the outer one. */
	fl.flowi_oif = 0;
	fl.flowi_mark = mark;
	if (b && serves(t, b, skb, &fl, family, dscp, mark) && dst_hold_safe(b->dst))
		return use(b);

	dst = dst_clone(skb_dst(skb));
	dst = xfrm_lookup_with_ifid(t->net, dst, &fl, NULL, 0, t->config.key.if_id);
	if (IS_ERR(dst))
		return dst;
	if (!acceptable(t, dst->xfrm)) {
		dst_release(dst);
		return ERR_PTR(-ENOENT);
	}
	if (vgw_underlay_is_own(t, dst_dev(dst))) {
		dst_release(dst);
		net_warn_ratelimited("%s: the far end of %s is routed through itself\n",
				     t->conn->dev->name, t->dev->name);
		return ERR_PTR(-ELOOP);
	}
	/* Flows that take turns would pay for a replacement at every packet. */
	if (!b || b->since != jiffies)
		keep(t, dst, &fl, family, dscp, gen);
	return dst;
}

/**
 * vgw_bundle_get - the bundle by which a packet leaves
 * @t: tunnel
 * @skb: inner packet with a route and a whole IP header
 *
 * Context: RCU read side, BH off.
 * Return: the bundle with a reference, or an error of xfrm_lookup_with_ifid();
 * -ENOENT when no policy of the key asks for a transform or the SA is not of
 * this key: the flow's own route is an error. -EPERM for a flow that cannot be
 * read, -ELOOP if the far end is routed into the tunnel or its connection.
 */
struct dst_entry *vgw_bundle_get(struct vgw_tunnel *t, struct sk_buff *skb)
{
	const struct vgw_key *key = &t->config.key;
	u32 mark = key->mark.m ? key->mark.v : skb->mark;
	u16 family = family_of(skb);
	u8 dscp = dscp_of(skb);
	struct vgw_bundle __rcu **slot = slot_of(t, family, dscp);
	struct vgw_bundle *b = rcu_dereference_bh(*slot);

	/* The check comes first: it brings the MTU up to date. */
	if (b && !fresh(b->dst, skb_dst(skb)) && !check(slot, b))
		b = NULL;
	if (b && serves(t, b, skb, NULL, family, dscp, mark) && dst_hold_safe(b->dst))
		return use(b);
	return look_up(t, b, skb, family, dscp, mark);
}

/**
 * vgw_bundle_route - give a packet the inner route of the last one of its kind
 * @t: tunnel
 * @skb: packet of our own, without a route, with a whole IP header
 *
 * A lookup has that route's MTU in the bundle, and nothing else of it. Where no bundle is
 * kept, or its route is no longer good, the packet stays without one.
 *
 * Context: RCU read side, BH off.
 */
void vgw_bundle_route(struct vgw_tunnel *t, struct sk_buff *skb)
{
	const struct vgw_bundle *b = rcu_dereference_bh(*slot_of(t, family_of(skb), dscp_of(skb)));
	const struct xfrm_dst *xdst;

	if (!b || b->family != family_of(skb))
		return;
	xdst = (const struct xfrm_dst *)b->dst;
	if (dst_check(xdst->route, xdst->route_cookie) && dst_hold_safe(xdst->route))
		skb_dst_set(skb, xdst->route);
}

/**
 * vgw_bundles_drop - keep no bundle that was looked up before
 * @t: tunnel of which an SA, a policy or its configuration has changed, or whose
 *	bundles may refer to a device that goes
 *
 * Context: any, also with a lock of XFRM's held.
 */
void vgw_bundles_drop(struct vgw_tunnel *t)
{
	unsigned int cpu, i;

	atomic_inc(&t->bundle_gen);
	/* Before the slots are read; pairs with keep()'s xchg(). */
	smp_mb__after_atomic();
	for_each_possible_cpu(cpu) {
		struct vgw_bundles *bundles = per_cpu_ptr(t->bundles, cpu);

		for (i = 0; i < SLOTS; i++)
			if (rcu_access_pointer(bundles->slot[i]))
				forget(unrcu_pointer(xchg(&bundles->slot[i], NULL)));
	}
}

/**
 * vgw_bundles_init - slots for a new tunnel
 * @t: tunnel
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int vgw_bundles_init(struct vgw_tunnel *t)
{
	t->bundles = alloc_percpu(struct vgw_bundles);
	return t->bundles ? 0 : -ENOMEM;
}

/**
 * vgw_bundles_free - undo vgw_bundles_init()
 * @t: tunnel by which nobody sends any more
 *
 * Context: process.
 */
void vgw_bundles_free(struct vgw_tunnel *t)
{
	vgw_bundles_drop(t);
	free_percpu(t->bundles);
	t->bundles = NULL;
}
