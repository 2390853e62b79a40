// SPDX-License-Identifier: GPL-2.0
#include <linux/math64.h>

#include "failover.h"

/* Makes a span shortest. */
#define SHORTEST	255

/* A multiple of @span between 3/4 and 1, as RFC 5880 6.8.7 does for BFD. */
static u64 jitter(u64 span, u32 random)
{
	return span - ((span >> 10) * (random & SHORTEST));
}

/* When a keepalive is due unless something is heard; the timer may be late by the leeway. */
static u64 idle_at(const struct vgw_fo_tunnel *t, u64 from, u32 random)
{
	return from + jitter(t->interval - (t->interval >> VGW_FO_LEEWAY_SHIFT), random);
}

/**
 * vgw_fo_usable - can the tunnel carry the connection's traffic?
 * @t: the tunnel
 *
 * Return: it is alive and not drained.
 */
bool vgw_fo_usable(const struct vgw_fo_tunnel *t)
{
	return !t->drained && vgw_fo_carrier(t);
}

/**
 * vgw_fo_carrier - is the tunnel alive, drained or not?
 * @t: the tunnel
 *
 * Return: it is up or suspect.
 */
bool vgw_fo_carrier(const struct vgw_fo_tunnel *t)
{
	return t->state == VGW_STATE_UP || t->state == VGW_STATE_SUSPECT;
}

/**
 * vgw_fo_asked - unanswered keepalives in a row that take a tunnel down
 * @t: the tunnel
 *
 * Once one went unanswered they follow each other three times as fast, so that
 * as much time as @t->misses intervals give is asked three times as often.
 *
 * Return: number of keepalives.
 */
unsigned int vgw_fo_asked(const struct vgw_fo_tunnel *t)
{
	unsigned int n = VGW_FO_SUSPECT_RATE * (t->misses - 1) + 1;

	return n < VGW_FO_MAX_ASKED ? n : VGW_FO_MAX_ASKED;
}

/**
 * vgw_fo_wait - how long a keepalive may stay unanswered
 * @fo: the state machine
 * @t: the tunnel
 *
 * A silent far end is found within interval x misses x 1.25 + RTT. Up to one
 * interval of that passes before the first keepalive, and the stamps of the
 * caller may be off by &vgw_fo.slack. The keepalives share misses - 1 intervals,
 * the last of them waits as long as the others, and none longer than the rest
 * of the bound allows.
 *
 * Return: nanoseconds; a third of the interval unless vgw_fo_asked() or the
 * bound is at its limit, below the interval in any case.
 */
u64 vgw_fo_wait(const struct vgw_fo *fo, const struct vgw_fo_tunnel *t)
{
	u64 span = t->interval * (VGW_FO_SUSPECT_RATE * (t->misses - 1) + 1);
	u64 budget = t->misses * t->interval;
	u64 spent = t->interval + fo->slack;

	budget += budget >> 2;
	/* One miss of a very short interval leaves nothing: keep a floor. */
	if (budget < spent + t->interval / 8)
		return t->interval / 8;

	span = div_u64(span, VGW_FO_SUSPECT_RATE);
	if (span > budget - spent)
		span = budget - spent;
	return div_u64(span, vgw_fo_asked(t));
}

/**
 * vgw_fo_leeway - how late a tunnel's timer may be without harm
 * @t: the tunnel
 *
 * Timers of many idle tunnels can so share interrupts. What waits for an answer has
 * none: the bound of vgw_fo_wait() counts on it.
 *
 * Return: nanoseconds.
 */
u64 vgw_fo_leeway(const struct vgw_fo_tunnel *t)
{
	if (t->state != VGW_STATE_UP || t->pending || !vgw_fo_asks(t->keepalive))
		return 0;
	return t->interval >> VGW_FO_LEEWAY_SHIFT;
}

/**
 * vgw_fo_hold - how long a preferred tunnel must be up to become active again
 * @fo: the state machine
 * @t: the tunnel
 *
 * Return: nanoseconds, U64_MAX never.
 */
u64 vgw_fo_hold(const struct vgw_fo *fo, const struct vgw_fo_tunnel *t)
{
	if (fo->revert == U64_MAX)
		return U64_MAX;
	return fo->revert << t->flaps;
}

