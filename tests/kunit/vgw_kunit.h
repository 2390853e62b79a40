/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VGW_KUNIT_H
#define VGW_KUNIT_H

#include <kunit/test.h>
#include <linux/types.h>

extern u64 vgw_kunit_seed;
extern struct kunit_suite vgw_states_suite;
extern struct kunit_suite vgw_walk_suite;
extern struct kunit_suite vgw_detect_suite;
extern struct kunit_suite vgw_choice_suite;
extern struct kunit_suite vgw_probe_suite;
extern struct kunit_suite vgw_mss_suite;

#endif /* VGW_KUNIT_H */
