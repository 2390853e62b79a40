// SPDX-License-Identifier: GPL-2.0
#include <linux/inetdevice.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

#include "keyless.h"
#include "link.h"

/* IKE daemons change many policies at once: count when they have done. */
#define SETTLE	HZ

/* So many policies are looked at before others get XFRM's lock. */
#define BATCH	256

/* Those of a mark key are looked for like policies without any key. */
static bool eligible(const struct vgw_conn *conn)
{
	unsigned int i;

	/* Elsewhere other policies count, and mostly there are none. */
	if (!net_eq(dev_net(conn->dev), conn->net))
		return false;
	for (i = 0; i < conn->n; i++)
		if (!conn->tunnels[i]->config.key.if_id)
			return false;
	return true;
}

/* IPv4 alone: IPv6 has no such thing for a device. */
static bool as_left(const struct vgw_conn *conn, struct net_device *dev)
{
	struct in_device *in_dev = __in_dev_get_rcu(dev);

	return !in_dev || (!!IN_DEV_CONF_GET(in_dev, NOXFRM) == conn->unsearched &&
			   !!IN_DEV_CONF_GET(in_dev, NOPOLICY) == conn->unsearched);
}

static void set_dev(struct net_device *dev, bool unsearched)
{
	struct in_device *in_dev = __in_dev_get_rcu(dev);

	if (!in_dev)
		return;
	IN_DEV_CONF_SET(in_dev, NOXFRM, unsearched);
	IN_DEV_CONF_SET(in_dev, NOPOLICY, unsearched);
}

/*
 * Returns true when something was changed. Who sets a sysctl by hand is never told
 * otherwise again; but a search that we ended begins whenever it has to.
 */
static bool set(struct vgw_conn *conn, bool unsearched)
{
	unsigned int i;

	if (conn->unsearched == unsearched || !eligible(conn))
		return false;
	if (!as_left(conn, conn->dev))
		conn->by_hand = true;
	for (i = 0; i < conn->n; i++)
		if (!as_left(conn, conn->tunnels[i]->dev))
			conn->by_hand = true;
	if (conn->by_hand && unsearched)
		return false;

	WRITE_ONCE(conn->unsearched, unsearched);
	set_dev(conn->dev, unsearched);
	for (i = 0; i < conn->n; i++)
		set_dev(conn->tunnels[i]->dev, unsearched);
	return true;
}

static void set_all(struct vgw_keyless *k, bool unsearched)
{
	struct vgw_conn *conn;
	bool changed = false;

	lockdep_assert_held(&k->lock);
	rcu_read_lock();
	vgw_for_each_conn_rcu(conn, k->net)
		changed |= set(conn, unsearched);
	rcu_read_unlock();
	if (!changed)
		return;
	/* Routes that are cached carry what they were made with. */
	rt_genid_bump_ipv4(k->net);
	k->cached = !unsearched;
}

static void found(struct vgw_keyless *k)
{
	lockdep_assert_held(&k->lock);
	k->gen++;
	k->known = true;
	k->any = true;
	set_all(k, false);
	if (!k->cached || k->dead)
		return;
	/* At once, also where it waits to count. */
	cancel_delayed_work(&k->work);
	schedule_delayed_work(&k->work, 0);
}

/* Something went: count again what is left. */
static void lost(struct vgw_keyless *k)
{
	lockdep_assert_held(&k->lock);
	k->gen++;
	k->known = false;
	/* Who has no connections looks when one is added. */
	if (!k->dead && !list_empty(vgw_link_conns(k->net)))
		schedule_delayed_work(&k->work, SETTLE);
}

struct walk {
	unsigned int n;
	bool any;
};

static int look(struct xfrm_policy *xp, int dir, int seq, void *data)
{
	struct walk *walk = data;

	/* Sockets' own are asked for whatever the device says. */
	if (!xp->if_id && dir < XFRM_POLICY_MAX) {
		walk->any = true;
		return -EEXIST;
	}
	return ++walk->n % BATCH ? 0 : -EAGAIN;
}

static bool any(struct net *net)
{
	struct xfrm_policy_walk position;
	struct walk walk = {};
	unsigned int dir;
	int err;

	xfrm_policy_walk_init(&position, XFRM_POLICY_TYPE_ANY);
	do {
		err = xfrm_policy_walk(net, &position, look, &walk);
		cond_resched();
	} while (err == -EAGAIN);
	xfrm_policy_walk_done(&position, net);

	for (dir = 0; dir < XFRM_POLICY_MAX; dir++)
		if (READ_ONCE(net->xfrm.policy_default[dir]) == XFRM_USERPOLICY_BLOCK)
			walk.any = true;
	return walk.any;
}

