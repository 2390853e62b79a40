// SPDX-License-Identifier: GPL-2.0
/* vgwctl check - what is wrong and what to do. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "names.h"
#include "vgwctl.h"

/**
 * struct look - what a test looks at and what it says
 * @conn: the connection
 * @tunnel: one of its tunnels, NULL for a test of the connection
 * @rtnl: a socket of rtnetlink
 * @text: what is wrong, after the device's name
 * @advice: what to do
 */
struct look {
	const struct connection *conn;
	const struct tunnel *tunnel;
	struct nl *rtnl;
	char text[256];
	char advice[256];
};

/**
 * struct test - a cause that can be found
 * @name: for scripts
 * @found: whether it is there; then it filled @text and @advice
 * @note: it takes nothing down
 */
struct test {
	const char *name;
	bool (*found)(struct look *l);
	bool note;
};

__printf(2, 3)
static void say(struct look *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->text, sizeof(l->text), fmt, ap);
	va_end(ap);
}

__printf(2, 3)
static void advise(struct look *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(l->advice, sizeof(l->advice), fmt, ap);
	va_end(ap);
}

static bool conn_down(struct look *l)
{
	if (!l->conn->link.ifindex || (l->conn->link.flags & IFF_UP))
		return false;
	say(l, "its device is down");
	advise(l, "ip link set %s up", l->conn->ifname);
	return true;
}

static bool is_off(const char *path)
{
	FILE *f = fopen(path, "re");
	int on = '1';

	if (f) {
		on = fgetc(f);
		fclose(f);
	}
	return on == '0';
}

/* What comes from hosts behind this machine; its own packets need no forwarding. */
static bool forwarding_off(struct look *l)
{
	bool v4 = !l->conn->n_tunnels, v6 = false, off4, off6;
	char path[64 + IFNAMSIZ];
	unsigned int i;

	if (!l->conn->link.ifindex)
		return false;
	/* Of the inside's version; IPv4 where that says nothing. */
	for (i = 0; i < l->conn->n_tunnels; i++) {
		v4 |= l->conn->tunnel[i].config.inside.len != 16;
		v6 |= l->conn->tunnel[i].config.inside.len == 16;
	}
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", l->conn->ifname);
	off4 = v4 && is_off(path);
	/* All devices together: IPv6 asks no other. */
	off6 = v6 && is_off("/proc/sys/net/ipv6/conf/all/forwarding");
	if (!off4 && !off6)
		return false;
	say(l, "%s%s%s not forwarded, so only this machine's own packets cross",
	    off4 ? "IPv4" : "IPv6", off4 && off6 ? " and IPv6" : "", off4 && off6 ? " are" : " is");
	advise(l, "sysctl%s%s", off4 ? " net.ipv4.ip_forward=1" : "",
	       off6 ? " net.ipv6.conf.all.forwarding=1" : "");
	return true;
}

static bool mtu_too_large(struct look *l)
{
	const struct tunnel *t;
	unsigned int i;

	for (i = 0; i < l->conn->n_tunnels; i++) {
		t = &l->conn->tunnel[i];
		if (!tunnel_has(t, VGW_A_TUNNEL_MTU) || l->conn->mtu <= t->mtu)
			continue;
		say(l, "its MTU of %" PRIu32 " is more than the %" PRIu32 " that %s carries",
		    l->conn->mtu, t->mtu, t->config.ifname);
		advise(l, "vgwctl set %s mtu auto", l->conn->ifname);
		return true;
	}
	return false;
}

static bool tunnel_drained(struct look *l)
{
	if (!l->tunnel->drained)
		return false;
	say(l, "is drained");
	advise(l, "vgwctl undrain %s %s puts it back", l->conn->ifname,
	       l->tunnel->config.ifname);
	return true;
}

static bool tunnel_disabled(struct look *l)
{
	if (l->tunnel->state != VGW_STATE_DISABLED)
		return false;
	say(l, "has its device down");
	advise(l, "ip link set %s up", l->tunnel->config.ifname);
	return true;
}

/* The far end: as configured, else as an SA knows it. */
static bool far_end(const struct tunnel *t, struct ip_addr *local, struct ip_addr *remote)
{
	unsigned int i;

	*local = t->config.local;
	*remote = t->config.remote;
	for (i = 0; !remote->len && i < t->n_sas; i++) {
		*local = t->sas[i].local;
		*remote = t->sas[i].remote;
	}
	return remote->len;
}

