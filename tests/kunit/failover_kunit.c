// SPDX-License-Identifier: GPL-2.0
/*
 * The failover state machine against its specification: every transition, what
 * must hold after any sequence of events, and the promised times.
 */

#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "failover.h"
#include "vgw_kunit.h"

#define MS	1000000ULL
#define SEC	(1000 * MS)

/* Far from 0, which means "never". */
#define START	(3600 * SEC)

struct fo_test {
	struct kunit *test;
	struct vgw_fo fo;
	struct vgw_fo_actions act;
	u64 now;
};

static void fo_do(struct fo_test *f, unsigned int tunnel, enum vgw_fo_event event)
{
	struct vgw_fo_input in = { .event = event, .tunnel = tunnel, .now = f->now };

	vgw_fo_event(&f->fo, &in, &f->act);
}

static void fo_reply(struct fo_test *f, unsigned int tunnel, u64 rtt)
{
	struct vgw_fo_input in = {
		.event = VGW_FO_REPLY, .tunnel = tunnel, .now = f->now, .rtt = rtt,
	};

	vgw_fo_event(&f->fo, &in, &f->act);
}

static void fo_tick(struct fo_test *f, unsigned int tunnel, u64 heard, u64 sent)
{
	struct vgw_fo_input in = {
		.event = VGW_FO_TICK, .tunnel = tunnel, .now = f->now,
		.heard = heard, .sent = sent,
	};

	vgw_fo_event(&f->fo, &in, &f->act);
}

/* The tunnel's timer fires when it is due. */
static void fo_due(struct fo_test *f, unsigned int tunnel, u64 heard)
{
	if (f->fo.tunnels[tunnel].timer > f->now)
		f->now = f->fo.tunnels[tunnel].timer;
	fo_tick(f, tunnel, heard, 0);
}

static struct fo_test *fo_new(struct kunit *test, unsigned int n,
			      enum vgw_keepalive keepalive, u64 interval,
			      unsigned int misses)
{
	struct fo_test *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->now = START;
	vgw_fo_init(&f->fo, n, f->now);
	f->fo.revert = 10 * SEC;
	for (i = 0; i < n; i++) {
		f->fo.tunnels[i].keepalive = keepalive;
		f->fo.tunnels[i].interval = interval;
		f->fo.tunnels[i].misses = misses;
		fo_do(f, i, VGW_FO_CONFIG);
	}
	return f;
}

/* From disabled to where the tunnel carries traffic. */
static void fo_up(struct fo_test *f, unsigned int tunnel)
{
	fo_do(f, tunnel, VGW_FO_DEV_UP);
	fo_do(f, tunnel, VGW_FO_PATH_FOUND);
	fo_do(f, tunnel, VGW_FO_SA_USABLE);
	if (f->fo.tunnels[tunnel].keepalive == VGW_KEEPALIVE_ACTIVE) {
		fo_due(f, tunnel, 0);
		fo_reply(f, tunnel, 0);
	}
	KUNIT_ASSERT_EQ(f->test, f->fo.tunnels[tunnel].state, VGW_STATE_UP);
}

/* Time passes; timers that become due on the way do not fire. */
static void fo_sleep(struct fo_test *f, u64 ns)
{
	f->now += ns;
}

/* ------------------------------------------------------------------------
 * Every state and event
 */

/* Where a tunnel can be, with what lies behind the state. */
enum where {
	D00, D01, D10, D11,	/* disabled; SA, path */
	N00, N01, N10,		/* no-sa; SA, path */
	P0,			/* probing, a keepalive outstanding */
	P2,			/* probing, one miss before down */
	UQ,			/* up, nothing outstanding */
	U1,			/* up, a keepalive outstanding (passive: one miss before suspect) */
	S1,			/* suspect by one miss, the next outstanding */
	S2,			/* suspect, one miss before down */
	XX,			/* down, a keepalive outstanding */
};

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

static enum vgw_state where_state(enum where w)
{
	switch (w) {
	case D00: case D01: case D10: case D11: return VGW_STATE_DISABLED;
	case N00: case N01: case N10: return VGW_STATE_NO_SA;
	case P0: case P2: return VGW_STATE_PROBING;
	case UQ: case U1: return VGW_STATE_UP;
	case S1: case S2: return VGW_STATE_SUSPECT;
	default: return VGW_STATE_DOWN;
	}
}

#define TABLE_INTERVAL	SEC
#define TABLE_MISSES	3
#define TABLE_ASKED	7	/* 3 * (TABLE_MISSES - 1) + 1 */

/* Packets leave and none comes back for @n passive intervals. */
static void passive_silence(struct fo_test *f, unsigned int n)
{
	while (n--) {
		f->now = f->fo.tunnels[0].timer;
		fo_tick(f, 0, 0, f->now - MS);
	}
}

static struct fo_test *go(struct kunit *test, enum vgw_keepalive keepalive, enum where w)
{
	struct fo_test *f = fo_new(test, 1, keepalive, TABLE_INTERVAL, TABLE_MISSES);
	bool sa = w != D00 && w != D01 && w != N00 && w != N01;
	bool path = w != D00 && w != D10 && w != N00 && w != N10;
	unsigned int i;

	fo_do(f, 0, sa ? VGW_FO_SA_USABLE : VGW_FO_SA_DELETED);
	fo_do(f, 0, path ? VGW_FO_PATH_FOUND : VGW_FO_PATH_LOST);
	fo_sleep(f, 5 * MS);
	if (w > D11)
		fo_do(f, 0, VGW_FO_DEV_UP);

