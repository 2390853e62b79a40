/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_H
#define VGW_H

/*
 * The two structs that everything is about: a connection and its tunnels.
 *
 * Locks, outermost first:
 *
 *   RTNL              creation, removal and configuration of both; the key
 *                     table; MTU. What says "RTNL" below is written under it
 *                     and read under it or, where it is __rcu, under RCU.
 *   vgw_conn.lock     (BH) the state machine, the lists of SAs, the sets of
 *                     policies, keepalives; the one writer of vgw_conn.active.
 *                     Taken by softirqs and by XFRM's notifications, which
 *                     come with xfrm_state.lock held: whoever holds it calls
 *                     nothing that sends a packet or takes XFRM's locks.
 *   vgw_keyless.lock  (BH) one for each netns; nothing else is taken under it,
 *                     and not vgw_conn.lock outside of it.
 *   senders_lock      (BH) underlay.c's table of local addresses; likewise.
 *   RCU               the data path takes no lock.
 *
 * Lifetime: the devices own their structs (netdev_priv). A tunnel is
 * unregistered with its connection and before it; unregister_netdevice()
 * waits for readers. ndo_uninit takes a tunnel out of the key table and stops
 * its timer for good; work items hold a reference to the connection's device.
 */

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <net/xfrm.h>

#include "compat.h"
#include "failover.h"
#include "probe.h"
#include "stats.h"

struct vgw_bundles;
struct vgw_conn;
struct vgw_policies;

/**
 * struct vgw_addr - an address of either family
 * @family: AF_INET, AF_INET6, or AF_UNSPEC where there is none
 * @a: the address in network order
 */
struct vgw_addr {
	u16 family;
	xfrm_address_t a;
};

/**
 * struct vgw_key - how a tunnel finds its SAs and policies
 * @if_id: XFRM interface id; 0 when the key is a mark
 * @mark: value and mask; a mask of 0 when the key is an if_id
 */
struct vgw_key {
	u32 if_id;
	struct xfrm_mark mark;
};

/**
 * struct vgw_tunnel_config - what the administrator says of a tunnel
 * @key: its key
 * @local: outer source, or none to follow the SAs
 * @remote: outer destination, or none
 * @inside: own inside address
 * @inside_len: prefix length of @inside
 * @peer: far inside address
 * @preference: higher is preferred
 * @keepalive: how it is judged
 * @interval: keepalive interval, ms
 * @misses: intervals without an answer that take it down
 */
struct vgw_tunnel_config {
	struct vgw_key key;
	struct vgw_addr local;
	struct vgw_addr remote;
	struct vgw_addr inside;
	u8 inside_len;
	struct vgw_addr peer;
	u32 preference;
	enum vgw_keepalive keepalive;
	u32 interval;
	u32 misses;
};

/**
 * struct vgw_sa - an SA of a tunnel, as XFRM told of it
 * @list: in &vgw_tunnel.sas, newest first
 * @id: destination, SPI and protocol
 * @saddr: source
 * @mark: the SA's mark
 * @family: of the outer addresses
 * @out: we send with it
 * @encap: it is UDP encapsulated
 * @picky: it has a selector or a label of its own
 * @smark: what it does to the mark of what it sends
 * @sport: source port of its UDP, if encapsulated
 * @dport: destination port likewise
 */
struct vgw_sa {
	struct list_head list;
	struct xfrm_id id;
	xfrm_address_t saddr;
	struct xfrm_mark mark;
	u16 family;
	bool out;
	bool encap;
	bool picky;
	struct xfrm_mark smark;
	__be16 sport;
	__be16 dport;
};

/* Does a tunnel know all that XFRM has for it? */
enum {
	VGW_WHOLE,
	VGW_LACKING,	/* memory was short: something is missing */
	VGW_MENDING,	/* XFRM's lists are being read, and nothing has got lost since */
};

