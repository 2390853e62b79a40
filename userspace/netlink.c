// SPDX-License-Identifier: GPL-2.0
/* Netlink sockets, requests that know what their attributes mean, errors. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vgw.h>

#include "names.h"
#include "netlink.h"

/* Room for a dump message of a connection with 8 tunnels and many SAs. */
#define RECV_SIZE	(64 * 1024)

/* Since 5.18 and 6.0; the headers of Debian 12 have all of them. */
#define MISSING_TYPE	NLMSGERR_ATTR_MISS_TYPE
#define MISSING_NEST	NLMSGERR_ATTR_MISS_NEST

/**
 * nl_error_set - note why something failed
 * @err: where
 * @code: errno
 * @fmt: a sentence
 *
 * Return: -@code
 */
int nl_error_set(struct nl_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -code;
}

/**
 * nl_open - open a socket
 * @nl: the socket
 * @protocol: NETLINK_*
 * @err: why not
 */
int nl_open(struct nl *nl, int protocol, struct nl_error *err)
{
	int one = 1;

	memset(nl, 0, sizeof(*nl));
	nl->sock = mnl_socket_open2(protocol, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		nl_error_set(err, errno, "netlink: %s", strerror(errno));
		nl_close(nl);
		return -err->code;
	}
	/* Old kernels lack some of these; then less is said, no more. */
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	nl->seq = time(NULL);
	return 0;
}

/**
 * nl_close - close a socket
 * @nl: the socket, possibly closed
 */
void nl_close(struct nl *nl)
{
	if (nl->sock)
		mnl_socket_close(nl->sock);
	nl->sock = NULL;
}

/**
 * nl_join - subscribe to a multicast group
 * @nl: the socket
 * @group: the group's id
 * @err: why not
 */
int nl_join(struct nl *nl, uint32_t group, struct nl_error *err)
{
	if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return nl_error_set(err, errno, "subscribing to events: %s", strerror(errno));
	return 0;
}

/**
 * req_init - begin a request
 * @req: the request
 * @type: nlmsg_type
 * @flags: NLM_F_* beside NLM_F_REQUEST
 */
void req_init(struct nl_req *req, uint16_t type, uint16_t flags)
{
	req->n_notes = 0;
	req->hdr = mnl_nlmsg_put_header(req->buf);
	req->hdr->nlmsg_type = type;
	req->hdr->nlmsg_flags = NLM_F_REQUEST | flags;
}

static void put_genl(struct nl_req *req, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(req->hdr, sizeof(*genl));

	genl->cmd = cmd;
	genl->version = version;
}

/**
 * req_init_vgw - begin a request to the family vgw
 * @req: the request
 * @nl: a socket of nl_open_vgw()
 * @cmd: VGW_CMD_*
 * @flags: NLM_F_* beside NLM_F_REQUEST
 */
void req_init_vgw(struct nl_req *req, const struct nl *nl, uint8_t cmd, uint16_t flags)
{
	req_init(req, nl->family, flags);
	put_genl(req, cmd, VGW_GENL_VERSION);
}

/**
 * req_begin - begin a part of a request that the kernel may find fault with
 * @req: the request
 *
 * Return: for req_end()
 */
int req_begin(struct nl_req *req)
{
	if (req->n_notes == REQ_NOTES)
		return -1;
	req->note[req->n_notes].from = req->hdr->nlmsg_len;
	req->note[req->n_notes].to = 0;
	return req->n_notes++;
}

/**
 * req_end - end such a part
 * @req: the request
 * @note: of req_begin()
 * @fmt: the words of the user that became this part
 */
void req_end(struct nl_req *req, int note, const char *fmt, ...)
{
	va_list ap;

	if (note < 0)
		return;
	req->note[note].to = req->hdr->nlmsg_len;
	va_start(ap, fmt);
	vsnprintf(req->note[note].text, sizeof(req->note[note].text), fmt, ap);
	va_end(ap);
}

static void put_addr(struct nl_req *req, uint16_t type, const struct ip_addr *addr)
{
	mnl_attr_put(req->hdr, type, addr->len, addr->b);
}

