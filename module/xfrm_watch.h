/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_XFRM_WATCH_H
#define VGW_XFRM_WATCH_H

/* SAs and policies come, go, are renewed and expire: XFRM tells, we listen. */

#include "vgw.h"

void vgw_watch_register(void);
void vgw_watch_unregister(void);
void vgw_watch_resync(struct vgw_conn *conn);
bool vgw_watch_lost(struct vgw_conn *conn);
void vgw_watch_free(struct vgw_tunnel *t);
const struct vgw_sa *vgw_watch_sa(const struct vgw_tunnel *t, bool out);

#endif /* VGW_XFRM_WATCH_H */
