// SPDX-License-Identifier: GPL-2.0
/* What a person reads. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "names.h"
#include "vgwctl.h"

#define LABEL_WIDTH	11

static void label(const char *text)
{
	printf("      %s%-*s%s", color(COLOR_DIM), LABEL_WIDTH, text,
	       global.color ? color(COLOR_NONE) : "");
}

static void conn_label(const char *text)
{
	printf("  %s%-*s%s", color(COLOR_DIM), LABEL_WIDTH, text,
	       global.color ? color(COLOR_NONE) : "");
}

static void show_headline(const struct connection *conn)
{
	const struct tunnel *active = NULL;
	char age[TIME_LEN];

	if (conn_has(conn, VGW_A_ACTIVE))
		active = model_tunnel(conn, conn->active);

	printf("%s%s%s: carrier %s%s%s, ", color(COLOR_BOLD), conn->ifname, color(COLOR_NONE),
	       color(conn->carrier ? COLOR_GOOD : COLOR_BAD), conn->carrier ? "on" : "off",
	       color(COLOR_NONE));
	if (conn->link.ifindex && !(conn->link.flags & IFF_UP))
		printf("%sdevice down%s, ", color(COLOR_BAD), color(COLOR_NONE));

	if (!active)
		printf("%sno active tunnel%s", color(COLOR_BAD), color(COLOR_NONE));
	else
		printf("active %s%s%s", color(COLOR_BOLD), active->config.ifname,
		       color(COLOR_NONE));
	/* The last switch was to this tunnel unless it was from it. */
	if (active && conn_has(conn, VGW_A_SWITCH_AGE) &&
	    conn->switch_from != conn->active)
		printf(" for %s (%s)", format_age(age, sizeof(age), conn->switch_age),
		       name_of(&names_reason, conn->switch_reason));
	else if (active && !conn_has(conn, VGW_A_SWITCH_AGE))
		printf(", never switched");
	if (conn->master[0])
		printf(", in %s", conn->master);
	putchar('\n');
}

static void show_switch(const struct connection *conn)
{
	char age[TIME_LEN], proof[TIME_LEN];

	if (!conn_has(conn, VGW_A_SWITCH_AGE))
		return;
	conn_label("switch");
	printf("%s ago", format_age(age, sizeof(age), conn->switch_age));
	if (conn_has(conn, VGW_A_SWITCH_FROM))
		printf(" from %s", model_tunnel_name(conn, conn->switch_from));
	/* To which is not said; with two it can be but the other. */
	if (conn_has(conn, VGW_A_SWITCH_FROM) && conn->n_tunnels == 2)
		printf(" to %s", model_tunnel_name(conn, !conn->switch_from));
	printf(", %s", name_of(&names_reason, conn->switch_reason));
	if (conn_has(conn, VGW_A_SWITCH_PROOF_AGE))
		printf(", %s after its last proof of life",
		       format_age(proof, sizeof(proof), conn->switch_proof_age));
	printf("; %" PRIu64 " in all\n", conn->switches);
}

static void show_settings(const struct connection *conn)
{
	struct conn_config config;
	char buf[VALUE_LEN], age[TIME_LEN];

	model_config(conn, &config);
	conn_label("revert");
	if (conn->revert == VGW_FOREVER)
		printf("never");
	else
		printf("after %s", config_value(buf, sizeof(buf), &config, OPT_REVERT));
	if (conn_has(conn, VGW_A_REVERT_IN))
		printf(", %sdue in %s%s", color(COLOR_WARN),
		       format_age(age, sizeof(age), conn->revert_in), color(COLOR_NONE));
	putchar('\n');

	conn_label("mtu");
	printf("%s", config_value(buf, sizeof(buf), &config, OPT_MTU));
	if (!conn->mtu && conn->link.ifindex)
		printf(" (%" PRIu32 " now)", conn->link.mtu);
	if (conn->mss)
		printf(", mss %s", config_value(buf, sizeof(buf), &config, OPT_MSS));
	if (conn_has(conn, VGW_A_NETNSID))
		printf(", underlay in netns id %" PRId32, conn->netnsid);
	putchar('\n');
}

