/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, by its first bytes and not by what it is called
 * (spec/engine.md, 15; host-plane.md, 9). Nothing is decoded.
 */
#ifndef ALPI_ENGINED_SNIFF_H
#define ALPI_ENGINED_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define SNIFF_IMAGE_MAX	(20 * 1024 * 1024)
#define SNIFF_TEXT_MAX	(2 * 1024 * 1024)
#define SNIFF_DOCUMENT_MAX (20 * 1024 * 1024)	/* a PDF or DOCX that is attached; one in the workspace is indexed up to 10 MB */

/* An image's media type, "image/png", or NULL. Static. */
const char *sniff_image(const void *data, size_t len);
/*
 * The media type of an attachment: png, jpeg, webp, PDF, DOCX, or text by the name's ending. mime: what the sender calls it, NULL or
 * "": nothing. NULL with the error: not one of these, too large, empty, or not what it is said to be. Static.
 */
const char *sniff(const char *name, const char *mime, const void *data, size_t len, struct error *e);

/* A name for what sniff found that says how it is read ("a.pdf", "a.image"), or NULL when it is text. Static. */
const char *sniff_document(const char *mime);

#endif
