// SPDX-License-Identifier: GPL-2.0
/*
 * False alarms and detection times of keepalives on a lossy path, over simulated
 * years: module/failover.c beside plain interval x misses (a keepalive every
 * interval, down after so many in a row without an answer).
 *   loss INTERVAL_MS MISSES LOSS BURST_MS JITTER_MS YEARS SEED
 * LOSS: of each direction, percent. BURST_MS 0: packets are lost independently;
 * else by Gilbert and Elliott's model: nothing is lost but in bursts of that mean
 * length, in which everything is, and which take LOSS percent of the time.
 * JITTER_MS: each direction takes 10 ms and up to that much more. The path is idle,
 * so that keepalives are all that is known of it.
 * Prints: interval misses loss burst jitter years
 *   vgw:   alarms suspects keepalives/interval mean-detection max-detection (ms)
 *   plain: alarms keepalives/interval mean-detection max-detection
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failover.h"

#define MS	((u64)1000000)
#define SEC	(1000 * MS)
#define START	(3600 * SEC)
#define DELAY	(10 * MS)

static u64 state;

static u32 rnd32(void)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 32;
}

static double rnd1(void)
{
	return (rnd32() + 0.5) / 4294967296.0;
}

struct path {
	double loss;		/* of a packet; in bursts: share of time */
	double burst, pause;	/* mean lengths, ns; 0: independent losses */
	u64 jitter;
	u64 turn;		/* when the burst or the pause ends */
	bool bad;
	u64 dead;		/* nothing passes from then on */
};

static u64 length(double mean)
{
	return (u64)(-log(rnd1()) * mean) + 1;
}

static bool lost(struct path *p, u64 now)
{
	if (now >= p->dead)
		return true;
	if (!p->burst)
		return rnd1() < p->loss;
	while (now >= p->turn) {
		p->bad = !p->bad;
		p->turn += length(p->bad ? p->burst : p->pause);
	}
	return p->bad;
}

/* When the answer to a keepalive that is sent now arrives; 0 never. */
static u64 answer(struct path *p, u64 now)
{
	u64 there = DELAY + (p->jitter ? rnd32() % p->jitter : 0);
	u64 back = DELAY + (p->jitter ? rnd32() % p->jitter : 0);

	if (lost(p, now) || lost(p, now + there))
		return 0;
	return now + there + back;
}

struct result {
	u64 alarms, suspects, sent;
	double total;	/* of detection times, ns */
	u64 worst, n;
};

#define FLIGHT	128

/* Keepalives under way: when their answers come, soonest first. */
struct flight {
	u64 at[FLIGHT], sent[FLIGHT];
	unsigned int n;
};

static void take_off(struct flight *f, u64 sent, u64 at)
{
	unsigned int i = f->n;

	if (!at || f->n == FLIGHT)
		return;
	for (; i && f->at[i - 1] > at; i--) {
		f->at[i] = f->at[i - 1];
		f->sent[i] = f->sent[i - 1];
	}
	f->at[i] = at;
	f->sent[i] = sent;
	f->n++;
}

static u64 land(struct flight *f)
{
	u64 sent = f->sent[0];

	f->n--;
	memmove(f->at, f->at + 1, f->n * sizeof(*f->at));
	memmove(f->sent, f->sent + 1, f->n * sizeof(*f->sent));
	return sent;
}

