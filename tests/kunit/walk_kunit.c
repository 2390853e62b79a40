// SPDX-License-Identifier: GPL-2.0
/* The failover state machine: what holds after any sequence of events. */

#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "fo_test.h"

struct walk {
	struct fo_test *f;
	struct rnd_state rnd;
	u64 heard[VGW_MAX_TUNNELS];
	u64 sent[VGW_MAX_TUNNELS];
	/* When the tunnel last became usable with nothing said against it; 0 it is not. */
	u64 good_since[VGW_MAX_TUNNELS];
	bool alive[VGW_MAX_TUNNELS];
	bool fallen[VGW_MAX_TUNNELS];
	/* When preference last chose it, and no administrator intervened; 0 never. */
	u64 preferred[VGW_MAX_TUNNELS];
	/* When a keepalive last asked for an SA in this stay without one; 0 not yet. */
	u64 asked[VGW_MAX_TUNNELS];
	struct vgw_fo before;
	unsigned long step;
	unsigned long preferences;
	unsigned int seen[VGW_STATE_DOWN + 1][VGW_FO_EVENTS];
	unsigned long dead;	/* far ends that hear nothing */
	int asked_last;		/* tunnel whose keepalive was just sent, or -1 */
};

static u32 rnd(struct walk *w, u32 below)
{
	return prandom_u32_state(&w->rnd) % below;
}

static bool spec_usable(const struct vgw_fo_tunnel *t)
{
	return !t->drained &&
	       (t->state == VGW_STATE_UP || t->state == VGW_STATE_SUSPECT);
}

/* Nothing is held against it: passive silence is. */
static bool spec_good(const struct vgw_fo_tunnel *t)
{
	return spec_usable(t) && !(t->state == VGW_STATE_SUSPECT &&
				   t->keepalive == VGW_KEEPALIVE_PASSIVE);
}

#define HOLDS(w, cond) \
	KUNIT_ASSERT_TRUE_MSG((w)->f->test, cond, \
			      "step %lu, event %d on tunnel %u at %llu", \
			      (w)->step, in->event, in->tunnel, in->now)

static void check_step(struct walk *w, const struct vgw_fo_input *in)
{
	const struct vgw_fo *fo = &w->f->fo, *old = &w->before;
	const struct vgw_fo_actions *act = &w->f->act;
	const struct vgw_fo_tunnel *e = &fo->tunnels[in->tunnel];
	bool any = false, any_good = false;
	unsigned int i, r;

	for (i = 0; i < fo->n; i++) {
		const struct vgw_fo_tunnel *t = &fo->tunnels[i];

		any |= spec_usable(t);
		any_good |= spec_good(t);
		HOLDS(w, vgw_fo_usable(t) == spec_usable(t));
		HOLDS(w, t->proof <= in->now && t->since <= in->now &&
			 t->up_since <= in->now);
		HOLDS(w, t->missed <= max(t->misses, vgw_fo_asked(t)));
		HOLDS(w, t->flaps <= VGW_FO_MAX_FLAPS);
		HOLDS(w, t->dev_up == (t->state != VGW_STATE_DISABLED));
		if (t->dev_up)
			HOLDS(w, (t->sa && t->path) == (t->state != VGW_STATE_NO_SA));
		/* Timers: none that nobody needs, none missing. */
		HOLDS(w, !!t->timer == fo_wants_timer(t));
		if (i != in->tunnel)
			HOLDS(w, !memcmp(t, &old->tunnels[i], sizeof(*t)));
	}

	/* The choice. */
	HOLDS(w, fo->active >= -1 && fo->active < (int)fo->n);
	HOLDS(w, (fo->active >= 0) == any);
	HOLDS(w, fo->active < 0 || spec_usable(&fo->tunnels[fo->active]));
	HOLDS(w, fo->by_hand < 0 || spec_usable(&fo->tunnels[fo->by_hand]));
	HOLDS(w, fo->by_hand < 0 || fo->by_hand == fo->active);
	if (fo->active >= 0 && fo->by_hand < 0)
		HOLDS(w, spec_good(&fo->tunnels[fo->active]) || !any_good);
	for (i = 0; fo->active >= 0 && fo->by_hand < 0 && i < fo->n; i++) {
		/* A better one is waited for, or never returned to. */
		if (spec_good(&fo->tunnels[i]) &&
		    fo->tunnels[i].preference > fo->tunnels[fo->active].preference)
			HOLDS(w, fo->revert == U64_MAX || fo->timer > in->now);
	}
	HOLDS(w, !fo->timer || fo->timer > in->now);
	HOLDS(w, fo->revert != U64_MAX || !fo->timer);

	/* What the caller is told. */
	HOLDS(w, act->old_active == old->active);
	HOLDS(w, act->switched == (fo->active != old->active));
	HOLDS(w, act->old_state == old->tunnels[in->tunnel].state);
	HOLDS(w, act->changed == (e->state != act->old_state));
	HOLDS(w, !act->changed || e->reason != VGW_REASON_NONE);
	HOLDS(w, !act->switched || act->reason != VGW_REASON_NONE);
	HOLDS(w, act->rearm || (e->timer == old->tunnels[in->tunnel].timer &&
				fo->timer == old->timer));
	HOLDS(w, !act->probe || (in->event == VGW_FO_TICK &&
				 vgw_fo_asks(e->keepalive)));
	HOLDS(w, !act->missed || in->event == VGW_FO_TICK);
	HOLDS(w, fo->switches == old->switches +
		 (act->switched && old->active >= 0 && fo->active >= 0));
	for (r = 0; r <= VGW_REASON_MAX; r++)
		HOLDS(w, fo->switched[r] == old->switched[r] +
			 (fo->switches != old->switches && r == act->reason));
	if (in->event == VGW_FO_TICK && old->tunnels[in->tunnel].timer &&
	    in->now >= old->tunnels[in->tunnel].timer)
		HOLDS(w, e->timer > in->now);
}

