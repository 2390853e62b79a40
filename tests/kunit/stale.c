// SPDX-License-Identifier: GPL-2.0
/*
 * No packet by a stale bundle, none by one whose policy does not select it. The
 * bundles that a tunnel keeps are compared, packet for packet, with those of a
 * twin that keeps none, while everything that a lookup depends on changes:
 *
 *	policies, SAs, soft expiry --XFRM--> xfrm_watch.c --> vgw_bundles_drop()
 *	devices up and down, their MTUs, routes, path MTUs --> fresh(), dst->ops->check()
 *
 *	random packet --> vgw_bundle_get(tunnel) == ? == vgw_bundle_get(twin)
 *
 * run.sh makes the devices: under0 and under1 with the underlay's addresses,
 * inner0 with the inner routes, of which one has an MTU of its own.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ip.h>
#include <net/ip6_route.h>
#include <net/route.h>
#include <net/xfrm.h>

#include "bundle.h"
#include "conn.h"
#include "keyless.h"
#include "link.h"
#include "netlink.h"
#include "tunnels.h"
#include "xfrm_watch.h"

static unsigned long long seed = 1;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of the random steps");

static unsigned int steps = 5000;
module_param(steps, uint, 0444);
MODULE_PARM_DESC(steps, "changes and packets");

#define POLICIES	8
#define STATES		10
#define TUNNELS		2
#define SEEN		64

#define IF_ID		7
#define MARK		5
#define LOCAL		0xc0000201	/* 192.0.2.1, of under0 */
#define REMOTE		0xc0000202	/* 192.0.2.2; + 0x80 is under1's */

struct stale {
	struct kunit *test;
	struct rnd_state rnd;
	struct vgw_conn *conn;
	struct vgw_tunnel *tunnels[TUNNELS];
	struct vgw_tunnel *twins[TUNNELS];
	struct net_device *under[2];
	struct net_device *inner;
	struct xfrm_policy *policies[POLICIES];
	struct xfrm_state *states[STATES];
	u32 spi;
	struct sk_buff *skb;
	u32 flow;

	struct dst_entry *seen[SEEN];
	unsigned int n_seen;
	unsigned long packets;
	unsigned long served;		/* by a bundle that was kept */
	unsigned long errors;		/* no bundle, and so said both */
	unsigned long changes;
};

/* What the tunnel lacked when its state machine was last told, and what it lacks from then on. */
static u8 stale_told, stale_then;

/* ------------------------------------------------------------------------
 * What bundle.c, tunnels.c and xfrm_watch.c find in the module
 */

static LIST_HEAD(conns);

struct list_head *vgw_link_conns(struct net *net)
{
	return &conns;
}

struct vgw_conn *vgw_conn_of(const struct net_device *dev)
{
	return NULL;
}

struct vgw_tunnel *vgw_tunnel_of(const struct net_device *dev)
{
	return NULL;
}

void vgw_todo(struct vgw_conn *conn, unsigned int what)
{
}

void vgw_keyless_policy(const struct xfrm_policy *xp, int dir, const struct km_event *c)
{
}

void vgw_keyless_flushed(struct net *net)
{
}

void vgw_netlink_event(const struct vgw_conn *conn, const struct vgw_notice *notice)
{
}

bool vgw_conn_event_locked(struct vgw_conn *conn, unsigned int tunnel,
			   enum vgw_fo_event event, u64 rtt)
{
	stale_told = conn->tunnels[tunnel]->stale;
	if (stale_then)
		conn->tunnels[tunnel]->stale = stale_then;
	conn->fo.tunnels[tunnel].sa = event == VGW_FO_SA_USABLE;
	return false;
}

/* ------------------------------------------------------------------------
 * Changes
 */

static u32 rnd(struct stale *s, u32 below)
{
	return prandom_u32_state(&s->rnd) % below;
}

static bool one_in(struct stale *s, u32 n)
{
	return !rnd(s, n);
}

#define pick(s, array)	((array)[rnd(s, ARRAY_SIZE(array))])

static const u32 inner4[] = { 0x0a000001, 0x0a000002, 0x0a010001, 0x0a020001 };

