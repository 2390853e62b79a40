// SPDX-License-Identifier: GPL-2.0
/* Takes what vgw_init() wants, one thing at a time: the way back out of each step is seen. */

#include <linux/module.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>
#include <net/xfrm.h>

static char *what = "";
module_param(what, charp, 0);
MODULE_PARM_DESC(what, "esp4, esp6, link, tunnel or netlink");

static int no_handler(struct sk_buff *skb)
{
	return -EINVAL;
}

static int no_input(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return -EINVAL;
}

static int no_callback(struct sk_buff *skb, int err)
{
	return 1;
}

static int no_error4(struct sk_buff *skb, u32 mtu)
{
	return -ENOENT;
}

static int no_error6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		     int offset, __be32 mtu)
{
	return -ENOENT;
}

/* The priority is that of module/rx.c. */
static struct xfrm4_protocol esp4 = {
	.handler = no_handler, .input_handler = no_input, .cb_handler = no_callback,
	.err_handler = no_error4, .priority = 50,
};

static struct xfrm6_protocol esp6 = {
	.handler = no_handler, .input_handler = no_input, .cb_handler = no_callback,
	.err_handler = no_error6, .priority = 50,
};

static struct rtnl_link_ops link = { .kind = "vgw" };
static struct rtnl_link_ops tunnel = { .kind = "vgw_tunnel" };
static struct genl_family netlink = { .name = "vgw", .version = 1, .module = THIS_MODULE };

static int __init taken_init(void)
{
	if (!strcmp(what, "esp4"))
		return xfrm4_protocol_register(&esp4, IPPROTO_ESP);
	if (!strcmp(what, "esp6"))
		return xfrm6_protocol_register(&esp6, IPPROTO_ESP);
	if (!strcmp(what, "link"))
		return rtnl_link_register(&link);
	if (!strcmp(what, "tunnel"))
		return rtnl_link_register(&tunnel);
	if (!strcmp(what, "netlink"))
		return genl_register_family(&netlink);
	return -EINVAL;
}

static void __exit taken_exit(void)
{
	if (!strcmp(what, "esp4"))
		xfrm4_protocol_deregister(&esp4, IPPROTO_ESP);
	else if (!strcmp(what, "esp6"))
		xfrm6_protocol_deregister(&esp6, IPPROTO_ESP);
	else if (!strcmp(what, "link"))
		rtnl_link_unregister(&link);
	else if (!strcmp(what, "tunnel"))
		rtnl_link_unregister(&tunnel);
	else
		genl_unregister_family(&netlink);
}

module_init(taken_init);
module_exit(taken_exit);

MODULE_DESCRIPTION("Tests of vgw: what its init finds taken");
MODULE_LICENSE("GPL");
