// SPDX-License-Identifier: GPL-2.0
/* What vgwctl does without a kernel: units, options, files. Prints TAP. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "metrics.h"
#include "swanctl.h"
#include "tap.h"
#include "units.h"

static void test_times(void)
{
	static const struct {
		const char *text;
		int err;
		uint32_t ms;
		const char *back;
	} t[] = {
		{ "10ms", 0, 10, "10ms" },
		{ "2s", 0, 2000, "2s" },
		{ "2", 0, 2000, "2s" },
		{ "0.1", 0, 100, "100ms" },
		{ "1.5s", 0, 1500, "1500ms" },
		{ "1.50000000000s", 0, 1500, "1500ms" },
		{ "90s", 0, 90000, "90s" },
		{ "5m", 0, 300000, "5m" },
		{ "1h", 0, 3600000, "1h" },
		{ "2d", 0, 172800000, "48h" },
		{ "0", 0, 0, "0s" },
		{ "49d", 0, 4233600000U, "1176h" },
		{ "50d", -ERANGE, 0, NULL },
		{ "99999999999999999999", -ERANGE, 0, NULL },
		{ "0.5ms", -ERANGE, 0, NULL },
		{ "1.00000000001s", -ERANGE, 0, NULL },
		{ "", -EINVAL, 0, NULL },
		{ "s", -EINVAL, 0, NULL },
		{ "-1s", -EINVAL, 0, NULL },
		{ "1.s", -EINVAL, 0, NULL },
		{ ".5s", -EINVAL, 0, NULL },
		{ "1 s", -EINVAL, 0, NULL },
		{ "1x", -EINVAL, 0, NULL },
		{ "0x10", -EINVAL, 0, NULL },
	};
	char buf[TIME_LEN];
	uint32_t ms;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		ms = 0;
		err = parse_time_ms(t[i].text, &ms);
		result(err == t[i].err && ms == t[i].ms, "time '%s' is %d, %u ms", t[i].text,
		       err, ms);
		if (!t[i].back)
			continue;
		format_time_ms(buf, sizeof(buf), ms);
		result(!strcmp(buf, t[i].back), "%u ms is written %s", ms, buf);
		result(!parse_time_ms(buf, &ms) && ms == t[i].ms, "%s is read back", buf);
	}
}

static void test_numbers(void)
{
	struct ip_addr addr;
	uint32_t val, mask;
	uint8_t len;

	result(!parse_u32("010", &val) && val == 10, "010 is ten");
	result(!parse_u32("0xFf", &val) && val == 255, "0xFf is 255");
	result(!parse_u32("4294967295", &val) && val == UINT32_MAX, "the largest number fits");
	result(parse_u32("4294967296", &val) == -ERANGE, "the next does not");
	result(parse_u32("", &val) == -EINVAL, "no number");
	result(parse_u32("0x", &val) == -EINVAL, "0x alone");
	result(parse_u32("-1", &val) == -EINVAL, "no sign");
	result(parse_u32("1 ", &val) == -EINVAL, "no space");

	result(!parse_mark("0x10/0xff", &val, &mask) && val == 16 && mask == 255, "mark, mask");
	result(!parse_mark("7", &val, &mask) && val == 7 && mask == UINT32_MAX, "mark alone");
	result(parse_mark("1/0", &val, &mask) == -ERANGE, "mask 0");
	result(parse_mark("1/", &val, &mask) == -EINVAL, "empty mask");
	result(parse_mark("/1", &val, &mask) == -EINVAL, "empty mark");

	result(!parse_prefix("169.254.10.2/30", &addr, &len) && addr.len == 4 && len == 30,
	       "IPv4 prefix");
	result(!parse_prefix("fd00::2/126", &addr, &len) && addr.len == 16 && len == 126,
	       "IPv6 prefix");
	result(parse_prefix("169.254.10.2", &addr, &len) == -EINVAL, "prefix length missing");
	result(parse_prefix("169.254.10.2/33", &addr, &len) == -ERANGE, "prefix too long");
	result(parse_prefix("169.254.10.2/0x1e", &addr, &len) || len == 30,
	       "prefix length in hexadecimal");
	result(parse_addr("localhost", &addr) == -EINVAL, "names are not looked up");
}

static void test_text(void)
{
	static const struct {
		const char *text;
		const char *is;
	} t[] = {
		{ "vgw0", "vgw0" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\xff", "a\\xff" },
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xc0\xaf-", "\\xc0\\xaf-" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
		{ "\xe0\x80\x80", "\\xe0\\x80\\x80" },
	};
	char buf[80];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		result(!strcmp(format_text(buf, sizeof(buf), t[i].text), t[i].is),
		       "text %zu is %s", i, buf);
	result(!strcmp(format_text(buf, 9, "\xff\xff\xff"), "\\xff\\xff"), "it is cut where it ends");
}

static void test_reading(void)
{
	char buf[TIME_LEN];

	result(!strcmp(format_age(buf, sizeof(buf), 850000000), "850ms"), "age %s", buf);
	result(!strcmp(format_age(buf, sizeof(buf), 1200000000), "1.2s"), "age %s", buf);
	result(!strcmp(format_age(buf, sizeof(buf), 185000000000), "3m05s"), "age %s", buf);
	result(!strcmp(format_age(buf, sizeof(buf), 90000000000000), "1d01h"), "age %s", buf);
	result(!strcmp(format_usec(buf, sizeof(buf), 12345), "12.3ms"), "rtt %s", buf);
	result(!strcmp(format_bytes(buf, sizeof(buf), 1023), "1023 B"), "bytes %s", buf);
	result(!strcmp(format_bytes(buf, sizeof(buf), 1536), "1.5 KiB"), "bytes %s", buf);
	result(!strcmp(format_bytes(buf, sizeof(buf), UINT64_MAX), "15.9 EiB"), "bytes %s", buf);
}

static int parse(const char *line, struct conn_config *conn, struct problem *p)
{
	static char words[512];
	char *argv[64], *word;
	int argc = 0;

	memset(conn, 0, sizeof(*conn));
	memset(p, 0, sizeof(*p));
	snprintf(words, sizeof(words), "%s", line);
	for (word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return parse_connection(argc, argv, conn, p);
}

static void test_options(void)
{
	struct conn_config conn;
	struct problem p;

	result(!parse("revert 5m tunnel if_id 101 inside 169.254.10.2/30 tunnel b mark 0x2/0xff keepalive 100ms misses 5",
		      &conn, &p) && conn.n_tunnels == 2, "two tunnels: %s", p.text);
	result(conn.revert == 300000, "revert");
	result(!conn.tunnel[0].ifname[0] && conn.tunnel[0].if_id == 101, "first tunnel");
	result(!strcmp(conn.tunnel[1].ifname, "b") && conn.tunnel[1].mark == 2 &&
	       conn.tunnel[1].mask == 255, "second tunnel");
	result(conn.tunnel[1].keepalive == VGW_KEEPALIVE_ACTIVE &&
	       conn.tunnel[1].interval == 100 && conn.tunnel[1].misses == 5, "keepalive");
	result((conn.tunnel[1].set & OPT_BIT(OPT_INTERVAL)) &&
	       !(conn.tunnel[0].set & OPT_BIT(OPT_INTERVAL)), "interval only where it was said");

	result(!parse("tunnel if_id 1 local any keepalive passive interval 5s", &conn, &p) &&
	       (conn.tunnel[0].set & OPT_BIT(OPT_LOCAL)) && !conn.tunnel[0].local.len &&
	       conn.tunnel[0].interval == 5000, "an address taken away");
	result(!parse("tunnel if_id 1 keepalive always interval 1s", &conn, &p) &&
	       conn.tunnel[0].keepalive == VGW_KEEPALIVE_ALWAYS &&
	       conn.tunnel[0].interval == 1000, "always");
	result(!parse("revert never mtu auto mss off tunnel if_id 0xffffffff", &conn, &p) &&
	       conn.revert == VGW_FOREVER && conn.mtu == 0 && conn.mss == 0, "words for values");
}

static void test_refusals(void)
{
	static const struct {
		const char *line;
		const char *said;
	} t[] = {
		{ "", "1 to 8 tunnels" },
		{ "tunnel", "tunnel 1: a key is missing" },
		{ "tunnel a", "tunnel 1: a key is missing" },
		{ "tunnel if_id 1 mark 2", "exclude each other" },
		{ "tunnel if_id 1 if_id 2", "if_id 2: given twice" },
		{ "tunnel if_id", "if_id: the value is missing" },
		{ "tunnel if_id 0", "from 1 to 4294967295" },
		{ "if_id 1", "option of a tunnel" },
		{ "tunnel if_id 1 revert 3", "option of the connection" },
		{ "revet 3 tunnel if_id 1", "did you mean revert?" },
		{ "tunnel if_id 1 keep 3", "did you mean keepalive?" },
		{ "tunnel if_id 1 xyzzy 3", "there are if_id, mark" },
		{ "tunnel if_id 1 tunnel if_id 2 misses 33", "tunnel 2: misses: 33" },
		{ "tunnel if_id 1 keepalive 9ms", "from 10ms to 1h" },
		{ "tunnel if_id 1 keepalive 2s interval 3s", "given twice" },
		{ "tunnel if_id 1 interval 3s keepalive 2s", "given twice" },
		{ "tunnel if_id 1 inside 169.254.10.2", "prefix length" },
		{ "tunnel if_id 1 preference 65536", "0 to 65535" },
		{ "mtu 67 tunnel if_id 1", "68" },
		{ "tunnel abcdefghijklmnop if_id 1", "1 to 15 characters" },
		{ "tunnel a/b if_id 1", "no spaces, '/'" },
		{ "tunnel if_id 1 tunnel if_id 2 tunnel if_id 3 tunnel if_id 4 tunnel if_id 5 tunnel if_id 6 tunnel if_id 7 tunnel if_id 8 tunnel if_id 9",
		  "8 tunnels at most" },
	};
	struct conn_config conn;
	struct problem p;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		err = parse(t[i].line, &conn, &p);
		result(err && strstr(p.text, t[i].said), "'%.40s' is refused: %s", t[i].line,
		       p.text);
	}
}

static struct up_config up;

static int read_text(const char *text, struct conn_config *conn, struct problem *p)
{
	FILE *f = fmemopen((char *)text, strlen(text), "r");
	int err;

	memset(conn, 0, sizeof(*conn));
	memset(&up, 0, sizeof(up));
	memset(p, 0, sizeof(*p));
	err = config_read(f, "FILE", conn, &up, p);
	fclose(f);
	return err;
}

static const char full[] =
	"# vgw0\n[connection]\nrevert = never\nmtu = 1400\nmss = off\n\n"
	"[tunnel a]\nif_id = 7\nlocal = any\nremote = 192.0.2.1\ninside = 169.254.10.2/30\n"
	"peer = 169.254.10.1\npreference = 200\nkeepalive = 100ms\nmisses = 5\n\n"
	"[tunnel b]\nmark = 0x8/0xff\nlocal = 2001:db8::1\nremote = any\ninside = none\n"
	"peer = none\npreference = 100\nkeepalive = passive\ninterval = 3s\nmisses = 3\n";

static void test_files(void)
{
	struct conn_config conn, other, diff;
	struct problem p;

	result(!read_text(full, &conn, &p) && conn.n_tunnels == 2, "a whole file: %s", p.text);
	result(conn.revert == VGW_FOREVER && conn.tunnel[0].interval == 100 &&
	       conn.tunnel[1].interval == 3000 &&
	       conn.tunnel[1].keepalive == VGW_KEEPALIVE_PASSIVE, "its values");

	result(!read_text(full, &other, &p) && !config_diff(&conn, &other, &diff),
	       "a configuration does not differ from itself");
	other.tunnel[1].preference = 7;
	other.tunnel[1].index = conn.tunnel[1].index = 1;
	result(config_diff(&conn, &other, &diff) && !diff.set && diff.n_tunnels == 1 &&
	       diff.tunnel[0].set == OPT_BIT(OPT_PREFERENCE) && diff.tunnel[0].index == 1,
	       "one changed option is the only difference");
	read_text(full, &other, &p);
	other.tunnel[0].inside.b[3] = 6;
	result(config_diff(&conn, &other, &diff) &&
	       diff.tunnel[0].set == (OPT_BIT(OPT_INSIDE) | OPT_BIT(OPT_PEER)),
	       "a changed inside address says the peer again");

	result(!read_text("[tunnel a]\nif_id=1\ninside=169.254.10.2/30\n", &conn, &p) &&
	       conn.tunnel[0].peer.b[3] == 1 && conn.tunnel[0].keepalive == VGW_KEEPALIVE_ACTIVE &&
	       conn.revert == REVERT_DEFAULT && conn.tunnel[0].misses == MISSES_DEFAULT,
	       "what is left out has the kernel's default");
	result(!read_text("[tunnel a]\nif_id=1\ninside=fd00::4/127\n", &conn, &p) &&
	       conn.tunnel[0].peer.b[15] == 5, "the peer of a /127");
	result(!read_text("[tunnel a]\nif_id=1\ninside=10.0.0.1/24\n", &conn, &p) &&
	       !conn.tunnel[0].peer.len &&
	       conn.tunnel[0].keepalive == VGW_KEEPALIVE_PASSIVE, "a /24 names no peer");
	result(!read_text("[tunnel a]\nif_id=1\ninside=10.0.0.3/30\n", &conn, &p) &&
	       !conn.tunnel[0].peer.len, "a broadcast address names no peer");
	result(!read_text("[tunnel a]\nif_id=1\n[up]\nroute = 10.0.0.0/8\nroute = ::/0\n"
			  "address = 10.1.0.1/32\nvrf = blue\nswanctl = a.conf\n", &conn, &p) &&
	       up.n_routes == 2 && up.route[0].len == 8 && up.route[1].addr.len == 16 &&
	       up.n_addrs == 1 && !strcmp(up.vrf, "blue") && !strcmp(up.file[0], "a.conf"),
	       "what is around the devices: %s", p.text);
	result(!read_text("[tunnel a]\nif_id=1\n[tunnel b]\nif_id=2\n[tunnel a]\nmisses=4\n",
			  &conn, &p) && conn.n_tunnels == 2 && conn.tunnel[0].misses == 4,
	       "a section may be resumed");
}

/* inih by itself goes on in pieces of 199 characters, and with the value before an indented line. */
static void test_lines(void)
{
	static const char head[] = "[tunnel a]\nif_id=1\n[up]\n";
	struct conn_config conn;
	struct problem p;
	char text[512];

	result(!read_text("[connection]\n\trevert = 1m\n  mtu = 1400\n[tunnel a]\n\tif_id=1\n"
			  "  # misses = 5\n\t[up]\n\troute = 10.0.0.0/8\n\troute = ::/0 ; all\n",
			  &conn, &p) &&
	       conn.mtu == 1400 && up.n_routes == 2 && up.route[1].addr.len == 16,
	       "lines may be indented: %s", p.text);
	snprintf(text, sizeof(text), "%s#%198sroute = 0.0.0.0/0\nroute = ::/0 ;%185sguard = ::/0\n",
		 head, "", "");
	result(!read_text(text, &conn, &p) && up.n_routes == 1 && up.route[0].addr.len == 16 &&
	       !up.n_guards, "no end of a long comment is an option: %s", p.text);
	snprintf(text, sizeof(text), "%sroute = ::/0%187sroute = 0.0.0.0/0\n", head, "");
	result(read_text(text, &conn, &p) && strstr(p.text, "FILE: line 4 is too long"),
	       "nor of another long line: %s", p.text);
	snprintf(text, sizeof(text), "%sswanctl = /%0180d/a.conf\nswanctl = /%0200d/a.conf\n", head,
		 0, 0);
	result(read_text(text, &conn, &p) && strstr(p.text, "FILE: line 5 is too long") &&
	       up.n_files == 1 && strlen(up.file[0]) == 188, "long paths: %s", p.text);
}

