// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle of the inbound verdict. For any set of policies, SAs and packets
 *
 *	vgw_policy_check_if_id() == VGW_PASS
 *
 * must be what the kernel's own check says on a device of xfrm_interface with the
 * same if_id:
 *
 *	               random policies --xfrm_policy_insert()--> SPD
 *	                      |                                   |
 *	             vgw_policies_with()               __xfrm_policy_check()
 *	                      |                        on oracle7, oracle8
 *	   packet, SAs --> verdict  == ? ==  verdict <-- packet, SAs
 *
 * run.sh creates the devices. What vgw refuses on purpose is not generated: sub
 * policies, security labels, crypto offload without a policy, XFRM_STATE_ICMP.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rtnetlink.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/rtnetlink.h>
#include <net/xfrm.h>

#include "policy.h"

static unsigned long long seed = 1;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of the random cases");

static unsigned int sets = 4000;
module_param(sets, uint, 0444);
MODULE_PARM_DESC(sets, "sets of policies");

static unsigned int packets = 40;
module_param(packets, uint, 0444);
MODULE_PARM_DESC(packets, "packets judged by each set");

#define MAX_POLICIES	24
#define DEVICES		2

static const char * const device_names[DEVICES] = { "oracle7", "oracle8" };

struct held {
	struct xfrm_policy *xp;
	int dir;
};

struct oracle {
	struct kunit *test;
	struct net *net;
	struct rnd_state rnd;
	struct net_device *dev[DEVICES];
	struct xfrm_if *xi;		/* the one of the current set */
	u32 if_id;
	u8 policy_default;
	struct dst_entry *dst;
	struct sk_buff *skb;
	struct sec_path *sp;
	struct xfrm_state *x[XFRM_MAX_DEPTH];
	struct held held[MAX_POLICIES];
	unsigned int n;
	struct vgw_policies *set;

	unsigned long cases;
	unsigned long verdicts[VGW_MALFORMED + 1];
	unsigned long updates;
	unsigned long dead;		/* judged while dead policies were held */
};

static u32 rnd(struct oracle *o, u32 below)
{
	return prandom_u32_state(&o->rnd) % below;
}

static bool one_in(struct oracle *o, u32 n)
{
	return !rnd(o, n);
}

#define pick(o, array)	((array)[rnd(o, ARRAY_SIZE(array))])

/* ------------------------------------------------------------------------
 * The universe: so small that most things meet
 */

static unsigned short any_family(struct oracle *o)
{
	return rnd(o, 2) ? AF_INET : AF_INET6;
}

static void any_addr(struct oracle *o, xfrm_address_t *a, unsigned short family)
{
	static const u32 v4[] = { 0x0a000001, 0x0a000002, 0x0a000101, 0x0a010001 };
	static const u16 v6[][2] = { { 0, 1 }, { 0, 2 }, { 1, 1 }, { 0x100, 1 } };
	unsigned int i = rnd(o, 4);

	memset(a, 0, sizeof(*a));
	if (family == AF_INET)
		a->a4 = htonl(v4[i]);
	else
		ipv6_addr_set(&a->in6, htonl(0xfd000000), htonl(v6[i][0]), 0,
			      htonl(v6[i][1]));
}

static void mask_addr(xfrm_address_t *a, unsigned short family, u8 len)
{
	struct in6_addr masked;

	if (family == AF_INET) {
		a->a4 = len ? a->a4 & htonl(~0U << (32 - len)) : 0;
	} else {
		ipv6_addr_prefix(&masked, &a->in6, len);
		a->in6 = masked;
	}
}

static u8 any_prefix(struct oracle *o, xfrm_address_t *a, unsigned short family)
{
	static const u8 len4[] = { 0, 0, 7, 8, 15, 16, 24, 30, 31, 32, 32 };
	static const u8 len6[] = { 0, 0, 8, 32, 55, 64, 112, 126, 127, 128, 128 };
	u8 len = family == AF_INET ? pick(o, len4) : pick(o, len6);

	any_addr(o, a, family);
	/* User space may leave host bits behind the prefix. */
	if (rnd(o, 8))
		mask_addr(a, family, len);
	return len;
}

