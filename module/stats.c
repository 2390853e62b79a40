// SPDX-License-Identifier: GPL-2.0
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/netlink.h>

#include "stats.h"
#include "vgw.h"

/* As ethtool -S shows them; the same words as in the netlink specification. */
const char * const vgw_stats_names[VGW_STATS_N] = {
	[VGW_A_STATS_RX_PACKETS] = "rx_packets",
	[VGW_A_STATS_RX_BYTES] = "rx_bytes",
	[VGW_A_STATS_TX_PACKETS] = "tx_packets",
	[VGW_A_STATS_TX_BYTES] = "tx_bytes",
	[VGW_A_STATS_KEEPALIVE_SENT] = "keepalive_sent",
	[VGW_A_STATS_KEEPALIVE_RECEIVED] = "keepalive_received",
	[VGW_A_STATS_KEEPALIVE_MISSED] = "keepalive_missed",
	[VGW_A_STATS_KEEPALIVE_UNSENT] = "keepalive_unsent",
	[VGW_A_STATS_TX_FALLBACK] = "tx_fallback",
	[VGW_A_STATS_TX_NO_TUNNEL] = "tx_no_tunnel",
	[VGW_A_STATS_TX_NO_SA] = "tx_no_sa",
	[VGW_A_STATS_TX_NO_POLICY] = "tx_no_policy",
	[VGW_A_STATS_TX_BLOCKED] = "tx_blocked",
	[VGW_A_STATS_TX_NO_ROUTE] = "tx_no_route",
	[VGW_A_STATS_TX_LOOP] = "tx_loop",
	[VGW_A_STATS_TX_TOO_BIG] = "tx_too_big",
	[VGW_A_STATS_TX_NOT_IP] = "tx_not_ip",
	[VGW_A_STATS_TX_OUTPUT] = "tx_output",
	[VGW_A_STATS_TX_DOWN] = "tx_down",
	[VGW_A_STATS_RX_XFRM] = "rx_xfrm",
	[VGW_A_STATS_RX_NO_POLICY] = "rx_no_policy",
	[VGW_A_STATS_RX_BLOCKED] = "rx_blocked",
	[VGW_A_STATS_RX_TEMPLATE] = "rx_template",
	[VGW_A_STATS_RX_NOT_IP] = "rx_not_ip",
	[VGW_A_STATS_RX_DOWN] = "rx_down",
	[VGW_A_STATS_RX_KEEPALIVE_BAD] = "rx_keepalive_bad",
	[VGW_A_STATS_RX_QUEUE] = "rx_queue",
};

/**
 * vgw_stats_alloc - a set of counters, all zero
 *
 * Return: the set, to be freed by free_percpu(), or NULL.
 */
struct vgw_stats __percpu *vgw_stats_alloc(void)
{
	return netdev_alloc_pcpu_stats(struct vgw_stats);
}

/**
 * vgw_stats_sum - add up the CPUs
 * @stats: the counters
 * @sum: what to add to; the caller has set it to zero
 */
void vgw_stats_sum(struct vgw_stats __percpu *stats, u64 sum[VGW_STATS_N])
{
	unsigned int cpu, i, start;

	for_each_possible_cpu(cpu) {
		struct vgw_stats *s = per_cpu_ptr(stats, cpu);
		u64 c[VGW_STATS_N];

		do {
			start = u64_stats_fetch_begin(&s->syncp);
			for (i = 0; i < VGW_STATS_N; i++)
				c[i] = u64_stats_read(&s->c[i]);
		} while (u64_stats_fetch_retry(&s->syncp, start));
		for (i = 0; i < VGW_STATS_N; i++)
			sum[i] += c[i];
	}
}

/**
 * vgw_stats_core - what the core dropped by itself
 * @dev: device
 * @tx: set to what it did not send, for want of carrier before link.c had its say
 * @rx: set to what it did not take, where a queue of what was received is full
 */
