// SPDX-License-Identifier: GPL-2.0
#include "fo_test.h"

void fo_do(struct fo_test *f, unsigned int tunnel, enum vgw_fo_event event)
{
	struct vgw_fo_input in = { .event = event, .tunnel = tunnel, .now = f->now };

	vgw_fo_event(&f->fo, &in, &f->act);
}

void fo_reply(struct fo_test *f, unsigned int tunnel, u64 rtt)
{
	struct vgw_fo_input in = {
		.event = VGW_FO_REPLY, .tunnel = tunnel, .now = f->now, .rtt = rtt,
	};

	vgw_fo_event(&f->fo, &in, &f->act);
}

void fo_tick(struct fo_test *f, unsigned int tunnel, u64 heard, u64 sent)
{
	struct vgw_fo_input in = {
		.event = VGW_FO_TICK, .tunnel = tunnel, .now = f->now,
		.heard = heard, .sent = sent,
	};

	vgw_fo_event(&f->fo, &in, &f->act);
}

/* The tunnel's timer fires when it is due. */
void fo_due(struct fo_test *f, unsigned int tunnel, u64 heard)
{
	if (f->fo.tunnels[tunnel].timer > f->now)
		f->now = f->fo.tunnels[tunnel].timer;
	fo_tick(f, tunnel, heard, 0);
}

struct fo_test *fo_new(struct kunit *test, unsigned int n,
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
void fo_up(struct fo_test *f, unsigned int tunnel)
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

/* Nobody else would ask for an SA, look for the path, or see that nothing comes. */
bool fo_wants_timer(const struct vgw_fo_tunnel *t)
{
	if (t->state == VGW_STATE_DISABLED)
		return false;
	return t->keepalive == VGW_KEEPALIVE_ACTIVE || t->keepalive == VGW_KEEPALIVE_ALWAYS ||
	       !t->path || (t->keepalive == VGW_KEEPALIVE_PASSIVE && t->sa);
}

/* Time passes; timers that become due on the way do not fire. */
void fo_sleep(struct fo_test *f, u64 ns)
{
	f->now += ns;
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

/* Packets leave and none comes back for @n passive intervals. */
void passive_silence(struct fo_test *f, unsigned int n)
{
	while (n--) {
		f->now = f->fo.tunnels[0].timer;
		fo_tick(f, 0, 0, f->now - MS);
	}
}

struct fo_test *fo_go(struct kunit *test, enum vgw_keepalive keepalive, enum where w)
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
