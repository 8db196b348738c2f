/* SPDX-License-Identifier: Apache-2.0 */
/* What alpi-init-plan reads beside YAML. */
#ifndef ALPI_PLAN_H
#define ALPI_PLAN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Print "need PROFILE NAME" for each variable that a skill of this home declares; *stamp changes with which these are. */
void	plan_needs(const char *profile, const char *home, uint64_t *stamp);
/* Does a message platform of this home listen? *stamp changes with all that gatewayd gets of .env. */
bool	plan_gateways(const char *home, const json_t *config, uint64_t *stamp);

#endif
