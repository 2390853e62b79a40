// SPDX-License-Identifier: GPL-2.0
/* Detection and its times, on a link of constant round trip time. */

#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "fo_test.h"

struct link {
	struct fo_test *f;
	struct rnd_state rnd;
	int random;		/* jitter: 0 to 255, or -1 for any */
	u64 rtt;
	u64 dead;		/* the far end hears nothing from then on */
	u64 mute;		/* nothing that it sends arrives from then on */
	u64 busy;		/* it sends a packet so often; 0 never */
	u64 late;		/* timers may be so late */
	u64 heard;
	unsigned int asked;	/* keepalives sent since the last sign of life */
	unsigned int sent;
	unsigned int missed;
	u64 gap;		/* longest time between a sign of life or keepalive and the next */
	u64 last;
	unsigned int n;		/* replies under way */
	u64 reply[256];
};

static struct link *link_new(struct kunit *test, u64 interval, unsigned int misses, u64 rtt)
{
	struct link *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, interval, misses);
	l->rtt = rtt;
	l->dead = U64_MAX;
	l->mute = U64_MAX;
	l->random = -1;
	prandom_seed_state(&l->rnd, vgw_kunit_seed);
	fo_do(l->f, 0, VGW_FO_SA_USABLE);
	fo_do(l->f, 0, VGW_FO_DEV_UP);
	return l;
}

static u32 link_random(struct link *l)
{
	return l->random < 0 ? prandom_u32_state(&l->rnd) : l->random;
}

static void link_life(struct link *l, u64 at)
{
	l->gap = max(l->gap, at - l->last);
	l->last = at;
	l->asked = 0;
}

/* A packet of the far end, or the timer, whatever comes first. */
static void link_step(struct link *l)
{
	struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];
	u64 timer = t->timer;
	struct vgw_fo_input in = { .random = link_random(l) };

	/* As late as the kernel may let it be, or later. */
	if (l->late)
		timer += prandom_u32_state(&l->rnd) % l->late;
	else if (l->random < 0)
		timer += prandom_u32_state(&l->rnd) % (vgw_fo_leeway(t) + 1);
	else
		timer += vgw_fo_leeway(t);
	if (l->n && l->reply[0] <= timer) {
		l->f->now = max(l->f->now, l->reply[0]);
		l->n--;
		memmove(l->reply, l->reply + 1, l->n * sizeof(l->reply[0]));
		if (l->f->now >= l->mute)
			return;
		in.event = VGW_FO_REPLY;
		in.now = l->f->now;
		in.rtt = l->rtt;
		vgw_fo_event(&l->f->fo, &in, &l->f->act);
		link_life(l, in.now);
		return;
	}

	l->f->now = max(l->f->now, timer);
	if (l->busy) {
		u64 last = min(l->f->now, min(l->mute, l->dead) - 1);

		last -= last % l->busy;
		if (last > l->heard && last > START)
			link_life(l, last);
		l->heard = max(l->heard, last > START ? last : 0);
	}
	in.event = VGW_FO_TICK;
	in.now = l->f->now;
	in.heard = l->heard;
	vgw_fo_event(&l->f->fo, &in, &l->f->act);
	l->missed += l->f->act.missed;
	if (!l->f->act.probe)
		return;
	l->gap = max(l->gap, in.now - l->last);
	l->last = in.now;
	l->sent++;
	l->asked++;
	if (in.now < l->dead && l->n < ARRAY_SIZE(l->reply))
		l->reply[l->n++] = in.now + l->rtt;
}

static void link_run(struct link *l, u64 until)
{
	while (l->f->fo.tunnels[0].timer < until)
		link_step(l);
}

static const u64 detect_intervals[] = { 10 * MS, 100 * MS, 2 * SEC };
static const unsigned int detect_misses[] = { 1, 2, 3, 4, 5, 10, 32 };
static const u64 detect_rtts[] = { 0, 20 * MS };
static const u64 detect_slacks[] = { 0, 4 * MS, 10 * MS };
static const int detect_randoms[] = { 0, 255, 128, -1, -1, -1, -1 };

