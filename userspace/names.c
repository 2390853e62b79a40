// SPDX-License-Identifier: GPL-2.0
/*
 * The words of Documentation/netlink/specs/vgw.yaml. tests/checks/spec_agree
 * reads these tables and compares them with it.
 */

#include "names.h"
#include "units.h"

#define NAMES(table) { .word = (table), .n = ARRAY_SIZE(table) }

static const char *const state_words[] = {
	[VGW_STATE_DISABLED]	= "disabled",
	[VGW_STATE_NO_SA]	= "no-sa",
	[VGW_STATE_PROBING]	= "probing",
	[VGW_STATE_UP]		= "up",
	[VGW_STATE_SUSPECT]	= "suspect",
	[VGW_STATE_DOWN]	= "down",
};

const struct names names_state = NAMES(state_words);

static const char *const reason_words[] = {
	[VGW_REASON_NONE]		= "none",
	[VGW_REASON_ADMIN]		= "admin",
	[VGW_REASON_SA_ADDED]		= "sa-added",
	[VGW_REASON_SA_DELETED]		= "sa-deleted",
	[VGW_REASON_SA_EXPIRED]		= "sa-expired",
	[VGW_REASON_POLICY_LOST]	= "policy-lost",
	[VGW_REASON_PATH_LOST]		= "path-lost",
	[VGW_REASON_PATH_FOUND]		= "path-found",
	[VGW_REASON_KEEPALIVE_ANSWERED]	= "keepalive-answered",
	[VGW_REASON_KEEPALIVE_MISSED]	= "keepalive-missed",
	[VGW_REASON_TRAFFIC]		= "traffic",
	[VGW_REASON_SILENCE]		= "silence",
	[VGW_REASON_BY_HAND]		= "by-hand",
	[VGW_REASON_DRAIN]		= "drain",
	[VGW_REASON_PREFERENCE]		= "preference",
	[VGW_REASON_ONLY_USABLE]	= "only-usable",
	[VGW_REASON_REMOVED]		= "removed",
};

const struct names names_reason = NAMES(reason_words);

static const char *const event_words[] = {
	[VGW_EVENT_CREATED]	= "created",
	[VGW_EVENT_DELETED]	= "deleted",
	[VGW_EVENT_CHANGED]	= "changed",
	[VGW_EVENT_STATE]	= "state",
	[VGW_EVENT_SWITCH]	= "switch",
	[VGW_EVENT_CARRIER]	= "carrier",
	[VGW_EVENT_SA]		= "sa",
	[VGW_EVENT_MTU]		= "mtu",
};

const struct names names_event = NAMES(event_words);

static const char *const keepalive_words[] = {
	[VGW_KEEPALIVE_ACTIVE]	= "active",
	[VGW_KEEPALIVE_PASSIVE]	= "passive",
	[VGW_KEEPALIVE_OFF]	= "off",
	[VGW_KEEPALIVE_ALWAYS]	= "always",
};

const struct names names_keepalive = NAMES(keepalive_words);

static const char *const sa_dir_words[] = {
	[VGW_SA_DIR_IN]		= "in",
	[VGW_SA_DIR_OUT]	= "out",
};

const struct names names_sa_dir = NAMES(sa_dir_words);

static const char *const attr_words[] = {
	[VGW_A_IFINDEX]			= "ifindex",
	[VGW_A_IFNAME]			= "ifname",
	[VGW_A_REVERT]			= "revert",
	[VGW_A_MTU]			= "mtu",
	[VGW_A_MSS]			= "mss",
	[VGW_A_TUNNELS]			= "tunnels",
	[VGW_A_TUNNEL_SELECT]		= "tunnel-select",
	[VGW_A_DRAIN]			= "drain",
	[VGW_A_ACTIVE]			= "active",
	[VGW_A_CARRIER]			= "carrier",
	[VGW_A_NETNSID]			= "netnsid",
	[VGW_A_SWITCHES]		= "switches",
	[VGW_A_SWITCH_AGE]		= "switch-age",
	[VGW_A_SWITCH_REASON]		= "switch-reason",
	[VGW_A_SWITCH_FROM]		= "switch-from",
	[VGW_A_SWITCH_PROOF_AGE]	= "switch-proof-age",
	[VGW_A_REVERT_IN]		= "revert-in",
	[VGW_A_EVENT]			= "event",
	[VGW_A_EVENT_TUNNEL]		= "event-tunnel",
	[VGW_A_EVENT_REASON]		= "event-reason",
	[VGW_A_EVENT_OLD]		= "event-old",
	[VGW_A_EVENT_NEW]		= "event-new",
	[VGW_A_EVENT_TIME]		= "event-time",
	[VGW_A_STATS]			= "stats",
	[VGW_A_SWITCH_COUNT]		= "switch-count",
};

