// SPDX-License-Identifier: GPL-2.0
#include <linux/rtnetlink.h>
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "config.h"
#include "conn.h"
#include "link.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "policy.h"

static struct genl_family family;

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VGW_A_PAD);
}

static int put_tunnel_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VGW_A_TUNNEL_PAD);
}

static int put_addr(struct sk_buff *skb, int attr, const struct vgw_addr *addr)
{
	if (addr->family == AF_UNSPEC)
		return 0;
	return nla_put(skb, attr, addr->family == AF_INET6 ? 16 : 4, &addr->a);
}

static int put_tunnel_config(struct sk_buff *skb, const struct vgw_tunnel *t)
{
	const struct vgw_tunnel_config *c = &t->config;

	if (nla_put_u8(skb, VGW_A_TUNNEL_INDEX, t->index) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_IFINDEX, t->dev->ifindex) ||
	    nla_put_string(skb, VGW_A_TUNNEL_IFNAME, t->dev->name) ||
	    (c->key.if_id && nla_put_u32(skb, VGW_A_TUNNEL_IF_ID, c->key.if_id)) ||
	    (c->key.mark.m && (nla_put_u32(skb, VGW_A_TUNNEL_MARK, c->key.mark.v) ||
			       nla_put_u32(skb, VGW_A_TUNNEL_MARK_MASK, c->key.mark.m))) ||
	    put_addr(skb, VGW_A_TUNNEL_LOCAL, &c->local) ||
	    put_addr(skb, VGW_A_TUNNEL_REMOTE, &c->remote) ||
	    put_addr(skb, VGW_A_TUNNEL_INSIDE, &c->inside) ||
	    (c->inside.family && nla_put_u8(skb, VGW_A_TUNNEL_INSIDE_LEN, c->inside_len)) ||
	    put_addr(skb, VGW_A_TUNNEL_PEER, &c->peer) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_PREFERENCE, c->preference) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_KEEPALIVE, c->keepalive) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_INTERVAL, c->interval) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_MISSES, c->misses))
		return -EMSGSIZE;
	return 0;
}

