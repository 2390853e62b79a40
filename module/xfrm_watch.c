// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <linux/slab.h>
#include <net/addrconf.h>
#include <net/xfrm.h>

#include "bundle.h"
#include "conn.h"
#include "keyless.h"
#include "link.h"
#include "netlink.h"
#include "policy.h"
#include "todo.h"
#include "tunnels.h"
#include "xfrm_watch.h"

/* An address of any device of ours? By default those in a VRF would not count. */
static bool is_local(struct net *net, const xfrm_address_t *a, u16 family)
{
	struct net_device *dev;

	if (family == AF_INET)
		return __ip_dev_find(net, a->a4, false);
	if (ipv6_chk_addr(net, &a->in6, NULL, 0))
		return true;
	for_each_netdev_rcu(net, dev)
		if (netif_is_l3_master(dev) && ipv6_chk_addr(net, &a->in6, dev, 0))
			return true;
	return false;
}

/*
 * Do we send with this SA? Only 7.x knows a direction, and only if told. Its
 * destination is the far end, else an address of ours.
 */
static bool outbound(const struct vgw_tunnel *t, const struct xfrm_state *x)
{
	const struct vgw_addr *local = &t->config.local;
	const struct vgw_addr *remote = &t->config.remote;

	if (remote->family == x->props.family) {
		if (xfrm_addr_equal(&remote->a, &x->id.daddr, x->props.family))
			return true;
		if (xfrm_addr_equal(&remote->a, &x->props.saddr, x->props.family))
			return false;
	}
	if (local->family == x->props.family) {
		if (xfrm_addr_equal(&local->a, &x->id.daddr, x->props.family))
			return false;
		if (xfrm_addr_equal(&local->a, &x->props.saddr, x->props.family))
			return true;
	}
	return !is_local(t->net, &x->id.daddr, x->props.family);
}

/* By a mark key vgw_bundle_get() sends to the remote alone: no other SA is of use. */
static bool of_use(const struct vgw_tunnel *t, const struct xfrm_state *x)
{
	const struct vgw_addr *remote = &t->config.remote;

	return !t->config.key.mark.m || !outbound(t, x) ||
	       (remote->family == x->props.family &&
		xfrm_addr_equal(&remote->a, &x->id.daddr, x->props.family));
}

/* Is it (still) an SA that carries packets of this tunnel? Takes no lock of XFRM's. */
static bool alive(const struct vgw_tunnel *t, const struct vgw_sa *sa)
{
	struct xfrm_state *x;
	bool ok;

	x = xfrm_state_lookup(t->net, sa->mark.v & sa->mark.m, &sa->id.daddr,
			      sa->id.spi, sa->id.proto, sa->family);
	if (!x)
		return false;
	rcu_read_lock();
	ok = READ_ONCE(x->km.state) == XFRM_STATE_VALID &&
	     vgw_tunnel_of_sa(t->net, x) == t && of_use(t, x);
	rcu_read_unlock();
	xfrm_state_put(x);
	return ok;
}

static struct vgw_sa *sa_find(struct vgw_tunnel *t, const struct xfrm_state *x)
{
	struct vgw_sa *sa;

	list_for_each_entry(sa, &t->sas, list)
		if (sa->id.spi == x->id.spi && sa->id.proto == x->id.proto &&
		    sa->family == x->props.family &&
		    xfrm_addr_equal(&sa->id.daddr, &x->id.daddr, sa->family))
			return sa;
	return NULL;
}

static void describe(struct vgw_sa *sa, const struct vgw_tunnel *t, const struct xfrm_state *x)
{
	/* It is compared with memcmp(). */
	memset(sa, 0, sizeof(*sa));
	sa->id = x->id;
	sa->saddr = x->props.saddr;
	sa->mark = x->mark;
	sa->family = x->props.family;
	sa->out = outbound(t, x);
	sa->picky = vgw_sa_picky(x);
	sa->smark = x->props.smark;
	if (x->encap) {
		sa->encap = true;
		sa->sport = x->encap->encap_sport;
		sa->dport = x->encap->encap_dport;
	}
}

/*
 * A new SA, or what has changed of one: its ports by XFRM_MSG_UPDSA, its source
 * by a migration. Returns true when anything did.
 */
