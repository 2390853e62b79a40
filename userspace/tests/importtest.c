// SPDX-License-Identifier: GPL-2.0
/*
 * vgwctl import without a kernel: samples become files, wrong ones are refused
 * with a sentence that tells no key. Prints TAP.
 * Usage: tests/importtest SAMPLES
 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fileset.h"
#include "import.h"
#include "tap.h"

#define MUTATIONS	6000

static const char *samples;

static char *load(const char *name)
{
	char path[512], *text = calloc(1, 1 << 17);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", samples, name);
	f = fopen(path, "re");
	if (!f || !fread(text, 1, (1 << 17) - 1, f)) {
		perror(path);
		exit(1);
	}
	fclose(f);
	return text;
}

static char *written(void (*write)(FILE *f, const struct import_conn *conn),
		     const struct import_conn *conn)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	write(f, conn);
	fclose(f);
	return text;
}

static int import(const char *name, struct import *im, struct problem *p)
{
	char *text = load(name);
	unsigned int i;
	int ret;

	memset(im, 0, sizeof(*im));
	p->text[0] = '\0';
	ret = import_parse(text, strlen(text), im, p);
	free(text);
	for (i = 0; i < im->n; i++) {
		im->conn[i].number = i + 1;
		snprintf(im->conn[i].name, sizeof(im->conn[i].name), "aws%u", i + 1);
	}
	return ret;
}

/* Whether each of some lines is there. */
static void holds(const char *what, char *text, const char *const *lines)
{
	for (; *lines; lines++)
		result(strstr(text, *lines) != NULL, "%s has: %.*s", what,
		       (int)strcspn(*lines, "\n"), *lines);
	free(text);
}

static int warned(const struct import *im, const char *about)
{
	unsigned int i;

	for (i = 0; i < im->n_warnings; i++)
		if (strstr(im->warning[i], about))
			return 1;
	return 0;
}

static void test_static(void)
{
	struct problem p;
	struct import im;
	char *text;

	result(!import("static.json", &im, &p) && im.n == 1 && !im.n_warnings,
	       "a static connection: %s", p.text);
	holds("swanctl", written(import_write_swanctl, im.conn), (const char *[]) {
		"version = 2", "remote_addrs = 192.0.2.2\n", "id = 203.0.113.10\n",
		"proposals = aes256gcm16-prfsha512-ecp521\n",
		"esp_proposals = aes256gcm16-ecp521\n", "if_id_in = 1011\n", "if_id_out = 1012\n",
		"rekey_time = 2754s", "life_time = 3600s", "replay_window = 1024",
		"start_action = trap|start", "dpd_action = clear", "mobike = no", NULL });
	text = written(import_write_swanctl, im.conn);
	result(!strstr(text, "local_addrs"), "no source address that is not ours");
	result(!strstr(text, "Sample_Key"), "no key beside the secrets");
	free(text);
	im.conn[0].ours_here = true;
	holds("swanctl", written(import_write_swanctl, im.conn),
	      (const char *[]) { "local_addrs = 203.0.113.10\n", NULL });
	holds("secrets", written(import_write_secrets, im.conn), (const char *[]) {
		"id-1 = 203.0.113.10\n\t\tid-2 = 192.0.2.2\n\t\tsecret = \"Sample_Key.For_tunnel_1_only\"",
		"secret = \"Sample_Key.For_tunnel_2_only\"", NULL });
	text = written(import_write_frr, im.conn);
	result(!*text, "no BGP");
	free(text);
	import_free(&im);
}

static void test_ipv6(void)
{
	struct problem p;
	struct import im;

	result(!import("ipv6.json", &im, &p) && im.n == 1 && !im.n_warnings,
	       "IPv6 outside and inside: %s", p.text);
	holds("conf of IPv6", written(import_write_conf, im.conn), (const char *[]) {
		"remote = 2001:db8:1::2\ninside = fd00:aaaa::12/126\npeer = fd00:aaaa::11\n",
		"route = fd20::/64\n", NULL });
	holds("swanctl of IPv6", written(import_write_swanctl, im.conn), (const char *[]) {
		"id = 2001:db8:10::10\n", "local_ts = ::/0\n", "remote_ts = ::/0\n", NULL });
	import_free(&im);
}

