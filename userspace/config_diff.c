// SPDX-License-Identifier: GPL-2.0
/* Whole configurations: what is left out, what differs, how it is written. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "names.h"

/* The other host of a prefix with two: what the kernel takes for the peer. */
static void derive_peer(const struct ip_addr *inside, uint8_t len, struct ip_addr *peer)
{
	unsigned int bits = inside->len * 8, host;
	uint8_t *last;

	memset(peer, 0, sizeof(*peer));
	if (!inside->len || (len != bits - 1 && len != bits - 2))
		return;

	host = inside->b[inside->len - 1] & (len == bits - 1 ? 1 : 3);
	if (len == bits - 2 && (host == 0 || host == 3))
		return;

	*peer = *inside;
	last = &peer->b[peer->len - 1];
	*last ^= len == bits - 1 ? 1 : 3;
}

static void tunnel_defaults(struct tunnel_config *t)
{
	unsigned int missing = ~t->set;

	if (missing & OPT_BIT(OPT_PREFERENCE))
		t->preference = PREFERENCE_DEFAULT;
	if (missing & OPT_BIT(OPT_INTERVAL))
		t->interval = INTERVAL_DEFAULT;
	if (missing & OPT_BIT(OPT_MISSES))
		t->misses = MISSES_DEFAULT;
	if (missing & OPT_BIT(OPT_PEER))
		derive_peer(&t->inside, t->inside_len, &t->peer);
	if (missing & OPT_BIT(OPT_KEEPALIVE))
		t->keepalive = t->inside.len && t->peer.len ? VGW_KEEPALIVE_ACTIVE :
							      VGW_KEEPALIVE_PASSIVE;
	t->set |= OPT_BIT(OPT_MAX) - OPT_BIT(OPT_LOCAL);
}

/**
 * config_defaults - complete a configuration with the kernel's defaults
 * @conn: the configuration; each tunnel has its key already
 */
void config_defaults(struct conn_config *conn)
{
	unsigned int i;

	if (!(conn->set & OPT_BIT(OPT_REVERT)))
		conn->revert = REVERT_DEFAULT;
	if (!(conn->set & OPT_BIT(OPT_MTU)))
		conn->mtu = 0;
	if (!(conn->set & OPT_BIT(OPT_MSS)))
		conn->mss = 0;
	conn->set = OPT_BIT(OPT_FIRST_TUNNEL) - 1;
	for (i = 0; i < conn->n_tunnels; i++)
		tunnel_defaults(&conn->tunnel[i]);
}

/* Bits of the options in which two complete configurations differ. */
static unsigned int tunnel_diff(const struct tunnel_config *a, const struct tunnel_config *b)
{
	unsigned int keys = OPT_BIT(OPT_IF_ID) | OPT_BIT(OPT_MARK), diff = 0;

	if ((a->set & keys) != (b->set & keys))
		diff |= b->set & keys;
	if ((b->set & OPT_BIT(OPT_IF_ID)) && a->if_id != b->if_id)
		diff |= OPT_BIT(OPT_IF_ID);
	if ((b->set & OPT_BIT(OPT_MARK)) && (a->mark != b->mark || a->mask != b->mask))
		diff |= OPT_BIT(OPT_MARK);
	if (!addr_equal(&a->local, &b->local))
		diff |= OPT_BIT(OPT_LOCAL);
	if (!addr_equal(&a->remote, &b->remote))
		diff |= OPT_BIT(OPT_REMOTE);
	if (!addr_equal(&a->inside, &b->inside) || a->inside_len != b->inside_len)
		diff |= OPT_BIT(OPT_INSIDE) | OPT_BIT(OPT_PEER);
	if (!addr_equal(&a->peer, &b->peer))
		diff |= OPT_BIT(OPT_PEER);
	if (a->preference != b->preference)
		diff |= OPT_BIT(OPT_PREFERENCE);
	if (a->keepalive != b->keepalive)
		diff |= OPT_BIT(OPT_KEEPALIVE);
	if (a->interval != b->interval)
		diff |= OPT_BIT(OPT_INTERVAL);
	if (a->misses != b->misses)
		diff |= OPT_BIT(OPT_MISSES);
	return diff;
}

static const struct tunnel_config *tunnel_by_name(const struct conn_config *conn,
						  const char *ifname)
{
	unsigned int i;

	for (i = 0; i < conn->n_tunnels; i++)
		if (!strcmp(conn->tunnel[i].ifname, ifname))
			return &conn->tunnel[i];
	return NULL;
}

