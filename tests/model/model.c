// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "model.h"

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->by_hand = -1;
	m->active = -1;
}

void model_free(struct model *m, unsigned int n)
{
	while (n--)
		free(m->tunnels[n].history);
}

/* --- a tunnel by itself ------------------------------------------------------------------------- */

static unsigned int asked(unsigned int misses)
{
	return misses > 16 ? 48 : 3 * misses - 2;
}

static bool sends(const struct vgw_fo_tunnel *t)
{
	return t->keepalive == VGW_KEEPALIVE_ACTIVE || t->keepalive == VGW_KEEPALIVE_ALWAYS;
}

/* 0 carries nothing, 1 only if nothing better is there, 2 carries. */
static unsigned int worth(enum vgw_state state, enum vgw_keepalive keepalive)
{
	if (state == VGW_STATE_UP)
		return 2;
	if (state == VGW_STATE_SUSPECT)
		return keepalive == VGW_KEEPALIVE_PASSIVE ? 1 : 2;
	return 0;
}

static void silence(struct model_tunnel *m, const struct vgw_fo_tunnel *t)
{
	m->unanswered++;
	if (t->keepalive == VGW_KEEPALIVE_PASSIVE) {
		if (m->unanswered >= t->misses)
			m->state = VGW_STATE_SUSPECT;
	} else if (m->unanswered >= asked(t->misses)) {
		m->state = VGW_STATE_DOWN;
	} else if (m->state == VGW_STATE_UP) {
		m->state = VGW_STATE_SUSPECT;
	}
}

static void footing(struct model_tunnel *m, const struct vgw_fo_tunnel *t)
{
	enum vgw_state old = m->state;

	if (!t->dev_up)
		m->state = VGW_STATE_DISABLED;
	else if (!t->sa || !t->path)
		m->state = VGW_STATE_NO_SA;
	else if (t->keepalive == VGW_KEEPALIVE_OFF)
		m->state = VGW_STATE_UP;
	else if (t->keepalive == VGW_KEEPALIVE_PASSIVE && old != VGW_STATE_SUSPECT)
		m->state = VGW_STATE_UP;
	else if (old == VGW_STATE_DISABLED || old == VGW_STATE_NO_SA)
		m->state = VGW_STATE_PROBING;

	if (m->state != old &&
	    (m->state == VGW_STATE_DISABLED || m->state == VGW_STATE_NO_SA ||
	     m->state == VGW_STATE_PROBING)) {
		m->unanswered = 0;
		m->asked_at = 0;
	}
}

/* --- the choice --------------------------------------------------------------------------------- */

/* Every loss soon after a return doubles the delay; found by telling the story again. */
static u64 hold(const struct model_tunnel *m, u64 revert)
{
	unsigned int i, flaps = 0;
	u64 back = 0;

	for (i = 0; i < m->n; i++) {
		const struct moment *h = &m->history[i];

		if (h->better) {
			back = h->at;
			continue;
		}
		if (h->admin || h->revert == U64_MAX)
			continue;
		if (h->at - back >= 2 * (h->revert << flaps))
			flaps = 0;
		else if (flaps < 5)
			flaps++;
	}
	return revert == U64_MAX ? U64_MAX : revert << flaps;
}

/* Preference alone may make it active now. */
static bool may_return(const struct model_tunnel *m, u64 revert, u64 now)
{
	u64 back = 0, wait = hold(m, revert);
	bool lost = false;
	unsigned int i;

	for (i = 0; i < m->n; i++) {
		if (m->history[i].better)
			back = m->history[i].at;
		else
			lost = true;
	}
	return !lost || (wait != U64_MAX && now - back >= wait);
}