/* Ours, until the path is dead and that was found, or until @end. */
static void ours(struct result *r, struct path *p, u64 interval, unsigned int misses, u64 end)
{
	struct vgw_fo_input in = { .now = START };
	struct vgw_fo_actions act;
	struct flight f = {};
	struct vgw_fo_tunnel *t;
	static const enum vgw_fo_event up[] = { VGW_FO_CONFIG, VGW_FO_SA_USABLE, VGW_FO_DEV_UP };
	u64 proof = START;
	struct vgw_fo fo;
	unsigned int i;

	vgw_fo_init(&fo, 1, START);
	t = &fo.tunnels[0];
	t->interval = interval;
	t->misses = misses;
	for (i = 0; i < 3; i++) {
		in.event = up[i];
		vgw_fo_event(&fo, &in, &act);
	}
	while (in.now < end) {
		bool reply = f.n && f.at[0] <= t->timer;

		in.event = reply ? VGW_FO_REPLY : VGW_FO_TICK;
		in.now = reply ? f.at[0] : t->timer;
		in.random = rnd32();
		if (reply) {
			in.rtt = in.now - land(&f);
			if (in.now < p->dead)
				proof = in.now;
		}
		vgw_fo_event(&fo, &in, &act);
		if (act.probe) {
			r->sent++;
			take_off(&f, in.now, answer(p, in.now));
		}
		if (!act.changed)
			continue;
		r->suspects += t->state == VGW_STATE_SUSPECT;
		if (t->state != VGW_STATE_DOWN)
			continue;
		if (in.now >= p->dead) {
			u64 took = in.now - (p->dead > proof ? p->dead : proof);

			r->total += took;
			r->worst = took > r->worst ? took : r->worst;
			r->n++;
			return;
		}
		r->alarms++;
	}
}

/* The usual: a keepalive every interval, down after so many without an answer. */
static void plain(struct result *r, struct path *p, u64 interval, unsigned int misses, u64 end)
{
	u64 now = START, next = START;
	struct flight f = {};
	unsigned int missed = 0;
	bool pending = false, up = true;

	while (now < end) {
		if (f.n && f.at[0] <= next) {
			now = f.at[0];
			land(&f);
			missed = 0;
			pending = false;
			up = true;
			continue;
		}
		now = next;
		missed += pending;
		if (up && missed >= misses) {
			up = false;
			if (now >= p->dead) {
				u64 took = now - p->dead;

				r->total += took;
				r->worst = took > r->worst ? took : r->worst;
				r->n++;
				return;
			}
			r->alarms++;
		}
		r->sent++;
		pending = true;
		take_off(&f, now, answer(p, now));
		next = now + interval;
	}
}

typedef void judge(struct result *r, struct path *p, u64 interval, unsigned int misses, u64 end);

static void measure(judge *how, struct path *p, u64 interval, unsigned int misses, double years,
		    u64 seed)
{
	struct result r = {};
	u64 span = (u64)(years * 365.25 * 86400) * SEC, i;

	state = seed;
	p->dead = U64_MAX;
	p->turn = START;
	p->bad = true;
	how(&r, p, interval, misses, START + span);
	printf(" %llu", (unsigned long long)r.alarms);
	if (how == ours)
		printf(" %llu", (unsigned long long)r.suspects);
	printf(" %.3f", r.sent / ((double)span / interval));

	/* A clean path that dies at any moment. */
	r = (struct result){};
	for (i = 0; i < 2000; i++) {
		struct path clean = { .jitter = p->jitter,
				      .dead = START + 20 * interval + rnd1() * interval };

		how(&r, &clean, interval, misses, U64_MAX);
	}
	printf(" %.1f %.1f", r.total / r.n / MS, (double)r.worst / MS);
}

int main(int argc, char **argv)
{
	struct path p = {};
	u64 interval, seed;
	unsigned int misses;
	double years;

	if (argc != 8) {
		fprintf(stderr, "usage: %s INTERVAL_MS MISSES LOSS%% BURST_MS JITTER_MS YEARS SEED\n",
			argv[0]);
		return 1;
	}
	interval = strtod(argv[1], NULL) * MS;
	misses = atoi(argv[2]);
	p.loss = strtod(argv[3], NULL) / 100;
	p.burst = strtod(argv[4], NULL) * MS;
	p.pause = p.loss > 0 ? p.burst * (1 - p.loss) / p.loss : 1e18;
	p.jitter = strtod(argv[5], NULL) * MS;
	years = strtod(argv[6], NULL);
	seed = strtoull(argv[7], NULL, 0);
	printf("%s %s %s %s %s %s", argv[1], argv[2], argv[3], argv[4], argv[5], argv[6]);
	measure(ours, &p, interval, misses, years, seed);
	measure(plain, &p, interval, misses, years, seed);
	putchar('\n');
	return 0;
}