/**
 * vgw_fo_init - a connection whose tunnels are all disabled
 * @fo: what to initialise; the caller sets the configuration afterwards
 * @n: tunnels, 1 to VGW_MAX_TUNNELS
 * @now: monotonic time, ns
 */
void vgw_fo_init(struct vgw_fo *fo, unsigned int n, u64 now)
{
	unsigned int i;

	*fo = (struct vgw_fo){ .n = n, .active = -1, .by_hand = -1, .switch_from = -1 };
	for (i = 0; i < n; i++) {
		fo->tunnels[i].path = true;
		fo->tunnels[i].state = VGW_STATE_DISABLED;
		fo->tunnels[i].since = now;
	}
}

/* A tunnel that lost its footing soon after it had found it is flapping. */
static void note_flap(struct vgw_fo *fo, struct vgw_fo_tunnel *t, u64 now)
{
	u64 hold = vgw_fo_hold(fo, t);

	if (hold == U64_MAX)
		return;
	if (now - t->up_since >= hold * 2)
		t->flaps = 0;
	else if (t->flaps < VGW_FO_MAX_FLAPS)
		t->flaps++;
}

/* Passive tunnels that stay silent rank below those that do not. */
static unsigned int rank(const struct vgw_fo_tunnel *t)
{
	if (!vgw_fo_carrier(t))
		return 0;
	if (t->state == VGW_STATE_SUSPECT && t->keepalive == VGW_KEEPALIVE_PASSIVE)
		return 1;
	return 2;
}

static unsigned int choice(const struct vgw_fo_tunnel *t)
{
	return t->drained ? 0 : rank(t);
}

static void set_state(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
		      enum vgw_state state, enum vgw_reason reason, u64 now)
{
	unsigned int was = rank(t);

	if (t->state == state)
		return;
	t->state = state;
	t->reason = reason;
	t->since = now;
	if (rank(t) > was)
		t->up_since = now;
	if (rank(t) < was)
		t->lost = true;
	if (rank(t) < was && reason != VGW_REASON_ADMIN)
		note_flap(fo, t, now);
}

static void restart(struct vgw_fo_tunnel *t)
{
	t->missed = 0;
	t->late = 0;
	t->pending = false;
	t->grace = false;
}

/* Without SA or path: not more often than that is either asked for. */
static u64 retry(const struct vgw_fo_tunnel *t)
{
	return t->interval > VGW_FO_ACQUIRE_NS ? t->interval : VGW_FO_ACQUIRE_NS;
}

/* The state that the facts allow; only keepalives lead on from there. */
static void settle(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
		   enum vgw_reason reason, u64 now)
{
	/* The next path may be another. */
	if (!t->dev_up || !t->sa || !t->path)
		t->srtt = 0;
	if (!t->dev_up) {
		set_state(fo, t, VGW_STATE_DISABLED, reason, now);
		restart(t);
		t->timer = 0;
	} else if (!t->sa || !t->path) {
		bool asks = vgw_fo_asks(t->keepalive);

		/* An acquire at once; a route that is back may be all the notice of a path. */
		if (!asks && t->path)
			t->timer = 0;
		else if (t->state != VGW_STATE_NO_SA || !t->timer)
			t->timer = asks ? now : now + retry(t);
		set_state(fo, t, VGW_STATE_NO_SA, reason, now);
		restart(t);
	} else if (!vgw_fo_asks(t->keepalive)) {
		if (t->keepalive == VGW_KEEPALIVE_OFF)
			t->timer = 0;
		else if (!t->timer || t->state == VGW_STATE_NO_SA)
			t->timer = now + t->interval;
		/* Suspect stays suspect: only something heard clears it. */
		if (t->state != VGW_STATE_SUSPECT ||
		    t->keepalive == VGW_KEEPALIVE_OFF)
			set_state(fo, t, VGW_STATE_UP, reason, now);
	} else if (t->state == VGW_STATE_DISABLED || t->state == VGW_STATE_NO_SA) {
		set_state(fo, t, VGW_STATE_PROBING, reason, now);
		restart(t);
		t->timer = now;
	} else if (!t->timer) {
		t->timer = now;
	}
}