/**
 * config_diff - what to change
 * @have: the configuration there is, complete
 * @want: the configuration to have, complete; its tunnels are those of @have
 * @diff: the options of @want that differ and the tunnels that have some
 *
 * A change of the inside address makes the kernel derive the peer anew unless
 * the request says one: then it always does.
 *
 * Return: whether anything differs.
 */
bool config_diff(const struct conn_config *have, const struct conn_config *want,
		 struct conn_config *diff)
{
	const struct tunnel_config *from;
	struct tunnel_config *to;
	unsigned int i, set;

	*diff = *want;
	diff->set = 0;
	diff->n_tunnels = 0;
	if (have->revert != want->revert)
		diff->set |= OPT_BIT(OPT_REVERT);
	if (have->mtu != want->mtu)
		diff->set |= OPT_BIT(OPT_MTU);
	if (have->mss != want->mss)
		diff->set |= OPT_BIT(OPT_MSS);

	for (i = 0; i < want->n_tunnels; i++) {
		from = tunnel_by_name(have, want->tunnel[i].ifname);
		if (!from)
			continue;
		set = tunnel_diff(from, &want->tunnel[i]);
		if (!set)
			continue;
		to = &diff->tunnel[diff->n_tunnels++];
		*to = want->tunnel[i];
		to->set = set;
		to->index = from->index;
	}
	return diff->set || diff->n_tunnels;
}

/**
 * config_value - an option of a connection, as config_option() takes it
 * @buf: at least VALUE_LEN
 * @size: of @buf
 * @conn: the connection
 * @opt: which
 */
const char *config_value(char *buf, size_t size, const struct conn_config *conn, int opt)
{
	switch (opt) {
	case OPT_REVERT:
		if (conn->revert == VGW_FOREVER)
			snprintf(buf, size, "never");
		else
			format_time_ms(buf, size, conn->revert);
		break;
	case OPT_MTU:
		if (conn->mtu)
			snprintf(buf, size, "%" PRIu32, conn->mtu);
		else
			snprintf(buf, size, "auto");
		break;
	case OPT_MSS:
		if (conn->mss > 1)
			snprintf(buf, size, "%" PRIu32, conn->mss);
		else
			snprintf(buf, size, conn->mss ? "auto" : "off");
		break;
	default:
		snprintf(buf, size, "?");
	}
	return buf;
}

static const char *addr_value(char *buf, size_t size, const struct ip_addr *addr,
			      const char *none)
{
	if (addr->len)
		return format_addr(buf, size, addr);
	snprintf(buf, size, "%s", none);
	return buf;
}

static const char *inside_value(char *buf, size_t size, const struct tunnel_config *t)
{
	char addr[ADDR_LEN];

	if (t->inside.len)
		snprintf(buf, size, "%s/%u", format_addr(addr, sizeof(addr), &t->inside),
			 t->inside_len);
	else
		snprintf(buf, size, "none");
	return buf;
}

/**
 * tunnel_config_value - an option of a tunnel, as config_option() takes it
 * @buf: at least VALUE_LEN
 * @size: of @buf
 * @tunnel: the tunnel
 * @opt: which
 */
const char *tunnel_config_value(char *buf, size_t size, const struct tunnel_config *tunnel,
				int opt)
{
	switch (opt) {
	case OPT_IF_ID:
		snprintf(buf, size, "%" PRIu32, tunnel->if_id);
		return buf;
	case OPT_MARK:
		return format_mark(buf, size, tunnel->mark, tunnel->mask);
	case OPT_LOCAL:
		return addr_value(buf, size, &tunnel->local, "any");
	case OPT_REMOTE:
		return addr_value(buf, size, &tunnel->remote, "any");
	case OPT_INSIDE:
		return inside_value(buf, size, tunnel);
	case OPT_PEER:
		return addr_value(buf, size, &tunnel->peer, "none");
	case OPT_PREFERENCE:
		snprintf(buf, size, "%" PRIu32, tunnel->preference);
		return buf;
	case OPT_KEEPALIVE:
		snprintf(buf, size, "%s", name_of(&names_keepalive, tunnel->keepalive));
		return buf;
	case OPT_INTERVAL:
		return format_time_ms(buf, size, tunnel->interval);
	case OPT_MISSES:
		snprintf(buf, size, "%" PRIu32, tunnel->misses);
		return buf;
	default:
		snprintf(buf, size, "?");
		return buf;
	}
}
