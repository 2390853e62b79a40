// SPDX-License-Identifier: GPL-2.0
/*
 * describe-vpn-connections: JSON. jansson's own messages repeat what is wrong
 * in the text, which may be a key: they are not shown.
 */

#include <string.h>

#include <jansson.h>

#include "import.h"

static int get(const json_t *obj, const char *key, json_type type, const char *what,
	       json_t **value, struct problem *p)
{
	*value = json_object_get(obj, key);
	if (json_is_null(*value))
		*value = NULL;
	if (*value && json_typeof(*value) != type)
		return problem(p, "%s is not %s", key, what);
	return 0;
}

static int get_string(const json_t *obj, const char *key, const char **s, struct problem *p)
{
	json_t *value;

	if (get(obj, key, JSON_STRING, "a string", &value, p))
		return -1;
	*s = value ? json_string_value(value) : NULL;
	return 0;
}

static int get_array(const json_t *obj, const char *key, json_t **array, struct problem *p)
{
	return get(obj, key, JSON_ARRAY, "an array", array, p);
}

static int get_number(const json_t *obj, const char *key, uint32_t min, uint32_t max,
		      uint32_t *number, struct problem *p)
{
	json_t *value;
	json_int_t n;

	if (get(obj, key, JSON_INTEGER, "an integer", &value, p))
		return -1;
	if (!value)
		return 0;
	n = json_integer_value(value);
	if (n < min || n > max)
		return problem(p, "%s is %" JSON_INTEGER_FORMAT "; it must be %u to %u", key, n,
			       min, max);
	*number = n;
	return 0;
}

static int get_net(const json_t *obj, const char *key, struct prefix *net, struct problem *p)
{
	struct problem inner;
	const char *s;

	if (get_string(obj, key, &s, p))
		return -1;
	if (s && *s && import_parse_net(s, net, &inner))
		return problem(p, "%s: %.200s", key, inner.text);
	return 0;
}

/* An array of { "Value": ... }, strings or, for groups, integers. */
static int get_values(const json_t *obj, const char *key, struct import *im,
		      int (*take)(struct import *im, const char *word, void *data), void *data,
		      struct problem *p)
{
	json_t *array, *entry, *value;
	const char *word;
	char number[24];
	size_t i;

	if (get_array(obj, key, &array, p))
		return -1;
	json_array_foreach(array, i, entry) {
		value = json_object_get(entry, "Value");
		word = json_string_value(value);
		if (json_is_integer(value)) {
			snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
			word = number;
		}
		if (!word)
			return problem(p, "%s: entry %zu has no Value", key, i + 1);
		if (take(im, word, data))
			import_warn(im, "%s: %.40s is not known here; not proposed", key, word);
	}
	return 0;
}

struct alg_set {
	enum alg_kind kind;
	unsigned int *set;
};

static int take_alg(struct import *im, const char *word, void *data)
{
	const struct alg_set *s = data;
	int alg = alg_find(s->kind, word);

	(void)im;
	if (alg < 0)
		return -1;
	*s->set |= 1U << alg;
	return 0;
}

static int get_algs(const json_t *obj, const char *key, struct import *im, enum alg_kind kind,
		    unsigned int *set, struct problem *p)
{
	struct alg_set s = { kind, set };
	json_t *array;

	/* What the XML states is the least, this is what is set. */
	*set = 0;
	if (get_values(obj, key, im, take_alg, &s, p))
		return -1;
	array = json_object_get(obj, key);
	if (json_array_size(array) && !*set)
		return problem(p, "%s: nothing that it allows is known here", key);
	return 0;
}

static int take_version(struct import *im, const char *word, void *data)
{
	struct import_tunnel *t = data;

	(void)im;
	if (!strcmp(word, "ikev1"))
		t->ikev1 = true;
	else if (!strcmp(word, "ikev2"))
		t->ikev2 = true;
	else
		return -1;
	return 0;
}

