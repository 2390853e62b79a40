// SPDX-License-Identifier: GPL-2.0
/* vgwctl top - rates and states, again and again. */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "vgwctl.h"

#define INTERVAL	2000
#define LINE_LEN	256

/**
 * struct top - what is shown
 * @dev: the one connection to show, NULL for all
 * @batch: no terminal: every round below the one before
 * @interval: milliseconds
 * @rounds: how many, 0 for no end
 * @nl: a socket of nl_open_vgw()
 * @list: connections now
 * @before: and a round earlier
 * @at: CLOCK_MONOTONIC of @list, seconds
 * @elapsed: since @before, seconds; 0 in the first round
 * @room: lines that are left on the screen
 * @left_out: lines that found none
 */
struct top {
	const char *dev;
	bool batch;
	uint32_t interval;
	uint32_t rounds;
	struct nl nl;
	struct connection *list;
	struct connection *before;
	double at;
	double elapsed;
	unsigned int room;
	unsigned int left_out;
};

static double monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int refresh(struct top *top, struct nl_error *err)
{
	struct connection *list;
	double at;
	int ret;

	ret = model_get(&top->nl, top->dev, &list, err);
	/* It may come back: an empty screen until then. */
	if (ret == -ENODEV && top->list)
		list = NULL;
	else if (ret)
		return ret;
	at = monotonic();
	model_free(top->before);
	top->before = top->list;
	top->elapsed = top->before ? at - top->at : 0;
	top->list = list;
	top->at = at;
	return 0;
}

/* The same tunnel a round earlier; a device that was made anew is another. */
static const struct tunnel *tunnel_before(const struct top *top, const struct tunnel *t)
{
	const struct connection *conn;
	unsigned int i;

	for (conn = top->before; conn; conn = conn->next)
		for (i = 0; i < conn->n_tunnels; i++)
			if (conn->tunnel[i].ifindex == t->ifindex)
				return &conn->tunnel[i];
	return NULL;
}

static uint64_t drops(const struct stats *stats)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = STATS_FIRST_DROP; i <= VGW_A_STATS_MAX; i++)
		sum += stats->v[i];
	return sum;
}

static double per_second(const struct top *top, uint64_t now, uint64_t before)
{
	return now > before ? (now - before) / top->elapsed : 0;
}

/* "-" in the first round: there is no rate yet. */
static const char *rate(char *buf, size_t size, bool known, double value, bool bytes)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	unsigned int i;

	if (!known) {
		snprintf(buf, size, "-");
		return buf;
	}
	/* Lines are sold by bits. */
	if (bytes)
		value *= 8;
	for (i = 0; value >= 999.95 && i + 1 < ARRAY_SIZE(units); i++)
		value /= 1000;
	snprintf(buf, size, i ? "%.1f%s" : "%.0f%s", value, units[i]);
	return buf;
}

__printf(2, 3)
static void put_line(struct top *top, const char *fmt, ...)
{
	va_list ap;

	if (!top->batch && !top->room) {
		top->left_out++;
		return;
	}
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("%s\n", top->batch ? "" : "\033[K");
	if (top->room)
		top->room--;
}

static void put_conn(struct top *top, const struct connection *conn)
{
	const struct tunnel *active = NULL;
	char age[TIME_LEN];

	if (conn_has(conn, VGW_A_ACTIVE))
		active = model_tunnel(conn, conn->active);
	put_line(top, "%s%-17s%s carrier %s%s%s  active %s  switches %" PRIu64 "%s%s",
		 color(COLOR_BOLD), conn->ifname, color(COLOR_NONE),
		 color(conn->carrier ? COLOR_GOOD : COLOR_BAD), conn->carrier ? "on" : "off",
		 color(COLOR_NONE), active ? active->config.ifname : "none", conn->switches,
		 conn_has(conn, VGW_A_SWITCH_AGE) ? ", last before " : "",
		 conn_has(conn, VGW_A_SWITCH_AGE) ?
		 format_age(age, sizeof(age), conn->switch_age) : "");
}