static bool tunnel_no_route(struct look *l)
{
	struct ip_addr local, remote;
	struct route_info route;
	char addr[ADDR_LEN];
	struct nl_error err;
	int ret;

	/* The underlay of another netns is out of sight. */
	if (conn_has(l->conn, VGW_A_NETNSID) || !far_end(l->tunnel, &local, &remote))
		return false;
	/* A proven tunnel has a route, whatever rules hide it from this question. */
	if (l->tunnel->state == VGW_STATE_UP)
		return false;

	format_addr(addr, sizeof(addr), &remote);
	ret = route_get(l->rtnl, &local, &remote, &route, &err);
	if (ret == -ENETUNREACH || ret == -EHOSTUNREACH || ret == -EACCES) {
		say(l, "has no route to its far end %s", addr);
		advise(l, "add one to the underlay: ip route get %s shows what is there", addr);
		return true;
	}
	if (!ret && (route.oif == l->conn->ifindex || route.oif == l->tunnel->ifindex)) {
		say(l, "has its far end %s routed into the connection itself", addr);
		advise(l, "add a route to %s over the underlay", addr);
		return true;
	}
	if (!ret && local.len == remote.len && l->tunnel->state_reason == VGW_REASON_PATH_LOST) {
		say(l, "has no path to its far end %s", addr);
		advise(l, "check that the device towards it is up and running");
		return true;
	}
	return false;
}

static bool tunnel_no_sa(struct look *l)
{
	bool in = tunnel_has_sa(l->tunnel, VGW_SA_DIR_IN);
	bool out = tunnel_has_sa(l->tunnel, VGW_SA_DIR_OUT);
	char key[VALUE_LEN];

	if (in && out)
		return false;
	/* Not told of SAs: without CAP_NET_ADMIN the state and the policies have to say it. */
	if (!tunnel_has(l->tunnel, VGW_A_TUNNEL_SAS) &&
	    (l->tunnel->state != VGW_STATE_NO_SA ||
	     !l->tunnel->policies_in != !l->tunnel->policies_out))
		return false;
	tunnel_key(key, sizeof(key), &l->tunnel->config);
	say(l, "has no %sSA for %s", in ? "outbound " : out ? "inbound " : "", key);
	if (in || out)
		advise(l, "the IKE daemon's %s of this child must be %s (swanctl: if_id_%s or mark_%s)",
		       in ? "outbound key" : "inbound key", key, in ? "out" : "in",
		       in ? "out" : "in");
	else
		advise(l, "start its IKE daemon or see its log, and that its child has %s both ways (swanctl --list-sas)",
		       key);
	return true;
}

static bool tunnel_no_policy(struct look *l)
{
	const struct tunnel *t = l->tunnel;
	char key[VALUE_LEN];

	if (t->policies_in && t->policies_out)
		return false;
	tunnel_key(key, sizeof(key), &t->config);
	say(l, "has no %spolicy for %s", t->policies_out ? "inbound " :
	    t->policies_in ? "outbound " : "", key);
	advise(l, "let the IKE daemon install policies (swanctl: policies = yes, and traffic selectors)");
	return true;
}

static bool tunnel_unanswered(struct look *l)
{
	const struct tunnel *t = l->tunnel;
	char peer[ADDR_LEN], age[TIME_LEN];

	if (t->state != VGW_STATE_DOWN)
		return false;
	format_addr(peer, sizeof(peer), &t->config.peer);
	if (tunnel_has(t, VGW_A_TUNNEL_PROOF_AGE))
		say(l, "has had no echo from %s for %s", peer,
		    format_age(age, sizeof(age), t->proof_age));
	else
		say(l, "never had an echo from %s", peer);
	advise(l, "see whether the far end is up and answers ping at %s, else set keepalive passive",
	       peer);
	return true;
}

static bool tunnel_probing(struct look *l)
{
	const struct tunnel *t = l->tunnel;
	bool asks = keepalive_asks(t->config.keepalive);
	char peer[ADDR_LEN], age[TIME_LEN];

	if (t->state != VGW_STATE_PROBING)
		return false;
	format_addr(peer, sizeof(peer), &t->config.peer);
	say(l, "has been waiting for %s%s for %s",
	    asks ? "the first echo from " : "proof of life", asks ? peer : "",
	    format_age(age, sizeof(age), t->state_age));
	advise(l, "see whether the far end is up and answers ping at %s", peer);
	return true;
}

static bool tunnel_suspect(struct look *l)
{
	const struct tunnel *t = l->tunnel;
	char age[TIME_LEN];

	if (t->state != VGW_STATE_SUSPECT)
		return false;
	if (tunnel_has(t, VGW_A_TUNNEL_PROOF_AGE))
		say(l, "is suspect: nothing heard for %s",
		    format_age(age, sizeof(age), t->proof_age));
	else
		say(l, "is suspect: nothing heard yet");
	advise(l, "look again in a moment, and at the path's loss");
	return true;
}