static int put_sa(struct sk_buff *skb, const struct vgw_sa *sa)
{
	unsigned int len = sa->family == AF_INET6 ? 16 : 4;
	struct nlattr *nest = nla_nest_start(skb, VGW_A_SAS_SA);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put_be32(skb, VGW_A_SA_SPI, sa->id.spi) ||
	    nla_put_u32(skb, VGW_A_SA_DIR, sa->out ? VGW_SA_DIR_OUT : VGW_SA_DIR_IN) ||
	    nla_put(skb, VGW_A_SA_LOCAL, len, sa->out ? &sa->saddr : &sa->id.daddr) ||
	    nla_put(skb, VGW_A_SA_REMOTE, len, sa->out ? &sa->id.daddr : &sa->saddr) ||
	    nla_put_u8(skb, VGW_A_SA_ENCAP, sa->encap)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* More SAs than fit are those of the oldest rekeys; the newest come first. */
static int put_sas(struct sk_buff *skb, const struct vgw_tunnel *t)
{
	struct nlattr *nest = nla_nest_start(skb, VGW_A_TUNNEL_SAS);
	const struct vgw_sa *sa;
	unsigned int n = 0;

	if (!nest)
		return -EMSGSIZE;
	list_for_each_entry(sa, &t->sas, list) {
		if (n++ == 8)
			break;
		if (put_sa(skb, sa)) {
			nla_nest_cancel(skb, nest);
			return -EMSGSIZE;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int put_tunnel_live(struct sk_buff *skb, struct vgw_tunnel *t, bool sas)
{
	struct vgw_conn *conn = t->conn;
	const struct vgw_policies *set;
	u64 sum[VGW_STATS_N];
	struct vgw_fo_tunnel fo;
	u64 now, heard, proof;
	u32 in, out;
	int err = 0;

	spin_lock_bh(&conn->lock);
	now = ktime_get_ns();
	heard = vgw_conn_heard(t, now);
	fo = conn->fo.tunnels[t->index];
	set = rcu_dereference_protected(t->policies, lockdep_is_held(&conn->lock));
	in = vgw_policies_live(set, false);
	out = vgw_policies_live(set, true);
	if (sas)
		err = put_sas(skb, t);
	spin_unlock_bh(&conn->lock);

	/* The last packet of its SAs, or the answer to the last keepalive. */
	proof = max(fo.proof, heard);
	if (err ||
	    nla_put_u8(skb, VGW_A_TUNNEL_DRAINED, fo.drained) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_STATE, fo.state) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_STATE_REASON, fo.reason) ||
	    put_tunnel_u64(skb, VGW_A_TUNNEL_STATE_AGE, now - fo.since) ||
	    (fo.srtt && nla_put_u32(skb, VGW_A_TUNNEL_RTT,
				    min_t(u64, div_u64(fo.srtt, NSEC_PER_USEC), U32_MAX))) ||
	    (proof && put_tunnel_u64(skb, VGW_A_TUNNEL_PROOF_AGE,
				     now > proof ? now - proof : 0)) ||
	    (t->mtu && nla_put_u32(skb, VGW_A_TUNNEL_MTU, t->mtu)) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_POLICIES_IN, in) ||
	    nla_put_u32(skb, VGW_A_TUNNEL_POLICIES_OUT, out))
		return -EMSGSIZE;
	vgw_stats_tunnel(t, sum);
	return vgw_stats_put(skb, VGW_A_TUNNEL_STATS, sum);
}

/* What a tunnel's attributes are to tell. */
enum detail {
	CONFIG,		/* what can be sent back */
	LIVE,		/* state and counters as well */
	LIVE_SAS,	/* and its SAs */
};

static int put_tunnel(struct sk_buff *skb, struct vgw_tunnel *t, enum detail detail)
{
	if (put_tunnel_config(skb, t))
		return -EMSGSIZE;
	return detail == CONFIG ? 0 : put_tunnel_live(skb, t, detail == LIVE_SAS);
}

/**
 * vgw_netlink_put_tunnel - configuration of a tunnel, as it can be sent back
 * @skb: message
 * @t: tunnel
 *
 * Context: process, RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int vgw_netlink_put_tunnel(struct sk_buff *skb, struct vgw_tunnel *t)
{
	return put_tunnel(skb, t, CONFIG);
}

static int put_tunnels(struct sk_buff *skb, const struct vgw_conn *conn, enum detail detail)
{
	struct nlattr *nests = nla_nest_start(skb, VGW_A_TUNNELS), *nest;
	unsigned int i;

	if (!nests)
		return -EMSGSIZE;
	for (i = 0; i < conn->n; i++) {
		if (!conn->tunnels[i])
			continue;
		nest = nla_nest_start(skb, VGW_A_TUNNELS_TUNNEL);
		if (!nest || put_tunnel(skb, conn->tunnels[i], detail)) {
			nla_nest_cancel(skb, nests);
			return -EMSGSIZE;
		}
		nla_nest_end(skb, nest);
	}
	nla_nest_end(skb, nests);
	return 0;
}

static int put_options(struct sk_buff *skb, const struct vgw_conn *conn)
{
	if (nla_put_u32(skb, VGW_A_REVERT, conn->revert) ||
	    nla_put_u32(skb, VGW_A_MTU, conn->mtu) ||
	    nla_put_u32(skb, VGW_A_MSS, conn->mss))
		return -EMSGSIZE;
	return 0;
}

/**
 * vgw_netlink_put_config - configuration of a connection, as it can be sent back
 * @skb: message
 * @conn: connection
 *
 * Context: process, RTNL.
 * Return: 0 or -EMSGSIZE.
 */
int vgw_netlink_put_config(struct sk_buff *skb, const struct vgw_conn *conn)
{
	return put_options(skb, conn) ?: put_tunnels(skb, conn, CONFIG);
}

static int put_switch_counts(struct sk_buff *skb, const struct vgw_fo *fo)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(fo->switched); i++) {
		if (!fo->switched[i])
			continue;
		nest = nla_nest_start(skb, VGW_A_SWITCH_COUNT);
		if (!nest || nla_put_u32(skb, VGW_A_SWITCH_COUNT_REASON, i) ||
		    nla_put_u64_64bit(skb, VGW_A_SWITCH_COUNT_COUNT, fo->switched[i],
				      VGW_A_SWITCH_COUNT_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_choice(struct sk_buff *skb, struct vgw_conn *conn)
{
	u64 now, revert_in = 0;
	struct vgw_fo *fo;
	int err = 0;

	spin_lock_bh(&conn->lock);
	fo = &conn->fo;
	now = ktime_get_ns();
	if (fo->timer)
		revert_in = fo->timer > now ? fo->timer - now : 1;
	if ((fo->active >= 0 && nla_put_u8(skb, VGW_A_ACTIVE, fo->active)) ||
	    put_u64(skb, VGW_A_SWITCHES, fo->switches) || put_switch_counts(skb, fo) ||
	    (revert_in && put_u64(skb, VGW_A_REVERT_IN, revert_in)))
		err = -EMSGSIZE;
	if (!err && fo->switches &&
	    (put_u64(skb, VGW_A_SWITCH_AGE, now - fo->switch_at) ||
	     nla_put_u32(skb, VGW_A_SWITCH_REASON, fo->switch_reason) ||
	     nla_put_u8(skb, VGW_A_SWITCH_FROM, fo->switch_from) ||
	     put_u64(skb, VGW_A_SWITCH_PROOF_AGE, fo->switch_proof)))
		err = -EMSGSIZE;
	spin_unlock_bh(&conn->lock);
	return err;
}

/*
 * To the sender of @request. XFRM tells of SAs who may administer the netns in which they
 * are, the underlay; so do we.
 */
static int put_conn(struct sk_buff *skb, struct vgw_conn *conn, const struct sk_buff *request)
{
	bool admin = netlink_ns_capable(request, conn->net->user_ns, CAP_NET_ADMIN);
	struct net_device *dev = conn->dev;
	u64 sum[VGW_STATS_N];

	if (nla_put_u32(skb, VGW_A_IFINDEX, dev->ifindex) ||
	    nla_put_string(skb, VGW_A_IFNAME, dev->name) || put_options(skb, conn) ||
	    nla_put_u8(skb, VGW_A_CARRIER, netif_carrier_ok(dev)))
		return -EMSGSIZE;
	if (!net_eq(conn->net, dev_net(dev))) {
		int id = peernet2id_alloc(dev_net(dev), conn->net, GFP_KERNEL);

		if (id >= 0 && nla_put_s32(skb, VGW_A_NETNSID, id))
			return -EMSGSIZE;
	}
	if (put_choice(skb, conn) || put_tunnels(skb, conn, admin ? LIVE_SAS : LIVE))
		return -EMSGSIZE;
	vgw_stats_conn(conn, sum);
	return vgw_stats_put(skb, VGW_A_STATS, sum);
}

/* The connection that a request is about. RTNL. */
static struct vgw_conn *find(struct genl_info *info)
{
	struct nlattr *index = info->attrs[VGW_A_IFINDEX];
	struct nlattr *name = info->attrs[VGW_A_IFNAME];
	struct net *net = genl_info_net(info);
	struct net_device *dev = NULL;
	struct vgw_conn *conn;

	if (!index && !name) {
		NL_SET_ERR_MSG_MOD(info->extack, "Which connection? Name its ifindex or ifname");
		return ERR_PTR(-EINVAL);
	}
	if (index)
		dev = __dev_get_by_index(net, nla_get_u32(index));
	else
		dev = __dev_get_by_name(net, nla_data(name));
	if (dev && index && name && nla_strcmp(name, dev->name))
		dev = NULL;
	if (!dev) {
		NL_SET_ERR_MSG_ATTR(info->extack, index ?: name, "No such device");
		return ERR_PTR(-ENODEV);
	}
	conn = vgw_conn_of(dev);
	if (!conn) {
		NL_SET_ERR_MSG_ATTR(info->extack, index ?: name,
				    "The device is not a vgw connection");
		return ERR_PTR(-EOPNOTSUPP);
	}
	return conn;
}

/**
 * vgw_nl_get_doit - VGW_CMD_GET: one connection
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int vgw_nl_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	/* Room for 8 tunnels with all counters and SAs; far below 64 KiB. */
	struct sk_buff *reply = nlmsg_new(VGW_MAX_TUNNELS * 2048, GFP_KERNEL);
	struct vgw_conn *conn;
	void *hdr;
	int err;

	if (!reply)
		return -ENOMEM;
	hdr = genlmsg_put_reply(reply, info, &family, 0, VGW_CMD_GET);
	if (!hdr) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	rtnl_lock();
	conn = find(info);
	err = IS_ERR(conn) ? PTR_ERR(conn) : put_conn(reply, conn, skb);
	rtnl_unlock();
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

/**
 * vgw_nl_get_dumpit - VGW_CMD_GET: every connection of the netns
 * @skb: answer
 * @cb: where the dump stands: connections already shown
 *
 * Return: length of the answer or a negative error.
 */
int vgw_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(skb->sk);
	struct net_device *dev;
	long n = 0;
	int err = 0;

	/* Who comes or goes meanwhile changes dev_base_seq: user space asks anew. */
	rtnl_lock();
	cb->seq = net->dev_base_seq;
	for_each_netdev(net, dev) {
		struct vgw_conn *conn = vgw_conn_of(dev);
		void *hdr;

		if (!conn || n++ < cb->args[0])
			continue;
		hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				  &family, NLM_F_MULTI, VGW_CMD_GET);
		if (!hdr) {
			err = -EMSGSIZE;
			break;
		}
		genl_dump_check_consistent(cb, hdr);
		err = put_conn(skb, conn, cb->skb);
		if (err) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		cb->args[0] = n;
	}
	rtnl_unlock();
	return skb->len ?: err;
}

/**
 * vgw_netlink_change - change a connection or one of its tunnels, all or nothing
 * @conn: connection
 * @t: the tunnel by whose own device the request came, or NULL
 * @data: attributes by vgw_nl_policy, for @t by vgw_tunnel_nl_policy
 * @extack: says what was refused and why
 *
 * Context: process, RTNL.
 * Return: 0 or a negative error.
 */
int vgw_netlink_change(struct vgw_conn *conn, struct vgw_tunnel *t, struct nlattr *data[],
		       struct netlink_ext_ack *extack)
{
	struct net_device *dev = t ? t->dev : conn->dev;
	struct vgw_conn_config *config;
	int err;

	/* rtnetlink asked for rights in the sender's netns; the device may be elsewhere. */
	if (!ns_capable(dev_net(dev)->user_ns, CAP_NET_ADMIN) ||
	    !ns_capable(conn->net->user_ns, CAP_NET_ADMIN)) {
		NL_SET_ERR_MSG_MOD(extack,
				   "Needs CAP_NET_ADMIN in the netns of the device and of its underlay");
		return -EPERM;
	}
	config = kmalloc(sizeof(*config), GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	if (t)
		err = vgw_config_change_tunnel(config, t, data, extack);
	else
		err = vgw_config_change(config, conn, data, extack);
	if (!err) {
		vgw_config_apply(conn, config);
		vgw_netlink_event(conn, &(struct vgw_notice){
			.event = VGW_EVENT_CHANGED, .tunnel = t ? t->index : 0,
		});
	}
	kfree(config);
	return err;
}

/**
 * vgw_nl_set_doit - VGW_CMD_SET
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or a negative error; then nothing changed.
 */
int vgw_nl_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vgw_conn *conn;
	int err;

	rtnl_lock();
	conn = find(info);
	err = IS_ERR(conn) ? PTR_ERR(conn) :
	      vgw_netlink_change(conn, NULL, info->attrs, info->extack);
	rtnl_unlock();
	return err;
}

/**
 * vgw_nl_switch_doit - VGW_CMD_SWITCH
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int vgw_nl_switch_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *nest = info->attrs[VGW_A_TUNNEL_SELECT];
	struct vgw_conn *conn;
	int i, err;

	rtnl_lock();
	conn = find(info);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		goto unlock;
	}
	i = vgw_config_select(conn, nest, info->extack);
	err = i < 0 ? i : vgw_conn_switch(conn, i);
	if (err == -EHOSTDOWN)
		NL_SET_ERR_MSG_ATTR(info->extack, nest,
				    "The tunnel is not usable now: it is down or drained");
unlock:
	rtnl_unlock();
	return err;
}

/**
 * vgw_nl_drain_doit - VGW_CMD_DRAIN
 * @skb: request
 * @info: its attributes
 *
 * Return: 0 or a negative error.
 */
int vgw_nl_drain_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vgw_conn *conn;
	int i, err = 0;

	if (!info->attrs[VGW_A_DRAIN]) {
		NL_SET_ERR_MSG_MOD(info->extack, "Say drain 1 (take out) or 0 (put back)");
		return -EINVAL;
	}
	rtnl_lock();
	conn = find(info);
	if (IS_ERR(conn)) {
		err = PTR_ERR(conn);
		goto unlock;
	}
	i = vgw_config_select(conn, info->attrs[VGW_A_TUNNEL_SELECT], info->extack);
	if (i < 0)
		err = i;
	else
		vgw_conn_event(conn, i, nla_get_u8(info->attrs[VGW_A_DRAIN]) ?
			       VGW_FO_DRAIN : VGW_FO_UNDRAIN);
unlock:
	rtnl_unlock();
	return err;
}