static void inner_addr(struct stale *s, xfrm_address_t *a, u16 family)
{
	memset(a, 0, sizeof(*a));
	if (family == AF_INET)
		a->a4 = htonl(pick(s, inner4));
	else
		ipv6_addr_set(&a->in6, htonl(0xfd000000), 0, 0, htonl(1 + rnd(s, 4)));
}

static __be16 port(struct stale *s)
{
	return htons(100 + rnd(s, 3));
}

static void selector(struct stale *s, struct xfrm_selector *sel, u16 family, unsigned int narrow)
{
	memset(sel, 0, sizeof(*sel));
	sel->family = family;
	if (rnd(s, 8) < narrow) {
		sel->prefixlen_d = family == AF_INET ? 16 + rnd(s, 17) : 120 + rnd(s, 9);
		inner_addr(s, &sel->daddr, family);
	}
	if (rnd(s, 16) < narrow) {
		sel->prefixlen_s = family == AF_INET ? 32 : 128;
		inner_addr(s, &sel->saddr, family);
	}
	if (rnd(s, 16) < narrow)
		sel->proto = rnd(s, 2) ? IPPROTO_UDP : IPPROTO_TCP;
	if (rnd(s, 16) < narrow) {
		sel->dport = port(s);
		sel->dport_mask = htons(0xffff);
	}
}

static void key(struct stale *s, u32 *if_id, struct xfrm_mark *mark)
{
	static const struct xfrm_mark marks[] = {
		{ MARK, 0xff }, { MARK, 0xff }, { MARK, 0xff }, { MARK, 0xff },
		{ 0, 0 }, { 1, 1 },
	};

	*if_id = rnd(s, 2) ? IF_ID : 0;
	*mark = (struct xfrm_mark){};
	if (!*if_id || one_in(s, 20))
		*mark = pick(s, marks);
}

static void forget_policy(struct stale *s, unsigned int i)
{
	struct km_event c = { .event = XFRM_MSG_DELPOLICY };

	if (!s->policies[i])
		return;
	xfrm_policy_delete(s->policies[i], XFRM_POLICY_OUT);
	km_policy_notify(s->policies[i], XFRM_POLICY_OUT, &c);
	xfrm_pol_put(s->policies[i]);
	s->policies[i] = NULL;
}

static void new_policy(struct stale *s, unsigned int i)
{
	struct km_event c = { .event = XFRM_MSG_NEWPOLICY };
	struct xfrm_policy *xp = xfrm_policy_alloc(&init_net, GFP_KERNEL);
	unsigned int j;

	KUNIT_ASSERT_NOT_NULL(s->test, xp);
	xp->family = rnd(s, 3) ? AF_INET : AF_INET6;
	xp->type = one_in(s, 60) ? XFRM_POLICY_TYPE_SUB : XFRM_POLICY_TYPE_MAIN;
	key(s, &xp->if_id, &xp->mark);
	xp->priority = 1 + rnd(s, 3);
	xp->action = one_in(s, 20) ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	xp->lft.soft_byte_limit = XFRM_INF;
	xp->lft.soft_packet_limit = XFRM_INF;
	xp->lft.hard_byte_limit = XFRM_INF;
	xp->lft.hard_packet_limit = XFRM_INF;
	selector(s, &xp->selector, xp->family, rnd(s, 2) * rnd(s, 5));
	xp->xfrm_nr = !one_in(s, 20);
	for (j = 0; j < xp->xfrm_nr; j++) {
		struct xfrm_tmpl *t = &xp->xfrm_vec[j];

		t->id.proto = IPPROTO_ESP;
		t->id.daddr.a4 = htonl(REMOTE + 0x80 * one_in(s, 3));
		t->saddr.a4 = rnd(s, 4) ? htonl(LOCAL) : 0;
		t->encap_family = AF_INET;
		t->reqid = 1 + one_in(s, 16);
		t->mode = XFRM_MODE_TUNNEL;
		t->optional = one_in(s, 8);
		t->allalgs = 1;
	}
	/* Another with the same selector and key gives way, as in xfrm_add_policy(). */
	if (xfrm_policy_insert(XFRM_POLICY_OUT, xp, 1)) {
		xp->walk.dead = 1;
		xfrm_policy_destroy(xp);
		return;
	}
	xfrm_pol_hold(xp);
	s->policies[i] = xp;
	km_policy_notify(xp, XFRM_POLICY_OUT, &c);
}