static void show_traffic(const struct stats *stats)
{
	char in[TIME_LEN], out[TIME_LEN];

	printf("in %" PRIu64 " packets, %s; out %" PRIu64 " packets, %s\n",
	       stats->v[VGW_A_STATS_RX_PACKETS],
	       format_bytes(in, sizeof(in), stats->v[VGW_A_STATS_RX_BYTES]),
	       stats->v[VGW_A_STATS_TX_PACKETS],
	       format_bytes(out, sizeof(out), stats->v[VGW_A_STATS_TX_BYTES]));
}

/* Counters of what was not delivered, those that counted anything. */
static void show_drops(const struct stats *stats, void (*put_label)(const char *))
{
	unsigned int i;
	bool any = false;

	for (i = STATS_FIRST_DROP; i <= VGW_A_STATS_MAX; i++) {
		if (!stats->v[i])
			continue;
		if (!any)
			put_label("dropped");
		printf("%s%s%s %" PRIu64 "%s", any ? ", " : "", color(COLOR_WARN),
		       name_of(&names_stats, i), stats->v[i], color(COLOR_NONE));
		any = true;
	}
	if (any)
		putchar('\n');
}

static void show_sas(const struct tunnel *t)
{
	char local[ADDR_LEN], remote[ADDR_LEN];
	const struct sa *sa;
	unsigned int i;

	if (!tunnel_has(t, VGW_A_TUNNEL_SAS)) {
		label("sa");
		printf("not shown without CAP_NET_ADMIN");
	} else if (!t->n_sas) {
		label("sa");
		printf("%snone%s", color(COLOR_BAD), color(COLOR_NONE));
	}
	for (i = 0; i < t->n_sas; i++) {
		sa = &t->sas[i];
		label(i ? "" : "sa");
		format_addr(local, sizeof(local), &sa->local);
		format_addr(remote, sizeof(remote), &sa->remote);
		printf("%-3s 0x%08" PRIx32 "  %s -> %s%s", name_of(&names_sa_dir, sa->dir),
		       sa->spi, sa->dir == VGW_SA_DIR_IN ? remote : local,
		       sa->dir == VGW_SA_DIR_IN ? local : remote,
		       sa->encap ? "  udp-encap (NAT-T)" : "");
		if (i + 1 < t->n_sas)
			putchar('\n');
	}
	putchar('\n');
	label("policies");
	printf("%s%" PRIu32 " in, %" PRIu32 " out%s\n",
	       t->policies_in && t->policies_out ? "" : color(COLOR_BAD), t->policies_in,
	       t->policies_out,
	       t->policies_in && t->policies_out ? "" : color(COLOR_NONE));
}

static void show_keepalive(const struct tunnel *t)
{
	char buf[TIME_LEN];

	label("keepalive");
	if (keepalive_asks(t->config.keepalive))
		printf("%s %s, %" PRIu32 " misses",
		       t->config.keepalive == VGW_KEEPALIVE_ACTIVE ? "every" : "always every",
		       format_time_ms(buf, sizeof(buf), t->config.interval), t->config.misses);
	else
		printf("%s", name_of(&names_keepalive, t->config.keepalive));
	if (tunnel_has(t, VGW_A_TUNNEL_RTT))
		printf("; rtt %s", format_usec(buf, sizeof(buf), t->rtt));
	if (tunnel_has(t, VGW_A_TUNNEL_PROOF_AGE))
		printf("; last proof of life %s ago", format_age(buf, sizeof(buf), t->proof_age));
	else
		printf("; no proof of life yet");
	putchar('\n');

	if (!t->stats.v[VGW_A_STATS_KEEPALIVE_SENT] && !t->stats.v[VGW_A_STATS_KEEPALIVE_UNSENT])
		return;
	label("");
	printf("%" PRIu64 " sent, %" PRIu64 " answered, %" PRIu64 " missed",
	       t->stats.v[VGW_A_STATS_KEEPALIVE_SENT],
	       t->stats.v[VGW_A_STATS_KEEPALIVE_RECEIVED],
	       t->stats.v[VGW_A_STATS_KEEPALIVE_MISSED]);
	if (t->stats.v[VGW_A_STATS_KEEPALIVE_UNSENT])
		printf(", %" PRIu64 " not sent", t->stats.v[VGW_A_STATS_KEEPALIVE_UNSENT]);
	putchar('\n');
}