const struct names names_attr = NAMES(attr_words);

static const char *const tunnel_attr_words[] = {
	[VGW_A_TUNNEL_INDEX]		= "index",
	[VGW_A_TUNNEL_IFINDEX]		= "ifindex",
	[VGW_A_TUNNEL_IFNAME]		= "ifname",
	[VGW_A_TUNNEL_IF_ID]		= "if-id",
	[VGW_A_TUNNEL_MARK]		= "mark",
	[VGW_A_TUNNEL_MARK_MASK]	= "mark-mask",
	[VGW_A_TUNNEL_LOCAL]		= "local",
	[VGW_A_TUNNEL_REMOTE]		= "remote",
	[VGW_A_TUNNEL_INSIDE]		= "inside",
	[VGW_A_TUNNEL_INSIDE_LEN]	= "inside-len",
	[VGW_A_TUNNEL_PEER]		= "peer",
	[VGW_A_TUNNEL_PREFERENCE]	= "preference",
	[VGW_A_TUNNEL_KEEPALIVE]	= "keepalive",
	[VGW_A_TUNNEL_INTERVAL]		= "interval",
	[VGW_A_TUNNEL_MISSES]		= "misses",
	[VGW_A_TUNNEL_DRAINED]		= "drained",
	[VGW_A_TUNNEL_STATE]		= "state",
	[VGW_A_TUNNEL_STATE_REASON]	= "state-reason",
	[VGW_A_TUNNEL_STATE_AGE]	= "state-age",
	[VGW_A_TUNNEL_RTT]		= "rtt",
	[VGW_A_TUNNEL_PROOF_AGE]	= "proof-age",
	[VGW_A_TUNNEL_MTU]		= "mtu",
	[VGW_A_TUNNEL_POLICIES_IN]	= "policies-in",
	[VGW_A_TUNNEL_POLICIES_OUT]	= "policies-out",
	[VGW_A_TUNNEL_SAS]		= "sas",
	[VGW_A_TUNNEL_STATS]		= "stats",
};

const struct names names_tunnel_attr = NAMES(tunnel_attr_words);

static const char *const stats_words[] = {
	[VGW_A_STATS_RX_PACKETS]		= "rx-packets",
	[VGW_A_STATS_RX_BYTES]			= "rx-bytes",
	[VGW_A_STATS_TX_PACKETS]		= "tx-packets",
	[VGW_A_STATS_TX_BYTES]			= "tx-bytes",
	[VGW_A_STATS_KEEPALIVE_SENT]		= "keepalive-sent",
	[VGW_A_STATS_KEEPALIVE_RECEIVED]	= "keepalive-received",
	[VGW_A_STATS_KEEPALIVE_MISSED]		= "keepalive-missed",
	[VGW_A_STATS_KEEPALIVE_UNSENT]		= "keepalive-unsent",
	[VGW_A_STATS_TX_FALLBACK]		= "tx-fallback",
	[VGW_A_STATS_TX_NO_TUNNEL]		= "tx-no-tunnel",
	[VGW_A_STATS_TX_NO_SA]			= "tx-no-sa",
	[VGW_A_STATS_TX_NO_POLICY]		= "tx-no-policy",
	[VGW_A_STATS_TX_BLOCKED]		= "tx-blocked",
	[VGW_A_STATS_TX_NO_ROUTE]		= "tx-no-route",
	[VGW_A_STATS_TX_LOOP]			= "tx-loop",
	[VGW_A_STATS_TX_TOO_BIG]		= "tx-too-big",
	[VGW_A_STATS_TX_NOT_IP]			= "tx-not-ip",
	[VGW_A_STATS_TX_OUTPUT]			= "tx-output",
	[VGW_A_STATS_TX_DOWN]			= "tx-down",
	[VGW_A_STATS_RX_XFRM]			= "rx-xfrm",
	[VGW_A_STATS_RX_NO_POLICY]		= "rx-no-policy",
	[VGW_A_STATS_RX_BLOCKED]		= "rx-blocked",
	[VGW_A_STATS_RX_TEMPLATE]		= "rx-template",
	[VGW_A_STATS_RX_NOT_IP]			= "rx-not-ip",
	[VGW_A_STATS_RX_DOWN]			= "rx-down",
	[VGW_A_STATS_RX_KEEPALIVE_BAD]		= "rx-keepalive-bad",
	[VGW_A_STATS_RX_QUEUE]			= "rx-queue",
};

const struct names names_stats = NAMES(stats_words);

/**
 * name_of - the word for a value
 * @names: the table
 * @value: the value; one from a newer kernel has no word here
 */
const char *name_of(const struct names *names, uint32_t value)
{
	if (value < names->n && names->word[value])
		return names->word[value];
	return "unknown";
}
