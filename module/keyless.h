/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_KEYLESS_H
#define VGW_KEYLESS_H

/*
 * Policies without an if_id. IP looks for them twice for each packet of a device,
 * before it sends and after it received: where there are none, we tell it not to.
 */

#include <linux/workqueue.h>

#include "vgw.h"

struct km_event;

/**
 * struct vgw_keyless - what a netns knows of its policies without an if_id
 * @net: the netns
 * @lock: (BH) all below; vgw_conn.unsearched and vgw_conn.by_hand of its
 *	connections
 * @work: counts them
 * @gen: counts what happened to them
 * @known: @any is what XFRM has; otherwise @work will tell
 * @any: there are some, or the default of a direction is to block
 * @cached: routes may be cached that still say not to look
 * @dead: the netns goes: @work is not queued again
 */
struct vgw_keyless {
	struct net *net;
	spinlock_t lock;	/* see above */
	struct delayed_work work;
	unsigned int gen;
	bool known;
	bool any;
	bool cached;
	bool dead;
};

void vgw_keyless_init(struct vgw_keyless *k, struct net *net);
void vgw_keyless_exit(struct vgw_keyless *k);
void vgw_keyless_add(struct vgw_conn *conn);
void vgw_keyless_policy(const struct xfrm_policy *xp, int dir, const struct km_event *c);
void vgw_keyless_flushed(struct net *net);
void vgw_keyless_default(struct net *net);

/**
 * vgw_keyless_blocked - does IP have to look after all?
 * @conn: connection
 * @dir: of the packet, XFRM_POLICY_OUT, else inbound
 *
 * Nobody tells of XFRM_MSG_SETDEFAULT: each packet asks.
 *
 * Context: any.
 * Return: a default blocks that IP would not ask; call vgw_keyless_default().
 */
static inline bool vgw_keyless_blocked(const struct vgw_conn *conn, int dir)
{
	const u8 *now = conn->net->xfrm.policy_default;

	if (!READ_ONCE(conn->unsearched))
		return false;
	if (dir == XFRM_POLICY_OUT)
		return READ_ONCE(now[XFRM_POLICY_OUT]) == XFRM_USERPOLICY_BLOCK;
	return READ_ONCE(now[XFRM_POLICY_IN]) == XFRM_USERPOLICY_BLOCK ||
	       READ_ONCE(now[XFRM_POLICY_FWD]) == XFRM_USERPOLICY_BLOCK;
}

#endif /* VGW_KEYLESS_H */
