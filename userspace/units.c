// SPDX-License-Identifier: GPL-2.0
/* Times, numbers and addresses, as people write and read them. */

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/**
 * parse_u32 - a number in decimal or, after 0x, in hexadecimal
 * @s: the text
 * @val: the result
 *
 * strtoul() would take signs, spaces and octal: "010" is 10 to a person.
 */
int parse_u32(const char *s, uint32_t *val)
{
	unsigned int base = 10;
	uint64_t sum = 0;
	bool big = false;
	int digit;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	if (!*s)
		return -EINVAL;

	for (; *s; s++) {
		digit = hex_digit(*s);
		if (digit < 0 || (unsigned int)digit >= base)
			return -EINVAL;
		sum = sum * base + digit;
		if (sum > UINT32_MAX) {
			big = true;
			sum = UINT32_MAX;
		}
	}
	if (big)
		return -ERANGE;

	*val = sum;
	return 0;
}

static const struct {
	const char *name;
	uint32_t ms;
} time_units[] = {
	{ "",	1000 },
	{ "ms",	1 },
	{ "s",	1000 },
	{ "m",	60 * 1000 },
	{ "h",	60 * 60 * 1000 },
	{ "d",	24 * 60 * 60 * 1000 },
};

static uint32_t time_unit(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(time_units); i++)
		if (!strcmp(name, time_units[i].name))
			return time_units[i].ms;
	return 0;
}

/**
 * parse_time_ms - a time with a unit of ms, s, m, h or d; s when there is none
 * @s: the text; a decimal fraction is allowed
 * @ms: the result, exact: what is no whole number of milliseconds is refused
 */
int parse_time_ms(const char *s, uint32_t *ms)
{
	uint64_t whole = 0, frac = 0, scale = 1;
	const char *p = s;
	uint32_t unit;
	bool big = false;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++) {
		whole = whole * 10 + (*p - '0');
		if (whole > UINT32_MAX) {
			big = true;
			whole = UINT32_MAX;
		}
	}
	if (*p == '.') {
		if (!is_digit(*++p))
			return -EINVAL;
		for (; is_digit(*p); p++) {
			if (scale >= 1000000000) {
				if (*p != '0')
					return -ERANGE;
				continue;
			}
			frac = frac * 10 + (*p - '0');
			scale *= 10;
		}
	}

	unit = time_unit(p);
	if (!unit)
		return -EINVAL;
	if (big || frac * unit % scale)
		return -ERANGE;

	whole = whole * unit + frac * unit / scale;
	if (whole > UINT32_MAX)
		return -ERANGE;

	*ms = whole;
	return 0;
}

/**
 * parse_mark - a mark as N or N/MASK
 * @s: the text
 * @mark: the mark
 * @mask: its mask, all ones when there is none in the text
 */
int parse_mark(const char *s, uint32_t *mark, uint32_t *mask)
{
	const char *slash = strchr(s, '/');
	char number[16];
	int err;

	*mask = UINT32_MAX;
	if (!slash)
		return parse_u32(s, mark);

	if ((size_t)(slash - s) >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, slash - s);
	number[slash - s] = '\0';

	err = parse_u32(number, mark);
	if (err)
		return err;
	err = parse_u32(slash + 1, mask);
	if (err)
		return err;
	return *mask ? 0 : -ERANGE;
}

/**
 * parse_addr - an IPv4 or IPv6 address
 * @s: the text; names are not looked up
 * @addr: the result
 */
int parse_addr(const char *s, struct ip_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, s, addr->b) == 1)
		addr->len = 4;
	else if (inet_pton(AF_INET6, s, addr->b) == 1)
		addr->len = 16;
	else
		return -EINVAL;
	return 0;
}

/**
 * parse_prefix - an address with the length of its prefix, ADDR/LEN
 * @s: the text
 * @addr: the address, host bits kept
 * @len: the prefix length
 */
int parse_prefix(const char *s, struct ip_addr *addr, uint8_t *len)
{
	const char *slash = strchr(s, '/');
	char text[ADDR_LEN];
	uint32_t bits;
	int err;

	/* Of hexadecimal nobody thinks here. */
	if (!slash || (size_t)(slash - s) >= sizeof(text) ||
	    slash[1 + strspn(slash + 1, "0123456789")])
		return -EINVAL;
	memcpy(text, s, slash - s);
	text[slash - s] = '\0';

	err = parse_addr(text, addr);
	if (err)
		return err;
	err = parse_u32(slash + 1, &bits);
	if (err)
		return err;
	if (bits > addr->len * 8u)
		return -ERANGE;

	*len = bits;
	return 0;
}

