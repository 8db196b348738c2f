/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that change a profile's settings and keys (host-plane.md, 5). The settings child writes; clients are told. */
#ifndef HOSTD_CONFIGURE_H
#define HOSTD_CONFIGURE_H

#include "hostd/client.h"

method_fn	config_set_field, config_unset_field, sandbox_set, sandbox_network, providers_set_key,
    providers_unset_key, providers_add_ollama, providers_remove_ollama;

#endif
