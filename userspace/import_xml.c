// SPDX-License-Identifier: GPL-2.0
/* CustomerGatewayConfiguration: XML, without DTDs and so without entities. */

#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "import.h"

/* Since 2.9, which warns of the older one. */
#if XML_MAJOR_VERSION == 2 && XML_MINOR_VERSION < 9
#define XML_GetCurrentLineNumber64	XML_GetCurrentLineNumber
#endif

#define PATH_SIZE	256
#define TEXT_SIZE	256
#define DEPTH		16

/**
 * struct xml - where the parser is
 * @parser: expat's
 * @im: for warnings
 * @conn: the connection
 * @p: what is wrong
 * @failed: the first fault is the one to report
 * @depth: elements that are open
 * @at: length of @path before each of them
 * @path: their names
 * @text: of the innermost
 * @len: of @text
 * @too_long: did not fit
 * @seen: bits of the elements that the current tunnel had
 * @tunnels: that were begun
 */
struct xml {
	XML_Parser parser;
	struct import *im;
	struct import_conn *conn;
	struct problem *p;
	bool failed;
	unsigned int depth;
	size_t at[DEPTH];
	char path[PATH_SIZE];
	char text[TEXT_SIZE];
	size_t len;
	bool too_long;
	uint64_t seen;
	unsigned int tunnels;
};

#define TUNNEL	"vpn_connection/ipsec_tunnel"

static void fail(struct xml *x)
{
	x->failed = true;
	XML_StopParser(x->parser, XML_FALSE);
}

static struct import_tunnel *tunnel(struct xml *x)
{
	return &x->conn->tunnel[x->tunnels - 1];
}

static int take_addr(struct xml *x, struct ip_addr *addr)
{
	if (!parse_addr(x->text, addr))
		return 0;
	return problem(x->p, "it holds no IP address");
}

/* Empty for any, which certificates allow. */
static int our_outside(struct xml *x)
{
	return !x->text[0] ? 0 : take_addr(x, &tunnel(x)->ours);
}

static int their_outside(struct xml *x)
{
	return take_addr(x, &tunnel(x)->theirs);
}

static int our_inside(struct xml *x)
{
	return take_addr(x, &tunnel(x)->inside);
}

static int their_inside(struct xml *x)
{
	return take_addr(x, &tunnel(x)->peer);
}

static int inside_len(struct xml *x)
{
	uint32_t bits;

	if (import_parse_number(x->text, 1, 128, &bits, x->p))
		return -1;
	tunnel(x)->inside_len = bits;
	return 0;
}

static int our_asn(struct xml *x)
{
	return import_parse_number(x->text, 1, UINT32_MAX, &tunnel(x)->asn, x->p);
}

static int their_asn(struct xml *x)
{
	return import_parse_number(x->text, 1, UINT32_MAX, &tunnel(x)->peer_asn, x->p);
}

static int hold_time(struct xml *x)
{
	return import_parse_number(x->text, 3, 65535, &tunnel(x)->hold, x->p);
}

static int psk(struct xml *x)
{
	return x->text[0] ? import_set_psk(tunnel(x), x->text, x->p) : 0;
}

static int take_alg(struct xml *x, enum alg_kind kind, unsigned int *set)
{
	int alg = alg_find(kind, x->text);

	if (alg < 0)
		import_warn(x->im, "%s: '%s' is no algorithm that is known here; not proposed",
			    x->path, x->text);
	else
		*set = 1U << alg;
	return 0;
}

static int ike_enc(struct xml *x)
{
	return take_alg(x, ALG_ENC, &tunnel(x)->phase[PHASE_IKE].enc);
}

static int ike_integ(struct xml *x)
{
	return take_alg(x, ALG_INTEG, &tunnel(x)->phase[PHASE_IKE].integ);
}

static int ike_dh(struct xml *x)
{
	return take_alg(x, ALG_DH, &tunnel(x)->phase[PHASE_IKE].dh);
}

static int ike_life(struct xml *x)
{
	return import_parse_number(x->text, 900, 28800, &tunnel(x)->phase[PHASE_IKE].life, x->p);
}

static int esp_enc(struct xml *x)
{
	return take_alg(x, ALG_ENC, &tunnel(x)->phase[PHASE_ESP].enc);
}

static int esp_integ(struct xml *x)
{
	return take_alg(x, ALG_INTEG, &tunnel(x)->phase[PHASE_ESP].integ);
}

static int esp_dh(struct xml *x)
{
	return take_alg(x, ALG_DH, &tunnel(x)->phase[PHASE_ESP].dh);
}