static void forget_state(struct stale *s, unsigned int i)
{
	struct km_event c = { .event = XFRM_MSG_DELSA };

	if (!s->states[i])
		return;
	/* Now and then without a word, as hardware's go with its device. */
	if (!xfrm_state_delete(s->states[i]) && !one_in(s, 64))
		km_state_notify(s->states[i], &c);
	xfrm_state_put(s->states[i]);
	s->states[i] = NULL;
}

/* An SA that encrypts with nothing: crypto is not what is tested. */
static struct xfrm_algo *null_alg(const char *name)
{
	struct xfrm_algo *alg = kzalloc(sizeof(*alg), GFP_KERNEL);

	if (alg)
		strscpy(alg->alg_name, name, sizeof(alg->alg_name));
	return alg;
}

static void new_state(struct stale *s, unsigned int i)
{
	struct km_event c = { .event = XFRM_MSG_NEWSA };
	struct xfrm_state *x = xfrm_state_alloc(&init_net);

	KUNIT_ASSERT_NOT_NULL(s->test, x);
	x->id.daddr.a4 = htonl(REMOTE + 0x80 * one_in(s, 3));
	x->id.spi = htonl(++s->spi);
	x->id.proto = IPPROTO_ESP;
	x->props.saddr.a4 = htonl(LOCAL);
	x->props.family = AF_INET;
	x->props.mode = XFRM_MODE_TUNNEL;
	x->props.flags = XFRM_STATE_AF_UNSPEC;
	x->props.reqid = 1 + one_in(s, 8);
	key(s, &x->if_id, &x->mark);
	if (one_in(s, 12))
		selector(s, &x->sel, rnd(s, 3) ? AF_INET : AF_INET6, 4);
	if (one_in(s, 6))
		x->props.smark = (struct xfrm_mark){ 0x100, 0xff00 };
	x->lft.soft_byte_limit = XFRM_INF;
	x->lft.soft_packet_limit = XFRM_INF;
	x->lft.hard_byte_limit = XFRM_INF;
	x->lft.hard_packet_limit = XFRM_INF;
	x->ealg = null_alg("ecb(cipher_null)");
	KUNIT_ASSERT_NOT_NULL(s->test, x->ealg);
	KUNIT_ASSERT_EQ(s->test, xfrm_init_state(x, NULL), 0);
	x->km.state = XFRM_STATE_VALID;
	xfrm_state_hold(x);
	KUNIT_ASSERT_EQ(s->test, xfrm_state_add(x), 0);
	s->states[i] = x;
	km_state_notify(x, &c);
}

static void soft_expiry(struct stale *s)
{
	struct xfrm_state *x = pick(s, s->states);

	if (!x)
		return;
	x->km.dying = 1;
	km_state_expired(x, 0, 0);
}

static void change_device(struct stale *s)
{
	static const int mtus[] = { 1280, 1400, 1500 };
	struct net_device *dev = pick(s, s->under);

	rtnl_lock();
	switch (rnd(s, 4)) {
	case 0:
		dev_change_flags(dev, dev->flags ^ IFF_UP, NULL);
		break;
	case 1:
		dev_set_mtu(s->inner, pick(s, mtus));
		break;
	default:
		dev_set_mtu(dev, pick(s, mtus));
	}
	/* Seldom down, or there would be nothing to compare. */
	if (rnd(s, 4))
		dev_change_flags(dev, dev->flags | IFF_UP, NULL);
	rtnl_unlock();
}