static void work(struct work_struct *w)
{
	struct vgw_keyless *k = container_of(to_delayed_work(w), struct vgw_keyless, work);
	bool some, cached;
	unsigned int gen;

	spin_lock_bh(&k->lock);
	gen = k->gen;
	cached = k->cached;
	k->cached = false;
	spin_unlock_bh(&k->lock);

	/* Another CPU may have read the sysctl before, and cached its route after. */
	if (cached) {
		synchronize_rcu();
		rt_genid_bump_ipv4(k->net);
	}
	some = any(k->net);

	spin_lock_bh(&k->lock);
	if (k->gen == gen) {
		k->known = true;
		k->any = some;
		set_all(k, !some);
	} else if (!k->known) {
		lost(k);
	}
	spin_unlock_bh(&k->lock);
}

/**
 * vgw_keyless_policy - a policy came or went
 * @xp: the policy
 * @dir: its direction
 * @c: what happened to it
 *
 * A new one is looked for before whoever added it gets an answer.
 *
 * Context: any; XFRM's notification.
 */
void vgw_keyless_policy(const struct xfrm_policy *xp, int dir, const struct km_event *c)
{
	struct vgw_keyless *k;

	if (xp->if_id || dir >= XFRM_POLICY_MAX)
		return;
	k = vgw_link_keyless(xp_net(xp));
	spin_lock_bh(&k->lock);
	if (c->event == XFRM_MSG_NEWPOLICY || c->event == XFRM_MSG_UPDPOLICY)
		found(k);
	else
		lost(k);
	spin_unlock_bh(&k->lock);
}

/**
 * vgw_keyless_flushed - policies of a type are gone
 * @net: netns
 *
 * Context: any; XFRM's notification.
 */
void vgw_keyless_flushed(struct net *net)
{
	struct vgw_keyless *k = vgw_link_keyless(net);

	spin_lock_bh(&k->lock);
	lost(k);
	spin_unlock_bh(&k->lock);
}

/**
 * vgw_keyless_default - a default of the netns is to block: IP has to look
 * @net: netns
 *
 * Nobody tells when it blocks no more: that shows when policies change next.
 *
 * Context: any.
 */
void vgw_keyless_default(struct net *net)
{
	struct vgw_keyless *k = vgw_link_keyless(net);

	spin_lock_bh(&k->lock);
	found(k);
	spin_unlock_bh(&k->lock);
}

/**
 * vgw_keyless_add - a connection, new or back in the netns of its underlay
 * @conn: connection, in the list of that netns; its devices are registered
 *
 * Context: process, RTNL.
 */
void vgw_keyless_add(struct vgw_conn *conn)
{
	struct vgw_keyless *k = vgw_link_keyless(conn->net);
	unsigned int i;

	ASSERT_RTNL();
	spin_lock_bh(&k->lock);
	rcu_read_lock();
	/* A device that moved has sysctls anew, a tunnel that did not, ours. */
	for (i = 0; conn->unsearched && i < conn->n; i++)
		if (net_eq(dev_net(conn->tunnels[i]->dev), conn->net))
			set_dev(conn->tunnels[i]->dev, false);
	WRITE_ONCE(conn->unsearched, false);
	conn->by_hand = false;
	if (k->known && !k->any)
		set(conn, true);
	else if (!k->known && !k->dead)
		schedule_delayed_work(&k->work, 0);
	rcu_read_unlock();
	spin_unlock_bh(&k->lock);
}

/**
 * vgw_keyless_init - for a new netns
 * @k: what is to be known of it
 * @net: the netns
 *
 * Context: process.
 */
void vgw_keyless_init(struct vgw_keyless *k, struct net *net)
{
	k->net = net;
	spin_lock_init(&k->lock);
	INIT_DELAYED_WORK(&k->work, work);
}

/**
 * vgw_keyless_exit - stop for good; waits for the work
 * @k: of a netns that goes, or whose module does
 *
 * Context: process.
 */
void vgw_keyless_exit(struct vgw_keyless *k)
{
	spin_lock_bh(&k->lock);
	k->dead = true;
	spin_unlock_bh(&k->lock);
	cancel_delayed_work_sync(&k->work);
}
