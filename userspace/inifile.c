// SPDX-License-Identifier: GPL-2.0
/* A configuration from a file: keys are the options, sections the devices. */

#include <stdio.h>
#include <string.h>

#include "config.h"

#ifdef HAVE_INIH

#include <ini.h>

static struct tunnel_config *section_tunnel(struct conn_config *conn, const char *ifname,
					    struct problem *p)
{
	struct tunnel_config *t;
	unsigned int i;

	for (i = 0; i < conn->n_tunnels; i++)
		if (!strcmp(conn->tunnel[i].ifname, ifname))
			return &conn->tunnel[i];
	t = config_add_tunnel(conn, p);
	if (!t)
		return NULL;
	if (parse_ifname(ifname, t->ifname, p))
		return NULL;
	snprintf(t->label, sizeof(t->label), "tunnel %s", t->ifname);
	return t;
}

struct parse {
	struct conn_config *conn;
	struct problem *p;
	bool failed;
};

static int ini_option(void *data, const char *section, const char *name, const char *value)
{
	size_t len = strlen(TUNNEL_SECTION);
	struct tunnel_config *t = NULL;
	struct parse *parse = data;

	/* inih goes on after an error; the first is the one to report. */
	if (parse->failed)
		return 0;
	parse->failed = true;

	if (!strncmp(section, TUNNEL_SECTION, len)) {
		while (section[len] == ' ')
			len++;
		t = section_tunnel(parse->conn, section + len, parse->p);
		if (!t)
			return 0;
	} else if (strcmp(section, "connection")) {
		problem(parse->p, "[%s]: there are [connection] and [tunnel NAME]", section);
		return 0;
	}
	if (config_option(parse->conn, t, name, value, parse->p))
		return 0;
	parse->failed = false;
	return 1;
}

/**
 * config_read - read a configuration
 * @f: the file
 * @file: its name
 * @conn: the result, complete; the tunnels have names
 * @p: what is wrong
 */
int config_read(FILE *f, const char *file, struct conn_config *conn, struct problem *p)
{
	struct parse parse = { .conn = conn, .p = p };
	struct problem inner;
	unsigned int i;
	int line;

	line = ini_parse_file(f, ini_option, &parse);
	if (line > 0) {
		inner = *p;
		if (!parse.failed)
			snprintf(inner.text, sizeof(inner.text), "neither [section] nor key = value");
		return problem(p, "%.80s:%d: %.200s", file, line, inner.text);
	}
	if (line < 0 || ferror(f))
		return problem(p, "%s: cannot be read", file);
	if (!conn->n_tunnels)
		return problem(p, "%s: has no [tunnel NAME]", file);
	for (i = 0; i < conn->n_tunnels; i++) {
		if (config_tunnel_key(&conn->tunnel[i], &inner))
			return problem(p, "%.80s: %.200s", file, inner.text);
	}
	config_defaults(conn);
	return 0;
}

#else /* !HAVE_INIH */

int config_read(FILE *f, const char *file, struct conn_config *conn, struct problem *p)
{
	(void)f;
	(void)conn;
	return problem(p, "%.80s: this vgwctl was built without libinih and reads no files",
		       file);
}

#endif
