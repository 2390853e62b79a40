/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_FAILOVER_H
#define VGW_FAILOVER_H

/*
 * The failover state machine. Pure: events and times in, actions out; it knows
 * no skb, device, lock or timer, so that KUnit can enumerate it. The caller
 * serialises calls for one struct vgw_fo and carries the actions out.
 */

#include <linux/limits.h>
#include <linux/types.h>
#include <uapi/linux/vgw.h>

/* Flaps double the revert delay at most this often. */
#define VGW_FO_MAX_FLAPS	5

/* Keepalives without a usable SA, which trigger the IKE daemon, at least so far apart. */
#define VGW_FO_ACQUIRE_NS	1000000000ULL

/* A suspect tunnel is asked so many times in an interval ... */
#define VGW_FO_SUSPECT_RATE	3

/* ... and before it is down at most so often; below VGW_PROBE_RING. */
#define VGW_FO_MAX_ASKED	48

/* Of an interval so much may be leeway, as a shift. */
#define VGW_FO_LEEWAY_SHIFT	8

/**
 * enum vgw_fo_event - what can happen to a tunnel
 * @VGW_FO_DEV_UP: the tunnel's device was set up
 * @VGW_FO_DEV_DOWN: the tunnel's device was set down
 * @VGW_FO_SA_USABLE: SAs and policies of both directions are there
 * @VGW_FO_SA_DELETED: the last SA of a direction was deleted
 * @VGW_FO_SA_EXPIRED: the last SA of a direction reached its hard limit
 * @VGW_FO_POLICY_LOST: the last policy of a direction was removed
 * @VGW_FO_PATH_FOUND: there is a route over a running device to the far end
 * @VGW_FO_PATH_LOST: there is none
 * @VGW_FO_REPLY: a keepalive was answered; takes &vgw_fo_input.rtt
 * @VGW_FO_UNSENT: a keepalive could not be sent
 * @VGW_FO_TICK: the tunnel's timer; takes &vgw_fo_input.heard and .sent
 * @VGW_FO_CONFIG: the tunnel's or the connection's configuration changed
 * @VGW_FO_DRAIN: take the tunnel out of the choice
 * @VGW_FO_UNDRAIN: put it back
 * @VGW_FO_SWITCH: make the tunnel active by hand; the caller checks vgw_fo_usable()
 * @VGW_FO_REVERT: the connection's timer; the tunnel is ignored
 * @VGW_FO_EVENTS: how many there are
 */
enum vgw_fo_event {
	VGW_FO_DEV_UP,
	VGW_FO_DEV_DOWN,
	VGW_FO_SA_USABLE,
	VGW_FO_SA_DELETED,
	VGW_FO_SA_EXPIRED,
	VGW_FO_POLICY_LOST,
	VGW_FO_PATH_FOUND,
	VGW_FO_PATH_LOST,
	VGW_FO_REPLY,
	VGW_FO_UNSENT,
	VGW_FO_TICK,
	VGW_FO_CONFIG,
	VGW_FO_DRAIN,
	VGW_FO_UNDRAIN,
	VGW_FO_SWITCH,
	VGW_FO_REVERT,
	VGW_FO_EVENTS
};

/**
 * struct vgw_fo_input - an event with what it needs to be judged
 * @event: what happened
 * @tunnel: index of the tunnel to which it happened
 * @now: monotonic time, ns
 * @heard: when the last authenticated packet was received, ns; 0 never
 * @sent: when the last packet was sent, ns; 0 never. Passive keepalive only
 * @rtt: round trip of the answered keepalive, ns
 * @random: any value; jitter is taken from it
 */
struct vgw_fo_input {
	enum vgw_fo_event event;
	unsigned int tunnel;
	u64 now;
	u64 heard;
	u64 sent;
	u64 rtt;
	u32 random;
};

/**
 * struct vgw_fo_tunnel - what the state machine knows of a tunnel
 * @keepalive: how it is judged (configuration)
 * @misses: intervals without an answer that take it down (configuration)
 * @interval: keepalive interval, ns (configuration)
 * @preference: higher is preferred (configuration)
 * @dev_up: the device is up
 * @sa: SAs and policies of both directions are there
 * @path: there is a path to the far end
 * @drained: taken out of the choice by the administrator
 * @state: the judgement
 * @reason: why @state was entered
 * @since: when @state was entered, ns
 * @up_since: when the tunnel last became usable, ns
 * @proof: last proof of life, ns; 0 never
 * @srtt: smoothed round trip time, ns; 0 unknown
 * @timer: when it wants VGW_FO_TICK, ns; 0 never
 * @missed: keepalives in a row that went unanswered
 * @late: times in a row that the timer was too late to judge
 * @pending: a keepalive was sent and not answered yet
 * @grace: the first one was given a round trip more to be answered
 * @lost: it was usable once and lost that; coming back takes the revert delay
 * @flaps: how often the revert delay is doubled
 */