static void put_tunnel_option(struct nlmsghdr *hdr, struct nl_req *req,
			      const struct tunnel_config *t, int opt)
{
	switch (opt) {
	case OPT_IF_ID:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_IF_ID, t->if_id);
		break;
	case OPT_MARK:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_MARK, t->mark);
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_MARK_MASK, t->mask);
		break;
	case OPT_LOCAL:
		put_addr(req, VGW_A_TUNNEL_LOCAL, &t->local);
		break;
	case OPT_REMOTE:
		put_addr(req, VGW_A_TUNNEL_REMOTE, &t->remote);
		break;
	case OPT_INSIDE:
		put_addr(req, VGW_A_TUNNEL_INSIDE, &t->inside);
		if (t->inside.len)
			mnl_attr_put_u8(hdr, VGW_A_TUNNEL_INSIDE_LEN, t->inside_len);
		break;
	case OPT_PEER:
		put_addr(req, VGW_A_TUNNEL_PEER, &t->peer);
		break;
	case OPT_PREFERENCE:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_PREFERENCE, t->preference);
		break;
	case OPT_KEEPALIVE:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_KEEPALIVE, t->keepalive);
		break;
	case OPT_INTERVAL:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_INTERVAL, t->interval);
		break;
	case OPT_MISSES:
		mnl_attr_put_u32(hdr, VGW_A_TUNNEL_MISSES, t->misses);
		break;
	}
}

static void end_tunnel_option(struct nl_req *req, int note, const struct tunnel_config *t,
			      int opt, const char *label)
{
	const char *value = t->typed[opt];
	char buf[VALUE_LEN];

	/* "keepalive 2s" was typed as one and became two attributes. */
	if (opt == OPT_INTERVAL && !value[0] && t->typed[OPT_KEEPALIVE][0]) {
		opt = OPT_KEEPALIVE;
		value = t->typed[opt];
	}
	if (!value[0])
		value = tunnel_config_value(buf, sizeof(buf), t, opt);
	req_end(req, note, "%s%s: %s %s", label, t->label, option_word(opt), value);
}

static void put_tunnel(struct nl_req *req, const struct tunnel_config *t, const char *label)
{
	struct nlmsghdr *hdr = req->hdr;
	int outer = req_begin(req), note, opt;
	struct nlattr *nest = mnl_attr_nest_start(hdr, VGW_A_TUNNELS_TUNNEL);

	if (t->index >= 0)
		mnl_attr_put_u8(hdr, VGW_A_TUNNEL_INDEX, t->index);
	else if (t->ifname[0]) {
		note = req_begin(req);
		mnl_attr_put_strz(hdr, VGW_A_TUNNEL_IFNAME, t->ifname);
		req_end(req, note, "%s%s: name %s", label, t->label, t->ifname);
	}
	for (opt = OPT_FIRST_TUNNEL; opt < OPT_MAX; opt++) {
		if (!(t->set & OPT_BIT(opt)))
			continue;
		note = req_begin(req);
		put_tunnel_option(hdr, req, t, opt);
		end_tunnel_option(req, note, t, opt, label);
	}
	mnl_attr_nest_end(hdr, nest);
	req_end(req, outer, "%s%s", label, t->label);
}

/**
 * req_put_config - put a configuration, or the changed part of one
 * @req: the request
 * @conn: the options
 * @label: what to say before each in messages, "" for nothing
 */
void req_put_config(struct nl_req *req, const struct conn_config *conn, const char *label)
{
	static const uint16_t types[] = {
		[OPT_REVERT] = VGW_A_REVERT,
		[OPT_MTU] = VGW_A_MTU,
		[OPT_MSS] = VGW_A_MSS,
	};
	const uint32_t values[] = {
		[OPT_REVERT] = conn->revert,
		[OPT_MTU] = conn->mtu,
		[OPT_MSS] = conn->mss,
	};
	char buf[VALUE_LEN];
	struct nlattr *nest;
	const char *value;
	unsigned int i;
	int opt, note;

	for (opt = 0; opt < OPT_FIRST_TUNNEL; opt++) {
		if (!(conn->set & OPT_BIT(opt)))
			continue;
		note = req_begin(req);
		mnl_attr_put_u32(req->hdr, types[opt], values[opt]);
		value = conn->typed[opt];
		if (!value[0])
			value = config_value(buf, sizeof(buf), conn, opt);
		req_end(req, note, "%s%s %s", label, option_word(opt), value);
	}
	if (!conn->n_tunnels)
		return;
	note = req_begin(req);
	nest = mnl_attr_nest_start(req->hdr, VGW_A_TUNNELS);
	for (i = 0; i < conn->n_tunnels; i++)
		put_tunnel(req, &conn->tunnel[i], label);
	mnl_attr_nest_end(req->hdr, nest);
	req_end(req, note, "%stunnel", label);
}

