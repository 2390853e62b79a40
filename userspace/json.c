// SPDX-License-Identifier: GPL-2.0
/*
 * What a program reads. Keys are the attributes of the netlink specification
 * with _ for -, in its units; tunnels are named where it has indexes; enums are
 * its words. Keys are always there, null where the kernel says nothing.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "names.h"
#include "vgwctl.h"

/* Names of devices are bytes; jansson makes nothing of what is no UTF-8, and the key would go. */
static json_t *json_text(const char *s)
{
	size_t size = 4 * strlen(s) + 1;
	char *text = malloc(size);
	json_t *json = text ? json_string(format_text(text, size, s)) : NULL;

	free(text);
	return json;
}

static json_t *json_addr(const struct ip_addr *addr)
{
	char buf[ADDR_LEN];

	if (!addr->len)
		return json_null();
	return json_string(format_addr(buf, sizeof(buf), addr));
}

static json_t *json_int_if(bool have, uint64_t value)
{
	return have ? json_integer((json_int_t)value) : json_null();
}

static json_t *json_word(const struct names *names, bool have, uint32_t value)
{
	return have ? json_string(name_of(names, value)) : json_null();
}

static json_t *json_stats(const struct stats *stats)
{
	json_t *obj = json_object();
	char key[40], *c;
	unsigned int i;

	for (i = 1; i < names_stats.n; i++) {
		snprintf(key, sizeof(key), "%s", name_of(&names_stats, i));
		for (c = key; *c; c++)
			if (*c == '-')
				*c = '_';
		json_object_set_new(obj, key, json_integer((json_int_t)stats->v[i]));
	}
	return obj;
}

static json_t *json_sas(const struct tunnel *t)
{
	json_t *array = json_array(), *obj;
	unsigned int i;

	for (i = 0; i < t->n_sas; i++) {
		obj = json_object();
		json_object_set_new(obj, "spi", json_integer(t->sas[i].spi));
		json_object_set_new(obj, "dir", json_word(&names_sa_dir, true, t->sas[i].dir));
		json_object_set_new(obj, "local", json_addr(&t->sas[i].local));
		json_object_set_new(obj, "remote", json_addr(&t->sas[i].remote));
		json_object_set_new(obj, "encap", json_boolean(t->sas[i].encap));
		json_array_append_new(array, obj);
	}
	return array;
}

static void json_tunnel_config(json_t *obj, const struct tunnel_config *c)
{
	bool if_id = c->set & OPT_BIT(OPT_IF_ID), mark = c->set & OPT_BIT(OPT_MARK);

	json_object_set_new(obj, "if_id", json_int_if(if_id, c->if_id));
	json_object_set_new(obj, "mark", json_int_if(mark, c->mark));
	json_object_set_new(obj, "mark_mask", json_int_if(mark, c->mask));
	json_object_set_new(obj, "local", json_addr(&c->local));
	json_object_set_new(obj, "remote", json_addr(&c->remote));
	json_object_set_new(obj, "inside", json_addr(&c->inside));
	json_object_set_new(obj, "inside_len", json_int_if(c->inside.len, c->inside_len));
	json_object_set_new(obj, "peer", json_addr(&c->peer));
	json_object_set_new(obj, "preference", json_integer(c->preference));
	json_object_set_new(obj, "keepalive", json_word(&names_keepalive, true, c->keepalive));
	json_object_set_new(obj, "interval", json_integer(c->interval));
	json_object_set_new(obj, "misses", json_integer(c->misses));
}

static json_t *json_tunnel(const struct connection *conn, const struct tunnel *t)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "ifname", json_text(t->config.ifname));
	json_object_set_new(obj, "ifindex", json_integer(t->ifindex));
	json_object_set_new(obj, "number", json_integer(t->config.index + 1));
	json_object_set_new(obj, "active",
			    json_boolean(conn_has(conn, VGW_A_ACTIVE) &&
					 conn->active == t->config.index));
	json_object_set_new(obj, "usable", json_boolean(tunnel_usable(t)));
	json_object_set_new(obj, "state", json_word(&names_state, true, t->state));
	json_object_set_new(obj, "state_reason",
			    json_word(&names_reason, true, t->state_reason));
	json_object_set_new(obj, "state_age",
			    json_int_if(tunnel_has(t, VGW_A_TUNNEL_STATE_AGE), t->state_age));
	json_object_set_new(obj, "drained", json_boolean(t->drained));
	json_object_set_new(obj, "rtt", json_int_if(tunnel_has(t, VGW_A_TUNNEL_RTT), t->rtt));
	json_object_set_new(obj, "proof_age",
			    json_int_if(tunnel_has(t, VGW_A_TUNNEL_PROOF_AGE), t->proof_age));
	json_object_set_new(obj, "mtu", json_int_if(tunnel_has(t, VGW_A_TUNNEL_MTU), t->mtu));
	json_object_set_new(obj, "policies_in", json_integer(t->policies_in));
	json_object_set_new(obj, "policies_out", json_integer(t->policies_out));
	json_tunnel_config(obj, &t->config);
	json_object_set_new(obj, "sas", json_sas(t));
	json_object_set_new(obj, "stats", json_stats(&t->stats));
	return obj;
}

