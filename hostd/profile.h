/* SPDX-License-Identifier: Apache-2.0 */
/* What a page about one profile shows: its settings, what it takes on the disk, and both and more in one (host-plane.md, 5). */
#ifndef HOSTD_PROFILE_H
#define HOSTD_PROFILE_H

#include "hostd/client.h"

method_fn	profile_detail, profile_storage, profile_snapshot;

#endif