/* What frag-needed says of the way to a far end. */
static void learn_mtu(struct stale *s)
{
	static const u32 mtus[] = { 1100, 1200, 1300 };
	struct flowi4 fl4 = { .daddr = htonl(REMOTE + 0x80 * rnd(s, 2)) };
	struct rtable *rt = __ip_route_output_key(&init_net, &fl4);
	struct sk_buff *skb = s->skb;
	struct iphdr *iph;

	if (IS_ERR(rt))
		return;
	skb_trim(skb, 0);
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, sizeof(*iph));
	iph->daddr = fl4.daddr;
	skb->dev = dst_dev(&rt->dst);
	rt->dst.ops->update_pmtu(&rt->dst, NULL, skb, pick(s, mtus), false);
	skb->dev = NULL;
	ip_rt_put(rt);
}

static void change(struct stale *s)
{
	unsigned int i;

	s->changes++;
	switch (rnd(s, 16)) {
	case 0 ... 5:
		i = rnd(s, POLICIES);
		if (s->policies[i] && one_in(s, 3))
			forget_policy(s, i);
		else if (!s->policies[i])
			new_policy(s, i);
		break;
	case 6 ... 11:
		i = rnd(s, STATES);
		if (s->states[i] && one_in(s, 4))
			forget_state(s, i);
		else if (!s->states[i])
			new_state(s, i);
		break;
	case 12:
		soft_expiry(s);
		break;
	case 13:
		learn_mtu(s);
		break;
	default:
		change_device(s);
		/* Which has the module look for its SAs, too. */
		rtnl_lock();
		vgw_watch_lost(s->conn);
		rtnl_unlock();
	}
}

/* ------------------------------------------------------------------------
 * Packets
 */

static void make_packet(struct stale *s)
{
	static const u8 classes[] = { 0, 0, 0, 0xb8, 0x10, 0x03 };
	static const u32 marks[] = { 0, 0, 0, MARK, 1 };
	struct rnd_state rest;
	struct sk_buff *skb = s->skb;
	xfrm_address_t saddr, daddr;
	__be16 *ports;
	u16 family;
	u8 proto;

	/* Every other one is of the flow before. */
	if (rnd(s, 2))
		s->flow = rnd(s, U32_MAX);
	rest = s->rnd;
	prandom_seed_state(&s->rnd, s->flow);
	family = rnd(s, 3) ? AF_INET : AF_INET6;
	proto = rnd(s, 3) ? IPPROTO_UDP : IPPROTO_TCP;
	inner_addr(s, &saddr, family);
	inner_addr(s, &daddr, family);
	skb_dst_drop(skb);
	skb_trim(skb, 0);
	skb_reset_network_header(skb);
	memset(skb->cb, 0, sizeof(skb->cb));
	skb->mark = pick(s, marks);
	if (family == AF_INET) {
		struct iphdr *iph = skb_put_zero(skb, sizeof(*iph));

		iph->version = 4;
		iph->ihl = 5;
		iph->ttl = 64;
		iph->tos = pick(s, classes);
		iph->protocol = proto;
		iph->saddr = saddr.a4;
		iph->daddr = daddr.a4;
		skb->protocol = htons(ETH_P_IP);
	} else {
		struct ipv6hdr *ip6 = skb_put_zero(skb, sizeof(*ip6));

		ip6->version = 6;
		ip6->hop_limit = 64;
		ip6->nexthdr = proto;
		ip6->saddr = saddr.in6;
		ip6->daddr = daddr.in6;
		skb->protocol = htons(ETH_P_IPV6);
	}
	skb_set_transport_header(skb, skb->len);
	ports = skb_put_zero(skb, 40);
	ports[0] = port(s);
	ports[1] = port(s);
	s->rnd = rest;

	if (family == AF_INET) {
		struct flowi4 fl4 = { .daddr = daddr.a4, .flowi4_oif = s->inner->ifindex };
		struct rtable *rt = __ip_route_output_key(&init_net, &fl4);

		KUNIT_ASSERT_FALSE(s->test, IS_ERR(rt));
		skb_dst_set(skb, &rt->dst);
	} else {
		struct flowi6 fl6 = { .daddr = daddr.in6, .flowi6_oif = s->inner->ifindex };

		skb_dst_set(skb, ip6_route_output(&init_net, NULL, &fl6));
	}
}