static void test_bgp(void)
{
	struct problem p;
	struct import im;

	result(!import("bgp.json", &im, &p) && im.n == 1 && !im.n_warnings,
	       "a BGP connection: %s", p.text);
	holds("FRR", written(import_write_frr, im.conn), (const char *[]) {
		"router bgp 4200000123\n", "neighbor 169.254.20.1 remote-as 64512\n",
		"neighbor 169.254.21.1 timers 10 30\n",
		"neighbor 169.254.20.1 maximum-prefix 1000", "maximum-prefix-out 100",
		"route-map aws1-out-2 permit 10\n match ip address prefix-list aws1-out\n match as-path aws1-own\n set as-path prepend 4200000123 4200000123\n",
		"neighbor 169.254.21.1 route-map aws1-out-2 out\n",
		"neighbor 169.254.20.1 route-map aws1-in-1 in\n",
		"bgp as-path access-list aws1-own seq 5 deny [0-9]\n", NULL });
	holds("guards of private networks", written(import_write_conf, im.conn), (const char *[]) {
		"\nguard = 10.0.0.0/8\nguard = 172.16.0.0/12\nguard = 192.168.0.0/16\n", NULL });
	holds("swanctl", written(import_write_swanctl, im.conn), (const char *[]) {
		"proposals = aes128gcm16-prfsha384-ecp384\n",
		"esp_proposals = aes256-sha256-modp4096\n", "replay_window = 2048",
		/* The far end begins 180 s before the end of 1800 s. */
		"rekey_time = 1458s", "life_time = 1800s", NULL });
	result(!strcmp(im.conn[0].tunnel[0].psk, "Another.Key_for.tunnel.1"),
	       "settings find their tunnel by its outside address");
	import_free(&im);
}

static void test_several(void)
{
	struct problem p;
	struct import im;
	char *text;

	result(!import("several.json", &im, &p) && im.n == 4, "several connections: %s", p.text);
	result(warned(&im, "vpn-0e0e0e0e0e0e0e0e0 is deleted"), "one that is gone is left out");
	result(warned(&im, "only IKEv1"), "IKEv1 is remarked");
	holds("swanctl of IKEv1", written(import_write_swanctl, &im.conn[2]), (const char *[]) {
		"version = 1", "proposals = aes256-sha512-ecp521\n", "dpd_timeout = 40s",
		"esp_proposals = aes256gcm16-ecp521\n", NULL });
	holds("swanctl with certificates", written(import_write_swanctl, &im.conn[3]),
	      (const char *[]) { "auth = pubkey\n\t\t\tcerts = aws4.pem", "cacerts = aws4-ca.pem",
				 "local_ts = ::/0", NULL });
	text = written(import_write_secrets, &im.conn[3]);
	result(!*text, "no key where certificates are");
	free(text);
	holds("FRR of the first", written(import_write_frr, &im.conn[0]), (const char *[]) {
		"route-map vgw-local-ip permit 10\n match ip address prefix-list aws1-out\n",
		"redistribute connected route-map vgw-local-ip\n", NULL });
	holds("FRR of another", written(import_write_frr, &im.conn[3]), (const char *[]) {
		"route-map vgw-local-ipv6 permit 40\n match ipv6 address prefix-list aws4-out\n",
		"redistribute connected route-map vgw-local-ipv6\n", NULL });
	holds("FRR of IPv6", written(import_write_frr, &im.conn[3]), (const char *[]) {
		"neighbor fd12:3456:789a:1::1 remote-as 64513", "address-family ipv6 unicast",
		"ipv6 prefix-list aws4-in", "no neighbor fd12:3456:789a:1::1 activate", NULL });
	import_free(&im);
}

