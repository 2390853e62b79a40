// SPDX-License-Identifier: GPL-2.0
/*
 * The files of an imported connection: for vgwctl, swanctl and FRR. What gets
 * into them was checked: numbers, addresses, and words of our own.
 */

#include <inttypes.h>

#include "import.h"

/* Percent: our last moment to rekey, of the far end's first. */
#define REKEY_BEFORE	90
#define PREFERENCE	200

/**
 * import_if_id - the key of a tunnel
 * @conn: the connection
 * @tunnel: from 0
 */
uint32_t import_if_id(const struct import_conn *conn, unsigned int tunnel)
{
	return 1000 + 10 * conn->number + tunnel + 1;
}

/**
 * import_rekey_time - when we rekey at the latest, before the far end does
 * @t: the tunnel
 * @phase: PHASE_*
 *
 * Return: seconds; never less than a third of the lifetime.
 */
uint32_t import_rekey_time(const struct import_tunnel *t, int phase)
{
	uint32_t life = t->phase[phase].life, margin = t->margin * (100 + t->fuzz) / 100;
	uint32_t first = life > margin ? life - margin : 0;
	uint32_t rekey = first * REKEY_BEFORE / 100;

	return rekey > life / 3 ? rekey : life / 3;
}

/**
 * import_keepalive_fits - whether the tunnel's selectors carry its keepalives
 * @conn: the connection
 * @t: the tunnel
 */
bool import_keepalive_fits(const struct import_conn *conn, const struct import_tunnel *t)
{
	return prefix_holds(&conn->local_ts, &t->inside) &&
	       prefix_holds(&conn->remote_ts, &t->peer);
}

static const char *addr(const struct ip_addr *a)
{
	static char buf[4][ADDR_LEN];
	static unsigned int i;

	i = (i + 1) % ARRAY_SIZE(buf);
	return format_addr(buf[i], sizeof(buf[i]), a);
}

static void mark(FILE *f, char comment, const struct import_conn *conn)
{
	fprintf(f, "%c " IMPORT_MARK "%s\n", comment, conn->id);
	fprintf(f, "%c Written anew by the next import of this connection.\n", comment);
}

/**
 * import_private_nets - what is private, in the IP version of the inside
 * @conn: the connection
 *
 * Return: networks, NULL behind the last.
 */
const char *const *import_private_nets(const struct import_conn *conn)
{
	static const char *const v4[] = { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", NULL };
	static const char *const v6[] = { "fc00::/7", NULL };

	return conn->tunnel[0].inside.len == 4 ? v4 : v6;
}

/**
 * import_guard - a network that is guarded, for BGP
 * @conn: the connection
 * @i: which, from 0
 * @guard: the result
 *
 * Return: whether there is one.
 */
bool import_guard(const struct import_conn *conn, unsigned int i, struct prefix *guard)
{
	const char *const *net = import_private_nets(conn);

	if (conn->remote_ts.len) {
		*guard = conn->remote_ts;
		return !i;
	}
	while (*net && i--)
		net++;
	return *net && !parse_prefix(*net, &guard->addr, &guard->len);
}

/* What BGP teaches it also takes back: then it must not follow a default route in clear. */
static void write_guards(FILE *f, const struct import_conn *conn)
{
	struct prefix guard;
	char buf[ADDR_LEN];
	unsigned int i;

	fprintf(f, "\n# Unreachable while BGP teaches no way there. Private networks that only a default\n"
		"# route leads to, in clear, need a route of their own.\n");
	for (i = 0; import_guard(conn, i, &guard); i++)
		fprintf(f, "guard = %s\n", format_prefix(buf, sizeof(buf), &guard));
}

/**
 * import_write_conf - the connection for vgwctl up and syncconf
 * @f: where to
 * @conn: the connection
 */
void import_write_conf(FILE *f, const struct import_conn *conn)
{
	const struct import_tunnel *t;
	char route[ADDR_LEN];
	unsigned int i;

	mark(f, '#', conn);
	fprintf(f, "[connection]\nrevert = 30s\nmss = auto\n");
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		fprintf(f, "\n[" TUNNEL_SECTION "%s-%u]\n", conn->name, i + 1);
		fprintf(f, "if_id = %" PRIu32 "\n", import_if_id(conn, i));
		fprintf(f, "remote = %s\n", addr(&t->theirs));
		fprintf(f, "inside = %s/%u\n", addr(&t->inside), t->inside_len);
		fprintf(f, "peer = %s\n", addr(&t->peer));
		fprintf(f, "preference = %u\n", PREFERENCE / (i + 1));
		fprintf(f, "keepalive = %s\n", import_keepalive_fits(conn, t) ? "2s" : "passive");
	}
	fprintf(f, "\n[" UP_SECTION "]\n");
	fprintf(f, "swanctl = %s.swanctl.conf\n", conn->name);
	if (conn->tunnel[0].psk[0] || conn->tunnel[1].psk[0])
		fprintf(f, "swanctl = %s.secrets.conf\n", conn->name);
	for (i = 0; i < conn->n_routes; i++)
		fprintf(f, "route = %s\n",
			format_prefix(route, sizeof(route), &conn->route[i]));
	if (!conn->is_static)
		write_guards(f, conn);
}

