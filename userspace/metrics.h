/* SPDX-License-Identifier: GPL-2.0 */
/* Connections in Prometheus' text format. */
#ifndef VGWCTL_METRICS_H
#define VGWCTL_METRICS_H

#include <stdio.h>

#include "model.h"

void metrics_print(FILE *f, const struct connection *list, double now);

#endif /* VGWCTL_METRICS_H */
