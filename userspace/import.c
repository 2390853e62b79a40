// SPDX-License-Identifier: GPL-2.0
/* vgwctl import - from a provider's description of connections to files. */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fileset.h"
#include "import.h"
#include "vgwctl.h"

#define NUMBERS		1000

static int read_input(const char *file, char **text, size_t *len, struct import *im,
		      struct problem *p)
{
	FILE *f = strcmp(file, "-") ? fopen(file, "re") : stdin;
	struct stat st;

	if (!f)
		return problem(p, "%s", strerror(errno));
	*text = malloc(IMPORT_SIZE + 2);
	if (!*text) {
		if (f != stdin)
			fclose(f);
		return problem(p, "out of memory");
	}
	*len = fread(*text, 1, IMPORT_SIZE + 1, f);
	(*text)[*len] = '\0';
	if (ferror(f))
		problem(p, "%s", strerror(errno));
	else if (*len > IMPORT_SIZE)
		problem(p, "it is larger than %d MiB, which no description of connections is",
			IMPORT_SIZE >> 20);
	else if (!*len)
		problem(p, "it is empty");
	else
		p->text[0] = '\0';
	if (f != stdin && !fstat(fileno(f), &st) && S_ISREG(st.st_mode) && (st.st_mode & 077))
		import_warn(im, "%s holds pre-shared keys, and others than its owner may read it: chmod 600",
			    file);
	if (f != stdin)
		fclose(f);
	return p->text[0] ? -1 : 0;
}

/* Whether the tunnels can be sent from the customer gateway's own address. */
static void find_ours(struct import_conn *conn)
{
	struct ifaddrs *list, *ifa;
	struct ip_addr addr;

	if (getifaddrs(&list))
		return;
	for (ifa = list; ifa; ifa = ifa->ifa_next) {
		memset(&addr, 0, sizeof(addr));
		if (ifa->ifa_addr && ifa->ifa_addr->sa_family == AF_INET) {
			addr.len = 4;
			memcpy(addr.b, &((struct sockaddr_in *)ifa->ifa_addr)->sin_addr, 4);
		} else if (ifa->ifa_addr && ifa->ifa_addr->sa_family == AF_INET6) {
			addr.len = 16;
			memcpy(addr.b, &((struct sockaddr_in6 *)ifa->ifa_addr)->sin6_addr, 16);
		}
		if (addr.len && addr_equal(&addr, &conn->tunnel[0].ours))
			conn->ours_here = true;
	}
	freeifaddrs(list);
}

/* "aws", "aws2", ...: short enough for devices. */
static void number_name(char *name, unsigned int number)
{
	if (number == 1)
		snprintf(name, IFNAMSIZ, "aws");
	else
		snprintf(name, IFNAMSIZ, "aws%u", number);
}

/* Among the comments that a file begins with: a person may have put some before ours. */
static bool marked(const char *text, const char *id)
{
	size_t len = id ? strlen(id) : 0, line;
	const char *mark;

	for (; *text && strchr("#!;\n", *text); text += line + (text[line] == '\n')) {
		line = strcspn(text, "\n");
		mark = memmem(text, line, IMPORT_MARK, strlen(IMPORT_MARK));
		if (!mark)
			continue;
		mark += strlen(IMPORT_MARK);
		if (!id || (!strncmp(mark, id, len) && mark[len] == '\n'))
			return true;
	}
	return false;
}

static bool number_taken(const struct import *im, unsigned int number)
{
	unsigned int i;

	for (i = 0; i < im->n; i++)
		if (im->conn[i].number == number)
			return true;
	return false;
}

/* The name that a connection had before, else the first that is free. */
static int name_connection(struct import *im, struct import_conn *conn, int dirfd,
			   struct problem *p)
{
	unsigned int number, unused = 0;
	char name[IFNAMSIZ], file[32];
	size_t len;
	char *text;
	int ret;

