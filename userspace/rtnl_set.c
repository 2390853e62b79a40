// SPDX-License-Identifier: GPL-2.0
/* What vgwctl up sets by rtnetlink, and finds again: its own are marked PROTO_VGW. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink.h"

static uint8_t family(const struct prefix *p)
{
	return p->addr.len == 4 ? AF_INET : AF_INET6;
}

static struct ifinfomsg *put_link(struct nl_req *req, unsigned int ifindex)
{
	struct ifinfomsg *ifi;

	req_init(req, RTM_NEWLINK, 0);
	ifi = mnl_nlmsg_put_extra_header(req->hdr, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = ifindex;
	return ifi;
}

/**
 * link_change - change flags of a device
 * @nl: a socket of rtnetlink
 * @ifindex: the device
 * @flags: IFF_*
 * @mask: which of them
 * @err: why not
 */
int link_change(struct nl *nl, unsigned int ifindex, unsigned int flags, unsigned int mask,
		struct nl_error *err)
{
	struct ifinfomsg *ifi;
	struct nl_req req;

	ifi = put_link(&req, ifindex);
	ifi->ifi_flags = flags;
	ifi->ifi_change = mask;
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * link_enslave - put a device into a VRF
 * @nl: a socket of rtnetlink
 * @ifindex: the device
 * @master: the VRF, 0 for none
 * @err: why not
 */
int link_enslave(struct nl *nl, unsigned int ifindex, unsigned int master,
		 struct nl_error *err)
{
	struct nl_req req;

	put_link(&req, ifindex);
	mnl_attr_put_u32(req.hdr, IFLA_MASTER, master);
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * addr_change - add an address, or take it away
 * @nl: a socket of rtnetlink
 * @add: which of the two
 * @ifindex: the device
 * @addr: the address
 * @err: why not
 */
int addr_change(struct nl *nl, bool add, unsigned int ifindex, const struct prefix *addr,
		struct nl_error *err)
{
	struct ifaddrmsg *ifa;
	struct nl_req req;

	req_init(&req, add ? RTM_NEWADDR : RTM_DELADDR, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	ifa = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifa));
	ifa->ifa_family = family(addr);
	ifa->ifa_prefixlen = addr->len;
	ifa->ifa_index = ifindex;
	mnl_attr_put(req.hdr, IFA_LOCAL, addr->addr.len, addr->addr.b);
	mnl_attr_put(req.hdr, IFA_ADDRESS, addr->addr.len, addr->addr.b);
	if (add)
		mnl_attr_put_u8(req.hdr, IFA_PROTO, PROTO_VGW);
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * route_change - add a route, or take it away
 * @nl: a socket of rtnetlink
 * @add: which of the two
 * @ifindex: the device, 0 for a guard
 * @guard: metric of a guard: the network is unreachable without a better route;
 *         0 for a route to the device
 * @table: the table, 0 for the main one
 * @dst: the network
 * @err: why not
 */
int route_change(struct nl *nl, bool add, unsigned int ifindex, uint32_t guard, uint32_t table,
		 const struct prefix *dst, struct nl_error *err)
{
	struct nl_req req;
	struct rtmsg *rtm;

	req_init(&req, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0);
	rtm = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*rtm));
	rtm->rtm_family = family(dst);
	rtm->rtm_dst_len = dst->len;
	rtm->rtm_table = RT_TABLE_UNSPEC;
	rtm->rtm_protocol = PROTO_VGW;
	rtm->rtm_type = guard ? RTN_UNREACHABLE : RTN_UNICAST;
	rtm->rtm_scope = !guard && dst->addr.len == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	mnl_attr_put(req.hdr, RTA_DST, dst->addr.len, dst->addr.b);
	mnl_attr_put_u32(req.hdr, RTA_TABLE, table ? table : RT_TABLE_MAIN);
	if (guard)
		mnl_attr_put_u32(req.hdr, RTA_PRIORITY, guard);
	else
		mnl_attr_put_u32(req.hdr, RTA_OIF, ifindex);
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * set_has - whether a set has an address or a route
 * @set: the set
 * @prefix: which
 */
bool set_has(const struct set *set, const struct prefix *prefix)
{
	unsigned int i;

	for (i = 0; i < set->n; i++)
		if (prefix_equal(&set->prefix[i], prefix))
			return true;
	return false;
}

/**
 * set_free - forget a set
 * @set: the set
 */
void set_free(struct set *set)
{
	free(set->prefix);
	free(set->table);
	memset(set, 0, sizeof(*set));
}

struct listing {
	struct set *set;
	unsigned int ifindex;
	uint32_t guard;
	uint32_t table;
};

static int set_add(struct set *set, const void *addr, size_t len, uint8_t prefix_len,
		   uint32_t table)
{
	struct prefix *p = reallocarray(set->prefix, set->n + 1, sizeof(*p));
	uint32_t *tables;

	if (!p)
		return MNL_CB_ERROR;
	set->prefix = p;
	tables = reallocarray(set->table, set->n + 1, sizeof(*tables));
	if (!tables)
		return MNL_CB_ERROR;
	set->table = tables;
	tables[set->n] = table;
	p += set->n++;
	memset(p, 0, sizeof(*p));
	p->addr.len = len;
	memcpy(p->addr.b, addr, len);
	p->len = prefix_len;
	return MNL_CB_OK;
}

static int addr_list_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *own = NULL;
	struct listing *l = data;
	bool ours = false;

