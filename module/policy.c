// SPDX-License-Identifier: GPL-2.0
#include <linux/slab.h>
#include <linux/skbuff.h>
#include <net/flow.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "compat.h"
#include "policy.h"

/* Nothing of a flow but its addresses matters to it. */
static bool by_addresses(const struct xfrm_selector *sel)
{
	return !sel->proto && !sel->sport_mask && !sel->dport_mask && !sel->ifindex;
}

static bool simple(const struct xfrm_policy *xp)
{
	return xp->type == XFRM_POLICY_TYPE_MAIN && xp->action == XFRM_POLICY_ALLOW &&
	       !xp->mark.m && !xp->security && by_addresses(&xp->selector);
}

static struct xfrm_policy *sole(const struct vgw_policies *set, bool out, u16 family)
{
	unsigned int i, first = out ? set->n_in : 0;
	unsigned int last = out ? set->n_in + set->n_out : set->n_in;
	struct xfrm_policy *found = NULL;

	for (i = first; i < last; i++) {
		if (set->xp[i]->family != family)
			continue;
		if (found)
			return NULL;
		found = set->xp[i];
	}
	return found && simple(found) ? found : NULL;
}

/**
 * vgw_policies_with - a set with one more policy and without the dead ones
 * @old: the set now published; may be NULL
 * @add: policy to add, or NULL only to drop the dead
 * @dir: its direction, XFRM_POLICY_IN or XFRM_POLICY_OUT
 * @gfp: how to allocate
 *
 * The order among inbound policies is that of xfrm_policy_lookup(): priority,
 * then position in the kernel's list.
 *
 * Return: the new set with references of its own; NULL when memory is short.
 */
struct vgw_policies *vgw_policies_with(const struct vgw_policies *old,
				       struct xfrm_policy *add, int dir,
				       gfp_t gfp)
{
	unsigned int i, n = old ? old->n_in + old->n_out : 0;
	struct vgw_policies *new;

	new = kmalloc(struct_size(new, xp, n + 1), gfp);
	if (!new)
		return NULL;
	new->n_in = 0;
	new->n_out = 0;

	for (i = 0; old && i < old->n_in; i++) {
		struct xfrm_policy *xp = old->xp[i];

		if (xp->walk.dead || xp == add)
			continue;
		if (add && dir == XFRM_POLICY_IN &&
		    (add->priority < xp->priority ||
		     (add->priority == xp->priority && add->pos < xp->pos))) {
			new->xp[new->n_in++] = add;
			add = NULL;
		}
		new->xp[new->n_in++] = xp;
	}
	if (add && dir == XFRM_POLICY_IN && !add->walk.dead)
		new->xp[new->n_in++] = add;

	for (i = old ? old->n_in : 0; i < n; i++)
		if (!old->xp[i]->walk.dead && old->xp[i] != add)
			new->xp[new->n_in + new->n_out++] = old->xp[i];
	if (add && dir == XFRM_POLICY_OUT && !add->walk.dead)
		new->xp[new->n_in + new->n_out++] = add;

	for (i = 0; i < new->n_in + new->n_out; i++)
		xfrm_pol_hold(new->xp[i]);
	for (i = 0; i < 4; i++)
		new->sole[i / 2][i % 2] = sole(new, i / 2, i % 2 ? AF_INET6 : AF_INET);
	return new;
}

static void policies_free_rcu(struct rcu_head *rcu)
{
	struct vgw_policies *set = container_of(rcu, struct vgw_policies, rcu);
	unsigned int i;

	for (i = 0; i < set->n_in + set->n_out; i++)
		xfrm_pol_put(set->xp[i]);
	kfree(set);
}

/**
 * vgw_policies_free - free a set that is no longer published
 * @set: the set; may be NULL. Readers may hold it until a grace period has passed
 */
void vgw_policies_free(struct vgw_policies *set)
{
	if (set)
		call_rcu(&set->rcu, policies_free_rcu);
}

/**
 * vgw_policies_live - how many policies of a direction are in force
 * @set: the set, or NULL; the caller holds it by RCU or by the lock of its writers
 * @out: outbound, else inbound
 *
 * Return: policies that are not dead.
 */
unsigned int vgw_policies_live(const struct vgw_policies *set, bool out)
{
	unsigned int i, first, last, n = 0;

	if (!set)
		return 0;
	first = out ? set->n_in : 0;
	last = out ? set->n_in + set->n_out : set->n_in;
	for (i = first; i < last; i++)
		n += !READ_ONCE(set->xp[i]->walk.dead);
	return n;
}