static int get_phase(const json_t *obj, struct import *im, int phase, struct import_tunnel *t,
		     struct problem *p)
{
	static const struct {
		const char *enc, *integ, *dh, *life;
		uint32_t most;
	} keys[] = {
		[PHASE_IKE] = { "Phase1EncryptionAlgorithms", "Phase1IntegrityAlgorithms",
				"Phase1DHGroupNumbers", "Phase1LifetimeSeconds", 28800 },
		[PHASE_ESP] = { "Phase2EncryptionAlgorithms", "Phase2IntegrityAlgorithms",
				"Phase2DHGroupNumbers", "Phase2LifetimeSeconds", 3600 },
	};
	struct import_phase *set = &t->phase[phase];

	if (get_algs(obj, keys[phase].enc, im, ALG_ENC, &set->enc, p) ||
	    get_algs(obj, keys[phase].integ, im, ALG_INTEG, &set->integ, p) ||
	    get_algs(obj, keys[phase].dh, im, ALG_DH, &set->dh, p) ||
	    get_number(obj, keys[phase].life, 900, keys[phase].most, &set->life, p))
		return -1;
	return 0;
}

static void warn_unknown(const json_t *obj, struct import *im, const char *where,
			 const char *const *known, size_t n)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)obj, key, value) {
		for (i = 0; i < n; i++)
			if (!strcmp(key, known[i]))
				break;
		if (i == n)
			import_warn(im, "%s: %.60s is not known here; ignored", where, key);
	}
}

static int get_inside(const json_t *obj, bool v6, struct import_tunnel *t, struct problem *p)
{
	const char *key = v6 ? "TunnelInsideIpv6Cidr" : "TunnelInsideCidr";
	struct prefix net = {};

	if (get_net(obj, key, &net, p))
		return -1;
	if (!net.addr.len)
		return 0;
	if (net.addr.len != (v6 ? 16 : 4))
		return problem(p, "%s is of the other IP version", key);
	/* The XML of an IPv6 connection may speak of IPv4 alone. */
	if (v6 && t->inside.len != 16) {
		import_peer_inside(&net, t);
		return 0;
	}
	if (t->inside_len != net.len || !prefix_holds(&net, &t->inside) ||
	    !prefix_holds(&net, &t->peer))
		return problem(p, "%s and the inside addresses of CustomerGatewayConfiguration contradict each other",
			       key);
	return 0;
}

static int get_tunnel(const json_t *obj, struct import *im, bool v6, struct import_tunnel *t,
		      struct problem *p)
{
	static const char *const known[] = {
		"OutsideIpAddress", "TunnelInsideCidr", "TunnelInsideIpv6Cidr", "PreSharedKey",
		"Phase1LifetimeSeconds", "Phase2LifetimeSeconds", "RekeyMarginTimeSeconds",
		"RekeyFuzzPercentage", "ReplayWindowSize", "DpdTimeoutSeconds",
		"DpdTimeoutAction", "Phase1EncryptionAlgorithms", "Phase2EncryptionAlgorithms",
		"Phase1IntegrityAlgorithms", "Phase2IntegrityAlgorithms", "Phase1DHGroupNumbers",
		"Phase2DHGroupNumbers", "IkeVersions", "StartupAction", "LogOptions",
		"EnableTunnelLifecycleControl",
	};
	const char *psk;

	warn_unknown(obj, im, "TunnelOptions", known, ARRAY_SIZE(known));
	if (get_string(obj, "PreSharedKey", &psk, p) ||
	    (psk && *psk && import_set_psk(t, psk, p)) || get_inside(obj, v6, t, p) ||
	    get_phase(obj, im, PHASE_IKE, t, p) || get_phase(obj, im, PHASE_ESP, t, p) ||
	    get_number(obj, "RekeyMarginTimeSeconds", 60, 1800, &t->margin, p) ||
	    get_number(obj, "RekeyFuzzPercentage", 0, 100, &t->fuzz, p) ||
	    get_number(obj, "ReplayWindowSize", 64, 2048, &t->replay, p) ||
	    get_number(obj, "DpdTimeoutSeconds", 30, 86400, &t->dpd, p) ||
	    get_values(obj, "IkeVersions", im, take_version, t, p))
		return -1;
	if (json_array_size(json_object_get(obj, "IkeVersions")) && !t->ikev1 && !t->ikev2)
		return problem(p, "IkeVersions: nothing that it allows is known here");
	return 0;
}

