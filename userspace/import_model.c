// SPDX-License-Identifier: GPL-2.0
/* What a provider's file can say, taken value by value. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import.h"

/**
 * import_add_conn - begin a connection
 * @im: where
 * @p: what is wrong
 *
 * Return: the connection, until the next one is added; NULL with @p.
 */
struct import_conn *import_add_conn(struct import *im, struct problem *p)
{
	struct import_conn *conn;
	int i;

	if (im->n == IMPORT_CONNS) {
		problem(p, "there are more than %d connections", IMPORT_CONNS);
		return NULL;
	}
	conn = reallocarray(im->conn, im->n + 1, sizeof(*conn));
	if (!conn) {
		problem(p, "out of memory");
		return NULL;
	}
	im->conn = conn;
	conn += im->n++;
	memset(conn, 0, sizeof(*conn));
	/* 0 is a value of it, too. */
	for (i = 0; i < IMPORT_TUNNELS; i++)
		conn->tunnel[i].fuzz = IMPORT_FUZZ;
	return conn;
}

/**
 * import_add_route - add a static route
 * @conn: the connection
 * @route: where to
 * @p: what is wrong
 */
int import_add_route(struct import_conn *conn, const struct prefix *route, struct problem *p)
{
	struct prefix *routes;

	if (conn->n_routes == IMPORT_ROUTES)
		return problem(p, "there are more than %d routes", IMPORT_ROUTES);
	routes = reallocarray(conn->route, conn->n_routes + 1, sizeof(*routes));
	if (!routes)
		return problem(p, "out of memory");
	conn->route = routes;
	routes[conn->n_routes++] = *route;
	return 0;
}

/**
 * import_set_id - name a connection
 * @conn: the connection
 * @id: the provider's name for it; it gets into comments of files
 * @p: what is wrong
 */
int import_set_id(struct import_conn *conn, const char *id, struct problem *p)
{
	size_t len = strlen(id);

	if (len < 5 || len >= ID_LEN || strncmp(id, "vpn-", 4) ||
	    strspn(id + 4, "0123456789abcdef") != len - 4)
		return problem(p, "the connection's id is none such as vpn-0123456789abcdef0");
	memcpy(conn->id, id, len + 1);
	return 0;
}

/**
 * import_set_psk - take a pre-shared key
 * @t: the tunnel
 * @psk: the key
 * @p: what is wrong, without the key
 *
 * The provider's own rule, which leaves nothing that a file would take for
 * anything but a part of the key.
 */
int import_set_psk(struct import_tunnel *t, const char *psk, struct problem *p)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789._";
	size_t len = strlen(psk);

	if (len < PSK_MIN || len > PSK_MAX || psk[0] == '0' || strspn(psk, allowed) != len)
		return problem(p, "the pre-shared key is none: it must have 8 to 64 letters, digits, '.' and '_', and not begin with 0 (this one has %zu characters)",
			       len);
	memcpy(t->psk, psk, len + 1);
	return 0;
}

/* What is repeated in a message: short, and nothing that a terminal would obey. */
static const char *quoted(char *buf, size_t size, const char *s)
{
	size_t i;

	for (i = 0; s[i] && i + 1 < size; i++)
		buf[i] = s[i] < ' ' || s[i] > '~' ? '?' : s[i];
	buf[i] = '\0';
	return buf;
}

/**
 * import_parse_net - a network in CIDR notation
 * @s: the text
 * @net: the result, without host bits
 * @p: what is wrong
 */
int import_parse_net(const char *s, struct prefix *net, struct problem *p)
{
	char text[48];

	if (parse_prefix(s, &net->addr, &net->len))
		return problem(p, "'%s' is no network such as 10.20.0.0/16",
			       quoted(text, sizeof(text), s));
	prefix_mask(net);
	return 0;
}

/**
 * import_parse_number - a number within bounds
 * @s: the text, in decimal
 * @min: the least
 * @max: the most
 * @number: the result
 * @p: what is wrong
 */
int import_parse_number(const char *s, uint32_t min, uint32_t max, uint32_t *number,
			struct problem *p)
{
	char text[48];

	if (!strncmp(s, "0x", 2) || parse_u32(s, number) || *number < min || *number > max)
		return problem(p, "'%s' is no number from %u to %u",
			       quoted(text, sizeof(text), s), min, max);
	return 0;
}

/**
 * import_warn - note what a person should know
 * @im: where; the same sentence is noted once
 * @fmt: a sentence
 */
void import_warn(struct import *im, const char *fmt, ...)
{
	char *text, *c;
	unsigned int i;
	va_list ap;
	int ret;

	if (im->n_warnings == IMPORT_WARNINGS)
		return;
	va_start(ap, fmt);
	ret = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (ret < 0)
		return;
	for (c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	for (i = 0; i < im->n_warnings; i++) {
		if (!strcmp(im->warning[i], text)) {
			free(text);
			return;
		}
	}
	im->warning[im->n_warnings++] = text;
}

/**
 * import_free - forget everything, keys first
 * @im: what to forget
 */
void import_free(struct import *im)
{
	unsigned int i;

	for (i = 0; i < im->n; i++)
		free(im->conn[i].route);
	if (im->conn)
		explicit_bzero(im->conn, im->n * sizeof(*im->conn));
	free(im->conn);
	for (i = 0; i < im->n_warnings; i++)
		free(im->warning[i]);
	memset(im, 0, sizeof(*im));
}
