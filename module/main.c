// SPDX-License-Identifier: GPL-2.0
/* Redundant IPsec tunnel devices: init and exit, nothing else. */

#include <linux/module.h>

#include "link.h"
#include "netlink.h"
#include "rx.h"
#include "xfrm_watch.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init vgw_init(void)
{
	int err;

	err = vgw_rx_register();
	if (err)
		return err;
	err = vgw_link_prepare();
	if (err)
		goto unregister_rx;
	vgw_watch_register();
	/* Before there are devices and until the last has gone: listeners hear of each. */
	err = vgw_netlink_register();
	if (err)
		goto unregister_watch;
	err = vgw_link_register();
	if (err)
		goto unregister_netlink;
	return 0;

unregister_netlink:
	vgw_netlink_unregister();
unregister_watch:
	vgw_watch_unregister();
	vgw_link_release();
unregister_rx:
	vgw_rx_unregister();
	return err;
}

static void __exit vgw_exit(void)
{
	vgw_link_unregister();
	vgw_netlink_unregister();
	vgw_watch_unregister();
	vgw_link_release();
	vgw_rx_unregister();
}

module_init(vgw_init);
module_exit(vgw_exit);

MODULE_DESCRIPTION("Redundant IPsec tunnels over XFRM");
MODULE_AUTHOR("The vgw authors");
MODULE_LICENSE("GPL");
