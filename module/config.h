/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_CONFIG_H
#define VGW_CONFIG_H

/* From netlink attributes to configuration, refusing what makes no sense. */

#include "vgw.h"

struct netlink_ext_ack;
struct nlattr;

/**
 * struct vgw_conn_config - a request, parsed
 * @n: tunnels
 * @revert: ms, VGW_FOREVER never
 * @mtu: bytes, 0 automatic
 * @mss: VGW_MSS_OFF, VGW_MSS_AUTO or bytes
 * @tunnels: their configuration
 * @names: their names, empty for the default one
 */
struct vgw_conn_config {
	unsigned int n;
	u32 revert;
	u32 mtu;
	u32 mss;
	struct vgw_tunnel_config tunnels[VGW_MAX_TUNNELS];
	char names[VGW_MAX_TUNNELS][IFNAMSIZ];
};

int vgw_config_new(struct vgw_conn_config *config, struct nlattr *data[],
		   struct net *net, struct netlink_ext_ack *extack);
int vgw_config_change(struct vgw_conn_config *config, const struct vgw_conn *conn,
		      struct nlattr *data[], struct netlink_ext_ack *extack);
int vgw_config_change_tunnel(struct vgw_conn_config *config, const struct vgw_tunnel *t,
			     struct nlattr *data[], struct netlink_ext_ack *extack);
void vgw_config_read(struct vgw_conn_config *config, const struct vgw_conn *conn);
void vgw_config_apply(struct vgw_conn *conn, const struct vgw_conn_config *config);
int vgw_config_select(const struct vgw_conn *conn, struct nlattr *nest,
		      struct netlink_ext_ack *extack);

#endif /* VGW_CONFIG_H */