static bool sa_add(struct vgw_tunnel *t, const struct xfrm_state *x)
{
	struct vgw_sa *sa, now;

	lockdep_assert_held(&t->conn->lock);

	if (x->id.proto != IPPROTO_ESP || !vgw_sa_tunnels(x) || !of_use(t, x))
		return false;
	describe(&now, t, x);
	sa = sa_find(t, x);
	if (sa) {
		now.list = sa->list;
		if (!memcmp(sa, &now, sizeof(now)))
			return false;
		WRITE_ONCE(t->picky, t->picky - sa->picky + now.picky);
		memcpy(sa, &now, sizeof(now));
		return true;
	}
	sa = kmalloc(sizeof(*sa), GFP_ATOMIC);
	if (!sa) {
		/* The work reads XFRM's list again, with memory that may sleep. */
		WRITE_ONCE(t->stale, VGW_LACKING);
		vgw_todo(t->conn, VGW_TODO_RESYNC);
		return false;
	}
	memcpy(sa, &now, sizeof(now));
	WRITE_ONCE(t->picky, t->picky + sa->picky);
	list_add(&sa->list, &t->sas);
	return true;
}

static void sa_remove(struct vgw_tunnel *t, struct vgw_sa *sa)
{
	WRITE_ONCE(t->picky, t->picky - sa->picky);
	list_del(&sa->list);
	kfree(sa);
}

/*
 * Does the tunnel have what it needs? Tells the state machine when that has
 * changed: a new SA beside an old one is no event.
 */
static void evaluate(struct vgw_tunnel *t, enum vgw_fo_event why)
{
	struct vgw_conn *conn = t->conn;
	const struct vgw_policies *set;
	bool in = false, out = false;
	struct vgw_sa *sa;

	lockdep_assert_held(&conn->lock);

	list_for_each_entry(sa, &t->sas, list) {
		if (sa->out)
			out = true;
		else
			in = true;
	}
	set = rcu_dereference_protected(t->policies, lockdep_is_held(&conn->lock));
	if (in && out && (!vgw_policies_live(set, false) || !vgw_policies_live(set, true))) {
		in = false;
		why = VGW_FO_POLICY_LOST;
	}
	if (in && out)
		why = VGW_FO_SA_USABLE;
	else if (why == VGW_FO_SA_USABLE)
		why = VGW_FO_SA_DELETED;
	if (conn->fo.tunnels[t->index].sa != (in && out))
		vgw_conn_event_locked(conn, t->index, why, 0);
}

/* Drop what XFRM no longer has. Returns true when something was dropped. */
static bool sweep(struct vgw_tunnel *t)
{
	struct vgw_sa *sa, *next;
	bool changed = false;

	list_for_each_entry_safe(sa, next, &t->sas, list) {
		if (alive(t, sa))
			continue;
		sa_remove(t, sa);
		changed = true;
	}
	return changed;
}

static void changed(struct vgw_tunnel *t, enum vgw_fo_event why)
{
	struct vgw_conn *conn = t->conn;
	bool sa = conn->fo.tunnels[t->index].sa;

	evaluate(t, why);
	if (conn->fo.tunnels[t->index].sa == sa)
		vgw_netlink_event(conn, &(struct vgw_notice){
			.event = VGW_EVENT_SA, .tunnel = t->index,
		});
	vgw_todo(conn, VGW_TODO_MTU);
	vgw_todo(conn, VGW_TODO_PATH);
}

/* Context: RCU; may come with the lock of @x held. */
static void state_event(struct vgw_tunnel *t, struct xfrm_state *x,
			const struct km_event *c)
{
	struct vgw_conn *conn = t->conn;
	struct vgw_sa *sa;

	spin_lock_bh(&conn->lock);
	switch (c->event) {
	case XFRM_MSG_NEWSA:
	case XFRM_MSG_UPDSA:
		if (sa_add(t, x))
			changed(t, VGW_FO_SA_USABLE);
		break;
	case XFRM_MSG_EXPIRE:
		if (!c->data.hard)
			break;
		fallthrough;
	case XFRM_MSG_DELSA:
		sa = sa_find(t, x);
		if (!sa)
			break;
		sa_remove(t, sa);
		changed(t, c->event == XFRM_MSG_EXPIRE ? VGW_FO_SA_EXPIRED :
			VGW_FO_SA_DELETED);
		break;
	}
	/* Soft expiry too: XFRM prefers another SA from now on. */
	vgw_bundles_drop(t);
	spin_unlock_bh(&conn->lock);
}

