// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vgw.yaml */
/* YNL-GEN kernel source */
/* To regenerate run: make ynl */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/vgw.h>

/* Integer value ranges */
static const struct netlink_range_validation vgw_a_ifindex_range = {
	.min	= 1ULL,
	.max	= 2147483647ULL,
};

static const struct netlink_range_validation vgw_a_mtu_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation vgw_a_mss_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation vgw_a_tunnel_ifindex_range = {
	.min	= 1ULL,
	.max	= 2147483647ULL,
};

static const struct netlink_range_validation vgw_a_tunnel_preference_range = {
	.max	= 65535ULL,
};

static const struct netlink_range_validation vgw_a_tunnel_interval_range = {
	.min	= 10ULL,
	.max	= 3600000ULL,
};

/* Common nested types */
const struct nla_policy vgw_sa_nl_policy[VGW_A_SA_ENCAP + 1] = {
	[VGW_A_SA_SPI] = { .type = NLA_BE32, },
	[VGW_A_SA_DIR] = NLA_POLICY_MAX(NLA_U32, 1),
	[VGW_A_SA_LOCAL] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_SA_REMOTE] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_SA_ENCAP] = { .type = NLA_U8, },
};

const struct nla_policy vgw_sas_nl_policy[VGW_A_SAS_SA + 1] = {
	[VGW_A_SAS_SA] = NLA_POLICY_NESTED(vgw_sa_nl_policy),
};

const struct nla_policy vgw_stats_nl_policy[VGW_A_STATS_PAD + 1] = {
	[VGW_A_STATS_RX_PACKETS] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_BYTES] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_PACKETS] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_BYTES] = { .type = NLA_U64, },
	[VGW_A_STATS_KEEPALIVE_SENT] = { .type = NLA_U64, },
	[VGW_A_STATS_KEEPALIVE_RECEIVED] = { .type = NLA_U64, },
	[VGW_A_STATS_KEEPALIVE_MISSED] = { .type = NLA_U64, },
	[VGW_A_STATS_KEEPALIVE_UNSENT] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_FALLBACK] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_NO_TUNNEL] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_NO_SA] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_NO_POLICY] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_BLOCKED] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_NO_ROUTE] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_LOOP] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_TOO_BIG] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_NOT_IP] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_OUTPUT] = { .type = NLA_U64, },
	[VGW_A_STATS_TX_DOWN] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_XFRM] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_NO_POLICY] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_BLOCKED] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_TEMPLATE] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_NOT_IP] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_DOWN] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_KEEPALIVE_BAD] = { .type = NLA_U64, },
	[VGW_A_STATS_RX_QUEUE] = { .type = NLA_U64, },
};

const struct nla_policy vgw_tunnel_nl_policy[VGW_A_TUNNEL_PAD + 1] = {
	[VGW_A_TUNNEL_INDEX] = NLA_POLICY_MAX(NLA_U8, 7),
	[VGW_A_TUNNEL_IFINDEX] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_tunnel_ifindex_range),
	[VGW_A_TUNNEL_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[VGW_A_TUNNEL_IF_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[VGW_A_TUNNEL_MARK] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_MARK_MASK] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_LOCAL] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_TUNNEL_REMOTE] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_TUNNEL_INSIDE] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_TUNNEL_INSIDE_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
	[VGW_A_TUNNEL_PEER] = NLA_POLICY_MAX_LEN(16),
	[VGW_A_TUNNEL_PREFERENCE] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_tunnel_preference_range),
	[VGW_A_TUNNEL_KEEPALIVE] = NLA_POLICY_MAX(NLA_U32, 3),
	[VGW_A_TUNNEL_INTERVAL] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_tunnel_interval_range),
	[VGW_A_TUNNEL_MISSES] = NLA_POLICY_RANGE(NLA_U32, 1, 32),
	[VGW_A_TUNNEL_DRAINED] = { .type = NLA_U8, },
	[VGW_A_TUNNEL_STATE] = NLA_POLICY_MAX(NLA_U32, 5),
	[VGW_A_TUNNEL_STATE_REASON] = NLA_POLICY_MAX(NLA_U32, 16),
	[VGW_A_TUNNEL_STATE_AGE] = { .type = NLA_U64, },
	[VGW_A_TUNNEL_RTT] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_PROOF_AGE] = { .type = NLA_U64, },
	[VGW_A_TUNNEL_MTU] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_POLICIES_IN] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_POLICIES_OUT] = { .type = NLA_U32, },
	[VGW_A_TUNNEL_SAS] = NLA_POLICY_NESTED(vgw_sas_nl_policy),
	[VGW_A_TUNNEL_STATS] = NLA_POLICY_NESTED(vgw_stats_nl_policy),
};

const struct nla_policy vgw_tunnels_nl_policy[VGW_A_TUNNELS_TUNNEL + 1] = {
	[VGW_A_TUNNELS_TUNNEL] = NLA_POLICY_NESTED(vgw_tunnel_nl_policy),
};

/* Global operation policy for vgw */
const struct nla_policy vgw_nl_policy[VGW_A_DRAIN + 1] = {
	[VGW_A_IFINDEX] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_ifindex_range),
	[VGW_A_IFNAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[VGW_A_REVERT] = { .type = NLA_U32, },
	[VGW_A_MTU] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_mtu_range),
	[VGW_A_MSS] = NLA_POLICY_FULL_RANGE(NLA_U32, &vgw_a_mss_range),
	[VGW_A_TUNNELS] = NLA_POLICY_NESTED(vgw_tunnels_nl_policy),
	[VGW_A_TUNNEL_SELECT] = NLA_POLICY_NESTED(vgw_tunnel_nl_policy),
	[VGW_A_DRAIN] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* Ops table for vgw */
const struct genl_small_ops vgw_nl_ops[4] = {
	{
		.cmd	= VGW_CMD_GET,
		.doit	= vgw_nl_get_doit,
		.dumpit	= vgw_nl_get_dumpit,
	},
	{
		.cmd	= VGW_CMD_SET,
		.doit	= vgw_nl_set_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= VGW_CMD_SWITCH,
		.doit	= vgw_nl_switch_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd	= VGW_CMD_DRAIN,
		.doit	= vgw_nl_drain_doit,
		.flags	= GENL_UNS_ADMIN_PERM,
	},
};

