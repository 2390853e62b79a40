// SPDX-License-Identifier: GPL-2.0
/* The failover state machine: every event in every state. */

#include "fo_test.h"

/* The columns of the tables below. */
static const struct column {
	const char *name;
	enum vgw_fo_event event;
	enum vgw_reason reason;		/* of a change of state */
} columns[] = {
	{ "dev up", VGW_FO_DEV_UP, VGW_REASON_ADMIN },
	{ "dev down", VGW_FO_DEV_DOWN, VGW_REASON_ADMIN },
	{ "sa usable", VGW_FO_SA_USABLE, VGW_REASON_SA_ADDED },
	{ "sa deleted", VGW_FO_SA_DELETED, VGW_REASON_SA_DELETED },
	{ "sa expired", VGW_FO_SA_EXPIRED, VGW_REASON_SA_EXPIRED },
	{ "policy lost", VGW_FO_POLICY_LOST, VGW_REASON_POLICY_LOST },
	{ "path found", VGW_FO_PATH_FOUND, VGW_REASON_PATH_FOUND },
	{ "path lost", VGW_FO_PATH_LOST, VGW_REASON_PATH_LOST },
	{ "reply", VGW_FO_REPLY, VGW_REASON_KEEPALIVE_ANSWERED },
	{ "unsent", VGW_FO_UNSENT, VGW_REASON_NONE },
	{ "tick", VGW_FO_TICK, VGW_REASON_KEEPALIVE_MISSED },
	{ "tick, heard", VGW_FO_TICK, VGW_REASON_TRAFFIC },
	{ "tick, late", VGW_FO_TICK, VGW_REASON_NONE },
	{ "config", VGW_FO_CONFIG, VGW_REASON_NONE },
	{ "drain", VGW_FO_DRAIN, VGW_REASON_NONE },
	{ "undrain", VGW_FO_UNDRAIN, VGW_REASON_NONE },
	{ "switch", VGW_FO_SWITCH, VGW_REASON_NONE },
	{ "revert", VGW_FO_REVERT, VGW_REASON_NONE },
};

#define HEARD	11
#define LATE	12

/*
 * The specification. The letter is the state after the event: Disabled, No-sa,
 * Probing, Up, Suspect, X down. "!" means that a keepalive is sent.
 */
struct row {
	enum where from;
	const char *to;
};