/* Preference alone moves traffic only to what was good for the revert delay. */
static void check_preference(struct walk *w, const struct vgw_fo_input *in)
{
	const struct vgw_fo *fo = &w->f->fo;
	const struct vgw_fo_actions *act = &w->f->act;
	unsigned int i;

	for (i = 0; i < fo->n; i++) {
		const struct vgw_fo_tunnel *t = &fo->tunnels[i];
		bool alive = t->state == VGW_STATE_UP ||
			     (t->state == VGW_STATE_SUSPECT &&
			      t->keepalive != VGW_KEEPALIVE_PASSIVE);

		/* Only what was lost once returns, and waits for it. */
		w->fallen[i] |= w->alive[i] && !alive;
		w->alive[i] = alive;
		if (!alive)
			w->good_since[i] = 0;
		else if (!w->good_since[i])
			w->good_since[i] = in->now;
	}
	switch (in->event) {
	case VGW_FO_CONFIG: case VGW_FO_DRAIN: case VGW_FO_UNDRAIN: case VGW_FO_SWITCH:
		memset(w->preferred, 0, sizeof(w->preferred));
		break;
	default:
		break;
	}
	if (!act->switched || act->reason != VGW_REASON_PREFERENCE)
		return;
	HOLDS(w, fo->active >= 0 && act->old_active >= 0);
	HOLDS(w, fo->revert != U64_MAX || !w->fallen[fo->active]);
	HOLDS(w, fo->tunnels[fo->active].preference >
		 fo->tunnels[act->old_active].preference);
	/* Undrained tunnels were up all the time: their wait may be over. */
	if (in->event != VGW_FO_UNDRAIN && w->fallen[fo->active])
		HOLDS(w, in->now - w->good_since[fo->active] >= fo->revert);
	HOLDS(w, !w->preferred[fo->active] || !w->fallen[fo->active] ||
		 in->now - w->preferred[fo->active] >= fo->revert);
	w->preferred[fo->active] = in->now;
	w->preferences++;
}