/* xfrm_selector_match(), which the kernel does not export. */
static bool selector_match(const struct xfrm_selector *sel,
			   const struct flowi *fl, unsigned short family)
{
	const union flowi_uli *uli;

	if (sel->family != family && sel->family != AF_UNSPEC)
		return false;
	if (family == AF_INET) {
		const struct flowi4 *fl4 = &fl->u.ip4;

		uli = &fl4->uli;
		return addr4_match(fl4->daddr, sel->daddr.a4, sel->prefixlen_d) &&
		       addr4_match(fl4->saddr, sel->saddr.a4, sel->prefixlen_s) &&
		       !((xfrm_flowi_dport(fl, uli) ^ sel->dport) & sel->dport_mask) &&
		       !((xfrm_flowi_sport(fl, uli) ^ sel->sport) & sel->sport_mask) &&
		       (fl4->flowi4_proto == sel->proto || !sel->proto) &&
		       (fl4->flowi4_oif == sel->ifindex || !sel->ifindex);
	}
	if (family == AF_INET6) {
		const struct flowi6 *fl6 = &fl->u.ip6;

		uli = &fl6->uli;
		return addr_match(&fl6->daddr, &sel->daddr, sel->prefixlen_d) &&
		       addr_match(&fl6->saddr, &sel->saddr, sel->prefixlen_s) &&
		       !((xfrm_flowi_dport(fl, uli) ^ sel->dport) & sel->dport_mask) &&
		       !((xfrm_flowi_sport(fl, uli) ^ sel->sport) & sel->sport_mask) &&
		       (fl6->flowi6_proto == sel->proto || !sel->proto) &&
		       (fl6->flowi6_oif == sel->ifindex || !sel->ifindex);
	}
	return false;
}

/* xfrm_state_ok() of net/xfrm/xfrm_policy.c. */
static bool state_ok(const struct xfrm_tmpl *tmpl, const struct xfrm_state *x,
		     unsigned short family, u32 if_id)
{
	if (xfrm_state_kern(x))
		return tmpl->optional && !xfrm_state_addr_cmp(tmpl, x, tmpl->encap_family);
	return x->id.proto == tmpl->id.proto &&
	       (x->id.spi == tmpl->id.spi || !tmpl->id.spi) &&
	       (x->props.reqid == tmpl->reqid || !tmpl->reqid) &&
	       x->props.mode == tmpl->mode &&
	       (tmpl->allalgs || (tmpl->aalgos & (1 << x->props.aalgo)) ||
		!xfrm_id_proto_match(tmpl->id.proto, IPSEC_PROTO_ANY)) &&
	       !(x->props.mode != XFRM_MODE_TRANSPORT &&
		 xfrm_state_addr_cmp(tmpl, x, family)) &&
	       if_id == x->if_id;
}

/*
 * xfrm_policy_ok() of net/xfrm/xfrm_policy.c: find the SA that the template
 * asks for, from @start on. Returns where to go on, negative for a mismatch.
 */
static int template_ok(const struct xfrm_tmpl *tmpl, const struct sec_path *sp,
		       int start, unsigned short family, u32 if_id)
{
	int i = start;

	if (tmpl->optional) {
		if (tmpl->mode == XFRM_MODE_TRANSPORT)
			return start;
	} else {
		start = -1;
	}
	for (; i < sp->len; i++) {
		if (state_ok(tmpl, sp->xvec[i], family, if_id))
			return i + 1;
		if (sp->xvec[i]->props.mode != XFRM_MODE_TRANSPORT) {
			/* Verified by an earlier check: a nested tunnel's. */
			if (i < sp->verified_cnt)
				continue;
			if (start == -1)
				start = -2 - i;
			break;
		}
	}
	return start;
}

static bool has_nontransport(const struct sec_path *sp, int from)
{
	for (; from < sp->len; from++)
		if (sp->xvec[from]->props.mode != XFRM_MODE_TRANSPORT)
			return true;
	return false;
}

/* Dead policies are gone at once. */
static bool matches(const struct xfrm_policy *xp, const struct flowi *fl,
		    unsigned short family, u8 type)
{
	return !READ_ONCE(xp->walk.dead) && xp->family == family &&
	       xp->type == type &&
	       (fl->flowi_mark & xp->mark.m) == xp->mark.v &&
	       selector_match(&xp->selector, fl, family);
}