static const struct row active_rows[] = {
/*        up dn SU SD SE PL PF XL RE UN T  Th Tl CF DR UD SW RV */
	{ D00, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D01, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D10, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D11, "P  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ N00, "N  D  N  N  N  N  N  N  N  N  N! N! N! N  N  N  N  N " },
	{ N01, "N  D  P  N  N  N  N  N  N  N  N! N! N! N  N  N  N  N " },
	{ N10, "N  D  N  N  N  N  P  N  N  N  N! N! N! N  N  N  N  N " },
	{ P0,  "P  D  P  N  N  N  P  N  U  P  P! P! P! P  P  P  P  P " },
	{ P2,  "P  D  P  N  N  N  P  N  U  P  X! X! P! P  P  P  P  P " },
	{ UQ,  "U  D  U  N  N  N  U  N  U  U  U! U  U! U  U  U  U  U " },
	{ U1,  "U  D  U  N  N  N  U  N  U  U  S! S! U! U  U  U  U  U " },
	{ S1,  "S  D  S  N  N  N  S  N  U  S  S! S! S! S  S  S  S  S " },
	{ S2,  "S  D  S  N  N  N  S  N  U  S  X! X! S! S  S  S  S  S " },
	{ XX,  "X  D  X  N  N  N  X  N  U  X  X! X! X! X  X  X  X  X " },
};

static const struct row passive_rows[] = {
/*        up dn SU SD SE PL PF XL RE UN T  Th Tl CF DR UD SW RV */
	{ D00, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D01, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D10, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D11, "U  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ N00, "N  D  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N " },
	{ N01, "N  D  U  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N " },
	{ N10, "N  D  N  N  N  N  U  N  N  N  N  N  N  N  N  N  N  N " },
	{ UQ,  "U  D  U  N  N  N  U  N  U  U  U  U  U  U  U  U  U  U " },
	{ U1,  "U  D  U  N  N  N  U  N  U  U  S  U  S  U  U  U  U  U " },
	{ S1,  "S  D  S  N  N  N  S  N  U  S  S  U  S  S  S  S  S  S " },
};

static const struct row off_rows[] = {
/*        up dn SU SD SE PL PF XL RE UN T  Th Tl CF DR UD SW RV */
	{ D00, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D01, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D10, "N  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ D11, "U  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D  D " },
	{ N00, "N  D  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N " },
	{ N01, "N  D  U  N  N  N  N  N  N  N  N  N  N  N  N  N  N  N " },
	{ N10, "N  D  N  N  N  N  U  N  N  N  N  N  N  N  N  N  N  N " },
	{ UQ,  "U  D  U  N  N  N  U  N  U  U  U  U  U  U  U  U  U  U " },
};

static enum vgw_state letter_state(char c)
{
	switch (c) {
	case 'D': return VGW_STATE_DISABLED;
	case 'N': return VGW_STATE_NO_SA;
	case 'P': return VGW_STATE_PROBING;
	case 'U': return VGW_STATE_UP;
	case 'S': return VGW_STATE_SUSPECT;
	default:  return VGW_STATE_DOWN;
	}
}

static void check_cell(struct kunit *test, enum vgw_keepalive keepalive,
		       const struct row *row, unsigned int c)
{
	struct fo_test *f = fo_go(test, keepalive, row->from);
	struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
	enum vgw_state want = letter_state(row->to[3 * c]);
	bool probe = row->to[3 * c + 1] == '!';
	enum vgw_reason reason = columns[c].reason;
	enum vgw_state old = t->state;
	struct vgw_fo_tunnel before = *t;

	switch (columns[c].event) {
	case VGW_FO_TICK:
		if (t->timer)
			f->now = t->timer;
		else
			fo_sleep(f, TABLE_INTERVAL);
		if (c == LATE)
			fo_sleep(f, TABLE_INTERVAL);
		fo_tick(f, 0, c == HEARD ? f->now - MS : 0, f->now - 2 * MS);
		if (keepalive == VGW_KEEPALIVE_PASSIVE && c != HEARD)
			reason = VGW_REASON_SILENCE;
		else if (keepalive == VGW_KEEPALIVE_ACTIVE)
			reason = VGW_REASON_KEEPALIVE_MISSED;
		break;
	case VGW_FO_REPLY:
		fo_sleep(f, MS);
		fo_reply(f, 0, MS);
		break;
	default:
		fo_sleep(f, MS);
		fo_do(f, 0, columns[c].event);
	}

	KUNIT_EXPECT_EQ_MSG(test, t->state, want, "mode %d place %d, %s",
			    keepalive, row->from, columns[c].name);
	KUNIT_EXPECT_EQ_MSG(test, f->act.probe, probe, "mode %d place %d, %s",
			    keepalive, row->from, columns[c].name);
	KUNIT_EXPECT_EQ_MSG(test, f->act.changed, want != old, "mode %d place %d, %s",
			    keepalive, row->from, columns[c].name);
	KUNIT_EXPECT_EQ(test, f->act.old_state, old);
	if (want != old) {
		KUNIT_EXPECT_EQ_MSG(test, t->reason, reason, "mode %d place %d, %s",
				    keepalive, row->from, columns[c].name);
		KUNIT_EXPECT_EQ(test, t->since, f->now);
	} else {
		KUNIT_EXPECT_EQ_MSG(test, t->since, before.since,
				    "mode %d place %d, %s: since",
				    keepalive, row->from, columns[c].name);
	}

	/* What else the state says. */
	KUNIT_EXPECT_EQ(test, vgw_fo_carrier(t),
			want == VGW_STATE_UP || want == VGW_STATE_SUSPECT);
	KUNIT_EXPECT_EQ(test, vgw_fo_usable(t),
			(want == VGW_STATE_UP || want == VGW_STATE_SUSPECT) &&
			columns[c].event != VGW_FO_DRAIN);
	KUNIT_EXPECT_EQ_MSG(test, f->fo.active, vgw_fo_usable(t) ? 0 : -1,
			    "mode %d place %d, %s", keepalive, row->from, columns[c].name);
	KUNIT_EXPECT_EQ(test, f->fo.by_hand,
			columns[c].event == VGW_FO_SWITCH && vgw_fo_usable(t) ? 0 : -1);
	KUNIT_EXPECT_EQ_MSG(test, !!t->timer, fo_wants_timer(t), "mode %d place %d, %s: timer",
			    keepalive, row->from, columns[c].name);
	if (columns[c].event == VGW_FO_TICK && before.timer) {
		KUNIT_EXPECT_GT(test, t->timer, f->now);
		KUNIT_EXPECT_TRUE(test, f->act.rearm);
	}
}

static void check_table(struct kunit *test, enum vgw_keepalive keepalive,
			const struct row *rows, unsigned int n)
{
	unsigned int r, c;

	for (r = 0; r < n; r++) {
		KUNIT_ASSERT_GE(test, strlen(rows[r].to), 3 * ARRAY_SIZE(columns) - 1);
		for (c = 0; c < ARRAY_SIZE(columns); c++)
			check_cell(test, keepalive, &rows[r], c);
	}
}

static void every_event_in_every_state_active(struct kunit *test)
{
	bool seen[VGW_FO_EVENTS] = {};
	unsigned int c;

	for (c = 0; c < ARRAY_SIZE(columns); c++)
		seen[columns[c].event] = true;
	for (c = 0; c < VGW_FO_EVENTS; c++)
		KUNIT_EXPECT_TRUE_MSG(test, seen[c], "event %u has no column", c);
	check_table(test, VGW_KEEPALIVE_ACTIVE, active_rows, ARRAY_SIZE(active_rows));
}

static void every_event_in_every_state_passive(struct kunit *test)
{
	check_table(test, VGW_KEEPALIVE_PASSIVE, passive_rows, ARRAY_SIZE(passive_rows));
}

static void every_event_in_every_state_off(struct kunit *test)
{
	check_table(test, VGW_KEEPALIVE_OFF, off_rows, ARRAY_SIZE(off_rows));
}

static void keepalive_mode_changes_while_running(struct kunit *test)
{
	static const struct {
		enum vgw_keepalive old;
		enum where from;
		enum vgw_keepalive new;
		enum vgw_state to;
	} rows[] = {
		{ VGW_KEEPALIVE_ACTIVE, D11, VGW_KEEPALIVE_OFF, VGW_STATE_DISABLED },
		{ VGW_KEEPALIVE_ACTIVE, N01, VGW_KEEPALIVE_OFF, VGW_STATE_NO_SA },
		{ VGW_KEEPALIVE_ACTIVE, P0, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, UQ, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, S1, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, XX, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, D11, VGW_KEEPALIVE_PASSIVE, VGW_STATE_DISABLED },
		{ VGW_KEEPALIVE_ACTIVE, N10, VGW_KEEPALIVE_PASSIVE, VGW_STATE_NO_SA },
		{ VGW_KEEPALIVE_ACTIVE, P2, VGW_KEEPALIVE_PASSIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, U1, VGW_KEEPALIVE_PASSIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_ACTIVE, S2, VGW_KEEPALIVE_PASSIVE, VGW_STATE_SUSPECT },
		{ VGW_KEEPALIVE_ACTIVE, XX, VGW_KEEPALIVE_PASSIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_PASSIVE, D11, VGW_KEEPALIVE_ACTIVE, VGW_STATE_DISABLED },
		{ VGW_KEEPALIVE_PASSIVE, N01, VGW_KEEPALIVE_ACTIVE, VGW_STATE_NO_SA },
		{ VGW_KEEPALIVE_PASSIVE, UQ, VGW_KEEPALIVE_ACTIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_PASSIVE, S1, VGW_KEEPALIVE_ACTIVE, VGW_STATE_SUSPECT },
		{ VGW_KEEPALIVE_PASSIVE, S1, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_PASSIVE, UQ, VGW_KEEPALIVE_OFF, VGW_STATE_UP },
		{ VGW_KEEPALIVE_OFF, UQ, VGW_KEEPALIVE_ACTIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_OFF, UQ, VGW_KEEPALIVE_PASSIVE, VGW_STATE_UP },
		{ VGW_KEEPALIVE_OFF, N00, VGW_KEEPALIVE_ACTIVE, VGW_STATE_NO_SA },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fo_test *f = fo_go(test, rows[i].old, rows[i].from);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];

		fo_sleep(f, MS);
		t->keepalive = rows[i].new;
		fo_do(f, 0, VGW_FO_CONFIG);
		KUNIT_EXPECT_EQ_MSG(test, t->state, rows[i].to, "row %u", i);
		KUNIT_EXPECT_EQ_MSG(test, !!t->timer, fo_wants_timer(t), "row %u", i);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_event_in_every_state_active),
	KUNIT_CASE(every_event_in_every_state_passive),
	KUNIT_CASE(every_event_in_every_state_off),
	KUNIT_CASE(keepalive_mode_changes_while_running),
	{}
};

struct kunit_suite vgw_states_suite = {
	.name = "vgw_states",
	.test_cases = cases,
};