/* Certificates need no address of the customer gateway. */
static void any_address(void)
{
	static const char *const gone[] = {
		"203.0.113.10", "203.0.113.10", "Sample_Key.For_tunnel_1_only",
		"Sample_Key.For_tunnel_2_only",
	};
	char *text = load("static.xml"), *at;
	struct import im = {};
	struct problem p = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(gone); i++) {
		at = strstr(text, gone[i]);
		if (at)
			memmove(at, at + strlen(gone[i]), strlen(at + strlen(gone[i])) + 1);
	}
	result(!import_parse(text, strlen(text), &im, &p) && !im.conn[0].tunnel[0].ours.len &&
	       im.conn[0].tunnel[1].cert, "certificates, and no address: %s", p.text);
	import_free(&im);
	free(text);
}

static void test_xml(void)
{
	struct problem p;
	struct import im;

	result(!import("bgp.xml", &im, &p) && im.n == 1, "bare XML: %s", p.text);
	result(warned(&im, "only the XML"), "it is said that it states minimums");
	holds("swanctl", written(import_write_swanctl, im.conn), (const char *[]) {
		"proposals = aes256gcm16-prfsha512-ecp521, aes128-sha1-modp1024\n",
		"esp_proposals = aes256gcm16-ecp521, aes128-sha1-modp1024\n", NULL });
	import_free(&im);
	any_address();
	result(!import("static.xml", &im, &p) && im.conn[0].is_static &&
	       warned(&im, "no static routes"), "bare XML of a static one: %s", p.text);
	import_free(&im);
}

/* What the writer says, the reader of configurations takes, and as it was meant. */
static void test_conf(void)
{
#ifdef HAVE_INIH
	static struct conn_config config;
	static struct up_config up;
	struct problem p;
	struct import im;
	unsigned int i;
	char *text;
	FILE *f;
	int ret;

	import("several.json", &im, &p);
	for (i = 0; i < im.n; i++) {
		memset(&config, 0, sizeof(config));
		memset(&up, 0, sizeof(up));
		p.text[0] = '\0';
		text = written(import_write_conf, &im.conn[i]);
		f = fmemopen(text, strlen(text), "r");
		ret = config_read(f, "FILE", &config, &up, &p);
		fclose(f);
		free(text);
		result(!ret && config.n_tunnels == 2 &&
		       addr_equal(&config.tunnel[1].inside, &im.conn[i].tunnel[1].inside) &&
		       addr_equal(&config.tunnel[0].peer, &im.conn[i].tunnel[0].peer) &&
		       config.tunnel[1].if_id == import_if_id(&im.conn[i], 1) &&
		       config.tunnel[0].preference > config.tunnel[1].preference &&
		       up.n_routes == im.conn[i].n_routes && up.n_files >= 1,
		       "%s is read back: %s", im.conn[i].id, p.text);
	}
	import_free(&im);
#else
	result(1, "configurations # SKIP built without libinih");
#endif
}

struct change {
	const char *sample;
	const char *from;
	const char *to;
	const char *said;
};

static char *changed(const struct change *c)
{
	char *text = load(c->sample), *at = strstr(text, c->from), *new;

	if (!at) {
		fprintf(stderr, "%s has no %s\n", c->sample, c->from);
		exit(1);
	}
	new = calloc(1, strlen(text) + strlen(c->to) + 1);
	memcpy(new, text, at - text);
	strcat(new, c->to);
	strcat(new, at + strlen(c->from));
	free(text);
	return new;
}

#define BOMB	"<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>"
#define KEY1	"\"PreSharedKey\": \"Sample_Key.For_tunnel_1_only\""
#define TAIL	"\n            \"State\": \"available\",\n            \"Type\""

#define LONG	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh"