static __be16 any_port(struct oracle *o)
{
	static const u16 ports[] = { 100, 101, 200 };

	return htons(pick(o, ports));
}

static u8 any_proto(struct oracle *o, unsigned short family)
{
	switch (rnd(o, 8)) {
	case 0: case 1: case 2:
		return IPPROTO_UDP;
	case 3: case 4:
		return IPPROTO_TCP;
	case 5: case 6:
		return family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	default:
		return IPPROTO_GRE;
	}
}

/* @narrow in 256: how often each part of it restricts. */
static void any_selector(struct oracle *o, struct xfrm_selector *sel,
			 unsigned short family, u32 narrow)
{
	memset(sel, 0, sizeof(*sel));
	sel->family = family;
	if (rnd(o, 256) < narrow)
		sel->prefixlen_d = any_prefix(o, &sel->daddr, family);
	if (rnd(o, 256) < narrow)
		sel->prefixlen_s = any_prefix(o, &sel->saddr, family);
	if (rnd(o, 512) < narrow)
		sel->proto = any_proto(o, family);
	if (rnd(o, 768) < narrow) {
		sel->dport = any_port(o);
		sel->dport_mask = htons(one_in(o, 4) ? 0xfffe : 0xffff);
	}
	if (rnd(o, 768) < narrow) {
		sel->sport = any_port(o);
		sel->sport_mask = htons(one_in(o, 4) ? 0xff00 : 0xffff);
	}
	if (rnd(o, 4096) < narrow)
		sel->ifindex = rnd(o, 2) + 1;
}

static u32 any_if_id(struct oracle *o, u32 often)
{
	static const u32 ids[] = { 0, 7, 8, 9, 0xffffffff };

	return rnd(o, 4) ? often : pick(o, ids);
}

static u8 any_mode(struct oracle *o)
{
	static const u8 modes[] = {
		XFRM_MODE_TUNNEL, XFRM_MODE_TUNNEL, XFRM_MODE_TUNNEL,
		XFRM_MODE_TUNNEL, XFRM_MODE_TRANSPORT, XFRM_MODE_TRANSPORT,
		XFRM_MODE_BEET,
	};

	return pick(o, modes);
}

static void any_outer(struct oracle *o, xfrm_address_t *a, unsigned short family)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET)
		a->a4 = htonl(0xc0000201 + one_in(o, 6));
	else
		ipv6_addr_set(&a->in6, htonl(0x20010db8), 0, 0, htonl(1 + one_in(o, 6)));
}

static void any_template(struct oracle *o, struct xfrm_tmpl *t, unsigned short family)
{
	static const u8 protos[] = {
		IPPROTO_AH, IPPROTO_AH, IPSEC_PROTO_ANY, IPPROTO_DSTOPTS,
	};

	memset(t, 0, sizeof(*t));
	t->id.proto = rnd(o, 6) ? IPPROTO_ESP : pick(o, protos);
	t->id.spi = one_in(o, 6) ? htonl(1 + rnd(o, 2)) : 0;
	t->reqid = rnd(o, 2) ? 1 + one_in(o, 5) : 0;
	t->mode = any_mode(o);
	t->optional = one_in(o, 3);
	t->allalgs = rnd(o, 4) > 0;
	t->aalgos = rnd(o, 2) ? ~0U : BIT(rnd(o, 4));
	t->encap_family = rnd(o, 2) ? family : any_family(o);
	if (rnd(o, 2))
		any_outer(o, &t->saddr, t->encap_family);
}