/* Of the keepalives of this round, those that no reply came to. */
static void format_loss(char *buf, size_t size, const struct stats *now,
			const struct stats *before)
{
	uint64_t missed, answered;

	missed = now->v[VGW_A_STATS_KEEPALIVE_MISSED] - before->v[VGW_A_STATS_KEEPALIVE_MISSED];
	answered = now->v[VGW_A_STATS_KEEPALIVE_RECEIVED] -
		   before->v[VGW_A_STATS_KEEPALIVE_RECEIVED];
	if (missed + answered)
		snprintf(buf, size, "%.0f%%", 100.0 * missed / (missed + answered));
	else
		snprintf(buf, size, "-");
}

static void put_tunnel(struct top *top, const struct connection *conn, const struct tunnel *t)
{
	bool active = conn_has(conn, VGW_A_ACTIVE) && conn->active == t->config.index;
	const struct tunnel *before = tunnel_before(top, t);
	char in[16], out[16], pin[16], pout[16], lost[16], loss[16] = "-";
	char rtt[TIME_LEN] = "-", proof[TIME_LEN] = "-";
	static const struct stats none;
	const struct stats *a = &t->stats, *b = before ? &before->stats : &none;
	bool known = before && top->elapsed > 0;

#define RATE(buf, attr, bytes) \
	rate(buf, sizeof(buf), known, \
	     known ? per_second(top, a->v[attr], b->v[attr]) : 0, bytes)

	if (tunnel_has(t, VGW_A_TUNNEL_RTT))
		format_usec(rtt, sizeof(rtt), t->rtt);
	if (tunnel_has(t, VGW_A_TUNNEL_PROOF_AGE))
		format_age(proof, sizeof(proof), t->proof_age);
	if (known)
		format_loss(loss, sizeof(loss), a, b);
	put_line(top, "%c %-15s %s%-8s%s %8s %8s %8s %8s %8s %5s %8s %8s%s", active ? '*' : ' ',
		 t->config.ifname, color(color_state(t->state)), name_of(&names_state, t->state),
		 color(COLOR_NONE), RATE(in, VGW_A_STATS_RX_BYTES, true),
		 RATE(out, VGW_A_STATS_TX_BYTES, true),
		 RATE(pin, VGW_A_STATS_RX_PACKETS, false),
		 RATE(pout, VGW_A_STATS_TX_PACKETS, false), rtt, loss, proof,
		 rate(lost, sizeof(lost), known,
		      known ? per_second(top, drops(a), drops(b)) : 0, false),
		 t->drained ? "  drained" : "");
#undef RATE
}

static unsigned int screen_lines(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 4)
		return 24;
	return size.ws_row;
}

static int put_round(struct top *top)
{
	const struct connection *conn;
	unsigned int i;

	top->left_out = 0;
	if (!top->batch) {
		/* The last line says what is left out. */
		top->room = screen_lines() - 1;
		fputs("\033[H", stdout);
	}
	put_line(top, "%s  %-15s %-8s %8s %8s %8s %8s %8s %5s %8s %8s%s", color(COLOR_DIM),
		 "tunnel", "state", "in bit/s", "out", "in pkt/s", "out", "rtt", "loss", "proof",
		 "drops/s", color(COLOR_NONE));
	for (conn = top->list; conn; conn = conn->next) {
		put_conn(top, conn);
		for (i = 0; i < conn->n_tunnels; i++)
			put_tunnel(top, conn, &conn->tunnel[i]);
	}
	if (top->left_out)
		printf("... %u lines more\033[K", top->left_out);
	else if (top->batch)
		putchar('\n');
	if (!top->batch)
		fputs("\033[J", stdout);
	return fflush(stdout) ? -errno : 0;
}

