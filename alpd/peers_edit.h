/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of peers.yaml that says something else (alp-wire.md, 8.1): a peer
 * more, one less, another permission. No files here; a text is followed by a
 * NUL.
 */
#ifndef ALPD_PEERS_EDIT_H
#define ALPD_PEERS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "alpd/peers.h"

/* The changed text; the caller frees. NULL: ERR_invalid, the text does not load or cannot be changed here; or as it says. */
char	*peers_edit_add(const char *text, size_t len, const struct peer *row, struct error *e);	/* ERR_exists, ERR_full */
char	*peers_edit_remove(const char *text, size_t len, const char *id, struct error *e);	/* ERR_not_found */
/* ERR_not_found, ERR_full. */
char	*peers_edit_allow(const char *text, size_t len, const char *id, const char *method, bool on, struct error *e);

#endif