#define for_each_timing(i, m, r) \
	for (i = 0; i < ARRAY_SIZE(detect_intervals); i++) \
		for (m = 0; m < ARRAY_SIZE(detect_misses); m++) \
			for (r = 0; r < ARRAY_SIZE(detect_rtts); r++)

/*
 * The far end falls silent right after a packet of it arrived at time 0: a
 * reply (@traffic 0), or one that it sent @traffic after a reply.
 */
static bool detect(struct kunit *test, u64 interval, unsigned int misses, u64 rtt,
		   u64 slack, int random, u64 seed, u64 traffic)
{
	struct link *l = link_new(test, interval, misses, rtt);
	struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];
	u64 bound = interval * misses + div_u64(interval * misses, 4) + rtt;
	unsigned int i;
	u64 zero;

	l->f->fo.slack = slack;
	l->random = random;
	prandom_seed_state(&l->rnd, seed);
	for (i = 0; i < 200 || !l->f->act.changed || t->state != VGW_STATE_UP; i++) {
		link_step(l);
		/* Some replies of a slow link leave no change: any will do. */
		if (i > 200 && t->state == VGW_STATE_UP && t->proof == l->f->now)
			break;
		KUNIT_ASSERT_LT(test, i, 2000);
	}

	zero = l->f->now + traffic;
	l->mute = l->f->now + 1;
	l->dead = l->mute;
	l->asked = 0;
	while (t->timer < zero)
		link_step(l);
	/* Too long after the last reply: the tunnel was down before. */
	if (t->state == VGW_STATE_DOWN)
		return false;
	if (traffic) {
		l->heard = zero;
		l->asked = 0;
	}
	while (t->state != VGW_STATE_DOWN && l->f->now < zero + 10 * bound)
		link_step(l);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_DOWN);
	KUNIT_ASSERT_LE_MSG(test, l->f->now - zero, bound,
			    "interval %llu us, %u misses, rtt %llu us, slack %llu us, random %d, traffic %llu us after",
			    div_u64(interval, 1000), misses, div_u64(rtt, 1000),
			    div_u64(slack, 1000), random, div_u64(traffic, 1000));
	/* The last is the one that was sent on being judged down. */
	if (!traffic)
		KUNIT_EXPECT_GE(test, l->asked, vgw_fo_asked(t) + 1);
	return true;
}

static void silence_is_found_within_the_bound(struct kunit *test)
{
	unsigned int i, m, r, s, j;

	for_each_timing(i, m, r)
		for (s = 0; s < ARRAY_SIZE(detect_slacks); s++)
			for (j = 0; j < ARRAY_SIZE(detect_randoms); j++)
				detect(test, detect_intervals[i], detect_misses[m],
				       detect_rtts[r], detect_slacks[s],
				       detect_randoms[j], vgw_kunit_seed + j, 0);
}

/*
 * The last packet may come while a keepalive is outstanding or half judged. Not
 * asked of round trips longer than the interval: then a keepalive that was sent
 * before that packet is outstanding for longer than the idle time.
 */
static void silence_after_traffic_is_found_within_the_bound(struct kunit *test)
{
	unsigned int i, m, r, k, j, done = 0;

	for_each_timing(i, m, r) {
		if (detect_rtts[r] > detect_intervals[i])
			continue;
		for (k = 1; k <= 12 * detect_misses[m]; k++)
			for (j = 0; j < ARRAY_SIZE(detect_randoms); j++)
				done += detect(test, detect_intervals[i],
					       detect_misses[m], detect_rtts[r], 0,
					       detect_randoms[j], vgw_kunit_seed + j,
					       div_u64(detect_intervals[i] * k, 10));
	}
	KUNIT_EXPECT_GT(test, done, 10000);
}

static void living_far_end_is_never_down(struct kunit *test)
{
	unsigned int i, m, r, n;

	for_each_timing(i, m, r) {
		struct link *l = link_new(test, detect_intervals[i], detect_misses[m],
					  detect_rtts[r]);
		struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];

		/* Before its first answer the round trip time is unknown. */
		while (t->state != VGW_STATE_UP)
			link_step(l);
		for (n = 0; n < 1000; n++) {
			link_step(l);
			KUNIT_ASSERT_TRUE_MSG(test, vgw_fo_carrier(t),
					      "interval %llu us, %u misses, rtt %llu us",
					      div_u64(detect_intervals[i], 1000),
					      detect_misses[m],
					      div_u64(detect_rtts[r], 1000));
		}
	}
}