static void show_addresses(const struct tunnel *t)
{
	const struct tunnel_config *c = &t->config;
	char a[VALUE_LEN], b[VALUE_LEN];

	label("outer");
	printf("%s -> %s\n", tunnel_config_value(a, sizeof(a), c, OPT_LOCAL),
	       tunnel_config_value(b, sizeof(b), c, OPT_REMOTE));
	label("inside");
	printf("%s -> %s\n", tunnel_config_value(a, sizeof(a), c, OPT_INSIDE),
	       tunnel_config_value(b, sizeof(b), c, OPT_PEER));
}

static void show_tunnel(const struct connection *conn, const struct tunnel *t, int width)
{
	bool active = conn_has(conn, VGW_A_ACTIVE) && conn->active == t->config.index;
	char age[TIME_LEN], key[VALUE_LEN];

	printf("\n  %s%c %d %-*s%s  %s%-8s%s  %s for %s%s%s%s\n", active ? color(COLOR_BOLD) : "",
	       active ? '*' : ' ', t->config.index + 1, width, t->config.ifname,
	       active ? color(COLOR_NONE) : "", color(color_state(t->state)),
	       name_of(&names_state, t->state), color(COLOR_NONE),
	       name_of(&names_reason, t->state_reason),
	       format_age(age, sizeof(age), t->state_age), t->drained ? color(COLOR_WARN) : "",
	       t->drained ? ", drained" : "", t->drained ? color(COLOR_NONE) : "");

	label("key");
	printf("%s, preference %" PRIu32, tunnel_key(key, sizeof(key), &t->config),
	       t->config.preference);
	if (tunnel_has(t, VGW_A_TUNNEL_MTU))
		printf(", mtu %" PRIu32, t->mtu);
	putchar('\n');
	show_addresses(t);
	show_keepalive(t);
	show_sas(t);
	label("traffic");
	show_traffic(&t->stats);
	if (t->stats.v[VGW_A_STATS_TX_FALLBACK]) {
		label("");
		printf("%" PRIu64 " sent for the active tunnel while it had no SA\n",
		       t->stats.v[VGW_A_STATS_TX_FALLBACK]);
	}
	show_drops(&t->stats, label);
}

/**
 * show_connection - print a connection for people
 * @conn: the connection
 */
void show_connection(const struct connection *conn)
{
	unsigned int i;
	int width = 0;

	for (i = 0; i < conn->n_tunnels; i++)
		if ((int)strlen(conn->tunnel[i].config.ifname) > width)
			width = strlen(conn->tunnel[i].config.ifname);

	show_headline(conn);
	show_switch(conn);
	show_settings(conn);
	conn_label("traffic");
	show_traffic(&conn->stats);
	show_drops(&conn->stats, conn_label);
	for (i = 0; i < conn->n_tunnels; i++)
		show_tunnel(conn, &conn->tunnel[i], width);
}

/**
 * event_name - the word for an event
 * @ev: the event
 */
const char *event_name(const struct event *ev)
{
	return ev->event == EVENT_LOST ? "lost" : name_of(&names_event, ev->event);
}

/**
 * event_about_tunnel - whether an event is about one tunnel
 * @ev: the event
 *
 * The kernel always says an index; for other events it means nothing.
 */
bool event_about_tunnel(const struct event *ev)
{
	return (ev->have & ATTR_BIT(VGW_A_EVENT_TUNNEL)) &&
	       (ev->event == VGW_EVENT_STATE || ev->event == VGW_EVENT_SA);
}

/**
 * event_has_change - whether an event is a change from one value to another
 * @ev: the event
 */
