/* SPDX-License-Identifier: Apache-2.0 */
/* How a profile's engined is and what it spent (host-plane.md, 5). */
#ifndef HOSTD_ENGINE_H
#define HOSTD_ENGINE_H

#include "hostd/client.h"

method_fn	engine_status, usage_daily;

/* A reply of usage.daily under the names that the host plane gives it. */
void	 usage_rename(json_t *usage);

#endif