static void late_timers_are_not_the_peers_fault(struct kunit *test)
{
	unsigned int i, m, r, n;

	for_each_timing(i, m, r) {
		/* One timer, later than any tolerance, before any judgement. */
		struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE,
					   detect_intervals[i], detect_misses[m]);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
		enum vgw_state state;
		unsigned int missed;

		fo_up(f, 0);
		for (n = 0; n <= vgw_fo_asked(t); n++) {
			state = t->state;
			missed = t->missed;
			if (state == VGW_STATE_DOWN)
				break;
			f->now = t->timer + detect_intervals[i];
			fo_tick(f, 0, 0, 0);
			KUNIT_EXPECT_FALSE(test, f->act.missed);
			KUNIT_EXPECT_TRUE(test, f->act.probe);
			KUNIT_EXPECT_EQ(test, t->state, state);
			KUNIT_EXPECT_EQ(test, t->missed, missed);
			fo_due(f, 0, 0);
			KUNIT_EXPECT_TRUE(test, f->act.missed);
		}
		KUNIT_EXPECT_EQ(test, n, vgw_fo_asked(t));
	}
}

static void late_timers_take_no_living_tunnel_down(struct kunit *test)
{
	unsigned int i, m, n;

	for (i = 0; i < ARRAY_SIZE(detect_intervals); i++) {
		for (m = 0; m < ARRAY_SIZE(detect_misses); m++) {
			struct link *l = link_new(test, detect_intervals[i],
						  detect_misses[m], 0);
			struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];

			while (t->state != VGW_STATE_UP)
				link_step(l);
			l->late = 3 * detect_intervals[i];
			for (n = 0; n < 1000; n++) {
				link_step(l);
				KUNIT_ASSERT_EQ(test, t->state, VGW_STATE_UP);
			}
			KUNIT_EXPECT_EQ(test, l->missed, 0);
		}
	}
}

static void early_ticks_change_nothing(struct kunit *test)
{
	struct fo_test *f = fo_go(test, VGW_KEEPALIVE_ACTIVE, U1);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	u64 timer = t->timer;
	unsigned int i;

	/* A stale callback that ran beside a rearm. */
	for (i = 0; i < 10; i++) {
		fo_tick(f, 0, 0, 0);
		KUNIT_EXPECT_FALSE(test, f->act.missed);
		KUNIT_EXPECT_FALSE(test, f->act.probe);
		KUNIT_EXPECT_EQ(test, t->timer, timer);
	}
	fo_due(f, 0, 0);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_SUSPECT);
}

static void unsent_keepalives_are_not_held_against_the_peer(struct kunit *test)
{
	unsigned int i, m, r, n;

	for_each_timing(i, m, r) {
		struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE,
					   detect_intervals[i], detect_misses[m]);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];

		fo_up(f, 0);
		for (n = 0; n < 100; n++) {
			fo_due(f, 0, 0);
			KUNIT_EXPECT_FALSE(test, f->act.missed);
			if (f->act.probe)
				fo_do(f, 0, VGW_FO_UNSENT);
			KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);
		}
	}
}

static void idle_tunnels_ask_at_least_once_an_interval(struct kunit *test)
{
	unsigned int i, m, r;

	for_each_timing(i, m, r) {
		struct link *l = link_new(test, detect_intervals[i], detect_misses[m],
					  detect_rtts[r]);

		l->last = l->f->now;
		link_run(l, START + 1000 * detect_intervals[i]);
		/* A long way to the far end: the only keepalive allowed is under way. */
		KUNIT_EXPECT_LE_MSG(test, l->gap,
				    detect_intervals[i] > detect_rtts[r] ?
				    detect_intervals[i] :
				    detect_intervals[i] + detect_rtts[r],
				    "interval %llu us, %u misses, rtt %llu us",
				    div_u64(detect_intervals[i], 1000), detect_misses[m],
				    div_u64(detect_rtts[r], 1000));
		KUNIT_EXPECT_GT(test, l->sent, 300);
	}
}

