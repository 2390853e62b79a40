// SPDX-License-Identifier: GPL-2.0
/*
 * Connections in Prometheus' text format. A metric's samples stand together
 * under its HELP and TYPE; a tunnel that is down has all of them, but for values
 * that do not exist (yet), such as a round trip time.
 */

#include <inttypes.h>
#include <string.h>

#include "metrics.h"
#include "names.h"

#define NSEC	1e9
#define USEC	1e6

/**
 * struct place - where a sample goes, and what it is of
 * @f: the output
 * @name: of the metric
 * @conn: the connection
 * @t: the tunnel, NULL for the connection's own
 * @now: seconds since 1970
 */
struct place {
	FILE *f;
	const char *name;
	const struct connection *conn;
	const struct tunnel *t;
	double now;
};

static void put_escaped(FILE *f, const char *value)
{
	char text[4 * VALUE_LEN + 1];
	const char *s = format_text(text, sizeof(text), value);

	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else
			fputc(*s, f);
	}
}

static void put_label(FILE *f, const char *name, const char *value)
{
	fprintf(f, ",%s=\"", name);
	put_escaped(f, value);
	fputc('"', f);
}

static void begin(const struct place *at)
{
	fprintf(at->f, "%s{connection=\"", at->name);
	put_escaped(at->f, at->conn->ifname);
	fputc('"', at->f);
	if (at->t)
		put_label(at->f, "tunnel", at->t->config.ifname);
}

static void put_count(const struct place *at, uint64_t value)
{
	begin(at);
	fprintf(at->f, "} %" PRIu64 "\n", value);
}

static void put_real(const struct place *at, double value, int digits)
{
	begin(at);
	fprintf(at->f, "} %.*f\n", digits, value);
}

/* When it was, of how long ago it was. */
static void put_when(const struct place *at, uint64_t age)
{
	put_real(at, at->now - age / NSEC, 3);
}

static void put_drops(const struct place *at, const struct stats *stats)
{
	unsigned int i;

	for (i = STATS_FIRST_DROP; i < names_stats.n; i++) {
		if (!names_stats.word[i])
			continue;
		begin(at);
		put_label(at->f, "reason", names_stats.word[i]);
		fprintf(at->f, "} %" PRIu64 "\n", stats->v[i]);
	}
}

static void conn_carrier(const struct place *at)
{
	put_count(at, at->conn->carrier);
}

static void conn_switches(const struct place *at)
{
	unsigned int i;

	for (i = 0; i < names_reason.n; i++) {
		begin(at);
		put_label(at->f, "reason", name_of(&names_reason, i));
		fprintf(at->f, "} %" PRIu64 "\n", at->conn->switched[i]);
	}
}

static void conn_switched(const struct place *at)
{
	if (conn_has(at->conn, VGW_A_SWITCH_AGE))
		put_when(at, at->conn->switch_age);
}

/* One sample for each reason, so that a change leaves none behind. */
static void conn_switch_reason(const struct place *at)
{
	unsigned int i;

	if (!conn_has(at->conn, VGW_A_SWITCH_AGE))
		return;
	for (i = 0; i < names_reason.n; i++) {
		begin(at);
		put_label(at->f, "reason", name_of(&names_reason, i));
		fprintf(at->f, "} %d\n", at->conn->switch_reason == i);
	}
}

static void conn_outage(const struct place *at)
{
	if (conn_has(at->conn, VGW_A_SWITCH_PROOF_AGE))
		put_real(at, at->conn->switch_proof_age / NSEC, 6);
}

static void conn_drops(const struct place *at)
{
	put_drops(at, &at->conn->stats);
}

static void tunnel_info(const struct place *at)
{
	const struct tunnel_config *c = &at->t->config;
	char buf[VALUE_LEN];

	begin(at);
	put_label(at->f, "key", tunnel_key(buf, sizeof(buf), c));
	put_label(at->f, "remote", tunnel_config_value(buf, sizeof(buf), c, OPT_REMOTE));
	put_label(at->f, "inside", tunnel_config_value(buf, sizeof(buf), c, OPT_INSIDE));
	put_label(at->f, "peer", tunnel_config_value(buf, sizeof(buf), c, OPT_PEER));
	fprintf(at->f, "} 1\n");
}

