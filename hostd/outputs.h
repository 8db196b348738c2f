/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about what is kept for the person to see (host-plane.md, 5), handed on to the profile's engined. */
#ifndef HOSTD_OUTPUTS_H
#define HOSTD_OUTPUTS_H

#include "hostd/client.h"

method_fn	outputs_list, outputs_read, outputs_mark_read, outputs_mark_all_read, outputs_delete;

#endif
