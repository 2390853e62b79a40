// SPDX-License-Identifier: GPL-2.0
/* A connection as the kernel reports it. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/rtnetlink.h>

#include "model.h"

#define BITS_PER_HAVE	64

_Static_assert(VGW_A_MAX < BITS_PER_HAVE, "attributes of a connection fit their mask");
_Static_assert(VGW_A_TUNNEL_MAX < BITS_PER_HAVE, "attributes of a tunnel fit their mask");

/* Lengths are the kernel's to change: take what is there, up to what we know. */
static uint64_t attr_uint(const struct nlattr *attr)
{
	const void *p = mnl_attr_get_payload(attr);
	uint64_t u64 = 0;
	uint32_t u32;

	switch (mnl_attr_get_payload_len(attr)) {
	case sizeof(uint8_t):
		return mnl_attr_get_u8(attr);
	case sizeof(uint32_t):
		memcpy(&u32, p, sizeof(u32));
		return u32;
	case sizeof(uint64_t):
		memcpy(&u64, p, sizeof(u64));
		return u64;
	default:
		return 0;
	}
}

static void attr_name(const struct nlattr *attr, char *ifname)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len >= IFNAMSIZ)
		len = IFNAMSIZ - 1;
	memcpy(ifname, mnl_attr_get_payload(attr), len);
	ifname[len] = '\0';
}

static void attr_addr(const struct nlattr *attr, struct ip_addr *addr)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	memset(addr, 0, sizeof(*addr));
	if (len != 4 && len != 16)
		return;
	addr->len = len;
	memcpy(addr->b, mnl_attr_get_payload(attr), len);
}

static void parse_stats(const struct nlattr *nest, struct stats *stats)
{
	const struct nlattr *attr;
	uint16_t type;

	mnl_attr_for_each_nested(attr, nest) {
		type = mnl_attr_get_type(attr);
		if (type <= VGW_A_STATS_MAX && type != VGW_A_STATS_PAD)
			stats->v[type] = attr_uint(attr);
	}
}

static void parse_sa(const struct nlattr *nest, struct sa *sa)
{
	const struct nlattr *attr;

	memset(sa, 0, sizeof(*sa));
	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case VGW_A_SA_SPI:
			sa->spi = ntohl(attr_uint(attr));
			break;
		case VGW_A_SA_DIR:
			sa->dir = attr_uint(attr);
			break;
		case VGW_A_SA_LOCAL:
			attr_addr(attr, &sa->local);
			break;
		case VGW_A_SA_REMOTE:
			attr_addr(attr, &sa->remote);
			break;
		case VGW_A_SA_ENCAP:
			sa->encap = attr_uint(attr);
			break;
		}
	}
}

static int parse_sas(const struct nlattr *nest, struct tunnel *t)
{
	const struct nlattr *attr;
	unsigned int n = 0;
	struct sa *sas;

	mnl_attr_for_each_nested(attr, nest)
		n++;
	if (!n)
		return 0;
	sas = reallocarray(t->sas, t->n_sas + n, sizeof(*sas));
	if (!sas)
		return -ENOMEM;
	t->sas = sas;
	mnl_attr_for_each_nested(attr, nest)
		if (mnl_attr_get_type(attr) == VGW_A_SAS_SA)
			parse_sa(attr, &t->sas[t->n_sas++]);
	return 0;
}

static int parse_tunnel_config(const struct nlattr *attr, struct tunnel_config *c)
{
	switch (mnl_attr_get_type(attr)) {
	case VGW_A_TUNNEL_INDEX:
		c->index = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_IFNAME:
		attr_name(attr, c->ifname);
		return 1;
	case VGW_A_TUNNEL_IF_ID:
		c->if_id = attr_uint(attr);
		c->set |= OPT_BIT(OPT_IF_ID);
		return 1;
	case VGW_A_TUNNEL_MARK:
		c->mark = attr_uint(attr);
		c->set |= OPT_BIT(OPT_MARK);
		return 1;
	case VGW_A_TUNNEL_MARK_MASK:
		c->mask = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_LOCAL:
		attr_addr(attr, &c->local);
		return 1;
	case VGW_A_TUNNEL_REMOTE:
		attr_addr(attr, &c->remote);
		return 1;
	case VGW_A_TUNNEL_INSIDE:
		attr_addr(attr, &c->inside);
		return 1;
	case VGW_A_TUNNEL_INSIDE_LEN:
		c->inside_len = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_PEER:
		attr_addr(attr, &c->peer);
		return 1;
	case VGW_A_TUNNEL_PREFERENCE:
		c->preference = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_KEEPALIVE:
		c->keepalive = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_INTERVAL:
		c->interval = attr_uint(attr);
		return 1;
	case VGW_A_TUNNEL_MISSES:
		c->misses = attr_uint(attr);
		return 1;
	default:
		return 0;
	}
}

