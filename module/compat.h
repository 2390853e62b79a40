/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_COMPAT_H
#define VGW_COMPAT_H

/*
 * The only place that knows kernel versions. The sources are written in the
 * newest kernel's spelling; here 6.1 and 6.12 learn it. VGW_HAVE_* comes from
 * Kbuild, which asks the headers: stable trees take back what is new.
 */

#include <linux/hrtimer.h>
#include <linux/netdevice.h>
#include <linux/version.h>
#include <net/dst.h>
#include <net/netlink.h>
#include <net/xfrm.h>
#ifdef VGW_HAVE_GSO_H
#include <net/gso.h>
#endif
#ifdef VGW_HAVE_NETDEV_RX_QUEUE_H
#include <net/netdev_rx_queue.h>
#endif

#ifndef VGW_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

#ifndef VGW_HAVE_DST_DEV
static inline struct net_device *dst_dev(const struct dst_entry *dst)
{
	return READ_ONCE(dst->dev);
}
#endif

#ifndef VGW_HAVE_DEV_NIT_ACTIVE_RCU
#define dev_nit_active_rcu	dev_nit_active
#endif

/* IPv6 gives it no address of its own and asks no routers. */
static inline void vgw_dev_no_addrconf(struct net_device *dev)
{
#ifdef VGW_HAVE_NO_ADDRCONF
	dev->priv_flags |= IFF_NO_ADDRCONF;
#endif
}

#ifndef NLA_POLICY_MAX_LEN
#define NLA_POLICY_MAX_LEN(_len)	{ .type = NLA_BINARY, .len = (_len) }
#endif

/* Ranges could not be const. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, _range) {				\
	.type = NLA_ENSURE_UINT_OR_BINARY_TYPE(tp),			\
	.validation_type = NLA_VALIDATE_RANGE_PTR,			\
	.range = (struct netlink_range_validation *)(_range),		\
}
#endif

/* The netns argument came with 6.8. */
static inline int __vgw_decode_session(struct net *net, struct sk_buff *skb,
				       struct flowi *fl, unsigned int family)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	return __xfrm_decode_session(skb, fl, family, 0);
#else
	return __xfrm_decode_session(net, skb, fl, family, 0);
#endif
}

/*
 * Where xfrm_input() looks for the SA in a list of all that the CPU has used, it takes
 * one that its caller found. Before, it asked a hash, and took none for NAT-T.
 */
#ifdef VGW_HAVE_INPUT_STATE_LOOKUP
#define VGW_INPUT_TAKES_SA	true
#else
#define VGW_INPUT_TAKES_SA	false
#endif

/* Said to be for sending: for 6.1 no SA is. */
static inline bool vgw_sa_is_out(const struct xfrm_state *x)
{
#ifdef VGW_HAVE_SA_DIR
	return x->dir && x->dir != XFRM_SA_DIR_IN;
#else
	return false;
#endif
}

/* Transmit without a queue lock. */
static inline void vgw_dev_set_lltx(struct net_device *dev)
{
#ifdef VGW_HAVE_LLTX
	dev->lltx = true;
#else
	dev->features |= NETIF_F_LLTX;
#endif
}

/* Not to be moved to another netns by anybody but us. */
static inline void vgw_dev_set_immutable(struct net_device *dev, bool immutable)
{
#if defined(VGW_HAVE_NETNS_IMMUTABLE)
	dev->netns_immutable = immutable;
#elif defined(VGW_HAVE_NETNS_LOCAL)
	dev->netns_local = immutable;
#else
	if (immutable)
		dev->features |= NETIF_F_NETNS_LOCAL;
	else
		dev->features &= ~NETIF_F_NETNS_LOCAL;
#endif
}

/*
 * Does anybody but the stack look at what comes in by the device, or has RPS a say?
 * What netif_receive_skb() asks for. A device of ours has one receive queue.
 */
static inline bool vgw_dev_watched(struct net_device *dev)
{
	if (dev_nit_active_rcu(dev) || !list_empty(&dev->ptype_specific) ||
	    rcu_access_pointer(dev->xdp_prog))
		return true;
#ifdef CONFIG_NET_XGRESS
	if (rcu_access_pointer(dev->tcx_ingress))
		return true;
#elif defined(CONFIG_NET_CLS_ACT)
	if (rcu_access_pointer(dev->miniq_ingress))
		return true;
#endif
#ifdef CONFIG_NETFILTER_INGRESS
	if (rcu_access_pointer(dev->nf_hooks_ingress))
		return true;
#endif
#ifdef CONFIG_RPS
	if (rcu_access_pointer(dev->_rx->rps_map))
		return true;
#endif
	return false;
}

#ifndef VGW_HAVE_NEWLINK_PARAMS
#define vgw_newlink_args	struct net *src_net, struct net_device *dev, \
				struct nlattr *tb[], struct nlattr *data[], \
				struct netlink_ext_ack *extack
#define vgw_newlink_net		src_net
#define vgw_newlink_tb		tb
#define vgw_newlink_data	data
#else
#define vgw_newlink_args	struct net_device *dev, \
				struct rtnl_newlink_params *params, \
				struct netlink_ext_ack *extack
#define vgw_newlink_net		rtnl_newlink_link_net(params)
#define vgw_newlink_tb		(params->tb)
#define vgw_newlink_data	(params->data)
#endif

#endif /* VGW_COMPAT_H */