/* The innermost part of the request that covers an offset. */
static const char *note_at(const struct nl_req *req, uint32_t offset)
{
	const char *best = NULL;
	uint32_t size = UINT32_MAX;
	unsigned int i;

	for (i = 0; i < req->n_notes; i++) {
		if (offset < req->note[i].from || offset >= req->note[i].to)
			continue;
		if (req->note[i].to - req->note[i].from > size)
			continue;
		size = req->note[i].to - req->note[i].from;
		best = req->note[i].text;
	}
	return best;
}

static const char *hint_of(int code)
{
	switch (code) {
	case EPERM:
		return " (this needs CAP_NET_ADMIN: be root)";
	case EOPNOTSUPP:
		return " (is the module vgw there? modprobe vgw says why not)";
	case EEXIST:
		return ": a device of this name is there already";
	default:
		return "";
	}
}

struct ext_ack {
	const char *msg;
	uint32_t offset;
	uint32_t missing;
	uint32_t missing_in;
};

static int ext_ack_cb(const struct nlattr *attr, void *data)
{
	struct ext_ack *ack = data;
	uint16_t len = mnl_attr_get_payload_len(attr);
	const char *text;

	switch (mnl_attr_get_type(attr)) {
	case NLMSGERR_ATTR_MSG:
		text = mnl_attr_get_payload(attr);
		if (!len || text[len - 1])
			break;
		/* The prefix of the module's own sentences says nothing new here. */
		ack->msg = strncmp(text, "vgw: ", 5) ? text : text + 5;
		break;
	case NLMSGERR_ATTR_OFFS:
		if (len == sizeof(uint32_t))
			ack->offset = mnl_attr_get_u32(attr);
		break;
	case MISSING_TYPE:
		if (len == sizeof(uint32_t))
			ack->missing = mnl_attr_get_u32(attr);
		break;
	case MISSING_NEST:
		if (len == sizeof(uint32_t))
			ack->missing_in = mnl_attr_get_u32(attr);
		break;
	}
	return MNL_CB_OK;
}

static void parse_ext_ack(const struct nlmsghdr *nlh, size_t skip, struct ext_ack *ack)
{
	memset(ack, 0, sizeof(*ack));
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (skip >= mnl_nlmsg_get_payload_len(nlh))
		return;
	mnl_attr_parse(nlh, skip, ext_ack_cb, ack);
}

/* An NLMSG_ERROR: 0 for an acknowledgment, else -errno with @err. */
static int parse_nlmsgerr(const struct nlmsghdr *nlh, const struct nl_req *req,
			  struct nl_error *err)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const char *where = NULL, *missing = NULL, *hint = "";
	size_t skip = sizeof(*e);
	struct ext_ack ack;
	int code;

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e)))
		return nl_error_set(err, EBADMSG, "the kernel's answer was cut short");
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += mnl_nlmsg_get_payload_len(&e->msg);

	parse_ext_ack(nlh, MNL_ALIGN(skip), &ack);
	code = -e->error;
	if (!code) {
		/* A warning beside success. */
		if (ack.msg)
			fprintf(stderr, "vgwctl: note: %s\n", ack.msg);
		return 0;
	}

	if (ack.offset)
		where = note_at(req, ack.offset);
	if (ack.missing_in)
		where = note_at(req, ack.missing_in);
	if (ack.missing && where)
		missing = name_of(&names_tunnel_attr, ack.missing);
	else if (ack.missing)
		missing = name_of(&names_attr, ack.missing);

	/* rtnetlink's own words for a kind that no module brought say nothing of the module. */
	if (!ack.msg || !strcmp(ack.msg, "Unknown device type"))
		hint = hint_of(code);
	return nl_error_set(err, code, "%s%s%s%s%s%s", where ? where : "", where ? ": " : "",
			    ack.msg ? ack.msg : strerror(code), missing ? ": " : "",
			    missing ? missing : "", hint);
}