static const struct change refused[] = {
	{ "static.xml", "<vpn_connection id", BOMB "<vpn_connection id", "DTD" },
	{ "static.xml", "?>", "?><!DOCTYPE x SYSTEM \"file:///etc/shadow\">", "DTD" },
	{ "static.xml", "vpn-0a1b2c3d4e5f60718", "vpn-1\n[up]", "the connection's id" },
	{ "static.xml", "vpn-0a1b2c3d4e5f60718", "../../etc", "the connection's id" },
	{ "static.xml", " id=\"vpn-0a1b2c3d4e5f60718\"", "", "has no id" },
	{ "static.xml", "Sample_Key.For_tunnel_1_only", "evil\"; x { y", "pre-shared key" },
	{ "static.xml", "Sample_Key.For_tunnel_1_only", "line\nbreak__", "pre-shared key" },
	{ "static.xml", "Sample_Key.For_tunnel_1_only", "0Sample_Key.For", "pre-shared key" },
	{ "static.xml", "Sample_Key.For_tunnel_1_only", "short", "5 characters" },
	{ "static.xml", "Sample_Key.For_tunnel_1_only", LONG LONG LONG LONG LONG, "is too long" },
	{ "static.xml", "192.0.2.2<", "192.0.2.2;reboot<", "no IP address" },
	{ "static.xml", "192.0.2.2<", "<", "no IP address" },
	{ "static.xml", "ipsec.1", "ipsec.2", "ipsec.1" },
	{ "static.xml", ">esp<", ">ah<", "only esp" },
	{ "static.xml", "<mode>tunnel", "<mode>transport", "only tunnel mode" },
	{ "static.xml", "<lifetime>28800", "<lifetime>28801", "from 900 to 28800" },
	{ "static.xml", "<lifetime>3600", "<lifetime>-1", "from 900 to 3600" },
	{ "static.xml", "169.254.10.2<", "169.254.169.254<", "reserves" },
	{ "static.xml", "169.254.10.2<", "169.254.3.2<", "reserves" },
	{ "static.xml", "169.254.10.2<", "10.0.0.2<", "169.254.0.0/16" },
	{ "static.xml", "169.254.10.2<", "169.254.10.3<", "no hosts" },
	{ "static.xml", "169.254.10.2<", "169.254.10.6<", "not two of one network" },
	{ "static.xml", "<network_cidr>30", "<network_cidr>24", "no /30" },
	{ "static.xml", "<mode>main</mode>", "<mode>main</mode><mode>main</mode>", "twice" },
	{ "static.xml", "</vpn_connection>", "", "XML line" },
	{ "static.xml", "<ike>", "<ike><ike><ike><ike><ike><ike><ike><ike><ike><ike><ike><ike><ike><ike><ike>",
	  "nested too deep" },
	{ "static.xml", "</vpn_connection>", "<ipsec_tunnel></ipsec_tunnel></vpn_connection>",
	  "more than 2 tunnels" },
	{ "static.json", "\"VpnConnections\"", "\"Vpcs\"", "no VpnConnections" },
	{ "static.json", KEY1, KEY1 "," KEY1, "a key is there twice" },
	{ "static.json", KEY1, "\"PreSharedKey\": 12345678", "PreSharedKey is not a string" },
	{ "static.json", KEY1, "\"PreSharedKey\": \"Sample_Key\\u0000.x\"", "no valid JSON" },
	{ "static.json", KEY1, "\"PreSharedKey\": \"Sample_Key.For\\x\"", "no valid JSON" },
	{ "static.json", KEY1, "\"PreSharedKey\": \"$(reboot)\"", "pre-shared key" },
	{ "static.json", KEY1, KEY1 ",\"ReplayWindowSize\": 32", "64 to 2048" },
	{ "static.json", KEY1, KEY1 ",\"ReplayWindowSize\": 1e3", "is not an integer" },
	{ "static.json", KEY1, KEY1 ",\"Phase1LifetimeSeconds\": 899", "900 to 28800" },
	{ "static.json", KEY1, KEY1 ",\"Phase2LifetimeSeconds\": 3601", "900 to 3600" },
	{ "static.json", KEY1, KEY1 ",\"Phase1LifetimeSeconds\": 1000", "exceeds" },
	{ "static.json", KEY1, KEY1 ",\"Phase2LifetimeSeconds\": 900,\"RekeyMarginTimeSeconds\": 451",
	  "rekey margin is 451" },
	{ "static.json", KEY1, KEY1 ",\"RekeyFuzzPercentage\": 101", "0 to 100" },
	{ "static.json", KEY1, KEY1 ",\"DpdTimeoutSeconds\": 29", "30 to" },
	{ "static.json", KEY1, KEY1 ",\"Phase1DHGroupNumbers\": [{\"Value\": 1}]",
	  "nothing that it allows is known" },
	{ "static.json", KEY1, KEY1 ",\"Phase1DHGroupNumbers\": {\"Value\": 14}", "not an array" },
	{ "static.json", KEY1, KEY1 ",\"Phase1DHGroupNumbers\": [14]", "has no Value" },
	{ "static.json", KEY1, KEY1 ",\"IkeVersions\": [{\"Value\": \"ikev1\"}],\"Phase1EncryptionAlgorithms\": [{\"Value\": \"AES256-GCM-16\"}]",
	  "can be used with IKEv1" },
	{ "static.json", "\"TunnelInsideCidr\": \"169.254.10.0/30\"",
	  "\"TunnelInsideCidr\": \"169.254.12.0/30\"", "contradict" },
	{ "static.json", "\"OutsideIpAddress\": \"192.0.2.2\"",
	  "\"OutsideIpAddress\": \"192.0.2.99\"", "none of those" },
	{ "static.json", "\"OutsideIpAddress\": \"192.0.2.2\"",
	  "\"OutsideIpAddress\": \"198.51.100.2\"", "contradict" },
	{ "static.json", "\"10.20.0.0/16\"", "\"10.20.0.0/16\\nvrf = x\"", "is no network" },
	{ "static.json", "\"10.20.0.0/16\"", "\"10.20.0.0/33\"", "is no network" },
	{ "static.json", "\"10.20.0.0/16\"", "17", "not a string" },
	{ "static.json", "\"VpnConnectionId\": \"vpn-0a", "\"VpnConnectionId\": \"vpn-1a",
	  "is that of vpn-0a" },
	{ "static.json", "\"VpnConnectionId\": \"vpn-0a", "\"VpnConnectionId\": \"x", "id is none" },
	{ "static.json", "\"CustomerGatewayConfiguration\"", "\"Left\"", "is missing" },
	{ "static.json", "\"Options\": {", "\"Options\": [], \"x\": {", "Options is not an object" },
	{ "static.json", "\"StaticRoutesOnly\": true", "\"StaticRoutesOnly\": false", "AS number" },
	{ "bgp.json", "<asn>4200000123</asn>", "<asn>4294967296</asn>", "from 1 to 4294967295" },
	{ "bgp.json", "<asn>4200000123</asn>", "<asn>23456</asn>", "reserved" },
	{ "bgp.json", "<asn>4200000123</asn>", "<asn>64512</asn>", "both sides" },
	{ "bgp.json", "<asn>4200000123</asn>", "<asn>65001</asn>", "differs from the first" },
	{ "several.json", "vpn-0b0b0b0b0b0b0b0b0\\\"", "vpn-0a1b2c3d4e5f60718\\\"", "is that of" },
	{ "static.json", "\"10.20.0.0/16\"", "\"fd20::/64\"", "route fd20::/64 is of the other IP" },
	{ "static.json", "\"10.20.0.0/16\"", "\"10.20.0.0/0x8\"", "is no network" },
	{ "static.json", "\"LocalIpv4NetworkCidr\": \"0.0.0.0/0\"",
	  "\"LocalIpv4NetworkCidr\": \"::/0\"", "traffic selector ::/0 is of the other IP version" },
	{ "ipv6.json", "\"RemoteIpv6NetworkCidr\": \"::/0\"",
	  "\"RemoteIpv6NetworkCidr\": \"10.0.0.0/8\"", "than the inside addresses, IPv6" },
	{ "static.json", KEY1, KEY1 ",\"IkeVersions\": [{\"Value\": \"ikev3\"}]",
	  "IkeVersions: nothing that it allows is known here" },
	{ "static.xml", "203.0.113.10", "", "the customer gateway's outside address is missing" },
	{ "static.json", "{", "x", "neither the JSON" },
	{ "static.json", "\"VpnConnections\": [", "\"VpnConnections\": [5,", "is no object" },
};

