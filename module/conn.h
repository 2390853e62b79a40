/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_CONN_H
#define VGW_CONN_H

/*
 * What the state machine decides becomes true here: the active pointer, the
 * carriers, the timers, the events that listeners see.
 */

#include "vgw.h"

void vgw_conn_init(struct vgw_conn *conn);
void vgw_conn_start(struct vgw_conn *conn);
void vgw_conn_stop(struct vgw_conn *conn);
void vgw_conn_event(struct vgw_conn *conn, unsigned int tunnel, enum vgw_fo_event event);
bool vgw_conn_event_locked(struct vgw_conn *conn, unsigned int tunnel,
			   enum vgw_fo_event event, u64 rtt);
u64 vgw_conn_heard(struct vgw_tunnel *t, u64 now);
int vgw_conn_switch(struct vgw_conn *conn, unsigned int tunnel);

#endif /* VGW_CONN_H */