static void any_state(struct oracle *o, struct xfrm_state *x, unsigned short family)
{
	static const struct xfrm_type type = { .owner = THIS_MODULE };
	static const u8 protos[] = { IPPROTO_AH, IPPROTO_COMP, IPPROTO_DSTOPTS };

	/* What a mismatch consults: a type that has nothing to say. */
	x->type = &type;
	x->id.proto = rnd(o, 8) ? IPPROTO_ESP : pick(o, protos);
	x->id.spi = htonl(1 + one_in(o, 3));
	x->props.reqid = 1 + one_in(o, 4);
	x->props.mode = any_mode(o);
	x->props.aalgo = rnd(o, 4);
	x->props.family = rnd(o, 4) ? family : any_family(o);
	any_outer(o, &x->props.saddr, x->props.family);
	x->if_id = one_in(o, 6) ? any_if_id(o, o->if_id) : o->if_id;
	atomic_set(&x->tunnel_users, one_in(o, 10));
	any_selector(o, &x->sel, one_in(o, 12) ? any_family(o) : family,
		     one_in(o, 6) ? 128 : 0);
	if (rnd(o, 2))
		x->sel.family = AF_UNSPEC;
}

static struct xfrm_policy *any_policy(struct oracle *o)
{
	struct xfrm_policy *xp = xfrm_policy_alloc(o->net, GFP_KERNEL);
	unsigned int i, deep = rnd(o, 40);

	if (!xp)
		return NULL;
	xp->family = any_family(o);
	xp->type = XFRM_POLICY_TYPE_MAIN;
	xp->if_id = any_if_id(o, o->if_id);
	xp->priority = 1 + rnd(o, 3);
	xp->action = rnd(o, 5) ? XFRM_POLICY_ALLOW : XFRM_POLICY_BLOCK;
	xp->lft.soft_byte_limit = XFRM_INF;
	xp->lft.soft_packet_limit = XFRM_INF;
	xp->lft.hard_byte_limit = XFRM_INF;
	xp->lft.hard_packet_limit = XFRM_INF;
	if (one_in(o, 5)) {
		xp->mark.m = one_in(o, 3) ? 1 : 0xff;
		xp->mark.v = rnd(o, 3);
	}
	any_selector(o, &xp->selector, xp->family, 160);
	if (one_in(o, 60))
		xp->selector.family = AF_UNSPEC;
	/* Mostly one, the deepest allowed and one too many now and then. */
	xp->xfrm_nr = deep < 2 ? XFRM_MAX_DEPTH - deep :
		      deep < 6 ? 0 : deep < 26 ? 1 : deep < 34 ? 2 : 3;
	for (i = 0; i < xp->xfrm_nr; i++)
		any_template(o, &xp->xfrm_vec[i], xp->family);
	return xp;
}

/* An inner packet in o->skb. Some are cut short, fragments or carry options. */
static void any_packet(struct oracle *o, unsigned short family)
{
	struct sk_buff *skb = o->skb;
	u8 proto = any_proto(o, family);
	xfrm_address_t saddr, daddr;
	unsigned int options = 0;
	__be16 *ports;

	any_addr(o, &saddr, family);
	any_addr(o, &daddr, family);
	skb_trim(skb, 0);
	skb_reset_network_header(skb);
	if (family == AF_INET) {
		struct iphdr *iph;

		if (one_in(o, 16))
			options = 4 * (1 + rnd(o, 10));
		iph = skb_put_zero(skb, sizeof(*iph) + options);
		iph->version = 4;
		iph->ihl = 5 + options / 4;
		iph->ttl = 64;
		iph->tos = rnd(o, 256);
		iph->protocol = proto;
		iph->saddr = saddr.a4;
		iph->daddr = daddr.a4;
		if (one_in(o, 16))
			iph->frag_off = htons(rnd(o, 2) ? IP_MF : 100);
		skb->protocol = htons(ETH_P_IP);
	} else {
		struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

		ip6->version = 6;
		ip6->hop_limit = 64;
		ip6->nexthdr = proto;
		ip6->saddr = saddr.in6;
		ip6->daddr = daddr.in6;
		if (one_in(o, 12)) {
			u8 *hdr = skb_put_zero(skb, 8);
			bool frag = rnd(o, 2);

			hdr[0] = proto;
			if (frag)
				put_unaligned_be16(rnd(o, 2) ? 1 : 0x100, hdr + 2);
			ip6->nexthdr = frag ? NEXTHDR_FRAGMENT : NEXTHDR_HOP;
		}
		skb->protocol = htons(ETH_P_IPV6);
	}
	skb_set_transport_header(skb, skb->len);
	ports = skb_put_zero(skb, 40);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		((u8 *)ports)[0] = rnd(o, 16);
	} else if (proto == IPPROTO_GRE) {
		ports[0] = one_in(o, 2) ? htons(0x2000) : 0;
	} else {
		ports[0] = any_port(o);
		ports[1] = any_port(o);
		if (proto == IPPROTO_TCP)
			((u8 *)ports)[12] = 5 << 4;
	}
	if (one_in(o, 40))
		skb_trim(skb, 1 + rnd(o, skb->len - 1));
	skb->mark = one_in(o, 2) ? 0 : rnd(o, 3);
	skb->skb_iif = rnd(o, 3);
	/* A kept hash would carry one packet's answer over to the next. */
	skb_clear_hash(skb);
}

