/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses that a person has set. */
#ifndef ALPI_URL_H
#define ALPI_URL_H

#include <stdbool.h>

/* https, or on this machine: anything else goes over the network in clear text. */
bool	 url_is_safe(const char *url);

#endif