/**
 * addr_equal - whether two addresses are the same
 * @a: one, possibly none
 * @b: the other, possibly none
 */
bool addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->len == b->len && !memcmp(a->b, b->b, a->len);
}

static uint8_t mask_byte(uint8_t len, unsigned int byte)
{
	unsigned int bits = byte * 8;

	if (len >= bits + 8)
		return 0xff;
	return len > bits ? 0xff << (8 - (len - bits)) : 0;
}

/**
 * prefix_equal - whether two prefixes are the same
 * @a: one
 * @b: the other
 */
bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

/**
 * prefix_holds - whether an address is one of a prefix
 * @prefix: the prefix; one of no length holds everything
 * @addr: the address
 */
bool prefix_holds(const struct prefix *prefix, const struct ip_addr *addr)
{
	unsigned int i;

	if (!prefix->addr.len)
		return true;
	if (prefix->addr.len != addr->len)
		return false;
	for (i = 0; i < addr->len; i++)
		if ((prefix->addr.b[i] ^ addr->b[i]) & mask_byte(prefix->len, i))
			return false;
	return true;
}

/**
 * prefix_mask - clear the host bits
 * @prefix: the prefix
 *
 * Return: whether any was set.
 */
bool prefix_mask(struct prefix *prefix)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < prefix->addr.len; i++) {
		any |= prefix->addr.b[i] & ~mask_byte(prefix->len, i);
		prefix->addr.b[i] &= mask_byte(prefix->len, i);
	}
	return any;
}

/**
 * format_time_ms - the shortest text that parse_time_ms() reads back exactly
 * @buf: at least TIME_LEN
 * @size: of @buf
 * @ms: the time
 */
const char *format_time_ms(char *buf, size_t size, uint32_t ms)
{
	if (ms && ms % 3600000 == 0)
		snprintf(buf, size, "%" PRIu32 "h", ms / 3600000);
	else if (ms && ms % 60000 == 0)
		snprintf(buf, size, "%" PRIu32 "m", ms / 60000);
	else if (ms % 1000 == 0)
		snprintf(buf, size, "%" PRIu32 "s", ms / 1000);
	else
		snprintf(buf, size, "%" PRIu32 "ms", ms);
	return buf;
}

/**
 * format_age - an age to read: two units at most
 * @buf: at least TIME_LEN
 * @size: of @buf
 * @ns: the age in nanoseconds
 */