static void test_bad_files(void)
{
	static const struct {
		const char *text;
		const char *said;
	} t[] = {
		{ "\n", "no [tunnel NAME]" },
		{ "[connection]\nrevert = 3x\n", "FILE:2: revert: 3x" },
		{ "[tunnel a]\nif_id = 1\nif_id = 2\n", "FILE:3: if_id 2: given twice" },
		{ "[tunnel a]\nmisses = 2\n", "tunnel a: a key is missing" },
		{ "[tunnel]\nif_id = 2\n", "FILE:2: [tunnel]" },
		{ "[tunnel a]\nif_id = 2\nrubbish\n", "FILE:3: neither" },
		{ "[tunnel a]\nif_id = 2\n[routes]\nx = 1\nmisses = 99\n", "FILE:4: [routes]" },
		{ "if_id = 2\n", "FILE:1: []" },
		{ "[tunnel a b]\nif_id = 2\n", "no spaces" },
		{ "[up]\nroute = 10.0.0.0\n", "FILE:2: route: 10.0.0.0 is no such value" },
		{ "[up]\nroute = 10.0.0.1/8\n", "bits behind" },
		{ "[up]\nvrf = a\nvrf = b\n", "FILE:3: vrf b: given twice" },
		{ "[up]\nswanctl = /etc/\n", "such as NAME.conf" },
		{ "[up]\nmtu = 1400\n", "there are address, guard, route" },
		{ "[up]\nguard = 10.0.0.1/8\n", "guard: 10.0.0.1/8 has bits" },
		{ "[up]\nguard = ::/0\nroute = ::/0\nguard = 0::/0\n",
		  "FILE:4: guard 0::/0: given twice" },
		{ "[up]\nroute = 10.0.0.0/8\nroute = 10.0.0.0/8\n", "FILE:3: route 10.0.0.0/8: given" },
		{ "[up]\naddress = 10.0.0.1/8\naddress = 10.0.0.1/8\n", "FILE:3: address 10.0.0.1/8" },
		{ "[up]\nswanctl = a.conf\nswanctl = b/a.conf\n", "FILE:3: swanctl b/a.conf: a file" },
	};
	struct conn_config conn;
	struct problem p;
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		err = read_text(t[i].text, &conn, &p);
		result(err && strstr(p.text, t[i].said), "bad file %zu is refused: %s", i,
		       p.text);
	}
}