/* Does @p stand behind @q in the same hash chain of the kernel? */
static bool behind(const struct xfrm_policy *p, const struct xfrm_policy *q)
{
	struct hlist_node *node = rcu_dereference(hlist_next_rcu(&q->bydst));

	for (; node; node = rcu_dereference(hlist_next_rcu(node)))
		if (node == &p->bydst)
			return true;
	return false;
}

/*
 * The policy that xfrm_policy_lookup() would find. Of equal priorities that
 * function takes the first of each hash chain, and of these the one with the
 * lowest position. An update leaves a policy its place in the chain but gives
 * it a new position, so that the order of the set alone does not tell.
 */
static struct xfrm_policy *find(const struct vgw_policies *set,
				const struct flowi *fl,
				unsigned short family, u8 type)
{
	struct xfrm_policy *found = NULL;
	unsigned int i, j, first;

	if (!set)
		return NULL;
	for (first = 0; first < set->n_in; first++)
		if (matches(set->xp[first], fl, family, type))
			break;

	for (i = first; i < set->n_in; i++) {
		struct xfrm_policy *p = set->xp[i];

		if (p->priority != set->xp[first]->priority)
			break;
		if (!matches(p, fl, family, type))
			continue;
		for (j = first; j < set->n_in; j++) {
			struct xfrm_policy *q = set->xp[j];

			if (q->priority != p->priority) {
				j = set->n_in;
				break;
			}
			if (q != p && matches(q, fl, family, type) && behind(p, q))
				break;
		}
		if (j < set->n_in)
			continue;
		if (!found || p->pos < found->pos)
			found = p;
	}
	return found;
}

/**
 * vgw_policy_addresses - do a packet's addresses match a selector's prefixes?
 * @sel: selector of the packet's family or of any
 * @skb: packet with a whole IP header
 * @family: its address family
 *
 * addr_match(), as xfrm_selector_match() has it for a flow.
 *
 * Context: any.
 * Return: they do.
 */
bool vgw_policy_addresses(const struct xfrm_selector *sel, const struct sk_buff *skb,
			  unsigned short family)
{
	if (family == AF_INET) {
		const struct iphdr *iph = ip_hdr(skb);

		return addr4_match(iph->daddr, sel->daddr.a4, sel->prefixlen_d) &&
		       addr4_match(iph->saddr, sel->saddr.a4, sel->prefixlen_s);
	}
	return addr_match(&ipv6_hdr(skb)->daddr, &sel->daddr, sel->prefixlen_d) &&
	       addr_match(&ipv6_hdr(skb)->saddr, &sel->saddr, sel->prefixlen_s);
}

/**
 * vgw_policies_choose - would XFRM choose this outbound policy for a flow?
 * @set: the policies of an if_id key; NULL for none
 * @fl: flow of an inner packet
 * @family: its address family
 * @xp: the policy that it chose for another flow
 *
 * Where another policy of the same priority selects the flow as well, the order
 * of the kernel's lists decides, which is not known here.
 *
 * Context: RCU read side.
 * Return: it certainly would.
 */
bool vgw_policies_choose(const struct vgw_policies *set, const struct flowi *fl,
			 unsigned short family, const struct xfrm_policy *xp)
{
	bool chosen = false;
	unsigned int i;

	if (!set)
		return false;
	for (i = set->n_in; i < set->n_in + set->n_out; i++) {
		const struct xfrm_policy *p = set->xp[i];

		if (p->type == XFRM_POLICY_TYPE_MAIN && p->priority > xp->priority)
			continue;
		if (!matches(p, fl, family, p->type))
			continue;
		if (p != xp)
			return false;
		chosen = true;
	}
	return chosen;
}

/*
 * What nearly every packet is: one SA without a selector, one policy that selects
 * by addresses and asks for that SA. Anything else, each refusal too, is for the
 * whole check.
 */
static bool quick_pass(const struct vgw_policies *set, struct sec_path *sp,
		       const struct sk_buff *skb, unsigned short family, u32 if_id)
{
	const struct xfrm_selector *sel = &sp->xvec[0]->sel;
	unsigned int len = family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct xfrm_policy *xp;

	if (skb_tail_pointer(skb) - skb_network_header(skb) < len)
		return false;
	if (sp->len != 1 || sp->verified_cnt ||
	    !by_addresses(sel) || sel->prefixlen_d || sel->prefixlen_s ||
	    (sel->family != family && sel->family != AF_UNSPEC))
		return false;
	xp = vgw_policies_sole(set, false, skb, family);
	if (!xp || xp->xfrm_nr != 1 ||
	    template_ok(&xp->xfrm_vec[0], sp, 0, family, if_id) != 1)
		return false;
	vgw_policy_use(xp);
	sp->verified_cnt = 1;
	return true;
}