void vgw_stats_core(const struct net_device *dev, u64 *tx, u64 *rx)
{
	struct net_device_core_stats __percpu *core = READ_ONCE(dev->core_stats);
	int cpu;

	*tx = 0;
	*rx = 0;
	if (!core)
		return;
	for_each_possible_cpu(cpu) {
		*tx += READ_ONCE(per_cpu_ptr(core, cpu)->tx_dropped);
		*rx += READ_ONCE(per_cpu_ptr(core, cpu)->rx_dropped);
	}
}

/**
 * vgw_stats_tunnel - counters of a tunnel
 * @t: tunnel
 * @sum: set to them
 */
void vgw_stats_tunnel(const struct vgw_tunnel *t, u64 sum[VGW_STATS_N])
{
	u64 tx, rx;

	memset(sum, 0, VGW_STATS_N * sizeof(*sum));
	vgw_stats_sum(t->stats, sum);
	vgw_stats_core(t->dev, &tx, &rx);
	sum[VGW_A_STATS_TX_DOWN] += tx;
	sum[VGW_A_STATS_RX_QUEUE] += rx;
}

/**
 * vgw_stats_conn - counters of a connection
 * @conn: connection
 * @sum: set to its own, and what its tunnels received less keepalives
 *
 * What tunnels send and drop is in their own counters; what the connection
 * sends by them is in its own as well.
 */
void vgw_stats_conn(struct vgw_conn *conn, u64 sum[VGW_STATS_N])
{
	unsigned int i;
	u64 tx, rx;

	memset(sum, 0, VGW_STATS_N * sizeof(*sum));
	vgw_stats_sum(conn->stats, sum);
	vgw_stats_core(conn->dev, &tx, &rx);
	sum[VGW_A_STATS_TX_NO_TUNNEL] += tx;
	sum[VGW_A_STATS_RX_QUEUE] += rx;
	for (i = 0; i < conn->n; i++) {
		/* Readers without RTNL may come before all tunnels are there. */
		const struct vgw_tunnel *t = smp_load_acquire(&conn->tunnels[i]);
		u64 c[VGW_STATS_N] = {};

		if (!t)
			continue;
		vgw_stats_sum(t->stats, c);
		sum[VGW_A_STATS_RX_PACKETS] += c[VGW_A_STATS_RX_PACKETS] -
			c[VGW_A_STATS_KEEPALIVE_RECEIVED] - c[VGW_A_STATS_RX_KEEPALIVE_BAD];
		sum[VGW_A_STATS_RX_BYTES] += c[VGW_A_STATS_RX_BYTES] -
			c[VGW_STATS_KEEPALIVE_BYTES];
	}
}

/**
 * vgw_stats_link - the counters as ip -s link shows them
 * @sum: counters
 * @link: what to add to
 */
void vgw_stats_link(const u64 sum[VGW_STATS_N], struct rtnl_link_stats64 *link)
{
	unsigned int i;

	link->rx_packets += sum[VGW_A_STATS_RX_PACKETS];
	link->rx_bytes += sum[VGW_A_STATS_RX_BYTES];
	link->tx_packets += sum[VGW_A_STATS_TX_PACKETS];
	link->tx_bytes += sum[VGW_A_STATS_TX_BYTES];
	for (i = VGW_A_STATS_TX_NO_TUNNEL; i <= VGW_A_STATS_TX_DOWN; i++)
		link->tx_dropped += sum[i];
	for (i = VGW_A_STATS_RX_NO_POLICY; i <= VGW_A_STATS_RX_QUEUE; i++)
		link->rx_dropped += sum[i];
	link->rx_errors += sum[VGW_A_STATS_RX_XFRM];
}

/**
 * vgw_stats_put - the counters as a netlink nest
 * @skb: message
 * @type: attribute of the nest
 * @sum: counters
 *
 * Return: 0 or -EMSGSIZE.
 */
int vgw_stats_put(struct sk_buff *skb, unsigned int type, const u64 sum[VGW_STATS_N])
{
	struct nlattr *nest = nla_nest_start(skb, type);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 1; i < VGW_STATS_N; i++) {
		if (nla_put_u64_64bit(skb, i, sum[i], VGW_A_STATS_PAD)) {
			nla_nest_cancel(skb, nest);
			return -EMSGSIZE;
		}
	}
	nla_nest_end(skb, nest);
	return 0;
}