static json_t *json_tunnel_name(const struct connection *conn, bool have, unsigned int index)
{
	const struct tunnel *t = have && conn ? model_tunnel(conn, index) : NULL;

	return t ? json_text(t->config.ifname) : json_null();
}

static void json_switch(json_t *obj, const struct connection *conn)
{
	bool switched = conn_has(conn, VGW_A_SWITCH_AGE);
	json_t *counts = json_object();
	unsigned int i;

	for (i = 0; i < names_reason.n; i++)
		if (conn->switched[i])
			json_object_set_new(counts, name_of(&names_reason, i),
					    json_integer((json_int_t)conn->switched[i]));
	json_object_set_new(obj, "switches", json_integer((json_int_t)conn->switches));
	json_object_set_new(obj, "switch_count", counts);
	json_object_set_new(obj, "switch_age", json_int_if(switched, conn->switch_age));
	json_object_set_new(obj, "switch_reason",
			    json_word(&names_reason, switched, conn->switch_reason));
	json_object_set_new(obj, "switch_from",
			    json_tunnel_name(conn, conn_has(conn, VGW_A_SWITCH_FROM),
					     conn->switch_from));
	json_object_set_new(obj, "switch_proof_age",
			    json_int_if(conn_has(conn, VGW_A_SWITCH_PROOF_AGE),
					conn->switch_proof_age));
	json_object_set_new(obj, "revert_in",
			    json_int_if(conn_has(conn, VGW_A_REVERT_IN), conn->revert_in));
}

static json_t *json_connection(const struct connection *conn)
{
	bool active = conn_has(conn, VGW_A_ACTIVE), link = conn->link.ifindex;
	json_t *obj = json_object(), *tunnels = json_array();
	unsigned int i;

	json_object_set_new(obj, "ifname", json_text(conn->ifname));
	json_object_set_new(obj, "ifindex", json_integer(conn->ifindex));
	json_object_set_new(obj, "admin_up",
			    link ? json_boolean(conn->link.flags & IFF_UP) : json_null());
	json_object_set_new(obj, "carrier", json_boolean(conn->carrier));
	json_object_set_new(obj, "active", json_tunnel_name(conn, active, conn->active));
	json_object_set_new(obj, "active_number", json_int_if(active, conn->active + 1));
	json_switch(obj, conn);
	json_object_set_new(obj, "revert",
			    json_int_if(conn->revert != VGW_FOREVER, conn->revert));
	json_object_set_new(obj, "mtu", json_integer(conn->mtu));
	json_object_set_new(obj, "link_mtu", json_int_if(link, conn->link.mtu));
	json_object_set_new(obj, "mss", json_integer(conn->mss));
	json_object_set_new(obj, "master",
			    conn->master[0] ? json_text(conn->master) : json_null());
	json_object_set_new(obj, "netnsid", conn_has(conn, VGW_A_NETNSID) ?
					    json_integer(conn->netnsid) : json_null());
	json_object_set_new(obj, "stats", json_stats(&conn->stats));
	for (i = 0; i < conn->n_tunnels; i++)
		json_array_append_new(tunnels, json_tunnel(conn, &conn->tunnel[i]));
	json_object_set_new(obj, "tunnels", tunnels);
	return obj;
}

static int json_print(json_t *json, bool pretty)
{
	int ret = json_dumpf(json, stdout, (pretty ? JSON_INDENT(4) : JSON_COMPACT));

	json_decref(json);
	if (ret) {
		/* A write error shows in ferror(stdout), too; this is for the rest. */
		if (!ferror(stdout))
			fprintf(stderr, "vgwctl: out of memory\n");
		return RC_REFUSED;
	}
	putchar('\n');
	return RC_OK;
}

/**
 * json_connections - print connections
 * @list: the connections
 */
int json_connections(const struct connection *list)
{
	json_t *array = json_array();

	for (; list; list = list->next)
		json_array_append_new(array, json_connection(list));
	return json_print(array, global.pretty);
}

static json_t *json_event_value(const struct event *ev, const struct connection *conn,
				bool have, uint32_t value)
{
	if (!have)
		return json_null();
	switch (ev->event) {
	case VGW_EVENT_STATE:
		return json_string(name_of(&names_state, value));
	case VGW_EVENT_SWITCH:
		return json_tunnel_name(conn, value, value - 1);
	case VGW_EVENT_CARRIER:
		return json_boolean(value);
	default:
		return json_integer(value);
	}
}

