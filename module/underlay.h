/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_UNDERLAY_H
#define VGW_UNDERLAY_H

/* What the underlay offers a tunnel: a path to its far end, and how wide it is. */

#include "vgw.h"

int vgw_underlay_register(void);
void vgw_underlay_unregister(void);
void vgw_underlay_check(struct vgw_tunnel *t);
unsigned int vgw_underlay_mtu(struct vgw_tunnel *t);

#endif /* VGW_UNDERLAY_H */