static void tick_passive(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
			 const struct vgw_fo_input *in,
			 struct vgw_fo_actions *act)
{
	if (in->heard > t->proof) {
		t->proof = in->heard;
		t->missed = 0;
		set_state(fo, t, VGW_STATE_UP, VGW_REASON_TRAFFIC, in->now);
	} else if (in->sent > t->proof && in->sent > t->since &&
		   in->now - in->sent < t->interval * 2) {
		/* Something was asked in this interval and nothing came back. */
		if (t->missed < t->misses) {
			t->missed++;
			act->missed = true;
		}
		if (t->missed >= t->misses)
			set_state(fo, t, VGW_STATE_SUSPECT, VGW_REASON_SILENCE, in->now);
	}
	t->timer = in->now + t->interval;
}

static void send(struct vgw_fo_tunnel *t, u64 at, struct vgw_fo_actions *act)
{
	act->probe = true;
	t->pending = true;
	t->grace = false;
	t->timer = at;
}

/*
 * A packet heard is a proof of life, where keepalives proved both directions
 * before. It proves one direction only: what was asked still wants its answer.
 * Returns whether there was any.
 */
static bool hear(struct vgw_fo_tunnel *t, const struct vgw_fo_input *in)
{
	if (t->keepalive == VGW_KEEPALIVE_ACTIVE && in->heard > t->proof && vgw_fo_carrier(t)) {
		t->proof = in->heard;
		return true;
	}
	return false;
}

static void tick_active(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
			const struct vgw_fo_input *in,
			struct vgw_fo_actions *act)
{
	u64 wait = vgw_fo_wait(fo, t);
	u64 tolerance = wait / 4 > fo->slack ? wait / 4 : fo->slack;
	bool news;

	if (t->state == VGW_STATE_NO_SA) {
		/* Asks XFRM for an SA, and so the IKE daemon. */
		send(t, in->now + retry(t), act);
		t->pending = false;
		return;
	}

	news = hear(t, in);
	if (t->state == VGW_STATE_UP && !t->pending && t->proof) {
		u64 at = idle_at(t, t->proof, in->random);

		/* Without news it was for this that the timer was set. */
		if (in->now < (news ? at : idle_at(t, t->proof, SHORTEST))) {
			t->timer = at;
			return;
		}
	}

	if (t->state == VGW_STATE_DOWN) {
		send(t, in->now + jitter(t->interval, in->random), act);
		return;
	}

	/*
	 * The last keepalive was not answered. If the timer was late, so may be
	 * our reading of the answer: ask again before judging. A timer that is
	 * always late must not keep a dead tunnel either.
	 */
	if (t->pending && in->now - t->timer > tolerance && t->late < vgw_fo_asked(t)) {
		t->late++;
	} else if (t->pending && !t->missed && t->srtt && !t->grace) {
		/* The answer may still be on its way: all are judged a round trip late. */
		t->grace = true;
		t->timer = in->now + t->srtt;
		return;
	} else if (t->pending) {
		t->missed++;
		act->missed = true;
		if (t->missed >= vgw_fo_asked(t)) {
			set_state(fo, t, VGW_STATE_DOWN,
				  VGW_REASON_KEEPALIVE_MISSED, in->now);
			send(t, in->now + jitter(t->interval, in->random), act);
			return;
		}
		if (t->state == VGW_STATE_UP)
			set_state(fo, t, VGW_STATE_SUSPECT,
				  VGW_REASON_KEEPALIVE_MISSED, in->now);
	}

	send(t, in->now + wait, act);
}

static void reply(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
		  const struct vgw_fo_input *in)
{
	if (t->state == VGW_STATE_DISABLED || t->state == VGW_STATE_NO_SA)
		return;
	/*
	 * RFC 6298 2.3 without the variance: alpha is 1/8. But 1/2 on the way down: an answer
	 * that was held up once must not have all judgements wait for it.
	 */
	if (!t->srtt)
		t->srtt = in->rtt;
	else if (in->rtt < t->srtt)
		t->srtt = (t->srtt >> 1) + (in->rtt >> 1);
	else
		t->srtt += (in->rtt - t->srtt) >> 3;
	t->proof = in->now;
	restart(t);
	set_state(fo, t, VGW_STATE_UP, VGW_REASON_KEEPALIVE_ANSWERED, in->now);
	if (vgw_fo_asks(t->keepalive))
		t->timer = idle_at(t, in->now, in->random);
}

