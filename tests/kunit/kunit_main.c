// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include "vgw_kunit.h"

u64 vgw_kunit_seed = 1;
module_param_named(seed, vgw_kunit_seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of the random tests");

kunit_test_suites(&vgw_states_suite, &vgw_walk_suite, &vgw_detect_suite, &vgw_choice_suite,
		  &vgw_probe_suite, &vgw_mss_suite);

MODULE_DESCRIPTION("KUnit suites of vgw's pure files");
MODULE_LICENSE("GPL");
