// SPDX-License-Identifier: GPL-2.0
/* What vgwctl up and down both begin with: the file, and whose guards are whose. */

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "up.h"

/* NAME, or a path to NAME.conf. */
static int find_file(struct up *up, const char *arg, struct problem *p)
{
	const char *base = strrchr(arg, '/');
	char name[NAME_MAX + 1];
	size_t len;

	snprintf(name, sizeof(name), "%s", base ? base + 1 : arg);
	len = strlen(name);
	if (base && len > 5 && !strcmp(name + len - 5, ".conf"))
		name[len - 5] = '\0';
	if (parse_ifname(name, up->name, p))
		return -EINVAL;
	if (base) {
		snprintf(up->path, sizeof(up->path), "%s", arg);
		snprintf(up->dir, sizeof(up->dir), "%.*s", (int)(base + 1 - arg), arg);
	} else {
		snprintf(up->path, sizeof(up->path), VGW_DIR "/%s.conf", up->name);
		snprintf(up->dir, sizeof(up->dir), VGW_DIR "/");
	}
	return 0;
}

static int read_file(struct up *up, const char *arg, struct problem *p)
{
	unsigned int i;
	FILE *f;
	int ret;

	ret = find_file(up, arg, p);
	if (ret)
		return ret;
	f = fopen(up->path, "re");
	if (!f)
		return problem(p, "%.200s: %s", up->path, strerror(errno));
	ret = config_read(f, up->path, &up->config, &up->around, p);
	fclose(f);
	if (ret)
		return ret;
	snprintf(up->config.ifname, sizeof(up->config.ifname), "%s", up->name);
	for (i = 0; i < up->around.n_files; i++) {
		ret = snprintf(up->files[i], PATH_MAX, "%s%s",
			       up->around.file[i][0] == '/' ? "" : up->dir, up->around.file[i]);
		if (ret >= PATH_MAX)
			return problem(p, "%.80s: the name is too long", up->around.file[i]);
		placed_add(&up->listed, up->files[i]);
	}
	return 0;
}

/**
 * up_now - note what is being done, for messages
 * @up: what is brought up or down
 * @fmt: the words
 */
void up_now(struct up *up, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(up->at, sizeof(up->at), fmt, ap);
	va_end(ap);
}

/**
 * up_guard - the metric of this connection's guards
 * @up: what is brought up or down
 *
 * Several connections may guard one network: the metric says whose a guard is.
 */
uint32_t up_guard(const struct up *up)
{
	const char *c;
	uint32_t hash = 0;

	for (c = up->name; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	return GUARD_FIRST + hash % (GUARD_LAST - GUARD_FIRST);
}

/**
 * up_remove_guards - remove this connection's guards
 * @up: what is brought up or down
 * @keep: but those of its routes and guards, in its table
 *
 * In any table: the VRF may have been another one.
 *
 * Return: whether there were any.
 */
bool up_remove_guards(struct up *up, bool keep)
{
	const struct set guards = { .n = up->around.n_guards, .prefix = up->around.guard };
	const struct set routes = { .n = up->around.n_routes, .prefix = up->around.route };
	const struct prefix *at;
	uint32_t guard = up_guard(up), table = up->table ? up->table : RT_TABLE_MAIN;
	struct nl_error err;
	bool any = false;
	struct set have;
	unsigned int i;

	if (!route_list(&up->rtnl, 0, guard, TABLE_ANY, &have, &err)) {
		for (i = 0; i < have.n; i++) {
			at = &have.prefix[i];
			if (keep && have.table[i] == table &&
			    (set_has(&guards, at) || set_has(&routes, at)))
				continue;
			any = true;
			route_change(&up->rtnl, false, 0, guard, have.table[i], at, &err);
		}
	}
	set_free(&have);
	return any;
}

/**
 * up_begin - read the file that was named
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 * @rc: the exit code, if it failed
 *
 * Return: for up_end(), NULL with a message printed.
 */
struct up *up_begin(const struct command *cmd, int argc, char **argv, int *rc)
{
	struct nl_error err;
	struct problem p;
	struct up *up;

	*rc = RC_USAGE;
	if (argc != 2) {
		usage_error(cmd, argc < 2 ? "the name is missing" : "one at a time");
		return NULL;
	}
	up = calloc(1, sizeof(*up));
	if (!up)
		return NULL;
	if (read_file(up, argv[1], &p)) {
		fprintf(stderr, "vgwctl: %s %s: %s\n", cmd->name, argv[1], p.text);
		free(up);
		return NULL;
	}
	if (nl_open(&up->rtnl, NETLINK_ROUTE, &err)) {
		*rc = refused(cmd, up->name, &err);
		free(up);
		return NULL;
	}
	return up;
}

/**
 * up_end - forget it
 * @up: what was brought up or down
 */
void up_end(struct up *up)
{
	nl_close(&up->rtnl);
	free(up);
}
