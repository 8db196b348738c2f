/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file that a skill made for the person (spec/engine.md, 15): its output
 * begins with a JSON object that names it. Looked at where the script ran,
 * so that what counts is what the script could see, and is there.
 */
#ifndef ALPI_PRODUCED_H
#define ALPI_PRODUCED_H

#include <jansson.h>

#include "toolrunner/tool.h"

/* {path, name, mime, size, kind} of the file that the output names, or NULL: none, or not one that is handed on. New reference. */
json_t	*produced_find(const struct tool_call *call, const char *output, size_t len);

#endif
