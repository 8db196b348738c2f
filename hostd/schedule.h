/* SPDX-License-Identifier: Apache-2.0 */
/* The host plane's verbs about jobs (host-plane.md, "Schedules"): requests to scheduled, which decides. */
#ifndef HOSTD_SCHEDULE_H
#define HOSTD_SCHEDULE_H

#include "hostd/client.h"

method_fn schedule_list, schedule_add, schedule_update, schedule_remove, schedule_set_paused, schedule_fire, schedule_run_once,
    schedule_wait, schedule_history;

#endif