static const char *selector(char *buf, size_t size, const struct import_conn *conn,
			    const struct prefix *ts)
{
	if (!ts->addr.len)
		return conn->tunnel[0].inside.len == 4 ? "0.0.0.0/0" : "::/0";
	return format_prefix(buf, size, ts);
}

static void write_auth(FILE *f, const struct import_conn *conn, const struct import_tunnel *t)
{
	if (t->psk[0]) {
		fprintf(f, "\t\tlocal {\n\t\t\tauth = psk\n\t\t\tid = %s\n\t\t}\n", addr(&t->ours));
		fprintf(f, "\t\tremote {\n\t\t\tauth = psk\n\t\t\tid = %s\n\t\t}\n",
			addr(&t->theirs));
		return;
	}
	/* The identity is the certificate's; the authority alone may vouch for theirs. */
	fprintf(f, "\t\tlocal {\n\t\t\tauth = pubkey\n\t\t\tcerts = %s.pem\n\t\t}\n", conn->name);
	fprintf(f, "\t\tremote {\n\t\t\tauth = pubkey\n\t\t\tid = %%any\n\t\t\tcacerts = %s-ca.pem\n\t\t}\n",
		conn->name);
}

static void write_child(FILE *f, const struct import_conn *conn, unsigned int i)
{
	const struct import_tunnel *t = &conn->tunnel[i];
	uint32_t rekey = import_rekey_time(t, PHASE_ESP);
	uint32_t if_id = import_if_id(conn, i);
	char buf[160];

	fprintf(f, "\t\tchildren {\n\t\t\t%s-%u {\n", conn->name, i + 1);
	fprintf(f, "\t\t\t\tlocal_ts = %s\n",
		selector(buf, sizeof(buf), conn, &conn->local_ts));
	fprintf(f, "\t\t\t\tremote_ts = %s\n",
		selector(buf, sizeof(buf), conn, &conn->remote_ts));
	alg_proposal(buf, sizeof(buf), t, PHASE_ESP, conn->minimums);
	fprintf(f, "\t\t\t\tesp_proposals = %s\n", buf);
	fprintf(f, "\t\t\t\tmode = tunnel\n");
	fprintf(f, "\t\t\t\tif_id_in = %" PRIu32 "\n\t\t\t\tif_id_out = %" PRIu32 "\n", if_id,
		if_id);
	fprintf(f, "\t\t\t\trekey_time = %" PRIu32 "s\n", rekey);
	fprintf(f, "\t\t\t\trand_time = %" PRIu32 "s\n", rekey / 10);
	fprintf(f, "\t\t\t\tlife_time = %" PRIu32 "s\n", t->phase[PHASE_ESP].life);
	fprintf(f, "\t\t\t\treplay_window = %" PRIu32 "\n", t->replay);
	fprintf(f, "\t\t\t\tdpd_action = clear\n");
	fprintf(f, "\t\t\t\tstart_action = trap|start\n");
	fprintf(f, "\t\t\t}\n\t\t}\n");
}