static bool tunnel_other(struct look *l)
{
	if (tunnel_usable(l->tunnel))
		return false;
	say(l, "is not usable");
	advise(l, "vgwctl show %s says more", l->conn->ifname);
	return true;
}

static bool inside_unassigned(struct look *l)
{
	const struct tunnel *t = l->tunnel;
	char inside[VALUE_LEN];
	struct nl_error err;
	bool on_conn, on_tunnel;

	if (!t->config.inside.len)
		return false;
	if (addr_assigned(l->rtnl, l->conn->ifindex, &t->config.inside, &on_conn, &err) ||
	    addr_assigned(l->rtnl, t->ifindex, &t->config.inside, &on_tunnel, &err) ||
	    on_conn || on_tunnel)
		return false;
	tunnel_config_value(inside, sizeof(inside), &t->config, OPT_INSIDE);
	say(l, "has its inside address on no device, so nothing here answers at it");
	advise(l, "ip address add %s dev %s", inside, l->conn->ifname);
	return true;
}

/* A cause found hides those below it, a note does not. */
static const struct test conn_tests[] = {
	{ "forwarding-off", forwarding_off, true },
	{ "mtu-too-large", mtu_too_large, true },
	{ "device-down", conn_down, false },
};

static const struct test tunnel_tests[] = {
	{ "inside-unassigned", inside_unassigned, true },
	{ "drained", tunnel_drained, false },
	{ "tunnel-device-down", tunnel_disabled, false },
	{ "no-route", tunnel_no_route, false },
	{ "no-sa", tunnel_no_sa, false },
	{ "no-policy", tunnel_no_policy, false },
	{ "keepalive-unanswered", tunnel_unanswered, false },
	{ "probing", tunnel_probing, false },
	{ "suspect", tunnel_suspect, false },
	{ "not-usable", tunnel_other, false },
};

/* Returns whether a cause that is no mere note was found. */
static bool run_tests(const struct test *tests, size_t n, struct look *l, struct finding *f)
{
	unsigned int c;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!tests[i].found(l))
			continue;
		if (f->n_causes == ARRAY_SIZE(f->cause))
			return !tests[i].note;
		c = f->n_causes++;
		f->cause[c].name = tests[i].name;
		f->cause[c].tunnel = l->tunnel ? l->tunnel->config.ifname : NULL;
		snprintf(f->cause[c].text, sizeof(f->cause[c].text), "%s", l->text);
		snprintf(f->cause[c].advice, sizeof(f->cause[c].advice), "%s", l->advice);
		if (!tests[i].note)
			return true;
	}
	return false;
}

__printf(2, 3)
static void append(struct finding *f, const char *fmt, ...)
{
	size_t len = strlen(f->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text + len, sizeof(f->text) - len, fmt, ap);
	va_end(ap);
}

static bool is_note(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(conn_tests); i++)
		if (!strcmp(name, conn_tests[i].name))
			return conn_tests[i].note;
	for (i = 0; i < ARRAY_SIZE(tunnel_tests); i++)
		if (!strcmp(name, tunnel_tests[i].name))
			return tunnel_tests[i].note;
	return false;
}

/* All causes of a kind, with the first one's advice; then the next kind. */
static void append_causes(struct finding *f, bool notes)
{
	const char *sep = notes ? "; note: " : "";
	unsigned int i, j;

	for (i = 0; i < f->n_causes; i++) {
		if (is_note(f->cause[i].name) != notes)
			continue;
		for (j = 0; j < i; j++)
			if (!strcmp(f->cause[i].name, f->cause[j].name))
				break;
		if (j < i)
			continue;
		append(f, "%s", sep);
		for (j = i; j < f->n_causes; j++) {
			if (strcmp(f->cause[i].name, f->cause[j].name))
				continue;
			append(f, "%s%s%s%s", j > i ? " and " : "",
			       f->cause[j].tunnel ? f->cause[j].tunnel : "",
			       f->cause[j].tunnel ? " " : "", f->cause[j].text);
		}
		append(f, " (%s)", f->cause[i].advice);
		sep = "; ";
	}
}