static const struct change warnings[] = {
	{ "static.json", KEY1, KEY1 ",\"NewOption\": 1", "NewOption is not known" },
	{ "static.json", KEY1, KEY1 ",\"IkeVersions\": [{\"Value\": \"ikev2\"},{\"Value\": \"ikev3\"}]",
	  "ikev3 is not known" },
	{ "static.json", KEY1, KEY1 ",\"Phase2LifetimeSeconds\": 900,\"RekeyMarginTimeSeconds\": 450",
	  "may rekey before us" },
	{ "static.json", "\"10.20.0.0/16\"", "\"0.0.0.0/0\"", "holds the far end" },
	{ "bgp.json", "\"RemoteIpv4NetworkCidr\": \"0.0.0.0/0\"",
	  "\"RemoteIpv4NetworkCidr\": \"192.0.0.0/8\"", "guard 192.0.0.0/8 holds the far end" },
	{ "several.json", "{", "{", "know us by two AS numbers, 4200000123 and 65010: FRR takes one" },
	{ "static.json", "\"LocalIpv4NetworkCidr\": \"0.0.0.0/0\"",
	  "\"LocalIpv4NetworkCidr\": \"10.10.0.0/16\"", "keepalive is passive" },
	{ "static.xml", "<ike>", "<flux_capacitor>1</flux_capacitor><ike>", "flux_capacitor" },
	{ "static.xml", "aes-128-cbc", "rot13\033[2J", "XML line" },
	{ "static.xml", "aes-128-cbc", "rot13", "rot13' is no algorithm" },
};

