/* SPDX-License-Identifier: GPL-2.0 */
/* Times, numbers and addresses, as people write and read them. */
#ifndef VGWCTL_UNITS_H
#define VGWCTL_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define __printf(fmt, args)	__attribute__((format(printf, fmt, args)))

#define TIME_LEN	32
#define ADDR_LEN	64

/**
 * struct ip_addr - an address of either family, or none
 * @len: 0 for none, 4 or 16
 * @b: network order
 */
struct ip_addr {
	uint8_t len;
	uint8_t b[16];
};

/**
 * struct prefix - an address with the length of its prefix
 * @addr: the address
 * @len: bits
 */
struct prefix {
	struct ip_addr addr;
	uint8_t len;
};

/*
 * Parsers take the whole text or nothing: 0, -EINVAL for what is no such
 * thing at all, -ERANGE for what does not fit.
 */
int parse_u32(const char *s, uint32_t *val);
int parse_time_ms(const char *s, uint32_t *ms);
int parse_mark(const char *s, uint32_t *mark, uint32_t *mask);
int parse_addr(const char *s, struct ip_addr *addr);
int parse_prefix(const char *s, struct ip_addr *addr, uint8_t *len);

bool addr_equal(const struct ip_addr *a, const struct ip_addr *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
bool prefix_holds(const struct prefix *prefix, const struct ip_addr *addr);
bool prefix_mask(struct prefix *prefix);

/* Formatters fill @buf and return it. */
const char *format_time_ms(char *buf, size_t size, uint32_t ms);
const char *format_age(char *buf, size_t size, uint64_t ns);
const char *format_usec(char *buf, size_t size, uint32_t usec);
const char *format_bytes(char *buf, size_t size, uint64_t bytes);
const char *format_mark(char *buf, size_t size, uint32_t mark, uint32_t mask);
const char *format_addr(char *buf, size_t size, const struct ip_addr *addr);
const char *format_prefix(char *buf, size_t size, const struct prefix *prefix);
const char *format_text(char *buf, size_t size, const char *s);

const char *nearest(const char *word, const char *const *words, size_t n);

#endif /* VGWCTL_UNITS_H */
