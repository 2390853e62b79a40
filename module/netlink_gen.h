/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vgw.yaml */
/* YNL-GEN kernel header */
/* To regenerate run: make ynl */

#ifndef _LINUX_VGW_GEN_H
#define _LINUX_VGW_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/vgw.h>

/* Common nested types */
extern const struct nla_policy vgw_sa_nl_policy[VGW_A_SA_ENCAP + 1];
extern const struct nla_policy vgw_sas_nl_policy[VGW_A_SAS_SA + 1];
extern const struct nla_policy vgw_stats_nl_policy[VGW_A_STATS_PAD + 1];
extern const struct nla_policy vgw_tunnel_nl_policy[VGW_A_TUNNEL_PAD + 1];
extern const struct nla_policy vgw_tunnels_nl_policy[VGW_A_TUNNELS_TUNNEL + 1];

/* Global operation policy for vgw */
extern const struct nla_policy vgw_nl_policy[VGW_A_DRAIN + 1];

/* Ops table for vgw */
extern const struct genl_small_ops vgw_nl_ops[4];

int vgw_nl_get_doit(struct sk_buff *skb, struct genl_info *info);
int vgw_nl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int vgw_nl_set_doit(struct sk_buff *skb, struct genl_info *info);
int vgw_nl_switch_doit(struct sk_buff *skb, struct genl_info *info);
int vgw_nl_drain_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	VGW_NLGRP_EVENTS,
};

#endif /* _LINUX_VGW_GEN_H */