/* xfrm_state_flush() names no SA: see which of ours are left. */
static void flushed(struct net *net)
{
	struct vgw_conn *conn;
	unsigned int i;

	vgw_for_each_conn_rcu(conn, net) {
		spin_lock_bh(&conn->lock);
		for (i = 0; i < conn->n; i++) {
			if (sweep(conn->tunnels[i]))
				changed(conn->tunnels[i], VGW_FO_SA_DELETED);
			vgw_bundles_drop(conn->tunnels[i]);
		}
		spin_unlock_bh(&conn->lock);
	}
}

/*
 * What bears no if_id XFRM may choose for the flows of any mark key: masks
 * overlap, and what has no mark suits all.
 */
static void rivals_changed(struct net *net, u32 if_id)
{
	struct vgw_conn *conn;
	unsigned int i;

	if (if_id)
		return;
	vgw_for_each_conn_rcu(conn, net)
		for (i = 0; i < conn->n; i++)
			if (conn->tunnels[i]->config.key.mark.m)
				vgw_bundles_drop(conn->tunnels[i]);
}

static int notify(struct xfrm_state *x, const struct km_event *c)
{
	struct vgw_tunnel *t;

	if (!x) {
		if (c->event == XFRM_MSG_FLUSHSA)
			flushed(c->net);
		return 0;
	}
	/* Replay counters: of every other packet, where somebody listens to them. */
	if (c->event == XFRM_MSG_NEWAE)
		return 0;
	t = vgw_tunnel_of_sa(xs_net(x), x);
	if (t)
		state_event(t, x, c);
	rivals_changed(xs_net(x), x->if_id);
	return 0;
}

static void publish(struct vgw_tunnel *t, struct xfrm_policy *xp, int dir)
{
	struct vgw_policies *old, *new;

	lockdep_assert_held(&t->conn->lock);

	old = rcu_dereference_protected(t->policies, lockdep_is_held(&t->conn->lock));
	new = vgw_policies_with(old, xp, dir, GFP_ATOMIC);
	if (!new) {
		/* Fails closed: a policy that we could not note may be a block. */
		WRITE_ONCE(t->stale, VGW_LACKING);
		vgw_bundles_drop(t);
		vgw_todo(t->conn, VGW_TODO_RESYNC);
		return;
	}
	rcu_assign_pointer(t->policies, new);
	vgw_policies_free(old);
	vgw_bundles_drop(t);
}

static void policies_flushed(struct net *net)
{
	struct vgw_conn *conn;
	unsigned int i;

	vgw_for_each_conn_rcu(conn, net) {
		spin_lock_bh(&conn->lock);
		for (i = 0; i < conn->n; i++) {
			publish(conn->tunnels[i], NULL, 0);
			evaluate(conn->tunnels[i], VGW_FO_POLICY_LOST);
		}
		spin_unlock_bh(&conn->lock);
	}
}

static int notify_policy(struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct vgw_tunnel *t;

	if (!xp) {
		if (c->event == XFRM_MSG_FLUSHPOLICY) {
			policies_flushed(c->net);
			vgw_keyless_flushed(c->net);
		}
		return 0;
	}
	vgw_keyless_policy(xp, dir, c);
	if (dir != XFRM_POLICY_IN && dir != XFRM_POLICY_OUT)
		return 0;
	rivals_changed(xp_net(xp), xp->if_id);
	t = vgw_tunnel_by_key(xp_net(xp), xp->if_id, &xp->mark);
	if (!t)
		return 0;

	spin_lock_bh(&t->conn->lock);
	if (c->event == XFRM_MSG_NEWPOLICY || c->event == XFRM_MSG_UPDPOLICY)
		publish(t, xp, dir);
	else
		publish(t, NULL, 0);
	evaluate(t, VGW_FO_POLICY_LOST);
	spin_unlock_bh(&t->conn->lock);
	return 0;
}

/*
 * xfrm_migrate() (RFC 4555's change of addresses) replaces SAs and changes
 * policies without any other word.
 */