/* Without an SA keepalives only wake the IKE daemon: not too often. */
static void check_acquire(struct walk *w, const struct vgw_fo_input *in)
{
	const struct vgw_fo_tunnel *t = &w->f->fo.tunnels[in->tunnel];

	/* New configuration may be what the daemon waits for: asks at once. */
	if (t->state != VGW_STATE_NO_SA || in->event == VGW_FO_CONFIG) {
		w->asked[in->tunnel] = 0;
		return;
	}
	if (!w->f->act.probe)
		return;
	HOLDS(w, !w->asked[in->tunnel] ||
		 in->now - w->asked[in->tunnel] >= VGW_FO_ACQUIRE_NS);
	w->asked[in->tunnel] = in->now;
}

static void walk_event(struct walk *w, const struct vgw_fo_input *in)
{
	w->before = w->f->fo;
	w->seen[w->f->fo.tunnels[in->tunnel].state][in->event]++;
	vgw_fo_event(&w->f->fo, in, &w->f->act);
	w->step++;
	check_step(w, in);
	check_preference(w, in);
	check_acquire(w, in);
	w->asked_last = w->f->act.probe ? (int)in->tunnel : -1;
}

/* A random reconfiguration, as the administrator's set command would do it. */
static void reconfigure(struct walk *w, struct vgw_fo_tunnel *t)
{
	static const u64 intervals[] = { 10 * MS, 100 * MS, 2 * SEC };
	static const u64 reverts[] = { 0, 3 * SEC, 60 * SEC, U64_MAX };

	switch (rnd(w, 6)) {
	case 0:
		t->keepalive = rnd(w, 4);
		break;
	case 1:
		t->interval = intervals[rnd(w, ARRAY_SIZE(intervals))];
		break;
	case 2:
		t->misses = 1 + rnd(w, 5);
		break;
	case 3:
		t->preference = rnd(w, 4);
		break;
	case 4:
		w->f->fo.revert = reverts[rnd(w, ARRAY_SIZE(reverts))];
		break;
	}
}

static void walk_step(struct walk *w)
{
	/* Life, in numbers: what was lost comes back soon. */
	static const u8 dice[] = {
		VGW_FO_REPLY, VGW_FO_UNSENT, VGW_FO_TICK, VGW_FO_REVERT,
		VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE,
		VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE,
		VGW_FO_PATH_FOUND, VGW_FO_PATH_FOUND, VGW_FO_PATH_FOUND, VGW_FO_PATH_FOUND,
		VGW_FO_DEV_UP, VGW_FO_DEV_UP, VGW_FO_DEV_UP, VGW_FO_DEV_UP,
		VGW_FO_UNDRAIN, VGW_FO_UNDRAIN, VGW_FO_UNDRAIN,
		VGW_FO_DEV_DOWN, VGW_FO_SA_DELETED, VGW_FO_SA_EXPIRED,
		VGW_FO_POLICY_LOST, VGW_FO_PATH_LOST, VGW_FO_CONFIG,
		VGW_FO_DRAIN, VGW_FO_SWITCH,
	};
	struct fo_test *f = w->f;
	struct vgw_fo_input in = {};
	u64 next = f->fo.timer;
	int who = -1;
	unsigned int i;

	for (i = 0; i < f->fo.n; i++) {
		u64 timer = f->fo.tunnels[i].timer;

		if (timer && (!next || timer < next)) {
			next = timer;
			who = i;
		}
	}

	in.random = prandom_u32_state(&w->rnd);
	if (!rnd(w, 100))
		w->dead ^= BIT(rnd(w, f->fo.n));
	if (w->asked_last >= 0 && !(w->dead & BIT(w->asked_last)) && rnd(w, 10)) {
		/* Most keepalives are answered soon, some cannot be sent. */
		in.event = rnd(w, 30) ? VGW_FO_REPLY : VGW_FO_UNSENT;
		in.tunnel = w->asked_last;
		if (in.event == VGW_FO_REPLY)
			f->now += rnd(w, MS);
	} else if (next && rnd(w, 2)) {
		/* The next timer, mostly when it is due, sometimes late. */
		f->now = max(f->now, next);
		if (!rnd(w, 10))
			f->now += rnd(w, 500 * MS);
		in.event = who < 0 ? VGW_FO_REVERT : VGW_FO_TICK;
		in.tunnel = who < 0 ? 0 : who;
	} else {
		/* Something happens before it. */
		if (!next)
			f->now += rnd(w, 1000) * MS;
		else if (next > f->now)
			f->now += div_u64((next - f->now) * rnd(w, 100), 100);
		in.event = dice[rnd(w, ARRAY_SIZE(dice))];
		in.tunnel = f->fo.active >= 0 && !rnd(w, 3) ? f->fo.active : rnd(w, f->fo.n);
	}
	in.now = f->now;
	in.rtt = rnd(w, 50 * MS);
	if (!(w->dead & BIT(in.tunnel)) && !rnd(w, 3))
		w->heard[in.tunnel] = f->now - min_t(u64, rnd(w, 20 * MS), f->now - START);
	if (!rnd(w, 2))
		w->sent[in.tunnel] = f->now - min_t(u64, rnd(w, 20 * MS), f->now - START);
	in.heard = w->heard[in.tunnel];
	in.sent = w->sent[in.tunnel];
	/* The caller refuses to switch to what is not usable. */
	if (in.event == VGW_FO_SWITCH && !vgw_fo_usable(&f->fo.tunnels[in.tunnel]))
		return;
	if (in.event == VGW_FO_CONFIG)
		reconfigure(w, &f->fo.tunnels[in.tunnel]);
	walk_event(w, &in);
}

