// SPDX-License-Identifier: GPL-2.0
/* The provider's rules for a connection, and what its silence means. */

#include <string.h>

#include "import.h"

#define LIFE_IKE	28800
#define LIFE_ESP	3600
#define MARGIN		270
#define REPLAY		1024
#define DPD		40
#define HOLD		30

/**
 * import_ike_version2 - whether IKEv2 is spoken
 * @t: the tunnel
 */
bool import_ike_version2(const struct import_tunnel *t)
{
	return t->ikev2 || !t->ikev1;
}

static int in_range(const char *what, uint32_t *value, uint32_t missing, uint32_t min,
		    uint32_t max, struct problem *p)
{
	if (!*value)
		*value = missing;
	if (*value < min || *value > max)
		return problem(p, "%s is %u; it must be %u to %u", what, *value, min, max);
	return 0;
}

static int check_times(struct import_tunnel *t, struct problem *p)
{
	uint32_t *ike = &t->phase[PHASE_IKE].life, *esp = &t->phase[PHASE_ESP].life;

	if (in_range("phase 1 lifetime", ike, LIFE_IKE, 900, 28800, p) ||
	    in_range("phase 2 lifetime", esp, LIFE_ESP, 900, 3600, p) ||
	    in_range("rekey margin", &t->margin, MARGIN, 60, *esp / 2, p) ||
	    in_range("replay window", &t->replay, REPLAY, 64, 2048, p) ||
	    in_range("DPD timeout", &t->dpd, DPD, 30, 86400, p) ||
	    in_range("BGP hold time", &t->hold, HOLD, 3, 65535, p))
		return -1;
	if (*esp > *ike)
		return problem(p, "phase 2 lifetime %u exceeds that of phase 1, %u", *esp, *ike);
	return 0;
}

/* The /30s that the provider keeps for itself. */
static bool reserved_inside(const struct ip_addr *a)
{
	if (a->b[2] <= 5 && a->b[3] < 4)
		return true;
	return a->b[2] == 169 && (a->b[3] & 0xfc) == 252;
}

static int check_inside(const struct import_tunnel *t, struct problem *p)
{
	struct prefix net = { t->inside, t->inside_len };
	const uint8_t *b = t->inside.b;
	char text[ADDR_LEN];
	unsigned int host;

	if (!t->inside.len || !t->peer.len)
		return problem(p, "the inside addresses are missing");
	format_addr(text, sizeof(text), &t->inside);
	if (t->inside.len == 4 && (b[0] != 169 || b[1] != 254 || t->inside_len != 30))
		return problem(p, "inside address %s/%u is in no /30 of 169.254.0.0/16", text,
			       t->inside_len);
	if (t->inside.len == 4 && reserved_inside(&t->inside))
		return problem(p, "inside address %s is in a /30 that the provider reserves",
			       text);
	if (t->inside.len == 16 && (b[0] != 0xfd || t->inside_len != 126))
		return problem(p, "inside address %s/%u is in no /126 of fd00::/8", text,
			       t->inside_len);
	if (!prefix_holds(&net, &t->peer) || addr_equal(&t->inside, &t->peer))
		return problem(p, "inside address %s/%u and the peer's are not two of one network",
			       text, t->inside_len);
	/* First and last name the network and everybody. */
	host = b[t->inside.len - 1] & 3;
	if (t->inside.len == 4 && (host == 0 || host == 3 || (t->peer.b[3] & 3) == 0 ||
				   (t->peer.b[3] & 3) == 3))
		return problem(p, "inside address %s and the peer's are no hosts of their /30",
			       text);
	return 0;
}

static int check_outside(const struct import_tunnel *t, struct problem *p)
{
	if (!t->theirs.len)
		return problem(p, "the far end's outside address is missing");
	if (!t->ours.len && !t->cert)
		return problem(p, "the customer gateway's outside address is missing, which the far end knows it by");
	if (t->ours.len && t->ours.len != t->theirs.len)
		return problem(p, "one outside address is IPv4 and the other IPv6");
	return 0;
}

static bool usable_asn(uint32_t asn)
{
	return asn && asn != 23456 && asn != 65535 && asn != UINT32_MAX;
}

static int check_bgp(const struct import_conn *conn, const struct import_tunnel *t,
		     struct problem *p)
{
	if (conn->is_static)
		return 0;
	if (!usable_asn(t->asn) || !usable_asn(t->peer_asn))
		return problem(p, "AS number %u is missing or reserved",
			       usable_asn(t->asn) ? t->peer_asn : t->asn);
	if (t->asn == t->peer_asn)
		return problem(p, "both sides have AS number %u; give the customer gateway one of its own",
			       t->asn);
	if (t->asn != conn->tunnel[0].asn)
		return problem(p, "AS number %u differs from the first tunnel's", t->asn);
	return 0;
}