static bool same(const struct dst_entry *a, const struct dst_entry *b)
{
	const struct xfrm_dst *xa = (const struct xfrm_dst *)a;
	const struct xfrm_dst *xb = (const struct xfrm_dst *)b;

	if (IS_ERR(a) || IS_ERR(b))
		return a == b;
	return a->xfrm == b->xfrm && a->dev == b->dev && dst_mtu(a) == dst_mtu(b) &&
	       xa->num_pols == xb->num_pols && xa->pols[0] == xb->pols[0] &&
	       xfrm_dst_path(a)->dev == xfrm_dst_path(b)->dev &&
	       dst_mtu(xfrm_dst_path(a)) == dst_mtu(xfrm_dst_path(b));
}

static bool seen(struct stale *s, struct dst_entry *dst)
{
	unsigned int i;

	for (i = 0; i < SEEN; i++)
		if (s->seen[i] == dst)
			return true;
	s->seen[s->n_seen++ % SEEN] = dst;
	return false;
}

static bool compare(struct stale *s)
{
	unsigned int which = rnd(s, TUNNELS);
	struct dst_entry *a, *b;
	bool good;

	make_packet(s);
	local_bh_disable();
	rcu_read_lock_bh();
	a = vgw_bundle_get(s->tunnels[which], s->skb);
	vgw_bundles_drop(s->twins[which]);
	b = vgw_bundle_get(s->twins[which], s->skb);
	vgw_bundles_drop(s->twins[which]);
	good = same(a, b);
	rcu_read_unlock_bh();
	local_bh_enable();

	s->packets++;
	if (IS_ERR(b))
		s->errors++;
	else if (!IS_ERR(a) && seen(s, a))
		s->served++;
	if (!good)
		KUNIT_FAIL(s->test,
			   "seed %llu packet %lu: tunnel %u: kept %pe mtu %u, fresh %pe mtu %u",
			   seed, s->packets, which, a, IS_ERR(a) ? 0 : dst_mtu(a),
			   b, IS_ERR(b) ? 0 : dst_mtu(b));
	if (!IS_ERR(a))
		dst_release(a);
	if (!IS_ERR(b))
		dst_release(b);
	return good;
}

static void no_packet_by_a_stale_bundle(struct kunit *test)
{
	struct stale *s = test->priv;
	unsigned int i;

	for (i = 0; i < steps; i++) {
		/* Bursts, so that what is kept serves before it changes. */
		unsigned int burst = rnd(s, 16);

		change(s);
		while (burst--)
			if (!compare(s))
				return;
		if (i % 256 == 0)
			rcu_barrier();
	}
	kunit_info(test, "seed=%llu: %lu changes, %lu packets: %lu by a bundle that was kept, %lu by none",
		   seed, s->changes, s->packets, s->served, s->errors);
	/* Nothing but lookups, or nothing but errors, would prove little. */
	KUNIT_EXPECT_GE(test, s->served, s->packets / 20);
	KUNIT_EXPECT_GE(test, s->packets - s->errors, s->packets / 4);
	KUNIT_EXPECT_GE(test, s->errors, s->packets / 20);
}

/* ------------------------------------------------------------------------
 * What a tunnel hears, and what it does not
 */

static struct dst_entry *get(struct vgw_tunnel *t, struct sk_buff *skb)
{
	struct dst_entry *dst;

	local_bh_disable();
	rcu_read_lock_bh();
	dst = vgw_bundle_get(t, skb);
	rcu_read_unlock_bh();
	local_bh_enable();
	return dst;
}

/* Where somebody listens to them, XFRM tells of every other packet. */
static void replay_counters_leave_bundles_alone(struct kunit *test)
{
	struct km_event c = { .event = XFRM_MSG_NEWAE };
	struct stale *s = test->priv;
	unsigned int i, kept = 0;

	for (i = 0; i < 5000 && kept < 20; i++) {
		struct dst_entry *dst[3];
		unsigned int n;

		change(s);
		make_packet(s);
		for (n = 0; n < ARRAY_SIZE(dst); n++) {
			dst[n] = get(s->tunnels[0], s->skb);
			if (IS_ERR(dst[n]))
				break;
			/* It is held: another one has another address. */
			if (dst[n] != dst[0]) {
				dst_release(dst[n]);
				break;
			}
			if (n == 1)
				km_state_notify(dst[0]->xfrm, &c);
		}
		kept += n >= 2;
		if (n == 2)
			KUNIT_FAIL(test, "the bundle that was kept is another");
		while (n--)
			dst_release(dst[n]);
	}
	KUNIT_EXPECT_EQ(test, kept, 20);
}

