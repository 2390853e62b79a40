// SPDX-License-Identifier: GPL-2.0
/* A configuration from a file: keys are the options, sections the devices. */

#include <ctype.h>
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

static int up_prefix(struct prefix *prefix, unsigned int *n, unsigned int max,
		     const char *name, const char *value, struct problem *p)
{
	unsigned int i;

	if (*n == max)
		return problem(p, "%s: there are more than %u", name, max);
	if (parse_prefix(value, &prefix[*n].addr, &prefix[*n].len))
		return problem(p, "%s: %.80s is no such value; it must be ADDR/LEN", name, value);
	if (strcmp(name, "address") && prefix_mask(&prefix[*n]))
		return problem(p, "%s: %.80s has bits behind its prefix length", name, value);
	for (i = 0; i < *n; i++)
		if (prefix_equal(&prefix[i], &prefix[*n]))
			return problem(p, "%s %s: given twice", name, value);
	(*n)++;
	return 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* It gets a second name where swanctl includes *.conf. */
static int up_file(struct up_config *up, const char *value, struct problem *p)
{
	const char *base = base_name(value);
	unsigned int i;
	size_t len;

	if (up->n_files == UP_FILES)
		return problem(p, "swanctl: there are more than %d", UP_FILES);
	len = strlen(base);
	if (len < 6 || *base == '.' || strcmp(base + len - 5, ".conf") ||
	    strlen(value) >= UP_FILE_LEN)
		return problem(p, "swanctl: %.80s: not the name of a file such as NAME.conf",
			       value);
	for (i = 0; i < up->n_files; i++)
		if (!strcmp(base, base_name(up->file[i])))
			return problem(p, "swanctl %.80s: a file of this name is given twice",
				       value);
	snprintf(up->file[up->n_files++], UP_FILE_LEN, "%s", value);
	return 0;
}

static int up_option(struct up_config *up, const char *name, const char *value,
		     struct problem *p)
{
	if (!strcmp(name, "route"))
		return up_prefix(up->route, &up->n_routes, UP_ROUTES, name, value, p);
	if (!strcmp(name, "guard"))
		return up_prefix(up->guard, &up->n_guards, UP_GUARDS, name, value, p);
	if (!strcmp(name, "address"))
		return up_prefix(up->addr, &up->n_addrs, UP_ADDRS, name, value, p);
	if (!strcmp(name, "swanctl"))
		return up_file(up, value, p);
	if (strcmp(name, "vrf"))
		return problem(p, "%s: no such option; there are address, guard, route, swanctl, vrf",
			       name);
	if (up->vrf[0])
		return problem(p, "vrf %s: given twice", value);
	return parse_ifname(value, up->vrf, p);
}

/**
 * struct parse - where the reader is
 * @f: the file
 * @conn: the devices
 * @up: what is around them
 * @p: what is wrong
 * @failed: the first fault is the one to report
 * @line: that is read
 * @too_long: it does not fit, and was the last
 */
struct parse {
	FILE *f;
	struct conn_config *conn;
	struct up_config *up;
	struct problem *p;
	bool failed;
	unsigned int line;
	bool too_long;
};

/*
 * For inih, which reads on in the next piece of a line that does not fit as if
 * it were another line, and takes an indented one for more of the last value.
 */
static char *read_line(char *buf, int size, void *data)
{
	struct parse *parse = data;
	bool comment = false;
	int c, n = 0;

	if (parse->too_long)
		return NULL;
	parse->line++;
	while ((c = getc(parse->f)) != EOF && c != '\n') {
		if (!n && isspace(c))
			continue;
		comment |= (c == '#' && !n) ||
			   (c == ';' && (!n || isspace((unsigned char)buf[n - 1])));
		if (comment)
			continue;
		if (n + 1 == size) {
			parse->too_long = true;
			return NULL;
		}
		buf[n++] = c;
	}
	buf[n] = '\0';
	return c == EOF && !n ? NULL : buf;
}

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
	} else if (!strcmp(section, UP_SECTION)) {
		parse->failed = up_option(parse->up, name, value, parse->p);
		return !parse->failed;
	} else if (strcmp(section, "connection")) {
		problem(parse->p, "[%s]: there are [connection], [tunnel NAME] and [" UP_SECTION "]",
			section);
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
 * @up: likewise, what is around the devices
 * @p: what is wrong
 */
int config_read(FILE *f, const char *file, struct conn_config *conn, struct up_config *up,
		struct problem *p)
{
	struct parse parse = { .f = f, .conn = conn, .up = up, .p = p };
	struct problem inner;
	unsigned int i;
	int line;

	line = ini_parse_stream(read_line, &parse, ini_option, &parse);
	if (line > 0) {
		inner = *p;
		if (!parse.failed)
			snprintf(inner.text, sizeof(inner.text), "neither [section] nor key = value");
		return problem(p, "%.80s:%d: %.200s", file, line, inner.text);
	}
	if (parse.too_long)
		return problem(p, "%.80s: line %u is too long; make it shorter", file, parse.line);
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

int config_read(FILE *f, const char *file, struct conn_config *conn, struct up_config *up,
		struct problem *p)
{
	(void)f;
	(void)conn;
	(void)up;
	return problem(p, "%.80s: this vgwctl was built without libinih and reads no files",
		       file);
}

#endif
