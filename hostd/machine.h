/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about this machine and its profiles (host-plane.md, 5): orders for the settings child and for init. */
#ifndef HOSTD_MACHINE_H
#define HOSTD_MACHINE_H

#include "hostd/client.h"

method_fn	version, profiles_list, profile_summaries, profile_create, profile_delete,
    daemon_restart;

#endif
