/* SPDX-License-Identifier: GPL-2.0 */
/* Results of a test program, as TAP. */
#ifndef VGWCTL_TESTS_TAP_H
#define VGWCTL_TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>

#include "units.h"

static int count, failures;

__printf(2, 3)
static void result(int good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	failures += !good;
}

static int finish(const char *name)
{
	printf("1..%d\n", count);
	if (failures)
		fprintf(stderr, "%s: %d of %d failed\n", name, failures, count);
	return failures != 0;
}

#endif /* VGWCTL_TESTS_TAP_H */
