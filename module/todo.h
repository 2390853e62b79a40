/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_TODO_H
#define VGW_TODO_H

/* What a softirq or a notification wants done and a process has to do, under RTNL. */

#include "vgw.h"

int vgw_todo_prepare(void);
void vgw_todo_release(void);
void vgw_todo_init(struct vgw_conn *conn);
void vgw_todo(struct vgw_conn *conn, unsigned int what);

#endif /* VGW_TODO_H */