	if (keepalive == VGW_KEEPALIVE_PASSIVE) {
		if (w == U1)
			passive_silence(f, TABLE_MISSES - 1);
		if (w == S1)
			passive_silence(f, TABLE_MISSES);
	} else if (keepalive == VGW_KEEPALIVE_ACTIVE && w >= P0) {
		fo_due(f, 0, 0);
		fo_sleep(f, 7 * MS);
		switch (w) {
		case P0:
			break;
		case P2:
			for (i = 0; i < TABLE_ASKED - 1; i++)
				fo_due(f, 0, 0);
			break;
		case UQ:
			fo_reply(f, 0, 0);
			break;
		case U1: case S1: case S2: case XX:
			fo_reply(f, 0, 0);
			fo_due(f, 0, 0);
			if (w >= S1)
				fo_due(f, 0, 0);
			for (i = 0; w >= S2 && i < TABLE_ASKED - 2; i++)
				fo_due(f, 0, 0);
			if (w == XX)
				fo_due(f, 0, 0);
			break;
		default:
			break;
		}
	}
	KUNIT_ASSERT_EQ_MSG(test, f->fo.tunnels[0].state, where_state(w),
			    "mode %d place %d was not reached", keepalive, w);
	return f;
}

static void check_cell(struct kunit *test, enum vgw_keepalive keepalive,
		       const struct row *row, unsigned int c)
{
	struct fo_test *f = go(test, keepalive, row->from);
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
	switch (keepalive) {
	case VGW_KEEPALIVE_ACTIVE:
		KUNIT_EXPECT_EQ_MSG(test, !!t->timer, want != VGW_STATE_DISABLED,
				    "mode %d place %d, %s: timer",
				    keepalive, row->from, columns[c].name);
		break;
	case VGW_KEEPALIVE_PASSIVE:
		KUNIT_EXPECT_EQ_MSG(test, !!t->timer, vgw_fo_carrier(t),
				    "mode %d place %d, %s: timer",
				    keepalive, row->from, columns[c].name);
		break;
	default:
		KUNIT_EXPECT_EQ(test, t->timer, 0);
		break;
	}
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
		struct fo_test *f = go(test, rows[i].old, rows[i].from);
		struct vgw_fo_tunnel *t = &f->fo.tunnels[0];
		bool timer = false;

		fo_sleep(f, MS);
		t->keepalive = rows[i].new;
		fo_do(f, 0, VGW_FO_CONFIG);
		KUNIT_EXPECT_EQ_MSG(test, t->state, rows[i].to, "row %u", i);
		if (rows[i].new == VGW_KEEPALIVE_ACTIVE)
			timer = rows[i].to != VGW_STATE_DISABLED;
		else if (rows[i].new == VGW_KEEPALIVE_PASSIVE)
			timer = vgw_fo_carrier(t);
		KUNIT_EXPECT_EQ_MSG(test, !!t->timer, timer, "row %u", i);
	}
}

/* ------------------------------------------------------------------------
 * What holds after every event
 */

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
	unsigned int i;

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
		if (t->state == VGW_STATE_DISABLED || t->keepalive == VGW_KEEPALIVE_OFF)
			HOLDS(w, !t->timer);
		else if (t->keepalive == VGW_KEEPALIVE_ACTIVE)
			HOLDS(w, t->timer);
		else
			HOLDS(w, !!t->timer == (t->state == VGW_STATE_UP ||
						t->state == VGW_STATE_SUSPECT));
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
				 e->keepalive == VGW_KEEPALIVE_ACTIVE));
	HOLDS(w, !act->missed || in->event == VGW_FO_TICK);
	HOLDS(w, fo->switches == old->switches +
		 (act->switched && old->active >= 0 && fo->active >= 0));
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
		t->keepalive = rnd(w, 3);
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
				t->keepalive = rnd(w, 3);
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

/* ------------------------------------------------------------------------
 * Detection, on a link of constant round trip time
 */

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

	if (l->late)
		timer += prandom_u32_state(&l->rnd) % l->late;
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
	struct fo_test *f = go(test, VGW_KEEPALIVE_ACTIVE, U1);
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
	struct fo_test *f = go(test, VGW_KEEPALIVE_ACTIVE, XX);
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

static void echo_only_asks_whatever_is_heard(struct kunit *test)
{
	struct link *l = link_new(test, 100 * MS, 3, 20 * MS);
	struct vgw_fo_tunnel *t = &l->f->fo.tunnels[0];
	u64 dead;

	t->echo_only = true;
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
}

/* ------------------------------------------------------------------------
 * The choice
 */

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

static struct kunit_case fo_cases[] = {
	KUNIT_CASE(every_event_in_every_state_active),
	KUNIT_CASE(every_event_in_every_state_passive),
	KUNIT_CASE(every_event_in_every_state_off),
	KUNIT_CASE(keepalive_mode_changes_while_running),
	KUNIT_CASE(invariants_hold_in_random_walks),
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
	KUNIT_CASE(silence_is_judged_a_round_trip_late),
	KUNIT_CASE(suspect_tunnels_are_asked_three_times_as_often),
	KUNIT_CASE(echo_only_asks_whatever_is_heard),
	KUNIT_CASE(rtt_is_smoothed),
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

struct kunit_suite vgw_fo_suite = {
	.name = "vgw_failover",
	.test_cases = fo_cases,
};
