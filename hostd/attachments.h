/* SPDX-License-Identifier: Apache-2.0 */
/* The verb that takes a file for a turn (host-plane.md, 9): handed on to the profile's engined in pieces; nothing of it stays here. */
#ifndef HOSTD_ATTACHMENTS_H
#define HOSTD_ATTACHMENTS_H

#include "hostd/client.h"

method_fn	attachments_stage;

#endif