/* When preference alone makes the tunnel active again: 0 at once, U64_MAX never. */
static u64 return_at(const struct vgw_fo *fo, const struct vgw_fo_tunnel *t)
{
	u64 hold = vgw_fo_hold(fo, t);

	/* One that was never lost does not return: it just came up. */
	if (!t->lost)
		return 0;
	return hold == U64_MAX ? U64_MAX : t->up_since + hold;
}

/* Usable first, then preference, then the one already active. */
static int best(const struct vgw_fo *fo, u64 now)
{
	unsigned int top = 0;
	int i, found = -1;
	bool stays;

	for (i = 0; i < (int)fo->n; i++)
		if (choice(&fo->tunnels[i]) > top)
			top = choice(&fo->tunnels[i]);
	if (!top)
		return -1;
	stays = fo->active >= 0 && choice(&fo->tunnels[fo->active]) == top;
	if (stays)
		found = fo->active;
	for (i = 0; i < (int)fo->n; i++) {
		const struct vgw_fo_tunnel *t = &fo->tunnels[i];

		if (choice(t) != top)
			continue;
		if (found >= 0 && t->preference <= fo->tunnels[found].preference)
			continue;
		/* Only preference speaks for the change: wait for the delay. */
		if (!stays || now >= return_at(fo, t))
			found = i;
	}
	return found;
}

/* When the next tunnel that is preferred to the active one may return. */
static u64 next_return(const struct vgw_fo *fo, u64 now)
{
	const struct vgw_fo_tunnel *active = &fo->tunnels[fo->active];
	u64 next = U64_MAX;
	unsigned int i;

	for (i = 0; i < fo->n; i++) {
		const struct vgw_fo_tunnel *t = &fo->tunnels[i];

		if (choice(t) == choice(active) && t->preference > active->preference &&
		    return_at(fo, t) > now && return_at(fo, t) < next)
			next = return_at(fo, t);
	}
	return next == U64_MAX ? 0 : next;
}

static void choose(struct vgw_fo *fo, const struct vgw_fo_input *in,
		   enum vgw_reason reason, struct vgw_fo_actions *act)
{
	int old = fo->active;
	int new = best(fo, in->now);

	if (fo->by_hand >= 0 && !vgw_fo_usable(&fo->tunnels[fo->by_hand]))
		fo->by_hand = -1;
	if (fo->by_hand >= 0)
		new = fo->by_hand;
	fo->active = new;
	fo->timer = new >= 0 && fo->by_hand < 0 ? next_return(fo, in->now) : 0;
	if (new == old)
		return;

	if (new >= 0 && old >= 0 && fo->by_hand < 0 &&
	    choice(&fo->tunnels[new]) == choice(&fo->tunnels[old]))
		reason = VGW_REASON_PREFERENCE;
	else if (old < 0 && fo->by_hand < 0)
		reason = VGW_REASON_ONLY_USABLE;

	act->switched = true;
	act->reason = reason;
	if (old >= 0 && fo->tunnels[old].proof)
		act->proof_age = in->now - fo->tunnels[old].proof;
	if (old < 0 || new < 0)
		return;
	fo->switches++;
	fo->switched[reason]++;
	fo->switch_at = in->now;
	fo->switch_reason = reason;
	fo->switch_from = old;
	fo->switch_proof = act->proof_age;
}

