/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_RX_H
#define VGW_RX_H

#include <linux/netdevice.h>

int vgw_rx_register(void);
void vgw_rx_unregister(void);
rx_handler_result_t vgw_rx_handler(struct sk_buff **pskb);

#endif /* VGW_RX_H */
