/* SPDX-License-Identifier: Apache-2.0 */
/* The seam between engine.c and its parts: engine_tools.c and engine_ended.c. Nobody else includes this. */
#ifndef ALPI_ENGINED_ENGINE_OWN_H
#define ALPI_ENGINED_ENGINE_OWN_H

#include "engined/engine.h"

/* ---- engine_tools.c --------------------------------------------------------------------------------- */

/* What a provider is told of the tools is made again when it is asked for. */
void	 engine_forget_schema(struct engine *en);
/* Nobody is told any more: neither who waited for the tools nor toolrunner. */
void	 engine_tools_clear(struct engine *en);

/* ---- engine_ended.c --------------------------------------------------------------------------------- */

void	 engine_ended_begin(struct engine *en);
void	 engine_ended_end(struct engine *en);

#endif
