// SPDX-License-Identifier: GPL-2.0
/*
 * strongSwan's files and its swanctl(8). A file that vgwctl up uses gets a
 * second name below swanctl's conf.d: keys stay in one file, and a daemon that
 * is started anew finds them.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "swanctl.h"

/* Hidden from swanctl: what a second name was for until now. */
#define BEFORE	".before-"
/* Hidden, too, and there as long as what it names: what a connection has placed. */
#define PLACED	".placed-"
#define PLACING	".placing-"

#define INSTALL	"(Debian: apt-get install strongswan-swanctl charon-systemd)"
/* Behind what strerror() says. */
#define NO_CONF_D	"; is strongSwan's swanctl missing? " INSTALL

/* As swanctl(8) itself finds it. */
static const char *swanctl_dir(void)
{
	const char *dir = getenv("SWANCTL_DIR");

	return dir && *dir ? dir : "/etc/swanctl";
}

static int second_name(char *buf, size_t size, const char *file, const char *prefix,
		       struct nl_error *err)
{
	const char *base = strrchr(file, '/');
	int len;

	len = snprintf(buf, size, "%s/conf.d/%svgw-%s", swanctl_dir(), prefix,
		       base ? base + 1 : file);
	if (len < 0 || (size_t)len >= size)
		return nl_error_set(err, ENAMETOOLONG, "%.200s: the name is too long", file);
	return 0;
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return !stat(a, &sa) && !stat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/**
 * swanctl_place - let swanctl find a file
 * @file: the file
 * @placed: whether it did not before; then swanctl_restore() or swanctl_settle() follows
 * @err: why not
 */
int swanctl_place(const char *file, bool *placed, struct nl_error *err)
{
	char path[PATH_MAX], temp[PATH_MAX], before[PATH_MAX], *full;
	int ret = 0;

	*placed = false;
	if (second_name(path, sizeof(path), file, "", err) ||
	    second_name(temp, sizeof(temp), file, ".", err) ||
	    second_name(before, sizeof(before), file, BEFORE, err))
		return -err->code;
	if (access(file, R_OK))
		return nl_error_set(err, errno, "%.200s: %s", file, strerror(errno));
	if (same_file(file, path))
		return 0;
	/* A hard link, for AppArmor lets swanctl read its own directory only; never of a link. */
	unlink(temp);
	if (linkat(AT_FDCWD, file, AT_FDCWD, temp, AT_SYMLINK_FOLLOW)) {
		full = errno == EXDEV ? realpath(file, NULL) : NULL;
		if (!full || symlink(full, temp))
			ret = errno;
		free(full);
	}
	unlink(before);
	if (!ret && link(path, before) && errno != ENOENT)
		ret = errno;
	if (!ret && rename(temp, path))
		ret = errno;
	if (ret) {
		unlink(temp);
		unlink(before);
		return nl_error_set(err, ret, "%.200s: %s%s", path, strerror(ret),
				    ret == ENOENT ? NO_CONF_D : "");
	}
	*placed = true;
	return 0;
}

/**
 * swanctl_hide - let swanctl no longer find a file, for now
 * @file: the file
 * @hidden: whether it did before; then swanctl_restore() or swanctl_settle() follows
 * @err: why not
 */
int swanctl_hide(const char *file, bool *hidden, struct nl_error *err)
{
	char path[PATH_MAX], before[PATH_MAX];

	*hidden = false;
	if (second_name(path, sizeof(path), file, "", err) ||
	    second_name(before, sizeof(before), file, BEFORE, err))
		return -err->code;
	if (!rename(path, before))
		*hidden = true;
	else if (errno != ENOENT)
		return nl_error_set(err, errno, "%.200s: %s", path, strerror(errno));
	return 0;
}

/**
 * swanctl_restore - undo a swanctl_place() that placed, a swanctl_hide() that hid
 * @file: the file
 * @err: why not
 */
int swanctl_restore(const char *file, struct nl_error *err)
{
	char path[PATH_MAX], before[PATH_MAX];

	if (second_name(path, sizeof(path), file, "", err) ||
	    second_name(before, sizeof(before), file, BEFORE, err))
		return -err->code;
	if (rename(before, path) && (errno != ENOENT || unlink(path)))
		return nl_error_set(err, errno, "%.200s: %s", path, strerror(errno));
	return 0;
}

/**
 * swanctl_settle - there will be no swanctl_restore()
 * @file: the file
 */
void swanctl_settle(const char *file)
{
	char before[PATH_MAX];
	struct nl_error err;

	if (!second_name(before, sizeof(before), file, BEFORE, &err))
		unlink(before);
}

/**
 * swanctl_remove - let swanctl no longer find a file
 * @file: the file
 * @removed: whether it did before
 * @err: why not
 */
int swanctl_remove(const char *file, bool *removed, struct nl_error *err)
{
	char path[PATH_MAX];

	*removed = false;
	if (second_name(path, sizeof(path), file, "", err))
		return -err->code;
	if (!unlink(path))
		*removed = true;
	else if (errno != ENOENT)
		return nl_error_set(err, errno, "%.200s: %s", path, strerror(errno));
	return 0;
}

static int placed_name(char *buf, size_t size, const char *prefix, const char *conn,
		       struct nl_error *err)
{
	int len = snprintf(buf, size, "%s/conf.d/%s%s", swanctl_dir(), prefix, conn);