/**
 * import_write_swanctl - the connection for strongSwan, without its keys
 * @f: where to
 * @conn: the connection
 */
void import_write_swanctl(FILE *f, const struct import_conn *conn)
{
	const struct import_tunnel *t;
	uint32_t rekey, life;
	char buf[160];
	unsigned int i;

	mark(f, '#', conn);
	fprintf(f, "connections {\n");
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		rekey = import_rekey_time(t, PHASE_IKE);
		life = t->phase[PHASE_IKE].life;
		fprintf(f, "\t%s-%u {\n", conn->name, i + 1);
		fprintf(f, "\t\tversion = %d\n", import_ike_version2(t) ? 2 : 1);
		if (conn->ours_here)
			fprintf(f, "\t\tlocal_addrs = %s\n", addr(&t->ours));
		fprintf(f, "\t\tremote_addrs = %s\n", addr(&t->theirs));
		alg_proposal(buf, sizeof(buf), t, PHASE_IKE, conn->minimums);
		fprintf(f, "\t\tproposals = %s\n", buf);
		fprintf(f, "\t\tmobike = no\n\t\tkeyingtries = 0\n\t\tdpd_delay = 10s\n");
		if (!import_ike_version2(t))
			fprintf(f, "\t\tdpd_timeout = %" PRIu32 "s\n", t->dpd);
		fprintf(f, "\t\trekey_time = %" PRIu32 "s\n\t\trand_time = %" PRIu32 "s\n", rekey,
			rekey / 10);
		fprintf(f, "\t\tover_time = %" PRIu32 "s\n", life - rekey);
		write_auth(f, conn, t);
		write_child(f, conn, i);
		fprintf(f, "\t}\n");
	}
	fprintf(f, "}\n");
}

/**
 * import_write_secrets - the keys for strongSwan; nothing if there are none
 * @f: where to
 * @conn: the connection
 */
void import_write_secrets(FILE *f, const struct import_conn *conn)
{
	const struct import_tunnel *t;
	unsigned int i;

	if (!conn->tunnel[0].psk[0] && !conn->tunnel[1].psk[0])
		return;
	mark(f, '#', conn);
	fprintf(f, "secrets {\n");
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		if (!t->psk[0])
			continue;
		fprintf(f, "\tike-%s-%u {\n", conn->name, i + 1);
		fprintf(f, "\t\tid-1 = %s\n\t\tid-2 = %s\n", addr(&t->ours), addr(&t->theirs));
		fprintf(f, "\t\tsecret = \"%s\"\n\t}\n", t->psk);
	}
	fprintf(f, "}\n");
}

/* What may be announced: the networks of our selector, or private ones. */
static void write_prefix_lists(FILE *f, const struct import_conn *conn, const char *ip)
{
	bool is_v4 = conn->tunnel[0].inside.len == 4;
	const char *const *nets = import_private_nets(conn);
	char buf[ADDR_LEN];
	unsigned int seq;

	fprintf(f, "!\n! The inside addresses are neither learned nor announced.\n");
	fprintf(f, "%s prefix-list %s-in seq 5 deny %s\n", ip, conn->name,
		is_v4 ? "169.254.0.0/16 le 32" : "fd00::/8 ge 126");
	fprintf(f, "%s prefix-list %s-in seq 10 permit %s\n", ip, conn->name,
		is_v4 ? "0.0.0.0/0 le 32" : "::/0 le 128");
	if (conn->local_ts.len) {
		fprintf(f, "%s prefix-list %s-out seq 10 permit %s le %d\n", ip, conn->name,
			format_prefix(buf, sizeof(buf), &conn->local_ts), is_v4 ? 32 : 64);
		return;
	}
	fprintf(f, "! Of what is connected here, private networks are announced.\n");
	for (seq = 10; *nets; nets++, seq += 5)
		fprintf(f, "%s prefix-list %s-out seq %u permit %s le %d\n", ip, conn->name, seq,
			*nets, is_v4 ? 32 : 64);
}