static void test_changes(void)
{
	struct problem p;
	struct import im;
	char *text;
	size_t i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		text = changed(&refused[i]);
		memset(&im, 0, sizeof(im));
		p.text[0] = '\0';
		ret = import_parse(text, strlen(text), &im, &p);
		result(ret && strstr(p.text, refused[i].said) && !strstr(p.text, "Sample_Key"),
		       "refused for '%s': %s", refused[i].said, p.text);
		import_free(&im);
		free(text);
	}
	for (i = 0; i < ARRAY_SIZE(warnings); i++) {
		text = changed(&warnings[i]);
		memset(&im, 0, sizeof(im));
		p.text[0] = '\0';
		ret = import_parse(text, strlen(text), &im, &p);
		result(ret ? strstr(p.text, warnings[i].said) != NULL : warned(&im, warnings[i].said),
		       "said: '%s': %s", warnings[i].said, p.text);
		import_free(&im);
		free(text);
	}
}

static uint32_t seed = 20240229;

static uint32_t draw(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % below;
}

static size_t mutate(char *text, size_t len)
{
	size_t at = draw(len), n = 1 + draw(40), to = draw(len);

	if (at + n > len)
		n = len - at;
	switch (draw(5)) {
	case 0:
		text[at] = draw(256);
		break;
	case 1:
		text[at] ^= 1 << draw(8);
		break;
	case 2:
		memmove(text + at, text + at + n, len - at - n);
		len -= n;
		break;
	case 3:
		memmove(text + to, text + at, to + n <= len ? n : len - to);
		break;
	default:
		/* Digits are where ranges are. */
		for (; at < len && (text[at] < '0' || text[at] > '9'); at++)
			;
		if (at < len)
			text[at] = '0' + draw(10);
	}
	return len ? len : 1;
}