static void judge(struct finding *f, const struct connection *conn, struct nl *rtnl)
{
	struct look l = { .conn = conn, .rtnl = rtnl };
	unsigned int i, usable = 0;
	bool down, fault = false;

	f->ifname = conn->ifname;
	down = run_tests(conn_tests, ARRAY_SIZE(conn_tests), &l, f);
	for (i = 0; i < conn->n_tunnels && !down; i++) {
		l.tunnel = &conn->tunnel[i];
		usable += tunnel_usable(l.tunnel);
		fault |= run_tests(tunnel_tests,
				   ARRAY_SIZE(tunnel_tests), &l, f);
	}

	if (down || !usable)
		f->status = RC_CHECK_DOWN;
	else
		f->status = fault ? RC_CHECK_DEGRADED : RC_CHECK_OK;

	append(f, "%s is %s: ", conn->ifname, status_word(f->status));
	append_causes(f, false);
	if (usable && !down)
		append(f, "%s%s is active, %u of %u tunnels usable", fault ? "; " : "",
		       conn_has(conn, VGW_A_ACTIVE) ? model_tunnel_name(conn, conn->active) :
						      "no tunnel",
		       usable, conn->n_tunnels);
	append_causes(f, true);
}

/**
 * status_word - the word for a judgement
 * @status: RC_CHECK_*
 */
const char *status_word(int status)
{
	static const char *const words[] = { "ok", "degraded", "down", "unknown" };

	return words[status];
}

static int print_findings(struct finding *findings, size_t n)
{
	static const enum color colors[] = { COLOR_GOOD, COLOR_WARN, COLOR_BAD, COLOR_BAD };
	int worst = RC_CHECK_OK;
	const char *word, *at;
	size_t i;

	for (i = 0; i < n; i++) {
		if (findings[i].status > worst)
			worst = findings[i].status;
		if (global.json)
			continue;
		word = status_word(findings[i].status);
		at = strstr(findings[i].text, word);
		if (at && global.color)
			printf("%.*s%s%s%s%s\n", (int)(at - findings[i].text), findings[i].text,
			       color(colors[findings[i].status]), word, color(COLOR_NONE),
			       at + strlen(word));
		else
			puts(findings[i].text);
	}
	if (global.json)
		json_findings(findings, n);
	return worst;
}

static int unknown(const char *dev, const char *cause, const char *text, const char *advice)
{
	struct finding f = { .ifname = dev, .status = RC_CHECK_UNKNOWN, .n_causes = 1 };

	append(&f, "%s%sunknown: %s%s%s%s", dev ? dev : "", dev ? " is " : "", text,
	       *advice ? " (" : "", advice, *advice ? ")" : "");
	f.cause[0].name = cause;
	snprintf(f.cause[0].text, sizeof(f.cause[0].text), "%s", text);
	snprintf(f.cause[0].advice, sizeof(f.cause[0].advice), "%s", advice);
	return print_findings(&f, 1);
}

static int judge_all(struct connection *list)
{
	struct finding *findings;
	struct connection *conn;
	struct nl_error err;
	struct nl rtnl;
	size_t n = 0;
	int rc;

	if (nl_open(&rtnl, NETLINK_ROUTE, &err))
		return unknown(NULL, "no-netlink", err.text, "");
	for (conn = list; conn; conn = conn->next)
		n++;
	findings = calloc(n, sizeof(*findings));
	if (!findings) {
		nl_close(&rtnl);
		return unknown(NULL, "no-memory", "out of memory", "");
	}
	for (n = 0, conn = list; conn; conn = conn->next)
		judge(&findings[n++], conn, &rtnl);
	nl_close(&rtnl);
	rc = print_findings(findings, n);
	free(findings);
	return rc;
}

/**
 * cmd_check - vgwctl check
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_check(const struct command *cmd, int argc, char **argv)
{
	const char *dev = argc > 1 ? argv[1] : NULL;
	char ifname[IFNAMSIZ];
	struct connection *list;
	struct nl_error err;
	struct problem p;
	struct nl nl;
	int ret, rc;

	if (argc > 2)
		return usage_error(cmd, "%s: one device at a time", argv[2]);
	if (dev && parse_ifname(dev, ifname, &p))
		return usage_error(cmd, "%s", p.text);

	ret = nl_open_vgw(&nl, &err);
	if (ret)
		return unknown(dev, ret == -ENOENT ? "no-module" : "no-netlink", err.text, "");
	ret = model_get(&nl, dev, &list, &err);
	nl_close(&nl);
	if (ret)
		return unknown(dev, "no-connection", err.text,
			       ret == -ENODEV ? "vgwctl show lists the connections" : "");
	if (!list)
		return unknown(NULL, "no-connection", "there is no connection",
			       "vgwctl add creates one");
	model_get_links(list, &err);
	rc = judge_all(list);
	model_free(list);
	return rc;
}
