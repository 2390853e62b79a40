/* SPDX-License-Identifier: GPL-2.0 */
#ifndef FO_TEST_H
#define FO_TEST_H

/* A state machine under test with its clock, and the ways into its states. */

#include "failover.h"
#include "vgw_kunit.h"

#define MS	1000000ULL
#define SEC	(1000 * MS)

/* Far from 0, which means "never". */
#define START	(3600 * SEC)

struct fo_test {
	struct kunit *test;
	struct vgw_fo fo;
	struct vgw_fo_actions act;
	u64 now;
};

#define TABLE_INTERVAL	SEC
#define TABLE_MISSES	3
#define TABLE_ASKED	7	/* 3 * (TABLE_MISSES - 1) + 1 */

/* Where a tunnel can be, with what lies behind the state. */
enum where {
	D00, D01, D10, D11,	/* disabled; SA, path */
	N00, N01, N10,		/* no-sa; SA, path */
	P0,			/* probing, a keepalive outstanding */
	P2,			/* probing, one miss before down */
	UQ,			/* up, nothing outstanding */
	U1,			/* up, a keepalive outstanding (passive: one miss before suspect) */
	S1,			/* suspect by one miss, the next outstanding */
	S2,			/* suspect, one miss before down */
	XX,			/* down, a keepalive outstanding */
};

void fo_do(struct fo_test *f, unsigned int tunnel, enum vgw_fo_event event);
void fo_reply(struct fo_test *f, unsigned int tunnel, u64 rtt);
void fo_tick(struct fo_test *f, unsigned int tunnel, u64 heard, u64 sent);
void fo_due(struct fo_test *f, unsigned int tunnel, u64 heard);
struct fo_test *fo_new(struct kunit *test, unsigned int n, enum vgw_keepalive keepalive,
		       u64 interval, unsigned int misses);
void fo_up(struct fo_test *f, unsigned int tunnel);
bool fo_wants_timer(const struct vgw_fo_tunnel *t);
void fo_sleep(struct fo_test *f, u64 ns);
void passive_silence(struct fo_test *f, unsigned int n);
struct fo_test *fo_go(struct kunit *test, enum vgw_keepalive keepalive, enum where w);

#endif /* FO_TEST_H */
