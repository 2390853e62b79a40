// SPDX-License-Identifier: GPL-2.0
/* Which tunnel is active: preference, delays, by hand, passive and off. */

#include "fo_test.h"

static struct fo_test *pair(struct kunit *test, u64 revert)
{
	struct fo_test *f = fo_new(test, 2, VGW_KEEPALIVE_OFF, SEC, 3);

	f->fo.revert = revert;
	f->fo.tunnels[0].preference = 1;
	fo_up(f, 0);
	fo_up(f, 1);
	KUNIT_ASSERT_EQ(test, f->fo.active, 0);
	return f;
}

/* Tunnel 0 goes and is back @gone later. */
static void flap(struct fo_test *f, u64 gone)
{
	fo_do(f, 0, VGW_FO_SA_DELETED);
	KUNIT_EXPECT_EQ(f->test, f->fo.active, 1);
	KUNIT_EXPECT_TRUE(f->test, f->act.switched);
	KUNIT_EXPECT_EQ(f->test, f->act.reason, VGW_REASON_SA_DELETED);
	fo_sleep(f, gone);
	fo_do(f, 0, VGW_FO_SA_USABLE);
	KUNIT_EXPECT_EQ(f->test, f->fo.active, 1);
}

static void first_usable_becomes_active(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 2, VGW_KEEPALIVE_OFF, SEC, 3);

	f->fo.tunnels[0].preference = 5;
	fo_up(f, 1);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_TRUE(test, f->act.switched);
	KUNIT_EXPECT_EQ(test, f->act.old_active, -1);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_ONLY_USABLE);
	KUNIT_EXPECT_EQ(test, f->fo.switches, 0);
}

static void equal_preference_leaves_the_active_one(struct kunit *test)
{
	struct fo_test *f = pair(test, 0);

	f->fo.tunnels[0].preference = 0;
	fo_do(f, 0, VGW_FO_CONFIG);
	fo_do(f, 0, VGW_FO_SA_DELETED);
	fo_sleep(f, SEC);
	fo_do(f, 0, VGW_FO_SA_USABLE);
	fo_sleep(f, 3600 * SEC);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_EQ(test, f->fo.timer, 0);
}

static void preferred_tunnel_waits_for_the_revert_delay(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_sleep(f, 3600 * SEC);
	flap(f, SEC);
	/* The hour before it is no flap. */
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[0].flaps, 0);
	KUNIT_EXPECT_EQ(test, f->fo.timer, f->now + 10 * SEC);
	KUNIT_EXPECT_TRUE(test, f->act.rearm);
	fo_sleep(f, 10 * SEC - 1);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	fo_sleep(f, 1);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_PREFERENCE);
	KUNIT_EXPECT_EQ(test, f->fo.switch_reason, VGW_REASON_PREFERENCE);
	KUNIT_EXPECT_EQ(test, f->fo.switch_from, 1);
	KUNIT_EXPECT_EQ(test, f->fo.switch_at, f->now);
	KUNIT_EXPECT_EQ(test, f->fo.switches, 2);
	KUNIT_EXPECT_EQ(test, f->fo.timer, 0);
}

static void no_delay_reverts_at_once(struct kunit *test)
{
	struct fo_test *f = pair(test, 0);

	fo_do(f, 0, VGW_FO_SA_DELETED);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	fo_do(f, 0, VGW_FO_SA_USABLE);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_PREFERENCE);
}

static void never_stays_until_the_active_one_fails(struct kunit *test)
{
	struct fo_test *f = pair(test, U64_MAX);

	flap(f, SEC);
	KUNIT_EXPECT_EQ(test, f->fo.timer, 0);
	fo_sleep(f, 86400 * SEC);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	fo_do(f, 1, VGW_FO_PATH_LOST);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_PATH_LOST);
}

static void flaps_double_the_delay_up_to_a_bound(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	u64 want = 10 * SEC;
	unsigned int i;

	fo_sleep(f, 3600 * SEC);
	flap(f, SEC);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ_MSG(test, vgw_fo_hold(&f->fo, t), want, "flap %u", i);
		KUNIT_EXPECT_EQ(test, f->fo.timer, f->now + want);
		fo_sleep(f, SEC);
		fo_do(f, 0, VGW_FO_SA_DELETED);
		fo_sleep(f, SEC);
		fo_do(f, 0, VGW_FO_SA_USABLE);
		KUNIT_EXPECT_EQ(test, f->fo.active, 1);
		if (i < VGW_FO_MAX_FLAPS)
			want *= 2;
	}
	KUNIT_EXPECT_EQ(test, want, 10 * SEC << VGW_FO_MAX_FLAPS);

	/* It keeps its word in the end, and a long good time is forgiven. */
	fo_sleep(f, want - 1);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	fo_sleep(f, 1);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	fo_sleep(f, want);
	flap(f, SEC);
	KUNIT_EXPECT_EQ(test, vgw_fo_hold(&f->fo, t), 10 * SEC);
}