/**
 * vgw_netlink_event - tell the listeners of the connection's netns
 * @conn: connection
 * @notice: what happened
 *
 * Context: any but hard interrupts; locks may be held.
 */
void vgw_netlink_event(const struct vgw_conn *conn, const struct vgw_notice *notice)
{
	struct net *net = dev_net(conn->dev);
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&family, net, VGW_NLGRP_EVENTS))
		return;
	skb = genlmsg_new(NLMSG_DEFAULT_SIZE / 4, GFP_ATOMIC);
	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &family, 0, VGW_CMD_EVENT);
	if (!hdr ||
	    nla_put_u32(skb, VGW_A_IFINDEX, conn->dev->ifindex) ||
	    nla_put_string(skb, VGW_A_IFNAME, conn->dev->name) ||
	    nla_put_u32(skb, VGW_A_EVENT, notice->event) ||
	    nla_put_u8(skb, VGW_A_EVENT_TUNNEL, notice->tunnel) ||
	    nla_put_u32(skb, VGW_A_EVENT_REASON, notice->reason) ||
	    nla_put_u32(skb, VGW_A_EVENT_OLD, notice->old) ||
	    nla_put_u32(skb, VGW_A_EVENT_NEW, notice->new) ||
	    put_u64(skb, VGW_A_EVENT_TIME, ktime_get_boottime_ns()) ||
	    (notice->proof_age &&
	     put_u64(skb, VGW_A_SWITCH_PROOF_AGE, notice->proof_age))) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast_netns(&family, net, skb, 0, VGW_NLGRP_EVENTS, GFP_ATOMIC);
}

static const struct genl_multicast_group groups[] = {
	[VGW_NLGRP_EVENTS] = { .name = VGW_GENL_MCGRP_EVENTS },
};

static struct genl_family family __ro_after_init = {
	.name		= VGW_GENL_NAME,
	.version	= VGW_GENL_VERSION,
	.maxattr	= ARRAY_SIZE(vgw_nl_policy) - 1,
	.policy		= vgw_nl_policy,
	.netnsok	= true,
	.module		= THIS_MODULE,
	.small_ops	= vgw_nl_ops,
	.n_small_ops	= ARRAY_SIZE(vgw_nl_ops),
	.resv_start_op	= 1,
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

/**
 * vgw_netlink_register - answer requests
 *
 * Context: process.
 * Return: 0 or a negative error.
 */
int __init vgw_netlink_register(void)
{
	return genl_register_family(&family);
}

/**
 * vgw_netlink_unregister - answer no more
 *
 * Context: process.
 */
void vgw_netlink_unregister(void)
{
	genl_unregister_family(&family);
}

MODULE_ALIAS_GENL_FAMILY(VGW_GENL_NAME);