static int parse_tunnel_state(const struct nlattr *attr, struct tunnel *t)
{
	switch (mnl_attr_get_type(attr)) {
	case VGW_A_TUNNEL_IFINDEX:
		t->ifindex = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_DRAINED:
		t->drained = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_STATE:
		t->state = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_STATE_REASON:
		t->state_reason = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_STATE_AGE:
		t->state_age = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_RTT:
		t->rtt = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_PROOF_AGE:
		t->proof_age = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_MTU:
		t->mtu = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_POLICIES_IN:
		t->policies_in = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_POLICIES_OUT:
		t->policies_out = attr_uint(attr);
		break;
	case VGW_A_TUNNEL_SAS:
		return parse_sas(attr, t);
	case VGW_A_TUNNEL_STATS:
		parse_stats(attr, &t->stats);
		break;
	}
	return 0;
}

static int parse_tunnel(const struct nlattr *nest, struct tunnel *t, unsigned int place)
{
	const struct nlattr *attr;
	int err;

	t->config.index = place;
	t->config.mask = UINT32_MAX;
	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) <= VGW_A_TUNNEL_MAX)
			t->have |= ATTR_BIT(mnl_attr_get_type(attr));
		if (parse_tunnel_config(attr, &t->config))
			continue;
		err = parse_tunnel_state(attr, t);
		if (err)
			return err;
	}
	return 0;
}

static int parse_tunnels(const struct nlattr *nest, struct connection *conn)
{
	const struct nlattr *attr;
	int err;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != VGW_A_TUNNELS_TUNNEL)
			continue;
		if (conn->n_tunnels == VGW_MAX_TUNNELS)
			return -E2BIG;
		err = parse_tunnel(attr, &conn->tunnel[conn->n_tunnels], conn->n_tunnels);
		conn->n_tunnels++;
		if (err)
			return err;
	}
	return 0;
}

static void parse_switch_count(const struct nlattr *nest, struct connection *conn)
{
	uint64_t count = 0, reason = UINT64_MAX;
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		switch (mnl_attr_get_type(attr)) {
		case VGW_A_SWITCH_COUNT_REASON:
			reason = attr_uint(attr);
			break;
		case VGW_A_SWITCH_COUNT_COUNT:
			count = attr_uint(attr);
			break;
		}
	}
	/* A newer module may have reasons that this tool has no word for. */
	conn->switched[reason <= VGW_REASON_MAX ? reason : VGW_REASON_NONE] += count;
}

static int parse_connection_attr(const struct nlattr *attr, struct connection *conn)
{
	switch (mnl_attr_get_type(attr)) {
	case VGW_A_IFINDEX:
		conn->ifindex = attr_uint(attr);
		break;
	case VGW_A_IFNAME:
		attr_name(attr, conn->ifname);
		break;
	case VGW_A_REVERT:
		conn->revert = attr_uint(attr);
		break;
	case VGW_A_MTU:
		conn->mtu = attr_uint(attr);
		break;
	case VGW_A_MSS:
		conn->mss = attr_uint(attr);
		break;
	case VGW_A_TUNNELS:
		return parse_tunnels(attr, conn);
	case VGW_A_ACTIVE:
		conn->active = attr_uint(attr);
		break;
	case VGW_A_CARRIER:
		conn->carrier = attr_uint(attr);
		break;
	case VGW_A_NETNSID:
		conn->netnsid = attr_uint(attr);
		break;
	case VGW_A_SWITCHES:
		conn->switches = attr_uint(attr);
		break;
	case VGW_A_SWITCH_COUNT:
		parse_switch_count(attr, conn);
		break;
	case VGW_A_SWITCH_AGE:
		conn->switch_age = attr_uint(attr);
		break;
	case VGW_A_SWITCH_REASON:
		conn->switch_reason = attr_uint(attr);
		break;
	case VGW_A_SWITCH_FROM:
		conn->switch_from = attr_uint(attr);
		break;
	case VGW_A_SWITCH_PROOF_AGE:
		conn->switch_proof_age = attr_uint(attr);
		break;
	case VGW_A_REVERT_IN:
		conn->revert_in = attr_uint(attr);
		break;
	case VGW_A_STATS:
		parse_stats(attr, &conn->stats);
		break;
	}
	return 0;
}

struct collect {
	struct connection **tail;
	int err;
};

static int collect_cb(const struct nlmsghdr *nlh, void *data)
{
	struct collect *collect = data;
	struct connection *conn;
	const struct nlattr *attr;

	conn = calloc(1, sizeof(*conn));
	if (!conn)
		return MNL_CB_ERROR;
	*collect->tail = conn;
	collect->tail = &conn->next;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) <= VGW_A_MAX)
			conn->have |= ATTR_BIT(mnl_attr_get_type(attr));
		if (parse_connection_attr(attr, conn))
			return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

/**
 * model_get - ask for connections
 * @nl: a socket of nl_open_vgw()
 * @ifname: which, NULL for all
 * @list: the result, for model_free()
 * @err: why not
 */
int model_get(struct nl *nl, const char *ifname, struct connection **list,
	      struct nl_error *err)
{
	struct collect collect;
	struct nl_req req;
	int tries, ret;

