/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a skill that is to be imported: a folder, or a ZIP, which alpi-unpack reads. */
#ifndef ALPI_CLI_SKILL_FILES_H
#define ALPI_CLI_SKILL_FILES_H

#include <jansson.h>

#include "common/error.h"

/* [{path, data in base64}], paths as of the folder that holds the one SKILL.md. New reference; NULL with the error. */
json_t	*skill_files(const char *path, struct error *e);

#endif