static int choose(const struct model *m, const struct vgw_fo *fo, u64 now)
{
	unsigned int best = 0, grade[VGW_MAX_TUNNELS], i;
	int found = -1;
	bool stay;

	for (i = 0; i < fo->n; i++) {
		grade[i] = fo->tunnels[i].drained ? 0 :
			   worth(m->tunnels[i].state, fo->tunnels[i].keepalive);
		if (grade[i] > best)
			best = grade[i];
	}
	if (m->by_hand >= 0 && grade[m->by_hand])
		return m->by_hand;
	if (!best)
		return -1;
	stay = m->active >= 0 && grade[m->active] == best;

	/* The most preferred of those that may, the first of equals, the active one above all. */
	for (i = 0; i < fo->n; i++) {
		u32 preference = fo->tunnels[i].preference;

		if (grade[i] != best)
			continue;
		if (stay && (int)i != m->active &&
		    (preference <= fo->tunnels[m->active].preference ||
		     !may_return(&m->tunnels[i], fo->revert, now)))
			continue;
		if (found < 0 || preference > fo->tunnels[found].preference)
			found = i;
	}
	return found;
}

static void remember(struct model_tunnel *m, const struct moment *moment)
{
	m->history = realloc(m->history, (m->n + 1) * sizeof(*m->history));
	if (!m->history)
		abort();
	m->history[m->n++] = *moment;
}

/* --- an event ----------------------------------------------------------------------------------- */

#define MUST(cond) \
	do { \
		if (!(cond)) \
			return #cond; \
	} while (0)

/* A counted silence must be one: asked, not answered, and not judged too soon. */
static const char *check_silence(const struct model_tunnel *m, const struct vgw_fo *before,
				 const struct vgw_fo_input *in)
{
	const struct vgw_fo_tunnel *t = &before->tunnels[in->tunnel];

	MUST(in->event == VGW_FO_TICK);
	MUST(t->keepalive != VGW_KEEPALIVE_OFF);
	if (t->keepalive == VGW_KEEPALIVE_PASSIVE) {
		MUST(in->heard <= m->proof);
		MUST(in->sent > m->proof);
		return NULL;
	}
	MUST(m->asked_at);
	MUST(m->state != VGW_STATE_DOWN && m->state != VGW_STATE_NO_SA);
	MUST(in->now - m->asked_at >= t->interval / 8);
	return NULL;
}

/* Invariant 4: while timers are on time, silence is found within the bound. */
static const char *check_bound(const struct model_tunnel *m, const struct vgw_fo *fo,
			       const struct vgw_fo_tunnel *t, u64 now)
{
	u64 bound = t->interval * t->misses;

	bound += bound / 4 + t->srtt;
	/* What a short interval or a coarse clock leaves no time for. */
	if (bound < t->interval + fo->slack + t->interval / 8 * asked(t->misses) + t->srtt)
		return NULL;
	MUST(m->excused || now - m->proof <= bound);
	return NULL;
}

/**
 * model_check - let the model see an event that the state machine saw
 * @m: model
 * @before: the state machine before, configuration as the event found it
 * @in: the event
 * @after: the state machine afterwards
 * @act: what it told its caller
 *
 * Return: NULL, or what does not hold.
 */