static void tunnels_that_hear_traffic_ask_nothing(struct kunit *test)
{
	unsigned int i, m, r;

	for_each_timing(i, m, r) {
		struct link *l = link_new(test, detect_intervals[i], detect_misses[m],
					  detect_rtts[r]);
		struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];

		while (t->state != VGW_STATE_UP)
			link_step(l);
		l->busy = detect_intervals[i] / 4;
		link_run(l, l->f->now + 3 * detect_intervals[i]);
		l->sent = 0;
		link_run(l, l->f->now + 1000 * detect_intervals[i]);
		KUNIT_EXPECT_EQ(test, l->sent, 0);
		KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);
	}
}

static void down_tunnels_go_on_asking(struct kunit *test)
{
	struct fo_test *f = fo_go(test, VGW_KEEPALIVE_ACTIVE, XX);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	unsigned int i;
	u64 last;

	for (i = 0; i < 100; i++) {
		last = f->now;
		fo_due(f, 0, last);
		KUNIT_EXPECT_TRUE(test, f->act.probe);
		KUNIT_EXPECT_LE(test, f->now - last, TABLE_INTERVAL);
		KUNIT_EXPECT_EQ_MSG(test, t->state, VGW_STATE_DOWN,
				    "traffic alone does not prove both directions");
	}
	fo_reply(f, 0, MS);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);
	KUNIT_EXPECT_EQ(test, t->proof, f->now);
}

static void lost_sa_asks_the_ike_daemon_at_once_then_once_a_second(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, 10 * MS, 3);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	unsigned int i;
	u64 last;

	fo_up(f, 0);
	fo_sleep(f, MS);
	fo_do(f, 0, VGW_FO_SA_DELETED);
	KUNIT_EXPECT_EQ(test, t->timer, f->now);
	for (i = 0; i < 10; i++) {
		last = f->now;
		fo_due(f, 0, 0);
		KUNIT_EXPECT_TRUE(test, f->act.probe);
		if (i)
			KUNIT_EXPECT_EQ(test, f->now - last, VGW_FO_ACQUIRE_NS);
		/* More bad news does not make it ask more often. */
		fo_sleep(f, MS);
		fo_do(f, 0, VGW_FO_POLICY_LOST);
		KUNIT_EXPECT_GT(test, t->timer, f->now);
		f->now -= MS;
	}
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_NO_SA);
}

/* A route may be all that comes back, and that has no notice. */
static void lost_path_is_looked_for_without_keepalives(struct kunit *test)
{
	static const enum vgw_keepalive modes[] = { VGW_KEEPALIVE_OFF, VGW_KEEPALIVE_PASSIVE };
	static const u64 intervals[] = { 10 * MS, 3 * SEC };
	unsigned int i, m;

	for (m = 0; m < ARRAY_SIZE(modes) * ARRAY_SIZE(intervals); m++) {
		u64 interval = intervals[m / ARRAY_SIZE(modes)];
		struct fo_test *f = fo_new(test, 1, modes[m % ARRAY_SIZE(modes)], interval, 3);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
		u64 every = max_t(u64, interval, VGW_FO_ACQUIRE_NS);

		fo_up(f, 0);
		fo_sleep(f, MS);
		fo_do(f, 0, VGW_FO_PATH_LOST);
		for (i = 0; i < 5; i++) {
			KUNIT_EXPECT_EQ(test, t->timer, f->now + every);
			/* More bad news neither puts it off nor brings it forward. */
			fo_do(f, 0, i & 1 ? VGW_FO_PATH_LOST : VGW_FO_SA_USABLE);
			KUNIT_EXPECT_EQ(test, t->timer, f->now + every);
			fo_due(f, 0, 0);
			KUNIT_EXPECT_FALSE(test, f->act.probe);
			KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_NO_SA);
		}
		fo_do(f, 0, VGW_FO_PATH_FOUND);
		KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);
		KUNIT_EXPECT_EQ(test, t->timer, t->keepalive == VGW_KEEPALIVE_OFF ?
						0 : f->now + interval);
	}
}

