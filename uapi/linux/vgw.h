/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/vgw.yaml */
/* YNL-GEN uapi header */
/* To regenerate run: make ynl */

#ifndef _UAPI_LINUX_VGW_H
#define _UAPI_LINUX_VGW_H

#define VGW_GENL_NAME		"vgw"
#define VGW_GENL_VERSION	1

#define VGW_GENL_MCGRP_EVENTS	"events"
#define VGW_MAX_TUNNELS		8
#define VGW_FOREVER		4294967295

/**
 * enum vgw_keepalive - How a tunnel is judged.
 * @VGW_KEEPALIVE_ACTIVE: Echo requests through the tunnel's own SA whenever
 *   nothing was heard for an interval.
 * @VGW_KEEPALIVE_PASSIVE: SAs and received packets alone; silence while
 *   sending ranks a tunnel lower, never down.
 * @VGW_KEEPALIVE_OFF: SAs, policies and the underlay alone.
 * @VGW_KEEPALIVE_ALWAYS: As active, every interval, whatever else is heard:
 *   only an answer proves that packets get through in both directions.
 */
enum vgw_keepalive {
	VGW_KEEPALIVE_ACTIVE,
	VGW_KEEPALIVE_PASSIVE,
	VGW_KEEPALIVE_OFF,
	VGW_KEEPALIVE_ALWAYS,
};

/**
 * enum vgw_state - State of a tunnel.
 * @VGW_STATE_DISABLED: The device is down.
 * @VGW_STATE_NO_SA: No usable pair of SAs and policies, or no path to the far
 *   end.
 * @VGW_STATE_PROBING: SAs are there; no proof of life yet.
 * @VGW_STATE_UP: Proven alive.
 * @VGW_STATE_SUSPECT: A keepalive is overdue; still usable.
 * @VGW_STATE_DOWN: Keepalives went unanswered; probing goes on.
 */
enum vgw_state {
	VGW_STATE_DISABLED,
	VGW_STATE_NO_SA,
	VGW_STATE_PROBING,
	VGW_STATE_UP,
	VGW_STATE_SUSPECT,
	VGW_STATE_DOWN,
};

/**
 * enum vgw_reason - Why a tunnel changed its state or a connection its active
 *   tunnel.
 * @VGW_REASON_ADMIN: The device was set up or down.
 * @VGW_REASON_SA_ADDED: A pair of SAs with its policies became usable.
 * @VGW_REASON_SA_DELETED: The last usable SA of a direction was deleted.
 * @VGW_REASON_SA_EXPIRED: The last usable SA of a direction reached its hard
 *   limit.
 * @VGW_REASON_POLICY_LOST: The last policy of a direction was removed.
 * @VGW_REASON_PATH_LOST: No route or no running device towards the far end.
 * @VGW_REASON_TRAFFIC: An authenticated packet was received.
 * @VGW_REASON_SILENCE: Passive keepalive only. Packets were sent and none came
 *   back.
 * @VGW_REASON_BY_HAND: The administrator asked for this tunnel.
 * @VGW_REASON_DRAIN: The administrator took a tunnel out of the choice or put
 *   it back.
 * @VGW_REASON_PREFERENCE: A tunnel of higher preference was up for the revert
 *   delay.
 * @VGW_REASON_ONLY_USABLE: The first usable tunnel after none was.
 */
enum vgw_reason {
	VGW_REASON_NONE,
	VGW_REASON_ADMIN,
	VGW_REASON_SA_ADDED,
	VGW_REASON_SA_DELETED,
	VGW_REASON_SA_EXPIRED,
	VGW_REASON_POLICY_LOST,
	VGW_REASON_PATH_LOST,
	VGW_REASON_PATH_FOUND,
	VGW_REASON_KEEPALIVE_ANSWERED,
	VGW_REASON_KEEPALIVE_MISSED,
	VGW_REASON_TRAFFIC,
	VGW_REASON_SILENCE,
	VGW_REASON_BY_HAND,
	VGW_REASON_DRAIN,
	VGW_REASON_PREFERENCE,
	VGW_REASON_ONLY_USABLE,
	VGW_REASON_REMOVED,

	/* private: */
	__VGW_REASON_MAX,
	VGW_REASON_MAX = (__VGW_REASON_MAX - 1)
};

enum vgw_sa_dir {
	VGW_SA_DIR_IN,
	VGW_SA_DIR_OUT,
};

/**
 * enum vgw_event
 * @VGW_EVENT_CHANGED: Configuration of the connection or a tunnel changed.
 * @VGW_EVENT_STATE: A tunnel changed its state.
 * @VGW_EVENT_SWITCH: The connection changed its active tunnel.
 * @VGW_EVENT_CARRIER: The connection's carrier changed.
 * @VGW_EVENT_SA: The set of SAs of a tunnel changed (rekey) and its state did
 *   not.
 * @VGW_EVENT_MTU: The automatic MTU changed.
 */
enum vgw_event {
	VGW_EVENT_CREATED,
	VGW_EVENT_DELETED,
	VGW_EVENT_CHANGED,
	VGW_EVENT_STATE,
	VGW_EVENT_SWITCH,
	VGW_EVENT_CARRIER,
	VGW_EVENT_SA,
	VGW_EVENT_MTU,
};

