/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ALPI_ENGINED_HANDLERS_H
#define ALPI_ENGINED_HANDLERS_H

#include "common/dispatch.h"

extern const struct handler engine_handlers[];

#endif
