/* SPDX-License-Identifier: Apache-2.0 */
/* The models that somebody who may not change settings can choose from: those that the settings name and that have their key. */
#ifndef ALPI_CHOICES_H
#define ALPI_CHOICES_H

#include <jansson.h>

#include "engined/target.h"

/*
 * `model`, `fallback_models` and `providers.openrouter.models`, in that order, nothing twice, NULL-terminated; free with
 * config_list_free. Never NULL.
 */
char	**choices_list(const json_t *config, target_secret *secret, void *secret_arg);

#endif