static void test_hints(void)
{
	static const char *const words[] = { "show", "switch", "set", "showconf" };

	result(!strcmp(nearest("shwo", words, 4) ?: "", "show"), "shwo is show");
	result(!strcmp(nearest("swi", words, 4) ?: "", "switch"), "swi is switch");
	result(!nearest("frobnicate", words, 4), "frobnicate is nothing");
}

/* Every value that is printed is read back as the same. */
static void test_round_trip(void)
{
	struct conn_config conn, back = {};
	struct tunnel_config *t;
	char value[VALUE_LEN];
	struct problem p = {};
	unsigned int i;
	int opt;

	read_text(full, &conn, &p);
	for (opt = 0; opt < OPT_FIRST_TUNNEL; opt++)
		result(!config_option(&back, NULL, option_word(opt),
				      config_value(value, sizeof(value), &conn, opt), &p),
		       "%s = %s is read back: %s", option_word(opt), value, p.text);
	for (i = 0; i < conn.n_tunnels; i++) {
		t = config_add_tunnel(&back, &p);
		snprintf(t->ifname, sizeof(t->ifname), "%s", conn.tunnel[i].ifname);
		for (opt = OPT_FIRST_TUNNEL; opt < OPT_MAX; opt++) {
			if (opt == (i ? OPT_IF_ID : OPT_MARK))
				continue;
			tunnel_config_value(value, sizeof(value), &conn.tunnel[i], opt);
			result(!config_option(&back, t, option_word(opt), value, &p),
			       "%s = %s is read back: %s", option_word(opt), value, p.text);
		}
	}
	result(!config_diff(&conn, &back, &(struct conn_config){}), "all the same");
}