/**
 * struct vgw_tunnel - netdev_priv of a device of kind vgw_tunnel
 * @dev: the device
 * @conn: its connection; never changes
 * @net: underlay netns, that of @conn; never changes
 * @index: place in @conn; never changes
 * @config: written under RTNL and @conn->lock, read under either; the data path
 *	reads single words of it under RCU
 * @policies: policies of the key; writers hold @conn->lock
 * @node: in the table of keys; RTNL
 * @node_remote: mark keys with a remote, in the table of remotes; RTNL
 * @hashed: it is in those tables; RTNL
 * @over: ifindex of the device of ours over which it is routed, or 0; RTNL
 * @node_over: in the table of those with @over; RTNL
 * @sends_from: local address of its outer packets when that was last looked at; RTNL
 *	and underlay.c's lock
 * @node_sends: in the table of those with @sends_from; likewise
 * @stats: per-CPU counters
 * @bundles: bundles that are kept, for each CPU
 * @bundle_gen: counts what made them worthless
 * @picky: SAs of it that do not take every flow of its policies; written under
 *	@conn->lock
 * @tracker: of the reference that @conn holds to @dev
 * @heard: the jiffy in which a packet of its SAs was last received, 0 never; any CPU,
 *	at most once a jiffy
 * @used: the jiffy in which a packet was last sent, 0 never
 * @heard_seen: the @heard of @heard_ns; @conn->lock
 * @heard_ns: the same as a time, 0 never; @conn->lock
 * @sas: its SAs; @conn->lock
 * @stale: VGW_WHOLE, or the list of SAs or the set of policies lacks something for
 *	want of memory: nothing comes in until it is made whole; @conn->lock
 * @mtu: largest inner packet, 0 unknown; RTNL
 * @path_mtu: the same with what was learned of the path, 0 unknown; any CPU
 * @probes: keepalives; @conn->lock
 * @timer: for VGW_FO_TICK; armed under @conn->lock while @timer_on
 * @timer_on: @timer may be armed; @conn->lock
 */
struct vgw_tunnel {
	struct net_device *dev;
	struct vgw_conn *conn;
	struct net *net;
	unsigned int index;
	struct vgw_tunnel_config config;
	struct vgw_policies __rcu *policies;
	struct hlist_node node;
	struct hlist_node node_remote;
	bool hashed;
	int over;
	struct hlist_node node_over;
	struct vgw_addr sends_from;
	struct hlist_node node_sends;
	struct vgw_stats __percpu *stats;
	struct vgw_bundles __percpu *bundles;
	atomic_t bundle_gen;
	unsigned int picky;
	netdevice_tracker tracker;

	unsigned long heard ____cacheline_aligned_in_smp;
	unsigned long used;

	unsigned long heard_seen ____cacheline_aligned_in_smp;
	u64 heard_ns;
	struct list_head sas;
	u8 stale;
	unsigned int mtu;
	unsigned int path_mtu;
	struct vgw_probes probes;
	struct hrtimer timer;
	bool timer_on;
};

/* What vgw_conn.work has to do. */
enum {
	VGW_TODO_RESYNC,
	VGW_TODO_PATH,
	VGW_TODO_MTU,
	VGW_TODO_NETNS,
};

/**
 * struct vgw_conn - netdev_priv of a device of kind vgw
 * @dev: the device
 * @net: underlay netns; the connection is removed before it goes
 * @n: tunnels; never changes
 * @mss: VGW_MSS_OFF, VGW_MSS_AUTO or bytes; written under RTNL
 * @tunnels: the tunnels, set before the connection's device can be up
 * @active: the active tunnel or NULL; its one writer is vgw_conn_event(),
 *	under @lock
 * @list: in the netns' list of connections; RTNL
 * @stats: per-CPU counters of what no tunnel counts
 * @lock: see above
 * @fo: the state machine; @lock
 * @doubt_at: the jiffy from which on a keepalive without an SA may have XFRM's lists
 *	read anew; @lock
 * @timer: for VGW_FO_REVERT; armed under @lock while @timer_on
 * @timer_on: @timer may be armed; @lock
 * @work: what needs a process; queued with a reference to @dev
 * @todo: bits of VGW_TODO_*
 * @revert: ms, VGW_FOREVER never; RTNL
 * @mtu: bytes, 0 automatic; RTNL
 * @setting_mtu: we set the device's MTU, not the administrator; RTNL
 * @asked_mtu: the administrator does, and others may yet refuse it; RTNL
 * @unsearched: IP does not look for policies of its devices; &vgw_keyless.lock
 * @by_hand: the administrator has set those sysctls; &vgw_keyless.lock
 * @dying: it is being removed: @work does nothing; RTNL
 */
struct vgw_conn {
	struct net_device *dev;
	struct net *net;
	unsigned int n;
	u32 mss;
	struct vgw_tunnel *tunnels[VGW_MAX_TUNNELS];
	struct vgw_tunnel __rcu *active;
	struct list_head list;
	struct vgw_stats __percpu *stats;

	spinlock_t lock;	/* see the table above */
	struct vgw_fo fo;
	unsigned long doubt_at;
	struct hrtimer timer;
	bool timer_on;

	struct work_struct work;
	unsigned long todo;
	u32 revert;
	u32 mtu;
	bool setting_mtu;
	bool asked_mtu;
	bool unsearched;
	bool by_hand;
	bool dying;
};

#endif /* VGW_H */