/* The tunnel with this outside address: the order may differ from the XML's. */
static struct import_tunnel *find_tunnel(struct import_conn *conn, const json_t *obj,
					 struct problem *p)
{
	struct ip_addr addr;
	unsigned int i;
	const char *s;

	if (!json_is_object(obj)) {
		problem(p, "an entry is no object");
		return NULL;
	}
	if (get_string(obj, "OutsideIpAddress", &s, p))
		return NULL;
	for (i = 0; s && !parse_addr(s, &addr) && i < conn->n_tunnels; i++)
		if (addr_equal(&addr, &conn->tunnel[i].theirs))
			return &conn->tunnel[i];
	problem(p, "OutsideIpAddress is none of those in CustomerGatewayConfiguration");
	return NULL;
}

static int get_tunnels(const json_t *options, struct import *im, bool v6,
		       struct import_conn *conn, struct problem *p)
{
	struct import_tunnel *t;
	struct problem inner;
	unsigned int done = 0, bit;
	json_t *array, *entry;
	size_t i;

	if (get_array(options, "TunnelOptions", &array, p))
		return -1;
	json_array_foreach(array, i, entry) {
		t = find_tunnel(conn, entry, &inner);
		bit = t ? 1U << (t - conn->tunnel) : 0;
		if (!t || get_tunnel(entry, im, v6, t, &inner))
			return problem(p, "TunnelOptions %zu: %.240s", i + 1, inner.text);
		if (done & bit)
			return problem(p, "TunnelOptions %zu: this tunnel is there twice", i + 1);
		done |= bit;
	}
	if (done != (1U << conn->n_tunnels) - 1) {
		import_warn(im, "%s: Options.TunnelOptions does not describe all tunnels: the least that is accepted stands in for its settings",
			    conn->id);
		conn->minimums = true;
	}
	return 0;
}

static int get_options(const json_t *obj, struct import *im, struct import_conn *conn,
		       struct problem *p)
{
	struct prefix *local = &conn->local_ts, *remote = &conn->remote_ts;
	const char *version;
	json_t *options, *value;
	bool v6;

	if (get(obj, "Options", JSON_OBJECT, "an object", &options, p) ||
	    get_string(options, "TunnelInsideIpVersion", &version, p))
		return -1;
	v6 = version && !strcmp(version, "ipv6");
	if (version && !v6 && strcmp(version, "ipv4"))
		return problem(p, "TunnelInsideIpVersion is neither ipv4 nor ipv6");
	value = json_object_get(options, "StaticRoutesOnly");
	if (value && !json_is_boolean(value))
		return problem(p, "StaticRoutesOnly is neither true nor false");
	if (value)
		conn->is_static = json_is_true(value);
	if (v6)
		import_forget_v4(conn);
	if (get_net(options, v6 ? "LocalIpv6NetworkCidr" : "LocalIpv4NetworkCidr", local, p) ||
	    get_net(options, v6 ? "RemoteIpv6NetworkCidr" : "RemoteIpv4NetworkCidr", remote, p))
		return -1;
	return get_tunnels(options, im, v6, conn, p);
}

static int get_routes(const json_t *obj, struct import_conn *conn, struct problem *p)
{
	json_t *array, *entry;
	struct prefix net;
	const char *state;
	size_t i;

	if (get_array(obj, "Routes", &array, p))
		return -1;
	json_array_foreach(array, i, entry) {
		memset(&net, 0, sizeof(net));
		if (!json_is_object(entry))
			return problem(p, "Routes %zu is no object", i + 1);
		if (get_string(entry, "State", &state, p) ||
		    get_net(entry, "DestinationCidrBlock", &net, p))
			return -1;
		if (state && (!strcmp(state, "deleted") || !strcmp(state, "deleting")))
			continue;
		if (!net.addr.len)
			return problem(p, "Routes %zu has no DestinationCidrBlock", i + 1);
		if (conn->is_static && import_add_route(conn, &net, p))
			return -1;
	}
	return 0;
}

