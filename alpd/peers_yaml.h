/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of peers.yaml (alp-wire.md, 8.1): what it says, and the text that
 * says something else. People write it by hand, so a change touches the lines
 * of its row and leaves the others as they are, comments too. No files here;
 * a text is followed by a NUL.
 */
#ifndef ALPD_PEERS_YAML_H
#define ALPD_PEERS_YAML_H

#include <jansson.h>
#include <stddef.h>

#include "alpd/peers.h"

struct peer_list {
	struct peer	*rows;
	size_t		 n;
};

/* The list that a text holds; an empty text holds an empty one. A new tree, or NULL. */
json_t	*peers_yaml_list(const char *text, size_t len, struct error *e);
/* Rows without id or pubkey, or with more than a row can hold, are left out. 0; or -1: nobody is pinned, and why. */
int	 peers_yaml_read(const char *text, size_t len, struct peer_list *out, struct error *e);
void	 peer_list_clear(struct peer_list *l);

/* The changed text; the caller frees. NULL: the text does not load, or ERR_not_found, ERR_exists. */
char	*peers_yaml_add(const char *text, size_t len, const struct peer *row, struct error *e);
char	*peers_yaml_remove(const char *text, size_t len, const char *id, struct error *e);
char	*peers_yaml_allow(const char *text, size_t len, const char *id, const char *method, bool on, struct error *e);

#endif
