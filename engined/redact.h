/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text may look like before it is kept: secrets by their shape become
 * "[REDACTED]", long texts are cut on a character boundary and say how long
 * they were (spec/engine.md, section 9). Shapes are a second line: whoever
 * holds a secret does not hand it to a tool in the first place.
 */
#ifndef ALPI_ENGINED_REDACT_H
#define ALPI_ENGINED_REDACT_H

#include <jansson.h>
#include <stddef.h>

/* A copy without secrets; the caller frees. */
char	*redact(const char *text);
/* The first max bytes of text, "…" included when it was cut; the caller frees. */
char	*cut_bytes(const char *text, size_t max);
/* As cut_bytes by code points. */
char	*cut_chars(const char *text, size_t max);
/* The last max code points, "…" in front of them included when something was before; the caller frees. */
char	*last_chars(const char *text, size_t max);

/*
 * Put text, redacted and cut to max bytes, into object[name]; when it was cut also
 * object[meta] = {bytes, sha256, truncated} of the redacted text.
 */
void	 put_text(json_t *object, const char *name, const char *meta, const char *text, size_t max);
/* {preview, bytes, sha256, truncated} of text; new reference. */
json_t	*preview(const char *text, size_t max);

#endif
