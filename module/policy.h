/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_POLICY_H
#define VGW_POLICY_H

/*
 * The trust boundary: may an inner packet that this tunnel's SA brought come
 * in? For mark keys the kernel's own check answers. For if_id keys it cannot
 * (it learns an if_id from xfrm_interface's devices alone), so the inbound
 * policies of the if_id are held here and judged as __xfrm_policy_check() does.
 */

#include <linux/rcupdate.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <net/xfrm.h>

/**
 * enum vgw_verdict - may an inner packet come in?
 * @VGW_PASS: yes
 * @VGW_NO_POLICY: no inbound policy of the key selects it
 * @VGW_BLOCKED: the policy that selects it blocks it, or cannot be judged here
 * @VGW_TEMPLATE: its SAs are not those that the policy asks for, or their
 *	selectors do not select it
 * @VGW_MALFORMED: its addresses cannot be read
 */
enum vgw_verdict {
	VGW_PASS,
	VGW_NO_POLICY,
	VGW_BLOCKED,
	VGW_TEMPLATE,
	VGW_MALFORMED,
};

/**
 * struct vgw_policies - the policies of a key, immutable once published
 * @rcu: frees the set and drops its references
 * @n_in: inbound policies, first in @xp, in the kernel's order of choice
 * @n_out: outbound policies, behind them
 * @sole: of a direction (inbound first) and family (IPv4 first) the only policy,
 *	if it selects by addresses alone; NULL otherwise
 * @xp: held policies
 */
struct vgw_policies {
	struct rcu_head rcu;
	unsigned int n_in;
	unsigned int n_out;
	struct xfrm_policy *sole[2][2];
	struct xfrm_policy *xp[];
};

struct vgw_policies *vgw_policies_with(const struct vgw_policies *old,
				       struct xfrm_policy *add, int dir,
				       gfp_t gfp);
void vgw_policies_free(struct vgw_policies *set);
unsigned int vgw_policies_live(const struct vgw_policies *set, bool out);
bool vgw_policy_addresses(const struct xfrm_selector *sel, const struct sk_buff *skb,
			  unsigned short family);
bool vgw_policies_choose(const struct vgw_policies *set, const struct flowi *fl,
			 unsigned short family, const struct xfrm_policy *xp);

enum vgw_verdict vgw_policy_check_if_id(const struct vgw_policies *set,
					struct net *net, struct sk_buff *skb,
					unsigned short family, u32 if_id);
enum vgw_verdict vgw_policy_check_mark(struct net *net, struct sk_buff *skb,
				       unsigned short family, u32 mark);

/**
 * vgw_policy_use - note that a policy was used, as XFRM's lookups do
 * @xp: policy; what may end it is a time of use
 *
 * Once a second, so that no packet writes a shared line.
 */
static inline void vgw_policy_use(struct xfrm_policy *xp)
{
	time64_t now = ktime_get_real_seconds();

	if (READ_ONCE(xp->curlft.use_time) != now)
		WRITE_ONCE(xp->curlft.use_time, now);
}

/**
 * vgw_policies_sole - the policy that selects a packet, found without its flow
 * @set: the policies of an if_id key; NULL for none
 * @out: outbound, else inbound
 * @skb: inner packet with a whole IP header
 * @family: its address family
 *
 * The usual case: one policy of the direction and family, by addresses alone;
 * that of a route-based tunnel selects all.
 *
 * Context: RCU read side.
 * Return: the policy that xfrm_policy_lookup() would find, or NULL: decode the
 * flow and ask the others.
 */
static inline struct xfrm_policy *vgw_policies_sole(const struct vgw_policies *set, bool out,
						    const struct sk_buff *skb,
						    unsigned short family)
{
	struct xfrm_policy *xp = set ? set->sole[out][family == AF_INET6] : NULL;
	const struct xfrm_selector *sel;

	if (!xp || READ_ONCE(xp->walk.dead))
		return NULL;
	sel = &xp->selector;
	if (sel->family != family && sel->family != AF_UNSPEC)
		return NULL;
	if ((sel->prefixlen_d || sel->prefixlen_s) && !vgw_policy_addresses(sel, skb, family))
		return NULL;
	return xp;
}

#endif /* VGW_POLICY_H */