#define WALK_STEPS	200000
#define WALK_LENGTH	5000

static void invariants_hold_in_random_walks(struct kunit *test)
{
	struct walk *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned long done, switches = 0, i, e;

	KUNIT_ASSERT_NOT_NULL(test, w);
	prandom_seed_state(&w->rnd, vgw_kunit_seed);
	kunit_info(test, "seed=%llu", vgw_kunit_seed);

	for (done = 0; done < WALK_STEPS; done += WALK_LENGTH) {
		unsigned int n = 1 + (done / WALK_LENGTH) % VGW_MAX_TUNNELS;

		w->f = fo_new(test, n, VGW_KEEPALIVE_ACTIVE, 100 * MS, 3);
		w->f->fo.slack = rnd(w, 2) ? 0 : 10 * MS;
		memset(w->heard, 0, sizeof(w->heard));
		memset(w->sent, 0, sizeof(w->sent));
		memset(w->good_since, 0, sizeof(w->good_since));
		memset(w->alive, 0, sizeof(w->alive));
		memset(w->fallen, 0, sizeof(w->fallen));
		memset(w->preferred, 0, sizeof(w->preferred));
		memset(w->asked, 0, sizeof(w->asked));
		w->asked_last = -1;
		w->dead = 0;
		for (i = 0; i < n; i++) {
			struct vgw_fo_tunnel *t = &w->f->fo.tunnels[i];

			t->preference = rnd(w, 3);
			if (!rnd(w, 3))
				t->keepalive = rnd(w, 4);
			fo_do(w->f, i, VGW_FO_CONFIG);
			if (rnd(w, 4))
				fo_do(w->f, i, VGW_FO_DEV_UP);
		}
		for (i = 0; i < WALK_LENGTH; i++)
			walk_step(w);
		switches += w->f->fo.switches;
	}
	kunit_info(test, "%lu events, %lu switches, %lu of them for preference alone",
		   w->step, switches, w->preferences);
	/* A walk in which nothing happens proves nothing. */
	KUNIT_EXPECT_GT(test, switches, WALK_STEPS / 200);
	KUNIT_EXPECT_GT(test, w->preferences, 20);
	for (i = 0; i <= VGW_STATE_DOWN; i++)
		for (e = 0; e < VGW_FO_EVENTS; e++)
			/* What is not usable is not switched to. */
			if (e != VGW_FO_SWITCH || i == VGW_STATE_UP || i == VGW_STATE_SUSPECT)
				KUNIT_EXPECT_GT_MSG(test, w->seen[i][e], 0,
						    "event %lu in state %lu", e, i);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(invariants_hold_in_random_walks),
	{}
};

struct kunit_suite vgw_walk_suite = {
	.name = "vgw_walk",
	.test_cases = cases,
};
