/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A provider's description of VPN connections: what the parsers fill in, the
 * rules complete and check, and the writers turn into files.
 */
#ifndef VGWCTL_IMPORT_H
#define VGWCTL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "units.h"

/* What the provider gives every connection. */
#define IMPORT_TUNNELS	2
/* Far above its quotas; below, that a hostile file costs little. */
#define IMPORT_CONNS	256
#define IMPORT_ROUTES	1000
#define IMPORT_WARNINGS	64
#define IMPORT_SIZE	(4 << 20)

/* Percent, where the provider says nothing. */
#define IMPORT_FUZZ	100

#define PSK_MIN		8
#define PSK_MAX		64
#define ID_LEN		40

enum {
	PHASE_IKE,
	PHASE_ESP,
	PHASES,
};

/**
 * struct import_phase - what the far end accepts in a phase
 * @enc: bits of alg_enc, 0 when nothing was said: then all
 * @integ: bits of alg_integ, likewise
 * @dh: bits of alg_dh, likewise
 * @life: seconds after which it deletes the SA, 0 when nothing was said
 */
struct import_phase {
	unsigned int enc;
	unsigned int integ;
	unsigned int dh;
	uint32_t life;
};

/**
 * struct import_tunnel - a tunnel
 * @ours: outside address of the customer gateway; of no length if any
 * @theirs: outside address of the far end
 * @inside: our inside address
 * @peer: the far one
 * @inside_len: prefix length of @inside
 * @asn: our AS, 0 for none
 * @peer_asn: theirs
 * @hold: BGP hold time, seconds
 * @psk: pre-shared key, empty for none
 * @cert: authenticates with a certificate
 * @ikev1: may be spoken
 * @ikev2: may be spoken; neither means both
 * @phase: by PHASE_*
 * @margin: seconds before the end of a lifetime at which the far end rekeys
 * @fuzz: percentage by which it may be earlier still
 * @replay: packets
 * @dpd: seconds until it gives up
 */
struct import_tunnel {
	struct ip_addr ours;
	struct ip_addr theirs;
	struct ip_addr inside;
	struct ip_addr peer;
	uint8_t inside_len;
	uint32_t asn;
	uint32_t peer_asn;
	uint32_t hold;
	char psk[PSK_MAX + 1];
	bool cert;
	bool ikev1;
	bool ikev2;
	struct import_phase phase[PHASES];
	uint32_t margin;
	uint32_t fuzz;
	uint32_t replay;
	uint32_t dpd;
};

/**
 * struct import_conn - a connection
 * @id: the provider's name for it
 * @name: ours, of devices and files
 * @number: tells its if_ids from those of others
 * @is_static: no BGP
 * @minimums: algorithms are what the provider asks at least, not its settings
 * @ours_here: the outside address is one of this machine's
 * @local_ts: traffic selector, ours; of no length for everything
 * @remote_ts: theirs
 * @n_tunnels: of @tunnel
 * @tunnel: its tunnels
 * @n_routes: of @route
 * @route: static routes
 */
struct import_conn {
	char id[ID_LEN];
	char name[IFNAMSIZ];
	unsigned int number;
	bool is_static;
	bool minimums;
	bool ours_here;
	struct prefix local_ts;
	struct prefix remote_ts;
	unsigned int n_tunnels;
	struct import_tunnel tunnel[IMPORT_TUNNELS];
	unsigned int n_routes;
	struct prefix *route;
};

/**
 * struct import - all that a file says
 * @n: of @conn
 * @conn: the connections
 * @n_warnings: of @warning
 * @warning: sentences about what was not understood or needs care
 */
struct import {
	unsigned int n;
	struct import_conn *conn;
	unsigned int n_warnings;
	char *warning[IMPORT_WARNINGS];
};

struct import_conn *import_add_conn(struct import *im, struct problem *p);
int import_add_route(struct import_conn *conn, const struct prefix *route, struct problem *p);
int import_set_id(struct import_conn *conn, const char *id, struct problem *p);
int import_set_psk(struct import_tunnel *t, const char *psk, struct problem *p);
int import_parse_net(const char *s, struct prefix *net, struct problem *p);
int import_parse_number(const char *s, uint32_t min, uint32_t max, uint32_t *number,
			struct problem *p);
void import_warn(struct import *im, const char *fmt, ...)
	__printf(2, 3);
void import_free(struct import *im);

/* Parsers: text of @len bytes, a NUL behind it. */
int import_parse(const char *text, size_t len, struct import *im, struct problem *p);
int import_json(const char *text, size_t len, struct import *im, struct problem *p);
int import_xml(const char *text, size_t len, struct import *im, struct import_conn *conn,
	       struct problem *p);

/* Rules. */
int import_check_conn(struct import *im, struct import_conn *conn, struct problem *p);
int import_check(struct import *im, struct problem *p);
void import_forget_v4(struct import_conn *conn);
void import_peer_inside(const struct prefix *net, struct import_tunnel *t);

/* Algorithms, strongest first. */
enum alg_kind {
	ALG_ENC,
	ALG_INTEG,
	ALG_DH,
};

int alg_find(enum alg_kind kind, const char *word);
void alg_proposal(char *buf, size_t size, const struct import_tunnel *t, int phase,
		  bool minimums);
int alg_check(const struct import_tunnel *t, struct problem *p);
bool import_ike_version2(const struct import_tunnel *t);

/* Writers. */
uint32_t import_if_id(const struct import_conn *conn, unsigned int tunnel);
uint32_t import_rekey_time(const struct import_tunnel *t, int phase);
const char *const *import_private_nets(const struct import_conn *conn);
bool import_guard(const struct import_conn *conn, unsigned int i, struct prefix *guard);
bool import_keepalive_fits(const struct import_conn *conn, const struct import_tunnel *t);
void import_write_conf(FILE *f, const struct import_conn *conn);
void import_write_swanctl(FILE *f, const struct import_conn *conn);
void import_write_secrets(FILE *f, const struct import_conn *conn);
void import_write_frr(FILE *f, const struct import_conn *conn);

/* What a comment at the beginning of a file that is ours says, before the id. */
#define IMPORT_MARK	"vgwctl import aws: "

#endif /* VGWCTL_IMPORT_H */
