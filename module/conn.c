// SPDX-License-Identifier: GPL-2.0
#include <linux/random.h>
#include <linux/ktime.h>

#include "conn.h"
#include "keepalive.h"
#include "netlink.h"
#include "vgw.h"

#include "trace.h"

static void carrier(struct net_device *dev, bool on)
{
	if (on)
		netif_carrier_on(dev);
	else
		netif_carrier_off(dev);
}

static void arm(struct vgw_conn *conn)
{
	lockdep_assert_held(&conn->lock);

	if (!conn->timer_on)
		return;
	if (conn->fo.timer)
		hrtimer_start(&conn->timer, ns_to_ktime(conn->fo.timer),
			      HRTIMER_MODE_ABS_SOFT);
	else
		hrtimer_try_to_cancel(&conn->timer);
}

/* A jiffy that was, as a time. Another CPU may have come to a later one since. */
static u64 ns_of(unsigned long jiffy, u64 now)
{
	long ago = jiffies - jiffy;

	return now - min_t(u64, now, jiffies64_to_nsecs(max(ago, 0L)));
}

/**
 * vgw_conn_heard - when was a packet of a tunnel's SAs last received?
 * @t: tunnel
 * @now: monotonic time, ns
 *
 * To a jiffy either way, but the same time for the same packet: else a packet that is
 * asked for again would look like a later one.
 *
 * Context: any but hard interrupts, &vgw_conn.lock held.
 * Return: monotonic time, ns; 0 never.
 */
u64 vgw_conn_heard(struct vgw_tunnel *t, u64 now)
{
	unsigned long heard = READ_ONCE(t->heard);

	lockdep_assert_held(&t->conn->lock);

	if (heard != t->heard_seen) {
		t->heard_seen = heard;
		t->heard_ns = ns_of(heard, now);
	}
	return t->heard_ns;
}

/**
 * vgw_conn_event_locked - let the state machine see an event and carry out
 *	what it says
 * @conn: connection
 * @tunnel: index of the tunnel that it happened to
 * @event: what happened
 * @rtt: for VGW_FO_REPLY, ns; else 0
 *
 * The one writer of &vgw_conn.active.
 *
 * Context: any but hard interrupts, &vgw_conn.lock held.
 * Return: a keepalive is to be sent on @tunnel, by the caller, without the lock.
 */
bool vgw_conn_event_locked(struct vgw_conn *conn, unsigned int tunnel,
			   enum vgw_fo_event event, u64 rtt)
{
	struct vgw_tunnel *t = conn->tunnels[tunnel];
	struct vgw_fo_tunnel *fo_t = &conn->fo.tunnels[tunnel];
	struct vgw_fo_input in = {
		.event = event,
		.tunnel = tunnel,
		.now = ktime_get_ns(),
		.rtt = rtt,
		.random = get_random_u32(),
	};
	struct vgw_fo_actions act;

	lockdep_assert_held(&conn->lock);

	in.heard = vgw_conn_heard(t, in.now);
	/* Only a passive tunnel asks when we last sent. */
	if (READ_ONCE(t->used))
		in.sent = ns_of(READ_ONCE(t->used), in.now);

	vgw_fo_event(&conn->fo, &in, &act);

