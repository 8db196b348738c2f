/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about a profile's skills (host-plane.md, 5): requests to its engined. */
#ifndef HOSTD_SKILLS_H
#define HOSTD_SKILLS_H

#include "hostd/client.h"

method_fn	skills_list, skill_read_verb, skill_file_verb, skill_call_verb, skill_import_verb;

#endif
