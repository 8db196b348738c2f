/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a ZIP that anybody may have made, all or none: what could lead
 * out of a folder, is a link, is larger than it says or comes twice refuses
 * the whole.
 */
#ifndef ALPI_UNPACK_ZIP_H
#define ALPI_UNPACK_ZIP_H

#include <jansson.h>
#include <stddef.h>

#include "common/error.h"

#define ZIP_BYTES_MAX		(8u * 1024 * 1024)	/* of the ZIP itself */
#define ZIP_ENTRIES_MAX		1024
#define ZIP_FILE_MAX		(1024u * 1024)
#define ZIP_TOTAL_MAX		(4u * 1024 * 1024)
#define ZIP_PATH_MAX		512

/* [{path, data}], data in base64; folders have no row. New reference; NULL with the error. */
json_t	*zip_files(const void *bytes, size_t len, struct error *e);
/* May a file have this path? 0, or -1 with the reason. */
int	 zip_path_check(const char *path, struct error *e);

#endif