static int esp_life(struct xml *x)
{
	return import_parse_number(x->text, 900, 3600, &tunnel(x)->phase[PHASE_ESP].life, x->p);
}

static int esp_protocol(struct xml *x)
{
	if (!strcmp(x->text, "esp"))
		return 0;
	return problem(x->p, "only esp is spoken here");
}

static int esp_mode(struct xml *x)
{
	if (!strcmp(x->text, "tunnel"))
		return 0;
	return problem(x->p, "only tunnel mode is spoken here");
}

static int attributes(struct xml *x)
{
	if (strstr(x->text, "NoBGPVPNConnection"))
		x->conn->is_static = true;
	return 0;
}

static int type(struct xml *x)
{
	if (!strcmp(x->text, "ipsec.1"))
		return 0;
	return problem(x->p, "connections of the type ipsec.1 can be imported, no others");
}

static int local_ts(struct xml *x)
{
	return import_parse_net(x->text, &x->conn->local_ts, x->p);
}

static int remote_ts(struct xml *x)
{
	return import_parse_net(x->text, &x->conn->remote_ts, x->p);
}

static int nothing(struct xml *x)
{
	(void)x;
	return 0;
}

#define OURS	TUNNEL "/customer_gateway"
#define THEIRS	TUNNEL "/vpn_gateway"
#define DPD	TUNNEL "/ipsec/dead_peer_detection"

static const struct {
	const char *path;
	int (*take)(struct xml *x);
} elements[] = {
	{ "vpn_connection/customer_gateway_id", nothing },
	{ "vpn_connection/vpn_gateway_id", nothing },
	{ "vpn_connection/transit_gateway_id", nothing },
	{ "vpn_connection/vpn_connection_type", type },
	{ "vpn_connection/vpn_connection_attributes", attributes },
	{ "vpn_connection/ipv4_network_cidr_local", local_ts },
	{ "vpn_connection/ipv4_network_cidr_remote", remote_ts },
	{ OURS "/tunnel_outside_address/ip_address", our_outside },
	{ OURS "/tunnel_inside_address/ip_address", our_inside },
	{ OURS "/tunnel_inside_address/network_mask", nothing },
	{ OURS "/tunnel_inside_address/network_cidr", inside_len },
	{ OURS "/bgp/asn", our_asn },
	{ OURS "/bgp/hold_time", nothing },
	{ THEIRS "/tunnel_outside_address/ip_address", their_outside },
	{ THEIRS "/tunnel_inside_address/ip_address", their_inside },
	{ THEIRS "/tunnel_inside_address/network_mask", nothing },
	{ THEIRS "/tunnel_inside_address/network_cidr", nothing },
	{ THEIRS "/bgp/asn", their_asn },
	{ THEIRS "/bgp/hold_time", hold_time },
	{ TUNNEL "/ike/authentication_protocol", ike_integ },
	{ TUNNEL "/ike/encryption_protocol", ike_enc },
	{ TUNNEL "/ike/lifetime", ike_life },
	{ TUNNEL "/ike/perfect_forward_secrecy", ike_dh },
	{ TUNNEL "/ike/mode", nothing },
	{ TUNNEL "/ike/pre_shared_key", psk },
	{ TUNNEL "/ipsec/protocol", esp_protocol },
	{ TUNNEL "/ipsec/authentication_protocol", esp_integ },
	{ TUNNEL "/ipsec/encryption_protocol", esp_enc },
	{ TUNNEL "/ipsec/lifetime", esp_life },
	{ TUNNEL "/ipsec/perfect_forward_secrecy", esp_dh },
	{ TUNNEL "/ipsec/mode", esp_mode },
	{ TUNNEL "/ipsec/clear_df_bit", nothing },
	{ TUNNEL "/ipsec/fragmentation_before_encryption", nothing },
	{ TUNNEL "/ipsec/tcp_mss_adjustment", nothing },
	{ DPD "/interval", nothing },
	{ DPD "/retries", nothing },
	{ TUNNEL "/tunnel_cidr", nothing },
};

_Static_assert(ARRAY_SIZE(elements) < 64, "elements fit a mask");

/* A part of the path of some element that is known. */
static bool is_known_parent(const char *path)
{
	size_t i, len = strlen(path);

	for (i = 0; i < ARRAY_SIZE(elements); i++)
		if (!strncmp(elements[i].path, path, len) && elements[i].path[len] == '/')
			return true;
	return false;
}

static int begin_connection(struct xml *x, const char **attr)
{
	for (; *attr; attr += 2)
		if (!strcmp(attr[0], "id"))
			return import_set_id(x->conn, attr[1], x->p);
	return problem(x->p, "<vpn_connection> has no id");
}

