/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about a profile's memory (host-plane.md, 5): requests to its engined. */
#ifndef HOSTD_MEMORY_H
#define HOSTD_MEMORY_H

#include "hostd/client.h"

method_fn	memory_call_verb, memory_read_verb, memory_write_verb, memory_usage_verb;

#endif
