// SPDX-License-Identifier: GPL-2.0
/* What rtnetlink knows: devices, addresses, routes. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "netlink.h"

/**
 * nl_dump - ask for all of something
 * @nl: the socket
 * @req: the request, with NLM_F_DUMP
 * @cb: for each message
 * @data: for @cb
 * @err: why not
 *
 * The answer may have been changing while it was read: good enough for what
 * a person looks at, so no error.
 */
int nl_dump(struct nl *nl, struct nl_req *req, mnl_cb_t cb, void *data,
	    struct nl_error *err)
{
	int ret = nl_talk(nl, req, cb, data, err);

	return ret == -EAGAIN ? 0 : ret;
}

static void copy_str(char *to, size_t size, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len >= size)
		len = size - 1;
	memcpy(to, mnl_attr_get_payload(attr), len);
	to[len] = '\0';
}

static void parse_info(const struct nlattr *nest, struct link_info *link)
{
	const struct nlattr *attr, *data = NULL;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
			copy_str(link->kind, sizeof(link->kind), attr);
		if (mnl_attr_get_type(attr) == IFLA_INFO_DATA)
			data = attr;
	}
	if (!data || strcmp(link->kind, "vrf"))
		return;
	mnl_attr_for_each_nested(attr, data)
		if (mnl_attr_get_type(attr) == IFLA_VRF_TABLE)
			link->table = mnl_attr_get_u32(attr);
}

static void parse_link(const struct nlmsghdr *nlh, struct link_info *link)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	memset(link, 0, sizeof(*link));
	link->ifindex = ifi->ifi_index;
	link->flags = ifi->ifi_flags;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			copy_str(link->ifname, sizeof(link->ifname), attr);
			break;
		case IFLA_MTU:
			link->mtu = mnl_attr_get_u32(attr);
			break;
		case IFLA_MASTER:
			link->master = mnl_attr_get_u32(attr);
			break;
		case IFLA_LINKINFO:
			parse_info(attr, link);
			break;
		}
	}
}

static int link_cb(const struct nlmsghdr *nlh, void *data)
{
	if (nlh->nlmsg_type == RTM_NEWLINK)
		parse_link(nlh, data);
	return MNL_CB_OK;
}

/**
 * link_get - learn about a device
 * @nl: a socket of rtnetlink
 * @ifname: the device
 * @link: the result
 * @err: why not
 */
int link_get(struct nl *nl, const char *ifname, struct link_info *link,
	     struct nl_error *err)
{
	struct ifinfomsg *ifi;
	struct nl_req req;
	int ret;

	memset(link, 0, sizeof(*link));
	req_init(&req, RTM_GETLINK, 0);
	ifi = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(req.hdr, IFLA_IFNAME, ifname);
	mnl_attr_put_u32(req.hdr, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);

	ret = nl_talk(nl, &req, link_cb, link, err);
	if (ret == -ENODEV)
		return nl_error_set(err, ENODEV, "there is no such device");
	return ret;
}

struct link_walk {
	const char *kind;
	void (*fn)(const struct link_info *link, void *data);
	void *data;
};

static int link_walk_cb(const struct nlmsghdr *nlh, void *data)
{
	struct link_walk *walk = data;
	struct link_info link;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	parse_link(nlh, &link);
	if (!strcmp(link.kind, walk->kind))
		walk->fn(&link, walk->data);
	return MNL_CB_OK;
}

/**
 * link_each - visit the devices of a kind
 * @nl: a socket of rtnetlink
 * @kind: the kind; unlike vgw's own family this never loads the module
 * @fn: for each
 * @data: for @fn
 * @err: why not
 */
int link_each(struct nl *nl, const char *kind, void (*fn)(const struct link_info *, void *),
	      void *data, struct nl_error *err)
{
	struct link_walk walk = { .kind = kind, .fn = fn, .data = data };
	struct ifinfomsg *ifi;
	struct nl_req req;

	req_init(&req, RTM_GETLINK, NLM_F_DUMP);
	ifi = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_u32(req.hdr, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_dump(nl, &req, link_walk_cb, &walk, err);
}

static int route_cb(const struct nlmsghdr *nlh, void *data)
{
	struct route_info *route = data;
	const struct nlattr *attr;

	if (nlh->nlmsg_type != RTM_NEWROUTE)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg))
		if (mnl_attr_get_type(attr) == RTA_OIF)
			route->oif = mnl_attr_get_u32(attr);
	return MNL_CB_OK;
}

/**
 * route_get - how the kernel would send to an address
 * @nl: a socket of rtnetlink
 * @local: source, possibly none
 * @remote: destination
 * @route: the result
 * @err: why not; ENETUNREACH and the like when there is no route
 */
int route_get(struct nl *nl, const struct ip_addr *local, const struct ip_addr *remote,
	      struct route_info *route, struct nl_error *err)
{
	struct nl_req req;
	struct rtmsg *rtm;

	memset(route, 0, sizeof(*route));
	req_init(&req, RTM_GETROUTE, 0);
	rtm = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*rtm));
	rtm->rtm_family = remote->len == 4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = remote->len * 8;
	mnl_attr_put(req.hdr, RTA_DST, remote->len, remote->b);
	if (local->len == remote->len) {
		rtm->rtm_src_len = local->len * 8;
		mnl_attr_put(req.hdr, RTA_SRC, local->len, local->b);
	}
	return nl_talk(nl, &req, route_cb, route, err);
}

struct addr_search {
	unsigned int ifindex;
	const struct ip_addr *addr;
	bool found;
};

static int addr_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr_search *search = data;
	const struct nlattr *attr, *own = NULL;

	if (nlh->nlmsg_type != RTM_NEWADDR || ifa->ifa_index != search->ifindex)
		return MNL_CB_OK;
	/* Beside a peer's address in IFA_ADDRESS, IFA_LOCAL is the device's own. */
	mnl_attr_for_each(attr, nlh, sizeof(*ifa))
		if (mnl_attr_get_type(attr) == IFA_LOCAL ||
		    (mnl_attr_get_type(attr) == IFA_ADDRESS && !own))
			own = attr;
	if (own && mnl_attr_get_payload_len(own) == search->addr->len &&
	    !memcmp(mnl_attr_get_payload(own), search->addr->b, search->addr->len))
		search->found = true;
	return MNL_CB_OK;
}

/**
 * addr_assigned - whether a device has an address
 * @nl: a socket of rtnetlink
 * @ifindex: the device
 * @addr: the address
 * @found: the result
 * @err: why not
 */
int addr_assigned(struct nl *nl, unsigned int ifindex, const struct ip_addr *addr,
		  bool *found, struct nl_error *err)
{
	struct addr_search search = { .ifindex = ifindex, .addr = addr };
	struct ifaddrmsg *ifa;
	struct nl_req req;
	int ret;

	req_init(&req, RTM_GETADDR, NLM_F_DUMP);
	ifa = mnl_nlmsg_put_extra_header(req.hdr, sizeof(*ifa));
	ifa->ifa_family = addr->len == 4 ? AF_INET : AF_INET6;
	ret = nl_dump(nl, &req, addr_cb, &search, err);
	*found = search.found;
	return ret;
}