/* What the event says of the tunnel itself; the choice comes afterwards. */
static enum vgw_reason judge(struct vgw_fo *fo, struct vgw_fo_tunnel *t,
			     const struct vgw_fo_input *in,
			     struct vgw_fo_actions *act)
{
	static const enum vgw_reason reasons[VGW_FO_EVENTS] = {
		[VGW_FO_DEV_UP] = VGW_REASON_ADMIN,
		[VGW_FO_DEV_DOWN] = VGW_REASON_ADMIN,
		[VGW_FO_SA_USABLE] = VGW_REASON_SA_ADDED,
		[VGW_FO_SA_DELETED] = VGW_REASON_SA_DELETED,
		[VGW_FO_SA_EXPIRED] = VGW_REASON_SA_EXPIRED,
		[VGW_FO_POLICY_LOST] = VGW_REASON_POLICY_LOST,
		[VGW_FO_PATH_FOUND] = VGW_REASON_PATH_FOUND,
		[VGW_FO_PATH_LOST] = VGW_REASON_PATH_LOST,
		[VGW_FO_CONFIG] = VGW_REASON_ADMIN,
		[VGW_FO_DRAIN] = VGW_REASON_DRAIN,
		[VGW_FO_UNDRAIN] = VGW_REASON_DRAIN,
		[VGW_FO_SWITCH] = VGW_REASON_BY_HAND,
		[VGW_FO_REVERT] = VGW_REASON_PREFERENCE,
	};
	enum vgw_reason reason = reasons[in->event];

	switch (in->event) {
	case VGW_FO_DEV_UP:
	case VGW_FO_DEV_DOWN:
		t->dev_up = in->event == VGW_FO_DEV_UP;
		settle(fo, t, reason, in->now);
		break;
	case VGW_FO_SA_USABLE:
	case VGW_FO_SA_DELETED:
	case VGW_FO_SA_EXPIRED:
	case VGW_FO_POLICY_LOST:
		t->sa = in->event == VGW_FO_SA_USABLE;
		settle(fo, t, reason, in->now);
		break;
	case VGW_FO_PATH_FOUND:
	case VGW_FO_PATH_LOST:
		t->path = in->event == VGW_FO_PATH_FOUND;
		settle(fo, t, reason, in->now);
		break;
	case VGW_FO_REPLY:
		reply(fo, t, in);
		reason = t->reason;
		break;
	case VGW_FO_UNSENT:
		/* Nothing was asked, so nothing is held against the far end. */
		t->pending = false;
		break;
	case VGW_FO_TICK:
		/* One that fires after it was moved asks for nothing. */
		if (!t->timer || in->now < t->timer || t->state == VGW_STATE_DISABLED)
			break;
		if (vgw_fo_asks(t->keepalive))
			tick_active(fo, t, in, act);
		else if (t->state == VGW_STATE_NO_SA)
			t->timer = in->now + retry(t);
		else if (t->keepalive == VGW_KEEPALIVE_PASSIVE)
			tick_passive(fo, t, in, act);
		reason = t->reason;
		break;
	case VGW_FO_CONFIG:
		restart(t);
		if (t->timer)
			t->timer = in->now;
		if (!vgw_fo_asks(t->keepalive))
			t->timer = 0;
		settle(fo, t, reason, in->now);
		break;
	case VGW_FO_DRAIN:
	case VGW_FO_UNDRAIN:
		t->drained = in->event == VGW_FO_DRAIN;
		break;
	case VGW_FO_SWITCH:
		if (vgw_fo_usable(t))
			fo->by_hand = in->tunnel;
		break;
	case VGW_FO_REVERT:
	case VGW_FO_EVENTS:
		break;
	}
	return reason;
}

/**
 * vgw_fo_event - let the state machine see an event
 * @fo: the state machine
 * @in: the event
 * @act: what the caller has to do now; filled in whole
 */
void vgw_fo_event(struct vgw_fo *fo, const struct vgw_fo_input *in,
		  struct vgw_fo_actions *act)
{
	struct vgw_fo_tunnel *t = &fo->tunnels[in->tunnel];
	enum vgw_reason reason;
	u64 tunnel_timer = t->timer;
	u64 timer = fo->timer;

	*act = (struct vgw_fo_actions){
		.old_state = t->state,
		.old_active = fo->active,
	};
	reason = judge(fo, t, in, act);
	act->changed = t->state != act->old_state;
	choose(fo, in, reason, act);
	act->rearm = t->timer != tunnel_timer || fo->timer != timer;
}