	/* A dump that a change interrupted is asked for again, not for ever. */
	for (tries = 0; tries < 5; tries++) {
		*list = NULL;
		collect.tail = list;
		req_init_vgw(&req, nl, VGW_CMD_GET, ifname ? 0 : NLM_F_DUMP);
		if (ifname)
			mnl_attr_put_strz(req.hdr, VGW_A_IFNAME, ifname);
		ret = nl_talk(nl, &req, collect_cb, &collect, err);
		if (ret != -EAGAIN || err->code)
			break;
		if (tries < 4)
			model_free(*list);
		else
			ret = 0;
	}
	if (!ret && ifname && !*list)
		ret = nl_error_set(err, ENODEV, "the kernel's answer is empty");
	if (ret) {
		model_free(*list);
		*list = NULL;
	}
	return ret;
}

/**
 * model_get_links - complete connections with what rtnetlink knows of them
 * @list: the connections
 * @err: why not
 */
int model_get_links(struct connection *list, struct nl_error *err)
{
	struct connection *conn;
	struct nl nl;
	int ret;

	if (!list)
		return 0;
	ret = nl_open(&nl, NETLINK_ROUTE, err);
	if (ret)
		return ret;
	for (conn = list; conn; conn = conn->next) {
		/* Gone or renamed meanwhile: shown without. */
		if (link_get(&nl, conn->ifname, &conn->link, err) ||
		    conn->link.ifindex != conn->ifindex) {
			memset(&conn->link, 0, sizeof(conn->link));
			continue;
		}
		if (conn->link.master && !if_indextoname(conn->link.master, conn->master))
			conn->master[0] = '\0';
	}
	nl_close(&nl);
	return 0;
}

/**
 * model_free - free connections
 * @list: of model_get()
 */
void model_free(struct connection *list)
{
	struct connection *next;
	unsigned int i;

	for (; list; list = next) {
		next = list->next;
		for (i = 0; i < list->n_tunnels; i++)
			free(list->tunnel[i].sas);
		free(list);
	}
}

/**
 * model_tunnel - a tunnel by its index
 * @conn: the connection
 * @index: from 0
 *
 * Return: the tunnel or NULL
 */
const struct tunnel *model_tunnel(const struct connection *conn, unsigned int index)
{
	unsigned int i;

	for (i = 0; i < conn->n_tunnels; i++)
		if (conn->tunnel[i].config.index == (int)index)
			return &conn->tunnel[i];
	return NULL;
}

/**
 * model_tunnel_name - the name of a tunnel by its index
 * @conn: the connection
 * @index: from 0
 */
const char *model_tunnel_name(const struct connection *conn, unsigned int index)
{
	const struct tunnel *t = model_tunnel(conn, index);

	return t ? t->config.ifname : "?";
}

/**
 * model_config - the options of a connection
 * @conn: the connection
 * @config: the result, complete
 */
void model_config(const struct connection *conn, struct conn_config *config)
{
	struct tunnel_config *t;
	unsigned int i;

	memset(config, 0, sizeof(*config));
	snprintf(config->ifname, sizeof(config->ifname), "%s", conn->ifname);
	config->set = OPT_BIT(OPT_FIRST_TUNNEL) - 1;
	config->revert = conn->revert;
	config->mtu = conn->mtu;
	config->mss = conn->mss;
	config->n_tunnels = conn->n_tunnels;
	for (i = 0; i < conn->n_tunnels; i++) {
		t = &config->tunnel[i];
		*t = conn->tunnel[i].config;
		snprintf(t->label, sizeof(t->label), "tunnel %s", conn->tunnel[i].config.ifname);
		t->set |= OPT_BIT(OPT_MAX) - OPT_BIT(OPT_LOCAL);
	}
}

/**
 * tunnel_usable - whether a tunnel can be chosen
 * @tunnel: the tunnel
 */
bool tunnel_usable(const struct tunnel *tunnel)
{
	return !tunnel->drained &&
	       (tunnel->state == VGW_STATE_UP || tunnel->state == VGW_STATE_SUSPECT);
}

/**
 * tunnel_has_sa - whether a tunnel has an SA
 * @tunnel: the tunnel
 * @dir: of this direction, enum vgw_sa_dir
 */
bool tunnel_has_sa(const struct tunnel *tunnel, uint32_t dir)
{
	unsigned int i;

	for (i = 0; i < tunnel->n_sas; i++)
		if (tunnel->sas[i].dir == dir)
			return true;
	return false;
}

/**
 * tunnel_key - the key of a tunnel, as it is typed
 * @buf: at least VALUE_LEN
 * @size: of @buf
 * @tunnel: the tunnel
 */
const char *tunnel_key(char *buf, size_t size, const struct tunnel_config *tunnel)
{
	char mark[TIME_LEN];

	if (tunnel->set & OPT_BIT(OPT_MARK))
		snprintf(buf, size, "mark %s",
			 format_mark(mark, sizeof(mark), tunnel->mark, tunnel->mask));
	else
		snprintf(buf, size, "if_id %" PRIu32, tunnel->if_id);
	return buf;
}
