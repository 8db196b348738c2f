/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about a profile's sessions (host-plane.md, 5): requests to its engined. */
#ifndef HOSTD_SESSIONS_H
#define HOSTD_SESSIONS_H

#include "hostd/client.h"

method_fn	sessions_list, session_read, sessions_delete, sessions_search;

#endif
