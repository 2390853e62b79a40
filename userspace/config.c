// SPDX-License-Identifier: GPL-2.0
/* What an administrator can set: one table of options for every command. */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

/**
 * struct option_def - an option
 * @word: as typed
 * @allowed: what its value can be, ends the sentence "it must be ..."
 * @parse: puts the value into the one of @conn and @tunnel that it is for
 */
struct option_def {
	const char *word;
	const char *allowed;
	int (*parse)(struct conn_config *conn, struct tunnel_config *tunnel,
		     const char *value);
};

/**
 * problem - note what is wrong
 * @p: where
 * @fmt: a sentence
 *
 * Return: -EINVAL, for the caller to return.
 */
int problem(struct problem *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int parse_range(const char *value, uint32_t min, uint32_t max, uint32_t *val)
{
	uint32_t number;
	int err = parse_u32(value, &number);

	if (err)
		return err;
	if (number < min || number > max)
		return -ERANGE;
	*val = number;
	return 0;
}

static int parse_revert(struct conn_config *conn, struct tunnel_config *tunnel,
			const char *value)
{
	uint32_t ms;
	int err;

	(void)tunnel;
	if (!strcmp(value, "never")) {
		conn->revert = VGW_FOREVER;
		return 0;
	}
	err = parse_time_ms(value, &ms);
	if (err)
		return err;
	if (ms == VGW_FOREVER)
		return -ERANGE;
	conn->revert = ms;
	return 0;
}

static int parse_mtu(struct conn_config *conn, struct tunnel_config *tunnel,
		     const char *value)
{
	(void)tunnel;
	if (!strcmp(value, "auto")) {
		conn->mtu = 0;
		return 0;
	}
	return parse_range(value, 68, 65535, &conn->mtu);
}

static int parse_mss(struct conn_config *conn, struct tunnel_config *tunnel,
		     const char *value)
{
	(void)tunnel;
	if (!strcmp(value, "off") || !strcmp(value, "auto")) {
		conn->mss = value[0] == 'a';
		return 0;
	}
	return parse_range(value, 88, 65535, &conn->mss);
}

static int parse_if_id(struct conn_config *conn, struct tunnel_config *tunnel,
		       const char *value)
{
	(void)conn;
	return parse_range(value, 1, UINT32_MAX, &tunnel->if_id);
}

static int parse_key_mark(struct conn_config *conn, struct tunnel_config *tunnel,
			  const char *value)
{
	(void)conn;
	return parse_mark(value, &tunnel->mark, &tunnel->mask);
}

/* "any" or "none" takes an address away. */
static int parse_opt_addr(const char *value, const char *none, struct ip_addr *addr)
{
	if (!strcmp(value, none)) {
		memset(addr, 0, sizeof(*addr));
		return 0;
	}
	return parse_addr(value, addr);
}

static int parse_local(struct conn_config *conn, struct tunnel_config *tunnel,
		       const char *value)
{
	(void)conn;
	return parse_opt_addr(value, "any", &tunnel->local);
}

static int parse_remote(struct conn_config *conn, struct tunnel_config *tunnel,
			const char *value)
{
	(void)conn;
	return parse_opt_addr(value, "any", &tunnel->remote);
}

static int parse_inside(struct conn_config *conn, struct tunnel_config *tunnel,
			const char *value)
{
	(void)conn;
	if (!strcmp(value, "none")) {
		memset(&tunnel->inside, 0, sizeof(tunnel->inside));
		tunnel->inside_len = 0;
		return 0;
	}
	return parse_prefix(value, &tunnel->inside, &tunnel->inside_len);
}

static int parse_peer(struct conn_config *conn, struct tunnel_config *tunnel,
		      const char *value)
{
	(void)conn;
	return parse_opt_addr(value, "none", &tunnel->peer);
}

static int parse_preference(struct conn_config *conn, struct tunnel_config *tunnel,
			    const char *value)
{
	(void)conn;
	return parse_range(value, 0, 65535, &tunnel->preference);
}

static int parse_interval(struct conn_config *conn, struct tunnel_config *tunnel,
			  const char *value)
{
	uint32_t ms;
	int err = parse_time_ms(value, &ms);

	(void)conn;
	if (err)
		return err;
	if (ms < 10 || ms > 3600000)
		return -ERANGE;
	tunnel->interval = ms;
	return 0;
}

static int parse_keepalive(struct conn_config *conn, struct tunnel_config *tunnel,
			   const char *value)
{
	int err;

	if (!strcmp(value, "passive")) {
		tunnel->keepalive = VGW_KEEPALIVE_PASSIVE;
		return 0;
	}
	if (!strcmp(value, "off")) {
		tunnel->keepalive = VGW_KEEPALIVE_OFF;
		return 0;
	}
	if (!strcmp(value, "always")) {
		tunnel->keepalive = VGW_KEEPALIVE_ALWAYS;
		return 0;
	}
	if (strcmp(value, "active")) {
		if (tunnel->set & OPT_BIT(OPT_INTERVAL))
			return -EEXIST;
		err = parse_interval(conn, tunnel, value);
		if (err)
			return err;
		tunnel->set |= OPT_BIT(OPT_INTERVAL);
	}
	tunnel->keepalive = VGW_KEEPALIVE_ACTIVE;
	return 0;
}

static int parse_misses(struct conn_config *conn, struct tunnel_config *tunnel,
			const char *value)
{
	(void)conn;
	return parse_range(value, 1, 32, &tunnel->misses);
}

static const struct option_def options[OPT_MAX] = {
	[OPT_REVERT] = { "revert", "a time such as 30s or 5m (below 49 days), or never",
			 parse_revert },
	[OPT_MTU] = { "mtu", "a number from 68 to 65535, or auto", parse_mtu },
	[OPT_MSS] = { "mss", "a number from 88 to 65535, or auto, or off", parse_mss },
	[OPT_IF_ID] = { "if_id", "a number from 1 to 4294967295", parse_if_id },
	[OPT_MARK] = { "mark", "N or N/MASK, numbers up to 0xffffffff, MASK not 0",
		       parse_key_mark },
	[OPT_LOCAL] = { "local", "an IPv4 or IPv6 address, or any", parse_local },
	[OPT_REMOTE] = { "remote", "an IPv4 or IPv6 address, or any", parse_remote },
	[OPT_INSIDE] = { "inside", "an address with its prefix length, such as 169.254.10.2/30, or none",
			 parse_inside },
	[OPT_PEER] = { "peer", "an IPv4 or IPv6 address, or none", parse_peer },
	[OPT_PREFERENCE] = { "preference", "a number from 0 to 65535", parse_preference },
	[OPT_KEEPALIVE] = { "keepalive", "a time from 10ms to 1h, or active, always, passive or off",
			    parse_keepalive },
	[OPT_INTERVAL] = { "interval", "a time from 10ms to 1h", parse_interval },
	[OPT_MISSES] = { "misses", "a number from 1 to 32", parse_misses },
};

/**
 * option_word - the keyword of an option
 * @opt: which
 */
const char *option_word(int opt)
{
	return options[opt].word;
}

/**
 * option_find - the option of a keyword
 * @word: the keyword
 *
 * Return: the option, -1 for a word that is none.
 */
int option_find(const char *word)
{
	int opt;

	for (opt = 0; opt < OPT_MAX; opt++)
		if (!strcmp(word, options[opt].word))
			return opt;
	return -1;
}

/**
 * option_is_tunnel - whether an option is a tunnel's
 * @opt: which
 */
bool option_is_tunnel(int opt)
{
	return opt >= OPT_FIRST_TUNNEL;
}

static int unknown_option(const char *word, bool tunnel, struct problem *p)
{
	const char *words[OPT_MAX + 1], *hint;
	char all[160] = "";
	size_t n = 0;
	int opt;

	for (opt = 0; opt < OPT_MAX; opt++)
		if (option_is_tunnel(opt) == tunnel)
			words[n++] = options[opt].word;
	words[n++] = "tunnel";

	hint = nearest(word, words, n);
	if (hint)
		return problem(p, "%s: no such option; did you mean %s?", word, hint);
	for (size_t i = 0; i < n; i++) {
		strncat(all, i ? ", " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, words[i], sizeof(all) - strlen(all) - 1);
	}
	return problem(p, "%s: no such option; there are %s", word, all);
}

/**
 * config_option - take an option
 * @conn: the connection
 * @tunnel: the tunnel that is being described, NULL before the first
 * @word: keyword
 * @value: its value, NULL when there is none
 * @p: what is wrong
 *
 * Return: 0 or -EINVAL with @p.
 */
int config_option(struct conn_config *conn, struct tunnel_config *tunnel,
		  const char *word, const char *value, struct problem *p)
{
	int opt = option_find(word), err;
	unsigned int *set;
	char *typed;

	if (opt < 0)
		return unknown_option(word, tunnel, p);
	if (option_is_tunnel(opt) && !tunnel)
		return problem(p, "%s is an option of a tunnel; say which first: tunnel ... %s %s",
			       word, word, value ? value : "VALUE");
	if (!option_is_tunnel(opt) && tunnel)
		return problem(p, "%s is an option of the connection; it goes before the first tunnel",
			       word);
	if (!value)
		return problem(p, "%s: the value is missing", word);

	set = tunnel ? &tunnel->set : &conn->set;
	if (*set & OPT_BIT(opt)) {
		if (opt == OPT_INTERVAL)
			return problem(p, "interval %s: given twice (keepalive INTERVAL sets it too)",
				       value);
		return problem(p, "%s %s: given twice", word, value);
	}

	err = options[opt].parse(conn, tunnel, value);
	if (err == -EEXIST)
		return problem(p, "keepalive %s: the interval is given twice", value);
	if (err)
		return problem(p, "%s: %.80s is %s; it must be %s", word, *value ? value : "''",
			       err == -ERANGE ? "out of range" : "no such value",
			       options[opt].allowed);

	typed = tunnel ? tunnel->typed[opt] : conn->typed[opt];
	snprintf(typed, VALUE_LEN, "%s", value);
	*set |= OPT_BIT(opt);
	return 0;
}

/**
 * config_add_tunnel - begin a tunnel
 * @conn: its connection
 * @p: what is wrong
 *
 * Return: the tunnel, NULL with @p when there are too many.
 */
struct tunnel_config *config_add_tunnel(struct conn_config *conn, struct problem *p)
{
	struct tunnel_config *tunnel;

	if (conn->n_tunnels == VGW_MAX_TUNNELS) {
		problem(p, "tunnel %u: a connection holds %u tunnels at most",
			conn->n_tunnels + 1, VGW_MAX_TUNNELS);
		return NULL;
	}
	tunnel = &conn->tunnel[conn->n_tunnels++];
	memset(tunnel, 0, sizeof(*tunnel));
	tunnel->index = -1;
	snprintf(tunnel->label, sizeof(tunnel->label), "tunnel %u", conn->n_tunnels);
	return tunnel;
}

/**
 * config_tunnel_key - whether a tunnel has exactly one key
 * @tunnel: the tunnel
 * @p: what is wrong
 */
int config_tunnel_key(const struct tunnel_config *tunnel, struct problem *p)
{
	bool if_id = tunnel->set & OPT_BIT(OPT_IF_ID);
	bool mark = tunnel->set & OPT_BIT(OPT_MARK);

	if (if_id && mark)
		return problem(p, "%s: if_id and mark exclude each other", tunnel->label);
	if (!if_id && !mark)
		return problem(p, "%s: a key is missing: if_id N or mark N[/MASK]",
			       tunnel->label);
	return 0;
}

/**
 * parse_ifname - the name of a network device
 * @s: the text
 * @ifname: the result
 * @p: what is wrong
 */
int parse_ifname(const char *s, char *ifname, struct problem *p)
{
	size_t len = strlen(s);
	const char *c;

	if (!len || len >= IFNAMSIZ)
		return problem(p, "%s: a device's name has 1 to %d characters",
			       len ? s : "''", IFNAMSIZ - 1);
	if (!strcmp(s, ".") || !strcmp(s, ".."))
		return problem(p, "%s: not a device's name", s);
	for (c = s; *c; c++)
		if (*c == '/' || *c == ':' || *c == '%' || isspace((unsigned char)*c))
			return problem(p, "%s: a device's name has no spaces, '/', ':' or '%%'",
				       s);
	memcpy(ifname, s, len + 1);
	return 0;
}

/* Errors of a tunnel's option begin with the tunnel. */
static int in_tunnel(const struct tunnel_config *tunnel, int err, struct problem *p)
{
	struct problem inner = *p;

	if (err && tunnel)
		problem(p, "%s: %.200s", tunnel->label, inner.text);
	return err;
}

/**
 * parse_connection - the options of vgwctl add
 * @argc: of @argv
 * @argv: what follows the device
 * @conn: the result
 * @p: what is wrong
 */
int parse_connection(int argc, char **argv, struct conn_config *conn, struct problem *p)
{
	struct tunnel_config *tunnel = NULL;
	int i, err;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "tunnel")) {
			tunnel = config_add_tunnel(conn, p);
			if (!tunnel)
				return -EINVAL;
			if (i + 1 == argc || option_find(argv[i + 1]) >= 0 ||
			    !strcmp(argv[i + 1], "tunnel"))
				continue;
			i++;
			err = parse_ifname(argv[i], tunnel->ifname, p);
		} else {
			err = config_option(conn, tunnel, argv[i],
					    i + 1 < argc ? argv[i + 1] : NULL, p);
			i++;
		}
		if (err)
			return in_tunnel(tunnel, err, p);
	}

	if (!conn->n_tunnels)
		return problem(p, "a connection needs 1 to %u tunnels: tunnel if_id N ...",
			       VGW_MAX_TUNNELS);
	for (i = 0; i < (int)conn->n_tunnels; i++) {
		err = config_tunnel_key(&conn->tunnel[i], p);
		if (err)
			return err;
	}
	return 0;
}