/* Of the selector what the case below sets. */
static bool takes(const struct xfrm_state *x, const struct sk_buff *skb)
{
	bool v4 = skb->protocol == htons(ETH_P_IP);
	u8 proto = v4 ? ip_hdr(skb)->protocol : ipv6_hdr(skb)->nexthdr;

	return (!x->sel.family || x->sel.family == (v4 ? AF_INET : AF_INET6)) &&
	       (!x->sel.proto || x->sel.proto == proto);
}

/* What XFRM_MSG_MIGRATE_STATE puts in an SA's place has no notification. */
static void selectors_that_narrow_without_a_word_are_heeded(struct kunit *test)
{
	struct stale *s = test->priv;
	unsigned int i, n, narrowed = 0;

	for (i = 0; i < 5000 && narrowed < 50; i++) {
		struct dst_entry *dst;

		change(s);
		make_packet(s);
		dst = get(s->tunnels[0], s->skb);
		if (IS_ERR(dst))
			continue;
		vgw_bundles_drop(s->tunnels[0]);
		dst->xfrm->sel = (struct xfrm_selector){ .family = AF_INET, .proto = IPPROTO_TCP };
		dst_release(dst);
		narrowed++;
		for (n = 0; n < 50; n++) {
			make_packet(s);
			dst = get(s->tunnels[0], s->skb);
			if (IS_ERR(dst))
				continue;
			KUNIT_EXPECT_TRUE(test, takes(dst->xfrm, s->skb));
			dst_release(dst);
		}
	}
	KUNIT_EXPECT_EQ(test, narrowed, 50);
}

static void resync(struct stale *s)
{
	/* No inbound policy is there: the state machine is told, whatever SAs are. */
	s->conn->fo.tunnels[0].sa = true;
	rtnl_lock();
	vgw_watch_resync(s->conn);
	rtnl_unlock();
}

static void nothing_comes_in_before_all_is_known(struct kunit *test)
{
	struct stale *s = test->priv;
	struct vgw_tunnel *t = s->tunnels[0];

	t->stale = VGW_LACKING;
	resync(s);
	KUNIT_EXPECT_EQ(test, stale_told, VGW_MENDING);
	KUNIT_EXPECT_EQ(test, t->stale, VGW_WHOLE);

	/* Something else gets lost while XFRM's lists are read. */
	t->stale = VGW_LACKING;
	stale_then = VGW_LACKING;
	resync(s);
	stale_then = VGW_WHOLE;
	KUNIT_EXPECT_EQ(test, t->stale, VGW_LACKING);
	resync(s);
	KUNIT_EXPECT_EQ(test, t->stale, VGW_WHOLE);
}

static bool lost(struct stale *s)
{
	bool is;

	rtnl_lock();
	is = vgw_watch_lost(s->conn);
	rtnl_unlock();
	return is;
}

static void sas_that_go_without_a_word_are_missed(struct kunit *test)
{
	struct stale *s = test->priv;
	struct vgw_tunnel *t = s->tunnels[0];
	unsigned int i;

	for (i = 0; i < 1000 && list_empty(&t->sas); i++) {
		forget_state(s, 0);
		new_state(s, 0);
	}
	KUNIT_ASSERT_FALSE(test, list_empty(&t->sas));
	KUNIT_EXPECT_FALSE(test, lost(s));
	KUNIT_ASSERT_EQ(test, xfrm_state_delete(s->states[0]), 0);
	KUNIT_EXPECT_TRUE(test, lost(s));
	KUNIT_EXPECT_TRUE(test, list_empty(&t->sas));
	KUNIT_EXPECT_FALSE(test, lost(s));
}

/* ------------------------------------------------------------------------
 * The suite
 */

