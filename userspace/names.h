/* SPDX-License-Identifier: GPL-2.0 */
/* The words of the netlink specification: one table for each enum and set. */
#ifndef VGWCTL_NAMES_H
#define VGWCTL_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <linux/vgw.h>

/**
 * struct names - the words of an enum or attribute set
 * @word: by value; NULL where a value has no word
 * @n: of @word
 */
struct names {
	const char *const *word;
	size_t n;
};

extern const struct names names_state;
extern const struct names names_reason;
extern const struct names names_event;
extern const struct names names_keepalive;
extern const struct names names_sa_dir;
extern const struct names names_attr;
extern const struct names names_tunnel_attr;
extern const struct names names_stats;

const char *name_of(const struct names *names, uint32_t value);

/* Does a tunnel that is judged so (enum vgw_keepalive) send keepalives? */
static inline int keepalive_asks(uint32_t keepalive)
{
	return keepalive == VGW_KEEPALIVE_ACTIVE || keepalive == VGW_KEEPALIVE_ALWAYS;
}

/* Counters from here on, by their attribute, are of packets not delivered. */
#define STATS_FIRST_DROP	VGW_A_STATS_TX_NO_TUNNEL

#endif /* VGWCTL_NAMES_H */
