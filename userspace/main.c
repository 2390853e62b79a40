// SPDX-License-Identifier: GPL-2.0
/* vgwctl - configure and watch redundant IPsec tunnels. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vgwctl.h"

#define NETNS_DIR	"/run/netns/"

#ifndef VGWCTL_VERSION
#define VGWCTL_VERSION	"unknown"
#endif

struct global global;

static const struct command commands[] = {
	{ "show", "[DEV]",
	  "state, tunnels, SAs, counters, last switch and why (the default)", cmd_show, 0, false },
	{ "add", "DEV [CONNECTION-OPTION VALUE]... {tunnel [NAME] KEY [TUNNEL-OPTION VALUE]...}...",
	  "create a connection and its tunnels", cmd_add, 0, false },
	{ "set", "DEV [CONNECTION-OPTION VALUE]... [tunnel N|NAME TUNNEL-OPTION VALUE...]...",
	  "change options, all or none", cmd_set, 0, false },
	{ "del", "DEV", "delete a connection and its tunnels", cmd_del, 0, false },
	{ "switch", "DEV N|NAME", "make a tunnel active by hand", cmd_switch, 0, false },
	{ "drain", "DEV N|NAME", "take a tunnel out of the choice", cmd_drain, 0, false },
	{ "undrain", "DEV N|NAME", "put it back", cmd_drain, 0, false },
	{ "monitor", "[DEV]", "events as they happen", cmd_monitor, 0, false },
	{ "check", "[DEV]", "what is wrong and what to do; exits 0 ok, 1 degraded, 2 down, 3 unknown",
	  cmd_check, RC_CHECK_UNKNOWN, false },
	{ "showconf", "DEV", "print the configuration, for syncconf", cmd_showconf, 0, false },
	{ "syncconf", "DEV FILE", "change what differs from FILE (- for standard input)",
	  cmd_syncconf, 0, false },
	{ "import", "aws FILE [-o DIR]",
	  "files from what describe-vpn-connections printed (- for standard input)", cmd_import,
	  0, true },
	{ "up", "NAME|FILE", "bring up what " VGW_DIR "/NAME.conf describes", cmd_up, 0, false },
	{ "down", "[--keep-guards] NAME|FILE",
	  "take it down again; its networks stay unreachable if guards are kept", cmd_down, 0, true },
	{ "metrics", "", "all connections in Prometheus' text format", cmd_metrics, 0, false },
	{ "top", "[-b] [-d TIME] [-n ROUNDS] [DEV]", "rates and states, every 2s; q ends it",
	  cmd_top, 0, true },
	/* For the shell's completion. */
	{ "complete", "devices|tunnels [DEV]", NULL, cmd_complete, 0, false },
};

static const char *const option_help =
	"\n"
	"CONNECTION-OPTION: revert DELAY|never, mtu N|auto, mss N|auto|off\n"
	"KEY:               if_id N | mark N[/MASK]\n"
	"TUNNEL-OPTION:     local ADDR|any, remote ADDR|any, inside ADDR/LEN|none, peer ADDR|none,\n"
	"                   preference N, keepalive INTERVAL|active|always|passive|off, interval TIME,\n"
	"                   misses N\n"
	"Times take ms, s, m, h or d; a bare number is seconds. See vgwctl(8).\n";

static void help(FILE *f)
{
	size_t i;

	fprintf(f, "Usage: vgwctl [-j|--json] [-p|--pretty] [-c|--color[=always|auto|never]]\n"
		   "              [-n|--netns NETNS] COMMAND\n\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			fprintf(f, "  vgwctl %s %s\n        %s\n", commands[i].name,
				commands[i].usage, commands[i].help);
	fputs(option_help, f);
}

/* The exit code of what the kernel had no part in: to those who call check each means something. */
static int rc_wrong(const struct command *cmd, int rc)
{
	return cmd && cmd->rc_usage ? cmd->rc_usage : rc;
}

/**
 * usage_error - say what was typed wrong
 * @cmd: the command
 * @fmt: what
 *
 * Return: the exit code
 */
int usage_error(const struct command *cmd, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "vgwctl: %s: ", cmd->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nUsage: vgwctl %s %s\n", cmd->name, cmd->usage);
	return rc_wrong(cmd, RC_USAGE);
}

/**
 * usage_error_of - say what was typed wrong of a device
 * @cmd: the command
 * @dev: the device
 * @p: what
 *
 * Return: the exit code
 */
int usage_error_of(const struct command *cmd, const char *dev, const struct problem *p)
{
	fprintf(stderr, "vgwctl: %s %s: %s\nUsage: vgwctl %s %s\n", cmd->name, dev, p->text,
		cmd->name, cmd->usage);
	return rc_wrong(cmd, RC_USAGE);
}

/**
 * refused - say what the kernel said
 * @cmd: the command
 * @dev: the connection, NULL for none
 * @err: the kernel's answer
 *
 * Return: the exit code
 */
int refused(const struct command *cmd, const char *dev, const struct nl_error *err)
{
	fprintf(stderr, "vgwctl: %s%s%s: %s\n", cmd->name, dev ? " " : "", dev ? dev : "",
		err->text);
	return RC_REFUSED;
}

/**
 * color - the sequence that begins a colour
 * @c: which
 */
const char *color(enum color c)
{
	static const char *const seq[] = {
		[COLOR_NONE] = "\033[0m",
		[COLOR_BOLD] = "\033[1m",
		[COLOR_GOOD] = "\033[32m",
		[COLOR_WARN] = "\033[33m",
		[COLOR_BAD] = "\033[31m",
		[COLOR_DIM] = "\033[2m",
	};

	return global.color ? seq[c] : "";
}

/**
 * color_state - the colour of a tunnel's state
 * @state: enum vgw_state
 */
