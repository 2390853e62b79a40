/* SPDX-License-Identifier: GPL-2.0 */
/* Netlink sockets, requests that know what their attributes mean, errors. */
#ifndef VGWCTL_NETLINK_H
#define VGWCTL_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

#include "config.h"
#include "units.h"

/**
 * struct nl - a netlink socket
 * @sock: libmnl's
 * @seq: of the last request
 * @family: id of the generic netlink family, with nl_open_vgw()
 * @group: id of its group of events, likewise
 */
struct nl {
	struct mnl_socket *sock;
	uint32_t seq;
	uint16_t family;
	uint32_t group;
};

#define REQ_NOTES	160

/**
 * struct nl_req - a request
 * @hdr: its beginning in @buf
 * @n_notes: of @note
 * @note: what the user typed that became the attribute between two offsets
 * @buf: the message
 */
struct nl_req {
	struct nlmsghdr *hdr;
	unsigned int n_notes;
	struct {
		uint32_t from;
		uint32_t to;
		char text[2 * VALUE_LEN + 16];
	} note[REQ_NOTES];
	_Alignas(struct nlmsghdr) char buf[8192];
};

/**
 * struct nl_error - why a request failed
 * @code: errno
 * @text: a sentence, the kernel's own where it said one
 */
struct nl_error {
	int code;
	char text[512];
};

int nl_open(struct nl *nl, int protocol, struct nl_error *err);
int nl_open_vgw(struct nl *nl, struct nl_error *err);
int nl_join(struct nl *nl, uint32_t group, struct nl_error *err);
void nl_close(struct nl *nl);
int nl_resolve(struct nl *nl, struct nl_error *err);

void req_init(struct nl_req *req, uint16_t type, uint16_t flags);
void req_init_vgw(struct nl_req *req, const struct nl *nl, uint8_t cmd, uint16_t flags);
int req_begin(struct nl_req *req);
void req_end(struct nl_req *req, int note, const char *fmt, ...)
	__printf(3, 4);
void req_put_config(struct nl_req *req, const struct conn_config *conn, const char *label);

int nl_talk(struct nl *nl, struct nl_req *req, mnl_cb_t cb, void *data,
	    struct nl_error *err);
int nl_dump(struct nl *nl, struct nl_req *req, mnl_cb_t cb, void *data,
	    struct nl_error *err);
int nl_error_set(struct nl_error *err, int code, const char *fmt, ...)
	__printf(3, 4);

#define KIND_LEN	32

/**
 * struct link_info - what rtnetlink says of a device
 * @ifindex: its index
 * @flags: IFF_*
 * @mtu: bytes
 * @master: index of its master, 0 for none
 * @ifname: its name
 * @kind: its kind, empty for none
 * @table: of a VRF, 0 for none
 */
struct link_info {
	unsigned int ifindex;
	unsigned int flags;
	uint32_t mtu;
	unsigned int master;
	char ifname[IFNAMSIZ];
	char kind[KIND_LEN];
	uint32_t table;
};

/**
 * struct route_info - how the kernel would send to an address
 * @oif: index of the device
 */
struct route_info {
	unsigned int oif;
};

int link_get(struct nl *nl, const char *ifname, struct link_info *link,
	     struct nl_error *err);
int link_each(struct nl *nl, const char *kind, void (*fn)(const struct link_info *, void *),
	      void *data, struct nl_error *err);
int route_get(struct nl *nl, const struct ip_addr *local, const struct ip_addr *remote,
	      struct route_info *route, struct nl_error *err);
int addr_assigned(struct nl *nl, unsigned int ifindex, const struct ip_addr *addr,
		  bool *found, struct nl_error *err);

/* On addresses and routes of vgwctl up: rtm_protocol, IFA_PROTO. */
#define PROTO_VGW	118

/**
 * struct set - what was set on a device
 * @n: of @prefix
 * @prefix: addresses or routes
 * @table: of each route; NULL for a set that was not listed
 */
struct set {
	unsigned int n;
	struct prefix *prefix;
	uint32_t *table;
};

/*
 * A guard makes a network unreachable behind every other route to it: its
 * metric is one of the last.
 */
#define GUARD_FIRST	0xff000000U
#define GUARD_LAST	0xfffffff0U

/* For route_list(). */
#define TABLE_ANY	UINT32_MAX

int link_change(struct nl *nl, unsigned int ifindex, unsigned int flags, unsigned int mask,
		struct nl_error *err);
int link_enslave(struct nl *nl, unsigned int ifindex, unsigned int master,
		 struct nl_error *err);
int addr_change(struct nl *nl, bool add, unsigned int ifindex, const struct prefix *addr,
		struct nl_error *err);
int route_change(struct nl *nl, bool add, unsigned int ifindex, uint32_t guard, uint32_t table,
		 const struct prefix *dst, struct nl_error *err);
int addr_list(struct nl *nl, unsigned int ifindex, struct set *set, struct nl_error *err);
int route_list(struct nl *nl, unsigned int ifindex, uint32_t guard, uint32_t table,
	       struct set *set, struct nl_error *err);
bool set_has(const struct set *set, const struct prefix *prefix);
void set_free(struct set *set);

#endif /* VGWCTL_NETLINK_H */
