/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about events (host-plane.md, 6). stream.c numbers and keeps them. */
#ifndef HOSTD_EVENTS_H
#define HOSTD_EVENTS_H

#include "hostd/client.h"

method_fn	events_subscribe, events_history;

#endif