static int migrate(const struct xfrm_selector *sel, u8 dir, u8 type,
		   const struct xfrm_migrate *m, int num_bundles,
		   const struct xfrm_kmaddress *k, struct net *net,
		   const struct xfrm_encap_tmpl *encap)
{
	struct vgw_conn *conn;

	vgw_for_each_conn_rcu(conn, net) {
		vgw_todo(conn, VGW_TODO_RESYNC);
		vgw_todo(conn, VGW_TODO_PATH);
		vgw_todo(conn, VGW_TODO_MTU);
	}
	return 0;
}

/* XFRM calls these two without asking whether they are there. */
static int acquire(struct xfrm_state *x, struct xfrm_tmpl *tmpl, struct xfrm_policy *xp)
{
	return -EINVAL;		/* zero would claim the IKE daemon's job */
}

static struct xfrm_policy *compile_policy(struct sock *sk, int opt, u8 *data,
					  int len, int *dir)
{
	*dir = -EINVAL;
	return NULL;
}

static struct xfrm_mgr manager = {
	.notify		= notify,
	.notify_policy	= notify_policy,
	.acquire	= acquire,
	.compile_policy	= compile_policy,
	.migrate	= migrate,
};

/**
 * vgw_watch_register - start to listen
 *
 * Context: process.
 */
void vgw_watch_register(void)
{
	xfrm_register_km(&manager);
}

/**
 * vgw_watch_unregister - listen no more; waits for notifications on their way
 *
 * Context: process.
 */
void vgw_watch_unregister(void)
{
	xfrm_unregister_km(&manager);
	synchronize_rcu();
}

/* What a walk collects for one connection. */
struct collect {
	struct vgw_conn *conn;
	struct xfrm_state **states;
	struct xfrm_policy **policies;
	unsigned int n;
	unsigned int max;
};

static bool ours(const struct collect *c, const struct vgw_tunnel *t)
{
	return t && t->conn == c->conn;
}

static int collect_state(struct xfrm_state *x, int seq, void *data)
{
	struct collect *c = data;

	if (x->km.state != XFRM_STATE_VALID || !ours(c, vgw_tunnel_of_sa(xs_net(x), x)))
		return 0;
	if (c->n < c->max) {
		xfrm_state_hold(x);
		c->states[c->n] = x;
	}
	c->n++;
	return 0;
}

static int collect_policy(struct xfrm_policy *xp, int dir, int seq, void *data)
{
	struct collect *c = data;

	if ((dir != XFRM_POLICY_IN && dir != XFRM_POLICY_OUT) ||
	    !ours(c, vgw_tunnel_by_key(xp_net(xp), xp->if_id, &xp->mark)))
		return 0;
	if (c->n < c->max) {
		xfrm_pol_hold(xp);
		c->policies[c->n] = xp;
	}
	c->n++;
	return 0;
}

/* Returns false when there were more than room for; then asks for more. */
static bool resync_states(struct vgw_conn *conn, struct collect *c)
{
	struct xfrm_state_walk walk;
	unsigned int i;
	bool all;

	c->n = 0;
	rcu_read_lock();
	xfrm_state_walk_init(&walk, IPPROTO_ESP, NULL);
	xfrm_state_walk(conn->net, &walk, collect_state, c);
	xfrm_state_walk_done(&walk, conn->net);

	all = c->n <= c->max;
	spin_lock_bh(&conn->lock);
	for (i = 0; i < min(c->n, c->max); i++) {
		struct vgw_tunnel *t = vgw_tunnel_of_sa(conn->net, c->states[i]);

		/* Deleted since the walk: its notification has gone by. */
		if (ours(c, t) && c->states[i]->km.state == XFRM_STATE_VALID)
			sa_add(t, c->states[i]);
	}
	spin_unlock_bh(&conn->lock);
	rcu_read_unlock();
	for (i = 0; i < min(c->n, c->max); i++)
		xfrm_state_put(c->states[i]);
	return all;
}

