/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MODEL_H
#define MODEL_H

/*
 * What the failover state machine has to do, said a second time and naively:
 * states follow from facts and counted silence, the choice is worked out anew
 * from the whole history at every event. Shares no code with module/failover.c.
 */

#include <linux/types.h>
#include <linux/limits.h>

#include "failover.h"

#define MS	((u64)1000000)
#define SEC	(1000 * MS)

/**
 * struct moment - a tunnel became better or worse
 * @at: when, ns
 * @better: which
 * @admin: the administrator did it
 * @revert: the revert delay at that time
 */
struct moment {
	u64 at;
	bool better;
	bool admin;
	u64 revert;
};

/**
 * struct model_tunnel - what the model knows of a tunnel
 * @state: what the tunnel must be in
 * @unanswered: keepalives, or passive intervals, counted against it
 * @asked_at: when a keepalive was last sent and not answered, ns; 0 none
 * @proof: last proof of life, ns
 * @excused: a timer fired late since the last proof: no bound is promised
 * @history: all that happened to its rank
 * @n: of @history
 */
struct model_tunnel {
	enum vgw_state state;
	unsigned int unanswered;
	u64 asked_at;
	u64 proof;
	bool excused;
	struct moment *history;
	unsigned int n;
};

struct model {
	int by_hand;
	int active;
	u64 switches;
	struct model_tunnel tunnels[VGW_MAX_TUNNELS];
};

void model_init(struct model *m);
void model_free(struct model *m, unsigned int n);
const char *model_check(struct model *m, const struct vgw_fo *before,
			const struct vgw_fo_input *in, const struct vgw_fo *after,
			const struct vgw_fo_actions *act);

#endif