	if (act.missed)
		vgw_count(t->stats, VGW_A_STATS_KEEPALIVE_MISSED);
	if (act.switched) {
		struct vgw_tunnel *active = conn->fo.active < 0 ? NULL :
					    conn->tunnels[conn->fo.active];

		rcu_assign_pointer(conn->active, active);
	}
	if (act.changed) {
		carrier(t->dev, vgw_fo_carrier(fo_t));
		trace_vgw_state(t, act.old_state, fo_t);
		vgw_netlink_event(conn, &(struct vgw_notice){
			.event = VGW_EVENT_STATE, .tunnel = tunnel,
			.reason = fo_t->reason, .old = act.old_state,
			.new = fo_t->state,
			.proof_age = fo_t->proof ? in.now - fo_t->proof : 0,
		});
	}
	if (act.switched) {
		trace_vgw_switch(conn, act.old_active, act.reason, act.proof_age);
		vgw_netlink_event(conn, &(struct vgw_notice){
			.event = VGW_EVENT_SWITCH, .tunnel = tunnel,
			.reason = act.reason, .old = act.old_active + 1,
			.new = conn->fo.active + 1, .proof_age = act.proof_age,
		});
		bool on = conn->fo.active >= 0, was = act.old_active >= 0;

		if (on != was) {
			carrier(conn->dev, on);
			vgw_netlink_event(conn, &(struct vgw_notice){
				.event = VGW_EVENT_CARRIER, .tunnel = tunnel,
				.reason = act.reason,
				.old = was, .new = on,
			});
		}
	}
	if (act.rearm) {
		vgw_keepalive_arm(t);
		arm(conn);
	}
	return act.probe;
}

/**
 * vgw_conn_event - the same for callers without the lock
 * @conn: connection
 * @tunnel: index of the tunnel that it happened to
 * @event: what happened; not VGW_FO_TICK or VGW_FO_REPLY
 *
 * Context: any but hard interrupts.
 */
void vgw_conn_event(struct vgw_conn *conn, unsigned int tunnel, enum vgw_fo_event event)
{
	spin_lock_bh(&conn->lock);
	vgw_conn_event_locked(conn, tunnel, event, 0);
	spin_unlock_bh(&conn->lock);
}

/**
 * vgw_conn_switch - make a tunnel active by hand
 * @conn: connection
 * @tunnel: index of the tunnel
 *
 * Packets on the old tunnel still arrive: both receive at all times.
 *
 * Context: any but hard interrupts.
 * Return: 0, or -EHOSTDOWN for a tunnel that is not usable.
 */
int vgw_conn_switch(struct vgw_conn *conn, unsigned int tunnel)
{
	int err = 0;

	spin_lock_bh(&conn->lock);
	if (vgw_fo_usable(&conn->fo.tunnels[tunnel]))
		vgw_conn_event_locked(conn, tunnel, VGW_FO_SWITCH, 0);
	else
		err = -EHOSTDOWN;
	spin_unlock_bh(&conn->lock);
	return err;
}

static enum hrtimer_restart revert(struct hrtimer *timer)
{
	struct vgw_conn *conn = container_of(timer, struct vgw_conn, timer);

	spin_lock(&conn->lock);
	if (conn->timer_on)
		vgw_conn_event_locked(conn, 0, VGW_FO_REVERT, 0);
	spin_unlock(&conn->lock);
	return HRTIMER_NORESTART;
}

/**
 * vgw_conn_init - prepare lock, timer and state machine
 * @conn: connection whose @n is set
 *
 * Context: process, before the device is registered.
 */
void vgw_conn_init(struct vgw_conn *conn)
{
	spin_lock_init(&conn->lock);
	vgw_fo_init(&conn->fo, conn->n, ktime_get_ns());
	conn->fo.slack = TICK_NSEC;
	conn->doubt_at = jiffies;
	hrtimer_setup(&conn->timer, revert, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_SOFT);
}

/**
 * vgw_conn_start - let the timer be armed
 * @conn: connection
 *
 * Context: process, RTNL.
 */
void vgw_conn_start(struct vgw_conn *conn)
{
	spin_lock_bh(&conn->lock);
	conn->timer_on = true;
	arm(conn);
	spin_unlock_bh(&conn->lock);
}

/**
 * vgw_conn_stop - stop the timer; it is not armed again until vgw_conn_start()
 * @conn: connection
 *
 * Context: process, RTNL; waits for the timer.
 */
void vgw_conn_stop(struct vgw_conn *conn)
{
	spin_lock_bh(&conn->lock);
	conn->timer_on = false;
	spin_unlock_bh(&conn->lock);
	hrtimer_cancel(&conn->timer);
}