	if (len < 0 || (size_t)len >= size)
		return nl_error_set(err, ENAMETOOLONG, "%.200s: the name is too long", conn);
	return 0;
}

/**
 * swanctl_placed - what a connection has placed
 * @conn: its name
 * @placed: the result: names without a directory
 *
 * No more is returned than fits: the rest is what up never placed.
 */
void swanctl_placed(const char *conn, struct placed *placed)
{
	char path[PATH_MAX], line[NAME_MAX + 2];
	struct nl_error err;
	FILE *f = NULL;
	size_t len;

	placed->n = 0;
	if (!placed_name(path, sizeof(path), PLACED, conn, &err))
		f = fopen(path, "re");
	while (f && placed->n < PLACED_MAX && fgets(line, sizeof(line), f)) {
		len = strcspn(line, "\n");
		line[len] = '\0';
		if (len && len <= NAME_MAX && !strchr(line, '/'))
			memcpy(placed->name[placed->n++], line, len + 1);
	}
	if (f)
		fclose(f);
}

/**
 * swanctl_set_placed - remember what a connection has placed
 * @conn: its name
 * @placed: names without a directory; none for forget it
 * @err: why not
 */
int swanctl_set_placed(const char *conn, const struct placed *placed, struct nl_error *err)
{
	char path[PATH_MAX], temp[PATH_MAX];
	unsigned int i;
	FILE *f = NULL;
	int fd, ret = 0;

	if (placed_name(path, sizeof(path), PLACED, conn, err) ||
	    placed_name(temp, sizeof(temp), PLACING, conn, err))
		return -err->code;
	if (!placed->n) {
		if (unlink(path) && errno != ENOENT)
			return nl_error_set(err, errno, "%.200s: %s", path, strerror(errno));
		return 0;
	}
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		f = fdopen(fd, "w");
	if (!f)
		return nl_error_set(err, errno, "%.200s: %s%s", temp, strerror(errno),
				    errno == ENOENT ? NO_CONF_D : "");
	for (i = 0; i < placed->n; i++)
		fprintf(f, "%s\n", placed->name[i]);
	/* Whole or not at all, also after a crash. */
	if (fflush(f) || fsync(fd))
		ret = errno;
	if (fclose(f) && !ret)
		ret = errno;
	if (!ret && rename(temp, path))
		ret = errno;
	if (!ret)
		return 0;
	unlink(temp);
	return nl_error_set(err, ret, "%.200s: %s", path, strerror(ret));
}

/**
 * placed_add - add a file
 * @placed: where
 * @file: its name or path; one that is there is not added twice
 */
void placed_add(struct placed *placed, const char *file)
{
	const char *base = strrchr(file, '/');

	base = base ? base + 1 : file;
	if (!placed_has(placed, base) && placed->n < PLACED_MAX)
		snprintf(placed->name[placed->n++], NAME_MAX + 1, "%s", base);
}

/**
 * placed_has - whether a file is there
 * @placed: where
 * @base: its name
 */
bool placed_has(const struct placed *placed, const char *base)
{
	unsigned int i;

	for (i = 0; i < placed->n; i++)
		if (!strcmp(placed->name[i], base))
			return true;
	return false;
}

/* The last line that is not empty. */
static const char *last_line(char *text)
{
	size_t len = strlen(text);
	char *line;

	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

/* Returns the exit status, -errno when it did not run; @said its last line of complaint. */
static int run(char *const *argv, char *said, size_t size)
{
	char buf[4096] = "";
	size_t len = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(fds[1]);
	while (pid > 0 && (n = read(fds[0], buf + len, sizeof(buf) - 1 - len)) > 0) {
		len += n;
		/* Of a long complaint the end matters. */
		if (len == sizeof(buf) - 1) {
			memmove(buf, buf + len / 2, len - len / 2);
			len -= len / 2;
		}
	}
	close(fds[0]);
	if (pid < 0)
		return -errno;
	buf[len] = '\0';
	snprintf(said, size, "%s", last_line(buf));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/**
 * swanctl_load - let the daemon know what changed
 * @err: why not
 */
int swanctl_load(struct nl_error *err)
{
	char *argv[] = { (char []){ "swanctl" }, (char []){ "--load-all" },
			 (char []){ "--noprompt" }, NULL };
	char said[256] = "";
	int ret = run(argv, said, sizeof(said));

	if (!ret)
		return 0;
	if (ret < 0)
		return nl_error_set(err, -ret, "swanctl: %s", strerror(-ret));
	if (ret == 127)
		return nl_error_set(err, ENOENT,
				    "swanctl is missing " INSTALL);
	return nl_error_set(err, EIO, "swanctl --load-all exited %d%s%s", ret,
			    said[0] ? ": " : "; is strongSwan running?", said);
}

/**
 * swanctl_terminate - take down the SAs of a connection
 * @conn: its name; it is no error that it has none
 */
void swanctl_terminate(const char *conn)
{
	char name[64], said[8];
	char *argv[] = { (char []){ "swanctl" }, (char []){ "--terminate" },
			 (char []){ "--ike" }, name, (char []){ "--force" },
			 (char []){ "--timeout" }, (char []){ "5" }, NULL };

	snprintf(name, sizeof(name), "%s", conn);
	run(argv, said, sizeof(said));
}