/* The second is the standby: learned at lower preference, announced as a longer path. */
static void write_route_maps(FILE *f, const struct import_conn *conn, const char *ip)
{
	uint32_t asn = conn->tunnel[0].asn;
	unsigned int i;

	fprintf(f, "!\n! What others taught us is not passed on: we are no transit.\n");
	fprintf(f, "bgp as-path access-list %s-own seq 5 deny [0-9]\n", conn->name);
	fprintf(f, "bgp as-path access-list %s-own seq 10 permit .*\n", conn->name);
	for (i = 0; i < conn->n_tunnels; i++) {
		fprintf(f, "!\nroute-map %s-in-%u permit 10\n", conn->name, i + 1);
		fprintf(f, " match %s address prefix-list %s-in\n", ip, conn->name);
		fprintf(f, " set local-preference %u\n", PREFERENCE / (i + 1));
		fprintf(f, "!\nroute-map %s-out-%u permit 10\n", conn->name, i + 1);
		fprintf(f, " match %s address prefix-list %s-out\n", ip, conn->name);
		fprintf(f, " match as-path %s-own\n", conn->name);
		if (i)
			fprintf(f, " set as-path prepend %" PRIu32 " %" PRIu32 "\n", asn, asn);
	}
	/* One redistribution serves all connections: each has an entry of its map. */
	fprintf(f, "!\nroute-map vgw-local-%s permit %u\n match %s address prefix-list %s-out\n", ip,
		10 * conn->number, ip, conn->name);
}

/**
 * import_write_frr - the BGP sessions for FRR; nothing for static routes
 * @f: where to
 * @conn: the connection
 */
void import_write_frr(FILE *f, const struct import_conn *conn)
{
	bool v4 = conn->tunnel[0].inside.len == 4;
	const char *ip = v4 ? "ip" : "ipv6";
	const struct import_tunnel *t;
	unsigned int i;

	if (conn->is_static)
		return;
	mark(f, '!', conn);
	fprintf(f, "! Loaded by: vtysh -f FILE\n");
	write_prefix_lists(f, conn, ip);
	write_route_maps(f, conn, ip);
	fprintf(f, "!\nrouter bgp %" PRIu32 "\n", conn->tunnel[0].asn);
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		fprintf(f, " neighbor %s remote-as %" PRIu32 "\n", addr(&t->peer), t->peer_asn);
		fprintf(f, " neighbor %s description %s tunnel %u\n", addr(&t->peer), conn->id,
			i + 1);
		fprintf(f, " neighbor %s update-source %s\n", addr(&t->peer), addr(&t->inside));
		fprintf(f, " neighbor %s timers %" PRIu32 " %" PRIu32 "\n", addr(&t->peer),
			t->hold / 3, t->hold);
		fprintf(f, " neighbor %s timers connect 10\n", addr(&t->peer));
	}
	/* FRR offers IPv4 to every neighbour unless told not to. */
	if (!v4) {
		fprintf(f, " !\n address-family ipv4 unicast\n");
		for (i = 0; i < conn->n_tunnels; i++)
			fprintf(f, "  no neighbor %s activate\n", addr(&conn->tunnel[i].peer));
		fprintf(f, " exit-address-family\n");
	}
	fprintf(f, " !\n address-family %s unicast\n", v4 ? "ipv4" : "ipv6");
	fprintf(f, "  redistribute connected route-map vgw-local-%s\n", ip);
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &conn->tunnel[i];
		fprintf(f, "  neighbor %s activate\n", addr(&t->peer));
		fprintf(f, "  neighbor %s soft-reconfiguration inbound\n", addr(&t->peer));
		fprintf(f, "  neighbor %s maximum-prefix 1000 restart 5\n", addr(&t->peer));
		fprintf(f, "  neighbor %s maximum-prefix-out 100\n", addr(&t->peer));
		fprintf(f, "  neighbor %s route-map %s-in-%u in\n", addr(&t->peer), conn->name,
			i + 1);
		fprintf(f, "  neighbor %s route-map %s-out-%u out\n", addr(&t->peer), conn->name,
			i + 1);
	}
	fprintf(f, " exit-address-family\nexit\n!\n");
}