static bool resync_policies(struct vgw_conn *conn, struct collect *c)
{
	struct xfrm_policy_walk walk;
	unsigned int i;
	bool all;

	c->n = 0;
	rcu_read_lock();
	xfrm_policy_walk_init(&walk, XFRM_POLICY_TYPE_ANY);
	xfrm_policy_walk(conn->net, &walk, collect_policy, c);
	xfrm_policy_walk_done(&walk, conn->net);

	all = c->n <= c->max;
	spin_lock_bh(&conn->lock);
	for (i = 0; i < min(c->n, c->max); i++) {
		struct xfrm_policy *xp = c->policies[i];
		struct vgw_tunnel *t = vgw_tunnel_by_key(conn->net, xp->if_id, &xp->mark);

		if (ours(c, t))
			publish(t, xp, xfrm_policy_id2dir(xp->index));
	}
	spin_unlock_bh(&conn->lock);
	rcu_read_unlock();
	for (i = 0; i < min(c->n, c->max); i++)
		xfrm_pol_put(c->policies[i]);
	return all;
}

/**
 * vgw_watch_resync - read XFRM's lists anew: the SAs and policies that were
 *	there before the connection, or that memory was short for
 * @conn: connection
 *
 * Context: process, RTNL.
 */
void vgw_watch_resync(struct vgw_conn *conn)
{
	struct collect c = { .conn = conn, .max = 64 };
	bool all = false;
	unsigned int i;

	ASSERT_RTNL();
	spin_lock_bh(&conn->lock);
	for (i = 0; i < conn->n; i++)
		if (conn->tunnels[i]->stale)
			WRITE_ONCE(conn->tunnels[i]->stale, VGW_MENDING);
	spin_unlock_bh(&conn->lock);

	while (!all) {
		c.states = kvcalloc(c.max, sizeof(*c.states), GFP_KERNEL);
		c.policies = kvcalloc(c.max, sizeof(*c.policies), GFP_KERNEL);
		if (c.states && c.policies) {
			unsigned int n;

			all = resync_states(conn, &c);
			n = c.n;
			all = resync_policies(conn, &c) && all;
			n = max(n, c.n);
			if (!all)
				c.max = n + n / 2;
		}
		if (!c.states || !c.policies) {
			spin_lock_bh(&conn->lock);
			for (i = 0; i < conn->n; i++)
				WRITE_ONCE(conn->tunnels[i]->stale, VGW_LACKING);
			spin_unlock_bh(&conn->lock);
			vgw_todo(conn, VGW_TODO_RESYNC);
			all = true;
		}
		kvfree(c.states);
		kvfree(c.policies);
	}

	spin_lock_bh(&conn->lock);
	for (i = 0; i < conn->n; i++) {
		struct vgw_tunnel *t = conn->tunnels[i];

		sweep(t);
		evaluate(t, VGW_FO_SA_USABLE);
		if (t->stale == VGW_MENDING)
			WRITE_ONCE(t->stale, VGW_WHOLE);
		vgw_bundles_drop(t);
	}
	spin_unlock_bh(&conn->lock);
}

/**
 * vgw_watch_lost - have SAs gone without a word?
 * @conn: connection
 *
 * As those of a device that does their work do when it is set down, and those that
 * XFRM_MSG_MIGRATE_STATE replaces. What took their place vgw_watch_resync() finds.
 *
 * Context: process, RTNL.
 * Return: they have, and are forgotten.
 */
bool vgw_watch_lost(struct vgw_conn *conn)
{
	bool lost = false;
	unsigned int i;

	ASSERT_RTNL();
	spin_lock_bh(&conn->lock);
	for (i = 0; i < conn->n; i++)
		lost |= sweep(conn->tunnels[i]);
	spin_unlock_bh(&conn->lock);
	return lost;
}

/**
 * vgw_watch_free - forget a tunnel's SAs and policies
 * @t: tunnel that nobody can find any more
 *
 * Context: process, after a grace period.
 */
void vgw_watch_free(struct vgw_tunnel *t)
{
	struct vgw_sa *sa, *next;

	list_for_each_entry_safe(sa, next, &t->sas, list)
		sa_remove(t, sa);
	vgw_policies_free(rcu_dereference_protected(t->policies, true));
	RCU_INIT_POINTER(t->policies, NULL);
}

/**
 * vgw_watch_sa - the newest SA of a direction
 * @t: tunnel
 * @out: outbound, else inbound
 *
 * Context: &vgw_conn.lock held.
 * Return: the SA or NULL.
 */
const struct vgw_sa *vgw_watch_sa(const struct vgw_tunnel *t, bool out)
{
	const struct vgw_sa *sa;

	lockdep_assert_held(&t->conn->lock);
	list_for_each_entry(sa, &t->sas, list)
		if (sa->out == out)
			return sa;
	return NULL;
}