static void silence_is_judged_a_round_trip_late(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, SEC, 3);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	unsigned int i;
	u64 due;

	fo_up(f, 0);
	fo_reply(f, 0, 100 * MS);
	fo_due(f, 0, 0);
	due = t->timer;
	fo_due(f, 0, 0);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);
	KUNIT_EXPECT_EQ(test, t->missed, 0);
	KUNIT_EXPECT_FALSE(test, f->act.probe);
	KUNIT_EXPECT_EQ(test, t->timer, due + 100 * MS);
	fo_due(f, 0, 0);
	KUNIT_EXPECT_EQ(test, f->now, due + 100 * MS);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_SUSPECT);
	for (i = 2; i < vgw_fo_asked(t); i++) {
		fo_due(f, 0, 0);
		KUNIT_EXPECT_EQ(test, t->missed, i);
		KUNIT_EXPECT_TRUE(test, f->act.probe);
	}
	fo_due(f, 0, 0);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_DOWN);
}

static void suspect_tunnels_are_asked_three_times_as_often(struct kunit *test)
{
	static const struct {
		unsigned int misses, asked;
		u64 wait;
	} rows[] = {
		/* One miss: what the bound leaves. At most 48, for all of the time. */
		{ 1, 1, 250 * MS }, { 2, 4, 333333333 }, { 3, 7, 333333333 },
		{ 5, 13, 333333333 }, { 32, 48, 652777777 },
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, SEC, rows[i].misses);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
		u64 last;

		fo_up(f, 0);
		fo_due(f, 0, 0);
		for (n = 1; n <= rows[i].asked; n++) {
			KUNIT_EXPECT_NE(test, t->state, VGW_STATE_DOWN);
			last = f->now;
			/* What is heard meanwhile proves one direction only. */
			fo_due(f, 0, t->timer - MS);
			KUNIT_EXPECT_TRUE(test, f->act.missed);
			KUNIT_EXPECT_EQ(test, f->now - last, rows[i].wait);
		}
		KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_DOWN);
		last = f->now;
		fo_due(f, 0, 0);
		KUNIT_EXPECT_EQ(test, f->now - last, SEC);
	}
}

static void always_asks_whatever_is_heard(struct kunit *test)
{
	struct link *l = link_new(test, 100 * MS, 3, 20 * MS);
	struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];
	u64 dead;

	t->keepalive = VGW_KEEPALIVE_ALWAYS;
	fo_do(l->f, 0, VGW_FO_CONFIG);
	while (t->state != VGW_STATE_UP)
		link_step(l);
	l->busy = MS;
	l->sent = 0;
	link_run(l, l->f->now + 100 * SEC);
	KUNIT_EXPECT_GE(test, l->sent, 800);
	KUNIT_EXPECT_EQ(test, t->state, VGW_STATE_UP);

	/* What goes out is lost from here on; what comes in goes on coming. */
	dead = l->f->now;
	l->dead = dead;
	l->mute = U64_MAX;
	while (t->state != VGW_STATE_DOWN) {
		struct vgw_fo_input in = {
			.event = VGW_FO_TICK, .now = max(l->f->now, t->timer),
			.heard = l->f->now, .random = link_random(l),
		};

		l->f->now = in.now;
		vgw_fo_event(&l->f->fo, &in, &l->f->act);
		KUNIT_ASSERT_LE(test, in.now - dead, 375 * MS + 20 * MS);
	}
}