enum {
	VGW_A_IFINDEX = 1,
	VGW_A_IFNAME,
	VGW_A_REVERT,
	VGW_A_MTU,
	VGW_A_MSS,
	VGW_A_TUNNELS,
	VGW_A_TUNNEL_SELECT,
	VGW_A_DRAIN,
	VGW_A_ACTIVE,
	VGW_A_CARRIER,
	VGW_A_NETNSID,
	VGW_A_SWITCHES,
	VGW_A_SWITCH_AGE,
	VGW_A_SWITCH_REASON,
	VGW_A_SWITCH_FROM,
	VGW_A_SWITCH_PROOF_AGE,
	VGW_A_REVERT_IN,
	VGW_A_EVENT,
	VGW_A_EVENT_TUNNEL,
	VGW_A_EVENT_REASON,
	VGW_A_EVENT_OLD,
	VGW_A_EVENT_NEW,
	VGW_A_EVENT_TIME,
	VGW_A_STATS,
	VGW_A_SWITCH_COUNT,
	VGW_A_PAD,

	__VGW_A_MAX
};
#define VGW_A_MAX (__VGW_A_MAX - 1)

enum {
	VGW_A_SWITCH_COUNT_REASON = 1,
	VGW_A_SWITCH_COUNT_COUNT,
	VGW_A_SWITCH_COUNT_PAD,

	__VGW_A_SWITCH_COUNT_MAX
};
#define VGW_A_SWITCH_COUNT_MAX (__VGW_A_SWITCH_COUNT_MAX - 1)

enum {
	VGW_A_TUNNELS_TUNNEL = 1,

	__VGW_A_TUNNELS_MAX
};
#define VGW_A_TUNNELS_MAX (__VGW_A_TUNNELS_MAX - 1)

enum {
	VGW_A_TUNNEL_INDEX = 1,
	VGW_A_TUNNEL_IFINDEX,
	VGW_A_TUNNEL_IFNAME,
	VGW_A_TUNNEL_IF_ID,
	VGW_A_TUNNEL_MARK,
	VGW_A_TUNNEL_MARK_MASK,
	VGW_A_TUNNEL_LOCAL,
	VGW_A_TUNNEL_REMOTE,
	VGW_A_TUNNEL_INSIDE,
	VGW_A_TUNNEL_INSIDE_LEN,
	VGW_A_TUNNEL_PEER,
	VGW_A_TUNNEL_PREFERENCE,
	VGW_A_TUNNEL_KEEPALIVE,
	VGW_A_TUNNEL_INTERVAL,
	VGW_A_TUNNEL_MISSES,
	VGW_A_TUNNEL_DRAINED,
	VGW_A_TUNNEL_STATE,
	VGW_A_TUNNEL_STATE_REASON,
	VGW_A_TUNNEL_STATE_AGE,
	VGW_A_TUNNEL_RTT,
	VGW_A_TUNNEL_PROOF_AGE,
	VGW_A_TUNNEL_MTU,
	VGW_A_TUNNEL_POLICIES_IN,
	VGW_A_TUNNEL_POLICIES_OUT,
	VGW_A_TUNNEL_SAS,
	VGW_A_TUNNEL_STATS,
	VGW_A_TUNNEL_PAD,

	__VGW_A_TUNNEL_MAX
};
#define VGW_A_TUNNEL_MAX (__VGW_A_TUNNEL_MAX - 1)

enum {
	VGW_A_SAS_SA = 1,

	__VGW_A_SAS_MAX
};
#define VGW_A_SAS_MAX (__VGW_A_SAS_MAX - 1)

enum {
	VGW_A_SA_SPI = 1,
	VGW_A_SA_DIR,
	VGW_A_SA_LOCAL,
	VGW_A_SA_REMOTE,
	VGW_A_SA_ENCAP,

	__VGW_A_SA_MAX
};
#define VGW_A_SA_MAX (__VGW_A_SA_MAX - 1)

enum {
	VGW_A_STATS_RX_PACKETS = 1,
	VGW_A_STATS_RX_BYTES,
	VGW_A_STATS_TX_PACKETS,
	VGW_A_STATS_TX_BYTES,
	VGW_A_STATS_KEEPALIVE_SENT,
	VGW_A_STATS_KEEPALIVE_RECEIVED,
	VGW_A_STATS_KEEPALIVE_MISSED,
	VGW_A_STATS_KEEPALIVE_UNSENT,
	VGW_A_STATS_TX_FALLBACK,
	VGW_A_STATS_TX_NO_TUNNEL,
	VGW_A_STATS_TX_NO_SA,
	VGW_A_STATS_TX_NO_POLICY,
	VGW_A_STATS_TX_BLOCKED,
	VGW_A_STATS_TX_NO_ROUTE,
	VGW_A_STATS_TX_LOOP,
	VGW_A_STATS_TX_TOO_BIG,
	VGW_A_STATS_TX_NOT_IP,
	VGW_A_STATS_TX_OUTPUT,
	VGW_A_STATS_TX_DOWN,
	VGW_A_STATS_RX_XFRM,
	VGW_A_STATS_RX_NO_POLICY,
	VGW_A_STATS_RX_BLOCKED,
	VGW_A_STATS_RX_TEMPLATE,
	VGW_A_STATS_RX_NOT_IP,
	VGW_A_STATS_RX_DOWN,
	VGW_A_STATS_RX_KEEPALIVE_BAD,
	VGW_A_STATS_RX_QUEUE,
	VGW_A_STATS_PAD,

	__VGW_A_STATS_MAX
};
#define VGW_A_STATS_MAX (__VGW_A_STATS_MAX - 1)

enum {
	VGW_CMD_UNSPEC,
	VGW_CMD_GET,
	VGW_CMD_SET,
	VGW_CMD_SWITCH,
	VGW_CMD_DRAIN,
	VGW_CMD_EVENT,

	__VGW_CMD_MAX
};
#define VGW_CMD_MAX (__VGW_CMD_MAX - 1)

#define VGW_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_VGW_H */