static void any_secpath(struct oracle *o, unsigned short family)
{
	unsigned int i, len = 1;

	while (len < 3 && one_in(o, 3))
		len++;
	for (i = 0; i < len; i++) {
		any_state(o, o->x[i], family);
		o->sp->xvec[i] = o->x[i];
	}
	o->sp->len = len;
}

/* ------------------------------------------------------------------------
 * Printing
 */

static const char *addr_str(char *buf, const xfrm_address_t *a, unsigned short family)
{
	if (family == AF_INET)
		sprintf(buf, "%pI4", &a->a4);
	else
		sprintf(buf, "%pI6c", &a->in6);
	return buf;
}

static void print_selector(const char *what, const struct xfrm_selector *sel,
			   unsigned short family)
{
	char s[64], d[64];

	pr_info("%s family %u %s/%u -> %s/%u proto %u sport %u/%04x dport %u/%04x if %d\n",
		what, sel->family, addr_str(s, &sel->saddr, family), sel->prefixlen_s,
		addr_str(d, &sel->daddr, family), sel->prefixlen_d, sel->proto,
		ntohs(sel->sport), ntohs(sel->sport_mask), ntohs(sel->dport),
		ntohs(sel->dport_mask), sel->ifindex);
}

static void print_policy(const struct xfrm_policy *xp)
{
	unsigned int i;
	char s[64];

	pr_info("policy index %u family %u if_id %u priority %u pos %u mark %x/%x action %u%s\n",
		xp->index, xp->family, xp->if_id, xp->priority, xp->pos, xp->mark.v,
		xp->mark.m, xp->action, xp->walk.dead ? " DEAD" : "");
	print_selector("  sel", &xp->selector, xp->family);
	for (i = 0; i < xp->xfrm_nr; i++) {
		const struct xfrm_tmpl *t = &xp->xfrm_vec[i];

		pr_info("  tmpl proto %u spi %u reqid %u mode %u%s allalgs %u aalgos %x family %u src %s\n",
			t->id.proto, ntohl(t->id.spi), t->reqid, t->mode,
			t->optional ? " optional" : "", t->allalgs, t->aalgos,
			t->encap_family, addr_str(s, &t->saddr, t->encap_family));
	}
}

static void print_case(struct oracle *o, unsigned short family, u8 verified)
{
	unsigned int i;
	char s[64];

	pr_info("if_id %u default %u family %u mark %x oif %d verified %u\n",
		o->if_id, o->policy_default, family, o->skb->mark,
		skb_dst(o->skb) ? skb_dst(o->skb)->dev->ifindex : 0, verified);
	print_hex_dump(KERN_INFO, "packet ", DUMP_PREFIX_OFFSET, 16, 1,
		       o->skb->data, o->skb->len, false);
	for (i = 0; i < o->sp->len; i++) {
		const struct xfrm_state *x = o->sp->xvec[i];

		pr_info("SA proto %u spi %u reqid %u mode %u aalgo %u if_id %u kern %d src %s\n",
			x->id.proto, ntohl(x->id.spi), x->props.reqid, x->props.mode,
			x->props.aalgo, x->if_id, xfrm_state_kern(x),
			addr_str(s, &x->props.saddr, x->props.family));
		print_selector("  sel", &x->sel, family);
	}
	for (i = 0; o->set && i < o->set->n_in; i++) {
		pr_info("held %u\n", i);
		print_policy(o->set->xp[i]);
	}
	for (i = 0; i < o->n; i++)
		if (o->held[i].dir == XFRM_POLICY_IN && !o->held[i].xp->walk.dead)
			print_policy(o->held[i].xp);
}