	for (number = 1; number <= NUMBERS; number++) {
		if (number_taken(im, number))
			continue;
		number_name(name, number);
		snprintf(file, sizeof(file), "%s.conf", name);
		ret = fileset_read(dirfd, file, &text, &len);
		if (ret == -ENOENT && !unused)
			unused = number;
		if (ret)
			continue;
		if (marked(text, conn->id)) {
			free(text);
			unused = number;
			break;
		}
		free(text);
	}
	if (!unused)
		return problem(p, "no name is free from aws to aws%d", NUMBERS);
	conn->number = unused;
	number_name(conn->name, unused);
	return 0;
}

/* First those that have a name: a new one shall not take it. */
static int name_all(struct import *im, int dirfd, struct problem *p)
{
	unsigned int i, pass;
	char file[32], *text;
	size_t len;

	for (pass = 0; pass < 2; pass++) {
		for (i = 0; i < im->n; i++) {
			if (im->conn[i].number)
				continue;
			if (name_connection(im, &im->conn[i], dirfd, p))
				return -1;
			if (pass)
				continue;
			snprintf(file, sizeof(file), "%s.conf", im->conn[i].name);
			if (fileset_read(dirfd, file, &text, &len))
				im->conn[i].number = 0;
			else
				free(text);
		}
	}
	return 0;
}

static const struct {
	const char *suffix;
	void (*write)(FILE *f, const struct import_conn *conn);
	mode_t mode;
} kinds[] = {
	{ "conf", import_write_conf, 0644 },
	{ "swanctl.conf", import_write_swanctl, 0644 },
	{ "secrets.conf", import_write_secrets, 0600 },
	{ "frr.conf", import_write_frr, 0644 },
};

static int add_files(struct fileset *set, const struct import_conn *conn, struct problem *p)
{
	const struct fileset_entry *e;
	char name[64], *text;
	size_t i, len;
	FILE *f;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		f = open_memstream(&text, &len);
		if (!f)
			return problem(p, "out of memory");
		kinds[i].write(f, conn);
		if (fclose(f))
			return problem(p, "out of memory");
		snprintf(name, sizeof(name), "%s.%s", conn->name, kinds[i].suffix);
		if (fileset_add(set, name, text, len, kinds[i].mode, kinds[i].mode == 0600, p))
			return -1;
		e = &set->entry[set->n - 1];
		if (e->old && e->change != FILE_SAME && !marked(e->old, NULL))
			return problem(p, "%s/%s was not written by import, and is not overwritten; move it away",
				       set->dir, name);
	}
	return 0;
}

static bool has_line(const char *text, const char *line, size_t len)
{
	while (text && *text) {
		if (!strncmp(text, line, len) && (text[len] == '\n' || !text[len]))
			return true;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return false;
}

/* What a person put into a file of ours: import writes keys into a file that is never shown. */
static bool may_be_secret(const char *line, size_t len)
{
	static const char *const words[] = { "secret", "password", "pin" };
	const char *at, *end = line + len;
	size_t i, n;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		n = strlen(words[i]);
		for (at = line; (at = memmem(at, end - at, words[i], n)); at += n)
			if ((at == line || !isalpha((unsigned char)at[-1])) &&
			    (at + n == end || !isalpha((unsigned char)at[n])))
				return true;
	}
	return false;
}

static void print_missing(const char *from, const char *in, char sign)
{
	size_t len;

	for (; *from; from += len + (from[len] == '\n')) {
		len = strcspn(from, "\n");
		if (has_line(in, from, len))
			continue;
		if (may_be_secret(from, len))
			printf("  %c (a line that may hold a secret)\n", sign);
		else
			printf("  %c %.*s\n", sign, (int)len, from);
	}
}

static const char *change_word(enum file_change change)
{
	static const char *const words[] = { "unchanged", "new", "changed", "removed" };

	return words[change];
}

static void print_files(const struct fileset *set)
{
	const struct fileset_entry *e;
	unsigned int i;

	for (i = 0; i < set->n; i++) {
		e = &set->entry[i];
		if (!e->len && e->change == FILE_SAME)
			continue;
		printf("%s/%s: %s\n", set->dir, e->name, change_word(e->change));
		if (e->change != FILE_CHANGED || e->secret)
			continue;
		print_missing(e->old, e->text, '-');
		print_missing(e->text, e->old, '+');
	}
}

