// SPDX-License-Identifier: GPL-2.0
/* The inbound verdict under test, built once more as pure.c explains. */

#include "../../module/policy.c"