/* A line that the writers have not. */
static int strange(const char *text)
{
	for (; *text; text++)
		if ((*text < ' ' && *text != '\n' && *text != '\t') || *text > '~' ||
		    strchr("`$\\();&'", *text))
			return 1;
	return 0;
}

/* Whatever the input, nothing is read or written out of bounds, and what is taken is clean. */
static void test_mutations(void)
{
	static const char *const names[] = { "several.json", "bgp.xml", "static.json" };
	int i, k, taken = 0, bad = 0;
	unsigned int c, w;
	struct problem p;
	struct import im;
	char *text, *out;
	size_t len;

	static void (*const writers[])(FILE *f, const struct import_conn *conn) = {
		import_write_conf, import_write_swanctl, import_write_secrets, import_write_frr,
	};

	for (i = 0; i < MUTATIONS; i++) {
		text = load(names[i % ARRAY_SIZE(names)]);
		len = strlen(text);
		for (k = draw(4); k >= 0; k--)
			len = mutate(text, len);
		text = realloc(text, len + 1);
		text[len] = '\0';
		memset(&im, 0, sizeof(im));
		p.text[0] = '\0';
		if (import_parse(text, len, &im, &p)) {
			bad += !p.text[0];
		} else {
			taken++;
			for (c = 0; c < im.n; c++) {
				strcpy(im.conn[c].name, "aws");
				for (w = 0; w < ARRAY_SIZE(writers); w++) {
					out = written(writers[w], &im.conn[c]);
					bad += strange(out);
					free(out);
				}
			}
		}
		import_free(&im);
		free(text);
	}
	result(!bad && taken > MUTATIONS / 20 && taken < MUTATIONS - MUTATIONS / 20,
	       "%d mutated files: %d taken, %d bad", MUTATIONS, taken, bad);
}

static int file_is(const char *dir, const char *name, const char *wanted)
{
	char path[128], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return !wanted;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return wanted && !strcmp(text, wanted);
}

static int change_three(struct fileset *set, const char *dir, struct problem *p)
{
	return fileset_open(set, dir, p) ||
	       fileset_add(set, "a", strdup("new"), 3, 0600, true, p) ||
	       fileset_add(set, "b", strdup("new"), 3, 0644, false, p) ||
	       fileset_add(set, "c", strdup("new"), 3, 0644, false, p);
}

/* The third cannot be replaced when its turn comes. */
static void test_fileset(void)
{
	char dir[] = "/tmp/importtest-XXXXXX", path[128];
	struct problem p = {};
	struct fileset set;
	FILE *f;
	int ret;

	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/a", dir);
	f = fopen(path, "we");
	fputs("old", f);
	fclose(f);
	ret = change_three(&set, dir, &p);
	snprintf(path, sizeof(path), "%s/c", dir);
	result(!ret && !mkdir(path, 0755) && fileset_commit(&set, &p) &&
	       strstr(p.text, "no file was changed"), "refused: %s", p.text);
	fileset_close(&set);
	result(file_is(dir, "a", "old"), "what was replaced is there again");
	result(file_is(dir, "b", NULL), "what was new is gone");
	rmdir(path);
	ret = change_three(&set, dir, &p) || fileset_commit(&set, &p);
	fileset_close(&set);
	result(!ret && file_is(dir, "a", "new") && file_is(dir, "b", "new") &&
	       file_is(dir, "c", "new"), "then all are changed: %s", p.text);
	ret = fileset_open(&set, dir, &p) || fileset_add(&set, "a", NULL, 0, 0, false, &p) ||
	      fileset_add(&set, "b", NULL, 0, 0, false, &p) ||
	      fileset_add(&set, "c", NULL, 0, 0, false, &p) || fileset_commit(&set, &p);
	fileset_close(&set);
	result(!ret && !rmdir(dir), "and all are removed, with nothing left: %s", p.text);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 1;
	samples = argv[1];
	test_static();
	test_ipv6();
	test_bgp();
	test_several();
	test_xml();
	test_conf();
	test_changes();
	test_fileset();
	test_mutations();
	return finish("importtest");
}