static int receive(struct nl *nl, const struct nl_req *req, mnl_cb_t cb, void *data,
		   struct nl_error *err)
{
	unsigned int portid = mnl_socket_get_portid(nl->sock);
	const struct nlmsghdr *nlh;
	bool interrupted = false;
	static char buf[RECV_SIZE];
	int len, ret;

	for (;;) {
		len = mnl_socket_recvfrom(nl->sock, buf, sizeof(buf));
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return nl_error_set(err, errno, "netlink: %s", strerror(errno));

		for (nlh = (void *)buf; mnl_nlmsg_ok(nlh, len);
		     nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != nl->seq || nlh->nlmsg_pid != portid)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return parse_nlmsgerr(nlh, req, err);
			if (nlh->nlmsg_type == NLMSG_DONE) {
				ret = 0;
				if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(int))
					memcpy(&ret, mnl_nlmsg_get_payload(nlh), sizeof(ret));
				if (ret < 0)
					return nl_error_set(err, -ret, "%s", strerror(-ret));
				return interrupted ? -EAGAIN : 0;
			}
			if (nlh->nlmsg_type < NLMSG_MIN_TYPE || !cb)
				continue;
			if (cb(nlh, data) < MNL_CB_STOP)
				return nl_error_set(err, EBADMSG,
						    "the kernel's answer makes no sense");
		}
	}
}

/**
 * nl_talk - send a request and take the answer
 * @nl: the socket
 * @req: the request; an acknowledgment is asked for unless it is a dump
 * @cb: for each message of the answer, NULL for none
 * @data: for @cb
 * @err: why not
 *
 * Return: 0, -errno with @err, or -EAGAIN for a dump that a change interrupted.
 */
int nl_talk(struct nl *nl, struct nl_req *req, mnl_cb_t cb, void *data,
	    struct nl_error *err)
{
	err->code = 0;
	req->hdr->nlmsg_seq = ++nl->seq;
	if ((req->hdr->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		req->hdr->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl->sock, req->hdr, req->hdr->nlmsg_len) < 0)
		return nl_error_set(err, errno, "netlink: %s", strerror(errno));
	return receive(nl, req, cb, data, err);
}

struct family {
	uint16_t id;
	uint32_t group;
};

static void parse_group(const struct nlattr *group, struct family *family)
{
	const struct nlattr *attr;
	bool events = false;
	uint32_t id = 0;

	mnl_attr_for_each_nested(attr, group) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME)
			events = !strcmp(mnl_attr_get_str(attr), VGW_GENL_MCGRP_EVENTS);
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID)
			id = mnl_attr_get_u32(attr);
	}
	if (events)
		family->group = id;
}

static int family_cb(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr, *group;
	struct family *family = data;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			family->id = mnl_attr_get_u16(attr);
		if (mnl_attr_get_type(attr) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		mnl_attr_for_each_nested(group, attr)
			parse_group(group, family);
	}
	return MNL_CB_OK;
}

/**
 * nl_resolve - learn the ids of the family vgw
 * @nl: a socket of generic netlink
 * @err: why not; ENOENT when there is no such family
 *
 * The kernel loads the module by its alias while it answers.
 */
int nl_resolve(struct nl *nl, struct nl_error *err)
{
	struct family family = {};
	struct nl_req req;
	int ret;

	req_init(&req, GENL_ID_CTRL, 0);
	put_genl(&req, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(req.hdr, CTRL_ATTR_FAMILY_NAME, VGW_GENL_NAME);

	ret = nl_talk(nl, &req, family_cb, &family, err);
	if (ret == -ENOENT)
		return nl_error_set(err, ENOENT,
				    "the module vgw is not loaded and did not load by itself; modprobe vgw says why");
	if (ret)
		return ret;
	nl->family = family.id;
	nl->group = family.group;
	return 0;
}

/**
 * nl_open_vgw - open a socket to the family vgw
 * @nl: the socket
 * @err: why not
 */
int nl_open_vgw(struct nl *nl, struct nl_error *err)
{
	int ret = nl_open(nl, NETLINK_GENERIC, err);

	if (ret)
		return ret;
	ret = nl_resolve(nl, err);
	if (ret)
		nl_close(nl);
	return ret;
}