/* ------------------------------------------------------------------------
 * Sets
 */

/* As the XFRM watch does: the policies of the key, one after the other. */
static void learn(struct oracle *o, struct xfrm_policy *xp, int dir)
{
	struct vgw_policies *new;

	if (xp && xp->if_id != o->if_id)
		return;
	new = vgw_policies_with(o->set, xp, dir, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(o->test, new);
	vgw_policies_free(o->set);
	o->set = new;
}

static void forget(struct oracle *o, unsigned int i)
{
	xfrm_policy_delete(o->held[i].xp, o->held[i].dir);
	xfrm_pol_put(o->held[i].xp);
	o->held[i] = o->held[--o->n];
}

static void insert(struct oracle *o)
{
	struct xfrm_policy *xp = any_policy(o), *old;
	unsigned int i;
	int dir;

	KUNIT_ASSERT_NOT_NULL(o->test, xp);
	dir = one_in(o, 8) ? XFRM_POLICY_OUT : XFRM_POLICY_IN;
	/* Every now and then an update: the selector of one that is there. */
	if (o->n && one_in(o, 4)) {
		i = rnd(o, o->n);
		old = o->held[i].xp;
		dir = o->held[i].dir;
		xp->family = old->family;
		xp->selector = old->selector;
		xp->mark = old->mark;
		xp->if_id = old->if_id;
		if (rnd(o, 2))
			xp->priority = old->priority;
		for (i = 0; i < xp->xfrm_nr; i++)
			any_template(o, &xp->xfrm_vec[i], xp->family);
	}
	if (xfrm_policy_insert(dir, xp, 0)) {
		xp->walk.dead = 1;
		xfrm_pol_put(xp);
		KUNIT_FAIL(o->test, "xfrm_policy_insert() failed");
		return;
	}
	for (i = 0; i < o->n; i++) {
		if (o->held[i].xp->walk.dead) {
			xfrm_pol_put(o->held[i].xp);
			o->held[i] = o->held[--o->n];
			o->updates++;
			break;
		}
	}
	o->held[o->n++] = (struct held){ .xp = xp, .dir = dir };
	learn(o, xp, dir);
}

/* The same policies, learned in another order. */
static struct vgw_policies *rebuild(struct oracle *o)
{
	struct vgw_policies *set = NULL, *new;
	unsigned int i, start = rnd(o, o->n + 1), step = rnd(o, 2) ? 1 : o->n - 1;

	for (i = 0; i < o->n; i++) {
		struct held *h = &o->held[(start + i * step) % o->n];

		if (h->xp->if_id != o->if_id)
			continue;
		new = vgw_policies_with(set, h->xp, h->dir, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(o->test, new);
		vgw_policies_free(set);
		set = new;
	}
	return set;
}

/* Move the line between hashed and inexact policies. */
static void new_thresholds(struct oracle *o, u8 bits4, u8 bits6)
{
	struct xfrm_policy_hthresh *h = &o->net->xfrm.policy_hthresh;

	write_seqlock(&h->lock);
	h->lbits4 = bits4;
	h->rbits4 = bits4;
	h->lbits6 = bits6;
	h->rbits6 = bits6;
	write_sequnlock(&h->lock);
	xfrm_policy_hash_rebuild(o->net);
	flush_work(&h->work);
}

static bool any_dead(const struct vgw_policies *set)
{
	unsigned int i;

	for (i = 0; set && i < set->n_in; i++)
		if (set->xp[i]->walk.dead)
			return true;
	return false;
}

static bool same_order(const struct vgw_policies *a, const struct vgw_policies *b)
{
	return (a ? a->n_in : 0) == (b ? b->n_in : 0) &&
	       (!a || !b || !memcmp(a->xp, b->xp, a->n_in * sizeof(a->xp[0])));
}

/* One packet, judged by both and by the set that was learned in another order. */
static bool judge(struct oracle *o, const struct vgw_policies *other)
{
	unsigned short family = any_family(o);
	enum vgw_verdict verdict, again;
	u8 verified, vgw_verified;
	bool with_dst, differs;
	int kernel;

	any_packet(o, family);
	any_secpath(o, family);
	verified = one_in(o, 4) ? rnd(o, o->sp->len + 1) : 0;
	with_dst = one_in(o, 4);

	local_bh_disable();
	rcu_read_lock();
	memset(o->skb->cb, 0, sizeof(o->skb->cb));
	if (with_dst)
		skb_dst_set_noref(o->skb, o->dst);

	o->sp->verified_cnt = verified;
	o->skb->dev = o->dev[0];
	verdict = vgw_policy_check_if_id(o->set, o->net, o->skb, family, o->if_id);
	vgw_verified = o->sp->verified_cnt;

	o->sp->verified_cnt = verified;
	again = vgw_policy_check_if_id(other, o->net, o->skb, family, o->if_id);

	o->sp->verified_cnt = verified;
	o->skb->dev = o->xi->dev;
	kernel = __xfrm_policy_check(NULL, XFRM_POLICY_IN, o->skb, family);

	differs = !!kernel != (verdict == VGW_PASS) || again != verdict ||
		  (kernel && vgw_verified != o->sp->verified_cnt);
	if (differs) {
		pr_info("MISMATCH seed %llu case %lu: kernel %d, vgw %d, other order %d, verified %u and %u\n",
			seed, o->cases, kernel, verdict, again,
			o->sp->verified_cnt, vgw_verified);
		print_case(o, family, verified);
	}

	skb_dst_drop(o->skb);
	rcu_read_unlock();
	local_bh_enable();

	/* Not in there: it allocates. */
	if (differs)
		KUNIT_FAIL(o->test, "seed %llu case %lu: kernel %d, vgw %d, other order %d",
			   seed, o->cases, kernel, verdict, again);
	o->cases++;
	o->verdicts[verdict]++;
	o->sp->len = 0;
	return !differs;
}

/* A set grows, shrinks and changes; packets are judged all the while. */
static bool judge_set(struct oracle *o)
{
	unsigned int i, steps = 1 + rnd(o, 4), step;
	bool good = true;

	i = rnd(o, DEVICES);
	o->xi = netdev_priv(o->dev[i]);
	o->if_id = o->xi->p.if_id;
	o->policy_default = one_in(o, 3) ? XFRM_USERPOLICY_BLOCK : XFRM_USERPOLICY_ACCEPT;
	WRITE_ONCE(o->net->xfrm.policy_default[XFRM_POLICY_IN], o->policy_default);

	for (step = 0; good && step < steps; step++) {
		struct vgw_policies *other;
		unsigned int ops = 1 + rnd(o, 10);

		while (ops--) {
			if (o->n && one_in(o, 5)) {
				forget(o, rnd(o, o->n));
				/* The watch hears of it, but maybe not yet. */
				if (rnd(o, 2))
					learn(o, NULL, XFRM_POLICY_IN);
			} else if (o->n < MAX_POLICIES) {
				insert(o);
			}
		}
		other = rebuild(o);
		if (any_dead(o->set))
			o->dead += packets / steps;
		else if (!same_order(o->set, other))
			KUNIT_FAIL(o->test, "seed %llu case %lu: the order depends on history",
				   seed, o->cases);
		for (i = 0; good && i < packets / steps + 1; i++)
			good = judge(o, other);
		vgw_policies_free(other);
	}

	while (o->n)
		forget(o, o->n - 1);
	vgw_policies_free(o->set);
	o->set = NULL;
	return good;
}

static void verdict_equals_that_of_an_xfrm_interface(struct kunit *test)
{
	static const u8 bits[][2] = { { 32, 128 }, { 0, 0 }, { 16, 64 }, { 31, 127 } };
	struct oracle *o = test->priv;
	unsigned int i;

	for (i = 0; i < sets && judge_set(o); i++) {
		if (i % 100 == 99)
			new_thresholds(o, bits[i / 100 % 4][0], bits[i / 100 % 4][1]);
		/* What was freed waits for grace periods: let them pass. */
		if (i % 32 == 0)
			rcu_barrier();
	}
	new_thresholds(o, 32, 128);

	kunit_info(test, "seed=%llu: %lu cases of %u sets: %lu pass, %lu no policy, %lu blocked, %lu template",
		   seed, o->cases, i, o->verdicts[VGW_PASS], o->verdicts[VGW_NO_POLICY],
		   o->verdicts[VGW_BLOCKED], o->verdicts[VGW_TEMPLATE]);
	kunit_info(test, "%lu policies updated, %lu cases with dead policies held",
		   o->updates, o->dead);

	/* A test in which nearly everything is refused proves little. */
	for (i = VGW_PASS; i <= VGW_TEMPLATE; i++)
		KUNIT_EXPECT_GE_MSG(test, o->verdicts[i], o->cases / 50, "verdict %u", i);
	KUNIT_EXPECT_GE(test, o->updates, i);
	KUNIT_EXPECT_GE(test, o->dead, o->cases / 50);
}

/* ------------------------------------------------------------------------
 * The suite
 */

static int oracle_init(struct kunit *test)
{
	struct oracle *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);
	struct flowi4 fl4 = { .daddr = htonl(INADDR_LOOPBACK) };
	struct rtable *rt;
	unsigned int i;

	if (!o)
		return -ENOMEM;
	test->priv = o;
	o->test = test;
	o->net = &init_net;
	prandom_seed_state(&o->rnd, seed);

	for (i = 0; i < DEVICES; i++) {
		struct net_device *dev = dev_get_by_name(o->net, device_names[i]);

		o->dev[i] = dev;
		if (!dev || !dev->rtnl_link_ops || !(dev->flags & IFF_UP) ||
		    strcmp(dev->rtnl_link_ops->kind, "xfrm")) {
			kunit_err(test, "no xfrm interface %s that is up: run.sh makes it",
				  device_names[i]);
			return -ENODEV;
		}
	}
	rt = ip_route_output_key(o->net, &fl4);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	o->dst = &rt->dst;

	for (i = 0; i < ARRAY_SIZE(o->x); i++) {
		o->x[i] = xfrm_state_alloc(o->net);
		if (!o->x[i])
			return -ENOMEM;
	}
	o->skb = alloc_skb(256, GFP_KERNEL);
	if (!o->skb)
		return -ENOMEM;
	o->sp = secpath_set(o->skb);
	return o->sp ? 0 : -ENOMEM;
}

static void oracle_exit(struct kunit *test)
{
	struct oracle *o = test->priv;
	unsigned int i;

	if (!o)
		return;
	WRITE_ONCE(o->net->xfrm.policy_default[XFRM_POLICY_IN], XFRM_USERPOLICY_ACCEPT);
	while (o->n)
		forget(o, o->n - 1);
	vgw_policies_free(o->set);
	if (o->sp)
		o->sp->len = 0;
	kfree_skb(o->skb);
	dst_release(o->dst);
	for (i = 0; i < ARRAY_SIZE(o->x); i++)
		if (o->x[i])
			xfrm_state_free(o->x[i]);
	for (i = 0; i < DEVICES; i++)
		dev_put(o->dev[i]);
	/* The sets' destructor is code of this module. */
	rcu_barrier();
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE(verdict_equals_that_of_an_xfrm_interface),
	{}
};

static struct kunit_suite oracle_suite = {
	.name = "vgw_oracle",
	.init = oracle_init,
	.exit = oracle_exit,
	.test_cases = oracle_cases,
};

kunit_test_suite(oracle_suite);

MODULE_DESCRIPTION("Differential test of vgw's inbound verdict");
MODULE_LICENSE("GPL");
