/* SPDX-License-Identifier: Apache-2.0 */
/* How a profile's engined is and what it spent (host-plane.md, 5). */
#ifndef HOSTD_ENGINE_H
#define HOSTD_ENGINE_H

#include "hostd/client.h"

method_fn	engine_status, usage_daily;

#endif
