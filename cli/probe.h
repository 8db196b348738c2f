/* SPDX-License-Identifier: Apache-2.0 */
/* Is a local model server there, and what does it offer? One plain HTTP question without a library. */
#ifndef ALPI_CLI_PROBE_H
#define ALPI_CLI_PROBE_H

#include <jansson.h>

#include "common/error.h"

/* GET URL+path (http only, no redirects) within timeout_ms; the JSON body (new reference), or NULL. */
json_t	*probe_get(const char *url, const char *path, int timeout_ms, struct error *e);
/* 1 when something accepts connections at the URL's host and port within timeout_ms. */
int	 probe_reachable(const char *url, int timeout_ms);
/* The address of the person's Ollama by OLLAMA_HOST or where it usually is; the caller frees. */
char	*probe_ollama_url(void);

#endif