/* Certificates are told by the telemetry alone. */
static int get_certs(const json_t *obj, struct import_conn *conn, struct problem *p)
{
	const char *arn, *s;
	json_t *array, *entry;
	struct ip_addr addr;
	unsigned int j;
	size_t i;

	if (get_array(obj, "VgwTelemetry", &array, p))
		return -1;
	json_array_foreach(array, i, entry) {
		if (get_string(entry, "CertificateArn", &arn, p) ||
		    get_string(entry, "OutsideIpAddress", &s, p))
			return -1;
		if (!arn || !*arn || !s || parse_addr(s, &addr))
			continue;
		for (j = 0; j < conn->n_tunnels; j++)
			if (addr_equal(&addr, &conn->tunnel[j].theirs) &&
			    !conn->tunnel[j].psk[0])
				conn->tunnel[j].cert = true;
	}
	return 0;
}

static int get_connection(const json_t *obj, struct import *im, struct import_conn *conn,
			  struct problem *p)
{
	const char *id, *xml, *type;
	struct problem inner;
	char xml_id[ID_LEN];

	if (get_string(obj, "VpnConnectionId", &id, p))
		return -1;
	if (import_set_id(conn, id ? id : "", p))
		return -1;
	if (get_string(obj, "Type", &type, &inner) ||
	    get_string(obj, "CustomerGatewayConfiguration", &xml, &inner))
		return problem(p, "%s: %.240s", conn->id, inner.text);
	if (type && strcmp(type, "ipsec.1"))
		return problem(p, "%s: connections of the type ipsec.1 can be imported, no others",
			       conn->id);
	if (!xml || !*xml)
		return problem(p, "%s: CustomerGatewayConfiguration is missing; ask as a user who may see it, and with nothing taken out",
			       conn->id);
	if (import_xml(xml, strlen(xml), im, conn, &inner))
		return problem(p, "%s: CustomerGatewayConfiguration: %.220s", id, inner.text);
	memcpy(xml_id, conn->id, sizeof(xml_id));
	if (strcmp(xml_id, id))
		return problem(p, "%s: its CustomerGatewayConfiguration is that of %s", id, xml_id);
	if (get_options(obj, im, conn, &inner) || get_routes(obj, conn, &inner) ||
	    get_certs(obj, conn, &inner))
		return problem(p, "%s: %.240s", conn->id, inner.text);
	return import_check_conn(im, conn, p);
}

/* Those that are gone, or not there yet, have no configuration. */
static bool is_there(const json_t *obj, struct import *im)
{
	const char *state = json_string_value(json_object_get(obj, "State"));
	const char *id = json_string_value(json_object_get(obj, "VpnConnectionId"));

	if (!state || !strcmp(state, "available") || !strcmp(state, "modifying"))
		return true;
	import_warn(im, "%.40s is %.20s; left out", id ? id : "a connection", state);
	return false;
}

static int get_all(const json_t *root, struct import *im, struct problem *p)
{
	struct import_conn *conn;
	json_t *array, *entry;
	size_t i;

	if (!json_is_object(root))
		return problem(p, "the JSON is no object");
	entry = json_object_get(root, "VpnConnection");
	if (get_array(root, "VpnConnections", &array, p))
		return -1;
	if (!array && !json_is_object(entry))
		return problem(p, "the JSON has no VpnConnections: it is not what describe-vpn-connections prints");
	for (i = 0; i < (array ? json_array_size(array) : 1); i++) {
		if (array)
			entry = json_array_get(array, i);
		if (!json_is_object(entry))
			return problem(p, "VpnConnections %zu is no object", i + 1);
		if (!is_there(entry, im))
			continue;
		conn = import_add_conn(im, p);
		if (!conn || get_connection(entry, im, conn, p))
			return -1;
	}
	return 0;
}

/**
 * import_json - understand what describe-vpn-connections prints
 * @text: the JSON
 * @len: of @text
 * @im: the result
 * @p: what is wrong
 */
int import_json(const char *text, size_t len, struct import *im, struct problem *p)
{
	json_error_t error;
	json_t *root;
	int ret;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return problem(p, "line %d, column %d: %s", error.line, error.column,
			       json_error_code(&error) == json_error_duplicate_key ?
			       "a key is there twice" : "this is no valid JSON");
	ret = get_all(root, im, p);
	json_decref(root);
	return ret;
}