const char *format_age(char *buf, size_t size, uint64_t ns)
{
	uint64_t s = ns / 1000000000;

	if (ns < 1000000)
		snprintf(buf, size, "%" PRIu64 "us", ns / 1000);
	else if (s < 1)
		snprintf(buf, size, "%" PRIu64 "ms", ns / 1000000);
	else if (s < 60)
		snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "s", s, ns / 100000000 % 10);
	else if (s < 3600)
		snprintf(buf, size, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, size, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		snprintf(buf, size, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
	return buf;
}

/**
 * format_usec - a round trip time to read
 * @buf: at least TIME_LEN
 * @size: of @buf
 * @usec: microseconds
 */
const char *format_usec(char *buf, size_t size, uint32_t usec)
{
	if (usec < 1000)
		snprintf(buf, size, "%" PRIu32 "us", usec);
	else if (usec < 1000000)
		snprintf(buf, size, "%" PRIu32 ".%" PRIu32 "ms", usec / 1000, usec / 100 % 10);
	else
		snprintf(buf, size, "%" PRIu32 ".%02" PRIu32 "s", usec / 1000000,
			 usec / 10000 % 100);
	return buf;
}

/**
 * format_bytes - a number of bytes to read
 * @buf: at least TIME_LEN
 * @size: of @buf
 * @bytes: how many
 */
const char *format_bytes(char *buf, size_t size, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t whole = bytes, rest = 0;
	size_t i;

	if (bytes < 1024) {
		snprintf(buf, size, "%" PRIu64 " B", bytes);
		return buf;
	}
	for (i = 0; whole >= 1024 && i < ARRAY_SIZE(units); i++) {
		rest = whole % 1024;
		whole /= 1024;
	}
	snprintf(buf, size, "%" PRIu64 ".%" PRIu64 " %s", whole, rest * 10 / 1024,
		 units[i - 1]);
	return buf;
}

/**
 * format_mark - a mark, with its mask unless that is all ones
 * @buf: at least TIME_LEN
 * @size: of @buf
 * @mark: the mark
 * @mask: its mask
 */
const char *format_mark(char *buf, size_t size, uint32_t mark, uint32_t mask)
{
	if (mask == UINT32_MAX)
		snprintf(buf, size, "0x%" PRIx32, mark);
	else
		snprintf(buf, size, "0x%" PRIx32 "/0x%" PRIx32, mark, mask);
	return buf;
}

/**
 * format_addr - an address, "-" for none
 * @buf: at least ADDR_LEN
 * @size: of @buf
 * @addr: the address
 */
const char *format_addr(char *buf, size_t size, const struct ip_addr *addr)
{
	int family = addr->len == 4 ? AF_INET : AF_INET6;

	if (!addr->len || !inet_ntop(family, addr->b, buf, size))
		snprintf(buf, size, "-");
	return buf;
}

/**
 * format_prefix - a prefix, "-" for none
 * @buf: at least ADDR_LEN
 * @size: of @buf
 * @prefix: the prefix
 */
const char *format_prefix(char *buf, size_t size, const struct prefix *prefix)
{
	char addr[ADDR_LEN - 4];

	format_addr(addr, sizeof(addr), &prefix->addr);
	if (prefix->addr.len)
		snprintf(buf, size, "%s/%u", addr, prefix->len);
	else
		snprintf(buf, size, "-");
	return buf;
}

/* Bytes of the UTF-8 sequence that a text begins with, 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
	/* The first and last byte that may come second; then 0x80 to 0xbf. */
	unsigned char min = 0x80, max = 0xbf;
	size_t len, i;

	if (s[0] < 0x80)
		return 1;
	len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	/* Neither too long a form, nor a surrogate, nor beyond the last one. */
	if (s[0] == 0xe0)
		min = 0xa0;
	else if (s[0] == 0xed)
		max = 0x9f;
	else if (s[0] == 0xf0)
		min = 0x90;
	else if (s[0] == 0xf4)
		max = 0x8f;
	for (i = 1; i < len; i++, min = 0x80, max = 0xbf)
		if (s[i] < min || s[i] > max)
			return 0;
	return len;
}

/**
 * format_text - a text in which bytes that are no UTF-8 are written \xNN
 * @buf: the result
 * @size: of @buf; four times the length of @s, and one, is enough for any
 * @s: the text, such as a device's name, which may have any bytes
 */
const char *format_text(char *buf, size_t size, const char *s)
{
	size_t len = 0, n;

	for (; *s && len + 5 <= size; s += n ? n : 1) {
		n = utf8_len((const unsigned char *)s);
		if (n)
			memcpy(buf + len, s, n);
		else
			snprintf(buf + len, size - len, "\\x%02x", (unsigned char)*s);
		len += n ? n : 4;
	}
	buf[len] = '\0';
	return buf;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return c < a ? c : a;
}

/* Levenshtein; words that are longer than the row are far from any keyword. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b), i, j, diag, up;
	size_t row[32];

	if (la >= 32 || lb >= 32)
		return SIZE_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		diag = row[0];
		row[0] = i;
		for (j = 1; j <= lb; j++) {
			up = row[j];
			row[j] = min3(up + 1, row[j - 1] + 1, diag + (a[i - 1] != b[j - 1]));
			diag = up;
		}
	}
	return row[lb];
}

/**
 * nearest - the word that was probably meant
 * @word: what was typed
 * @words: what is known
 * @n: how many @words
 *
 * Return: one of @words, NULL when none is near enough to be worth a hint.
 */
const char *nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t i, d, bound = 3, len = strlen(word);

	if (len < 3)
		bound = 2;
	for (i = 0; i < n; i++) {
		d = distance(word, words[i]);
		/* An abbreviation is nearer than a word with other letters. */
		if (len >= 2 && !strncmp(word, words[i], len))
			d = 1;
		if (d < bound) {
			bound = d;
			best = words[i];
		}
	}
	return best;
}
