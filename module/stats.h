/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_STATS_H
#define VGW_STATS_H

/* Per-CPU counters: one named counter for each reason not to deliver a packet. */

#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>
#include <uapi/linux/vgw.h>

struct net_device;
struct rtnl_link_stats64;
struct sk_buff;
struct vgw_conn;
struct vgw_tunnel;

/* A counter is known by its netlink attribute. */
#define VGW_STATS_N	VGW_A_STATS_PAD

/* What the answers to keepalives had, which the connection has not received: no attribute. */
#define VGW_STATS_KEEPALIVE_BYTES	0

/**
 * struct vgw_stats - counters of one CPU
 * @c: by attribute VGW_A_STATS_*, and VGW_STATS_KEEPALIVE_BYTES
 * @syncp: makes 64 bits whole on 32-bit machines
 */
struct vgw_stats {
	u64_stats_t c[VGW_STATS_N];
	struct u64_stats_sync syncp;
};

/**
 * vgw_count - add one to a counter
 * @stats: the counters
 * @counter: VGW_A_STATS_*
 *
 * Context: any but hard interrupts.
 */
static inline void vgw_count(struct vgw_stats __percpu *stats, unsigned int counter)
{
	struct vgw_stats *s;
	unsigned long flags;

	s = get_cpu_ptr(stats);
	flags = u64_stats_update_begin_irqsave(&s->syncp);
	u64_stats_inc(&s->c[counter]);
	u64_stats_update_end_irqrestore(&s->syncp, flags);
	put_cpu_ptr(stats);
}

/**
 * vgw_count_keepalive - count the answer to a keepalive, right or wrong
 * @stats: the counters
 * @counter: VGW_A_STATS_KEEPALIVE_RECEIVED or VGW_A_STATS_RX_KEEPALIVE_BAD
 * @bytes: of the inner packet
 *
 * Context: BH off.
 */
static inline void vgw_count_keepalive(struct vgw_stats __percpu *stats,
				       unsigned int counter, unsigned int bytes)
{
	struct vgw_stats *s;
	unsigned long flags;

	s = this_cpu_ptr(stats);
	flags = u64_stats_update_begin_irqsave(&s->syncp);
	u64_stats_inc(&s->c[counter]);
	u64_stats_add(&s->c[VGW_STATS_KEEPALIVE_BYTES], bytes);
	u64_stats_update_end_irqrestore(&s->syncp, flags);
}

/**
 * vgw_count_bytes - add to a pair of packet and byte counters
 * @stats: the counters
 * @packets: VGW_A_STATS_RX_PACKETS or VGW_A_STATS_TX_PACKETS; bytes is the next
 * @n: packets
 * @bytes: bytes
 *
 * Context: BH off.
 */
static inline void vgw_count_bytes(struct vgw_stats __percpu *stats,
				   unsigned int packets, unsigned int n,
				   unsigned int bytes)
{
	struct vgw_stats *s;
	unsigned long flags;

	s = this_cpu_ptr(stats);
	flags = u64_stats_update_begin_irqsave(&s->syncp);
	u64_stats_add(&s->c[packets], n);
	u64_stats_add(&s->c[packets + 1], bytes);
	u64_stats_update_end_irqrestore(&s->syncp, flags);
}

extern const char * const vgw_stats_names[VGW_STATS_N];

struct vgw_stats __percpu *vgw_stats_alloc(void);
void vgw_stats_sum(struct vgw_stats __percpu *stats, u64 sum[VGW_STATS_N]);
void vgw_stats_core(const struct net_device *dev, u64 *tx, u64 *rx);
void vgw_stats_tunnel(const struct vgw_tunnel *t, u64 sum[VGW_STATS_N]);
void vgw_stats_conn(struct vgw_conn *conn, u64 sum[VGW_STATS_N]);
void vgw_stats_link(const u64 sum[VGW_STATS_N], struct rtnl_link_stats64 *link);
int vgw_stats_put(struct sk_buff *skb, unsigned int type, const u64 sum[VGW_STATS_N]);

#endif /* VGW_STATS_H */
