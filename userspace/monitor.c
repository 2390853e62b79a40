// SPDX-License-Identifier: GPL-2.0
/* vgwctl monitor - events as they happen. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <linux/genetlink.h>

#include "vgwctl.h"

/* Of the family nlctrl, which is always there and has a fixed id. */
#define NLCTRL_GROUP_NOTIFY	GENL_ID_CTRL

/**
 * struct monitor - what the monitor knows
 * @cmd: the command
 * @events: the subscribed socket
 * @query: another one, for names
 * @dev: the one connection to report, NULL for all
 * @ifindex: of @dev once known: it may be renamed
 * @list: connections, for the names of their tunnels
 */
struct monitor {
	const struct command *cmd;
	struct nl events;
	struct nl query;
	const char *dev;
	uint32_t ifindex;
	struct connection *list;
};

static void refresh(struct monitor *m)
{
	struct connection *list;
	struct nl_error err;

	/* What cannot be asked any more keeps the names it had. */
	if (model_get(&m->query, NULL, &list, &err))
		return;
	model_free(m->list);
	m->list = list;
}

static const struct connection *find(const struct monitor *m, uint32_t ifindex)
{
	const struct connection *conn;

	for (conn = m->list; conn; conn = conn->next)
		if (conn->ifindex == ifindex)
			return conn;
	return NULL;
}

static void parse_event(const struct nlmsghdr *nlh, struct event *ev)
{
	const struct nlattr *attr;
	uint16_t type, len;

	memset(ev, 0, sizeof(*ev));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		type = mnl_attr_get_type(attr);
		len = mnl_attr_get_payload_len(attr);
		if (type <= VGW_A_MAX)
			ev->have |= ATTR_BIT(type);
		if (type == VGW_A_IFINDEX && len == 4)
			ev->ifindex = mnl_attr_get_u32(attr);
		else if (type == VGW_A_IFNAME && len && len <= IFNAMSIZ)
			memcpy(ev->ifname, mnl_attr_get_payload(attr), len - 1);
		else if (type == VGW_A_EVENT && len == 4)
			ev->event = mnl_attr_get_u32(attr);
		else if (type == VGW_A_EVENT_TUNNEL && len == 1)
			ev->tunnel = mnl_attr_get_u8(attr);
		else if (type == VGW_A_EVENT_REASON && len == 4)
			ev->reason = mnl_attr_get_u32(attr);
		else if (type == VGW_A_EVENT_OLD && len == 4)
			ev->before = mnl_attr_get_u32(attr);
		else if (type == VGW_A_EVENT_NEW && len == 4)
			ev->after = mnl_attr_get_u32(attr);
		else if (type == VGW_A_EVENT_TIME && len == 8)
			ev->time = mnl_attr_get_u64(attr);
		else if (type == VGW_A_SWITCH_PROOF_AGE && len == 8)
			ev->proof_age = mnl_attr_get_u64(attr);
	}
}

static bool wanted(struct monitor *m, const struct event *ev)
{
	if (!m->dev || ev->event == EVENT_LOST)
		return true;
	if (m->ifindex && ev->ifindex == m->ifindex) {
		if (ev->event == VGW_EVENT_DELETED)
			m->ifindex = 0;
		return true;
	}
	if (strcmp(ev->ifname, m->dev))
		return false;
	if (ev->event != VGW_EVENT_DELETED)
		m->ifindex = ev->ifindex;
	return true;
}

static int report(struct monitor *m, const struct event *ev)
{
	const struct connection *conn;

	if (!wanted(m, ev))
		return 0;
	if (ev->event == VGW_EVENT_CREATED || ev->event == VGW_EVENT_CHANGED ||
	    ev->event == EVENT_LOST)
		refresh(m);
	conn = find(m, ev->ifindex);
	if (!conn && ev->event != EVENT_LOST && ev->event != VGW_EVENT_DELETED) {
		refresh(m);
		conn = find(m, ev->ifindex);
	}
	if (global.json)
		json_event(ev, conn);
	else
		show_event(ev, conn);
	return fflush(stdout) ? -errno : 0;
}