static void test_files_if_read(void)
{
#ifdef HAVE_INIH
	test_files();
	test_lines();
	test_bad_files();
	test_round_trip();
#else
	(void)test_files;
	(void)test_lines;
	(void)test_bad_files;
	(void)test_round_trip;
	printf("ok %d # SKIP files: built without libinih\n", ++count);
#endif
}

/* Prometheus reads it: what is escaped, what is left out, what stands together. */
static void test_metrics(void)
{
	static struct connection conn = { .ifname = "a\"b\\c", .n_tunnels = 2 };
	struct connection *second = calloc(1, sizeof(*second));
	struct tunnel *t = conn.tunnel;
	char *text, *at;
	size_t len;
	FILE *f;

	conn.next = second;
	snprintf(second->ifname, sizeof(second->ifname), "vgw1");
	snprintf(t[0].config.ifname, IFNAMSIZ, "one");
	snprintf(t[1].config.ifname, IFNAMSIZ, "two");
	t[1].config.index = 1;
	t[0].state = VGW_STATE_SUSPECT;
	t[1].state = VGW_STATE_DOWN;
	t[0].have = ATTR_BIT(VGW_A_TUNNEL_RTT) | ATTR_BIT(VGW_A_TUNNEL_PROOF_AGE);
	t[0].rtt = 12345;
	t[0].proof_age = 1500000000;
	t[0].stats.v[VGW_A_STATS_RX_BYTES] = UINT64_MAX;
	t[1].stats.v[VGW_A_STATS_TX_NO_SA] = 7;

	f = open_memstream(&text, &len);
	metrics_print(f, &conn, 1000000000);
	fclose(f);
	result(strstr(text, "vgw_connections 2\n") != NULL, "connections are counted");
	result(strstr(text, "{connection=\"a\\\"b\\\\c\",tunnel=\"one\"} 1\n") != NULL,
	       "labels are escaped");
	result(strstr(text, "tunnel_state{connection=\"a\\\"b\\\\c\",tunnel=\"two\"} 0\n") != NULL,
	       "a tunnel that is down is there");
	result(strstr(text, ",tunnel=\"one\"} 18446744073709551615\n") != NULL,
	       "counters are exact");
	result(strstr(text, ",tunnel=\"one\"} 0.012345\n") != NULL, "seconds of a round trip");
	result(strstr(text, ",tunnel=\"one\"} 999999998.500\n") != NULL, "the time of a proof");
	result(strstr(text, ",tunnel=\"two\",reason=\"tx-no-sa\"} 7\n") != NULL,
	       "drops have their reason");
	at = strstr(text, "# TYPE vgw_tunnel_keepalive_rtt_seconds");
	result(at && !strstr(at, "rtt_seconds{connection=\"a\\\"b\\\\c\",tunnel=\"two\"}"),
	       "what does not exist is left out");
	at = strstr(text, "# TYPE vgw_connection_carrier gauge\n");
	result(at && strstr(at, "\"} 0\nvgw_connection_carrier{connection=\"vgw1\"} 0\n# HELP"),
	       "a metric's samples stand together");
	free(text);
	free(second);
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	if (!f || fputs(text, f) < 0 || fclose(f)) {
		perror(name);
		exit(1);
	}
}