static void administrators_do_not_flap(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		fo_do(f, 0, VGW_FO_DEV_DOWN);
		fo_sleep(f, SEC);
		fo_do(f, 0, VGW_FO_DEV_UP);
		fo_sleep(f, SEC);
	}
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[0].flaps, 0);
}

static void chosen_by_hand_sticks(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_do(f, 1, VGW_FO_SWITCH);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_TRUE(test, f->act.switched);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_BY_HAND);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand, 1);
	fo_sleep(f, 86400 * SEC);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_EQ(test, f->fo.timer, 0);

	/* Until it fails: then preference rules again. */
	fo_do(f, 1, VGW_FO_SA_EXPIRED);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_SA_EXPIRED);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand, -1);
	fo_do(f, 1, VGW_FO_SA_USABLE);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
}

static void chosen_by_hand_again_is_no_switch(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_do(f, 0, VGW_FO_SWITCH);
	KUNIT_EXPECT_FALSE(test, f->act.switched);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand, 0);
	fo_do(f, 1, VGW_FO_SWITCH);
	fo_do(f, 0, VGW_FO_SWITCH);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->fo.switches, 2);
}

static void unusable_cannot_be_chosen_by_hand(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_do(f, 1, VGW_FO_DRAIN);
	fo_do(f, 1, VGW_FO_SWITCH);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand, -1);
}

static void drained_tunnel_leaves_the_choice_and_stays_alive(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_do(f, 0, VGW_FO_DRAIN);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_DRAIN);
	KUNIT_EXPECT_TRUE(test, vgw_fo_carrier(&f->fo.tunnels[0]));
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[0].state, VGW_STATE_UP);
	/* Not even when it is the last. */
	fo_do(f, 1, VGW_FO_PATH_LOST);
	KUNIT_EXPECT_EQ(test, f->fo.active, -1);
	fo_do(f, 0, VGW_FO_UNDRAIN);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_ONLY_USABLE);
}

static void draining_ends_what_was_chosen_by_hand(struct kunit *test)
{
	struct fo_test *f = pair(test, 10 * SEC);

	fo_do(f, 1, VGW_FO_SWITCH);
	fo_do(f, 1, VGW_FO_DRAIN);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand, -1);
	fo_do(f, 1, VGW_FO_UNDRAIN);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
}

static void switch_tells_the_age_of_the_last_proof(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 2, VGW_KEEPALIVE_ACTIVE, SEC, 3);

	fo_up(f, 0);
	fo_up(f, 1);
	f->fo.tunnels[0].proof = f->now;
	fo_sleep(f, 123 * MS);
	fo_do(f, 0, VGW_FO_SA_DELETED);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
	KUNIT_EXPECT_EQ(test, f->act.proof_age, 123 * MS);
	KUNIT_EXPECT_EQ(test, f->fo.switch_proof, 123 * MS);
}

static void preference_among_eight(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 8, VGW_KEEPALIVE_OFF, SEC, 3);
	unsigned int i;

	f->fo.revert = 0;
	for (i = 0; i < 8; i++) {
		f->fo.tunnels[i].preference = (i * 3) % 8;
		fo_up(f, i);
	}
	/* Preferences 7 down to 0 are at 5, 2, 7, 4, 1, 6, 3, 0. */
	for (i = 0; i < 8; i++) {
		static const int order[] = { 5, 2, 7, 4, 1, 6, 3, 0 };

		KUNIT_EXPECT_EQ(test, f->fo.active, order[i]);
		fo_do(f, order[i], VGW_FO_SA_DELETED);
	}
	KUNIT_EXPECT_EQ(test, f->fo.active, -1);
	KUNIT_EXPECT_TRUE(test, f->act.switched);
}

/* ------------------------------------------------------------------------
 * Passive and off
 */

static struct fo_test *passive_pair(struct kunit *test)
{
	struct fo_test *f = fo_new(test, 2, VGW_KEEPALIVE_PASSIVE, SEC, 3);

	f->fo.tunnels[0].preference = 1;
	fo_up(f, 0);
	fo_up(f, 1);
	KUNIT_ASSERT_EQ(test, f->fo.active, 0);
	return f;
}