/* It ticks once for each keepalive, and timers may share interrupts. */
static void idle_tunnels_tick_once_an_interval(struct kunit *test)
{
	static const u32 randoms[] = { 0, 255, 100 };
	struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, SEC, 3);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	const u64 leeway = SEC >> VGW_FO_LEEWAY_SHIFT;
	struct vgw_fo_input in;
	unsigned int i;
	u64 least;

	KUNIT_EXPECT_EQ(test, vgw_fo_leeway(t), 0);
	fo_up(f, 0);
	for (i = 0; i < ARRAY_SIZE(randoms); i++) {
		in = (struct vgw_fo_input){
			.event = VGW_FO_REPLY, .now = f->now, .rtt = MS, .random = randoms[i],
		};
		vgw_fo_event(&f->fo, &in, &f->act);
		least = (SEC - leeway) / 4 * 3;
		KUNIT_EXPECT_EQ(test, vgw_fo_leeway(t), leeway);
		KUNIT_EXPECT_GE(test, t->timer, f->now + least);
		KUNIT_EXPECT_LE(test, t->timer + leeway, f->now + SEC);
		KUNIT_EXPECT_EQ(test, t->timer == f->now + SEC - leeway, !randoms[i]);

		f->now = t->timer;
		in.event = VGW_FO_TICK;
		in.now = f->now;
		in.random = 0;
		vgw_fo_event(&f->fo, &in, &f->act);
		KUNIT_EXPECT_TRUE(test, f->act.probe);
		KUNIT_EXPECT_EQ_MSG(test, vgw_fo_leeway(t), 0, "the answer is waited for");
	}
	/* Nothing is due yet: a configuration that changes does not make it ask. */
	fo_reply(f, 0, MS);
	fo_sleep(f, MS);
	fo_do(f, 0, VGW_FO_CONFIG);
	fo_due(f, 0, 0);
	KUNIT_EXPECT_FALSE(test, f->act.probe);
	fo_due(f, 0, 0);
	KUNIT_EXPECT_TRUE(test, f->act.probe);
	while (t->state != VGW_STATE_DOWN) {
		KUNIT_EXPECT_EQ(test, vgw_fo_leeway(t), 0);
		fo_due(f, 0, 0);
	}
	KUNIT_EXPECT_EQ(test, vgw_fo_leeway(t), 0);
	for (i = 0; i < 2; i++) {
		f = fo_new(test, 1, i ? VGW_KEEPALIVE_PASSIVE : VGW_KEEPALIVE_OFF, SEC, 3);
		fo_up(f, 0);
		KUNIT_EXPECT_EQ(test, vgw_fo_leeway(&f->fo.tunnels[0]), 0);
	}
}

static void rtt_is_smoothed(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 1, VGW_KEEPALIVE_ACTIVE, SEC, 3);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	unsigned int i;

	fo_up(f, 0);
	t->srtt = 0;
	fo_reply(f, 0, 80 * MS);
	KUNIT_EXPECT_EQ(test, t->srtt, 80 * MS);
	fo_reply(f, 0, 160 * MS);
	KUNIT_EXPECT_EQ(test, t->srtt, 90 * MS);
	for (i = 0; i < 100; i++)
		fo_reply(f, 0, 8 * MS);
	KUNIT_EXPECT_LT(test, t->srtt, 9 * MS);

	/* One answer that was held up has the next judgements wait no longer than that. */
	t->srtt = 0;
	fo_reply(f, 0, 3 * SEC);
	for (i = 0; i < 8; i++)
		fo_reply(f, 0, 10 * MS);
	KUNIT_EXPECT_LT(test, t->srtt, 25 * MS);
	fo_do(f, 0, VGW_FO_PATH_LOST);
	KUNIT_EXPECT_EQ(test, t->srtt, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(silence_is_found_within_the_bound),
	KUNIT_CASE(silence_after_traffic_is_found_within_the_bound),
	KUNIT_CASE(living_far_end_is_never_down),
	KUNIT_CASE(late_timers_are_not_the_peers_fault),
	KUNIT_CASE(late_timers_take_no_living_tunnel_down),
	KUNIT_CASE(early_ticks_change_nothing),
	KUNIT_CASE(unsent_keepalives_are_not_held_against_the_peer),
	KUNIT_CASE(idle_tunnels_ask_at_least_once_an_interval),
	KUNIT_CASE(tunnels_that_hear_traffic_ask_nothing),
	KUNIT_CASE(down_tunnels_go_on_asking),
	KUNIT_CASE(lost_sa_asks_the_ike_daemon_at_once_then_once_a_second),
	KUNIT_CASE(lost_path_is_looked_for_without_keepalives),
	KUNIT_CASE(silence_is_judged_a_round_trip_late),
	KUNIT_CASE(suspect_tunnels_are_asked_three_times_as_often),
	KUNIT_CASE(always_asks_whatever_is_heard),
	KUNIT_CASE(idle_tunnels_tick_once_an_interval),
	KUNIT_CASE(rtt_is_smoothed),
	{}
};

struct kunit_suite vgw_detect_suite = {
	.name = "vgw_detect",
	.test_cases = cases,
};