struct vgw_fo_tunnel {
	enum vgw_keepalive keepalive;
	unsigned int misses;
	u64 interval;
	u32 preference;

	bool dev_up;
	bool sa;
	bool path;
	bool drained;

	enum vgw_state state;
	enum vgw_reason reason;
	u64 since;
	u64 up_since;
	u64 proof;
	u64 srtt;
	u64 timer;
	unsigned int missed;
	unsigned int late;
	bool pending;
	bool grace;
	bool lost;
	unsigned int flaps;
};

/**
 * struct vgw_fo - the state machine of a connection
 * @n: tunnels, 1 to VGW_MAX_TUNNELS
 * @active: index of the active tunnel, -1 none
 * @by_hand: index of the tunnel that the administrator chose, -1 none; holds
 *	until that tunnel becomes unusable or is drained
 * @revert: revert delay, ns; U64_MAX never (configuration)
 * @slack: how much earlier than &vgw_fo_input.heard says a packet may have been
 *	heard, ns (the resolution of the caller's stamps)
 * @timer: when it wants VGW_FO_REVERT, ns; 0 never
 * @switches: changes of @active from one tunnel to another
 * @switched: those of each reason
 * @switch_at: when the last such change happened, ns
 * @switch_proof: from the old tunnel's last proof of life to the change, ns
 * @switch_reason: why
 * @switch_from: the tunnel before, -1 none
 * @tunnels: the tunnels
 */
struct vgw_fo {
	unsigned int n;
	int active;
	int by_hand;
	u64 revert;
	u64 slack;
	u64 timer;
	u64 switches;
	u64 switched[VGW_REASON_MAX + 1];
	u64 switch_at;
	u64 switch_proof;
	enum vgw_reason switch_reason;
	int switch_from;
	struct vgw_fo_tunnel tunnels[VGW_MAX_TUNNELS];
};

/**
 * struct vgw_fo_actions - what the caller has to do after an event
 * @probe: send a keepalive on the event's tunnel
 * @missed: a keepalive of the event's tunnel was judged unanswered
 * @changed: the event's tunnel changed its state from @old_state
 * @switched: &vgw_fo.active changed from @old_active
 * @rearm: the timers may have changed: &vgw_fo_tunnel.timer of the event's
 *	tunnel and &vgw_fo.timer
 * @old_state: state before the event
 * @old_active: active tunnel before the event
 * @reason: why @switched
 * @proof_age: from the old active tunnel's last proof of life to now, ns; 0
 *	when there was none
 */
struct vgw_fo_actions {
	bool probe;
	bool missed;
	bool changed;
	bool switched;
	bool rearm;
	enum vgw_state old_state;
	int old_active;
	enum vgw_reason reason;
	u64 proof_age;
};

/**
 * vgw_fo_asks - does a tunnel that is judged so send keepalives?
 * @keepalive: how it is judged
 *
 * Return: it does.
 */
static inline bool vgw_fo_asks(enum vgw_keepalive keepalive)
{
	return keepalive == VGW_KEEPALIVE_ACTIVE || keepalive == VGW_KEEPALIVE_ALWAYS;
}

void vgw_fo_init(struct vgw_fo *fo, unsigned int n, u64 now);
void vgw_fo_event(struct vgw_fo *fo, const struct vgw_fo_input *in,
		  struct vgw_fo_actions *act);
bool vgw_fo_usable(const struct vgw_fo_tunnel *t);
bool vgw_fo_carrier(const struct vgw_fo_tunnel *t);
unsigned int vgw_fo_asked(const struct vgw_fo_tunnel *t);
u64 vgw_fo_wait(const struct vgw_fo *fo, const struct vgw_fo_tunnel *t);
u64 vgw_fo_leeway(const struct vgw_fo_tunnel *t);
u64 vgw_fo_hold(const struct vgw_fo *fo, const struct vgw_fo_tunnel *t);

#endif /* VGW_FAILOVER_H */