static void tunnel_state(const struct place *at)
{
	put_count(at, at->t->state == VGW_STATE_UP || at->t->state == VGW_STATE_SUSPECT);
}

static void tunnel_status(const struct place *at)
{
	unsigned int i;

	for (i = 0; i < names_state.n; i++) {
		begin(at);
		put_label(at->f, "status", name_of(&names_state, i));
		fprintf(at->f, "} %d\n", at->t->state == i);
	}
}

static void tunnel_changed(const struct place *at)
{
	if (tunnel_has(at->t, VGW_A_TUNNEL_STATE_AGE))
		put_when(at, at->t->state_age);
}

static void tunnel_active(const struct place *at)
{
	put_count(at, conn_has(at->conn, VGW_A_ACTIVE) &&
		      at->conn->active == at->t->config.index);
}

static void tunnel_drained(const struct place *at)
{
	put_count(at, at->t->drained);
}

static void tunnel_in(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_RX_BYTES]);
}

static void tunnel_out(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_TX_BYTES]);
}

static void tunnel_packets_in(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_RX_PACKETS]);
}

static void tunnel_packets_out(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_TX_PACKETS]);
}

static void tunnel_fallback(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_TX_FALLBACK]);
}

static void keepalive_sent(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_KEEPALIVE_SENT]);
}

static void keepalive_answered(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_KEEPALIVE_RECEIVED]);
}

static void keepalive_missed(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_KEEPALIVE_MISSED]);
}

static void keepalive_unsent(const struct place *at)
{
	put_count(at, at->t->stats.v[VGW_A_STATS_KEEPALIVE_UNSENT]);
}

static void tunnel_rtt(const struct place *at)
{
	if (tunnel_has(at->t, VGW_A_TUNNEL_RTT))
		put_real(at, at->t->rtt / USEC, 6);
}

static void tunnel_proof(const struct place *at)
{
	if (tunnel_has(at->t, VGW_A_TUNNEL_PROOF_AGE))
		put_when(at, at->t->proof_age);
}

static void tunnel_sas(const struct place *at)
{
	unsigned int dir, i, n;

	/* None and not told are not the same. */
	if (!tunnel_has(at->t, VGW_A_TUNNEL_SAS))
		return;
	for (dir = 0; dir < names_sa_dir.n; dir++) {
		for (i = 0, n = 0; i < at->t->n_sas; i++)
			n += at->t->sas[i].dir == dir;
		begin(at);
		put_label(at->f, "direction", name_of(&names_sa_dir, dir));
		fprintf(at->f, "} %u\n", n);
	}
}

static void tunnel_mtu(const struct place *at)
{
	if (tunnel_has(at->t, VGW_A_TUNNEL_MTU))
		put_count(at, at->t->mtu);
}

static void tunnel_drops(const struct place *at)
{
	put_drops(at, &at->t->stats);
}

/**
 * struct metric - a metric
 * @name: its name
 * @type: Prometheus' word
 * @help: a sentence
 * @put: its samples of a connection or tunnel
 */
struct metric {
	const char *name;
	const char *type;
	const char *help;
	void (*put)(const struct place *at);
};

static const struct metric conn_metrics[] = {
	{ "vgw_connection_carrier", "gauge", "Whether any tunnel is usable.", conn_carrier },
	{ "vgw_connection_switches_total", "counter",
	  "Changes of the active tunnel from one to another, by reason.", conn_switches },
	{ "vgw_connection_last_switch_timestamp_seconds", "gauge",
	  "When the active tunnel changed last.", conn_switched },
	{ "vgw_connection_last_switch_reason", "gauge",
	  "Why it did: 1 for that reason, 0 for the others.", conn_switch_reason },
	{ "vgw_connection_last_switch_outage_seconds", "gauge",
	  "How long after the old tunnel's last proof of life it did.", conn_outage },
	{ "vgw_connection_dropped_packets_total", "counter",
	  "Packets that were not delivered, no tunnel being chosen, by reason.", conn_drops },
};

