/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plane's verbs about message platforms (host-plane.md, "gateway"):
 * what .env and config.yaml say of them is the settings child's, how they
 * fare and whether they can be reached is gatewayd's.
 */
#ifndef HOSTD_GATEWAY_H
#define HOSTD_GATEWAY_H

#include "hostd/client.h"

method_fn gateway_status, gateway_config, gateway_set, gateway_probe, gateway_remove;
/* gmail.c: a person's consent */
method_fn gmail_begin, gmail_exchange;

#endif