	if (nlh->nlmsg_type != RTM_NEWADDR || ifa->ifa_index != l->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(attr) == IFA_PROTO)
			ours = mnl_attr_get_u8(attr) == PROTO_VGW;
		if (mnl_attr_get_type(attr) == IFA_LOCAL ||
		    (mnl_attr_get_type(attr) == IFA_ADDRESS && !own))
			own = attr;
	}
	if (!ours || !own)
		return MNL_CB_OK;
	return set_add(l->set, mnl_attr_get_payload(own), mnl_attr_get_payload_len(own),
		       ifa->ifa_prefixlen, 0);
}

/**
 * addr_list - the addresses that vgwctl up gave a device
 * @nl: a socket of rtnetlink
 * @ifindex: the device
 * @set: the result, for set_free()
 * @err: why not
 */
int addr_list(struct nl *nl, unsigned int ifindex, struct set *set, struct nl_error *err)
{
	struct listing l = { .set = set, .ifindex = ifindex };
	struct ifaddrmsg *ifa;
	struct nl_req req;

	memset(set, 0, sizeof(*set));
	req_init(&req, RTM_GETADDR, NLM_F_DUMP);
	ifa = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifa));
	ifa->ifa_family = AF_UNSPEC;
	return nl_dump(nl, &req, addr_list_cb, &l, err);
}

static int route_list_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr, *dst = NULL;
	static const uint8_t any[16];
	struct listing *l = data;
	uint32_t table = rtm->rtm_table, oif = 0, metric = 0;
	size_t len = rtm->rtm_family == AF_INET ? 4 : 16;

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_protocol != PROTO_VGW)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_TABLE)
			table = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_OIF)
			oif = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_PRIORITY)
			metric = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST)
			dst = attr;
	}
	/* IPv6 shows a guard on the loopback device. */
	if (metric < GUARD_FIRST)
		metric = 0;
	else
		oif = 0;
	if ((l->table != TABLE_ANY && table != l->table) || oif != l->ifindex || metric != l->guard)
		return MNL_CB_OK;
	if (dst && mnl_attr_get_payload_len(dst) != len)
		return MNL_CB_OK;
	return set_add(l->set, dst ? mnl_attr_get_payload(dst) : any, len, rtm->rtm_dst_len,
		       table);
}

/**
 * route_list - the routes of vgwctl up
 * @nl: a socket of rtnetlink
 * @ifindex: to this device; 0 for guards
 * @guard: metric of the guards, 0 for routes to the device
 * @table: in this table, 0 for the main one, TABLE_ANY
 * @set: the result, for set_free()
 * @err: why not
 */
int route_list(struct nl *nl, unsigned int ifindex, uint32_t guard, uint32_t table,
	       struct set *set, struct nl_error *err)
{
	struct listing l = { .set = set, .ifindex = ifindex, .guard = guard,
			     .table = table ? table : RT_TABLE_MAIN };
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct nl_req req;
	struct rtmsg *rtm;
	size_t i;
	int ret;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < ARRAY_SIZE(families); i++) {
		req_init(&req, RTM_GETROUTE, NLM_F_DUMP);
		rtm = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*rtm));
		rtm->rtm_family = families[i];
		rtm->rtm_protocol = PROTO_VGW;
		ret = nl_dump(nl, &req, route_list_cb, &l, err);
		if (ret)
			return ret;
	}
	return 0;
}