/**
 * json_event - print an event on a line
 * @ev: the event
 * @conn: its connection, NULL when not known
 */
int json_event(const struct event *ev, const struct connection *conn)
{
	bool tunnel = event_about_tunnel(ev), change = event_has_change(ev);
	bool lost = ev->event == EVENT_LOST;
	json_t *obj = json_object();
	char clock[40];

	event_clock(ev, clock, sizeof(clock), true);
	json_object_set_new(obj, "time", json_string(clock));
	json_object_set_new(obj, "event", json_string(event_name(ev)));
	json_object_set_new(obj, "ifname", lost ? json_null() : json_text(ev->ifname));
	json_object_set_new(obj, "ifindex", json_int_if(!lost, ev->ifindex));
	json_object_set_new(obj, "event_tunnel", json_tunnel_name(conn, tunnel, ev->tunnel));
	json_object_set_new(obj, "event_number", json_int_if(tunnel, ev->tunnel + 1));
	json_object_set_new(obj, "event_reason",
			    json_word(&names_reason, ev->have & ATTR_BIT(VGW_A_EVENT_REASON),
				      ev->reason));
	json_object_set_new(obj, "event_old",
			    json_event_value(ev, conn, change, ev->before));
	json_object_set_new(obj, "event_new",
			    json_event_value(ev, conn, change, ev->after));
	json_object_set_new(obj, "event_time",
			    json_int_if(ev->have & ATTR_BIT(VGW_A_EVENT_TIME), ev->time));
	json_object_set_new(obj, "switch_proof_age",
			    json_int_if(ev->have & ATTR_BIT(VGW_A_SWITCH_PROOF_AGE),
					ev->proof_age));
	/* One line each, whatever --pretty says. */
	return json_print(obj, false);
}

/**
 * json_findings - print what vgwctl check found
 * @findings: one for each connection
 * @n: of @findings
 */
int json_findings(const struct finding *findings, size_t n)
{
	json_t *array = json_array(), *obj, *causes, *cause;
	unsigned int j;
	size_t i;

	for (i = 0; i < n; i++) {
		obj = json_object();
		causes = json_array();
		json_object_set_new(obj, "ifname",
				    findings[i].ifname ? json_text(findings[i].ifname) :
							 json_null());
		json_object_set_new(obj, "status",
				    json_string(status_word(findings[i].status)));
		json_object_set_new(obj, "text", json_text(findings[i].text));
		for (j = 0; j < findings[i].n_causes; j++) {
			cause = json_object();
			json_object_set_new(cause, "cause",
					    json_string(findings[i].cause[j].name));
			json_object_set_new(cause, "tunnel",
					    findings[i].cause[j].tunnel ?
					    json_text(findings[i].cause[j].tunnel) :
					    json_null());
			json_object_set_new(cause, "text",
					    json_text(findings[i].cause[j].text));
			json_object_set_new(cause, "advice",
					    json_text(findings[i].cause[j].advice));
			json_array_append_new(causes, cause);
		}
		json_object_set_new(obj, "causes", causes);
		json_array_append_new(array, obj);
	}
	return json_print(array, global.pretty);
}

/**
 * struct json_import - what an import did
 * @array: of connections
 * @files: of the last one
 */
struct json_import {
	json_t *array;
	json_t *files;
};

/**
 * json_import_begin - begin to tell what an import did
 */
struct json_import *json_import_begin(void)
{
	static struct json_import out;

	out.array = json_array();
	out.files = NULL;
	return &out;
}

/**
 * json_import_conn - a connection
 * @out: where
 * @id: the provider's name for it
 * @name: ours
 */
void json_import_conn(struct json_import *out, const char *id, const char *name)
{
	json_t *obj = json_object();

	out->files = json_array();
	json_object_set_new(obj, "id", json_string(id));
	json_object_set_new(obj, "name", json_string(name));
	json_object_set_new(obj, "files", out->files);
	json_array_append_new(out->array, obj);
}

/**
 * json_import_file - a file of the last connection
 * @out: where
 * @dir: its directory
 * @name: its name
 * @change: what happened to it
 */
void json_import_file(struct json_import *out, const char *dir, const char *name,
		      const char *change)
{
	json_t *obj = json_object();
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	json_object_set_new(obj, "file", json_text(path));
	json_object_set_new(obj, "change", json_string(change));
	json_array_append_new(out->files, obj);
}

/**
 * json_import_end - print it
 * @out: where
 */
int json_import_end(struct json_import *out)
{
	return json_print(out->array, global.pretty);
}