static int check_tunnel(struct import *im, const struct import_conn *conn,
			struct import_tunnel *t, unsigned int n, struct problem *p)
{
	if (check_times(t, p) || check_outside(t, p) || check_inside(t, p) ||
	    check_bgp(conn, t, p) || alg_check(t, p))
		return -1;
	if (!t->psk[0] && !t->cert)
		return problem(p, "there is no pre-shared key in it: ask as a user who may see it (and not for its ARN), or use certificates");
	if (!import_ike_version2(t))
		import_warn(im, "%s tunnel %u: only IKEv1 is allowed; allow ikev2 in its options",
			    conn->id, n);
	if (import_rekey_time(t, PHASE_ESP) > t->phase[PHASE_ESP].life -
	    (uint64_t)t->margin * (100 + t->fuzz) / 100)
		import_warn(im, "%s tunnel %u: the far end may rekey before us, so early does its margin let it",
			    conn->id, n);
	if (!import_keepalive_fits(conn, t))
		import_warn(im, "%s tunnel %u: its traffic selectors leave the inside addresses out: keepalive is passive, and BGP cannot work",
			    conn->id, n);
	return 0;
}

/* A default route would not do: what is longer comes first, be it unreachable. */
static void check_holds(struct import *im, const struct import_conn *conn, const char *what,
			const struct prefix *net)
{
	char text[ADDR_LEN];
	unsigned int i;

	for (i = 0; i < conn->n_tunnels; i++)
		if (prefix_holds(net, &conn->tunnel[i].theirs))
			import_warn(im, "%s: %s %s holds the far end itself; keep a more specific route to it outside the tunnels",
				    conn->id, what, format_prefix(text, sizeof(text), net));
}

/* Each route once; what is legal and may surprise is remarked. */
static void check_routes(struct import *im, struct import_conn *conn)
{
	unsigned int i, j, n = 0;
	struct prefix guard;

	for (i = 0; i < conn->n_routes; i++) {
		for (j = 0; j < n; j++)
			if (prefix_equal(&conn->route[i], &conn->route[j]))
				break;
		if (j == n)
			conn->route[n++] = conn->route[i];
	}
	conn->n_routes = n;
	for (i = 0; i < n; i++)
		check_holds(im, conn, "route", &conn->route[i]);
	for (i = 0; !conn->is_static && import_guard(conn, i, &guard); i++)
		check_holds(im, conn, "guard", &guard);
	if (conn->is_static && !n)
		import_warn(im, "%s: no static routes are in it; add them to the connection, or as route = in the file",
			    conn->id);
}

/* What is inside is of one IP version. */
static int check_family(const struct import_conn *conn, struct problem *p)
{
	unsigned int i, len = conn->tunnel[0].inside.len;
	const struct prefix *net = NULL;
	const char *what = "traffic selector";
	char text[ADDR_LEN];

	if (conn->local_ts.addr.len && conn->local_ts.addr.len != len)
		net = &conn->local_ts;
	if (conn->remote_ts.addr.len && conn->remote_ts.addr.len != len)
		net = &conn->remote_ts;
	for (i = 0; !net && i < conn->n_routes; i++) {
		if (conn->route[i].addr.len == len)
			continue;
		net = &conn->route[i];
		what = "route";
	}
	if (!net)
		return 0;
	return problem(p, "%s %s is of the other IP version than the inside addresses, IPv%d", what,
		       format_prefix(text, sizeof(text), net), len == 4 ? 4 : 6);
}

/**
 * import_check_conn - complete a connection and hold it against the rules
 * @im: for warnings
 * @conn: the connection
 * @p: what is wrong
 */
