// SPDX-License-Identifier: GPL-2.0
/* vgwctl showconf and syncconf: a configuration as a file. */

#include <errno.h>
#include <string.h>

#include "names.h"
#include "vgwctl.h"

static void print_tunnel(const struct tunnel_config *t)
{
	bool active = t->keepalive == VGW_KEEPALIVE_ACTIVE;
	char buf[VALUE_LEN];
	int opt, key;

	printf("\n[" TUNNEL_SECTION "%s]\n", t->ifname);
	key = t->set & OPT_BIT(OPT_MARK) ? OPT_MARK : OPT_IF_ID;
	for (opt = OPT_FIRST_TUNNEL; opt < OPT_MAX; opt++) {
		if ((opt == OPT_IF_ID || opt == OPT_MARK) && opt != key)
			continue;
		if (opt == OPT_INTERVAL && active)
			continue;
		printf("%s = %s\n", option_word(opt),
		       tunnel_config_value(buf, sizeof(buf), t,
					   opt == OPT_KEEPALIVE && active ? OPT_INTERVAL :
									    opt));
	}
}

/**
 * cmd_showconf - vgwctl showconf
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_showconf(const struct command *cmd, int argc, char **argv)
{
	struct conn_config config;
	struct connection *list;
	char ifname[IFNAMSIZ];
	struct nl_error err;
	char buf[VALUE_LEN];
	struct problem p;
	unsigned int i;
	struct nl nl;
	int opt, ret;

	if (argc != 2)
		return usage_error(cmd, argc < 2 ? "the device's name is missing" :
						   "one device at a time");
	if (parse_ifname(argv[1], ifname, &p))
		return usage_error(cmd, "%s", p.text);
	if (nl_open_vgw(&nl, &err))
		return refused(cmd, ifname, &err);
	ret = model_get(&nl, ifname, &list, &err);
	nl_close(&nl);
	if (ret)
		return refused(cmd, ifname, &err);

	model_config(list, &config);
	model_free(list);
	for (i = 0; i < config.n_tunnels; i++) {
		/* What would end a section's name, or begin a comment. */
		if (!strpbrk(config.tunnel[i].ifname, "];#"))
			continue;
		nl_error_set(&err, EINVAL, "%s: a file cannot name this tunnel; rename it",
			     config.tunnel[i].ifname);
		return refused(cmd, ifname, &err);
	}

	printf("# %s\n[connection]\n", config.ifname);
	for (opt = 0; opt < OPT_FIRST_TUNNEL; opt++)
		printf("%s = %s\n", option_word(opt),
		       config_value(buf, sizeof(buf), &config, opt));
	for (i = 0; i < config.n_tunnels; i++)
		print_tunnel(&config.tunnel[i]);
	return RC_OK;
}

/**
 * conf_same_tunnels - whether a file is about the tunnels that are there
 * @have: the connection
 * @want: the file's
 * @file: its name
 * @p: what is wrong
 */
int conf_same_tunnels(const struct conn_config *have, const struct conn_config *want,
		      const char *file, struct problem *p)
{
	unsigned int i, j;

	if (have->n_tunnels != want->n_tunnels)
		return problem(p, "%s has %u tunnels and %s %u; tunnels come and go with their connection only: del, then add",
			       file, want->n_tunnels, have->ifname, have->n_tunnels);
	for (i = 0; i < want->n_tunnels; i++) {
		for (j = 0; j < have->n_tunnels; j++)
			if (!strcmp(want->tunnel[i].ifname, have->tunnel[j].ifname))
				break;
		if (j == have->n_tunnels)
			return problem(p, "%s: %s has no such tunnel; ip link set ... name renames one",
				       want->tunnel[i].label, have->ifname);
	}
	return 0;
}

/**
 * conf_apply - change a connection
 * @nl: a socket of nl_open_vgw()
 * @ifname: the connection
 * @diff: of config_diff()
 * @err: why not
 */
int conf_apply(struct nl *nl, const char *ifname, const struct conn_config *diff,
	       struct nl_error *err)
{
	struct nl_req req;

	/* One request: the kernel takes all of it or nothing. */
	req_init_vgw(&req, nl, VGW_CMD_SET, 0);
	mnl_attr_put_strz(req.hdr, VGW_A_IFNAME, ifname);
	req_put_config(&req, diff, "");
	return nl_talk(nl, &req, NULL, NULL, err);
}

/**
 * cmd_syncconf - vgwctl syncconf
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_syncconf(const struct command *cmd, int argc, char **argv)
{
	static struct conn_config want, have, diff;
	static struct up_config up;
	const char *file = argc > 2 ? argv[2] : "";
	struct connection *list;
	char ifname[IFNAMSIZ];
	struct nl_error err;
	struct problem p;
	struct nl nl;
	FILE *f;
	int ret;

	if (argc != 3)
		return usage_error(cmd, argc < 2 ? "the device's name is missing" :
				   argc < 3 ? "the file is missing" : "one file at a time");
	if (parse_ifname(argv[1], ifname, &p))
		return usage_error(cmd, "%s", p.text);

	f = strcmp(file, "-") ? fopen(file, "re") : stdin;
	if (!f)
		return usage_error(cmd, "%s: %s", file, strerror(errno));
	ret = config_read(f, f == stdin ? "standard input" : file, &want, &up, &p);
	if (f != stdin)
		fclose(f);
	if (ret) {
		fprintf(stderr, "vgwctl: syncconf %s: %s\n", ifname, p.text);
		return RC_USAGE;
	}

	if (nl_open_vgw(&nl, &err))
		return refused(cmd, ifname, &err);
	ret = model_get(&nl, ifname, &list, &err);
	if (ret == -ENODEV)
		nl_error_set(&err, ENODEV, "there is no such connection; vgwctl add creates one");
	if (!ret) {
		model_config(list, &have);
		model_free(list);
		if (conf_same_tunnels(&have, &want, file, &p))
			ret = nl_error_set(&err, EINVAL, "%s", p.text);
	}
	if (!ret && config_diff(&have, &want, &diff))
		ret = conf_apply(&nl, ifname, &diff, &err);
	nl_close(&nl);
	return ret ? refused(cmd, ifname, &err) : RC_OK;
}