/* N counts from 1; any other word is a device, to be looked up later. */
static int parse_tunnel_ref(const char *s, struct tunnel_config *tunnel, struct problem *p)
{
	uint32_t number;

	snprintf(tunnel->label, sizeof(tunnel->label), "tunnel %.15s", s);
	if (isdigit((unsigned char)s[0]) && !parse_u32(s, &number)) {
		if (number < 1 || number > VGW_MAX_TUNNELS)
			return problem(p, "tunnel %s: tunnels count from 1 to %u at most", s,
				       VGW_MAX_TUNNELS);
		tunnel->index = number - 1;
		return 0;
	}
	return parse_ifname(s, tunnel->ifname, p);
}

/**
 * parse_changes - the options of vgwctl set, or the one tunnel of switch
 * @argc: of @argv
 * @argv: what follows the device
 * @conn: the result; its tunnels have either an index or a name
 * @p: what is wrong
 */
int parse_changes(int argc, char **argv, struct conn_config *conn, struct problem *p)
{
	struct tunnel_config *tunnel = NULL;
	int i, err;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "tunnel")) {
			if (tunnel && !tunnel->set)
				return problem(p, "%s: nothing to change", tunnel->label);
			tunnel = config_add_tunnel(conn, p);
			if (!tunnel)
				return -EINVAL;
			if (++i == argc || option_find(argv[i]) >= 0)
				return problem(p, "tunnel: say which: its number, from 1, or its device");
			err = parse_tunnel_ref(argv[i], tunnel, p);
			if (err)
				return err;
			continue;
		}
		err = config_option(conn, tunnel, argv[i],
				    i + 1 < argc ? argv[i + 1] : NULL, p);
		i++;
		if (err)
			return in_tunnel(tunnel, err, p);
		if (tunnel && (tunnel->set & OPT_BIT(OPT_IF_ID)) &&
		    (tunnel->set & OPT_BIT(OPT_MARK)))
			return problem(p, "%s: if_id and mark exclude each other",
				       tunnel->label);
	}
	if (tunnel && !tunnel->set)
		return problem(p, "%s: nothing to change", tunnel->label);
	if (!tunnel && !conn->set)
		return problem(p, "nothing to change");
	return 0;
}