static void passive_silence_ranks_lower_and_never_down(struct kunit *test)
{
	struct fo_test *f = passive_pair(test);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	unsigned int i;

	for (i = 1; i <= 20; i++) {
		f->now = t->timer;
		fo_tick(f, 0, 0, f->now - MS);
		KUNIT_EXPECT_FALSE(test, f->act.probe);
		KUNIT_EXPECT_EQ(test, t->state,
				i < 3 ? VGW_STATE_UP : VGW_STATE_SUSPECT);
		KUNIT_EXPECT_TRUE(test, vgw_fo_carrier(t));
		KUNIT_EXPECT_EQ(test, f->fo.active, i < 3 ? 0 : 1);
		if (i == 3)
			KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_SILENCE);
	}

	/* The other falls silent as well: no reason to go back and forth. */
	for (i = 1; i <= 20; i++) {
		f->now = max(f->now, f->fo.tunnels[1].timer);
		fo_tick(f, 1, 0, f->now - MS);
	}
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[1].state, VGW_STATE_SUSPECT);
	KUNIT_EXPECT_GE(test, f->fo.active, 0);
}

static void passive_tunnel_that_sends_nothing_is_not_suspected(struct kunit *test)
{
	struct fo_test *f = passive_pair(test);
	unsigned int i;

	for (i = 0; i < 100; i++)
		fo_due(f, 1, 0);
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[1].state, VGW_STATE_UP);
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[1].missed, 0);
}

static void passive_tunnel_heard_again_waits_for_the_revert_delay(struct kunit *test)
{
	struct fo_test *f = passive_pair(test);

	passive_silence(f, 3);
	KUNIT_ASSERT_EQ(test, f->fo.active, 1);
	f->now = f->fo.tunnels[0].timer;
	fo_tick(f, 0, f->now - MS, f->now - 2 * MS);
	KUNIT_EXPECT_EQ(test, f->fo.tunnels[0].state, VGW_STATE_UP);
	KUNIT_EXPECT_EQ_MSG(test, f->fo.active, 1, "one packet is no recovery");
	KUNIT_EXPECT_GT(test, f->fo.timer, f->now);
	fo_sleep(f, f->fo.timer - f->now);
	fo_do(f, 0, VGW_FO_REVERT);
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	KUNIT_EXPECT_EQ(test, f->act.reason, VGW_REASON_PREFERENCE);
}

static void off_is_judged_by_local_facts_alone(struct kunit *test)
{
	struct fo_test *f = pair(test, 0);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		fo_sleep(f, SEC);
		fo_tick(f, 0, 0, f->now - 1);
		KUNIT_EXPECT_FALSE(test, f->act.probe);
		KUNIT_EXPECT_EQ(test, f->fo.tunnels[0].state, VGW_STATE_UP);
	}
	KUNIT_EXPECT_EQ(test, f->fo.active, 0);
	fo_do(f, 0, VGW_FO_PATH_LOST);
	KUNIT_EXPECT_EQ(test, f->fo.active, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_usable_becomes_active),
	KUNIT_CASE(equal_preference_leaves_the_active_one),
	KUNIT_CASE(preferred_tunnel_waits_for_the_revert_delay),
	KUNIT_CASE(no_delay_reverts_at_once),
	KUNIT_CASE(never_stays_until_the_active_one_fails),
	KUNIT_CASE(flaps_double_the_delay_up_to_a_bound),
	KUNIT_CASE(administrators_do_not_flap),
	KUNIT_CASE(chosen_by_hand_sticks),
	KUNIT_CASE(chosen_by_hand_again_is_no_switch),
	KUNIT_CASE(unusable_cannot_be_chosen_by_hand),
	KUNIT_CASE(drained_tunnel_leaves_the_choice_and_stays_alive),
	KUNIT_CASE(draining_ends_what_was_chosen_by_hand),
	KUNIT_CASE(switch_tells_the_age_of_the_last_proof),
	KUNIT_CASE(preference_among_eight),
	KUNIT_CASE(passive_silence_ranks_lower_and_never_down),
	KUNIT_CASE(passive_tunnel_that_sends_nothing_is_not_suspected),
	KUNIT_CASE(passive_tunnel_heard_again_waits_for_the_revert_delay),
	KUNIT_CASE(off_is_judged_by_local_facts_alone),
	{}
};

struct kunit_suite vgw_choice_suite = {
	.name = "vgw_choice",
	.test_cases = cases,
};