int import_check_conn(struct import *im, struct import_conn *conn, struct problem *p)
{
	const struct import_tunnel *t = conn->tunnel;
	struct problem inner;
	unsigned int i;

	if (conn->n_tunnels != IMPORT_TUNNELS)
		return problem(p, "%s: %u tunnels are described, not %d",
			       conn->id, conn->n_tunnels, IMPORT_TUNNELS);
	for (i = 0; i < conn->n_tunnels; i++)
		if (check_tunnel(im, conn, &conn->tunnel[i], i + 1, &inner))
			return problem(p, "%s tunnel %u: %.240s", conn->id, i + 1, inner.text);
	if (addr_equal(&t[0].theirs, &t[1].theirs) || addr_equal(&t[0].inside, &t[1].inside))
		return problem(p, "%s: both tunnels have the same addresses", conn->id);
	if (t[0].inside.len != t[1].inside.len)
		return problem(p, "%s: one tunnel's inside address is IPv4 and the other's IPv6",
			       conn->id);
	if (check_family(conn, &inner))
		return problem(p, "%s: %.240s", conn->id, inner.text);
	if (conn->minimums)
		import_warn(im, "%s: this is only the XML, which states the least that is accepted and not the settings: the strongest is proposed first; describe-vpn-connections says what is set, and static routes",
			    conn->id);
	check_routes(im, conn);
	return 0;
}

/**
 * import_check - hold connections against each other
 * @im: the connections
 * @p: what is wrong
 */
int import_check(struct import *im, struct problem *p)
{
	const struct import_conn *a, *b;
	unsigned int i, j, k, l;

	if (!im->n)
		return problem(p, "no connection is in it that could be imported");
	for (i = 0; i < im->n; i++)
		for (j = 0; j < i; j++) {
			a = &im->conn[i];
			b = &im->conn[j];
			if (!strcmp(a->id, b->id))
				return problem(p, "%s is in it twice", a->id);
			if (!a->is_static && !b->is_static && a->tunnel[0].asn != b->tunnel[0].asn)
				import_warn(im, "%s and %s know us by two AS numbers, %u and %u: FRR takes one in each VRF; load one file as router bgp %u vrf NAME, or give both customer gateways one number",
					    b->id, a->id, b->tunnel[0].asn, a->tunnel[0].asn,
					    a->tunnel[0].asn);
			for (k = 0; k < a->n_tunnels; k++)
				for (l = 0; l < b->n_tunnels; l++)
					if (addr_equal(&a->tunnel[k].inside, &b->tunnel[l].inside))
						import_warn(im, "%s and %s have the same inside address: one router can bring up one of them, or each in a VRF",
							    b->id, a->id);
		}
	return 0;
}

/**
 * import_peer_inside - the inside addresses of a network: theirs first, then ours
 * @net: the network
 * @t: the tunnel
 */
void import_peer_inside(const struct prefix *net, struct import_tunnel *t)
{
	uint8_t last = net->addr.len - 1;

	t->inside = t->peer = net->addr;
	t->inside_len = net->len;
	t->peer.b[last] |= 1;
	t->inside.b[last] |= 2;
}

/**
 * import_forget_v4 - forget selectors of IPv4, of a connection that is IPv6 inside
 * @conn: the connection, as its XML describes it: that may speak of IPv4 alone
 */
void import_forget_v4(struct import_conn *conn)
{
	if (conn->local_ts.addr.len == 4)
		memset(&conn->local_ts, 0, sizeof(conn->local_ts));
	if (conn->remote_ts.addr.len == 4)
		memset(&conn->remote_ts, 0, sizeof(conn->remote_ts));
}

/* The XML alone does not tell a key that was taken out from a certificate. */
static void take_certs(struct import *im, struct import_conn *conn)
{
	unsigned int i;

	for (i = 0; i < conn->n_tunnels; i++) {
		if (conn->tunnel[i].psk[0])
			continue;
		conn->tunnel[i].cert = true;
		import_warn(im, "%s: no pre-shared key is in it: certificates are meant, it seems",
			    conn->id);
	}
}

/**
 * import_parse - understand a file
 * @text: the file, a NUL behind it
 * @len: of @text
 * @im: the result, checked
 * @p: what is wrong
 */
int import_parse(const char *text, size_t len, struct import *im, struct problem *p)
{
	struct import_conn *conn;
	size_t skip = 0;
	int ret;

	/* A byte order mark, as some editors write it. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		skip = 3;
	skip += strspn(text + skip, " \t\r\n");
	if (text[skip] == '{' || text[skip] == '[') {
		ret = import_json(text + skip, len - skip, im, p);
	} else if (text[skip] == '<') {
		conn = import_add_conn(im, p);
		if (!conn)
			return -1;
		ret = import_xml(text + skip, len - skip, im, conn, p);
		conn->minimums = true;
		if (!ret && conn->tunnel[0].inside.len == 16)
			import_forget_v4(conn);
		if (!ret)
			take_certs(im, conn);
		if (!ret)
			ret = import_check_conn(im, conn, p);
	} else {
		return problem(p, "neither the JSON of describe-vpn-connections nor its XML");
	}
	return ret ? ret : import_check(im, p);
}