/* Second names of files, where there is no strongSwan. */
static void test_swanctl(void)
{
	char dir[] = "/tmp/selftest-XXXXXX";
	struct placed placed = {};
	struct nl_error err = {};
	struct stat st;
	bool done;

	if (!mkdtemp(dir) || chdir(dir))
		exit(1);
	setenv("SWANCTL_DIR", dir, 1);
	write_file("keys", "one");
	result(swanctl_place("keys", &done, &err) && strstr(err.text, "apt-get install strongswan"),
	       "no conf.d: %s", err.text);
	placed_add(&placed, "a/x.conf");
	result(swanctl_set_placed("vgw0", &placed, &err) && strstr(err.text, "apt-get install"),
	       "likewise: %s", err.text);

	if (mkdir("conf.d", 0755) || symlink("keys", "link.conf"))
		exit(1);
	result(!swanctl_place("link.conf", &done, &err) && done &&
	       !stat("conf.d/vgw-link.conf", &st), "a symbolic link leads somewhere: %s", err.text);
	result(!swanctl_place("link.conf", &done, &err) && !done, "a second time it is there");
	result(!swanctl_hide("link.conf", &done, &err) && done &&
	       access("conf.d/vgw-link.conf", F_OK), "it is hidden");
	result(!swanctl_restore("link.conf", &err) && !access("conf.d/vgw-link.conf", F_OK),
	       "and there again");
	result(!swanctl_remove("link.conf", &done, &err) && done, "and removed");

	placed_add(&placed, "y.conf");
	placed_add(&placed, "b/x.conf");
	result(!swanctl_set_placed("vgw0", &placed, &err) && !stat("conf.d/.placed-vgw0", &st) &&
	       (st.st_mode & 0777) == 0600, "what was placed is remembered: %s", err.text);
	swanctl_placed("vgw1", &placed);
	result(!placed.n, "not for another connection");
	swanctl_placed("vgw0", &placed);
	result(placed.n == 2 && placed_has(&placed, "x.conf") && placed_has(&placed, "y.conf"),
	       "by its name");
	write_file("conf.d/.placed-vgw0", "../x\n\nz.conf");
	swanctl_placed("vgw0", &placed);
	result(placed.n == 1 && placed_has(&placed, "z.conf"), "no path leads out of the folder");
	placed.n = 0;
	result(!swanctl_set_placed("vgw0", &placed, &err) && !swanctl_set_placed("vgw0", &placed, &err) &&
	       !rmdir("conf.d"), "nothing is left of nothing: %s", err.text);
	unlink("keys");
	unlink("link.conf");
	if (chdir("/") || rmdir(dir))
		exit(1);
}

int main(void)
{
	test_times();
	test_numbers();
	test_text();
	test_reading();
	test_options();
	test_refusals();
	test_files_if_read();
	test_hints();
	test_metrics();
	test_swanctl();
	return finish("selftest");
}
