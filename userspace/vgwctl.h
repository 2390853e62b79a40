/* SPDX-License-Identifier: GPL-2.0 */
/* What all commands share. */
#ifndef VGWCTL_H
#define VGWCTL_H

#include <stdbool.h>
#include <stdio.h>

#include "model.h"
#include "netlink.h"

enum {
	RC_OK = 0,
	RC_USAGE = 1,
	RC_REFUSED = 2,

	RC_CHECK_OK = 0,
	RC_CHECK_DEGRADED = 1,
	RC_CHECK_DOWN = 2,
	RC_CHECK_UNKNOWN = 3,
};

/**
 * struct global - the options before the command
 * @json: machine-readable output
 * @pretty: with line breaks
 * @color: with colours
 */
struct global {
	bool json;
	bool pretty;
	bool color;
};

extern struct global global;

/* Where configurations are looked for by their names. */
#define VGW_DIR		"/etc/vgw"

/**
 * struct command - a command
 * @name: as typed
 * @usage: what follows the name
 * @help: one line
 * @run: takes argv from the name on; the exit code
 * @rc_usage: exit code for what was typed wrong, RC_USAGE if 0
 * @options: has options of its own, behind its name
 */
struct command {
	const char *name;
	const char *usage;
	const char *help;
	int (*run)(const struct command *cmd, int argc, char **argv);
	int rc_usage;
	bool options;
};

int cmd_add(const struct command *cmd, int argc, char **argv);
int cmd_set(const struct command *cmd, int argc, char **argv);
int cmd_del(const struct command *cmd, int argc, char **argv);
int cmd_show(const struct command *cmd, int argc, char **argv);
int cmd_switch(const struct command *cmd, int argc, char **argv);
int cmd_drain(const struct command *cmd, int argc, char **argv);
int cmd_monitor(const struct command *cmd, int argc, char **argv);
int cmd_check(const struct command *cmd, int argc, char **argv);
int cmd_showconf(const struct command *cmd, int argc, char **argv);
int cmd_syncconf(const struct command *cmd, int argc, char **argv);
int cmd_import(const struct command *cmd, int argc, char **argv);
int cmd_up(const struct command *cmd, int argc, char **argv);
int cmd_down(const struct command *cmd, int argc, char **argv);
int cmd_metrics(const struct command *cmd, int argc, char **argv);
int cmd_top(const struct command *cmd, int argc, char **argv);
int cmd_complete(const struct command *cmd, int argc, char **argv);

int usage_error(const struct command *cmd, const char *fmt, ...)
	__printf(2, 3);
int usage_error_of(const struct command *cmd, const char *dev, const struct problem *p);
int refused(const struct command *cmd, const char *dev, const struct nl_error *err);

int connection_add(struct nl *nl, const struct conn_config *conn, struct nl_error *err);
int connection_find(struct nl *nl, const char *ifname, struct link_info *link,
		    struct nl_error *err);
int connection_del(struct nl *nl, const struct link_info *link, struct nl_error *err);
int conf_same_tunnels(const struct conn_config *have, const struct conn_config *want,
		      const char *file, struct problem *p);
int conf_apply(struct nl *nl, const char *ifname, const struct conn_config *diff,
	       struct nl_error *err);

/* Colours, "" when there shall be none. */
enum color {
	COLOR_NONE,
	COLOR_BOLD,
	COLOR_GOOD,
	COLOR_WARN,
	COLOR_BAD,
	COLOR_DIM,
};

const char *color(enum color c);
enum color color_state(uint32_t state);

/* Human and JSON output. */
void show_connection(const struct connection *conn);
int json_connections(const struct connection *list);

struct json_import;

struct json_import *json_import_begin(void);
void json_import_conn(struct json_import *out, const char *id, const char *name);
void json_import_file(struct json_import *out, const char *dir, const char *name,
		      const char *change);
int json_import_end(struct json_import *out);

/**
 * struct event - something that happened to a connection
 * @have: ATTR_BIT() of each VGW_A_* that was there
 * @ifindex: the connection's device
 * @ifname: its name
 * @event: enum vgw_event, EVENT_LOST
 * @tunnel: index of the tunnel that it is about
 * @reason: enum vgw_reason
 * @before: depends on @event
 * @after: likewise
 * @time: CLOCK_BOOTTIME, nanoseconds
 * @proof_age: nanoseconds
 */
struct event {
	uint64_t have;
	uint32_t ifindex;
	char ifname[IFNAMSIZ];
	uint32_t event;
	uint8_t tunnel;
	uint32_t reason;
	uint32_t before;
	uint32_t after;
	uint64_t time;
	uint64_t proof_age;
};

/* Not from the kernel: the socket overflowed. */
#define EVENT_LOST	UINT32_MAX

const char *event_name(const struct event *ev);
bool event_about_tunnel(const struct event *ev);
bool event_has_change(const struct event *ev);
int show_event(const struct event *ev, const struct connection *conn);
int json_event(const struct event *ev, const struct connection *conn);
void event_clock(const struct event *ev, char *buf, size_t size, bool date);

/**
 * struct finding - the judgement of a connection
 * @ifname: the connection
 * @status: RC_CHECK_*
 * @text: what is wrong and what to do
 * @n_causes: of @cause
 * @cause: machine-readable: which test found something, and where
 */
struct finding {
	const char *ifname;
	int status;
	char text[1024];
	unsigned int n_causes;
	struct {
		const char *name;
		const char *tunnel;
		char text[256];
		char advice[256];
	} cause[2 * VGW_MAX_TUNNELS + 3];
};

const char *status_word(int status);
int json_findings(const struct finding *findings, size_t n);

#endif /* VGWCTL_H */
