/* SPDX-License-Identifier: GPL-2.0 */
/* What an administrator can set: one table of options for every command. */
#ifndef VGWCTL_CONFIG_H
#define VGWCTL_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/vgw.h>

#include "units.h"

#define REVERT_DEFAULT		30000
#define PREFERENCE_DEFAULT	100
#define INTERVAL_DEFAULT	2000
#define MISSES_DEFAULT		3

enum {
	OPT_REVERT,
	OPT_MTU,
	OPT_MSS,
	OPT_IF_ID,
	OPT_MARK,
	OPT_LOCAL,
	OPT_REMOTE,
	OPT_INSIDE,
	OPT_PEER,
	OPT_PREFERENCE,
	OPT_KEEPALIVE,
	OPT_INTERVAL,
	OPT_MISSES,
	OPT_MAX,

	OPT_FIRST_TUNNEL = OPT_IF_ID,
};

#define OPT_BIT(opt)	(1U << (opt))
#define VALUE_LEN	64

/* Of a configuration file, before the device. */
#define TUNNEL_SECTION	"tunnel "
/* Of a configuration file: what is around the devices. */
#define UP_SECTION	"up"

#define UP_ROUTES	1024
#define UP_GUARDS	64
#define UP_ADDRS	16
#define UP_FILES	8
#define UP_FILE_LEN	256

/**
 * struct tunnel_config - options of a tunnel
 * @set: OPT_BIT() of those that have a value here
 * @typed: the values as they were typed, to repeat in messages
 * @label: the tunnel as it was typed, to repeat in messages
 * @ifname: its device, empty for the kernel's choice
 * @index: its place in the connection, -1 when not known
 * @if_id: key
 * @mark: key
 * @mask: of @mark
 * @local: outer source; of no length when it shall follow the SAs
 * @remote: outer destination; likewise
 * @inside: inside address; of no length for none
 * @peer: far inside address; of no length for none
 * @inside_len: prefix length of @inside
 * @preference: higher is preferred
 * @keepalive: enum vgw_keepalive; valid with OPT_KEEPALIVE
 * @interval: milliseconds; valid with OPT_INTERVAL
 * @misses: that take the tunnel down
 */
struct tunnel_config {
	unsigned int set;
	char typed[OPT_MAX][VALUE_LEN];
	char label[VALUE_LEN];
	char ifname[IFNAMSIZ];
	int index;
	uint32_t if_id;
	uint32_t mark;
	uint32_t mask;
	struct ip_addr local;
	struct ip_addr remote;
	struct ip_addr inside;
	struct ip_addr peer;
	uint8_t inside_len;
	uint32_t preference;
	uint32_t keepalive;
	uint32_t interval;
	uint32_t misses;
};

/**
 * struct conn_config - options of a connection and its tunnels
 * @set: OPT_BIT() of those that have a value here
 * @typed: the values as they were typed, to repeat in messages
 * @ifname: its device
 * @revert: milliseconds or VGW_FOREVER
 * @mtu: bytes, 0 for automatic
 * @mss: bytes, 0 off, 1 automatic
 * @n_tunnels: of @tunnel
 * @tunnel: options of the tunnels
 */
struct conn_config {
	unsigned int set;
	char typed[OPT_FIRST_TUNNEL][VALUE_LEN];
	char ifname[IFNAMSIZ];
	uint32_t revert;
	uint32_t mtu;
	uint32_t mss;
	unsigned int n_tunnels;
	struct tunnel_config tunnel[VGW_MAX_TUNNELS];
};

/**
 * struct up_config - what vgwctl up does beside the devices
 * @n_addrs: of @addr
 * @addr: addresses of the connection beside the inside ones
 * @n_routes: of @route
 * @route: routes to the connection
 * @n_guards: of @guard
 * @guard: networks that are unreachable unless another route leads there
 * @vrf: VRF of the devices, empty for none
 * @n_files: of @file
 * @file: for swanctl, relative to the configuration's directory
 */
struct up_config {
	unsigned int n_addrs;
	struct prefix addr[UP_ADDRS];
	unsigned int n_routes;
	struct prefix route[UP_ROUTES];
	unsigned int n_guards;
	struct prefix guard[UP_GUARDS];
	char vrf[IFNAMSIZ];
	unsigned int n_files;
	char file[UP_FILES][UP_FILE_LEN];
};

/**
 * struct problem - what was wrong with what was typed
 * @text: a sentence without the command's name
 */
struct problem {
	char text[320];
};

int problem(struct problem *p, const char *fmt, ...)
	__printf(2, 3);

const char *option_word(int opt);
int option_find(const char *word);
bool option_is_tunnel(int opt);

int config_option(struct conn_config *conn, struct tunnel_config *tunnel,
		  const char *word, const char *value, struct problem *p);
struct tunnel_config *config_add_tunnel(struct conn_config *conn, struct problem *p);
int config_tunnel_key(const struct tunnel_config *tunnel, struct problem *p);

int parse_ifname(const char *s, char *ifname, struct problem *p);
int parse_connection(int argc, char **argv, struct conn_config *conn, struct problem *p);
int parse_changes(int argc, char **argv, struct conn_config *conn, struct problem *p);

void config_defaults(struct conn_config *conn);
bool config_diff(const struct conn_config *have, const struct conn_config *want,
		 struct conn_config *diff);
const char *config_value(char *buf, size_t size, const struct conn_config *conn, int opt);
int config_read(FILE *f, const char *file, struct conn_config *conn, struct up_config *up,
		struct problem *p);
const char *tunnel_config_value(char *buf, size_t size, const struct tunnel_config *tunnel,
				int opt);

#endif /* VGWCTL_CONFIG_H */
