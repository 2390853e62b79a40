// SPDX-License-Identifier: GPL-2.0
/* Several files of a directory that change together, or not at all. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fileset.h"

#define READ_MAX	(1 << 20)

/**
 * fileset_open - begin with a directory, made if it is not there
 * @set: the files, none yet
 * @dir: the directory
 * @p: what is wrong
 */
int fileset_open(struct fileset *set, const char *dir, struct problem *p)
{
	memset(set, 0, sizeof(*set));
	set->dir = dir;
	if (mkdir(dir, 0755) && errno != EEXIST)
		return problem(p, "%s: %s", dir, strerror(errno));
	set->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (set->fd < 0)
		return problem(p, "%s: %s", dir, strerror(errno));
	/* Two at a time would take each other's names. */
	if (flock(set->fd, LOCK_EX)) {
		problem(p, "%s: %s", dir, strerror(errno));
		fileset_close(set);
		return -1;
	}
	return 0;
}

/**
 * fileset_read - read a small file
 * @dirfd: of this directory
 * @name: its name
 * @text: the result, with a NUL behind it, to be freed
 * @len: of @text
 *
 * Return: 0 or -errno.
 */
int fileset_read(int dirfd, const char *name, char **text, size_t *len)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	*len = 0;
	*text = NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > READ_MAX) {
		close(fd);
		return -EINVAL;
	}
	*text = malloc(st.st_size + 1);
	while (*text && *len < (size_t)st.st_size) {
		n = read(fd, *text + *len, st.st_size - *len);
		if (n <= 0)
			break;
		*len += n;
	}
	close(fd);
	if (!*text || n < 0) {
		free(*text);
		*text = NULL;
		return n < 0 ? -errno : -ENOMEM;
	}
	(*text)[*len] = '\0';
	return 0;
}

/**
 * fileset_add - say what a file shall hold
 * @set: the files
 * @name: of the file
 * @text: what it shall hold, to be freed by fileset_close(); NULL or empty for
 *        a file that shall not be there
 * @len: of @text
 * @mode: its permissions
 * @secret: what it holds is never shown
 * @p: what is wrong
 */
int fileset_add(struct fileset *set, const char *name, char *text, size_t len, mode_t mode,
		bool secret, struct problem *p)
{
	struct fileset_entry *e = reallocarray(set->entry, set->n + 1, sizeof(*e));
	struct stat st;
	int ret;

	if (!e) {
		free(text);
		return problem(p, "out of memory");
	}
	set->entry = e;
	e += set->n++;
	memset(e, 0, sizeof(*e));
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->text = text;
	e->len = text ? len : 0;
	e->mode = mode;
	e->secret = secret;

	ret = fileset_read(set->fd, name, &e->old, &e->old_len);
	if (ret && ret != -ENOENT)
		return problem(p, "%s/%s: %s", set->dir, name,
			       ret == -EINVAL ? "this is no file that could be replaced" :
						strerror(-ret));
	if (!e->len)
		e->change = e->old ? FILE_GONE : FILE_SAME;
	else if (!e->old)
		e->change = FILE_NEW;
	else if (e->len != e->old_len || memcmp(e->text, e->old, e->len) ||
		 fstatat(set->fd, name, &st, 0) || (st.st_mode & 07777) != mode)
		e->change = FILE_CHANGED;
	return 0;
}

static int write_temp(struct fileset *set, struct fileset_entry *e)
{
	size_t done = 0;
	ssize_t n;
	int fd, err = 0;

	snprintf(e->temp, sizeof(e->temp), ".%s.%d.new", e->name, getpid());
	/* Private from the first moment; O_EXCL follows no link that waits for us. */
	fd = openat(set->fd, e->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = -errno;
		e->temp[0] = '\0';
		return err;
	}
	while (done < e->len && !err) {
		n = write(fd, e->text + done, e->len - done);
		if (n < 0 && errno != EINTR)
			err = -errno;
		else if (n > 0)
			done += n;
	}
	if (!err && (fchmod(fd, e->mode) || fsync(fd)))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	return err;
}

static int keep_old(struct fileset *set, struct fileset_entry *e)
{
	snprintf(e->backup, sizeof(e->backup), ".%s.%d.old", e->name, getpid());
	if (linkat(set->fd, e->name, set->fd, e->backup, 0)) {
		e->backup[0] = '\0';
		return -errno;
	}
	return 0;
}

static int replace(struct fileset *set, struct fileset_entry *e)
{
	if (e->change == FILE_GONE) {
		if (unlinkat(set->fd, e->name, 0))
			return -errno;
	} else {
		if (renameat(set->fd, e->temp, set->fd, e->name))
			return -errno;
		e->temp[0] = '\0';
	}
	e->done = true;
	return 0;
}

static void undo(struct fileset *set, struct fileset_entry *e)
{
	if (!e->done)
		return;
	if (e->backup[0]) {
		if (!renameat(set->fd, e->backup, set->fd, e->name))
			e->backup[0] = '\0';
	} else {
		unlinkat(set->fd, e->name, 0);
	}
	e->done = false;
}

/**
 * fileset_commit - change the files
 * @set: the files
 * @p: what is wrong; then none was changed
 *
 * Only a crash between the renames leaves some of each; the next run mends it.
 */
int fileset_commit(struct fileset *set, struct problem *p)
{
	struct fileset_entry *e = NULL;
	unsigned int i;
	int err = 0;

	for (i = 0; i < set->n && !err; i++) {
		e = &set->entry[i];
		if (e->change == FILE_NEW || e->change == FILE_CHANGED)
			err = write_temp(set, e);
		if (!err && e->old && e->change != FILE_SAME)
			err = keep_old(set, e);
	}
	for (i = 0; i < set->n && !err; i++) {
		e = &set->entry[i];
		if (e->change != FILE_SAME)
			err = replace(set, e);
	}
	if (!err && fsync(set->fd))
		err = -errno;
	if (!err)
		return 0;
	problem(p, "%s/%s: %s; no file was changed", set->dir, e ? e->name : "", strerror(-err));
	for (i = set->n; i--;)
		undo(set, &set->entry[i]);
	return err;
}

/**
 * fileset_close - forget the files, and what was left of temporary ones
 * @set: the files
 */
void fileset_close(struct fileset *set)
{
	struct fileset_entry *e;
	unsigned int i;

	for (i = 0; i < set->n; i++) {
		e = &set->entry[i];
		if (e->temp[0])
			unlinkat(set->fd, e->temp, 0);
		if (e->backup[0])
			unlinkat(set->fd, e->backup, 0);
		if (e->text)
			explicit_bzero(e->text, e->len);
		if (e->old)
			explicit_bzero(e->old, e->old_len);
		free(e->text);
		free(e->old);
	}
	free(set->entry);
	if (set->fd >= 0)
		close(set->fd);
	memset(set, 0, sizeof(*set));
	set->fd = -1;
}
