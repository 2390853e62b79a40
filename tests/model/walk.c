// SPDX-License-Identifier: GPL-2.0
/*
 * Random lives of a connection: module/failover.c against the model. A life in
 * which they differ is shrunk to the events that matter and printed.
 *   walk [--seed N] [--steps N]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define START	(3600 * SEC)
#define LENGTH	2000

/* An event and, with VGW_FO_CONFIG, what the administrator set before it. */
struct step {
	struct vgw_fo_input in;
	enum vgw_keepalive keepalive;
	u64 interval, revert;
	unsigned int misses;
	u32 preference;
};

struct life {
	unsigned int n;
	u64 slack;
	struct step steps[LENGTH + 2 * VGW_MAX_TUNNELS];
	unsigned int len;
};

struct run {
	struct vgw_fo fo;
	struct vgw_fo_actions act;
	struct model model;
};

static u64 state;

static u32 rnd(u32 below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static const char *const events[] = {
	[VGW_FO_DEV_UP] = "device up", [VGW_FO_DEV_DOWN] = "device down",
	[VGW_FO_SA_USABLE] = "SA usable", [VGW_FO_SA_DELETED] = "SA deleted",
	[VGW_FO_SA_EXPIRED] = "SA expired", [VGW_FO_POLICY_LOST] = "policy lost",
	[VGW_FO_PATH_FOUND] = "path found", [VGW_FO_PATH_LOST] = "path lost",
	[VGW_FO_REPLY] = "reply", [VGW_FO_UNSENT] = "unsent", [VGW_FO_TICK] = "tick",
	[VGW_FO_CONFIG] = "config", [VGW_FO_DRAIN] = "drain", [VGW_FO_UNDRAIN] = "undrain",
	[VGW_FO_SWITCH] = "switch", [VGW_FO_REVERT] = "revert",
};

static void begin(struct run *run, const struct life *life)
{
	vgw_fo_init(&run->fo, life->n, START);
	run->fo.slack = life->slack;
	model_init(&run->model);
}

static const char *play(struct run *run, const struct step *s)
{
	struct vgw_fo_tunnel *t = &run->fo.tunnels[s->in.tunnel];
	struct vgw_fo before = run->fo;

	if (s->in.event == VGW_FO_CONFIG) {
		t->keepalive = s->keepalive;
		t->interval = s->interval;
		t->misses = s->misses;
		t->preference = s->preference;
		run->fo.revert = s->revert;
	}
	/* Before it is configured there is no tunnel; no switch to what is not usable. */
	if (!t->interval ||
	    (s->in.event == VGW_FO_SWITCH && !vgw_fo_usable(t)))
		return NULL;
	vgw_fo_event(&run->fo, &s->in, &run->act);
	return model_check(&run->model, &before, &s->in, &run->fo, &run->act);
}

/* Plays the steps that are kept; returns what went wrong, and where. */
static const char *replay(const struct life *life, const bool *keep, unsigned int *at)
{
	const char *wrong = NULL;
	struct run run;
	unsigned int i;

	begin(&run, life);
	for (i = 0; i < life->len && !wrong; i++)
		if (keep[i])
			wrong = play(&run, &life->steps[i]);
	*at = i;
	model_free(&run.model, life->n);
	return wrong;
}

/* Delta debugging: leave out ever smaller pieces for as long as it still fails. */
static void shrink(const struct life *life, bool *keep)
{
	unsigned int size, i, at;
	bool without[LENGTH + 2 * VGW_MAX_TUNNELS], less = true;

	for (size = life->len / 2; size; size = less ? size : size / 2) {
		less = false;
		for (i = 0; i < life->len; i += size) {
			unsigned int end = i + size < life->len ? i + size : life->len;

			if (!memchr(keep + i, true, end - i))
				continue;
			memcpy(without, keep, life->len);
			memset(without + i, false, end - i);
			if (replay(life, without, &at)) {
				memcpy(keep, without, life->len);
				less = true;
			}
		}
		if (size == 1 && !less)
			break;
	}
}

static void report(const struct life *life, const char *wrong, u64 seed)
{
	bool keep[LENGTH + 2 * VGW_MAX_TUNNELS];
	unsigned int i, at, n = 0;

	memset(keep, true, sizeof(keep));
	replay(life, keep, &at);
	memset(keep + at, false, life->len - at);
	shrink(life, keep);
	wrong = replay(life, keep, &at) ?: wrong;
	printf("does not hold: %s\nseed %" PRIu64 ", %u tunnels, slack %" PRIu64 " us; shrunk to:\n",
	       wrong, seed, life->n, life->slack / 1000);
	for (i = 0; i < life->len; i++) {
		const struct step *s = &life->steps[i];

		if (!keep[i])
			continue;
		n++;
		printf("%14.6f tunnel %u %s", (s->in.now - START) / 1e9, s->in.tunnel,
		       events[s->in.event]);
		if (s->in.event == VGW_FO_CONFIG)
			printf(": keepalive %u, %" PRIu64 " ms x %u, preference %u, revert %s%" PRIu64,
			       s->keepalive, s->interval / MS,
			       s->misses, s->preference, s->revert == U64_MAX ? "never " : "",
			       s->revert == U64_MAX ? 0 : s->revert / MS);
		else if (s->in.event == VGW_FO_TICK)
			printf(": heard %.6f, sent %.6f", s->in.heard ? (s->in.heard - START) / 1e9 : 0,
			       s->in.sent ? (s->in.sent - START) / 1e9 : 0);
		putchar('\n');
	}
	printf("%u of %u events\n", n, life->len);
}

static void config(struct step *s, const struct vgw_fo *fo, bool first)
{
	static const u64 intervals[] = { 10 * MS, 100 * MS, 2 * SEC };
	static const u64 reverts[] = { 0, 3 * SEC, 60 * SEC, U64_MAX };
	const struct vgw_fo_tunnel *t = &fo->tunnels[s->in.tunnel];

	s->in.event = VGW_FO_CONFIG;
	s->keepalive = first || !rnd(4) ? (rnd(3) ? VGW_KEEPALIVE_ACTIVE : rnd(4)) : t->keepalive;
	s->interval = first || !rnd(4) ? intervals[rnd(3)] : t->interval;
	s->misses = first || !rnd(4) ? 1 + rnd(rnd(10) ? 5 : 32) : t->misses;
	s->preference = first || !rnd(4) ? rnd(4) : t->preference;
	s->revert = !rnd(4) ? reverts[rnd(4)] : first ? 3 * SEC : fo->revert;
}

static u64 ago(u64 now, u32 most)
{
	u64 back = rnd(most);

	return now - START < back ? START : now - back;
}

struct world {
	u64 now;
	u64 heard[VGW_MAX_TUNNELS], sent[VGW_MAX_TUNNELS];
	unsigned int dead;
	int asked;
};

static void next_step(struct step *s, const struct vgw_fo *fo, struct world *w)
{
	static const u8 dice[] = {
		VGW_FO_REPLY, VGW_FO_UNSENT, VGW_FO_TICK, VGW_FO_REVERT,
		VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE, VGW_FO_SA_USABLE,
		VGW_FO_SA_USABLE, VGW_FO_PATH_FOUND, VGW_FO_PATH_FOUND, VGW_FO_PATH_FOUND,
		VGW_FO_DEV_UP, VGW_FO_DEV_UP, VGW_FO_DEV_UP, VGW_FO_UNDRAIN, VGW_FO_UNDRAIN,
		VGW_FO_DEV_DOWN, VGW_FO_SA_DELETED, VGW_FO_SA_EXPIRED, VGW_FO_POLICY_LOST,
		VGW_FO_PATH_LOST, VGW_FO_CONFIG, VGW_FO_DRAIN, VGW_FO_SWITCH,
	};
	u64 next = fo->timer;
	unsigned int i;
	int who = -1;

	for (i = 0; i < fo->n; i++) {
		u64 timer = fo->tunnels[i].timer;

		if (timer && (!next || timer < next)) {
			next = timer;
			who = i;
		}
	}
	memset(s, 0, sizeof(*s));
	if (!rnd(150))
		w->dead ^= 1U << rnd(fo->n);
	if (w->asked >= 0 && !(w->dead & (1U << w->asked)) && rnd(10)) {
		s->in.event = rnd(30) ? VGW_FO_REPLY : VGW_FO_UNSENT;
		s->in.tunnel = w->asked;
		w->now += s->in.event == VGW_FO_REPLY ? rnd(MS) : 0;
	} else if (next && rnd(4)) {
		w->now = w->now > next ? w->now : next;
		w->now += rnd(20) ? 0 : rnd(500 * MS);
		s->in.event = who < 0 ? VGW_FO_REVERT : VGW_FO_TICK;
		s->in.tunnel = who < 0 ? 0 : who;
	} else {
		if (!next)
			w->now += rnd(1000) * MS;
		else if (next > w->now)
			w->now += (next - w->now) * rnd(100) / 100;
		s->in.event = dice[rnd(sizeof(dice))];
		s->in.tunnel = fo->active >= 0 && !rnd(3) ? (unsigned int)fo->active : rnd(fo->n);
	}
	i = s->in.tunnel;
	s->in.now = w->now;
	s->in.rtt = rnd(50 * MS);
	s->in.random = rnd(UINT32_MAX);
	if (!(w->dead & (1U << i)) && !rnd(5))
		w->heard[i] = ago(w->now, 20 * MS);
	if (!rnd(2))
		w->sent[i] = ago(w->now, 20 * MS);
	s->in.heard = w->heard[i];
	s->in.sent = w->sent[i];
	if (s->in.event == VGW_FO_CONFIG)
		config(s, fo, false);
}

static bool live(u64 seed, struct life *life, u64 *switches, u64 *seen)
{
	struct world w = { .now = START, .asked = -1 };
	const char *wrong = NULL;
	struct run run;
	unsigned int i;

	state = seed;
	memset(life, 0, sizeof(*life));
	life->n = 1 + rnd(VGW_MAX_TUNNELS);
	life->slack = rnd(2) ? 0 : 4 * MS;
	begin(&run, life);
	for (i = 0; !wrong && i < LENGTH + 2 * life->n; i++) {
		struct step *s = &life->steps[life->len++];

		if (i < 2 * life->n) {
			s->in.now = START;
			s->in.tunnel = i / 2;
			if (i & 1)
				s->in.event = VGW_FO_DEV_UP;
			else
				config(s, &run.fo, true);
		} else {
			next_step(s, &run.fo, &w);
		}
		run.act.probe = false;
		seen[run.fo.tunnels[s->in.tunnel].state * VGW_FO_EVENTS + s->in.event]++;
		wrong = play(&run, s);
		w.asked = run.act.probe ? (int)s->in.tunnel : -1;
	}
	*switches += run.fo.switches;
	model_free(&run.model, life->n);
	if (wrong)
		report(life, wrong, seed);
	return !wrong;
}

int main(int argc, char **argv)
{
	static u64 seen[(VGW_STATE_DOWN + 1) * VGW_FO_EVENTS];
	u64 seed = 1, steps = 2000000, switches = 0, done = 0;
	static struct life life;
	unsigned int s, e;
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--seed"))
			seed = strtoull(argv[i + 1], NULL, 0);
		else if (!strcmp(argv[i], "--steps"))
			steps = strtoull(argv[i + 1], NULL, 0);
	}
	for (; done < steps; done += life.len, seed++)
		if (!live(seed, &life, &switches, seen))
			return 1;
	/* A walk in which nothing happens proves nothing. */
	for (s = 0; s <= VGW_STATE_DOWN; s++) {
		for (e = 0; e < VGW_FO_EVENTS; e++) {
			if (!seen[s * VGW_FO_EVENTS + e]) {
				printf("event %s never came in state %u\n", events[e], s);
				return 1;
			}
		}
	}
	printf("%" PRIu64 " events, %" PRIu64 " switches: the state machine and its model agree\n",
	       done, switches);
	return switches < steps / 1000;
}