static struct vgw_tunnel *new_tunnel(struct stale *s, unsigned int i, bool twin)
{
	struct vgw_tunnel *t = kunit_kzalloc(s->test, sizeof(*t), GFP_KERNEL);

	if (!t || vgw_bundles_init(t))
		return NULL;
	t->conn = s->conn;
	t->net = &init_net;
	t->index = i;
	INIT_LIST_HEAD(&t->sas);
	if (i == 0) {
		t->config.key.if_id = IF_ID;
	} else {
		t->config.key.mark = (struct xfrm_mark){ MARK, 0xff };
		t->config.remote.family = AF_INET;
		t->config.remote.a.a4 = htonl(REMOTE);
	}
	if (!twin) {
		rtnl_lock();
		KUNIT_EXPECT_EQ(s->test, vgw_tunnels_add(t), 0);
		rtnl_unlock();
	}
	return t;
}

static int stale_init(struct kunit *test)
{
	struct stale *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	if (!s)
		return -ENOMEM;
	test->priv = s;
	s->test = test;
	prandom_seed_state(&s->rnd, seed);
	s->under[0] = dev_get_by_name(&init_net, "under0");
	s->under[1] = dev_get_by_name(&init_net, "under1");
	s->inner = dev_get_by_name(&init_net, "inner0");
	if (!s->under[0] || !s->under[1] || !s->inner) {
		kunit_err(test, "no devices under0, under1, inner0: run.sh makes them");
		return -ENODEV;
	}
	s->skb = alloc_skb(256, GFP_KERNEL);
	s->conn = kunit_kzalloc(test, sizeof(*s->conn), GFP_KERNEL);
	if (!s->skb || !s->conn)
		return -ENOMEM;
	spin_lock_init(&s->conn->lock);
	s->conn->net = &init_net;
	for (i = 0; i < TUNNELS; i++) {
		s->tunnels[i] = new_tunnel(s, i, false);
		s->twins[i] = new_tunnel(s, i, true);
		if (!s->tunnels[i] || !s->twins[i])
			return -ENOMEM;
		s->conn->tunnels[i] = s->tunnels[i];
	}
	s->conn->n = TUNNELS;
	list_add_rcu(&s->conn->list, &conns);
	vgw_watch_register();
	return 0;
}

static void stale_exit(struct kunit *test)
{
	struct stale *s = test->priv;
	unsigned int i;

	if (!s)
		return;
	for (i = 0; i < POLICIES; i++)
		forget_policy(s, i);
	for (i = 0; i < STATES; i++)
		forget_state(s, i);
	if (s->conn && s->conn->n) {
		vgw_watch_unregister();
		list_del_rcu(&s->conn->list);
	}
	for (i = 0; i < TUNNELS; i++) {
		if (s->tunnels[i]) {
			rtnl_lock();
			vgw_tunnels_remove(s->tunnels[i]);
			rtnl_unlock();
			synchronize_rcu();
			vgw_watch_free(s->tunnels[i]);
			vgw_bundles_free(s->tunnels[i]);
		}
		if (s->twins[i])
			vgw_bundles_free(s->twins[i]);
	}
	kfree_skb(s->skb);
	dev_put(s->inner);
	for (i = 0; i < ARRAY_SIZE(s->under); i++)
		dev_put(s->under[i]);
	/* The sets' destructor is code of this module. */
	rcu_barrier();
}

static struct kunit_case stale_cases[] = {
	KUNIT_CASE(no_packet_by_a_stale_bundle),
	KUNIT_CASE(replay_counters_leave_bundles_alone),
	KUNIT_CASE(selectors_that_narrow_without_a_word_are_heeded),
	KUNIT_CASE(nothing_comes_in_before_all_is_known),
	KUNIT_CASE(sas_that_go_without_a_word_are_missed),
	{}
};

static struct kunit_suite stale_suite = {
	.name = "vgw_stale",
	.init = stale_init,
	.exit = stale_exit,
	.test_cases = stale_cases,
};

kunit_test_suite(stale_suite);

MODULE_DESCRIPTION("Differential test of the bundles that vgw keeps");
MODULE_LICENSE("GPL");
