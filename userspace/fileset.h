/* SPDX-License-Identifier: GPL-2.0 */
/* Several files of a directory that change together, or not at all. */
#ifndef VGWCTL_FILESET_H
#define VGWCTL_FILESET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "config.h"

enum file_change {
	FILE_SAME,
	FILE_NEW,
	FILE_CHANGED,
	FILE_GONE,
};

/**
 * struct fileset_entry - a file
 * @name: in the directory
 * @text: what it shall hold; NULL for one that shall not be there
 * @len: of @text
 * @mode: permissions
 * @secret: what it holds is never shown
 * @old: what it held, NULL for none
 * @old_len: of @old
 * @change: what happens to it
 * @temp: a name that it has meanwhile, empty for none
 * @backup: likewise, of the old one
 * @done: it was replaced
 */
struct fileset_entry {
	char name[64];
	char *text;
	size_t len;
	mode_t mode;
	bool secret;
	char *old;
	size_t old_len;
	enum file_change change;
	char temp[96];
	char backup[96];
	bool done;
};

/**
 * struct fileset - files of a directory
 * @dir: its name
 * @fd: the directory, locked
 * @n: of @entry
 * @entry: the files
 */
struct fileset {
	const char *dir;
	int fd;
	unsigned int n;
	struct fileset_entry *entry;
};

int fileset_open(struct fileset *set, const char *dir, struct problem *p);
int fileset_add(struct fileset *set, const char *name, char *text, size_t len, mode_t mode,
		bool secret, struct problem *p);
int fileset_commit(struct fileset *set, struct problem *p);
void fileset_close(struct fileset *set);
int fileset_read(int dirfd, const char *name, char **text, size_t *len);

#endif /* VGWCTL_FILESET_H */