static int begin_element(struct xml *x, const char **attr)
{
	if (!strcmp(x->path, TUNNEL)) {
		if (x->tunnels == IMPORT_TUNNELS)
			return problem(x->p, "there are more than %d tunnels", IMPORT_TUNNELS);
		x->tunnels++;
		x->seen = 0;
		return 0;
	}
	if (x->depth > 1)
		return 0;
	if (strcmp(x->path, "vpn_connection"))
		return problem(x->p, "the XML is no <vpn_connection>");
	return begin_connection(x, attr);
}

static void XMLCALL on_start(void *data, const char *name, const char **attr)
{
	struct xml *x = data;
	size_t len = strlen(x->path), more = strlen(name);

	if (x->depth == DEPTH || len + more + 2 > sizeof(x->path)) {
		problem(x->p, "elements are nested too deep, or have long names");
		fail(x);
		return;
	}
	x->at[x->depth++] = len;
	if (len)
		x->path[len++] = '/';
	memcpy(x->path + len, name, more + 1);
	x->len = 0;
	x->too_long = false;
	if (begin_element(x, attr))
		fail(x);
}

static int end_element(struct xml *x)
{
	struct problem inner;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(elements); i++)
		if (!strcmp(x->path, elements[i].path))
			break;
	if (i == ARRAY_SIZE(elements)) {
		if (!is_known_parent(x->path))
			import_warn(x->im, "%s: <%s> is not known here; ignored", x->conn->id,
				    x->path);
		return 0;
	}
	if (x->seen & (UINT64_C(1) << i))
		return problem(x->p, "<%s> is there twice", x->path);
	x->seen |= UINT64_C(1) << i;
	if (x->too_long)
		return problem(x->p, "<%s> is too long", x->path);
	if (elements[i].take(x)) {
		inner = *x->p;
		return problem(x->p, "<%.120s>: %.180s", x->path, inner.text);
	}
	return 0;
}

static void XMLCALL on_end(void *data, const char *name)
{
	struct xml *x = data;

	(void)name;
	/* Spaces around a value mean nothing. */
	while (x->len && strchr(" \t\r\n", x->text[x->len - 1]))
		x->len--;
	x->text[x->len] = '\0';
	if (end_element(x)) {
		fail(x);
		return;
	}
	x->path[x->at[--x->depth]] = '\0';
	x->len = 0;
	x->too_long = false;
}

static void XMLCALL on_text(void *data, const char *s, int len)
{
	struct xml *x = data;

	while (!x->len && len && strchr(" \t\r\n", *s)) {
		s++;
		len--;
	}
	if (x->len + len >= sizeof(x->text)) {
		x->too_long = true;
		return;
	}
	memcpy(x->text + x->len, s, len);
	x->len += len;
}

/* Before its first declaration: nothing of it is ever expanded or fetched. */
static void XMLCALL on_doctype(void *data, const char *name, const char *sysid,
			       const char *pubid, int internal)
{
	struct xml *x = data;

	(void)name;
	(void)sysid;
	(void)pubid;
	(void)internal;
	problem(x->p, "the XML has a DTD, which the provider's never has");
	fail(x);
}

/**
 * import_xml - understand a CustomerGatewayConfiguration
 * @text: the XML
 * @len: of @text
 * @im: for warnings
 * @conn: the result, as far as the XML tells it
 * @p: what is wrong
 */
int import_xml(const char *text, size_t len, struct import *im, struct import_conn *conn,
	       struct problem *p)
{
	struct xml x = { .im = im, .conn = conn, .p = p };
	enum XML_Status status;

	x.parser = XML_ParserCreate(NULL);
	if (!x.parser)
		return problem(p, "out of memory");
	XML_SetUserData(x.parser, &x);
	XML_SetElementHandler(x.parser, on_start, on_end);
	XML_SetCharacterDataHandler(x.parser, on_text);
	XML_SetStartDoctypeDeclHandler(x.parser, on_doctype);
	status = XML_Parse(x.parser, text, len, 1);
	if (status != XML_STATUS_OK && !x.failed) {
		problem(p, "XML line %lu: %s", (unsigned long)XML_GetCurrentLineNumber64(x.parser),
			XML_ErrorString(XML_GetErrorCode(x.parser)));
		x.failed = true;
	}
	XML_ParserFree(x.parser);
	explicit_bzero(x.text, sizeof(x.text));
	conn->n_tunnels = x.tunnels;
	return x.failed ? -1 : 0;
}