enum color color_state(uint32_t state)
{
	switch (state) {
	case VGW_STATE_UP:
		return COLOR_GOOD;
	case VGW_STATE_PROBING:
	case VGW_STATE_SUSPECT:
		return COLOR_WARN;
	case VGW_STATE_DISABLED:
		return COLOR_DIM;
	default:
		return COLOR_BAD;
	}
}

static bool color_auto(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no && *no)
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb");
}

static int parse_color(const char *mode)
{
	/* -c alone and -c=MODE, as iproute2 takes them. */
	if (mode && *mode == '=')
		mode++;
	if (!mode || !strcmp(mode, "always"))
		global.color = true;
	else if (!strcmp(mode, "never"))
		global.color = false;
	else if (!strcmp(mode, "auto"))
		global.color = color_auto();
	else {
		fprintf(stderr, "vgwctl: --color=%s: not always, auto or never\n", mode);
		return -1;
	}
	return 0;
}

static int enter_netns(const char *name)
{
	char path[4096];
	int fd;

	if (strchr(name, '/'))
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), NETNS_DIR "%s", name);

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "vgwctl: netns %s: %s: %s\n", name, path, strerror(errno));
		return -1;
	}
	if (setns(fd, CLONE_NEWNET)) {
		fprintf(stderr, "vgwctl: netns %s: %s\n", name,
			errno == EINVAL ? "that is no network namespace" : strerror(errno));
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; name && i < ARRAY_SIZE(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

static void no_command(const char *name)
{
	const char *words[ARRAY_SIZE(commands)], *hint;
	size_t i, n = 0;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].help)
			words[n++] = commands[i].name;
	fprintf(stderr, "vgwctl: %s: no such command", name);
	hint = nearest(name, words, n);
	if (hint)
		fprintf(stderr, "; did you mean %s?\n", hint);
	else
		fprintf(stderr, "; vgwctl --help lists them\n");
}

/* What was printed has to have arrived before success is claimed. */
static int finish(const struct command *cmd, int rc)
{
	if (fflush(stdout) || ferror(stdout)) {
		if (errno != EPIPE) {
			fprintf(stderr, "vgwctl: writing the output: %s\n", strerror(errno));
			return rc_wrong(cmd, rc ? rc : RC_REFUSED);
		}
	}
	return rc;
}

static const struct option longopts[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "pretty", no_argument, NULL, 'p' },
	{ "color", optional_argument, NULL, 'c' },
	{ "netns", required_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{}
};

static bool is_global(const char *word)
{
	size_t len = strcspn(word, "="), i;

	if (word[0] != '-' || !word[1])
		return false;
	if (word[1] != '-')
		return strchr("jpcnV", word[1]) && (!word[2] || word[1] == 'c' || word[1] == 'n');
	for (i = 0; longopts[i].name; i++)
		if (strlen(longopts[i].name) == len - 2 &&
		    !strncmp(word + 2, longopts[i].name, len - 2))
			return true;
	return false;
}

/* 0 go on, 1 done, -1 wrong; optind is then the command's all the same */
static int parse_global(int argc, char **argv, const char **netns)
{
	bool wrong = false;
	int c;

	global.color = color_auto();
	while ((c = getopt_long(argc, argv, "+jpc::n:hV", longopts, NULL)) != -1) {
		switch (c) {
		case 'j':
			global.json = true;
			break;
		case 'p':
			global.pretty = true;
			break;
		case 'c':
			wrong |= parse_color(optarg);
			break;
		case 'n':
			*netns = optarg;
			break;
		case 'h':
			help(stdout);
			return 1;
		case 'V':
			printf("vgwctl %s\n", VGWCTL_VERSION);
			return 1;
		default:
			fprintf(stderr, "vgwctl --help shows what there is\n");
			wrong = true;
		}
	}
	return wrong ? -1 : 0;
}

/* Options of ours that stand too late, and what is none; 0 to go on. */
static int check_words(const struct command *cmd, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
			printf("Usage: vgwctl %s %s\n%s\n", cmd->name, cmd->usage,
			       cmd->help ? cmd->help : "");
			return 1;
		}
	}
	if (cmd->options)
		return 0;
	for (i = 1; i < argc; i++) {
		if (is_global(argv[i])) {
			usage_error(cmd, "%s: options go before the command: vgwctl %s %s", argv[i],
				    argv[i], cmd->name);
			return -1;
		}
	}
	if (argc > 1 && argv[1][0] == '-' && argv[1][1]) {
		usage_error(cmd, "%s: no such option; vgwctl --help lists those there are", argv[1]);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	char word[] = "show", *show[] = { word, NULL };
	const struct command *cmd;
	const char *netns = NULL;
	int ret;

	/* A reader that goes away is noticed where output is written. */
	signal(SIGPIPE, SIG_IGN);

	ret = parse_global(argc, argv, &netns);
	if (ret < 0)
		return rc_wrong(find_command(argv[optind]), RC_USAGE);
	if (ret)
		return finish(NULL, RC_OK);

	argc -= optind;
	argv += optind;
	if (!argc) {
		argc = 1;
		argv = show;
	}
	if (!strcmp(argv[0], "help")) {
		help(stdout);
		return finish(NULL, RC_OK);
	}
	cmd = find_command(argv[0]);
	if (!cmd) {
		no_command(argv[0]);
		return RC_USAGE;
	}
	ret = check_words(cmd, argc, argv);
	if (ret)
		return ret < 0 ? rc_wrong(cmd, RC_USAGE) : finish(cmd, RC_OK);
	if (netns && enter_netns(netns))
		return rc_wrong(cmd, RC_REFUSED);

	return finish(cmd, cmd->run(cmd, argc, argv));
}
