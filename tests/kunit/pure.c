// SPDX-License-Identifier: GPL-2.0
/*
 * The pure files under test, built once more inside the test's module: vgw.ko
 * exports nothing, and one object must not be built from two directories.
 */

#include "../../module/failover.c"
#include "../../module/mss.c"
#include "../../module/probe.c"