/* 0 for the next round, 1 to end. */
static int wait_round(const struct top *top, int sigfd)
{
	struct pollfd fds[] = {
		{ .fd = sigfd, .events = POLLIN },
		{ .fd = top->batch ? -1 : STDIN_FILENO, .events = POLLIN },
		/* For POLLERR: the reader of a pipe went away. */
		{ .fd = STDOUT_FILENO },
	};
	double end = monotonic() + top->interval / 1000.0, left;
	struct signalfd_siginfo info;
	char key;

	for (;;) {
		left = end - monotonic();
		if (left <= 0)
			return 0;
		if (poll(fds, 3, left * 1000 + 1) < 0 && errno != EINTR)
			return 1;
		if (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL))
			return 1;
		if (fds[0].revents) {
			if (read(sigfd, &info, sizeof(info)) != sizeof(info))
				return 1;
			return info.ssi_signo != SIGWINCH;
		}
		if (fds[1].revents && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
			return 1;
	}
}

static int rounds(struct top *top, int sigfd, struct nl_error *err)
{
	uint32_t done = 0;
	int ret;

	for (;;) {
		ret = refresh(top, err);
		if (ret)
			return ret;
		ret = put_round(top);
		if (ret == -EPIPE)
			return 0;
		if (ret)
			return nl_error_set(err, -ret, "writing: %s", strerror(-ret));
		if (++done == top->rounds || wait_round(top, sigfd))
			return 0;
	}
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Keys one by one and unseen, on a screen that is put back at the end. */
static int on_screen(struct top *top, int sigfd, struct nl_error *err)
{
	struct termios was, raw;
	bool tty = !tcgetattr(STDIN_FILENO, &was);
	int ret;

	if (tty) {
		raw = was;
		raw.c_lflag &= ~(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs("\033[?1049h\033[?25l\033[2J", stdout);
	ret = rounds(top, sigfd, err);
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSANOW, &was);
	return ret;
}

static int parse_options(const struct command *cmd, int argc, char **argv, struct top *top)
{
	char ifname[IFNAMSIZ];
	struct problem p;
	int c;

	optind = 0;
	while ((c = getopt(argc, argv, "+:bd:n:")) != -1) {
		if (c == 'b')
			top->batch = true;
		else if (c == 'd' && (parse_time_ms(optarg, &top->interval) ||
				      top->interval < 100))
			return usage_error(cmd, "-d %s: it must be a time from 100ms", optarg);
		else if (c == 'n' && (parse_u32(optarg, &top->rounds) || !top->rounds))
			return usage_error(cmd, "-n %s: it must be a number from 1", optarg);
		else if (c == ':')
			return usage_error(cmd, "-%c: the value is missing", optopt);
		else if (c == '?')
			return usage_error(cmd, "-%c: no such option; there are -b, -d TIME, -n N",
					   optopt);
	}
	if (optind < argc)
		top->dev = argv[optind++];
	if (optind < argc)
		return usage_error(cmd, "%s: one device at a time", argv[optind]);
	if (top->dev && parse_ifname(top->dev, ifname, &p))
		return usage_error(cmd, "%s", p.text);
	return 0;
}

/**
 * cmd_top - vgwctl top
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_top(const struct command *cmd, int argc, char **argv)
{
	struct top top = { .interval = INTERVAL };
	struct nl_error err;
	int ret, sigfd;

	ret = parse_options(cmd, argc, argv, &top);
	if (ret)
		return ret;
	if (!top.batch && !isatty(STDOUT_FILENO))
		return usage_error(cmd, "this is no terminal; -b prints round after round");
	if (nl_open_vgw(&top.nl, &err))
		return refused(cmd, top.dev, &err);
	sigfd = catch_signals();
	if (sigfd < 0) {
		fprintf(stderr, "vgwctl: top: %s\n", strerror(errno));
		nl_close(&top.nl);
		return RC_REFUSED;
	}
	ret = top.batch ? rounds(&top, sigfd, &err) : on_screen(&top, sigfd, &err);
	close(sigfd);
	nl_close(&top.nl);
	model_free(top.list);
	model_free(top.before);
	return ret ? refused(cmd, top.dev, &err) : RC_OK;
}