const char *model_check(struct model *m, const struct vgw_fo *before,
			const struct vgw_fo_input *in, const struct vgw_fo *after,
			const struct vgw_fo_actions *act)
{
	struct model_tunnel *mt = &m->tunnels[in->tunnel];
	const struct vgw_fo_tunnel *t = &after->tunnels[in->tunnel];
	const struct vgw_fo_tunnel *b = &before->tunnels[in->tunnel];
	enum vgw_state old = mt->state;
	unsigned int was = worth(old, b->keepalive), is, i;
	const char *wrong;
	int active;

	/* Configuration changes what a state is worth before anything happens. */
	if (in->event == VGW_FO_CONFIG)
		was = worth(old, t->keepalive);
	for (i = 0; i < after->n; i++)
		if (before->tunnels[i].timer && in->now > before->tunnels[i].timer)
			m->tunnels[i].excused = true;

	switch (in->event) {
	case VGW_FO_DEV_UP: case VGW_FO_DEV_DOWN:
		MUST(t->dev_up == (in->event == VGW_FO_DEV_UP));
		footing(mt, t);
		break;
	case VGW_FO_SA_USABLE: case VGW_FO_SA_DELETED:
	case VGW_FO_SA_EXPIRED: case VGW_FO_POLICY_LOST:
		MUST(t->sa == (in->event == VGW_FO_SA_USABLE));
		footing(mt, t);
		break;
	case VGW_FO_PATH_FOUND: case VGW_FO_PATH_LOST:
		MUST(t->path == (in->event == VGW_FO_PATH_FOUND));
		footing(mt, t);
		break;
	case VGW_FO_CONFIG:
		mt->unanswered = 0;
		mt->asked_at = 0;
		mt->excused = true;
		footing(mt, t);
		break;
	case VGW_FO_DRAIN: case VGW_FO_UNDRAIN:
		MUST(t->drained == (in->event == VGW_FO_DRAIN));
		break;
	case VGW_FO_REPLY:
		if (old == VGW_STATE_DISABLED || old == VGW_STATE_NO_SA)
			break;
		mt->state = VGW_STATE_UP;
		mt->unanswered = 0;
		mt->asked_at = 0;
		mt->proof = in->now;
		mt->excused = false;
		break;
	case VGW_FO_UNSENT:
		mt->asked_at = 0;
		mt->excused = true;
		break;
	case VGW_FO_TICK:
		/* Too early, or nobody waits for it. */
		if (!b->timer || in->now < b->timer) {
			MUST(!act->probe && !act->missed);
			break;
		}
		if (act->missed) {
			wrong = check_silence(mt, before, in);
			if (wrong)
				return wrong;
			silence(mt, t);
		}
		if (in->heard > mt->proof && worth(old, t->keepalive) &&
		    t->keepalive != VGW_KEEPALIVE_ALWAYS) {
			mt->proof = in->heard;
			if (t->keepalive == VGW_KEEPALIVE_PASSIVE) {
				mt->unanswered = 0;
				mt->state = VGW_STATE_UP;
			}
			/* News of old times starts no clock, nor does what is still asked. */
			if (in->now - in->heard <= t->interval)
				mt->excused = mt->asked_at;
		}
		if (act->probe && old != VGW_STATE_NO_SA)
			mt->asked_at = in->now;
		/* A late one is not judged: it asks again. */
		break;
	case VGW_FO_SWITCH:
		if (!t->drained && worth(old, t->keepalive))
			m->by_hand = in->tunnel;
		break;
	case VGW_FO_REVERT: case VGW_FO_EVENTS:
		break;
	}

	is = worth(mt->state, t->keepalive);
	if (is != was && mt->state != old)
		remember(mt, &(struct moment){
			.at = in->now, .better = is > was, .revert = after->revert,
			.admin = in->event == VGW_FO_DEV_DOWN || in->event == VGW_FO_DEV_UP ||
				 in->event == VGW_FO_CONFIG,
		});

	MUST(t->state == mt->state);
	MUST(t->keepalive == VGW_KEEPALIVE_OFF || t->missed == mt->unanswered ||
	     t->state == VGW_STATE_DOWN);
	MUST(act->changed == (old != mt->state));
	if (sends(t) && worth(mt->state, t->keepalive)) {
		wrong = check_bound(mt, after, t, in->now);
		if (wrong)
			return wrong;
	}

	/* One active, the right one, whatever the event was. */
	active = choose(m, after, in->now);
	if (m->by_hand != active)
		m->by_hand = -1;
	MUST(after->active == active);
	MUST(act->switched == (active != m->active));
	if (active != m->active && active >= 0 && m->active >= 0)
		m->switches++;
	m->active = active;
	MUST(after->switches == m->switches);
	MUST(after->by_hand == m->by_hand);
	return NULL;
}
