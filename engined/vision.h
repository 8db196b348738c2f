/* SPDX-License-Identifier: Apache-2.0 */
/* Can a model see? No server says so in one way, so it is known by its name, or by the person's word. */
#ifndef ALPI_ENGINED_VISION_H
#define ALPI_ENGINED_VISION_H

#include <jansson.h>
#include <stdbool.h>

struct target;

/* model_vision of the configuration when it is true or false, else the name. */
bool	 vision_has(const json_t *config, const struct target *t);

#endif