/* Apart, since stacks are zeroed: a flow's zeroes would cost every packet. */
static noinline_for_stack enum vgw_verdict
whole_check(const struct vgw_policies *set, struct net *net, struct sk_buff *skb,
	    struct sec_path *sp, unsigned short family, u32 if_id)
{
	struct xfrm_policy *xp;
	struct flowi fl;
	int i, k = 0;

	if (__vgw_decode_session(net, skb, &fl, family) < 0)
		return VGW_MALFORMED;

	for (i = sp->len - 1; i >= 0; i--)
		if (!selector_match(&sp->xvec[i]->sel, &fl, family))
			return VGW_TEMPLATE;

	if (find(set, &fl, family, XFRM_POLICY_TYPE_SUB))
		return VGW_BLOCKED;
	xp = find(set, &fl, family, XFRM_POLICY_TYPE_MAIN);
	if (!xp) {
		if (READ_ONCE(net->xfrm.policy_default[XFRM_POLICY_IN]) ==
		    XFRM_USERPOLICY_BLOCK || has_nontransport(sp, 0))
			return VGW_NO_POLICY;
		return VGW_PASS;
	}
	vgw_policy_use(xp);
	if (xp->action != XFRM_POLICY_ALLOW || xp->security)
		return VGW_BLOCKED;
	if (xp->xfrm_nr >= XFRM_MAX_DEPTH)
		return VGW_BLOCKED;

	for (i = xp->xfrm_nr - 1; i >= 0; i--) {
		k = template_ok(&xp->xfrm_vec[i], sp, k, family, if_id);
		if (k < 0)
			return VGW_TEMPLATE;
	}
	if (has_nontransport(sp, k))
		return VGW_TEMPLATE;
	sp->verified_cnt = k;
	return VGW_PASS;
}

/**
 * vgw_policy_check_if_id - the inbound verdict for an if_id key
 * @set: the inbound policies of @if_id in @net; NULL for none
 * @net: underlay netns
 * @skb: inner packet, network header set, with the secpath that brought it
 * @family: its address family
 * @if_id: the key
 *
 * Follows __xfrm_policy_check() with the if_id that xfrm_interface's device
 * would have supplied. Where that function could say yes and this one cannot
 * know (sub policies, policies with a security label, SAs whose selectors
 * match by a quoted ICMP payload), the answer is no.
 *
 * Context: RCU read side.
 * Return: VGW_PASS or why not.
 */
enum vgw_verdict vgw_policy_check_if_id(const struct vgw_policies *set,
					struct net *net, struct sk_buff *skb,
					unsigned short family, u32 if_id)
{
	struct sec_path *sp = skb_sec_path(skb);

	if (!sp || !sp->len)
		return VGW_TEMPLATE;
	if (quick_pass(set, sp, skb, family, if_id))
		return VGW_PASS;
	return whole_check(set, net, skb, sp, family, if_id);
}

/**
 * vgw_policy_check_mark - the inbound verdict for a mark key
 * @net: underlay netns
 * @skb: inner packet, as above
 * @family: its address family
 * @mark: the key's value
 *
 * The kernel's own check with the key as the packet's mark, as in vti_rcv_cb().
 *
 * Context: RCU read side.
 * Return: VGW_PASS or why not; the kernel's check gives no finer reason than
 * VGW_NO_POLICY.
 */
enum vgw_verdict vgw_policy_check_mark(struct net *net, struct sk_buff *skb,
				       unsigned short family, u32 mark)
{
	struct net_device *dev = skb->dev;
	struct sec_path *sp = skb_sec_path(skb);
	u32 old = skb->mark;
	int ok;

	/* Without a secpath the kernel's check lets through what no policy names. */
	if (!sp || !sp->len)
		return VGW_TEMPLATE;
	/*
	 * On a device of xfrm_interface the check would take that one's if_id;
	 * and skb->cb still holds XFRM's bytes where it reads inet_sdif().
	 */
	if (family == AF_INET6)
		memset(IP6CB(skb), 0, sizeof(*IP6CB(skb)));
	else
		memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	skb->mark = mark;
	skb->dev = net->loopback_dev;
	ok = __xfrm_policy_check(NULL, XFRM_POLICY_IN, skb, family);
	skb->mark = old;
	skb->dev = dev;
	return ok ? VGW_PASS : VGW_NO_POLICY;
}
