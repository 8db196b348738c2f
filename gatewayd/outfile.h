/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that go out with messages: gateway/outbound/NAME, named after the key
 * of the message, from their first piece until the message has ended.
 */
#ifndef ALPI_GATEWAYD_OUTFILE_H
#define ALPI_GATEWAYD_OUTFILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define OUTFILE_MAX	(20 * 1024 * 1024)

/* Where it is; the caller frees. */
char	*outfile_path(const char *home, const char *key);
/* One piece; at offset 0 the file begins anew. 0 or -1. */
int	 outfile_put(const char *home, const char *key, int64_t offset, const void *data, size_t len, struct error *e);
/* Is all of it there? From then on it stays, whatever happens. 0 or -1. */
int	 outfile_whole(const char *home, const char *key, int64_t size, struct error *e);
void	 outfile_drop(const char *home, const char *key);
/* "image/png" of a file called so; what its name does not tell is bytes. */
const char *outfile_type(const char *name);
/* Make the folder; what is older than any message goes. 0 or -1. */
int	 outfile_sweep(const char *home, struct error *e);

#endif