bool event_has_change(const struct event *ev)
{
	return (ev->have & ATTR_BIT(VGW_A_EVENT_OLD)) &&
	       (ev->have & ATTR_BIT(VGW_A_EVENT_NEW)) &&
	       (ev->event == VGW_EVENT_STATE || ev->event == VGW_EVENT_SWITCH ||
		ev->event == VGW_EVENT_CARRIER || ev->event == VGW_EVENT_MTU);
}

/**
 * event_clock - when an event happened, by the clock on the wall
 * @ev: the event, now if it has no time
 * @buf: at least 40
 * @size: of @buf
 * @date: with the date and the zone
 */
void event_clock(const struct event *ev, char *buf, size_t size, bool date)
{
	struct timespec wall, boot;
	int64_t ns, age = 0;
	char zone[8] = "";
	struct tm tm;
	time_t s;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	if (ev->have & ATTR_BIT(VGW_A_EVENT_TIME))
		age = (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec - (int64_t)ev->time;
	ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec - age;
	s = ns / 1000000000;

	localtime_r(&s, &tm);
	n = strftime(buf, size, date ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
	if (date)
		strftime(zone, sizeof(zone), "%z", &tm);
	snprintf(buf + n, size - n, ".%03d%s", (int)(ns / 1000000 % 1000), zone);
}

static const char *active_name(const struct connection *conn, uint32_t index_plus_one,
			       char *buf, size_t size)
{
	if (!index_plus_one)
		return "none";
	if (conn)
		return model_tunnel_name(conn, index_plus_one - 1);
	snprintf(buf, size, "tunnel %" PRIu32, index_plus_one);
	return buf;
}

static void show_change(const struct event *ev, const struct connection *conn)
{
	char a[32], b[32];

	switch (ev->event) {
	case VGW_EVENT_STATE:
		printf(" %s -> %s%s%s", name_of(&names_state, ev->before),
		       color(color_state(ev->after)), name_of(&names_state, ev->after),
		       color(COLOR_NONE));
		break;
	case VGW_EVENT_SWITCH:
		printf(" %s -> %s%s%s", active_name(conn, ev->before, a, sizeof(a)),
		       color(COLOR_BOLD), active_name(conn, ev->after, b, sizeof(b)),
		       color(COLOR_NONE));
		break;
	case VGW_EVENT_CARRIER:
		printf(" %s -> %s%s%s", ev->before ? "on" : "off",
		       color(ev->after ? COLOR_GOOD : COLOR_BAD), ev->after ? "on" : "off",
		       color(COLOR_NONE));
		break;
	case VGW_EVENT_MTU:
		printf(" %" PRIu32 " -> %" PRIu32, ev->before, ev->after);
		break;
	}
}

/**
 * show_event - print an event for people
 * @ev: the event
 * @conn: its connection, NULL when not known
 */
int show_event(const struct event *ev, const struct connection *conn)
{
	char clock[40], buf[32], age[TIME_LEN];
	const char *name = "";

	event_clock(ev, clock, sizeof(clock), false);
	if (ev->event == EVENT_LOST) {
		printf("%s %sevents were lost: more came than could be read%s\n", clock,
		       color(COLOR_WARN), color(COLOR_NONE));
		return 0;
	}
	if (event_about_tunnel(ev))
		name = active_name(conn, ev->tunnel + 1, buf, sizeof(buf));

	printf("%s %s%s%s%s%s %s", clock, color(COLOR_BOLD), ev->ifname, color(COLOR_NONE),
	       *name ? " " : "", name, event_name(ev));
	if (event_has_change(ev))
		show_change(ev, conn);
	if ((ev->have & ATTR_BIT(VGW_A_EVENT_REASON)) && ev->reason != VGW_REASON_NONE)
		printf(" (%s)", name_of(&names_reason, ev->reason));
	if (ev->have & ATTR_BIT(VGW_A_SWITCH_PROOF_AGE))
		printf(", %s %s", ev->event == VGW_EVENT_SWITCH ? "outage" : "silent for",
		       format_age(age, sizeof(age), ev->proof_age));
	putchar('\n');
	return 0;
}
