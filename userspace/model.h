/* SPDX-License-Identifier: GPL-2.0 */
/* A connection as the kernel reports it. */
#ifndef VGWCTL_MODEL_H
#define VGWCTL_MODEL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/vgw.h>

#include "config.h"
#include "netlink.h"
#include "units.h"

#define ATTR_BIT(attr)	(UINT64_C(1) << (attr))

/**
 * struct sa - an SA of a tunnel
 * @spi: host order
 * @dir: enum vgw_sa_dir
 * @local: our outer address
 * @remote: the far one
 * @encap: in UDP
 */
struct sa {
	uint32_t spi;
	uint32_t dir;
	struct ip_addr local;
	struct ip_addr remote;
	bool encap;
};

/**
 * struct stats - counters by VGW_A_STATS_*
 * @v: the counters
 */
struct stats {
	uint64_t v[VGW_A_STATS_MAX + 1];
};

/**
 * struct tunnel - a tunnel
 * @have: ATTR_BIT() of each VGW_A_TUNNEL_* that was there
 * @config: its options, and its name and index
 * @ifindex: its device
 * @drained: out of the choice
 * @state: enum vgw_state
 * @state_reason: enum vgw_reason
 * @state_age: nanoseconds
 * @rtt: microseconds
 * @proof_age: nanoseconds
 * @mtu: largest inner packet
 * @policies_in: number of
 * @policies_out: number of
 * @n_sas: of @sas
 * @sas: its SAs
 * @stats: its counters
 */
struct tunnel {
	uint64_t have;
	struct tunnel_config config;
	uint32_t ifindex;
	bool drained;
	uint32_t state;
	uint32_t state_reason;
	uint64_t state_age;
	uint32_t rtt;
	uint64_t proof_age;
	uint32_t mtu;
	uint32_t policies_in;
	uint32_t policies_out;
	unsigned int n_sas;
	struct sa *sas;
	struct stats stats;
};

/**
 * struct connection - a connection
 * @next: in the list of a dump
 * @have: ATTR_BIT() of each VGW_A_* that was there
 * @ifindex: its device
 * @ifname: its name
 * @revert: milliseconds or VGW_FOREVER
 * @mtu: bytes, 0 for automatic
 * @mss: bytes, 0 off, 1 automatic
 * @active: index of the active tunnel
 * @carrier: whether any tunnel is usable
 * @netnsid: of the underlay
 * @switches: number of
 * @switched: those of each enum vgw_reason
 * @switch_age: nanoseconds
 * @switch_reason: enum vgw_reason
 * @switch_from: index of a tunnel
 * @switch_proof_age: nanoseconds
 * @revert_in: nanoseconds
 * @stats: its own counters
 * @link: what rtnetlink says of its device; of no ifindex when not asked
 * @master: name of its VRF or bridge, empty for none
 * @n_tunnels: of @tunnel
 * @tunnel: its tunnels, in order
 */
struct connection {
	struct connection *next;
	uint64_t have;
	uint32_t ifindex;
	char ifname[IFNAMSIZ];
	uint32_t revert;
	uint32_t mtu;
	uint32_t mss;
	uint8_t active;
	bool carrier;
	int32_t netnsid;
	uint64_t switches;
	uint64_t switched[VGW_REASON_MAX + 1];
	uint64_t switch_age;
	uint32_t switch_reason;
	uint8_t switch_from;
	uint64_t switch_proof_age;
	uint64_t revert_in;
	struct stats stats;
	struct link_info link;
	char master[IFNAMSIZ];
	unsigned int n_tunnels;
	struct tunnel tunnel[VGW_MAX_TUNNELS];
};

int model_get(struct nl *nl, const char *ifname, struct connection **list,
	      struct nl_error *err);
int model_get_links(struct connection *list, struct nl_error *err);
void model_free(struct connection *list);

const struct tunnel *model_tunnel(const struct connection *conn, unsigned int index);
const char *model_tunnel_name(const struct connection *conn, unsigned int index);
void model_config(const struct connection *conn, struct conn_config *config);
bool tunnel_usable(const struct tunnel *tunnel);
bool tunnel_has_sa(const struct tunnel *tunnel, uint32_t dir);
const char *tunnel_key(char *buf, size_t size, const struct tunnel_config *tunnel);

static inline bool conn_has(const struct connection *conn, int attr)
{
	return conn->have & ATTR_BIT(attr);
}

static inline bool tunnel_has(const struct tunnel *tunnel, int attr)
{
	return tunnel->have & ATTR_BIT(attr);
}

#endif /* VGWCTL_MODEL_H */
