/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image becomes one that models take (tools.md, 7.3): png, jpeg, gif or
 * webp, at most 1568 pixels on the long edge. What is one already stays byte
 * for byte; the others are made by programs of the system, inside a worker's
 * sandbox. Nothing is decoded here.
 */
#ifndef ALPI_PICTURE_H
#define ALPI_PICTURE_H

#include "common/buf.h"
#include "common/error.h"

#define PICTURE_MAX	(20 * 1024 * 1024)	/* bytes of the file */
#define PICTURE_FIT	3000000			/* bytes of what a model is shown; in base64 it fits into an answer */

/* The media type of these first bytes, as picture_fit takes them, "image/svg+xml" too; NULL: no image. Static. For its fuzz target. */
const char *picture_sniff(const void *data, size_t len);
/*
 * Make an open image fit. Its media type (static) with the bytes added to out, or NULL: ERR_unavailable when a program is missing,
 * which is named, ERR_invalid when it is no image or a broken one. name: for the error.
 */
const char *picture_fit(int fd, const char *name, struct buf *out, struct error *e);

/* A file of these bytes that has no name, for the programs. The descriptor, or -1. */
int	 picture_in_memory(const struct buf *b, struct error *e);

#endif