/* The module was loaded or unloaded: follow it. */
static void follow_family(struct monitor *m, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	struct nl_error err;
	bool ours = false;

	mnl_attr_for_each(attr, nlh, sizeof(*genl))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_NAME)
			ours = !strcmp(mnl_attr_get_str(attr), VGW_GENL_NAME);
	if (!ours)
		return;
	if (genl->cmd == CTRL_CMD_DELFAMILY) {
		fprintf(stderr, "vgwctl: monitor: the module was unloaded; waiting for it\n");
		m->events.family = 0;
	} else if (genl->cmd == CTRL_CMD_NEWFAMILY && !m->events.family) {
		if (nl_resolve(&m->query, &err))
			return;
		m->events.family = m->query.family;
		m->events.group = m->query.group;
		nl_join(&m->events, m->events.group, &err);
	}
}

static int receive_events(struct monitor *m)
{
	struct event lost = { .event = EVENT_LOST };
	const struct genlmsghdr *genl;
	static char buf[32 * 1024];
	struct nlmsghdr *nlh;
	struct event ev;
	int len, ret = 0;

	len = mnl_socket_recvfrom(m->events.sock, buf, sizeof(buf));
	if (len < 0) {
		if (errno == EINTR || errno == EAGAIN)
			return 0;
		return errno == ENOBUFS ? report(m, &lost) : -errno;
	}
	for (nlh = (void *)buf; !ret && mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl))
			continue;
		if (nlh->nlmsg_type == GENL_ID_CTRL) {
			follow_family(m, nlh);
			continue;
		}
		genl = mnl_nlmsg_get_payload(nlh);
		if (nlh->nlmsg_type != m->events.family || genl->cmd != VGW_CMD_EVENT)
			continue;
		parse_event(nlh, &ev);
		ret = report(m, &ev);
	}
	return ret;
}

static int loop(struct monitor *m, int sigfd)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(m->events.sock), .events = POLLIN },
		{ .fd = sigfd, .events = POLLIN },
		/* For POLLERR: the reader of a pipe went away. */
		{ .fd = STDOUT_FILENO },
	};
	int ret;

	for (;;) {
		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[1].revents || (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)))
			return 0;
		if (fds[0].revents) {
			ret = receive_events(m);
			if (ret)
				return ret == -EPIPE ? 0 : ret;
		}
	}
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

/**
 * cmd_monitor - vgwctl monitor
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_monitor(const struct command *cmd, int argc, char **argv)
{
	struct monitor m = { .cmd = cmd, .dev = argc > 1 ? argv[1] : NULL };
	const struct connection *conn;
	char ifname[IFNAMSIZ];
	struct nl_error err;
	struct problem p;
	int sigfd, ret;

	if (argc > 2)
		return usage_error(cmd, "%s: one device at a time", argv[2]);
	if (m.dev && parse_ifname(m.dev, ifname, &p))
		return usage_error(cmd, "%s", p.text);

	sigfd = catch_signals();
	if (sigfd < 0) {
		fprintf(stderr, "vgwctl: monitor: %s\n", strerror(errno));
		return RC_REFUSED;
	}
	/* Subscribed first: what happens from here on is not missed. */
	if (nl_open_vgw(&m.events, &err) || nl_join(&m.events, m.events.group, &err) ||
	    nl_join(&m.events, NLCTRL_GROUP_NOTIFY, &err) || nl_open_vgw(&m.query, &err)) {
		nl_close(&m.events);
		close(sigfd);
		return refused(cmd, m.dev, &err);
	}
	refresh(&m);
	for (conn = m.list; m.dev && conn; conn = conn->next)
		if (!strcmp(conn->ifname, m.dev))
			m.ifindex = conn->ifindex;

	ret = loop(&m, sigfd);
	if (ret)
		fprintf(stderr, "vgwctl: monitor: %s\n", strerror(-ret));
	model_free(m.list);
	nl_close(&m.events);
	nl_close(&m.query);
	close(sigfd);
	return ret ? RC_REFUSED : RC_OK;
}