static const struct metric tunnel_metrics[] = {
	{ "vgw_tunnel_info", "gauge", "Key and addresses, always 1.", tunnel_info },
	{ "vgw_tunnel_state", "gauge", "TunnelState: 1 up, 0 down.", tunnel_state },
	{ "vgw_tunnel_status", "gauge", "1 for the state that the tunnel is in, 0 for the others.",
	  tunnel_status },
	{ "vgw_tunnel_last_status_change_timestamp_seconds", "gauge",
	  "When the tunnel came into its state.", tunnel_changed },
	{ "vgw_tunnel_active", "gauge", "Whether the tunnel carries the connection's traffic.",
	  tunnel_active },
	{ "vgw_tunnel_drained", "gauge", "Whether the tunnel was taken out of the choice.",
	  tunnel_drained },
	{ "vgw_tunnel_data_in_bytes_total", "counter",
	  "TunnelDataIn: bytes received, after decryption.", tunnel_in },
	{ "vgw_tunnel_data_out_bytes_total", "counter",
	  "TunnelDataOut: bytes sent, before encryption.", tunnel_out },
	{ "vgw_tunnel_packets_in_total", "counter", "Inner packets received.",
	  tunnel_packets_in },
	{ "vgw_tunnel_packets_out_total", "counter", "Inner packets sent.", tunnel_packets_out },
	{ "vgw_tunnel_fallback_packets_total", "counter",
	  "Packets sent for the active tunnel while that had no usable SA.", tunnel_fallback },
	{ "vgw_tunnel_keepalive_sent_total", "counter", "Keepalives sent.", keepalive_sent },
	{ "vgw_tunnel_keepalive_answered_total", "counter", "Keepalives answered.",
	  keepalive_answered },
	{ "vgw_tunnel_keepalive_missed_total", "counter", "Keepalives that no reply came to.",
	  keepalive_missed },
	{ "vgw_tunnel_keepalive_unsent_total", "counter",
	  "Keepalives that could not be sent.", keepalive_unsent },
	{ "vgw_tunnel_keepalive_rtt_seconds", "gauge",
	  "Smoothed round trip time of keepalives.", tunnel_rtt },
	{ "vgw_tunnel_last_proof_timestamp_seconds", "gauge", "Last proof of life.",
	  tunnel_proof },
	{ "vgw_tunnel_sas", "gauge", "SAs by direction.", tunnel_sas },
	{ "vgw_tunnel_mtu_bytes", "gauge", "Largest inner packet.", tunnel_mtu },
	{ "vgw_tunnel_dropped_packets_total", "counter",
	  "Packets that were not delivered, by reason.", tunnel_drops },
};

static void put_head(FILE *f, const struct metric *m)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

/**
 * metrics_print - print connections
 * @f: where to
 * @list: the connections
 * @now: seconds since 1970
 */
void metrics_print(FILE *f, const struct connection *list, double now)
{
	struct place at = { .f = f, .now = now };
	unsigned int n = 0;
	size_t i, t;

	for (at.conn = list; at.conn; at.conn = at.conn->next)
		n++;
	fprintf(f, "# HELP vgw_connections Connections.\n# TYPE vgw_connections gauge\n"
		   "vgw_connections %u\n", n);
	if (!n)
		return;
	for (i = 0; i < ARRAY_SIZE(conn_metrics); i++) {
		put_head(f, &conn_metrics[i]);
		at.name = conn_metrics[i].name;
		for (at.conn = list; at.conn; at.conn = at.conn->next)
			conn_metrics[i].put(&at);
	}
	for (i = 0; i < ARRAY_SIZE(tunnel_metrics); i++) {
		put_head(f, &tunnel_metrics[i]);
		at.name = tunnel_metrics[i].name;
		for (at.conn = list; at.conn; at.conn = at.conn->next) {
			for (t = 0; t < at.conn->n_tunnels; t++) {
				at.t = &at.conn->tunnel[t];
				tunnel_metrics[i].put(&at);
			}
		}
	}
}