static int print_json(const struct import *im, const struct fileset *set)
{
	struct json_import *out = json_import_begin();
	const struct fileset_entry *e;
	unsigned int i, k;

	for (i = 0; i < im->n; i++) {
		json_import_conn(out, im->conn[i].id, im->conn[i].name);
		for (k = 0; k < ARRAY_SIZE(kinds); k++) {
			e = &set->entry[i * ARRAY_SIZE(kinds) + k];
			if (e->len || e->change != FILE_SAME)
				json_import_file(out, set->dir, e->name, change_word(e->change));
		}
	}
	return json_import_end(out);
}

static void print_next(const struct import *im, const char *dir)
{
	const struct import_conn *conn;
	unsigned int i, j;

	for (i = 0; i < im->n; i++) {
		conn = &im->conn[i];
		for (j = 0; j < conn->n_tunnels && !conn->tunnel[j].cert; j++)
			;
		if (j < conn->n_tunnels)
			printf("%s needs its certificate: x509/%s.pem, private/%s.pem and x509ca/%s-ca.pem in swanctl's directory\n",
			       conn->id, conn->name, conn->name, conn->name);
		if (!strcmp(dir, VGW_DIR))
			printf("%s is %s; next: vgwctl up %s", conn->id, conn->name, conn->name);
		else
			printf("%s is %s; next: vgwctl up %s/%s.conf", conn->id, conn->name, dir,
			       conn->name);
		if (conn->is_static)
			putchar('\n');
		else
			printf(", then vtysh -f %s/%s.frr.conf\n", dir, conn->name);
	}
}

static int write_files(struct import *im, const char *dir, struct problem *p)
{
	struct fileset set;
	unsigned int i;
	int ret;

	if (fileset_open(&set, dir, p))
		return -1;
	ret = name_all(im, set.fd, p);
	for (i = 0; i < im->n && !ret; i++) {
		find_ours(&im->conn[i]);
		ret = add_files(&set, &im->conn[i], p);
	}
	if (!ret)
		ret = fileset_commit(&set, p);
	if (!ret && global.json) {
		ret = print_json(im, &set);
	} else if (!ret) {
		print_files(&set);
		print_next(im, dir);
	}
	fileset_close(&set);
	return ret;
}

static int import_file(const struct command *cmd, const char *file, const char *dir)
{
	const char *name = strcmp(file, "-") ? file : "standard input";
	struct import im = {};
	char *text = NULL;
	size_t len = 0;
	struct problem p;
	unsigned int i;
	int rc = RC_OK;

	if (read_input(file, &text, &len, &im, &p) || import_parse(text, len, &im, &p)) {
		fprintf(stderr, "vgwctl: %s aws: %s: %s\n", cmd->name, name, p.text);
		rc = RC_USAGE;
	}
	if (text)
		explicit_bzero(text, len);
	free(text);
	for (i = 0; i < im.n_warnings; i++)
		fprintf(stderr, "vgwctl: note: %s\n", im.warning[i]);
	if (!rc && write_files(&im, dir, &p)) {
		fprintf(stderr, "vgwctl: %s aws: %s\n", cmd->name, p.text);
		rc = RC_REFUSED;
	}
	import_free(&im);
	return rc;
}

/**
 * cmd_import - vgwctl import
 * @cmd: the command
 * @argc: of @argv
 * @argv: what was typed
 */
int cmd_import(const struct command *cmd, int argc, char **argv)
{
	const char *dir = VGW_DIR, *file = NULL;
	int i;

	if (argc < 2 || strcmp(argv[1], "aws"))
		return usage_error(cmd, argc < 2 ? "say from whom: aws" :
						   "only aws is known");
	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-o")) {
			if (++i == argc || !argv[i][0])
				return usage_error(cmd, "-o: the directory is missing");
			dir = argv[i];
		} else if (argv[i][0] == '-' && argv[i][1]) {
			return usage_error(cmd, "%s: there is -o DIR; others go before the command",
					   argv[i]);
		} else if (file) {
			return usage_error(cmd, "%s: one file at a time", argv[i]);
		} else {
			file = argv[i];
		}
	}
	if (!file)
		return usage_error(cmd, "the file is missing");
	return import_file(cmd, file, dir);
}
