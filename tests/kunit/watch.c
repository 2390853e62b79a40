// SPDX-License-Identifier: GPL-2.0
/* The bundles and what invalidates them, built once more as pure.c explains. */

#include "../../module/bundle.c"
#include "../../module/xfrm_watch.c"
