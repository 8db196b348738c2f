/* SPDX-License-Identifier: Apache-2.0 */
/* The tool alpi_knowledge: this program's own documentation, built into it (spec/memory-skills.md, section 8). */
#ifndef ALPI_ENGINED_KNOWLEDGE_H
#define ALPI_ENGINED_KNOWLEDGE_H

#include <jansson.h>

#include "common/error.h"

/* {action: index or view, topic}. The text, the caller's; NULL: no such action or topic, with the topics there are. */
char	*knowledge_call(const json_t *args, struct error *e);

#endif
