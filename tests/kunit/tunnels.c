// SPDX-License-Identifier: GPL-2.0
/* The tables of tunnels, built once more as pure.c explains. */

#include "../../module/tunnels.c"
